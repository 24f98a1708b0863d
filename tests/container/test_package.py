"""Installing, upgrading and removing the package does what an admin expects, and no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import testnode
from nodes import EXTRA, TOP, Boot, kubelet_runs, rules, sh
from testnode.image import TWIN

# Where sos looks for plugins; a Python that the node has not.
PLUGINS = "/usr/lib/python3.99/site-packages/sos/report/plugins"
METRICS = "/var/lib/node_exporter/nodefix.prom"
DROP_IN = "/usr/lib/systemd/system/kubelet.service.d/20-nodefix.conf"


@pytest.fixture
def live(rpm: Path) -> testnode.Nspawn:
    """A booted node with dnf on it and without nodefix."""
    root = testnode.Root.make(testnode.image(EXTRA))
    root.run(["systemctl", "disable", "firewalld.service"])
    machine = testnode.Nspawn(root)
    machine.boot()
    return machine


def test_installing_enables_and_starts_nothing_and_removing_leaves_nothing(
    live: testnode.Nspawn, rpm: Path
) -> None:
    with live as node:
        node.write(f"{PLUGINS}/__init__.py", "")
        # The node has no SELinux.
        relabel = '#!/bin/sh\ntest -n "$(find "$2" -name "*.pyc")" && echo "$@" >/relabelled\n'
        node.write("/usr/sbin/restorecon", relabel, 0o755)
        testnode.install(node, rpm)
        assert node.read("/relabelled") == "-R /usr/lib/nodefix\n"
        own = (
            "busctl call org.freedesktop.DBus / org.freedesktop.DBus RequestName su org.nodefix1 0"
        )
        # The bus that was up has seen the policy come.
        node.wait_until(
            "the name may be owned", lambda: not node.run(own.split(), check=False).returncode
        )
        assert node.exists(f"{PLUGINS}/nodefix.py")
        assert node.unit("nodefix.service")["UnitFileState"] == "enabled"
        assert node.unit("nodefix.service")["ActiveState"] == "inactive"
        assert "KUBE-" not in rules(node)
        assert kubelet_runs(node)
        node.write("/etc/nodefix/nodefix.yaml.d/site.yaml", f"metrics_file: {METRICS}\n")
        node.run(["mkdir", "/var/lib/node_exporter"])
        node.run(["systemctl", "start", "nodefix"])
        assert "nodefix_ready 1\n" in node.read(METRICS)
        assert "KUBE-SERVICES" in rules(node)
        node.write("/usr/lib/nodefix/sh/__pycache__/another.cpython-399.pyc", "")

        testnode.remove(node, "nodefix")
        for path in (
            DROP_IN,
            "/usr/bin/nodefix",
            "/usr/lib/nodefix",
            "/etc/tmpfiles.d/nodefix.conf",
            "/usr/lib/greenboot",
            "/usr/share/nodefix",
            "/usr/share/dbus-1/system.d/org.nodefix1.conf",
        ):
            assert not node.exists(path), sh(node, f"find {path}")
        assert sh(node, f"ls {PLUGINS}").split() == ["__init__.py"]
        # What an admin wrote, what was done to the node and when, and systemd's own notes.
        left = sh(node, "find /etc /usr /run /var -xdev -name '*nodefix*' ! -path '*/dnf/*'")
        assert {path for path in left.split() if not path.startswith("/run/systemd/")} == {
            "/etc/nodefix",
            "/etc/nodefix/nodefix.yaml.d",
            "/var/lib/nodefix",
        }
        assert sh(node, "find /etc/nodefix -type f").split() == [
            "/etc/nodefix/nodefix.yaml.d/site.yaml"
        ]
        assert node.run(["systemctl", "cat", "nodefix"], check=False).returncode
        node.run(["systemctl", "restart", "kubelet"])
        assert kubelet_runs(node)
        assert "nodefix" not in sh(node, "systemctl cat kubelet")


def test_an_upgrade_keeps_the_configuration_and_runs_nothing(
    root: testnode.Root, boot: Boot, rpm: Path
) -> None:
    setting = "stages:\n  swap: wanted\n"
    root.write("/etc/nodefix/nodefix.yaml", setting)
    node = boot()
    before = node.unit("nodefix.service")
    runs = len(node.journal(unit="nodefix.service"))
    done = testnode.run(
        ["rpm", f"--root={root.path}", "--upgrade", "--replacepkgs", "--nodeps", str(rpm)],
        timeout=120,
    )
    assert "fail" not in done.output
    assert node.read("/etc/nodefix/nodefix.yaml") == setting
    after = node.unit("nodefix.service")
    assert after["InvocationID"] == before["InvocationID"]
    assert after["UnitFileState"] == "enabled"
    assert len(node.journal(unit="nodefix.service")) == runs
    assert kubelet_runs(node)


def test_every_file_of_the_package_is_where_it_belongs(installed: testnode.Root) -> None:
    listed = testnode.run(["rpm", f"--root={installed.path}", "-ql", "nodefix"]).stdout.split()
    for path in (
        "/usr/bin/nodefix",
        "/usr/lib/systemd/system/nodefix.service",
        "/usr/lib/systemd/system-preset/90-nodefix.preset",
        "/usr/lib/systemd/catalog/nodefix.catalog",
        "/etc/nodefix/nodefix.yaml",
        DROP_IN,
    ):
        assert path in listed
    # sh and pydbus are for nodefix's launcher alone.
    assert not [path for path in listed if "-packages/sh" in path or "-packages/pydbus" in path]


def test_rpmlint_finds_nothing_but_what_has_a_reason(rpm: Path) -> None:
    testnode.need("rpmlint")
    settings = TOP / "packaging/rpmlint.toml"
    packages = sorted(rpm.parent.glob("*.rpm"))
    found = testnode.run(
        ["rpmlint", "--strict", "--config", str(settings), *map(str, packages)],
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.output
    assert " 0 errors, 0 warnings" in found.output


def test_another_folder_and_umask_give_the_same_bytes(rpm: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    git = ["git", "-c", "safe.directory=*", "-C"]
    testnode.run([*git, str(TOP), "clone", "--quiet", str(TOP), str(copy)])
    # What is not committed yet counts, too.
    for name in testnode.run([*git, str(TOP), "ls-files"]).stdout.splitlines():
        if (TOP / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, copy / name)
    testnode.run([*git, str(copy), "add", "--all"])
    script = "umask 077; exec packaging/build-rpm --without-tests --out ."
    built = testnode.run(["sh", "-c", script], cwd=copy, timeout=600)
    again = sorted(copy.glob("*.rpm"))
    assert len(again) == 2, built.output
    for file in again:
        assert file.read_bytes() == (rpm.parent / file.name).read_bytes(), file.name


def test_another_rpm_gives_the_same_bytes_but_for_its_own_version(
    rpm: Path, tmp_path: Path
) -> None:
    """Debian 13's rpm and Python, where the other was built by this machine's."""
    (source,) = rpm.parent.glob("*.src.rpm")
    root = testnode.Root.make(testnode.image(("rpm",), suite=TWIN))
    shutil.copy(source, root.path / "root")
    git = ["git", "-c", "safe.directory=*", "-C", str(TOP), "log", "-1", "--format=%ct"]
    epoch = testnode.run(git).stdout.strip()
    env = ["env", "HOME=/root", "TZ=UTC", f"SOURCE_DATE_EPOCH={epoch}"]
    root.run([*env, "rpm", "-i", f"/root/{source.name}"])
    spec = "/root/rpmbuild/SPECS/nodefix.spec"
    root.run([*env, "rpmbuild", "-bb", "--nodeps", "--without", "tests", spec], timeout=300)
    (again,) = root.path.glob("root/rpmbuild/RPMS/*.noarch.rpm")
    assert tags(again) == tags(rpm)


def tags(rpm: Path) -> list[str]:
    """All that a package says of itself, without what rpm and its file(1) say of themselves."""
    told = testnode.run(["rpm", "-qp", "--xml", str(rpm)]).stdout
    assert "<string>4." in told
    parts = told.split("<rpmTag ")
    left_out = ("Sigmd5", "Sigsize", "Sha1header", "Sha256header", "Rpmversion")
    left_out += ("Fileclass", "Classdict")
    return [part for part in parts if not part.startswith(tuple(f'name="{n}"' for n in left_out))]
