"""The words that nodefix is made of: paths, units, stages, modes, outcomes, exit statuses.

Nothing is imported here, so that `nodefix wait`, packaging/try and the tests can use it too.
"""

from __future__ import annotations

# Paths, relative to the node's root.
FOLDER = "run/nodefix"
MARKER = f"{FOLDER}/ready"
REPORT = f"{FOLDER}/report.json"
# The report in short, as KEY=value.
STATE_FILE = f"{FOLDER}/state"
LOCK = f"{FOLDER}/lock"
# What the gate told a unit last, of which its name is the end, and a run that ran no stage, so that
# the same again is one line.
TOLD_BY_WAIT = f"{FOLDER}/told-by-wait"
TOLD_BY_RUN = f"{FOLDER}/told-by-run"
# A restart of kube-proxy that a run found due and that has not come about.
RESTART_DUE = f"{FOLDER}/kube-proxy-restart-due"
# Held by whoever restarts it: the run lock is let go meanwhile.
RESTART_LOCK = f"{FOLDER}/kube-proxy-restart-lock"
# The events that `nodefix check --report-node` has set in this boot.
EVENTS = f"{FOLDER}/events.json"
STATE = "var/lib/nodefix"
BACKUPS = f"{STATE}/backup"
UNDO = f"{STATE}/undo"
# Which stages had to repair something at this boot, and at how many before it.
REPAIRED = f"{STATE}/repaired.json"
# The path of the file that the metrics were written to last, on one line; the RPM's scriptlets read
# it, too.
METRICS_PLACE = f"{STATE}/metrics-file"
# What that file begins with.
METRICS_HEAD = b"# HELP nodefix_info "
# What people see when they log in; pam_motd(8).
MOTD = "run/motd.d/nodefix"
# kube-proxy's mode as it was seen, for the next boot.
LEARNED_MODE = f"{STATE}/kube-proxy-mode.json"
# Settings: an admin's win over those of this boot, and these over a vendor's.
SETTINGS_FOLDERS = ("etc/nodefix", "run/nodefix", "usr/lib/nodefix")
SETTINGS = "nodefix.yaml"
SETTINGS_FILE = f"etc/nodefix/{SETTINGS}"
DROP_INS = f"{SETTINGS}.d"
BOOT_ID = "proc/sys/kernel/random/boot_id"
SWAPS = "proc/swaps"
# ostree makes it at the boot of each system that it deployed.
OSTREE_BOOTED = "run/ostree-booted"

# The two ways to switch nodefix off: a file, and a word on the kernel's command line. systemd's
# conditions look at the second file in containers, where the first is the host's.
SWITCH = "etc/nodefix/disabled"
SWITCH_ARGUMENT = "nodefix=off"
CMDLINES = ("proc/cmdline", "proc/1/cmdline")

UNIT = "nodefix.service"
CHAINS_UNIT = "nodefix-chains.service"
WATCH_UNIT = "nodefix-watch.service"
# One for each firewall, named after it.
CHAINS_INSTANCE = "nodefix-chains@{}.service"
# The services that bring up a kubelet: each is ordered after nodefix and held by a drop-in, which
# packaging/render makes. People call a unit what stands before its suffix.
KUBELET = "kubelet.service"
# With a kubelet of their own.
EMBEDDED_KUBELETS = (
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "k0scontroller.service",
    "k0sworker.service",
    "microshift.service",
)
KUBELET_UNITS = (KUBELET, *EMBEDDED_KUBELETS)
DROP_IN = "20-nodefix.conf"
# A start of MicroShift that fails is one too many: it is tried again after 100 ms, systemd gives up
# after five of those, and an OnFailure= of its guide recovers its data from a backup. So it is held
# within one start, for so many seconds: less than its TimeoutStartSec=4m.
# Source: openshift/microshift packaging/systemd/microshift.service and docs/user/autorecovery.md.
HELD_WITHIN_A_START = {"microshift.service": 200}
# Where units of the system lie, the folder that wins first (systemd.unit(5)).
UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
)
# Services that write packet filter rules at their start and wipe what was there.
FIREWALLS = ("firewalld.service", "nftables.service", "iptables.service", "ip6tables.service")

STAGE_NAMES = ("swap", "modules", "alternatives", "chains", "lockfile")

# kube-proxy's modes; none for a cluster without it. As a setting there is also AUTO: look for it.
AUTO, IPTABLES = "auto", "iptables"
PROXY_MODES = (IPTABLES, "nftables", "ipvs", "none")

# What the report calls the restart of kube-proxy after a run.
KUBE_PROXY = "kube-proxy"

# A stage's mode: a failure holds kubelet, a failure degrades, the stage is not run.
REQUIRED, WANTED, SKIP = "required", "wanted", "skip"
MODES = (REQUIRED, WANTED, SKIP)

# Outcomes of a stage. Prepared: what it made is missing at the beginning of every boot; changed:
# it mended what a boot should not have had to mend.
UNCHANGED, PREPARED, CHANGED, SKIPPED = "unchanged", "prepared", "changed", "skipped"
DEGRADED, FAILED = "degraded", "failed"
# A stage that --stage left out and that has not run since boot.
NOT_RUN = "not run"
# Outcomes of a run, beside DEGRADED, FAILED and SKIPPED (the system is out of scope).
RUNNING, READY = "running", "ready"

# What `nodefix status` says of a boot, beside READY, DEGRADED, FAILED and RUNNING. Aborted: the run
# was killed, or could not go on.
NOT_STARTED, ABORTED = "not started", "aborted"
SWITCHED_OFF, OUT_OF_SCOPE = "switched off", "out of scope"

# What a rollback comes to, and each of the things that it looks at, beside FAILED: as it was;
# already so; left, since somebody has changed it since; kept until the next boot, since it is used.
RESTORED, ALREADY, LEFT, KEPT = "restored", "already", "left", "kept"

# Exit statuses. The last two are EX_USAGE and EX_NOPERM of sysexits.h.
EXIT_DONE, EXIT_FAILED, EXIT_DEGRADED, EXIT_WOULD_CHANGE = 0, 1, 2, 3
# Of a rollback: something was left.
EXIT_LEFT = 2
# Of `nodefix collect`: something is missing in the archive.
EXIT_LACKING = 2
EXIT_USAGE, EXIT_NOT_ROOT = 64, 77
# Of `nodefix status`, where 3 would change nothing.
EXIT_NOT_FINISHED = 3
# Of `nodefix check`, beside EXIT_DONE and EXIT_FAILED: there is advice only; it could not be told.
EXIT_ADVICE, EXIT_UNKNOWN = 2, 3
# All is well, but that could not be told to the cluster.
EXIT_NOT_REPORTED = 4
