"""nodefix/stages/swap.py: what is not known is not acted on, and what failed has another remedy."""

from __future__ import annotations

import pytest
from fakehost import Node, planned, repair, result
from fakesystemd import started_by
from kubelets import CONFIG, HEAD, kubeadms
from swaps import SWAPOFF, from_fstab, from_the_field, turn_on, unit

from nodefix.config import Config
from nodefix.errors import BusError, NodefixError
from nodefix.plan import Change, Plan
from nodefix.stages import swap


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(swap, node, config)


def failure(node: Node, change: Change) -> NodefixError:
    """How applying a change fails."""
    with pytest.raises(NodefixError) as caught:
        swap.apply(change, node.host)
    return caught.value


@pytest.fixture
def swapping(node: Node) -> Node:
    """A node with swap of every kind, and kubelet as kubeadm sets it up."""
    kubeadms(node)
    turn_on(node, "/dev/vda2", "/dev/zram0")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    unit(node, "dev-zram0.swap", "/dev/zram0")
    return node


def test_kubelet_that_wants_swap_keeps_it(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    node.systemd.kubelet = started_by("kubelet", "--fail-swap-on=false")
    left = plan(node)
    assert (left.changes, left.problems) == ((), ())
    assert left.skipped.startswith("kubelet is configured to allow swap: --fail-swap-on=false")
    assert plan(node, Config(swap="off")).changes


def test_where_it_cannot_be_told_nothing_is_changed(swapping: Node) -> None:
    swapping.file(CONFIG, HEAD + "a: [\n")
    before = swapping.snapshot()
    left = repair(swap, swapping)
    assert swapping.snapshot() == before
    assert not swapping.systemd.done and not swapping.programs.calls
    assert left.changes == ()
    (problem,) = left.problems
    assert not problem.required
    assert problem.message.startswith(
        "cannot tell whether kubelet is configured to allow swap:"
        f" {CONFIG}: line 4: is not valid YAML"
    )
    assert "(/dev/vda2, /dev/zram0, /etc/fstab line 1, dev-zram0.swap)" in problem.message
    assert "`swap: off` or `swap: keep` in /etc/nodefix/nodefix.yaml" in problem.message
    assert problem.hint == f"cat -A {CONFIG}"


def test_settings_answer_the_question(swapping: Node) -> None:
    swapping.file(CONFIG, "a: [\n")
    assert plan(swapping, Config(swap="keep")).skipped
    left = plan(swapping, Config(swap="off"))
    assert (len(left.changes), left.problems) == (4, ())


def test_mended_cause_answers_it_too(swapping: Node) -> None:
    swapping.file(CONFIG, "a: [\n")
    assert plan(swapping).problems
    swapping.file(CONFIG, HEAD)
    assert repair(swap, swapping) == Plan()


def test_without_swap_nobody_asks(node: Node) -> None:
    kubeadms(node).file(CONFIG, "a: [\n")
    turn_on(node)
    node.file("/etc/fstab", from_the_field("02-fstab-noauto"))
    assert plan(node) == Plan()


def test_19_bus_that_does_not_answer(swapping: Node) -> None:
    swapping.file("/usr/lib/systemd/system/kubelet.service")
    swapping.systemd.failing |= dict.fromkeys(
        ("swap_units", "service_command", "known_units", "reload"), BusError("no answer", "busctl")
    )
    before = swapping.snapshot()
    (problem,) = repair(swap, swapping).problems
    assert swapping.snapshot() == before
    assert "kubelet.service is started: no answer" in problem.message
    assert problem.hint == "busctl"
    swapping.file(CONFIG, HEAD + "failSwapOn: false\n")
    assert plan(swapping).skipped


@pytest.mark.parametrize("path", ["/proc/swaps", "/etc/fstab", "/proc/cmdline"])
def test_what_cannot_be_read_is_said(node: Node, path: str) -> None:
    turn_on(node)
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    node.host.path(path).unlink(missing_ok=True)
    node.host.path(path).mkdir()
    left = repair(swap, node)
    assert left.changes == ()
    (problem,) = left.problems
    assert problem.message.startswith(f"{path}: cannot be read: found a directory")
    assert problem.hint == f"ls -lZ {path}"
    assert not problem.required
    assert not (node.root / "var/lib/nodefix").exists()


def test_noauto_swap_that_somebody_turned_on_goes_and_its_entry_stays(node: Node) -> None:
    turn_on(node, "/swapfile")
    entry = from_the_field("02-fstab-noauto")
    node.file("/etc/fstab", entry)
    from_fstab(node, "swapfile.swap", "/swapfile")
    assert repair(swap, node) == Plan()
    assert node.host.path("/etc/fstab").read_bytes() == entry
    assert node.systemd.done == [("stop", "swapfile.swap")]


def test_only_what_comes_at_boot_becomes_a_comment(node: Node) -> None:
    turn_on(node)
    entry = from_the_field("02-fstab-noauto")
    node.file("/etc/fstab", entry + b"/dev/vda2 none swap sw,nofail 0 0\n" + entry)
    assert repair(swap, node) == Plan()
    assert node.host.path("/etc/fstab").read_bytes() == (
        entry + swap_comment(b"/dev/vda2 none swap sw,nofail 0 0\n") + entry
    )


def swap_comment(line: bytes) -> bytes:
    return b"# nodefix: swap is off for kubelet: " + line


def test_01_kernel_argument_is_masked_and_named(node: Node) -> None:
    argument = from_the_field("01-kernel-command-line").decode().strip()
    node.file("/proc/cmdline", argument)
    turn_on(node, "/dev/vda2")
    unit(node, "dev-vda2.swap", "/dev/vda2", source_path="/proc/cmdline")
    off, mask = plan(node).changes
    assert argument in off.found and argument in mask.found
    assert mask.hint == f"grubby --update-kernel=ALL --remove-args={argument}"
    assert repair(swap, node) == Plan()
    assert ("mask", "dev-vda2.swap") in node.systemd.done


def test_admins_unit_that_disabling_does_nothing_about(node: Node) -> None:
    turn_on(node)
    file = "/etc/systemd/system/own.swap"
    unit(node, "own.swap", "/own", fragment_path=file, active_state="inactive")
    (change,) = plan(node).changes
    assert change.hint == f"mv {file} /root/ && systemctl daemon-reload"


def test_swapoff_that_refuses(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    said = "swapoff: /dev/vda2: swapoff failed: Cannot allocate memory"
    node.programs.table[(SWAPOFF,)] = result(4, stderr=said)
    (change,) = plan(node).changes
    error = failure(node, change)
    assert error.message == f"`{SWAPOFF} /dev/vda2`: {said}"
    assert "swapoff" not in error.hint + change.hint


def test_both_ways_that_failed_are_told(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    node.systemd.failing["stop_unit"] = BusError("no bus")
    node.programs.table[(SWAPOFF,)] = result(4, stderr="not now")
    (change,) = plan(node).changes
    assert failure(node, change).message == (
        f"systemd did not stop dev-vda2.swap: no bus; `{SWAPOFF} /dev/vda2`: not now"
    )


@pytest.mark.parametrize(
    ("fragment", "done"), [("/run/systemd/generator/x.swap", "masked"), (None, "disabled")]
)
def test_what_was_done_before_a_step_failed_is_told(
    node: Node, fragment: str | None, done: str
) -> None:
    turn_on(node)
    place = fragment or "/etc/systemd/system/x.swap"
    unit(node, "x.swap", "/x", fragment_path=place, active_state="inactive")
    (change,) = plan(node).changes
    node.systemd.failing["reload"] = BusError("no answer")
    error = failure(node, change)
    assert error.message == f"x.swap is {done}, but systemd has not reloaded its units: no answer"
    assert error.hint == "systemctl daemon-reload"


def test_more_in_use_than_memory_has_room_for_is_left_on(node: Node) -> None:
    turn_on(node, "/dev/vda2", used=500 * 1024, available=700 * 1024)
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    left = repair(swap, node)
    assert not node.programs.calls
    (problem,) = left.problems
    assert problem.required
    assert "found 500 MiB in use and 700 MiB of memory available, expected 756 MiB" in (
        problem.message
    )
    # The next boot comes up without it all the same.
    assert (node.root / "etc/fstab").read_bytes().startswith(b"# nodefix")
    assert plan(node, Config(swap_margin_mib=200)).changes


def test_swap_that_nothing_uses_is_turned_off_however_little_memory_there_is(node: Node) -> None:
    turn_on(node, "/dev/vda2", used=0, available=0)
    assert repair(swap, node) == Plan()


def test_memory_that_is_not_known_is_not_guessed(node: Node) -> None:
    turn_on(node, "/dev/vda2", used=64)
    node.file("/proc/meminfo", "MemTotal: 5 kB\n")
    left = repair(swap, node)
    assert not node.programs.calls
    room, unread = left.problems
    # It is on, and kubelet is not configured to allow it.
    assert room.required and not unread.required
    assert "cannot tell whether memory has room" in room.message
    assert unread.message.startswith("/proc/meminfo: found no MemAvailable")


def test_a_mask_that_does_not_last_is_told_with_what_does(node: Node) -> None:
    turn_on(node)
    name = r"dev-disk-by\x2ddiskseq-1\x2dpart2.swap"
    place = f"/run/systemd/generator.late/{name}"
    unit(node, name, "/dev/disk/by-diskseq/1-part2", fragment_path=place, active_state="inactive")
    (change,) = plan(node).changes
    line = "grubby --update-kernel=ALL --args=systemd.swap=0"
    assert change.found == (
        "swap at each boot by a swap partition found by systemd-gpt-auto-generator, under a name"
        " that changes with the order of disks, when it comes back and is turned off again; what"
        f" keeps it away: {line}"
    )
    assert change.hint == line
    assert repair(swap, node) == Plan()
    assert ("mask", name) in node.systemd.done


def test_a_long_list_cuts_no_remedy_from_the_text(swapping: Node) -> None:
    swapping.file(CONFIG, "a: [\n")
    turn_on(swapping, *(f"/dev/vd{number}" for number in range(300)))
    (problem,) = plan(swapping).problems
    assert "/dev/vd101 and 297 more). Fix that, or set `swap: off`" in problem.message
