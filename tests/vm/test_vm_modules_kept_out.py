"""What keeps kernel modules out, by the kernel's and modprobe's own doing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from testnode.qemu import Boot, Ran, Scenario

from nodefix.facts.modprobe import Way, read_modprobe_rules
from nodefix.host.node import Host
from nodefix.host.programs import Programs
from nodefix.host.systemd import Systemd

MODULE = "br_netfilter"
# Lines of modprobe.d as bash's `printf %b` takes them.
LINES = (
    "",
    r"blacklist br_netfilter\n",
    r"install br_netfilter \\\n  /bin/false\n",
    r'install br_netfilter /bin/sh -c "exit 1"\n',
    r"install br-netfilter false\n",
    r"install br_netfilter :\n",
    r"install br_netfilter echo no >/dev/null\n",
    r"install br_netfilter logger no; /bin/false\n",
    r"install br_net* /bin/false\n",
    r"install br[_-]netf?lter /bin/true\n",
    r"install br_netfilter /bin/false # by policy\n",
    r"\tinstall\tbr_netfilter\t/bin/false\n",
    r"#install br_netfilter \\\n  /bin/false\n",
    r" # install br_netfilter /bin/false\n",
    r"install br_netfilter\n",
    r"install br_netfilter /sbin/modprobe --ignore-install br_netfilter\n",
    r"install br_net* /sbin/modprobe -i br_netfilter\ninstall br_netfilter /bin/false\n",
    r"install bridge /bin/false\n",
    r"blacklist bridge\n",
    r"alias br_netfilter off\n",
    r"alias br-netfilter br_netfilter\n",
    r"install br_netfilter /bin/false\r\n",
)

_LISTED = "".join(f"{line}\n" for line in LINES)
# Network plugins' configurations; the kernel refuses ip_set, which Calico needs.
PLUGINS = {
    "10-calico.conflist": '{"name": "k8s-pod-network", "plugins": [{"type": "calico"}]}',
    "10-flannel.conflist": '{"name": "cbr0", "plugins": [{"type": "flannel"}]}',
}
FUNCTIONS = (Path(__file__).with_name("modules.sh")).read_text()
KEPT_OUT = Scenario(
    "modules-command-line",
    boots=(
        Boot(
            arguments=("module_blacklist=ip_set,xt_statistic", "modprobe.blacklist=xt_comment"),
            script=f"{FUNCTIONS}ended_report report.json\n: >../try.iptables\n"
            f"cat >../lines <<'END'\n{_LISTED}END\n"
            f"unload\nobeys {MODULE} <../lines >obeyed\n"
            + "".join(f"plugin {name} <<<'{content}'\n" for name, content in PLUGINS.items())
            + "locked\n",
            seconds=360,
        ),
    ),
    collect=("/run/nodefix",),
)

machine = pytest.mark.parametrize("ran", [KEPT_OUT], indirect=True, ids=["machine"])


def _problems(ran: Ran, report: str) -> list[dict[str, Any]]:
    stages = json.loads(ran.boots[0].script(report))["stages"]
    (stage,) = (stage for stage in stages if stage["stage"] == "modules")
    found: list[dict[str, Any]] = stage["problems"]
    return found


@machine
def test_words_of_the_kernels_command_line_are_named(ran: Ran) -> None:
    told = {problem["message"].split(":")[0]: problem for problem in _problems(ran, "report.json")}
    refused, listed = told["kernel module xt_statistic"], told["kernel module xt_comment"]
    assert "refused by the kernel by `module_blacklist=ip_set,xt_statistic`" in refused["message"]
    assert refused["hint"] == (
        "grubby --update-kernel=ALL --remove-args=module_blacklist=ip_set,xt_statistic"
        " --args=module_blacklist=ip_set && systemctl reboot"
    )
    assert "blacklisted by `modprobe.blacklist=xt_comment`" in listed["message"]
    assert refused["required"]
    assert listed["required"]


@machine
def test_modprobe_obeys_as_nodefix_thinks(ran: Ran, tmp_path: Path) -> None:
    host = Host(tmp_path, Programs(), Systemd())
    file = tmp_path / "etc/modprobe.d/site.conf"
    file.parent.mkdir(parents=True)
    expected = []
    for line in LINES:
        file.write_text(line.encode().decode("unicode_escape"), newline="")
        rules = read_modprobe_rules(host)
        needed = [bar for bar in rules.bars("bridge") if bar.way is Way.REPLACED]
        bars = [bar for bar in rules.bars(MODULE) if bar.way is not Way.BLACKLISTED]
        expected.append((line, "kept" if bars or needed else "loaded"))
    obeyed = ran.boots[0].script("obeyed").split()
    assert list(zip(LINES, obeyed, strict=True)) == expected


@machine
def test_modules_disabled_is_named(ran: Ran) -> None:
    said = json.dumps(_problems(ran, "locked/report.json"))
    assert "kernel.modules_disabled set to 1 by /etc/sysctl.d/90-hard.conf line 1" in said
    assert "/etc/modules-load.d/kubernetes.conf && systemctl reboot" in said


@machine
def test_what_the_network_plugin_needs_is_loaded_or_named(ran: Ran) -> None:
    problems = _problems(ran, "10-calico.conflist/report.json")
    told = {problem["message"].split(":")[0]: problem for problem in problems}
    refused = told["kernel module ip_set"]
    assert "refused by the kernel by `module_blacklist=ip_set,xt_statistic`" in refused["message"]
    assert "needed by Calico, by /etc/cni/net.d/10-calico.conflist" in refused["message"]
    assert not refused["required"]
    loaded = ran.boots[0].script("10-calico.conflist/loaded")
    assert "\nxt_multiport " in f"\n{loaded}"
    assert "\nip_set " not in f"\n{loaded}"
    assert "calico" not in json.dumps(_problems(ran, "10-flannel.conflist/report.json")).lower()


@machine
def test_sysctls_that_the_network_needs_are_set(ran: Ran) -> None:
    assert ran.boots[0].script("10-flannel.conflist/sysctls").split() == ["1", "1"]
    # Nobody is known to need the bridge's.
    assert ran.boots[0].script("10-calico.conflist/sysctls").split() == ["1", "0"]
