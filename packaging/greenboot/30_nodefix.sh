#!/bin/bash
# A required check of greenboot: a node whose kubelet nodefix holds is no good boot.
#
# Its number is below that of MicroShift's check, 40: that fails where nodefix holds MicroShift, and
# greenboot skips what comes after a check that failed, so that nobody would hear why.
# A failed run is tried again by itself, and may then succeed; so this waits for as long as
# NODEFIX_WAIT_TIMEOUT_SEC of greenboot.conf says, 600 seconds if it says nothing.
#
# Source: greenboot usr/libexec/greenboot/greenboot, script_runner().

set -u

NODEFIX=/usr/bin/nodefix
CONFIGURATION=/etc/greenboot/greenboot.conf
# Seconds; the last is the longest that nodefix takes.
DEFAULT=600
PAUSE=5
MOST=86400

# Read and not run: greenboot's newer versions take it for a list of settings, too.
seconds=$(sed -n 's/^[[:space:]]*NODEFIX_WAIT_TIMEOUT_SEC="\{0,1\}\([0-9]\{1,9\}\)"\{0,1\}[[:space:]]*$/\1/p' \
    "$CONFIGURATION" 2>/dev/null | tail -n 1)
seconds=$((10#${seconds:-$DEFAULT}))
((seconds <= MOST)) || seconds=$MOST

end=$((SECONDS + seconds))
while :; do
    left=$((end > SECONDS ? end - SECONDS : 0))
    said=$(timeout --kill-after=10 $((left + 60)) "$NODEFIX" status --wait --timeout "$left" 2>&1)
    status=$?
    case $status in
        0 | 2) break ;;
        # Failed, or nothing has ended.
        1 | 3) ((left > PAUSE)) || break ;;
        *) break ;;
    esac
    sleep "$PAUSE"
done

printf '%s\n' "$said"
case $status in
    0) exit 0 ;;
    2)
        echo "nodefix: this node is degraded, which is no reason to go back: kubelet may start"
        exit 0
        ;;
    1) ;;
    *)
        # What is not known is no failure: the gate decides, which kubelet asks as well.
        if said=$(timeout --kill-after=10 60 "$NODEFIX" wait --timeout 0 2>&1); then
            echo "nodefix: status could not tell ($status), but kubelet may start"
            exit 0
        fi
        printf '%s\n' "$said"
        ;;
esac
echo "nodefix: kubelet is held after $seconds s, so this boot is not good; see: nodefix status --long"
exit 1
