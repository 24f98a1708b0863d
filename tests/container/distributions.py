"""The units of k3s, rke2, k0s and MicroShift, with the directives that these projects ship.

Sources: k3s install.sh; rke2 bundle/lib/systemd/system; k0s pkg/install/systemd_linux.go;
microshift packaging/systemd.
"""

from __future__ import annotations

_RANCHER = """\
[Unit]
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
"""
_MODPROBE = """\
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
"""
_RKE2 = """\
ExecCondition=/bin/sh -c 'if systemctl is-active --quiet {other}.service; then exit 1; fi'
{modprobe}ExecStart=/usr/local/bin/rke2 {role}
ExecStopPost=-/bin/sh -c "systemd-cgls /system.slice/%n | grep -Eo '[0-9]+ (containerd|kubelet)' \\
 | awk '{{print $1}}' | xargs -r kill"
"""
_K0S = """\
[Unit]
ConditionFileIsExecutable=/usr/local/bin/k0s
After=network-online.target
Wants=network-online.target

[Service]
StartLimitInterval=5
StartLimitBurst=10
ExecStart=/usr/local/bin/k0s {role}
RestartSec=10
Delegate=yes
KillMode=process
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
LimitNOFILE=1048576
Restart=always

[Install]
WantedBy=multi-user.target
"""
# Its pause is systemd's own, 100 ms, and so are the five starts in ten seconds.
_MICROSHIFT = """\
[Unit]
Wants=network-online.target crio.service openvswitch.service
After=network-online.target crio.service openvswitch.service
Before=kubepods.slice

[Service]
WorkingDirectory=/usr/bin/
ExecStart=microshift run
Restart=always
User=root
Type=notify
Delegate=yes
CPUAccounting=yes
MemoryAccounting=yes
LimitNOFILE=1048576
TimeoutStartSec=4m

[Install]
WantedBy=multi-user.target
"""
_K3S = f"""\
{_RANCHER}EnvironmentFile=-/etc/systemd/system/k3s.service.env
User=root
{_MODPROBE}ExecStart=/usr/local/bin/k3s \\
    server \\

"""
_K3S_AGENT = _K3S.replace("    server", "    agent").replace("k3s.service", "k3s-agent.service")
UNITS = {
    "k3s": _K3S,
    "k3s-agent": _K3S_AGENT,
    "rke2-server": _RANCHER + _RKE2.format(other="rke2-agent", modprobe=_MODPROBE, role="server"),
    "rke2-agent": _RANCHER + _RKE2.format(other="rke2-server", modprobe=_MODPROBE, role="agent"),
    "k0scontroller": _K0S.format(role="controller"),
    "k0sworker": _K0S.format(role="worker"),
    "microshift": _MICROSHIFT,
}

# systemd-notify speaks for the shell that calls it.
PROGRAM = """\
#!/bin/sh
[ -z "$NOTIFY_SOCKET" ] || systemd-notify --ready
exec sleep infinity
"""
