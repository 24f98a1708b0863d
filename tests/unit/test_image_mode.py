"""nodefix/image_mode.py: what a remedy becomes where the system is an image."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from nodefix.image_mode import BOOTC, OSTREE, RPM_OSTREE, Image, in_image, kept_by
from nodefix.symptoms import load

AGAIN = "systemctl restart nodefix"
PIN = "$(rpm -q --qf '%{VERSION}-%{RELEASE}.%{ARCH}' kernel-core)"
THEN = "; build and push it, then on this node: bootc upgrade && systemctl reboot"
RUN = "in the image's Containerfile: RUN "
SOURCES = sorted(Path(in_image.__code__.co_filename).parent.rglob("*.py"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"dnf reinstall iptables-libs && {AGAIN}", f"{RUN}dnf reinstall -y iptables-libs{THEN}"),
        # The kernel of the image, whatever runs where it is built.
        (
            f"dnf install kernel-modules-extra-6.12.0-55.9.1.el10_0.x86_64 && {AGAIN};"
            " dnf install kernel-modules-extra-matched",
            f"{RUN}dnf install -y kernel-modules-extra-{PIN}{THEN}",
        ),
        (
            f'dnf install "kernel-modules-extra-$(uname -r)" && {AGAIN}',
            f'{RUN}dnf install -y "kernel-modules-extra-{PIN}"{THEN}',
        ),
        (
            "dnf install kernel-64k-modules-extra-6.12.0-55.el10.aarch64+64k",
            f"{RUN}dnf install -y kernel-64k-modules-extra-"
            f"{PIN.replace('kernel-core', 'kernel-64k-core')}{THEN}",
        ),
        (
            f"{{ dnf install kernel-ml-modules-extra-7.1.2-1.el10.elrepo.x86_64 || dnf install"
            f" kernel-lt-modules-extra-7.1.2-1.el10.elrepo.x86_64; }} && {AGAIN}",
            f"{RUN}dnf install -y kernel-ml-modules-extra-"
            f"{PIN.replace('kernel-core', 'kernel-ml-core')} || dnf install -y"
            f" kernel-lt-modules-extra-{PIN.replace('kernel-core', 'kernel-lt-core')}{THEN}",
        ),
        (
            f"dnf --disableexcludes=all reinstall a && {AGAIN}",
            f"{RUN}dnf --disableexcludes=all reinstall -y a{THEN}",
        ),
        ("modprobe x || dnf install y", f"modprobe x; if that fails, {RUN}dnf install -y y{THEN}"),
        (
            f'dmesg | tail; dnf reinstall "$(rpm -qf "$(modinfo -n x)")" && {AGAIN}',
            f'dmesg | tail; then {RUN}dnf reinstall -y "$(rpm -qf "$(modinfo -k "{PIN}" -n x)")"'
            f"{THEN}",
        ),
        (f"depmod && {AGAIN}", f'{RUN}depmod "{PIN}"{THEN}'),
        (
            "mv -T /usr/sbin/nft /usr/sbin/nft.found && dnf reinstall /usr/sbin/nft",
            f"{RUN}mv -T /usr/sbin/nft /usr/sbin/nft.found && dnf reinstall -y /usr/sbin/nft{THEN}",
        ),
        ("chmod 755 /usr/sbin/nft", f"{RUN}chmod 755 /usr/sbin/nft{THEN}"),
        # What is the node's own is typed there.
        ("grep -rl 'dnf install' /etc", "grep -rl 'dnf install' /etc"),
        ("ls -ld /usr/sbin/nft; journalctl -k", "ls -ld /usr/sbin/nft; journalctl -k"),
        (f"mv --backup=numbered /etc/a /root/a && {AGAIN}",) * 2,
        ("grep -rn modules_disabled /etc/sysctl.d /usr/lib/sysctl.d",) * 2,
    ],
)
def test_an_image_is_built_anew(line: str, expected: str) -> None:
    assert in_image(line, Image(BOOTC)) == expected
    # Where it goes through a second time.
    assert in_image(expected, Image(BOOTC)) == expected
    assert in_image(line, None) == line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"dnf install a b && {AGAIN}", "rpm-ostree install a b && systemctl reboot"),
        ("dnf install a || dnf install b", "{ rpm-ostree install a || rpm-ostree install b; } && "),
        (f"dnf reinstall a && {AGAIN}", "ostree fsck; rpm-ostree upgrade && systemctl reboot"),
        (f"depmod && {AGAIN}", f"rpm-ostree usroverlay && depmod && {AGAIN}"),
        (
            'dnf install "kernel-modules-extra-$(uname -r)"',
            'rpm-ostree install "kernel-modules-extra-$(uname -r)" && systemctl reboot',
        ),
    ],
)
def test_rpm_ostree_adds_to_its_image(line: str, expected: str) -> None:
    assert in_image(line, Image(RPM_OSTREE, has_rpm_ostree=True)).startswith(expected)


def test_ostree_alone() -> None:
    line = in_image("dnf install a", Image(OSTREE))
    assert line.startswith(f"{RUN}dnf install -y a;")
    assert line.endswith(": ostree admin upgrade && systemctl reboot")


@pytest.mark.parametrize(
    ("has_rpm_ostree", "expected"),
    [
        (
            True,
            "rpm-ostree kargs --delete-if-present=a=1,2 --delete-if-present=b"
            " --append-if-missing=a=1 && systemctl reboot",
        ),
        # https://bootc-dev.github.io/bootc/building/kernel-arguments.html
        (
            False,
            "unshare --mount sh -c 'mount -o remount,rw /boot && grubby --update-kernel=ALL"
            " --remove-args='\"'\"'a=1,2 b'\"'\"' --args=a=1' && systemctl reboot",
        ),
    ],
)
def test_the_kernel_line_is_the_nodes_own(has_rpm_ostree: bool, expected: str) -> None:
    line = "grubby --update-kernel=ALL --remove-args='a=1,2 b' --args=a=1 && systemctl reboot"
    assert in_image(line, Image(BOOTC, has_rpm_ostree)) == expected


@pytest.mark.real_commands
@pytest.mark.parametrize("symptom", load(), ids=lambda symptom: symptom.id)
def test_each_known_remedy_can_be_typed(symptom: object) -> None:
    """What belongs into the image is shell, asks nothing, and knows no running kernel."""
    fix = str(getattr(symptom, "fix"))  # noqa: B009
    told = in_image(fix, Image(BOOTC))
    assert ("dnf " in fix or "depmod" in fix or "grubby" in fix) == (told != fix)
    if RUN in told:
        line = told.partition(RUN)[2].removesuffix(THEN)
        assert told.endswith(THEN)
        assert "uname" not in line and not re.search("dnf .*install (?!-y )", line)
        subprocess.run(["/bin/sh", "-n", "-c", line], check=True)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_remedy_goes_round_it(source: Path) -> None:
    """What facts, stages, advice and restarts suggest is adapted where it is told."""
    if source.parent.name in ("facts", "stages", "advice", "live") or source.stem == "image_mode":
        return
    text = source.read_text()
    if re.search(r"[\"' ]dnf (?:(?:re)?install|upgrade|\{)", text):
        assert "for_this_node(" in text


def test_a_change_to_etc_says_what_becomes_of_it() -> None:
    assert kept_by("/etc/fstab", "") == (
        "/etc/fstab: is this machine's own: upgrades of the image keep it as it is now"
    )
    assert kept_by("unit x.swap", "systemctl mask x.swap").endswith(
        f"; for an image that has it already, {RUN}systemctl mask x.swap"
    )
