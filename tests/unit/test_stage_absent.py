"""nodefix/stages/absent.py: modules that are absent."""

from __future__ import annotations

import pytest
from deployments import unpacked
from fakehost import KERNEL, Node, planned, result, settled
from fakekernel import ALL, Kernel

from nodefix.config import Config
from nodefix.converge import plan_stage
from nodefix.plan import Plan, Problem
from nodefix.stages import modules

RPM = "/usr/bin/rpm"
PACKAGE = f"kernel-modules-extra-{KERNEL}"
AGAIN = "systemctl restart nodefix"
COMING = "6.12.0-124.8.1.el10_1.x86_64"


def the_problem(node: Node, config: Config | None = None, release: str = KERNEL) -> Problem:
    """What is said of a node without xt_comment."""
    Kernel(node, set(ALL) - {"xt_comment"}, set())
    node.file("/proc/sys/kernel/osrelease", f"{release}\n")
    (problem,) = planned(modules, node, config).problems
    return problem


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        (
            "6.12.0-55.9.1.el10_0.aarch64+64k",
            "dnf install kernel-64k-modules-extra-6.12.0-55.9.1.el10_0.aarch64"
            f" && {AGAIN}; dnf install kernel-modules-extra-matched",
        ),
        (
            "6.12.0-204.92.4.2.el10uek.x86_64",
            "dnf install kernel-uek-modules-extra-netfilter-6.12.0-204.92.4.2.el10uek.x86_64"
            f" && {AGAIN}",
        ),
        (
            "7.0.12-1.el10.elrepo.x86_64",
            "{ dnf install kernel-ml-modules-extra-7.0.12-1.el10.elrepo.x86_64"
            f" || dnf install kernel-lt-modules-extra-7.0.12-1.el10.elrepo.x86_64; }} && {AGAIN}",
        ),
    ],
)
def test_remedy_for_each_kind_of_kernel(node: Node, release: str, hint: str) -> None:
    assert the_problem(node, release=release).hint == hint


def test_the_other_way_for_a_release_that_is_gone(node: Node) -> None:
    assert the_problem(node, release="6.12.0-204.92.4.2.el10uek.x86_64").message.endswith(
        "; if no mirror has this release any more: dnf upgrade kernel-uek && dnf install"
        " kernel-uek-modules-extra-netfilter && systemctl reboot"
    )


def test_a_kernel_of_no_package(node: Node) -> None:
    problem = the_problem(node, release="6.5.7-custom")
    assert problem.code == "module-absent"
    assert "kernel 6.5.7-custom, which belongs to no package of Enterprise Linux" in problem.message
    assert "6.5.7-custom" not in problem.hint


def test_dnf_that_excludes_kernels(node: Node) -> None:
    node.file("/etc/dnf/dnf.conf", "[main]\nexclude=kernel*\n")
    problem = the_problem(node)
    assert "; /etc/dnf/dnf.conf excludes it from dnf;" in problem.message
    assert "dnf upgrade --disableexcludes=all kernel &&" in problem.message
    assert problem.hint == (
        f"dnf install --disableexcludes=all {PACKAGE} && {AGAIN};"
        " dnf install --disableexcludes=all kernel-modules-extra-matched"
    )


def test_an_installed_package_is_not_asked_for(node: Node) -> None:
    node.file(RPM)
    node.programs.table[(RPM,)] = result(0)
    problem = the_problem(node)
    assert f"although {PACKAGE} is installed" in problem.message
    assert problem.code == "module-absent"
    assert problem.hint == f"dnf reinstall {PACKAGE} && {AGAIN}"


def test_an_image_gets_its_packages_elsewhere(node: Node) -> None:
    node.file("/run/ostree-booted")
    problem = the_problem(node)
    assert "no mirror" not in problem.message
    node.file("/usr/bin/rpm-ostree")
    (told,) = plan_stage(modules, node.host, settled()).problems
    assert told.hint == f"rpm-ostree install {PACKAGE} && systemctl reboot"


def test_a_module_that_became_part_of_another(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL))
    config = Config(extra_modules=("nf_conntrack_ipv4",))
    (problem,) = planned(modules, node, config).problems
    assert problem.required
    assert problem.code == "module-obsolete"
    assert problem.message == (
        "kernel module nf_conntrack_ipv4: found in no kernel of Enterprise Linux 10, it is now part"
        " of nf_conntrack; expected extra_modules without it"
    )
    assert problem.hint == (
        "grep -rlw nf_conntrack_ipv4 /etc/nodefix |"
        f" xargs sed -i 's/\\bnf_conntrack_ipv4\\b/nf_conntrack/g' && {AGAIN}"
    )


def test_a_module_that_nothing_needs_any_more(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL))
    config = Config(optional_modules=("ip_tables", "missing"))
    gone, missing = planned(modules, node, config).problems
    assert (gone.code, missing.code) == ("module-obsolete", "module-absent")
    assert not gone.required
    assert "expected optional_modules without it: remove it" in gone.message
    assert gone.hint == "grep -rnw ip_tables /etc/nodefix"
    assert missing.message.startswith("kernel modules missing: found in no package")


def next_boots(node: Node, release: str, names: tuple[str, ...]) -> Plan:
    """The plan where another kernel with these modules boots next."""
    node.file(f"/boot/loader/entries/x-{release}.conf", f"linux /vmlinuz-{release}\n")
    dependencies = "".join(f"kernel/{name}.ko.xz:\n" for name in names)
    node.file(f"/lib/modules/{release}/modules.dep", dependencies)
    return planned(modules, node)


def test_a_next_kernel_that_lacks_modules_is_a_warning(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL))
    (problem,) = next_boots(node, COMING, ALL[:2]).problems
    assert not problem.required
    assert problem.code == "modules-next-kernel"
    assert problem.message.startswith(f"kernel {COMING}, which boots next: found no modules")
    assert problem.hint == (
        f"dnf install kernel-modules-extra-{COMING}; dnf install kernel-modules-extra-matched"
    )
    assert next_boots(node, COMING, ALL) == Plan()


def test_next_kernel_of_no_package(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL))
    (problem,) = next_boots(node, "6.5.7-custom", ALL[:2]).problems
    assert problem.message.endswith("; that kernel belongs to no package of Enterprise Linux")
    assert problem.code == "modules-next-kernel"
    assert problem.hint == f"grubby --set-default=/boot/vmlinuz-{KERNEL}"


@pytest.mark.parametrize("release", [COMING, KERNEL])
@pytest.mark.parametrize("names", [ALL[:2], ALL])
def test_the_next_image_lacks_modules(node: Node, release: str, names: tuple[str, ...]) -> None:
    """Whatever its kernel: one without kernel-modules-extra may have the same."""
    Kernel(node, set(ALL), set(ALL))
    node.file("/run/ostree-booted")
    node.file("/usr/bin/bootc")
    deployment = unpacked(node, release)
    dependencies = "".join(f"kernel/{name}.ko.xz:\n" for name in names)
    node.file(f"{deployment}/usr/lib/modules/{release}/modules.dep", dependencies)
    problems = plan_stage(modules, node.host, settled()).problems
    if names == ALL:
        assert problems == ()
        return
    (problem,) = problems
    assert not problem.required
    assert problem.message.startswith(f"the image that boots next, with kernel {release}: found no")
    assert problem.hint.startswith(
        "in the image's Containerfile: RUN dnf install -y kernel-modules-extra-$(rpm -q --qf"
    )
