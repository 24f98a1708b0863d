"""Reading YAML that somebody else wrote."""

from __future__ import annotations

from typing import Any

from nodefix.errors import NodefixError


def parse(content: bytes) -> Any:
    """Parse one document.

    Raises:
        NodefixError: it is not valid; says where.
    """
    try:
        return _load(content)
    except Exception as error:  # PyYAML's constructors raise what int() and the like do
        words = " ".join(str(error).split())[:300] or type(error).__name__
        raise NodefixError(f"is not valid YAML: {words}") from error


def _load(content: bytes) -> Any:
    import yaml

    # Not the faster C loader: deep nesting overflows its stack and ends the process.
    class Loader(yaml.SafeLoader):
        """Refuses what no settings need: aliases, which can blow up, and keys given twice."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("found an alias (*), expected the value itself")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    problem = f"found the key {key.value} a second time"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return yaml.load(content, Loader=Loader)
