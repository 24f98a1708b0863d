# shellcheck shell=bash
# Functions for the script of a machine on whose /srv the real programs are. What is to be seen is
# left in files of the working folder.

readonly ENDED='Main process exited, code=exited, status='

# proxy FILE SECONDS RELEASE: kube-proxy's words, until it ends by itself or for so many seconds.
proxy() {
    local status=0
    timeout "$2" "/srv/kube-proxy-$3" --config=/etc/kubernetes/kube-proxy.yaml \
        --hostname-override=node >"$1" 2>&1 || status=$?
    echo "$status" >"$1.ended"
}

api() {
    python3 /srv/apiserver.py serve >api 2>&1 &
    for _ in $(seq 100); do
        ! python3 /srv/apiserver.py services 2 >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    return 1
}

# Of the address, which answers "ok" once the program is up.
healthy() {
    python3 -c '
import sys, urllib.request
print(end=urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' "$1" 2>/dev/null
}

# without_nodefix RELEASE...
without_nodefix() {
    local release
    api
    for _ in $(seq 300); do
        journalctl -u kubelet -o cat >kubelet.said
        ! grep -q 'command failed.*swap' kubelet.said || ! grep -q "$ENDED" kubelet.said || break
        sleep 1
    done
    grep 'command failed' kubelet.said >swap
    # Of the tries that have ended: systemd itself knows the last one, which may still run.
    sed -n "s/.*$ENDED\\([0-9]*\\).*/\\1/p" kubelet.said | tail -n 1 >swap.ended
    # It has been seen, and its tries cost the others time.
    systemctl stop kubelet
    for release; do
        proxy "conntrack-$release" 240 "$release"
    done
    # As a firewall or a container runtime may have it: kube-proxy gets as far as iptables.
    modprobe nf_conntrack
    for release; do
        proxy "iptables-$release" 240 "$release"
    done
}

# with_nodefix RELEASE...
with_nodefix() {
    local release
    ended_report held.json
    systemctl is-active kubelet >held || true
    # What dnf does, and then the rest of what is told.
    mv /root/away/* "/lib/modules/$(uname -r)/kernel"
    depmod
    systemctl restart nodefix
    for _ in $(seq 300); do
        ! healthy http://127.0.0.1:10248/healthz >kubelet.healthz || break
        sleep 1
    done
    # It runs, and would take time from the other.
    systemctl stop kubelet containerd
    api
    for release; do
        rules_by "$release"
    done
}

# kube-proxy of a release until the rules of both families are there, written by itself.
rules_by() {
    local proxying tables
    for tables in iptables ip6tables; do
        "$tables" -t nat -F KUBE-SERVICES
    done
    proxy "proxy-$1" 300 "$1" &
    proxying=$!
    for _ in $(seq 240); do
        { iptables-save && ip6tables-save; } >"rules-$1"
        ! has_rules "rules-$1" || break
        sleep 1
    done
    pkill --full '^/srv/kube-proxy-' || true
    wait "$proxying" || true
}

has_rules() {
    grep -q -- '-A KUBE-SERVICES -d 10' "$1" && grep -q -- '-A KUBE-SERVICES -d fd' "$1"
}
