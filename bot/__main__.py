"""`python -m bot` and the console script `deskbell`."""

from __future__ import annotations


def main() -> None:
    from bot.cli import cli

    cli()


if __name__ == "__main__":
    main()
