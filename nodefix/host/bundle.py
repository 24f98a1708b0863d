"""All byte code of nodefix and of what it bundles in one file, in the place of two hundred.

At boot no file has been read yet, and each is a wait for the disk. packaging/bytecode writes the
file for each Python: its magic number, eight bytes with the length of an index, the index as
marshal has it, then the code of one module after the other. Where the file is missing, damaged or
another Python's, Python finds each module by itself.
"""

from __future__ import annotations

import marshal
import os
import sys

# importlib.util's, without what else that imports.
from _frozen_importlib_external import MAGIC_NUMBER
from importlib.machinery import ModuleSpec, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

# To the name of a module: its source, and where its code begins and how long it is, in bytes.
Index = dict[str, tuple[str, int, int]]

_MAGIC, _LENGTH = len(MAGIC_NUMBER), 8
_PACKAGE = "__init__.py"


class _Loader(SourceFileLoader):
    """Loads a module as Python does, but for where its code comes from."""

    def __init__(self, name: str, path: str, bundle: Bundle) -> None:
        super().__init__(name, path)
        self._bundle = bundle

    def get_code(self, fullname: str) -> CodeType | None:
        """Read the code of the module, by Python's own way where it is damaged."""
        try:
            code: CodeType = marshal.loads(self._bundle.read(fullname))
        except Exception:  # marshal raises what a damaged place happens to come to
            return super().get_code(fullname)
        return code


class Bundle:
    """An open file; a finder for sys.meta_path."""

    def __init__(self, path: str, home: str) -> None:
        """Open the file.

        Args:
            path: the file.
            home: the folder that the paths in it begin in.

        Raises:
            Exception: it is not there, cannot be read, is damaged or is for another Python.
        """
        self._home = home
        # Open as long as the process is there.
        self._descriptor = os.open(path, os.O_RDONLY)
        if os.pread(self._descriptor, _MAGIC, 0) != MAGIC_NUMBER:
            # What it has is no byte code for this one, which would crash.
            raise ValueError(path)
        length = int.from_bytes(os.pread(self._descriptor, _LENGTH, _MAGIC), "little")
        begin = _MAGIC + _LENGTH
        end = begin + length
        size = os.fstat(self._descriptor).st_size
        if end > size:
            raise EOFError(path)
        self._index: Index = marshal.loads(os.pread(self._descriptor, length, begin))
        if size != end + sum(length for _, _, length in self._index.values()):
            raise EOFError(path)
        self._begin = end

    def read(self, name: str) -> bytes:
        """The code of a module, as marshal has it."""
        _, begin, length = self._index[name]
        return os.pread(self._descriptor, length, self._begin + begin)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What Python asks for each module that is imported; None for those of others."""
        if name not in self._index:
            return None
        source = f"{self._home}/{self._index[name][0]}"
        is_package = source.endswith(f"/{_PACKAGE}")
        spec = ModuleSpec(name, _Loader(name, source, self), origin=source, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [source.rpartition("/")[0]]
        return spec


def place(cached: str) -> str:
    """The file that lies beside the byte code of this module."""
    return f"{cached.removesuffix('.pyc')}.all"


def install() -> None:
    """Have what is imported from now on come out of the file, if there is a whole one."""
    cached = __spec__.cached if __spec__ else None
    home = __file__.rsplit("/", 3)[0]
    try:
        if cached:
            sys.meta_path.insert(0, Bundle(place(cached), home))
    except Exception:  # marshal raises what a damaged place happens to come to
        # It only saves time.
        return
