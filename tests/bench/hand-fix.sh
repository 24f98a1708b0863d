#!/usr/bin/env bash
# The hand fix as one shell script: the lightest peer that `nodefix run` is measured against. It
# does what people type on a broken node, with its known faults: it is not for use.
set -euo pipefail

# Swap is the kernel's, not a container's: where there is any, this is the wrong place to measure.
mapfile -t swaps </proc/swaps
if ((${#swaps[@]} > 1)); then
    echo "hand-fix.sh: found swap in use, expected a /proc/swaps without any; not touched" >&2
    exit 1
fi
swapoff --all

chains=(
    nat/KUBE-SERVICES nat/KUBE-POSTROUTING nat/KUBE-FIREWALL nat/KUBE-MARK-MASQ
    filter/KUBE-FORWARD filter/KUBE-SERVICES
)
for chain in "${chains[@]}"; do
    iptables -t "${chain%/*}" -N "${chain#*/}" 2>/dev/null || :
done

jumps=(
    "nat PREROUTING KUBE-SERVICES" "nat OUTPUT KUBE-SERVICES"
    "nat POSTROUTING KUBE-POSTROUTING" "filter FORWARD KUBE-FORWARD"
)
for jump in "${jumps[@]}"; do
    read -r table from to <<<"$jump"
    if ! iptables -t "$table" -C "$from" -j "$to" 2>/dev/null; then
        iptables -t "$table" -A "$from" -j "$to"
    fi
done

for family in iptables ip6tables; do
    update-alternatives --set "$family" "/usr/sbin/$family-nft" >/dev/null
done
touch /run/xtables.lock
