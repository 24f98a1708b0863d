"""A launcher as installed, for the tests of it and of what explains damage."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HOME = "/usr/lib/nodefix"

MAIN = "import {late}\ndef main(arguments):\n    {body}\n"


class Installed:
    """A launcher as installed, with a made-up nodefix package in its folder."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.package = self.home / "nodefix"
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").touch()
        shutil.copy2(TOP / "nodefix/damage.py", self.package)
        self.launcher = folder / "nodefix"
        text = (TOP / "packaging/nodefix").read_text()
        assert text.count(f'"{HOME}"') == 1
        self.launcher.write_text(text.replace(HOME, str(self.home)))
        self.main("return 0")

    def main(self, body: str, late: str = "sys") -> Path:
        """Write nodefix/cli.py."""
        file = self.package / "cli.py"
        file.write_text(MAIN.format(body=body, late=late))
        return file

    def run(
        self, *arguments: str, redirect: str = "", python: str = "/usr/bin/python3"
    ) -> subprocess.CompletedProcess[str]:
        """Run it by a shell."""
        script = f'exec {python} -IS "$@" {redirect}'
        argv = ["/bin/sh", "-c", script, "sh", str(self.launcher), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def syntax(installed: Installed) -> None:
    """Damage nodefix's own source."""
    (installed.package / "cli.py").write_text("def main(:\n")
