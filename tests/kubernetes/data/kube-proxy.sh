#!/bin/bash
# Starts kube-proxy as its image does in a container: kube-proxy.sh PROGRAM MODE
# It has a root of its own, in which iptables was never called yet, and the node's network. The mode
# "cleanup" has it take its rules away and end.
set -euo pipefail
readonly program=$1 mode=$2
readonly HERE=/run/kube-proxy ROOT=/run/kube-proxy/root
if ! mountpoint -q $ROOT; then
    mkdir -p $HERE/upper $HERE/work $ROOT $HERE/etc
    mount -t overlay -o lowerdir=/srv/image,upperdir=$HERE/upper,workdir=$HERE/work image $ROOT
    install -m 755 /srv/data/iptables-wrapper.sh $ROOT/usr/sbin/iptables-wrapper
fi
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf iptables-wrapper "$ROOT/usr/sbin/$name"
done

cat >$HERE/etc/kubeconfig <<'CONFIG'
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:8001"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
users: [{name: u, user: {}}]
CONFIG
cat >$HERE/etc/config.yaml <<CONFIG
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: /etc/kube-proxy/kubeconfig, contentType: application/json}
conntrack: {maxPerCore: 0, min: 0}
nodePortAddresses: [primary]
mode: $mode
iptables: {minSyncPeriod: 100ms}
nftables: {minSyncPeriod: 100ms}
clusterCIDR: "10.128.0.0/9,fd00::/16"
CONFIG

run() {
    local -a binds=(
        "BindPaths=/proc /sys /dev /run/xtables.lock $HERE/etc:/etc/kube-proxy"
        "BindReadOnlyPaths=$program:/usr/local/bin/kube-proxy"
    )
    systemd-run --quiet --collect --property="RootDirectory=$ROOT" "${binds[@]/#/--property=}" "$@"
}

if [[ $mode == cleanup ]]; then
    run --wait --pipe /usr/local/bin/kube-proxy --cleanup
else
    run --unit=kube-proxy --property=Type=exec --property=Restart=always --property=RestartSec=1 \
        /usr/local/bin/kube-proxy --config=/etc/kube-proxy/config.yaml --hostname-override=node
fi
