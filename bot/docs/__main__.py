"""`python -m bot.docs`: write the pages; `--check` only compares and fails when one is old."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.docs import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    old = [path for path, page in pages().items() if _content(FOLDER / path) != page]
    if "--check" not in sys.argv[1:]:
        for path in old:
            (FOLDER / path).write_text(pages()[path], "utf-8")
        return 0
    for path in old:
        sys.stdout.write(f"docs/{path} is not current: run `make docs`\n")
    return int(bool(old))


def _content(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
