"""What is said where nodefix, or a Python that it needs, is damaged: the launcher calls it."""

from __future__ import annotations

# What nodefix's package brings, and what other packages do; the rest of Python is python3-libs'.
_OURS = ("", "nodefix", "pydbus", "sh")
_OTHERS = {
    "gi": "python3-gobject-base",
    "systemd": "python3-systemd",
    "yaml": "python3-pyyaml",
}


def explain(error: Exception, home: str) -> str:
    """What ended nodefix before it could say it itself, and what to type.

    Args:
        error: what nobody caught.
        home: the folder that nodefix's package fills.
    """
    module = getattr(error, "name", None) if isinstance(error, ImportError) else ""
    # A file full of NULs, as a crash leaves one, is a ValueError before Python 3.12.
    loading = isinstance(error, (ImportError, SyntaxError)) or "source code string" in str(error)
    place, trace = "", error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        place = f" at {code.co_filename}:{trace.tb_lineno}"
        if code.co_filename.startswith("<frozen importlib"):
            # Byte code that is cut off, or a disk that does not read.
            loading = True
            module = trace.tb_frame.f_locals.get("fullname") or module
        trace = trace.tb_next
    words = " ".join(f"{type(error).__name__}: {error}".split())[:400]
    what = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in words)
    if not loading:
        return (
            f"nodefix: hit an unexpected error: {what}{place}\n"
            "  see whether its files are as they were installed: rpm -V nodefix"
        )
    where = f"{module}: " if module and module not in what else ""
    remedy = _here(_remedy(error, module or "", home))
    return f"nodefix: cannot be loaded: {where}{what}\n  fix: {remedy}"


def _here(remedy: str) -> str:
    """The remedy as it has to be where the system is an image, if that part can be loaded."""
    try:
        from nodefix.host.image import for_this_node
    except Exception:
        return remedy
    return for_this_node(remedy)


def _remedy(error: Exception, module: str, home: str) -> str:
    """The command that brings back what is damaged or missing, for the shell."""
    file = getattr(error, "filename", None) if isinstance(error, SyntaxError) else None
    if file and file.startswith("/") and not file.startswith(f"{home}/"):
        from shlex import quote

        return f"dnf reinstall $(rpm -qf {quote(file)})"
    package = module.partition(".")[0]
    if package in _OURS:
        return "dnf reinstall nodefix"
    if package not in _OTHERS:
        return "dnf reinstall nodefix python3-libs"
    # Where a part of it is missing the package is there.
    missing = isinstance(error, ModuleNotFoundError) and module == package
    return f"dnf {'install' if missing else 'reinstall'} {_OTHERS[package]}"
