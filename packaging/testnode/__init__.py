"""A node to test nodefix on: Debian userland under EL10's os-release, booted for real.

The pieces, in the order in which they are used:

    import testnode

    image = testnode.image()                  # cached read-only folder, built by mmdebstrap
    root = testnode.Root.make(image)          # an overlay on it: EL10's os-release, a kubelet
    testnode.install(root, rpm)               # dnf, with stand-ins for what EL10 provides
    with testnode.Nspawn(root.clone()) as node:
        node.boot()
        node.run(["nodefix", "--version"]).stdout
        node.journal(unit="nodefix.service")  # parsed entries
        node.poweroff()
        node.boot()                           # the same disk, a new boot id and a new /run

It needs root, Debian's packages are installed when they are missing, and what it makes (mounts,
containers, folders under build/testnode) is taken down on exit, on ^C and on SIGTERM. Nothing
reaches the network but the first building of an image.

testnode.qemu has the same nodes as virtual machines. packaging/try lies beside this folder; tests
find it by tests/pytest.ini, tests/bench/run by what it starts Python with.
"""

from testnode.checkout import build_rpm
from testnode.command import Failed, Result, log_to, need, run
from testnode.image import image
from testnode.machine import Entry, Machine
from testnode.nspawn import Nspawn
from testnode.rpms import build, build_python, dnf, equip, install, remove, upgrade
from testnode.tree import Root

__all__ = [
    "Entry",
    "Failed",
    "Machine",
    "Nspawn",
    "Result",
    "Root",
    "build",
    "build_python",
    "build_rpm",
    "dnf",
    "equip",
    "image",
    "install",
    "log_to",
    "need",
    "remove",
    "run",
    "upgrade",
]
