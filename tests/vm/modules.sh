# shellcheck shell=bash
# Functions for a scenario's script: one kind of damage to one kernel module, a run of nodefix, and
# the repair. What a run left behind comes back in a folder of its own.

TREE=/lib/modules/$(uname -r)
readonly TREE LINE=/etc/modprobe.d/site.conf TRIED=$PWD/../try KEPT=/root/kept
MODE=iptables

# What depmod made; it takes seconds here.
mkdir "$KEPT"
cp "$TREE"/modules.* "$KEPT"

# The oracle: what kube-proxy does with packets, by the tools that it uses. There is none on the node
# for ipvs's sets and servers, so their modules are loaded.
works() {
    case $MODE in
        nftables) unshare --net nft --file "$TRIED.nftables" ;;
        ipvs) xargs modprobe --all <"$TRIED.modules" && by_iptables "$TRIED.ipvs" ;;
        *) by_iptables "$TRIED.iptables" ;;
    esac && [[ -e /proc/sys/net/netfilter/nf_conntrack_max ]]
}

by_iptables() {
    unshare --net iptables-nft-restore --noflush <"$1" &&
        unshare --net ip6tables-nft-restore --noflush <"$1"
}

mode() {
    MODE=$1
    mkdir -p /etc/nodefix/nodefix.yaml.d
    printf 'kube_proxy: %s\n' "$MODE" >/etc/nodefix/nodefix.yaml.d/mode.yaml
}

# As after a boot: nothing of netfilter is loaded.
unload() {
    local modules
    # A run that finds a ready node broken hands over to the service, and the tries of a kubelet that
    # is held start it: it would load them again, and write a report of its own.
    systemctl stop kubelet.service nodefix.service
    nft flush ruleset 2>/dev/null || true
    for _ in $(seq 12); do
        mapfile -t modules < <(
            awk '$3 == 0 && $1 ~ /^(nf|xt|ip_|ipt_|ip6t_|x_tables|br|stp|llc|dummy|overlay)/ { print $1 }' \
                /proc/modules
        )
        ((${#modules[@]})) || return 0
        rmmod "${modules[@]}" 2>/dev/null || true
    done
    echo "still loaded: ${modules[*]}" >&2
    return 1
}

run() {
    local status=0
    mkdir "$1"
    nodefix run --stage modules >"$1/printed" 2>&1 || status=$?
    echo "$status" >"$1/status"
    cp /run/nodefix/report.json "$1"
    if works >"$1/oracle" 2>&1; then echo yes; else echo no; fi >"$1/works"
}

file_of() {
    find "$TREE/kernel" -name "$1.ko*"
}

absent() {
    local file
    unload
    file=$(file_of "$1")
    mv "$file" /root
    # As depmod leaves it, which takes its time here.
    grep -v "/${file##*/}:" "$KEPT/modules.dep" >"$TREE/modules.dep"
    run "$MODE-absent-$1"
    mv "/root/${file##*/}" "$file"
    cp "$KEPT"/modules.* "$TREE"
}

broken() {
    local file
    unload
    file=$(file_of "$1")
    cp "$file" /root
    truncate --size=-1024 "$file"
    run "$MODE-broken-$1"
    mv "/root/${file##*/}" "$file"
}

replaced() {
    unload
    printf '# by site policy\ninstall %s /bin/false\n' "$1" >"$LINE"
    run "$MODE-replaced-$1"
    rm "$LINE"
}

blacklisted() {
    unload
    printf '# by site policy\nblacklist %s\n' "$1" >"$LINE"
    run "$MODE-blacklisted-$1"
    rm "$LINE"
}

# A run with a network plugin's configuration, standard input, and sysctls as a hard boot has them.
plugin() {
    unload
    mkdir -p /etc/cni/net.d /etc/nodefix/nodefix.yaml.d
    cat >"/etc/cni/net.d/$1"
    echo 'sysctls: set' >/etc/nodefix/nodefix.yaml.d/set.yaml
    echo 0 >/proc/sys/net/ipv4/ip_forward
    modprobe br_netfilter
    echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
    run "$1"
    cat /proc/modules >"$1/loaded"
    cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables >"$1/sysctls"
    rm "/etc/cni/net.d/$1" /etc/nodefix/nodefix.yaml.d/set.yaml
}

# Which lines of modprobe.d, each with its \n and \t written out, keep modprobe itself from loading
# a module: one word for each line of standard input.
obeys() {
    local line
    while IFS= read -r line; do
        rm -f "$LINE"
        # With all that it needs and nobody else does.
        modprobe --remove "$1"
        printf '%b' "$line" >"$LINE"
        modprobe --quiet "$1" </dev/null >/dev/null 2>&1 || true
        if [[ -e /sys/module/$1 ]]; then echo loaded; else echo kept; fi
    done
    rm "$LINE"
}

# As kernel.modules_disabled=1 in sysctl.d does it, once and for this boot.
locked() {
    unload
    printf 'kernel.modules_disabled = 1\n' >/etc/sysctl.d/90-hard.conf
    echo 1 >/proc/sys/kernel/modules_disabled
    run locked
}
