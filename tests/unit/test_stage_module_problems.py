"""nodefix/stages/module_problems.py: modules that are on disk and cannot be loaded."""

from __future__ import annotations

import os

import pytest
from fakehost import KERNEL, Node, planned, repair, result
from fakekernel import ALL, FOLDER, MODPROBE, Kernel
from netprobe import UNSHARE

from nodefix.config import Config
from nodefix.facts.features import IPTABLES
from nodefix.plan import Problem
from nodefix.stages import modules

FILE = "/etc/modprobe.d/cis.conf"
AGAIN = "systemctl restart nodefix"


def without(node: Node, *names: str) -> Kernel:
    """A node on which these are on disk and not loaded."""
    return Kernel(node, set(ALL) - set(names), set(ALL))


def the_problem(node: Node) -> Problem:
    """The one problem that a repair leaves; modprobe was not run for it."""
    left = repair(modules, node)
    assert left.changes == ()
    (problem,) = left.problems
    assert not any(argv[0] == MODPROBE for argv in node.programs.calls)
    return problem


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("install xt_comment /bin/false", "replaced by a command that does not load it"),
        ("install xt_* false", "replaced by a command that does not load it"),
        ("blacklist xt_comment", "blacklisted"),
        ("alias xt_comment off", "aliased to another module"),
    ],
)
def test_a_line_is_named_with_the_way_to_undo_it(node: Node, line: str, words: str) -> None:
    without(node, "xt_comment")
    node.file(FILE, f"{line}\n")
    problem = the_problem(node)
    assert problem.required
    assert problem.code == "module-kept-out"
    assert f"kernel module xt_comment: found {words} by {FILE} line 1 (`{line}`)" in (
        problem.message
    )
    assert problem.hint == f"sed -i '1s/^/#/' {FILE} && modprobe xt_comment && {AGAIN}"


def test_several_lines_are_undone_together(node: Node) -> None:
    without(node, "xt_comment")
    node.file(FILE, "blacklist xt_comment\ninstall xt_comment :\n")
    problem = the_problem(node)
    assert f"{FILE} line 2 (`install xt_comment :`) and blacklisted by {FILE} line 1" in (
        problem.message
    )
    assert problem.hint.startswith(
        f"sed -i '2s/^/#/' {FILE} && sed -i '1s/^/#/' {FILE} && modprobe"
    )


def test_the_kernels_own_blacklist_needs_a_reboot(node: Node) -> None:
    without(node, "xt_comment")
    node.file("/proc/cmdline", "module_blacklist=xt_comment\n")
    problem = the_problem(node)
    assert "refused by the kernel by `module_blacklist=xt_comment` on the kernel's" in (
        problem.message
    )
    assert problem.hint == (
        "grubby --update-kernel=ALL --remove-args=module_blacklist=xt_comment && systemctl reboot"
    )


def test_modprobes_blacklist_on_the_kernels_command_line_needs_none(node: Node) -> None:
    without(node, "br_netfilter")
    node.file("/proc/cmdline", "modprobe.blacklist=br_netfilter\n")
    problem = the_problem(node)
    assert not problem.required
    assert problem.hint == (
        "grubby --update-kernel=ALL --remove-args=modprobe.blacklist=br_netfilter"
        f" && modprobe br_netfilter && {AGAIN}"
    )


def test_an_admins_command_is_tried_and_named(node: Node) -> None:
    without(node, "xt_comment")
    line = "install xt_comment /usr/local/sbin/load"
    node.file(FILE, f"{line}\n")
    node.programs.table[(MODPROBE,)] = result(0)
    (change,) = repair(modules, node).changes
    assert change.found == f"not loaded, which is left to {FILE} line 1 (`{line}`)"
    assert change.hint == f"modprobe --ignore-install xt_comment && {AGAIN}"


def test_modules_disabled(node: Node) -> None:
    without(node, "xt_comment", "br_netfilter")
    node.file("/proc/sys/kernel/modules_disabled", "1\n")
    node.file("/etc/sysctl.d/hard.conf", "kernel.modules_disabled=1\n")
    problem = the_problem(node)
    assert problem.required
    assert problem.code == "modules-disabled"
    assert problem.message.startswith(
        "kernel modules xt_comment, br_netfilter: found not loaded, with kernel.modules_disabled"
        " set to 1 by /etc/sysctl.d/hard.conf line 1 (`kernel.modules_disabled=1`)"
    )
    assert problem.hint == (
        r"printf '%s\n' xt_comment br_netfilter >>/etc/modules-load.d/kubernetes.conf"
        " && systemctl reboot"
    )


def test_modules_disabled_by_the_kernels_command_line(node: Node) -> None:
    without(node, "br_netfilter")
    node.file("/proc/sys/kernel/modules_disabled", "1\n")
    node.file("/proc/cmdline", "sysctl.kernel.modules_disabled=1\n")
    problem = the_problem(node)
    assert not problem.required
    assert problem.hint == (
        "grubby --update-kernel=ALL --remove-args=sysctl.kernel.modules_disabled=1"
        " && systemctl reboot"
    )


def test_modules_disabled_matters_only_where_one_is_needed(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL))
    node.file("/proc/sys/kernel/modules_disabled", "1\n")
    assert planned(modules, node).problems == ()


def test_selinux_is_named_where_loading_is_refused(node: Node) -> None:
    without(node, "xt_comment")
    node.file("/sys/fs/selinux/booleans/secure_mode_insmod", "1 1")
    node.file("/sys/fs/selinux/enforce", "1")
    (change,) = planned(modules, node).changes
    assert change.found == "not loaded, with the SELinux boolean secure_mode_insmod on"
    assert change.hint == f"setsebool -P secure_mode_insmod off && {AGAIN}"


def test_an_unreadable_file_of_modprobe_d_degrades_and_is_named(node: Node) -> None:
    without(node, "xt_comment")
    (node.root / "etc/modprobe.d").mkdir(parents=True)
    os.mkfifo(node.root / "etc/modprobe.d/a.conf")
    (problem,) = planned(modules, node).problems
    assert not problem.required
    assert problem.message.startswith("/etc/modprobe.d/a.conf: found a named pipe")
    assert problem.hint == "ls -ld /etc/modprobe.d/a.conf"
    assert problem.code == "module-unclear"


def test_hint_can_be_typed_for_an_odd_name_in_modprobe_d(node: Node) -> None:
    without(node, "xt_comment")
    node.host.path("/etc/modprobe.d/a: b.conf").mkdir(parents=True)
    (problem,) = planned(modules, node).problems
    assert problem.hint == "ls -ld '/etc/modprobe.d/a: b.conf'"


def test_an_index_that_cannot_be_read_is_blamed_itself(node: Node) -> None:
    without(node, "xt_comment")
    (node.root / FOLDER[1:] / "modules.dep").unlink()
    os.mkfifo(node.root / FOLDER[1:] / "modules.dep")
    problem = the_problem(node)
    assert problem.required
    assert "cannot tell whether they exist" in problem.message
    assert "modules.dep: cannot be read (found a named pipe" in problem.message
    assert problem.hint == f"depmod && {AGAIN}"
    assert problem.code == "module-unclear"


def test_a_probe_that_cannot_be_made_degrades_and_blames_nothing_else(node: Node) -> None:
    without(node, "xt_comment")
    node.programs.table[(UNSHARE,)] = result(1, stderr="unshare: unshare failed: Invalid argument")
    problem = the_problem(node)
    assert not problem.required
    assert problem.code == "rules-untried"
    assert problem.message.startswith("cannot tell whether kube-proxy's rules work: cannot create")


def test_an_extension_library_is_blamed_and_no_module(node: Node) -> None:
    kernel = Kernel(node, set(ALL), set(ALL))
    words = "iptables-nft-restore v1.8.11 (nf_tables): Couldn't load match `addrtype':No such file"
    kernel.probe.said = result(2, stderr=f"{words}\n")
    kernel.probe.broken = {"addrtype"}
    problem = the_problem(node)
    assert problem.required
    assert problem.code == "rules-library"
    assert problem.message.startswith(
        f"iptables extension libraries for addrtype: found none ({words})"
    )
    assert problem.hint == f"dnf reinstall iptables-libs && {AGAIN}"


def test_an_extension_library_and_a_module(node: Node) -> None:
    """The module is not blamed for the library."""
    kernel = Kernel(node, set(ALL) - {"xt_addrtype"}, set(ALL) - {"xt_addrtype"})
    kernel.probe.said = result(2, stderr="Couldn't load match `addrtype':No such file\n")
    (problem,) = planned(modules, node).problems
    assert problem.message.startswith("iptables extension libraries for addrtype")
    assert KERNEL not in problem.message
    assert planned(modules, node, Config(kube_proxy="none")).problems == ()
    assert len(IPTABLES) > 1
