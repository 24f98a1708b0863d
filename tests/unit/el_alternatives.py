"""A stand-in for Enterprise Linux's `alternatives` on a made-up tree.

It follows the program step by step (alternatives.c of chkconfig 1.33), its refusals, crashes and
silent failures included; test_el_alternatives.py holds it against data/alternatives-el.txt, a
transcript of the real one.
Source: https://github.com/fedora-sysv/chkconfig/blob/1.33/alternatives.c
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from el_state import Alternative, Crashed, Follower, Refused, State, parsed
from fakehost import Node, result

from nodefix.host.programs import Result

PROGRAM = "/usr/sbin/alternatives"
LINKS = "/etc/alternatives"
ADMIN = "/var/lib/alternatives"
NFT = "/usr/sbin/iptables-nft"
MULTI = "/usr/sbin/xtables-nft-multi"
FOLLOWERS = {
    "ip6tables": "/usr/sbin/ip6tables-nft",
    "iptables-save": "/usr/sbin/iptables-nft-save",
    "iptables-restore": "/usr/sbin/iptables-nft-restore",
    "ip6tables-save": "/usr/sbin/ip6tables-nft-save",
    "ip6tables-restore": "/usr/sbin/ip6tables-nft-restore",
}
SET = (PROGRAM, "--set", "iptables", NFT)
AUTO = (PROGRAM, "--auto", "iptables")
INSTALL = (PROGRAM, "--install", "/usr/sbin/iptables", "iptables", NFT, "10")
INSTALL_ALL = INSTALL + tuple(
    word
    for name, path in FOLLOWERS.items()
    for word in ("--follower", f"/usr/sbin/{name}", name, path)
)
_SEGFAULT = -11


class ElAlternatives:
    """`alternatives` for one node; installs itself among the node's commands.

    Attributes:
        read_only: folders below which the kernel refuses changes.
        full: whether the state's file system has no room: a new file is made and stays empty.
    """

    def __init__(self, node: Node, admin: str = ADMIN) -> None:
        self.node = node
        self.admin = admin
        self.read_only: tuple[str, ...] = ()
        self.full = False
        self._said = ""
        node.host.path(admin).mkdir(parents=True)
        node.host.path(LINKS).mkdir(parents=True)
        node.file(MULTI, mode=0o755)
        for path in (NFT, *FOLLOWERS.values()):
            node.link(path, "xtables-nft-multi")
        node.file(PROGRAM, mode=0o755)
        node.programs.table[(PROGRAM,)] = lambda argv, stdin: self.run(*argv[1:])

    def run(self, *arguments: str) -> Result:
        """One call of the program."""
        self._said = ""
        try:
            status, printed = self._main(*arguments)
        except Refused as words:
            return result(2, stderr=f"{self._said}{words}\n" if str(words) else self._said)
        except Crashed:
            return result(_SEGFAULT)
        return result(status, printed, self._said)

    def _main(self, action: str, *rest: str) -> tuple[int, str]:
        if not self.node.host.path(LINKS).is_dir():
            raise Refused(f"altdir {LINKS} invalid")
        if not os.path.lexists(self.node.host.path(self.admin)):
            self.node.host.path(self.admin).mkdir()
        if action == "--list":
            names = sorted(file.name for file in self.node.host.path(self.admin).iterdir())
            width = max(map(len, names), default=0)
            return 0, "".join(self._listed(name, width) for name in names)
        if action == "--install":
            return self._install(rest[:4], rest[4:]), ""
        return self._one(action, *rest)

    def _one(self, action: str, name: str, target: str = "") -> tuple[int, str]:
        state = self._read(name)
        if state.status == 3 and action == "--set":
            raise Refused(f"cannot access {self.admin}/{name}: No such file or directory")
        if state.status:
            raise Refused
        if action == "--display":
            return 0, state.display(name)
        if action == "--auto":
            state.current, state.manual = state.best, False
            return self._write(name, state, force=False), ""
        assert action == "--set", f"the stand-in has no {action}"
        at = state.index(target)
        if at is None:
            raise Refused(f"{target} has not been configured as an alternative for {name}")
        state.current, state.manual = at, True
        return self._write(name, state, force=True), ""

    def _listed(self, name: str, width: int) -> str:
        state = self._read(name)
        if state.status:
            raise Refused
        return f"{name:{width}}\t{'manual' if state.manual else 'auto  '}\t{state.link}\n"

    def _read(self, name: str) -> State:
        """readConfig(): its status is 3 without a state file, 2 without the leader's link."""
        path = f"{self.admin}/{name}"
        try:
            place = self.node.host.path(path)
            content = b"" if place.is_dir() else place.read_bytes()
        except FileNotFoundError:
            return State(status=3)
        except OSError as error:
            raise Refused(f"failed to open {path}: {error.strerror}") from error
        if place.is_dir():
            raise Refused(f"failed to read {path}: Is a directory")
        state = parsed(content, path)
        try:
            state.link = str(self.node.host.path(f"{LINKS}/{name}").readlink())
        except OSError as error:
            self._said += f"failed to read link {state.facility}: {error.strerror}\n"
            state.status = 2
            return state
        state.current = state.index(state.link)
        if state.current != state.best:
            # Also where automatic mode is not what the links show.
            state.manual = True
        return state

    def _install(self, words: tuple[str, ...], rest: tuple[str, ...]) -> int:
        link, name, path, priority = words
        new = Alternative(path, int(priority))
        for at in range(0, len(rest), 4):
            option, follower_link, follower, target = rest[at : at + 4]
            assert option in ("--follower", "--slave"), f"the stand-in has no {option}"
            new.followers.append(Follower(follower, follower_link, target))
        state = self._read(name)
        known = state.index(path)
        if not state.alternatives:
            state.facility = link
            state.alternatives = [new]
        else:
            if state.facility != link:
                raise Refused(f"the primary link for {name} must be {state.facility}")
            dropped = state.add(new, known)
            for follower in dropped:
                self._remove(follower.title, follower.link)
        return self._write(name, state, force=known is not None)

    def _write(self, name: str, state: State, *, force: bool) -> int:
        path = f"{self.admin}/{name}"
        try:
            self._expect_writable(path)
            with self.node.host.path(f"{path}.new").open("xb") as file:
                file.write(b"" if self.full else state.text().encode())
        except FileExistsError:
            raise Refused(f"{path}.new already exists") from None
        except OSError as error:
            raise Refused(f"failed to create {path}.new: {error.strerror}") from error
        self.node.host.path(f"{path}.new").replace(self.node.host.path(path))
        if not state.manual:
            state.current = state.best
        chosen = state.alternatives[state.current or 0]
        failed = False
        if force or not state.manual:
            failed |= self._tie(name, state.facility, chosen.path)
            for follower in chosen.followers:
                if follower.target:
                    failed |= self._tie(follower.title, follower.link, follower.target)
                else:
                    failed |= self._remove(follower.title, follower.link)
        return 2 if failed else 0

    def _tie(self, title: str, link: str, target: str) -> bool:
        """makeLinks(); whether it failed."""
        middle = f"{LINKS}/{title}"
        place = self.node.host.path(link)
        if os.path.lexists(place) and not place.is_symlink():
            words = f"failed to link {link} -> {middle}: {link} exists and it is not a symlink"
            self._said += f"{words}\n"
        elif not place.is_symlink() or str(place.readlink()) != middle:
            self._unlinked(link)
            if self._linked(link, middle):
                return True
        place = self.node.host.path(middle)
        if place.is_symlink() and str(place.readlink()) == target:
            return False
        if words := self._unlinked(middle):
            self._said += f"failed to remove link {middle}: {words}\n"
            return True
        return self._linked(middle, target)

    def _remove(self, title: str, link: str) -> bool:
        """removeLinks(); whether it failed."""
        for path in (f"{LINKS}/{title}", link):
            if self.node.host.path(path).is_symlink() and (words := self._unlinked(path)):
                self._said += f"failed to remove link {path}: {words}\n"
                return True
        return False

    def _linked(self, path: str, target: str) -> bool:
        """symlink(); whether it failed, and then it was said."""
        try:
            self._expect_writable(path)
            self.node.host.path(path).symlink_to(target)
        except OSError as error:
            self._said += f"failed to link {path} -> {target}: {error.strerror}\n"
            return True
        return False

    def _unlinked(self, path: str) -> str:
        """unlink(), of files too; the kernel's words if it failed."""
        try:
            self._expect_writable(path)
            self.node.host.path(path).unlink(missing_ok=True)
        except OSError as error:
            return error.strerror or ""
        return ""

    def _expect_writable(self, path: str) -> None:
        if any(Path(path).is_relative_to(folder) for folder in self.read_only):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
