"""Reading the YAML of the settings, strictly and at a bounded cost."""

from __future__ import annotations

import re
from collections.abc import Hashable

from nodefix.errors import NodefixError
from nodefix.host.image import for_this_node
from nodefix.text import bounded

# Settings are two levels deep.
_DEPTH = 20
# The same for YAML 1.1, as PyYAML reads it, and for 1.2, as editors do. 0256 is 174 and 256; 1:30,
# 1_000 and 0b11 are numbers and strings.
_PLAIN_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9A-Fa-f]+")


def parse(content: bytes, *, plain_numbers: bool = False) -> object:
    """Parse one document.

    Args:
        content: of the file.
        plain_numbers: refuse numbers that are not the same for each reader of YAML.

    Raises:
        NodefixError: it is not valid, and where; or PyYAML is missing.
    """
    try:
        import yaml  # noqa: F401
    except Exception as error:  # byte code that is cut off is an EOFError, and so on
        verb = "install" if isinstance(error, ModuleNotFoundError) else "reinstall"
        message = f"cannot be read without PyYAML: {bounded(str(error))}"
        raise NodefixError(message, for_this_node(f"dnf {verb} python3-pyyaml")) from error
    try:
        return _load(content, plain_numbers)
    except Exception as error:  # PyYAML's constructors raise what int() and the like do
        # What PyYAML calls content that has no name, and its pointer to a column.
        said = str(error).replace('in "<byte string>", ', "at ").removesuffix("^")
        words = " ".join(said.split()) or type(error).__name__
        raise NodefixError(f"is not valid YAML: {bounded(words, 300)}") from error


def _load(content: bytes, plain_numbers: bool) -> object:
    import yaml

    # Not the faster C loader: deep nesting overflows its stack and ends the process.
    class Loader(yaml.SafeLoader):
        """Refuses aliases, which can expand without end, depth, and keys given twice."""

        depth = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("found an alias (*), expected the value itself")
            if self.depth > _DEPTH:
                problem = f"found values nested more than {_DEPTH} deep"
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def compose_scalar_node(self, anchor: dict[Hashable, yaml.Node]) -> yaml.ScalarNode:
            node = super().compose_scalar_node(anchor)
            is_number = plain_numbers and node.tag == "tag:yaml.org,2002:int"
            if is_number and not _PLAIN_NUMBER.fullmatch(node.value):
                problem = f"found {node.value}, expected a number of digits without a leading 0"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
            return node

        def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False
        ) -> dict[Hashable, object]:
            seen: set[object] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    problem = f"found the key {key.value} a second time"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return yaml.load(content, Loader=Loader)
