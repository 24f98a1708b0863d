"""What `sos report` collects of nodefix; packaging/sos/plugin puts it where sos looks."""

from sos.report.plugins import DebianPlugin, Plugin, RedHatPlugin


class Nodefix(Plugin, RedHatPlugin, DebianPlugin):
    """Settings, the last run, what the node looks like now, and the journal."""

    short_desc = "nodefix, which prepares a node for kubelet"
    plugin_name = "nodefix"
    profiles = ("container", "system")
    packages = ("nodefix",)
    files = ("/usr/bin/nodefix", "/run/nodefix/report.json")

    def setup(self) -> None:
        """Say what is to be collected."""
        # What stood in fstab before: it may have passwords of network shares. Their names will do.
        self.add_forbidden_path(["/var/lib/nodefix/backup", "/var/lib/nodefix/undo"])
        self.add_copy_spec(
            [
                "/etc/nodefix",
                "/etc/tmpfiles.d/nodefix.conf",
                "/run/motd.d/nodefix",
                "/run/nodefix",
                "/usr/lib/nodefix/nodefix.yaml",
                "/usr/lib/nodefix/nodefix.yaml.d",
                "/var/lib/nodefix/*.json",
            ]
        )
        self.add_cmd_output(
            [
                "ls -lanR /var/lib/nodefix /run/nodefix",
                "nodefix check",
                "nodefix config show",
                "nodefix history",
                "nodefix status --long",
                "systemctl cat nodefix.service kubelet.service",
            ],
            timeout=120,
        )
        self.add_journal(units=["nodefix", "nodefix-watch", "nodefix-chains*"])
        # What its gate says in the journal of whatever unit it holds.
        self.add_journal(identifier="nodefix")
