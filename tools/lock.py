"""Resolve the dependencies of pyproject.toml into requirements/, with hashes, for every platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = {"run": ("build",), "dev": ("build", "dev")}


def main() -> int:
    for name, extras in EXTRAS.items():
        chosen = [word for extra in extras for word in ("--extra", extra)]
        command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--universal"]
        command += ["--generate-hashes", "--python-version", "3.11", "--no-header", "--quiet", *chosen]
        # No address of an index goes into the files: each machine has its own.
        command += ["--no-emit-index-url", "--output-file", f"requirements/{name}.txt"]
        if code := _run(command):
            return code
    return 0


def _run(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
