"""A folder of Markdown files becomes articles: all of it or nothing, with a report line by line.

First every file is read and held against the others and the desk; only when nothing is wrong is
anything written, and what is refused then takes all of it back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.access import Actor, Permission
from core.conversations.attachments import receiving
from core.db import UnitOfWork
from core.errors import DeskError, Invalid
from core.i18n import _
from core.kb import documents, files, service, wording
from core.kb.documents import Document, Problem
from core.kb.events import ArticlesImported
from core.kb.model import Article, ArticleFile, ArticleSlug, ArticleState, ArticleText
from core.kb.service import Facts
from core.kb.slugs import slug_of
from core.people import service as people
from core.tickets.categories import categories

MOST_FILES = 5_000
MOST_PROBLEMS = 500
DESK = UUID(int=0)
"""The subject of what concerns no single article."""
Read = Callable[[str], Awaitable[bytes | None]]
MakeCategory = Callable[[str, UUID | None], Awaitable[UUID]]
"""Makes a category of a name below another one; see `core.admin.service.make_category`."""
_PICTURE = re.compile(r"(!?\[[^\]\n]{0,300}\]\()<?([^)\s>]{1,300})>?((?:\s+\"[^\"\n]{0,200}\")?\))")
_NAMED_SO = re.compile(r"\.(?:png|jpe?g|gif|webp|avif)$", re.IGNORECASE)
_HASHED = re.compile(r"^[0-9a-f]{12}-")

What = Literal["made", "changed", "same"]


@dataclass(slots=True)
class Report:
    """What an import did, or what is wrong with it."""

    done: list[tuple[str, What]] = field(default_factory=list)
    hints: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def count(self, what: What) -> int:
        return sum(each == what for _path, each in self.done)


class NotImported(DeskError):
    """Nothing was imported; `report` says why, or what would have been done."""

    code = "not_imported"
    status = 422

    def __init__(self, report: Report) -> None:
        super().__init__(_("Nothing was imported."))
        self.report = report


async def bring_in(
    uow: UnitOfWork,
    actor: Actor,
    paths: Sequence[str],
    read: Read,
    make_category: MakeCategory,
    *,
    language: str = "en",
    rehearse: bool = False,
) -> Report:
    """Import the files at `paths`, which `read` reads, as it does their pictures. Raises
    `NotImported`, also after a rehearsal; the unit of work must end then."""
    actor.require(Permission.publish_articles)
    report = Report()
    found = await _read_all(uow, paths, read, language, report)
    _hold_together(found, report)
    if not report.problems:
        async with AsyncExitStack() as stack:
            work = _Work(uow, actor, read, make_category, report, stack)
            await work.prepare()
            for group in _groups(found):
                await work.article(group)
            await work.finish()
            if report.problems or rehearse:
                raise NotImported(report)
    if report.problems:
        raise NotImported(report)
    uow.emit(
        ArticlesImported(subject=DESK, made=report.count("made"), changed=report.count("changed")),
        actor=actor,
    )
    return report


async def _read_all(
    uow: UnitOfWork, paths: Sequence[str], read: Read, language: str, report: Report
) -> list[Document]:
    if len(paths) > MOST_FILES:
        raise Invalid(_("At most {most} files at once.").format(most=MOST_FILES))
    found = []
    for path in sorted(paths):
        content = await read(path)
        if content is None:
            report.problems.append(Problem(path, 1, _("The file cannot be read.")))
            continue
        document, problems = documents.read(path, content, language)
        report.problems += problems[: max(0, MOST_PROBLEMS - len(report.problems))]
        if document is not None:
            found.append(document)
    return found


def _hold_together(found: Sequence[Document], report: Report) -> None:
    """No two files say they are the same article in the same language, or want one address."""
    texts: dict[tuple[str, str, bool], str] = {}
    addresses: dict[tuple[str, str], tuple[str, str]] = {}
    for one in found:
        key = (one.group, one.language, one.draft)
        if key in texts:
            words = _("The same article in the same language stands in {other}.")
            report.problems.append(Problem(one.path, 1, words.format(other=texts[key])))
        texts.setdefault(key, one.path)
        slug = one.slug or slug_of(one.title)
        group, other = addresses.setdefault((one.language, slug), (one.group, one.path))
        if group != one.group:
            words = _("Another article has the address “{slug}” already: {other}.")
            report.problems.append(Problem(one.path, 1, words.format(slug=slug, other=other)))


def _groups(found: Sequence[Document]) -> list[list[Document]]:
    """The files of each article: the original first, what is published before its draft."""
    groups: dict[str, list[Document]] = defaultdict(list)
    for one in found:
        groups[one.group].append(one)
    for group in groups.values():
        group.sort(key=lambda one: (one.language != one.original, one.language, one.draft))
    return list(groups.values())


@dataclass(slots=True)
class _Work:
    """The second half: everything was read, now it is written."""

    uow: UnitOfWork
    actor: Actor
    read: Read
    make_category: MakeCategory
    report: Report
    stack: AsyncExitStack
    categories: dict[str, UUID] = field(default_factory=dict)
    owners: dict[str, UUID | None] = field(default_factory=dict)
    related: list[tuple[Article, Document]] = field(default_factory=list)

    async def prepare(self) -> None:
        lines = await categories(self.uow.session, retired=True)
        self.categories = {line.path: line.category.id for line in lines}

    async def article(self, group: Sequence[Document]) -> None:
        """One article in all its languages; what is refused is told, and the rest still looked at."""
        try:
            async with self.uow.session.begin_nested():
                await self._article(group)
        except DeskError as error:
            self.report.problems.append(Problem(group[0].path, 1, error.words))

    async def finish(self) -> None:
        """Related articles may come later in the folder than those that name them."""
        for article, document in self.related:
            known = set(
                await self.uow.session.scalars(select(Article.id).where(Article.id.in_(document.related)))
            )
            if missing := set(document.related) - known:
                words = _("{count} related articles are not here and were left out.")
                self._hint(document, words.format(count=len(missing)))
            article.related = [each for each in document.related if each in known][: service.MOST_RELATED]
        await self.uow.session.flush()

    async def _article(self, group: Sequence[Document]) -> None:
        first = group[0]
        article, texts = await self._known(group)
        before = await self._facts_of(article) if article is not None else None
        made = article is None
        if article is None:
            article = await self._begin(first)
            texts = {text.language: text for text in await self._texts(article.id)}
        for one in group:
            text, new = await self._text(article, texts, one)
            changed = await self._words(article, text, one, new=new or made)
            what: What = "made" if new or (made and one is first) else "changed" if changed else "same"
            self.report.done.append((one.path, what))
        await self._facts(article, first)
        self.related.append((article, first))
        if before is not None and before != await self._facts_of(article):
            article.version += 1
            article.updated_at = clock.now()
            path, what = self.report.done[-len(group)]
            self.report.done[-len(group)] = (path, "changed" if what == "same" else what)
        archived = all(text.state == ArticleState.archived for text in texts.values())
        if archived != (article.archived_at is not None):
            article.archived_at = clock.now() if archived else None

    async def _known(self, group: Sequence[Document]) -> tuple[Article | None, dict[str, ArticleText]]:
        """The article that the files mean: by its id, else by the address of one of its languages."""
        session = self.uow.session
        if group[0].article is not None:
            article = await session.get(Article, group[0].article, with_for_update=True)
        else:
            article = None
            for one in group:
                slug = one.slug or slug_of(one.title)
                query = select(ArticleText.article_id).where(
                    ArticleText.language == one.language, ArticleText.slug == slug
                )
                article_id = await session.scalar(query)
                if article_id is not None:
                    article = await session.get(Article, article_id, with_for_update=True)
                    break
        if article is None:
            return None, {}
        return article, {text.language: text for text in await self._texts(article.id)}

    async def _texts(self, article_id: UUID) -> Sequence[ArticleText]:
        query = select(ArticleText).where(ArticleText.article_id == article_id)
        return list(await self.uow.session.scalars(query))

    async def _begin(self, first: Document) -> Article:
        article, _text = await service.create(
            self.uow,
            self.actor,
            title=first.title,
            language=first.original,
            template=first.template,
            article_id=first.article,
            slug=first.slug or None,
        )
        if first.original != first.language:
            # The original is not among the files: this language is all there is.
            article.language = first.language
            _text.language = first.language
        return article

    async def _text(
        self, article: Article, texts: dict[str, ArticleText], one: Document
    ) -> tuple[ArticleText, bool]:
        if one.language in texts:
            return texts[one.language], False
        text = await service.begin_text(
            self.uow, self.actor, article, one.language, one.title, "", one.slug or None
        )
        texts[one.language] = text
        return text, True

    async def _words(self, article: Article, text: ArticleText, one: Document, *, new: bool) -> bool:
        """Title, body, address and state of one text. True when anything changed."""
        body = wording.body(await self._with_files(article, one), required=False)
        unpublished = one.state == ArticleState.archived and one.published_at is None
        if one.draft or unpublished or one.state in (ArticleState.draft, ArticleState.in_review):
            changed = self._draft(text, one, body)
        else:
            changed = await self._published(article, text, one, body, new=new)
        await self._old_addresses(text, one)
        return changed

    def _draft(self, text: ArticleText, one: Document, body: str) -> bool:
        kept = one.state in (ArticleState.in_review, ArticleState.archived)
        state = one.state if kept else service.settled(text)
        if text.body is None and text.published_at is None:
            text.title = one.title
        wanted = (one.title, body, state, one.publish_at)
        if (text.draft_title, text.draft_body, text.state, text.publish_at) == wanted:
            return False
        text.draft_title, text.draft_body, text.state, text.publish_at = wanted
        text.draft_by, text.draft_at = self.actor.id, clock.now()
        text.publish_by = self.actor.id if one.publish_at is not None else None
        service.moved_text(text)
        return True

    async def _published(
        self, article: Article, text: ArticleText, one: Document, body: str, *, new: bool
    ) -> bool:
        slug = one.slug or text.slug
        archived = one.state == ArticleState.archived
        same = (text.title, text.body, text.slug) == (one.title, body, slug)
        same = same and (text.state == ArticleState.archived) == archived
        if same and text.published_at == (one.published_at or text.published_at):
            return False
        if not new and text.draft_body is not None and text.body is not None:
            raise Invalid(_("This article has a draft here. Publish it or throw it away first."))
        text.state = service.settled(text)
        if (text.title, text.body, text.slug) != (one.title, body, slug) or text.body is None:
            text.draft_title, text.draft_body = one.title, body
            await service.put_out(
                self.uow, self.actor, article, text, note=_("Imported"), slug=slug if one.slug else None
            )
            if one.slug and text.slug != one.slug:
                raise Invalid(_("Another article has the address “{slug}” already.").format(slug=one.slug))
        text.published_at = one.published_at or text.published_at
        if archived:
            text.state = ArticleState.archived.value
        return True

    async def _old_addresses(self, text: ArticleText, one: Document) -> None:
        await self.uow.session.flush()
        if one.draft or ("old_slugs" not in one.names and not one.article):
            return
        for slug in set(one.old_slugs) - {text.slug}:
            row = insert(ArticleSlug).values(
                language=text.language, slug=slug, article_text_id=text.id, at=clock.now()
            )
            await self.uow.session.execute(row.on_conflict_do_nothing())

    # --- what all languages share

    async def _facts(self, article: Article, one: Document) -> None:
        """What the file names; what it does not name stays as it is."""
        await service.fill(
            self.uow,
            article,
            Facts(
                category_id=await self._category(one) if "category" in one.names else article.category_id,
                audience=one.audience if "audience" in one.names else article.audience,
                owner_id=await self._owner(one) if "owner" in one.names else article.owner_id,
                review_by=one.review_by if "review_by" in one.names else article.review_by,
                tags=one.tags,
                related=article.related,
            ),
            keep_tags="tags" not in one.names and not one.article,
        )
        if "template" in one.names:
            article.template = one.template[:20]

    async def _facts_of(self, article: Article | None) -> dict[str, object]:
        return service.facts_of(article) if article is not None else {}

    async def _category(self, one: Document) -> UUID | None:
        """The category at a path; what is missing of it is made."""
        if not one.category:
            return None
        parent: UUID | None = None
        path = ""
        if one.category in self.categories:
            return self.categories[one.category]
        for name in [part.strip() for part in one.category.split(" / ") if part.strip()]:
            path = f"{path} / {name}" if path else name
            if path not in self.categories:
                self.categories[path] = await self.make_category(name, parent)
                self._hint(one, _("The category “{name}” was made.").format(name=path), "category")
            parent = self.categories[path]
        return parent

    async def _owner(self, one: Document) -> UUID | None:
        if one.owner not in self.owners:
            person = await people.by_email(self.uow, one.owner[:254]) if one.owner else None
            if person is None and one.owner:
                person = await people.by_email(self.uow, one.owner[:254], verified=False)
            staff = person is not None and person.role != "requester" and person.active
            self.owners[one.owner] = person.id if person is not None and staff else None
        if self.owners[one.owner] is None and one.owner:
            self._hint(one, _("No agent has this address; the article has no owner."), "owner")
        return self.owners[one.owner]

    # --- pictures

    async def _with_files(self, article: Article, one: Document) -> str:
        """The body with the addresses of its pictures, which are kept with the article."""
        kept: dict[str, str] = {}
        for found in _PICTURE.finditer(one.body):
            target = found[2]
            if target not in kept and _is_near(target):
                kept[target] = await self._file(article, one, target) or target
        return _PICTURE.sub(lambda found: f"{found[1]}{kept.get(found[2], found[2])}{found[3]}", one.body)

    async def _file(self, article: Article, one: Document, target: str) -> str | None:
        path = _beside(one.path, target)
        content = await self.read(path) if path is not None else None
        if content is None:
            at = one.body[: one.body.find(target)].count("\n")
            self.report.problems.append(
                Problem(one.path, one.body_line + at, _("There is no file “{name}”.").format(name=target))
            )
            return None
        digest = files.digest_of(self.uow, content)
        query = select(ArticleFile).where(ArticleFile.article_id == article.id, ArticleFile.digest == digest)
        there = await self.uow.session.scalar(query.limit(1))
        if there is not None:
            return files.opened(self.uow, there).address
        name = _HASHED.sub("", PurePosixPath(target).name)
        upload = await self.stack.enter_async_context(receiving(self.uow.means, name, files.once(content)))
        opened = await files.keep(self.uow, self.actor, article.id, upload, content=content)
        if _NAMED_SO.search(name) and not opened.row.mime.startswith("image/"):
            self._hint(one, _("“{name}” is no picture; nobody will see one there.").format(name=target))
        return opened.address

    def _hint(self, one: Document, words: str, name: str = "") -> None:
        self.report.hints.append(Problem(one.path, 1, words))


def _is_near(target: str) -> bool:
    """A file beside the text: no address of the desk, none of elsewhere, no place in the page."""
    return not target.startswith(("/", "#")) and ":" not in target and "." in PurePosixPath(target).name


def _beside(path: str, target: str) -> str | None:
    """The path of a target that is named in a file; None outside the folder."""
    parts: list[str] = list(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(target).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
