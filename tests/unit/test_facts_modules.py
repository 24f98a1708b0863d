"""nodefix/facts/modules.py: kernel modules, of this kernel and of the next."""

from __future__ import annotations

import os

import pytest
from fakehost import KERNEL, Node, result
from netprobe import UNSHARE, Probe

from nodefix.facts.features import IPTABLES
from nodefix.facts.modules import NextKernel, State, read_modules
from nodefix.host.programs import Result

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
    return found.state, " and ".join(bar.where for bar in found.bars)


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
        # Only listed as a dependency, never as a file of its own.
        ("bridge", State.ABSENT),
        ("x_tables", State.ABSENT),
        # The beginning of a name is another name.
        ("xt_comm", State.ABSENT),
        ("xt", State.ABSENT),
    ],
)
def test_states(kernel: Node, name: str, expected: State) -> None:
    assert state(kernel, name) == (expected, "")


def test_kept_out_with_file_and_line(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/90-site.conf", "# ours\n\nblacklist xt-comment\n")
    assert state(kernel, "xt_comment") == (
        State.KEPT_OUT,
        "/etc/modprobe.d/90-site.conf line 3 (`blacklist xt-comment`)",
    )


def test_absent_comes_before_kept_out(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/a.conf", "blacklist xt_MASQUERADE\n")
    assert state(kernel, "xt_MASQUERADE") == (State.ABSENT, "")


def test_kept_out_says_nothing_about_a_loaded_one(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/a.conf", "blacklist xt_mark\nblacklist xt_addrtype\n")
    assert state(kernel, "xt_mark") == (State.LOADED, "")
    assert state(kernel, "xt_addrtype") == (State.BUILT_IN, "")


def test_what_a_module_needs_keeps_it_out(kernel: Node) -> None:
    kernel.file("/etc/modprobe.d/a.conf", "install x_tables /bin/false\n")
    assert state(kernel, "xt_comment") == (
        State.KEPT_OUT,
        "/etc/modprobe.d/a.conf line 1 (`install x_tables /bin/false`) for x_tables, which it"
        " needs",
    )
    # A blacklist does not apply to dependencies.
    kernel.file("/etc/modprobe.d/a.conf", "blacklist x_tables\n")
    assert state(kernel, "xt_comment") == (State.AVAILABLE, "")
    kernel.file("/etc/modprobe.d/a.conf", "install x_tables /bin/false\n")
    kernel.file("/proc/modules", "x_tables 1 0 - Live 0x0\n")
    assert state(kernel, "xt_comment") == (State.AVAILABLE, "")


def test_modprobe_d_that_cannot_be_read(kernel: Node) -> None:
    (kernel.root / "etc/modprobe.d").mkdir(parents=True)
    os.mkfifo(kernel.root / "etc/modprobe.d/a.conf")
    facts = read_modules(kernel.host, ("xt_comment",), ())
    assert facts.unreadable == (
        "/etc/modprobe.d/a.conf: found a named pipe, expected a regular file",
    )
    assert read_modules(kernel.host, ("xt_mark",), ()).unreadable == ()


@pytest.mark.parametrize("name", ["modules.dep", "modules.builtin"])
def test_an_index_that_cannot_be_read_is_no_absence(kernel: Node, name: str) -> None:
    (kernel.root / FOLDER[1:] / name).unlink()
    os.mkfifo(kernel.root / FOLDER[1:] / name)
    facts = read_modules(kernel.host, ("xt_comment", "xt_mark"), ())
    assert facts.modules["xt_comment"].state is State.UNKNOWN
    assert facts.modules["xt_comment"].why.endswith(
        f"{FOLDER}/{name}: cannot be read (found a named pipe, expected a regular file)"
    )
    assert facts.modules["xt_mark"].state is State.LOADED


def test_proc_modules_that_cannot_be_read(kernel: Node) -> None:
    (kernel.root / "proc/modules").unlink()
    os.mkfifo(kernel.root / "proc/modules")
    assert state(kernel, "xt_mark")[0] is State.UNKNOWN


def test_packages_and_locks_are_read_if_they_explain_something(kernel: Node) -> None:
    kernel.file("/proc/sys/kernel/modules_disabled", "1\n")
    facts = read_modules(kernel.host, ("xt_mark",), ())
    assert (facts.packages.names, facts.locks.disabled) == ((), False)
    facts = read_modules(kernel.host, ("xt_MASQUERADE",), ())
    assert facts.packages.names == (f"kernel-modules-extra-{KERNEL}",)
    assert facts.locks.disabled


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


def test_modules_are_read_after_the_probe_because_it_loads_some(kernel: Node) -> None:
    def load(argv: tuple[str, ...], stdin: bytes) -> Result:
        kernel.file("/proc/modules", "xt_comment 1 0 - Live 0x0\n")
        return result()

    kernel.programs.table[(UNSHARE,)] = load
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
    assert (facts.next.release, facts.next.missing) == (NEXT, ("nft_compat",))
    assert facts.next.packages.names == (f"kernel-modules-extra-{NEXT}",)


def test_no_other_kernel_boots_next(kernel: Node) -> None:
    kernel.file(f"/boot/loader/entries/x-{KERNEL}.conf", f"linux /vmlinuz-{KERNEL}\n")
    assert read_modules(kernel.host, ("xt_comment",), ()).next == NextKernel()


def test_a_next_kernel_whose_modules_cannot_be_read_is_no_answer(kernel: Node) -> None:
    next_boots(kernel, "kernel/xt_mark.ko.xz:\n")
    index = kernel.root / f"lib/modules/{NEXT}/modules.dep"
    index.unlink()
    assert read_modules(kernel.host, ("xt_comment",), ()).next == NextKernel()
    os.mkfifo(index)
    assert read_modules(kernel.host, ("xt_comment",), ()).next == NextKernel()
