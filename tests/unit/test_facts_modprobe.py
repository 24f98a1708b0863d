"""nodefix/facts/modprobe.py: what keeps kernel modules from loading."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.facts.modprobe import Bar, Way, read_modprobe_rules

FILE = "/etc/modprobe.d/x.conf"
MODULE = "br_netfilter"

_DATA = Path(__file__).with_name("data") / "modprobe.d"


def bars(node: Node, module: str = MODULE) -> tuple[Bar, ...]:
    return read_modprobe_rules(node.host).bars(module)


@pytest.mark.parametrize(
    ("name", "where", "undo"),
    [
        ("01-continued.conf", f"{FILE} lines 1 to 2", f"sed -i '1,2s/^/#/' {FILE}"),
        ("02-sh-exit.conf", f"{FILE} line 1", f"sed -i '1s/^/#/' {FILE}"),
        ("04-no-path.conf", f"{FILE} line 1", f"sed -i '1s/^/#/' {FILE}"),
    ],
)
def test_files_of_real_nodes(node: Node, name: str, where: str, undo: str) -> None:
    node.file(FILE, (_DATA / name).read_bytes())
    (bar,) = bars(node)
    assert bar.way is Way.REPLACED
    assert bar.where.startswith(f"{where} (`install br_netfilter ")
    assert bar.undo == undo


@pytest.mark.parametrize(
    "command",
    [
        "/bin/false",
        "/usr/bin/true",
        ":",
        "exit 1",
        "echo no",
        "echo no > /dev/null",
        "/usr/bin/logger refused; /bin/false",
        "logger a && echo b || exit 1",
        "(echo a; false)",
        '/bin/bash -c "logger x; exit 1"',
        "/bin/false # by the CIS benchmark",
        "it's broken",
    ],
)
def test_commands_that_load_nothing(node: Node, command: str) -> None:
    node.file(FILE, f"install br-netfilter {command}\n")
    (bar,) = bars(node)
    assert bar.way is Way.REPLACED


@pytest.mark.parametrize(
    "line",
    [
        "# blacklist br_netfilter",
        "blacklist",
        "blacklist br_netfilter_other",
        "blacklist br_*",
        "blacklist br_netfilter\r",
        " # install br_netfilter /bin/false",
        "install br_netfilter",
        "install br_netfilter /usr/sbin/modprobe --ignore-install br_netfilter",
        "install br_netfilter modprobe -i br_netfilter && logger loaded",
        'install br_netfilter sh -c "/sbin/insmod /root/br_netfilter.ko"',
        "install other /bin/false",
        "options br_netfilter debug=1",
        "alias br_netfilter br-netfilter",
        "remove br_netfilter /bin/false",
    ],
)
def test_what_keeps_nothing_out(node: Node, line: str) -> None:
    node.file(FILE, f"{line}\n")
    assert bars(node) == ()
    assert read_modprobe_rules(node.host).leaves_it_to(MODULE) == ""


def test_a_command_that_may_or_may_not_load_it(node: Node) -> None:
    node.file(FILE, "install br_netfilter /usr/local/sbin/load-bridge --quiet\n")
    assert bars(node) == ()
    assert read_modprobe_rules(node.host).leaves_it_to(MODULE).startswith(f"{FILE} line 1 (")


@pytest.mark.parametrize(
    ("line", "way"),
    [
        ("blacklist br_netfilter", Way.BLACKLISTED),
        ("  blacklist\tbr-netfilter  ", Way.BLACKLISTED),
        ("blacklist br\\_netfilter", Way.BLACKLISTED),
        ("install br_* /bin/false", Way.REPLACED),
        ("install * /bin/false", Way.REPLACED),
        ("install br[_-]netf?lter /bin/false", Way.REPLACED),
        ("alias br_netfilter off", Way.ALIASED),
        ("alias br-* off", Way.ALIASED),
    ],
)
def test_kinds_of_lines(node: Node, line: str, way: Way) -> None:
    node.file(FILE, f"\n{line}\n")
    (bar,) = bars(node)
    assert bar.way is way
    assert bar.where.startswith(f"{FILE} line 2 (")


def test_the_first_command_that_matches_counts(node: Node) -> None:
    node.file(FILE, "install br_* modprobe -i br_netfilter\ninstall br_netfilter /bin/false\n")
    assert bars(node) == ()


def test_everything_is_named_and_what_stops_modprobe_comes_first(node: Node) -> None:
    node.file(FILE, "blacklist br_netfilter\nblacklist br_netfilter\ninstall br_netfilter :\n")
    found = bars(node)
    assert [bar.way for bar in found] == [Way.REPLACED, Way.BLACKLISTED, Way.BLACKLISTED]
    assert [bar.undo[:10] for bar in found] == ["sed -i '3s", "sed -i '1s", "sed -i '2s"]


@pytest.mark.parametrize(
    "folder", ["/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d"]
)
def test_a_package_s_file_is_hidden_and_not_edited(node: Node, folder: str) -> None:
    node.file(f"{folder}/net.conf", "blacklist br_netfilter\n")
    (bar,) = bars(node)
    assert bar.undo == (
        f"cp {folder}/net.conf /etc/modprobe.d/ && sed -i '1s/^/#/' /etc/modprobe.d/net.conf"
    )
    node.file("/etc/modprobe.d/net.conf", "")
    assert bars(node) == ()


def test_a_dangling_link_hides_too(node: Node) -> None:
    node.file("/usr/lib/modprobe.d/net.conf", "blacklist br_netfilter\n")
    node.link("/etc/modprobe.d/net.conf", "gone")
    rules = read_modprobe_rules(node.host)
    assert (rules.bars(MODULE), rules.unreadable) == ((), ())


def test_files_are_read_by_name_whatever_their_folder(node: Node) -> None:
    node.file("/etc/modprobe.d/b.conf", "install br_netfilter /bin/false\n")
    node.file("/lib/modprobe.d/a.conf", "install br_netfilter modprobe -i br_netfilter\n")
    assert bars(node) == ()


@pytest.mark.parametrize("name", ["x.conf.rpmsave", ".x.conf", "x"])
def test_other_files_do_not_count(node: Node, name: str) -> None:
    node.file(f"/etc/modprobe.d/{name}", "blacklist br_netfilter\n")
    node.file("/etc/modprobe.d/odd.conf", b"\xff\xfe\0 blacklist\n\\")
    assert bars(node) == ()


def test_what_cannot_be_read_is_said(node: Node) -> None:
    node.file("/etc/modprobe.d/b.conf", "blacklist br_netfilter\n")
    os.mkfifo(node.root / "etc/modprobe.d/a.conf")
    rules = read_modprobe_rules(node.host)
    assert rules.unreadable == (
        "/etc/modprobe.d/a.conf: found a named pipe, expected a regular file",
    )
    assert rules.bars(MODULE)


def test_kernel_line_of_real_nodes(node: Node) -> None:
    node.file("/proc/cmdline", b"root=/dev/sda " + (_DATA / "07-kernel-command-line").read_bytes())
    word = "module_blacklist=xt_statistic,br_netfilter"
    assert bars(node) == (
        Bar(
            Way.REFUSED,
            f"`{word}` on the kernel's command line",
            f"grubby --update-kernel=ALL --remove-args={word} --args=module_blacklist=xt_statistic",
            reboot=True,
        ),
    )
    node.file("/proc/cmdline", (_DATA / "08-kernel-command-line-modprobe").read_bytes())
    (bar,) = bars(node)
    assert bar.way is Way.BLACKLISTED
    assert bar.undo == "grubby --update-kernel=ALL --remove-args=modprobe.blacklist=br_netfilter"


@pytest.mark.parametrize(
    ("line", "ways"),
    [
        ("module-blacklist=br_netfilter", [Way.REFUSED]),
        ('"module_blacklist=x,br_netfilter" quiet', [Way.REFUSED]),
        ("module_blacklist=br_netfilter module_blacklist=x", []),
        ("module_blacklist=x -- module_blacklist=br_netfilter", []),
        ("module_blacklist=br_netfilter_other", []),
        ("module_blacklist=", []),
        ("xmodule_blacklist=br_netfilter", []),
        ("modprobe.blacklist=a modprobe.blacklist=b,br_netfilter", [Way.BLACKLISTED]),
        ("modprobe.blacklist=br-netfilter", []),
        ("", []),
    ],
)
def test_words_of_the_kernel_line(node: Node, line: str, ways: list[Way]) -> None:
    node.file("/proc/cmdline", f"{line}\n")
    assert [bar.way for bar in bars(node)] == ways
