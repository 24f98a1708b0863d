"""A stand-in for iptables-nft-restore and nft, with the words of iptables 1.8.9 (nf_tables)."""

from __future__ import annotations

import copy
import json
import shlex

import pytest
from fakehost import Node, result

from nodefix.host.programs import Result

RESTORE4 = "/usr/sbin/iptables-nft-restore"
RESTORE6 = "/usr/sbin/ip6tables-nft-restore"
NFT = "/usr/sbin/nft"
LIST_TABLES = (NFT, "--json", "list", "tables")

_BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
# As nft prints the hooks of iptables' own chains.
_HOOKS = {
    ("filter", "INPUT"): "type filter hook input priority 0",
    ("filter", "FORWARD"): "type filter hook forward priority 0",
    ("filter", "OUTPUT"): "type filter hook output priority 0",
    ("nat", "PREROUTING"): "type nat hook prerouting priority -100",
    ("nat", "INPUT"): "type nat hook input priority 100",
    ("nat", "OUTPUT"): "type nat hook output priority -100",
    ("nat", "POSTROUTING"): "type nat hook postrouting priority 100",
}
# A rule that was made with nft and that iptables refuses to list, or fails on as it comes to it.
NATIVE = "nft: "
UNPARSABLE = "nft!: "
# A rule with an extension of which the node has no library.
FOREIGN = "foreign: "
_TARGETS = frozenset({"ACCEPT", "DROP", "RETURN", "REJECT", "MASQUERADE", "MARK", "LOG"})

Chains = dict[tuple[str, str], list[str]]


class _Refused(Exception):
    """What the tool says, and its exit status."""

    def __init__(self, words: str, status: int = 1) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


class Listing:
    """What nft 1.1.3 says to `--json list tables`: the tables of all families, with their flags."""

    def __init__(self, node: Node) -> None:
        self.families: dict[str, Tables] = {}
        node.programs.table[LIST_TABLES] = self
        node.programs.table[(NFT, "--file", "-")] = self.load

    def load(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        """Make chains; those that are there stay as they are."""
        for line in stdin.decode().splitlines():
            add, kind, family, *names = line.split()
            assert add == "add"
            if kind == "chain":
                table, chain = names
                self.families[family].add(table, chain)
                self.families[family].changes.append(line)
        return result(0)

    def __call__(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        """The answer."""
        found: list[object] = [{"metainfo": {"version": "1.1.3", "json_schema_version": 1}}]
        for family, tables in self.families.items():
            for name in dict.fromkeys(table for table, _ in tables.chains):
                flags = {"flags": "dormant"} if name in tables.dormant else {}
                found.append({"table": {"family": family, "name": name, "handle": 1, **flags}})
        return result(0, json.dumps({"nftables": found}))


class Tables:
    """One family's tables: (table, chain) to rules as `-S` prints them, without `-A CHAIN`.

    Attributes:
        chains: all of them.
        changes: what was to change something, table by table.
        calls: how often a program was started for this family.
        hooks: the hook of built-in chains that are not iptables' own; empty for none.
        dormant: the tables with that flag.
    """

    def __init__(self, node: Node, six: bool = False) -> None:
        self.chains: Chains = {
            (table, chain): [] for table, chains in _BUILT_IN.items() for chain in chains
        }
        self.changes: list[str] = []
        self.calls: list[str] = []
        self.hooks: dict[tuple[str, str], str] = {}
        self.dormant: set[str] = set()
        self._program = RESTORE6 if six else RESTORE4
        self._family = "ip6" if six else "ip"
        node.programs.table[(self._program, "--noflush")] = self._restore
        node.programs.table[(NFT, "--numeric-priority", "list", "chains", self._family)] = (
            self._list
        )
        hint = (NFT, "list", "chain", self._family, "mangle", "KUBE-IPTABLES-HINT")
        node.programs.table[hint] = self._hint
        known = node.programs.table.get(LIST_TABLES)
        listing = known if isinstance(known, Listing) else Listing(node)
        listing.families[self._family] = self
        for table in _BUILT_IN:
            argv = (NFT, "--terse", "list", "table", self._family, table)
            node.programs.table[argv] = self._list_table
        for table, chain in self.chains:
            argv = (NFT, "list", "chain", self._family, table, chain)
            node.programs.table[argv] = self._list_chain

    def hook_of(self, table: str, chain: str) -> str:
        """A chain's hook as nft prints it; empty for one without."""
        return self.hooks.get((table, chain), _HOOKS.get((table, chain), ""))

    def rules(self, table: str, chain: str) -> list[str]:
        """A chain's rules; fails if it is not there."""
        return self.chains[table, chain]

    def add(self, table: str, chain: str, *rules: str) -> None:
        """Make a chain, if it is not there, and append rules."""
        self.chains.setdefault((table, chain), []).extend(rules)

    def _restore(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        script = stdin.decode()
        self.calls.append(self._program)
        if any(line[:2] in ("-N", "-I", "-D", "-A", "-X") for line in script.splitlines()):
            self.changes += [f"{part}COMMIT\n" for part in script.split("COMMIT\n")[:-1]]
        name = self._program.rsplit("/", 1)[1]
        printed: list[str] = []
        before = copy.deepcopy(self.chains)
        table = ""
        for number, line in enumerate(script.splitlines(), 1):
            try:
                if line.startswith("*"):
                    table, before = line[1:], copy.deepcopy(self.chains)
                elif line != "COMMIT":
                    self._line(table, line, printed)
            except _Refused as refused:
                # All or nothing, for each table.
                self.chains = before
                words = refused.words.format(name=name, number=number)
                return result(refused.status, "".join(printed), f"{words}\n")
        return result(0, "".join(printed))

    def _line(self, table: str, line: str, printed: list[str]) -> None:
        if line.startswith(":"):
            self.chains[table, line[1:].split()[0]] = []
            return
        option, chain, *rest = line.split(" ", 2)
        key, rule = (table, chain), rest[0] if rest else ""
        if option == "-N":
            if key in self.chains:
                raise _Refused("{name}: line {number} failed: Chain already exists.")
            self.chains[key] = []
        elif option == "-X":
            self._delete(key)
        elif option == "-S":
            self._show(key, printed)
        elif option in ("-D", "-C"):
            self._target(table, rule)
            self._find(key, rule)
            if option == "-D":
                self.chains[key].remove(rule)
        elif option == "-I":
            position, _, rule = rule.partition(" ")
            self._target(table, rule)
            if key in self.hooks:
                words = f" CHAIN_ADD failed (Operation not supported): chain {chain}"
                raise _Refused("{name} v1.8.9 (nf_tables): " + words, 4)
            if int(position) > len(self.chains[key]) + 1:
                raise _Refused("{name}: line {number} failed: Index of insertion too big.")
            self.chains[key].insert(int(position) - 1, rule)
        else:
            pytest.fail(f"the stand-in has no {line!r}")

    def _delete(self, key: tuple[str, str]) -> None:
        """The kernel refuses while the chain holds a rule or a rule leads to it."""
        table, chain = key
        led = any(
            {"-j", "-g"} & {*words} and words[-1] == chain
            for (of, _), rules in self.chains.items()
            for rule in rules
            if of == table and (words := rule.split())
        )
        if self.chains[key] or led:
            words = f" CHAIN_DEL failed (Device or resource busy): chain {chain}"
            raise _Refused("{name} v1.8.9 (nf_tables): " + words, 4)
        del self.chains[key]

    def _find(self, key: tuple[str, str], rule: str) -> None:
        """Go through a chain from its top, as iptables does: what it cannot parse ends it."""
        for one in self.chains[key]:
            if one == rule:
                return
            self._parse(one)
        words = "Bad rule (does a matching rule exist in that chain?)."
        raise _Refused("{name}: line {number} failed: " + words)

    def _parse(self, rule: str) -> None:
        if rule.startswith((NATIVE, UNPARSABLE, FOREIGN)):
            foreign = rule.startswith(FOREIGN)
            error = "match extension not found" if foreign else "cmp sreg undef"
            failed = "{name} v1.8.9 (nf_tables): Parsing nftables rule failed"
            perhaps = "Perhaps {name} or your kernel needs to be upgraded."
            raise _Refused(f"Error: {error}\n{failed}\n{perhaps}", 3)

    def _show(self, key: tuple[str, str], printed: list[str]) -> None:
        table, chain = key
        rules = self.chains.get(key)
        if rules is None or any(rule.startswith(NATIVE) for rule in rules):
            words = f"chain `{chain}' in table `{table}' is incompatible, use 'nft' tool."
            raise _Refused("{name} v1.8.9 (nf_tables): " + words)
        built_in = chain in _BUILT_IN[table]
        if key in self.hooks:
            taint = (
                f"# Table `{table}' contains incompatible base-chains, use 'nft' tool to list them."
            )
            rules = []
            printed.append(f"{taint}\n")
        printed.append(f"-P {chain} ACCEPT\n" if built_in else f"-N {chain}\n")
        for rule in rules:
            self._parse(rule)
            printed.append(f"-A {chain} {rule}\n")

    def _target(self, table: str, rule: str) -> None:
        words = shlex.split(rule)
        target = words[words.index("-j") + 1] if "-j" in words else ""
        if target and target not in _TARGETS and (table, target) not in self.chains:
            words_ = "{name} v1.8.9 (nf_tables): Chain '" + target + "' does not exist"
            raise _Refused(words_ + "\nError occurred at line: {number}", 2)

    def _list(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        self.calls.append(NFT)
        lines: list[str] = []
        for table in dict.fromkeys(table for table, _ in self.chains):
            lines.append(f"table {self._family} {table} {{")
            for owner, chain in self.chains:
                if owner == table:
                    hook = self.hooks.get((table, chain), _HOOKS.get((table, chain), ""))
                    built_in = [f"\t\t{hook}; policy accept;"] * bool(hook)
                    lines += [f"\tchain {chain} {{", *built_in, "\t}"]
            lines.append("}")
        return result(0, "\n".join([*lines, ""]))

    def _list_table(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        flags = ["\tflags dormant", ""] * (argv[-1] in self.dormant)
        lines = [f"table {self._family} {argv[-1]} {{", *flags, "\tchain OUTPUT {", "\t}", "}", ""]
        return result(0, "\n".join(lines))

    def _hint(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        there = argv[-2:] in self.chains
        return result(0) if there else result(1, "", "Error: No such file or directory")

    def _list_chain(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        table, chain = argv[-2:]
        rules = [rule.removeprefix(NATIVE) for rule in self.chains[table, chain]]
        lines = [f"table {self._family} {table} {{", f"\tchain {chain} {{"]
        lines += [f"\t\t{_HOOKS[table, chain]}; policy accept;"]
        return result(0, "\n".join([*lines, *(f"\t\t{rule}" for rule in rules), "\t}", "}", ""]))
