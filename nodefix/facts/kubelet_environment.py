"""The environment of a systemd service, and the words that its ExecStart= comes to.

Sources: systemd.exec(5), systemd.service(5) "Command lines"; systemd's src/basic/env-file.c
(parse_env_file_internal), src/basic/env-util.c (replace_env_argv), src/basic/extract-word.c.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
from typing import TYPE_CHECKING

from nodefix.errors import UnclearError

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

# From this release a comment that ends in a backslash no longer takes the next line along.
_COMMENTS_END_WITH_THEIR_LINE = 254

_CONTINUED_COMMENT = re.compile(r"^[ \t]*[#;].*\\$", re.M)
_COMMENT = re.compile(r"[^\n\r]*")
_OLD_COMMENT = re.compile(r"(?:\\[\s\S]|[^\\\n\r])*")
_KEY = re.compile(r"[^\n\r][^\n\r=]*")
_BLANKS = re.compile(r"[ \t]*")
_DOUBLE_QUOTED = re.compile(r'(?:\\[\s\S]|[^\\"])*')
_BARE = re.compile(r"(?:\\[\s\S]|[^\\\n\r])*")
_ESCAPE = re.compile(r"\\([\s\S])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"\$\$|\$\{([^}]*)(\}?)")


def words_of(host: Host, command: ServiceCommand) -> list[str]:
    """The arguments after the program's name as the program gets them.

    Raises:
        UnclearError: an environment file that the service needs cannot be read.
        BusError: systemd was to be asked for its release, and did not answer.
    """
    if not command.expands:
        return list(command.argv[1:])
    return expanded(command.argv[1:], variables_of(host, command))


def expanded(argv: tuple[str, ...], variables: dict[str, str]) -> list[str]:
    """Fill in variables: `$NAME` alone becomes any number of words, `${NAME}` a part of one."""
    words: list[str] = []
    for word in argv:
        if word.startswith("$") and word[1:2] not in ("{", "$"):
            # Something that is no name is dropped, like a variable that is not set.
            words += split(variables.get(word[1:], ""))
        else:
            words.append(_VARIABLE.sub(lambda m: _filled_in(m, variables), word))
    return words


def _filled_in(match: re.Match[str], variables: dict[str, str]) -> str:
    if match[1] is None:
        return "$"
    return variables.get(match[1], "") if match[2] else match[0]


def split(text: str) -> list[str]:
    """Split a variable's value into words; quotes hold together, a backslash escapes anywhere."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            word = (word or "") + next(letters, "")
        elif quote:
            quote, more = ("", "") if letter == quote else (quote, letter)
            word = (word or "") + more
        elif letter in "\"'":
            quote, word = letter, word or ""
        elif letter not in " \t\n\r":
            word = (word or "") + letter
        elif word is not None:
            words.append(word)
            word = None
    return words if word is None else [*words, word]


def variables_of(host: Host, command: ServiceCommand) -> dict[str, str]:
    """What the service finds set: files win over Environment=, and UnsetEnvironment= over all.

    Raises:
        UnclearError: an environment file that the service needs cannot be read.
        BusError: systemd was to be asked for its release, and did not answer.
    """
    found = dict(line.partition("=")[::2] for line in command.environment)
    for pattern, optional in command.files:
        for path in _matches(host, pattern, optional):
            found |= _file(host, path, optional)
    for unset in command.unset:
        name, equals, value = unset.partition("=")
        if not equals or found.get(name) == value:
            found.pop(name, None)
    return found


def _matches(host: Host, pattern: str, optional: bool) -> list[str]:
    if not glob.has_magic(pattern):
        return [pattern]
    _expect_listable(host, pattern)
    top = os.fspath(host.root)
    # Path.glob would find hidden files too, and glob(3) does not.
    found = glob.glob(glob.escape(top.rstrip("/")) + pattern)  # noqa: PTH207
    if not found and not optional:
        folder = shlex.quote(pattern.rpartition("/")[0])
        raise UnclearError(
            f"{pattern}, which its unit's EnvironmentFile= needs: found no such file",
            f"ls -la {folder}",
        )
    return ["/" + os.path.relpath(path, top) for path in sorted(found)]


def _expect_listable(host: Host, pattern: str) -> None:
    """glob() takes a folder that cannot be read for an empty one."""
    folder = pattern.rpartition("/")[0]
    if glob.has_magic(folder):
        return
    try:
        os.scandir(host.path(folder)).close()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UnclearError(
            f"{folder}, where an EnvironmentFile= of its unit is: cannot be listed:"
            f" {error.strerror}",
            f"ls -ldZ {shlex.quote(folder)}",
        ) from error


def _file(host: Host, path: str, optional: bool) -> dict[str, str]:
    try:
        return _read(host, path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if optional:
            return {}
        raise _needed(path, error.strerror) from error
    except OSError as error:
        raise _needed(path, error.strerror) from error
    except ValueError as error:
        # systemd ignores the whole file, or does not start the service.
        if optional:
            return {}
        raise _needed(path, str(error)) from error


def _needed(path: str, why: str | None) -> UnclearError:
    return UnclearError(
        f"{path}, an EnvironmentFile= of its unit: cannot be read: {why}",
        f"ls -lZ {shlex.quote(path)}",
    )


def environment_file(host: Host, path: str) -> dict[str, str]:
    """The assignments of one environment file, as systemd reads it from release 254 on.

    Raises:
        OSError: it cannot be read.
        ValueError: it has bytes with which systemd refuses the whole file.
    """
    return assignments(_text(host, path))


def _text(host: Host, path: str) -> str:
    # Bytes that are no UTF-8 do no harm in a comment.
    return host.read(path).decode("utf-8", "surrogateescape")


def _read(host: Host, path: str) -> dict[str, str]:
    text = _text(host, path)
    if _CONTINUED_COMMENT.search(text) and host.systemd.version() < _COMMENTS_END_WITH_THEIR_LINE:
        return assignments(text, _OLD_COMMENT)
    return assignments(text)


def assignments(text: str, comment: re.Pattern[str] = _COMMENT) -> dict[str, str]:
    """Parse an environment file.

    Args:
        text: the file's text, bytes that are no UTF-8 as surrogates.
        comment: what a comment reaches to.

    Raises:
        ValueError: a NUL byte, or an assignment that is no UTF-8.
    """
    if "\0" in text:
        raise ValueError("found a NUL byte")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if text[at] in " \t\n\r":
            at += 1
        elif text[at] in "#;":
            at = _end(comment, text, at)
        else:
            end = _end(_KEY, text, at)
            key, at = text[at:end].rstrip(" \t"), end
            if text[at : at + 1] == "=":
                value, at = _value(text, at + 1)
                if not (key + value).isascii():
                    _expect_utf8(key + value)
                if _NAME.fullmatch(key):
                    found[key] = value
    return found


def _expect_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("found bytes that are no UTF-8") from error


def _value(text: str, at: int) -> tuple[str, int]:
    """The value after an equals sign, and where it ends."""
    value = ""
    at = _end(_BLANKS, text, at)
    # Quotes count at the beginning only; between and after quoted parts blanks are dropped.
    while text[at : at + 1] in ("'", '"'):
        if text[at] == "'":
            end = text.find("'", at + 1)
            end = len(text) if end < 0 else end
            value += text[at + 1 : end]
        else:
            end = _end(_DOUBLE_QUOTED, text, at + 1)
            value += _ESCAPE.sub(_unquoted, text[at + 1 : end])
        at = _end(_BLANKS, text, end + 1)
    end = _end(_BARE, text, at)
    if text[end : end + 1] == "\\":
        # A backslash that ends the file is dropped, and keeps the blanks before it.
        return value + _ESCAPE.sub(_bare, text[at:end]), end + 1
    return value + _unescaped(text[at:end]), end


def _unquoted(match: re.Match[str]) -> str:
    """An escape between double quotes: those that a shell knows, and no other."""
    if match[1] == "\n":
        return ""
    return match[1] if match[1] in '"\\`$' else match[0]


def _unescaped(raw: str) -> str:
    """A value without quotes: blanks at its end are dropped unless they are escaped."""
    kept = raw.rstrip(" \t")
    if (len(kept) - len(kept.rstrip("\\"))) % 2:
        kept = raw[: len(kept) + 1]
    return _ESCAPE.sub(_bare, kept)


def _bare(match: re.Match[str]) -> str:
    """An escape outside quotes."""
    return "" if match[1] in "\n\r" else match[1]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
