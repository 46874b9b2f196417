"""`deskbell kb`: the articles as a folder of Markdown files, in and out."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from uuid import UUID

import click

from bot.cli import edge
from bot.cli.reach import reached
from core.access import SYSTEM
from core.admin.service import make_category
from core.db import UnitOfWork
from core.i18n import _
from core.kb import exporting, importing
from core.kb.documents import Problem
from core.kb.importing import MakeCategory, NotImported, Report
from core.settings import Settings

LARGEST = 64 * 1024 * 1024
SUFFIXES = (".md", ".markdown")
ASIDE = ("README.md", "LICENSE.md", "CONTRIBUTING.md")


@click.group()
def kb() -> None:
    """Take articles in from a folder of Markdown files, or write them there."""


@kb.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--overwrite",
    is_flag=True,
    help="Also into a folder that holds files; those of the same name are replaced.",
)
def export(folder: Path, overwrite: bool) -> None:
    """Write every article in every language as a Markdown file, with its pictures in `files/`.

    Drafts are written beside what is published. `deskbell kb import` takes it all in again.
    """  # fmt: skip
    target = folder.expanduser().absolute()
    if not overwrite and target.exists() and any(target.iterdir()):
        words = _("{path} is not empty; --overwrite replaces files in it.")
        edge.leave(words.format(path=target), edge.DID_NOT_WORK)
    edge.run(lambda settings: _export(settings, target))


@kb.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--language", default="en", show_default=True, help="Of files that name none.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def bring(folder: Path, language: str, dry_run: bool) -> None:
    """Take in a folder of Markdown files, with or without a head: all of it or nothing.

    An article that is there already, by its id or its address, gets a new revision where the file
    differs. What is wrong is told line by line, and then nothing is changed.
    """
    root = folder.expanduser().resolve()
    paths = _texts_in(root)
    if not paths:
        edge.leave(_("There is no Markdown file in {path}.").format(path=root), edge.DID_NOT_WORK)
    edge.run(lambda settings: _import(settings, root, paths, language, dry_run))


async def _export(settings: Settings, target: Path) -> None:
    count = pictures = 0
    async with reached(settings) as there:
        desk = await there.desk()
        async with desk.unit(SYSTEM) as uow:
            async for written in exporting.export(uow, SYSTEM):
                await asyncio.to_thread(_write, target / written.path, written.content)
                count += written.path.endswith(".md")
                pictures += not written.path.endswith(".md")
    click.echo(f"{count} texts and {pictures} files in {target}.")


async def _import(settings: Settings, root: Path, paths: list[str], language: str, dry_run: bool) -> None:
    async def read(path: str) -> bytes | None:
        return await asyncio.to_thread(_read, root, path)

    async with reached(settings) as there:
        desk = await there.desk()
        try:
            async with desk.unit(SYSTEM) as uow:
                report = await importing.bring_in(
                    uow, SYSTEM, paths, read, _categories(uow), language=language, rehearse=dry_run
                )
        except NotImported as error:
            _tell(error.report)
            if not error.report.problems:
                click.echo("Nothing was changed: this was a dry run.")
                return
            raise
    _tell(report)


def _categories(uow: UnitOfWork) -> MakeCategory:
    async def make(name: str, parent: UUID | None) -> UUID:
        return (await make_category(uow, SYSTEM, name=name, parent_id=parent)).id

    return make


def _tell(report: Report) -> None:
    for problem in report.problems:
        click.echo(_line(problem), err=True)
    if report.problems:
        return
    for hint in report.hints:
        click.echo(_line(hint))
    for path, what in report.done:
        if what != "same":
            click.echo(f"{path}: {what}")
    click.echo(
        f"{report.count('made')} new, {report.count('changed')} changed, {report.count('same')} as they were."
    )


def _line(problem: Problem) -> str:
    return f"{problem.path}:{problem.line}: {problem.words}"


def _texts_in(root: Path) -> list[str]:
    """The Markdown files below a folder, without hidden ones and those that speak of the folder."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in names:
            if name.endswith(SUFFIXES) and not name.startswith(".") and name not in ASIDE:
                found.append((Path(folder) / name).relative_to(root).as_posix())
    return sorted(found)


def _read(root: Path, path: str) -> bytes | None:
    """A file of the folder; None for one that is not there, lies outside or is too large."""
    there = (root / path).resolve()
    try:
        if not there.is_relative_to(root) or there.stat().st_size > LARGEST:
            return None
        return there.read_bytes() if there.is_file() else None
    except (OSError, ValueError):
        return None


def _write(path: Path, content: bytes) -> None:
    """The whole file or none: it takes its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".deskbell-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
