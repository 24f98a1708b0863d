"""failSwapOn of a KubeletConfiguration, read as kubelet reads it.

What begins as JSON is JSON and nothing else. Of YAML only the first document counts, a key that is
there twice counts as it was written last, and no value but the wanted ones has to make sense. The
events of the parser are read one by one and nothing is built of them, so aliases cannot expand
without end and nesting costs nothing.

Sources: kubernetes pkg/kubelet/kubeletconfig/configfiles, cmd/kubelet/app/server.go
(mergeKubeletConfigurations); apimachinery pkg/runtime/serializer/json, recognizer;
sigs.k8s.io/yaml with its goyaml.v2 (resolve.go, a port of libyaml). Held against the real one by
tests/unit/data/kubelet/settings.yaml.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import UnclearError

if TYPE_CHECKING:
    from yaml import Event, NodeEvent, ScalarEvent

# Of nested mappings and lists; KubeletConfiguration has three.
_DEPTH = 100

_KEY = "failSwapOn"
_HEAD = {"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1"}
# As decoders of YAML 1.1 have it; a quoted one is none.
_MERGE = "<<"

# YAML 1.1 as goyaml.v2 has it.
_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TAG = "tag:yaml.org,2002:"
_VERSION = (1, 1)

# true or false, null, a text, or words for what is none of these.
_Value = bool | None | str


class Said(NamedTuple):
    """What a file says about failSwapOn.

    Attributes:
        stated: whether it has the key.
        value: the key's value; None for null.
    """

    stated: bool
    value: bool | None = None


class _Document(NamedTuple):
    """The first document: its own keys, and keys of it or in it that are there twice."""

    top: dict[str, _Value]
    repeated: list[str]


def fail_swap_on(content: bytes, path: str, drop_in: bool = False, head: bool = True) -> Said:
    """What a file of --config, or a drop-in of --config-dir, says.

    Args:
        content: what is in it.
        path: where it is.
        drop_in: whether it is a drop-in, of which kubelet takes less.
        head: whether its kind and apiVersion are its own, and not made by who starts kubelet.

    Raises:
        UnclearError: kubelet refuses the file, or PyYAML is not there to read it.
    """
    try:
        text = content.decode("utf-8", "replace")
        document = _from_json(text) if text.lstrip().startswith("{") else _from_yaml(content)
        _check_head(document.top, head)
        if drop_in:
            _check_drop_in(document)
    except UnclearError as error:
        raise UnclearError(
            f"{path}: {error.message}", error.hint or f"cat -A {shlex.quote(path)}"
        ) from error
    if _KEY not in document.top:
        return Said(False)
    value = document.top[_KEY]
    if isinstance(value, str):
        raise UnclearError(
            f"{path}: {_KEY}: found {value[:40]!r}, expected true or false",
            f"cat -A {shlex.quote(path)}",
        )
    return Said(True, value)


def _check_head(top: dict[str, _Value], needed: bool) -> None:
    for key, expected in _HEAD.items():
        if key not in top and needed:
            raise UnclearError(f"found no {key}, expected {key}: {expected}")
        if key in top and top[key] != expected:
            raise UnclearError(f"found the {key} {str(top[key])[:40]!r}, expected {expected}")


def _check_drop_in(document: _Document) -> None:
    """kubelet decodes these strictly and does not start otherwise, but takes a key in any case."""
    if document.repeated:
        raise UnclearError(
            f"found the key {document.repeated[0][:40]!r} twice, which kubelet refuses in a drop-in"
        )
    for key in document.top:
        if key != _KEY and key.casefold() == _KEY.casefold():
            raise UnclearError(f"found the key {key!r}, which may count for {_KEY}; expected that")


def _from_json(text: str) -> _Document:
    document = _Document({}, [])

    def mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                document.repeated.append(key)
            found[key] = value
        return found

    try:
        # Numbers of any length, and no NaN, as in Go.
        top: dict[str, object] = json.loads(
            text, object_pairs_hook=mapping, parse_int=str, parse_float=str, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise UnclearError(f"is not valid JSON, as which it begins: {error}") from error
    for key, value in top.items():
        if value is None or isinstance(value, bool | str):
            document.top[key] = value
        else:
            document.top[key] = type(value).__name__
    return document


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no value")


def _from_yaml(content: bytes) -> _Document:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise UnclearError("PyYAML is missing", "dnf install python3-pyyaml") from error
    except Exception as error:
        words = f"PyYAML cannot be loaded: {error or type(error).__name__}"
        raise UnclearError(words, "dnf reinstall python3-pyyaml") from error
    # libyaml as kubelet's own parser; it does not recurse as long as nothing is composed.
    loader = getattr(yaml, "CLoader", yaml.SafeLoader)
    try:
        return _walk(yaml.parse(content, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        words = getattr(error, "problem", None) or " ".join(str(error).split())[:100]
        raise UnclearError(f"{line}is not valid YAML: {words}") from error


class _Frame:
    """A mapping or list that is open.

    Attributes:
        keys: those of a mapping so far; None for a list.
        key: the key whose value comes next.
        at_value: whether a value comes next.
    """

    def __init__(self, is_mapping: bool) -> None:
        self.keys: set[str] | None = set() if is_mapping else None
        self.key = ""
        self.at_value = False

    def take(self, scalar: ScalarEvent | None, document: _Document, is_top: bool) -> None:
        """Take the next node, in a mapping a key and a value in turn; None if it is no scalar."""
        if self.keys is None:
            return
        if self.at_value:
            if is_top:
                document.top[self.key] = _value(scalar)
        else:
            if scalar is None:
                raise UnclearError("found a mapping or a list as a key, which kubelet refuses")
            self.key = _key(scalar, is_top)
            if self.key in self.keys:
                document.repeated.append(self.key)
            self.keys.add(self.key)
        self.at_value = not self.at_value


def _walk(events: Iterable[Event]) -> _Document:
    """Read the first document's events."""
    import yaml

    document = _Document({}, [])
    frames: list[_Frame] = []
    anchors: dict[str | None, NodeEvent] = {}
    for event in events:
        match event:
            case yaml.StreamEndEvent():
                raise UnclearError("is empty, expected a mapping of settings")
            case yaml.DocumentEndEvent():
                break
            case yaml.DocumentStartEvent() if event.version and event.version != _VERSION:
                found = ".".join(map(str, event.version))
                raise UnclearError(f"found %YAML {found}, expected 1.1, which kubelet reads")
            case yaml.CollectionEndEvent():
                frames.pop()
            case yaml.NodeEvent():
                node = _resolved(event, anchors)
                scalar = node if isinstance(node, yaml.ScalarEvent) else None
                if frames:
                    frames[-1].take(scalar, document, is_top=len(frames) == 1)
                elif not isinstance(event, yaml.MappingStartEvent):
                    raise UnclearError("found no mapping, expected a mapping of settings")
                if isinstance(event, yaml.CollectionStartEvent):
                    frames.append(_Frame(isinstance(event, yaml.MappingStartEvent)))
        if len(frames) > _DEPTH:
            raise UnclearError(f"found more than {_DEPTH} levels of nesting, expected a few")
    return document


def _resolved(event: NodeEvent, anchors: dict[str | None, NodeEvent]) -> NodeEvent:
    """A node, which an alias only names."""
    import yaml

    if not isinstance(event, yaml.AliasEvent):
        anchors[event.anchor] = event
        return event
    if event.anchor not in anchors:
        name = str(event.anchor)[:40]
        raise UnclearError(f"found the alias *{name}, expected an anchor before it")
    return anchors[event.anchor]


def _key(scalar: ScalarEvent, is_top: bool) -> str:
    tag = (scalar.tag or "").removeprefix(_TAG)
    if tag == "binary":
        raise UnclearError("found a key with the tag !!binary, expected its letters")
    if scalar.value == _MERGE and is_top and (scalar.implicit[0] or tag == "merge"):
        # It may override a key before it.
        raise UnclearError(f"found a merge key ({_MERGE}), expected {_KEY} itself")
    return scalar.value


def _value(scalar: ScalarEvent | None) -> _Value:
    if scalar is None:
        return "a mapping, a list or an alias of one"
    text = scalar.value
    tag = (scalar.tag or "").removeprefix(_TAG)
    plain = scalar.implicit[0] and not tag
    if (plain or tag == "bool") and text in _TRUE | _FALSE:
        return text in _TRUE
    if (plain or tag == "null") and text in _NULL:
        return None
    return text
