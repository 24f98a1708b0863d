#!/usr/bin/env bash
# Before each timed run of "first": forget.sh empty|busy takes away what a repair has made.
set -euo pipefail

if [[ $1 == empty ]]; then
    exec nft flush ruleset
fi
# The services stay; the rest goes as far as it is there, and an error says that it is not.
for table in "ip filter" "ip mangle" "ip6 nat" "ip6 filter" "ip6 mangle"; do
    read -r family name <<<"$table"
    nft delete table "$family" "$name" 2>/dev/null || :
done
for chain in PREROUTING OUTPUT POSTROUTING; do
    nft flush chain ip nat "$chain" 2>/dev/null || :
done
for chain in KUBE-POSTROUTING KUBE-FIREWALL KUBE-MARK-MASQ; do
    nft delete chain ip nat "$chain" 2>/dev/null || :
done
