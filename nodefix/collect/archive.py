"""The archive: a tar file that says nothing about who packed it, or when."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping


def packed(folder: str, files: Mapping[str, bytes]) -> bytes:
    """A compressed tar archive; the same files make the same bytes.

    Args:
        folder: that all files are in.
        files: name to content.
    """
    whole = io.BytesIO()
    # Without a time and without the archive's own name.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=whole, mtime=0) as zipped,
        tarfile.TarFile(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode, member.mtime = len(content), 0o644, 0
            member.uid = member.gid = 0
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()
