"""The states of the transcript data/alternatives-el.txt: what came before its commands."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from el_alternatives import (
    ADMIN,
    FOLLOWERS,
    INSTALL,
    INSTALL_ALL,
    LINKS,
    NFT,
    SET,
    ElAlternatives,
)

OTHER = "/usr/sbin/iptables-other"
STATE = f"{ADMIN}/iptables"


def registered(el: ElAlternatives) -> None:
    """As the package does it."""
    el.run(*INSTALL_ALL[1:])


def content(el: ElAlternatives) -> str:
    """The state file."""
    return el.node.host.path(STATE).read_text()


def rewritten(old: str, new: str) -> Callable[[ElAlternatives], None]:
    """Registered, and then something in the state file is another."""

    def state(el: ElAlternatives) -> None:
        registered(el)
        text = content(el)
        assert old in text
        el.node.file(STATE, text.replace(old, new, 1))

    return state


def holds(text: str) -> Callable[[ElAlternatives], None]:
    """Registered, and then the state file has another content."""

    def state(el: ElAlternatives) -> None:
        registered(el)
        el.node.file(STATE, text)

    return state


def without(*paths: str) -> Callable[[ElAlternatives], None]:
    """Registered, and then files or links are gone."""

    def state(el: ElAlternatives) -> None:
        registered(el)
        for path in paths:
            el.node.host.path(path).unlink()

    return state


def file_at(path: str) -> Callable[[ElAlternatives], None]:
    """Registered, and then a file stands where a link was."""

    def state(el: ElAlternatives) -> None:
        without(path)(el)
        el.node.file(path, "not a link", 0o755)

    return state


def folder_at(path: str) -> Callable[[ElAlternatives], None]:
    """Registered, and then a folder stands where a link or a file was."""

    def state(el: ElAlternatives) -> None:
        without(path)(el)
        el.node.host.path(path).mkdir()

    return state


def _chosen(el: ElAlternatives) -> None:
    registered(el)
    el.run(*SET[1:])


def _by_hand(el: ElAlternatives) -> None:
    el.run(*INSTALL[1:])
    el.run(*SET[1:])


def _package_after_hand(el: ElAlternatives) -> None:
    _by_hand(el)
    registered(el)


def _other_chosen(el: ElAlternatives) -> None:
    registered(el)
    el.node.file(OTHER)
    el.run("--install", "/usr/sbin/iptables", "iptables", OTHER, "5")
    el.run("--set", "iptables", OTHER)


def _other_removed(el: ElAlternatives) -> None:
    _other_chosen(el)
    el.node.host.path(OTHER).unlink()


def _no_links_folder(el: ElAlternatives) -> None:
    registered(el)
    shutil.rmtree(el.node.host.path(LINKS))


def _only_other_and_no_link(el: ElAlternatives) -> None:
    el.node.file(OTHER)
    el.run("--install", "/usr/sbin/iptables", "iptables", OTHER, "50")
    el.run("--set", "iptables", OTHER)
    el.node.host.path(f"{LINKS}/iptables").unlink()


def _read_only(el: ElAlternatives) -> None:
    without("/usr/sbin/ip6tables")(el)
    el.read_only = ("/usr",)


def _full(el: ElAlternatives) -> None:
    without("/usr/sbin/ip6tables")(el)
    el.full = True


def _killed(el: ElAlternatives) -> None:
    without("/usr/sbin/ip6tables")(el)
    el.node.file(f"{STATE}.new", "auto\n")


def _bent(el: ElAlternatives) -> None:
    without(f"{LINKS}/iptables")(el)
    el.node.file("/usr/sbin/xtables-legacy-multi")
    el.node.link(f"{LINKS}/iptables", "/usr/sbin/xtables-legacy-multi")


def _equals(first: str, second: str) -> Callable[[ElAlternatives], None]:
    def state(el: ElAlternatives) -> None:
        el.node.file(OTHER)
        for path in (first, second):
            el.run("--install", "/usr/sbin/iptables", "iptables", path, "10")

    return state


def _extra_follower(el: ElAlternatives) -> None:
    el.node.file("/usr/sbin/iptables-nft-apply")
    extra = ("/usr/sbin/iptables-apply", "iptables-apply", "/usr/sbin/iptables-nft-apply")
    el.run(*INSTALL[1:], "--follower", *extra)


def _admin_folder_is_a_file(el: ElAlternatives) -> None:
    shutil.rmtree(el.node.host.path(ADMIN))
    el.node.file(ADMIN)


def _no_admin_folder(el: ElAlternatives) -> None:
    el.node.host.path(ADMIN).rmdir()


_NO_CANDIDATE = "auto\n/usr/sbin/iptables\nip6tables\n/usr/sbin/ip6tables\n\n"
_BARE = f"auto\n/usr/sbin/iptables\n\n{NFT}\n"
_IP6 = FOLLOWERS["ip6tables"]

STATES: dict[int, Callable[[ElAlternatives], None]] = {
    1: registered,
    2: registered,
    3: registered,
    4: lambda el: None,
    5: lambda el: None,
    6: _package_after_hand,
    7: _other_chosen,
    8: _other_removed,
    9: file_at("/usr/sbin/iptables"),
    10: holds("garbage\n"),
    11: registered,
    12: _chosen,
    13: without(f"{LINKS}/iptables"),
    14: file_at(f"{LINKS}/iptables"),
    15: folder_at(f"{LINKS}/iptables"),
    16: _no_links_folder,
    17: folder_at(STATE),
    18: folder_at("/usr/sbin/iptables"),
    19: holds(_NO_CANDIDATE),
    20: holds(_NO_CANDIDATE.removesuffix("\n")),
    21: rewritten("\n10\n", "\nhigh\n"),
    22: holds(_BARE),
    23: holds(""),
    24: rewritten(f"\n{_IP6}\n", "\n/usr/sbin/nosuch\n"),
    25: _read_only,
    26: _killed,
    27: rewritten("\n/usr/sbin/iptables\n", "\n/usr/local/sbin/iptables\n"),
    28: rewritten("\n/usr/sbin/ip6tables\n", "\n/usr/local/sbin/ip6tables\n"),
    29: rewritten("\nip6tables\n", "\nip6tables6\n"),
    30: _only_other_and_no_link,
    31: folder_at(f"{LINKS}/ip6tables"),
    32: file_at(f"{LINKS}/ip6tables"),
    33: _full,
    34: holds(f"{_NO_CANDIDATE}{NFT}\n 0x10 later\n"),
    35: _bent,
    36: _equals(NFT, OTHER),
    37: _equals(OTHER, NFT),
    38: without(NFT),
    39: _extra_follower,
    40: _admin_folder_is_a_file,
    41: _no_admin_folder,
    42: holds(f"{_BARE}10\n\nmore\n"),
    43: holds(f"{_BARE}@@10\n"),
    44: holds(f"{_BARE}@nft@high\n"),
    45: holds("auto\nrelative\n\n"),
    46: holds("auto\n/usr/sbin/iptables\nip6tables\n\n"),
    47: holds("auto\n/usr/sbin/iptables\n/usr/sbin/ip6tables\nip6tables\n\n"),
    48: holds(f"{_NO_CANDIDATE}{NFT}\n10\nrelative\n"),
    49: holds("auto\n/usr/sbin/iptables\n\nrelative\n10\n"),
}
