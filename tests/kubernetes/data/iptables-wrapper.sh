#!/bin/sh
# What kube-proxy's image has in place of iptables, with the logic of kubernetes-sigs/
# iptables-wrappers (internal/iptables/detect.go): the first call looks for kubelet's chains, binds
# all of iptables' names to the mode in which it found them, and calls iptables again.
hinted() {
    "/usr/sbin/xtables-$1-multi" "$2" ${3:+-t "$3"} 2>/dev/null |
        grep -Eq '^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY)'
}

mode=nft
if ! hinted nft iptables-save mangle && ! hinted nft ip6tables-save mangle; then
    if hinted legacy iptables-save || hinted legacy ip6tables-save; then
        mode=legacy
    fi
fi
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf "/usr/sbin/xtables-$mode-multi" "/usr/sbin/$name"
done
exec "$0" "$@"
