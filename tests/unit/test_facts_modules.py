"""nodefix/facts/modules.py: kernel modules, and whether rules such as kube-proxy's work."""

from __future__ import annotations

import pytest
from fakehost import KERNEL, Node, result
from netprobe import RESTORE4, RESTORE6, UNSHARE, Probe

from nodefix.commands import Result
from nodefix.errors import CommandError, DeadlineError
from nodefix.facts.modules import FEATURES, State, probe, read_modules

FOLDER = f"/lib/modules/{KERNEL}"


@pytest.fixture
def kernel(node: Node) -> Node:
    """A node whose probe passes and which has modules of every kind."""
    Probe(node)
    node.file("/proc/modules", "xt_mark 16384 2 - Live 0x0\nnf_nat 61440 1 xt_nat, Live 0x0\n")
    node.file(f"{FOLDER}/modules.builtin", "kernel/net/netfilter/xt_addrtype.ko\n")
    node.file(
        f"{FOLDER}/modules.dep",
        "kernel/net/netfilter/xt_comment.ko.xz: kernel/net/netfilter/x_tables.ko.xz\n"
        "kernel/net/netfilter/xt-dashed.ko.zst:\n"
        "kernel/net/bridge/br_netfilter.ko: kernel/net/bridge/bridge.ko\n"
        "extra/nft_compat.ko.gz:\n",
    )
    return node


def state(node: Node, name: str) -> tuple[State, str]:
    found = read_modules(node.host, (name,)).modules[name]
    assert found.name == name
    return found.state, found.where


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xt_mark", State.LOADED),
        ("nf_nat", State.LOADED),
        ("xt_addrtype", State.BUILT_IN),
        ("xt_comment", State.AVAILABLE),
        ("xt_dashed", State.AVAILABLE),
        ("br_netfilter", State.AVAILABLE),
        ("nft_compat", State.AVAILABLE),
        ("xt_MASQUERADE", State.ABSENT),
        # Only as somebody's dependency, never as a file of its own.
        ("bridge", State.ABSENT),
        ("x_tables", State.ABSENT),
        # The beginning of a name is another name.
        ("xt_comm", State.ABSENT),
        ("xt", State.ABSENT),
    ],
)
def test_states(kernel: Node, name: str, expected: State) -> None:
    assert state(kernel, name) == (expected, "")


@pytest.mark.parametrize(
    "line",
    [
        "blacklist xt_comment",
        "  blacklist\txt-comment  ",
        "install xt_comment /bin/false",
        "install xt-comment /usr/bin/true",
    ],
)
def test_kept_out_with_file_and_line(kernel: Node, line: str) -> None:
    kernel.file("/etc/modprobe.d/90-site.conf", f"# ours\n\n{line}\n")
    assert state(kernel, "xt_comment") == (
        State.BLACKLISTED,
        f"/etc/modprobe.d/90-site.conf line 3 (`{line.strip()}`)",
    )


@pytest.mark.parametrize(
    "line",
    [
        "# blacklist xt_comment",
        "blacklist",
        "blacklist xt_comment_other",
        "install xt_comment /usr/sbin/modprobe --ignore-install xt_comment",
        "install xt_comment",
        "options xt_comment debug=1",
        "alias xt_comment off",
    ],
)
def test_not_kept_out(kernel: Node, line: str) -> None:
    kernel.file("/etc/modprobe.d/90-site.conf", f"{line}\n")
    assert state(kernel, "xt_comment") == (State.AVAILABLE, "")


def test_kept_out_says_nothing_about_a_loaded_one(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/a.conf", "blacklist xt_mark\nblacklist xt_addrtype\n")
    assert state(kernel, "xt_mark") == (State.LOADED, "")
    assert state(kernel, "xt_addrtype") == (State.BUILT_IN, "")


def test_a_file_hides_those_of_its_name_in_later_folders(kernel: Node) -> None:
    kernel.file("/lib/modprobe.d/net.conf", "blacklist xt_comment\n")
    assert state(kernel, "xt_comment")[0] is State.BLACKLISTED
    kernel.file("/run/modprobe.d/net.conf", "")
    assert state(kernel, "xt_comment")[0] is State.AVAILABLE


def test_files_of_other_kinds_do_not_count(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/net.conf.rpmsave", "blacklist xt_comment\n")
    kernel.file("/etc/modprobe.d/odd.conf", b"\xff\xfe\0 blacklist\n")
    assert state(kernel, "xt_comment")[0] is State.AVAILABLE


def test_kernel_without_modules_has_it_built_in(node: Node) -> None:
    Probe(node)
    assert state(node, "xt_comment") == (State.BUILT_IN, "")


def test_no_folder_for_the_running_kernel(node: Node) -> None:
    Probe(node)
    node.file("/proc/modules", "ext4 1 1 - Live 0x0\n")
    node.file("/lib/modules/6.12.0-1.el10.x86_64/modules.dep", "kernel/xt_comment.ko.xz:\n")
    assert state(node, "xt_comment") == (State.ABSENT, "")


def test_conntrack_max(kernel: Node) -> None:
    assert not read_modules(kernel.host, ()).conntrack
    kernel.file("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n")
    assert read_modules(kernel.host, ()).conntrack


def test_modules_are_read_after_the_probe_since_it_loads_some(kernel: Node) -> None:
    def load(argv: tuple[str, ...], stdin: bytes) -> Result:
        kernel.file("/proc/modules", "xt_comment 1 0 - Live 0x0\n")
        return result()

    kernel.commands.table[(UNSHARE,)] = load
    assert state(kernel, "xt_comment") == (State.LOADED, "")


def test_passing_probe_costs_one_call_a_family(kernel: Node) -> None:
    assert probe(kernel.host) == ()
    assert [argv[3] for argv in kernel.commands.calls] == [RESTORE4, RESTORE6]


def test_probe_runs_in_a_network_namespace_of_its_own(kernel: Node) -> None:
    probe(kernel.host)
    for argv in kernel.commands.calls:
        assert argv[:3] == (UNSHARE, "--net", "--")
        assert argv[4:] == ("--noflush",)


def test_probe_uses_what_kube_proxy_uses(node: Node) -> None:
    tried = Probe(node)
    probe(node.host)
    four, six = tried.scripts
    assert four == (
        "*nat\n"
        '-A PREROUTING -m comment --comment "nodefix probe"\n'
        "-A PREROUTING -m addrtype --dst-type LOCAL\n"
        "-A PREROUTING -m statistic --mode random --probability .5\n"
        "-A PREROUTING -j MARK --or-mark 0x4000\n"
        "-A POSTROUTING -j MASQUERADE --random-fully\n"
        "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80\n"
        "COMMIT\n"
        "*filter\n"
        "-A FORWARD -m conntrack --ctstate NEW\n"
        "COMMIT\n"
    )
    assert six == four.replace("192.0.2.1:80", "[2001:db8::1]:80")


def test_each_feature_that_fails_is_named_for_each_family(node: Node) -> None:
    Probe(node, broken={"comment", "MASQUERADE"}, only="IPv6")
    assert [(failure.family, failure.feature.name) for failure in probe(node.host)] == [
        ("IPv6", "comment"),
        ("IPv6", "MASQUERADE"),
    ]


def test_everything_broken(node: Node) -> None:
    Probe(node, broken={feature.name for feature in FEATURES})
    failures = probe(node.host)
    assert len(failures) == 2 * len(FEATURES)
    assert "missing kernel module?" in failures[0].words


def test_no_ipv6_no_probe_of_it(node: Node) -> None:
    (node.root / "proc/net/if_inet6").unlink()
    tried = Probe(node, broken={"comment"})
    assert {failure.family for failure in probe(node.host)} == {"IPv4"}
    assert len(tried.scripts) == 1 + len(FEATURES)


def test_tools_missing(node: Node) -> None:
    Probe(node)
    (node.root / RESTORE4[1:]).unlink()
    with pytest.raises(CommandError, match=f"{RESTORE4}: found no such program") as caught:
        probe(node.host)
    assert caught.value.hint == "dnf install iptables-nft"


def test_probe_that_hangs_is_not_taken_for_broken_rules(node: Node) -> None:
    Probe(node)
    node.commands.table[(UNSHARE,)] = DeadlineError("the probe did not end")
    with pytest.raises(DeadlineError):
        probe(node.host)
