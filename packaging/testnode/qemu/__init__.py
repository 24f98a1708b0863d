"""Nodes in virtual machines: a kernel, swap and modules of their own.

A test module says what it wants as data and asks the fixture `ran` for what came of it:

    FSTAB = Scenario(
        "fstab",
        files={"/etc/fstab": "/dev/vda2 none swap sw 0 0\\n"},
        boots=(Boot(damage="mkswap /dev/vda2"), Boot()),
    )

    @pytest.mark.parametrize("ran", [FSTAB], indirect=True)
    def test_fstab(ran: Ran) -> None:
        assert ran.boots[0].stage("swap")["outcome"] == "changed"

Scenarios of all tests that were selected run two at a time from the first one that is asked for.
How a machine is made is in disk.py and initrd.py, how it runs in machine.py; guest/ is what runs
in it.
"""

from testnode.qemu.farm import Farm, Ran
from testnode.qemu.results import Booted, Unit
from testnode.qemu.scenario import Boot, Scenario

__all__ = ["Boot", "Booted", "Farm", "Ran", "Scenario", "Unit"]
