"""RPM files into a node's root, by dnf, with stand-ins for the packages of EL10."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from testnode.command import Failed, Result, need, run
from testnode.machine import Machine
from testnode.store import DATA, cached, scratch
from testnode.tree import Root

_STANDINS = ("standins.spec", "python3.spec", "systemd-update-helper", "99-default-disable.preset")
_NONE: Mapping[str, str] = MappingProxyType({})
_DNF_CONF = """\
[main]
reposdir=/dev/null
plugins=0
gpgcheck=0
install_weak_deps=0
best=1
# On a real node what stands in here is part of the system and stays.
clean_requirements_on_remove=0
assumeyes=1

[standins]
name=What Enterprise Linux 10 provides
baseurl={repository}
"""


def install(target: Root | Machine, *rpms: Path) -> Result:
    """Install RPM files by `dnf install`.

    On a Root this machine's dnf does it, on a booted Machine the node's own, whose scriptlets then
    speak with the running systemd; that one needs an image made with extra=("dnf",).
    """
    return _dnf(target, "install", rpms, [])


def upgrade(target: Root | Machine, *rpms: Path) -> Result:
    """Upgrade to these RPM files by `dnf upgrade`; `target` is as for install()."""
    return _dnf(target, "upgrade", rpms, [])


def remove(target: Root | Machine, *names: str) -> Result:
    """Remove packages by `dnf remove`; `target` is as for install()."""
    return _dnf(target, "remove", (), list(names))


def _dnf(target: Root | Machine, verb: str, rpms: tuple[Path, ...], names: list[str]) -> Result:
    if isinstance(target, Root):
        result = dnf(target, verb, *(str(r.resolve()) for r in rpms), *names)
    else:
        result = _dnf_on_node(target, verb, rpms, names)
    # A scriptlet that fails is a warning to dnf: it says Complete! and exits with 0.
    if "scriptlet failed" in result.output:
        raise Failed(f"dnf {verb}: a scriptlet failed\n{result.output}")
    return result


def dnf(root: Root, *arguments: str, check: bool = True) -> Result:
    """Run this machine's dnf for a root, with what EL10 provides at hand."""
    need("dnf")
    work, done = scratch("dnf")
    conf = work / "dnf.conf"
    conf.write_text(_DNF_CONF.format(repository=_repository().as_uri()))
    argv = ["dnf", f"--config={conf}", f"--installroot={root.writable()}", "--releasever=10"]
    try:
        # Debian's rpm keeps its database below HOME: it must be the node's root user's.
        return run([*argv, *arguments], timeout=180, env={"HOME": "/root"}, check=check)
    finally:
        done()


def _dnf_on_node(node: Machine, verb: str, rpms: tuple[Path, ...], names: list[str]) -> Result:
    node.write("/root/dnf.conf", equip(node))
    for rpm in rpms:
        node.put(rpm, f"/root/{rpm.name}")
    argv = ["dnf", "--config=/root/dnf.conf", "--releasever=10", verb]
    return node.run([*argv, *(f"/root/{rpm.name}" for rpm in rpms), *names], timeout=180)


def equip(node: Machine) -> str:
    """Put what EL10 provides onto a booted node; returns the settings of dnf that find it."""
    repository = _repository()
    for file in (path for path in repository.rglob("*") if path.is_file()):
        node.put(file, f"/root/standins/{file.relative_to(repository)}")
    return _DNF_CONF.format(repository="file:///root/standins")


def _repository() -> Path:
    return cached("standins", [(DATA / name).read_text() for name in _STANDINS], _build)


def build(spec: Path, folder: Path, defines: Mapping[str, str] = _NONE) -> Path:
    """The binary RPM of a spec that needs nothing but the files beside it, built into `folder`."""
    need("rpm")
    work, done = scratch("rpmbuild")
    places = {"_topdir": work, "_sourcedir": spec.parent, "_rpmdir": work, "_dbpath": work / "db"}
    argv = ["rpmbuild", "-bb", "--quiet", "--define", "_build_name_fmt %%{NAME}-%%{VERSION}.rpm"]
    for name, value in {**places, **defines}.items():
        argv += ["--define", f"{name} {value}"]
    run([*argv, str(spec)], timeout=120)
    (built,) = work.glob("*.rpm")
    made = Path(shutil.copy(built, folder))
    done()
    return made


def build_python(folder: Path, version: str, target: str | None = None) -> Path:
    """A stand-in for EL10's package of Python, which the node's own belongs to; see its spec."""
    defines = {"wanted": version, **({"target": target} if target else {})}
    return build(DATA / "python3.spec", folder, defines)


def _build(folder: Path) -> None:
    need("createrepo-c")
    build(DATA / "standins.spec", folder)
    build_python(folder, "3.12.9")
    run(["createrepo_c", "--quiet", "--no-database", str(folder)], timeout=60)
