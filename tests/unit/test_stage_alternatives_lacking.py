"""nodefix/stages/alternatives_problems.py: what is missing, read-only or full."""

from __future__ import annotations

import pytest
from altstage import (
    all_nft,
    answer_rpm,
    answer_versions,
    coreutils,
    damaged,
    file_systems,
    mended_by,
    only_problem,
    plan,
)
from el_alternatives import ADMIN, NFT, ElAlternatives
from el_states import STATES
from fakehost import Node, repair, result

from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import alternatives


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    return ElAlternatives(node)


def test_read_only_usr(el: ElAlternatives, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(el, 25)
    file_systems(monkeypatch, el.node, read_only=("/usr",))
    problem = only_problem(el)
    assert problem.message.startswith("/usr/sbin: found its file system read-only, expected")

    def mount(argv: tuple[str, ...], stdin: bytes) -> Result:
        options = "ro,nodev,relatime,remount,rw"
        assert argv[1:] == ("--options-source=disable", "-o", options, "/usr")
        el.read_only = ()
        file_systems(monkeypatch, el.node)
        return result()

    for column, answer in (("VFS-OPTIONS", "ro,nodev,relatime\n"), ("TARGET", "/usr\n")):
        argv = ("/usr/bin/findmnt", "-n", "-o", column, "-T", "/usr/sbin")
        el.node.programs.table[argv] = result(0, answer)
    el.node.programs.table[("/usr/bin/mount",)] = mount
    mended_by(el, problem.hint)


def test_read_only_usr_of_an_image(el: ElAlternatives, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(el, 25)
    el.node.file("/run/ostree-booted")
    el.node.file("/usr/bin/bootc")
    file_systems(monkeypatch, el.node, read_only=("/usr",))
    problem = only_problem(el)
    assert problem.message.endswith(
        "; what lasts is, in the image's Containerfile: RUN dnf reinstall -y iptables-nft"
    )
    assert problem.hint == "bootc usr-overlay && systemctl restart nodefix"


def test_read_only_usr_without_an_nft_name(
    el: ElAlternatives, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(el, 38)
    file_systems(monkeypatch, el.node, read_only=("/usr",))
    problem = only_problem(el)
    assert problem.message.startswith("/usr/sbin: found its file system read-only, expected")


def test_read_only_usr_in_which_nothing_has_to_be_made(
    el: ElAlternatives, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(el, 35)
    el.read_only = ("/usr",)
    file_systems(monkeypatch, el.node, read_only=("/usr",))
    assert repair(alternatives, el.node) == Plan()
    assert all_nft(el.node)


@pytest.mark.parametrize("what", ["full", "no_inodes"])
def test_no_room_for_the_state_is_seen_before_it_is_lost(
    el: ElAlternatives, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    damaged(el, 33)
    file_systems(monkeypatch, el.node, **{what: ("/var",)})
    problem = only_problem(el)
    assert problem.message.startswith(f"{ADMIN}: found its file system full")
    assert problem.hint == f"df -h {ADMIN}; df -i {ADMIN}"


@pytest.mark.parametrize(("installed", "hint"), [(True, "reinstall"), (False, "install")])
def test_nft_program_is_missing(el: ElAlternatives, installed: bool, hint: str) -> None:
    STATES[1](el)
    answer_rpm(el.node, *(["iptables-nft"] if installed else []))
    program = el.node.host.path("/usr/sbin/xtables-nft-multi")
    program.unlink()
    problem = only_problem(el)
    assert problem.message == (
        "/usr/sbin/xtables-nft-multi: found nothing, expected iptables' nft program"
    )
    assert problem.hint == f"dnf {hint} iptables-nft && systemctl restart nodefix"


def test_nft_program_is_missing_and_rpm_does_not_tell(el: ElAlternatives) -> None:
    STATES[1](el)
    el.node.programs.table[("/usr/bin/rpm",)] = result(254, stderr="error: rpmdb open failed\n")
    el.node.host.path("/usr/sbin/xtables-nft-multi").unlink()
    assert only_problem(el).hint == (
        "dnf install iptables-nft && dnf reinstall iptables-nft && systemctl restart nodefix"
    )


@pytest.mark.parametrize("target", ["xtables-legacy-multi", "nowhere"])
def test_nft_name_leads_elsewhere(el: ElAlternatives, target: str) -> None:
    """Setting would make the same links again, for ever."""
    damaged(el, 1)
    el.node.file("/usr/sbin/xtables-legacy-multi")
    el.node.host.path(NFT).unlink()
    el.node.link(NFT, target)
    problem = only_problem(el)
    end = "nothing" if target == "nowhere" else f"/usr/sbin/{target}"
    assert problem.message == f"{NFT}: found a link to {end}, expected iptables' nft program"

    def dnf(argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:] == ("reinstall", "iptables-nft")
        el.node.host.path(NFT).unlink()
        el.node.link(NFT, "xtables-nft-multi")
        return result()

    el.node.programs.table[("/usr/bin/dnf",)] = dnf
    mended_by(el, problem.hint)


@pytest.mark.parametrize(
    ("installed", "hint"), [("alternatives", "dnf reinstall"), ("", "dnf install")]
)
def test_no_alternatives_program(el: ElAlternatives, installed: str, hint: str) -> None:
    answer_rpm(el.node, installed)
    (el.node.root / "usr/sbin/alternatives").unlink()
    (problem,) = plan(el.node).problems
    assert problem.message.startswith("found neither alternatives nor update-alternatives")
    assert problem.hint == f"{hint} alternatives && systemctl restart nodefix"


def test_alternatives_program_that_is_a_directory(el: ElAlternatives) -> None:
    (el.node.root / "usr/sbin/alternatives").unlink()
    (el.node.root / "usr/sbin/alternatives").mkdir()
    (problem,) = plan(el.node).problems
    assert problem.message.startswith("found neither alternatives nor update-alternatives")
