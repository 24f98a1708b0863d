"""A real Ansible on this machine, and plays of the role on a booted node."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import testnode
from nodes import TOP
from testnode.store import cached

ROLES = TOP / "packaging/ansible/roles"
LOCK = Path(__file__).with_name("data") / "ansible.txt"
PYTHON = "/usr/bin/python3"

_PLAYBOOK = [{"name": "Play", "hosts": "node", "gather_facts": False, "roles": ["nodefix"]}]
# Ansible's connection by ssh calls it as ssh: options, the host, and one line for a shell there.
_SSH = """\
#!/bin/bash
exec {enter} /bin/sh -c "${{@: -1}}"
"""


def ansible() -> Path:
    """A folder with the pinned ansible-core and ansible-lint, made once."""
    testnode.need("python3-pip")

    def make(folder: Path) -> None:
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--no-compile", f"--target={folder}", f"--requirement={LOCK}"]
        testnode.run(pip, timeout=900)

    return cached("ansible", [LOCK.read_text(), sys.version], make)


def run(module: str, *arguments: str, home: Path, timeout: float = 300) -> testnode.Result:
    """Run one of Ansible's programs by its module, with nothing of this machine's own settings."""
    folder = ansible()
    settings = home / "ansible.cfg"
    settings.write_text("[defaults]\n")
    env = {
        "PYTHONPATH": str(folder),
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HOME": str(home),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_PIPELINING": "1",
    }
    argv = [PYTHON, "-m", module, *arguments]
    return testnode.run(argv, timeout=timeout, check=False, env=env, cwd=TOP)


class Played(NamedTuple):
    """What came of a play.

    Attributes:
        output: all that was printed.
        changed: how many tasks changed something, or would have.
        failed: how many failed, of which none was rescued.
    """

    output: str
    changed: int
    failed: int


class Player:
    """Plays the role on a node."""

    def __init__(self, node: testnode.Nspawn, folder: Path) -> None:
        """`folder` is for its files."""
        self._folder = folder
        ssh = folder / "ssh"
        ssh.write_text(_SSH.format(enter=shlex.join(node.enter({}))))
        ssh.chmod(0o755)
        connection = {
            "ansible_connection": "ansible.builtin.ssh",
            "ansible_ssh_executable": str(ssh),
            "ansible_ssh_transfer_method": "piped",
            "ansible_python_interpreter": PYTHON,
        }
        hosts = {"all": {"hosts": {"node": connection}}}
        (folder / "inventory.yml").write_text(json.dumps(hosts))
        (folder / "play.yml").write_text(json.dumps(_PLAYBOOK))

    def play(self, *options: str, **variables: object) -> Played:
        """Play it, with the role's variables without the beginning of their names."""
        named = {f"nodefix_{name}": value for name, value in variables.items()}
        inventory = f"--inventory={self._folder / 'inventory.yml'}"
        more = ["--extra-vars", json.dumps(named), *options, str(self._folder / "play.yml")]
        done = run("ansible.cli.playbook", inventory, *more, home=self._folder)
        recap = re.search(r"(?m)^node +: ok=\d+ +changed=(\d+) .*failed=(\d+)", done.output)
        assert recap, done.output
        played = Played(done.output, int(recap[1]), int(recap[2]))
        assert bool(played.failed) == bool(done.returncode), done.output
        return played
