"""nodefix/facts/modules.py: kernel modules, of this kernel and of the next."""

from __future__ import annotations

import pytest
from fakehost import KERNEL, Node, result
from netprobe import UNSHARE, Probe

from nodefix.commands import Result
from nodefix.facts.modules import State, read_modules
from nodefix.facts.probe import IPTABLES

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
    found = read_modules(node.host, (name,), ()).modules[name]
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
    ("line", "expected"),
    [
        ("blacklist xt_comment", State.BLACKLISTED),
        ("  blacklist\txt-comment  ", State.BLACKLISTED),
        ("install xt_comment /bin/false", State.REPLACED),
        ("install xt-comment /usr/bin/true", State.REPLACED),
    ],
)
def test_kept_out_with_file_and_line(kernel: Node, line: str, expected: State) -> None:
    kernel.file("/etc/modprobe.d/90-site.conf", f"# ours\n\n{line}\n")
    where = f"/etc/modprobe.d/90-site.conf line 3 (`{line.strip()}`)"
    assert state(kernel, "xt_comment") == (expected, where)


def test_the_line_that_bars_even_modprobe_counts_more(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/a.conf", "blacklist xt_comment\ninstall xt_comment /bin/false\n")
    assert state(kernel, "xt_comment")[0] is State.REPLACED


def test_absent_comes_before_kept_out(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/a.conf", "blacklist xt_MASQUERADE\n")
    assert state(kernel, "xt_MASQUERADE") == (State.ABSENT, "")


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
    assert not read_modules(kernel.host, (), ()).conntrack
    kernel.file("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n")
    assert read_modules(kernel.host, (), ()).conntrack


def test_modules_are_read_after_the_probe_since_it_loads_some(kernel: Node) -> None:
    def load(argv: tuple[str, ...], stdin: bytes) -> Result:
        kernel.file("/proc/modules", "xt_comment 1 0 - Live 0x0\n")
        return result()

    kernel.commands.table[(UNSHARE,)] = load
    facts = read_modules(kernel.host, ("xt_comment",), IPTABLES)
    assert facts.modules["xt_comment"].state is State.LOADED
    assert facts.failures == ()


NEXT = "6.12.0-124.8.1.el10_1.x86_64"


def next_boots(node: Node, dependencies: str, built_in: str = "") -> None:
    """Let a newer kernel with these modules boot next."""
    node.file(f"/boot/loader/entries/x-{KERNEL}.conf", f"linux /vmlinuz-{KERNEL}\n")
    node.file(f"/boot/loader/entries/x-{NEXT}.conf", f"linux /vmlinuz-{NEXT}\n")
    node.file(f"/lib/modules/{NEXT}/modules.dep", dependencies)
    node.file(f"/lib/modules/{NEXT}/modules.builtin", built_in)


def test_modules_that_the_next_kernel_has_not(kernel: Node) -> None:
    names = ("nft_compat", "xt_comment", "xt_addrtype", "xt_MASQUERADE")
    next_boots(kernel, "kernel/xt_addrtype.ko.xz:\n", "kernel/xt_comment.ko\n")
    facts = read_modules(kernel.host, names, ())
    assert (facts.next_kernel, facts.next_missing) == (NEXT, ("nft_compat",))


def test_no_other_kernel_boots_next(kernel: Node) -> None:
    kernel.file(f"/boot/loader/entries/x-{KERNEL}.conf", f"linux /vmlinuz-{KERNEL}\n")
    facts = read_modules(kernel.host, ("xt_comment",), ())
    assert (facts.next_kernel, facts.next_missing) == ("", ())
