"""The desk itself: teams, categories, tags, roles and settings. Each change is a `DeskChanged`.

What can be edited carries a version: whoever looked at an older one gets `Conflict` and looks
again, so that nobody's change is lost silently. Nothing here is deleted, only retired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import desk_settings, text
from core.access import STAFF_ROLES, Actor, Permission
from core.db import Base, Setting, UnitOfWork
from core.desk_settings import DeskSettings
from core.errors import Conflict, Invalid, NotFound, Refused
from core.i18n import _
from core.people.events import DeskChanged
from core.people.model import AssignMode, Person, Role, Tag, Team, TeamMember
from core.tickets import fields
from core.tickets.model import Category

DESK = UUID(int=0)
"""The subject of events about what has no id of its own: settings, roles, tags."""
NAME_CHARACTERS = 60
DESCRIPTION_CHARACTERS = 400
TAG_CHARACTERS = 40
DEEPEST = 5
"""Levels of the tree of categories."""
MOST_TEAMS = 300
MOST_TAGS = 2000
_SETTINGS_LOCK = 4_202_641
REQUESTER_MAY = frozenset({Permission.open_ticket})
"""What the role requester can be given at all: the rest would let strangers into the desk."""

T = TypeVar("T", bound=Base)


class ChangedMeanwhile(Conflict):
    """Somebody else changed the thing since it was looked at."""

    code = "changed_meanwhile"

    def __init__(self) -> None:
        super().__init__(_("Someone changed this in the meantime. Look again, then decide."))


class WrongSettings(Invalid):
    """Several settings are wrong at once; `words_by_field` says what is wrong with each."""

    def __init__(self, words_by_field: Mapping[str, str]) -> None:
        name = next(iter(words_by_field))
        super().__init__(words_by_field[name], field=name)
        self.words_by_field = dict(words_by_field)


# --- teams ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A team in a list, with how many people are in it."""

    team: Team
    members: int


async def teams(session: AsyncSession, *, retired: bool = False) -> Sequence[TeamLine]:
    """The teams by name, the retired ones last."""
    members = (
        select(func.count())
        .select_from(TeamMember)
        .join(Person, Person.id == TeamMember.person_id)
        .where(TeamMember.team_id == Team.id, Person.active)
        .scalar_subquery()
    )
    query = select(Team, members).order_by(Team.active.desc(), Team.name, Team.id).limit(MOST_TEAMS)
    if not retired:
        query = query.where(Team.active)
    return [TeamLine(team, count) for team, count in (await session.execute(query))]


async def team(session: AsyncSession, team_id: UUID) -> Team:
    return await _get(session, Team, team_id, _("There is no such team."))


async def members(session: AsyncSession, team_id: UUID) -> Sequence[UUID]:
    rows = await session.scalars(
        select(TeamMember.person_id).where(TeamMember.team_id == team_id).order_by(TeamMember.person_id)
    )
    return list(rows)


async def make_team(
    uow: UnitOfWork, actor: Actor, *, name: str, description: str = "", assign_mode: str = "manual"
) -> Team:
    """A new team. Raises `Invalid` for a name that another team has."""
    actor.require(Permission.manage_desk)
    made = Team(name=name, description=_description(description), assign_mode=_mode(assign_mode))
    made.name = await _free_name(uow, Team, name, but=made.id)
    uow.session.add(made)
    await uow.session.flush()
    record(uow, actor, "team", made.id, "made")
    return made


async def change_team(
    uow: UnitOfWork,
    actor: Actor,
    team_id: UUID,
    *,
    version: int,
    name: str,
    description: str,
    assign_mode: str,
    member_ids: Collection[UUID] | None = None,
) -> Team:
    """Change a team, and who is in it where `member_ids` are given (staff only)."""
    actor.require(Permission.manage_desk)
    changed = await _locked(uow, Team, team_id, version, _("There is no such team."))
    changed.name = await _free_name(uow, Team, name, but=changed.id)
    changed.description = _description(description)
    changed.assign_mode = _mode(assign_mode)
    if member_ids is not None:
        await _set_members(uow, changed, member_ids)
    _changed(uow, actor, "team", changed)
    return changed


async def keep_team(uow: UnitOfWork, actor: Actor, team_id: UUID, *, version: int, active: bool) -> Team:
    """Retire a team or take it into use again."""
    actor.require(Permission.manage_desk)
    kept = await _locked(uow, Team, team_id, version, _("There is no such team."))
    kept.active = active
    _changed(uow, actor, "team", kept, "restored" if active else "retired")
    return kept


async def join_teams(uow: UnitOfWork, actor: Actor, person: Person, team_ids: Collection[UUID]) -> bool:
    """Set which teams a person is in; True when something changed. Teams that are retired stay
    as they were."""
    now_in = set(
        await uow.session.scalars(select(TeamMember.team_id).where(TeamMember.person_id == person.id))
    )
    offered = set(await uow.session.scalars(select(Team.id).where(Team.active)))
    if set(team_ids) - offered - now_in:
        raise Invalid(_("There is no such team."), field="teams")
    wanted = (set(team_ids) & offered) | (now_in - offered)
    for team_id in now_in - wanted:
        await uow.session.execute(
            delete(TeamMember).where(TeamMember.team_id == team_id, TeamMember.person_id == person.id)
        )
    uow.session.add_all(TeamMember(team_id=team_id, person_id=person.id) for team_id in wanted - now_in)
    for team_id in sorted(wanted ^ now_in):
        record(uow, actor, "team_members", team_id)
    return wanted != now_in


# --- categories -------------------------------------------------------------------------


async def category(session: AsyncSession, category_id: UUID) -> Category:
    return await _get(session, Category, category_id, _("There is no such category."))


async def make_category(
    uow: UnitOfWork,
    actor: Actor,
    *,
    name: str,
    parent_id: UUID | None = None,
    team_id: UUID | None = None,
    position: int = 0,
    form: list[dict[str, Any]] | None = None,
) -> Category:
    actor.require(Permission.manage_desk)
    made = Category(name=_name(name))
    await _fill_category(uow, made, parent_id, team_id, position, form or [])
    uow.session.add(made)
    await uow.session.flush()
    record(uow, actor, "category", made.id, "made")
    return made


async def change_category(
    uow: UnitOfWork,
    actor: Actor,
    category_id: UUID,
    *,
    version: int,
    name: str,
    parent_id: UUID | None,
    team_id: UUID | None,
    position: int,
    form: list[dict[str, Any]],
) -> Category:
    """Change a category and the fields that its tickets ask for. Answers already given stay."""
    actor.require(Permission.manage_desk)
    changed = await _locked(uow, Category, category_id, version, _("There is no such category."))
    changed.name = _name(name)
    await _fill_category(uow, changed, parent_id, team_id, position, form)
    _changed(uow, actor, "category", changed)
    return changed


async def keep_category(
    uow: UnitOfWork, actor: Actor, category_id: UUID, *, version: int, active: bool
) -> Category:
    """Retire a category or take it into use again. Its children must have gone before."""
    actor.require(Permission.manage_desk)
    kept = await _locked(uow, Category, category_id, version, _("There is no such category."))
    if not active and await uow.session.scalar(
        select(Category.id).where(Category.parent_id == kept.id, Category.active).limit(1)
    ):
        raise Refused(_("Deactivate the categories below this one first."))
    kept.active = active
    _changed(uow, actor, "category", kept, "restored" if active else "retired")
    return kept


# --- tags -------------------------------------------------------------------------------


async def tags(session: AsyncSession, *, retired: bool = False) -> Sequence[Tag]:
    query = select(Tag).order_by(Tag.active.desc(), Tag.name).limit(MOST_TAGS)
    return list(await session.scalars(query if retired else query.where(Tag.active)))


async def tag(session: AsyncSession, tag_id: int) -> Tag:
    found = await session.get(Tag, tag_id) if 0 < tag_id < 2**62 else None
    if found is None:
        raise NotFound(_("There is no such tag."))
    return found


async def make_tag(uow: UnitOfWork, actor: Actor, name: str) -> Tag:
    """A new tag; one that was retired is taken into use again."""
    actor.require(Permission.manage_desk)
    wanted = tag_name(name)
    found: Tag | None = await uow.session.scalar(select(Tag).where(Tag.name == wanted))
    if found is not None and found.active:
        raise Invalid(_("There is such a tag already."), field="name")
    if found is not None:
        return await keep_tag(uow, actor, found.id, active=True)
    made = Tag(name=wanted)
    uow.session.add(made)
    await uow.session.flush()
    record(uow, actor, "tag", made.id, "made")
    return made


async def rename_tag(uow: UnitOfWork, actor: Actor, tag_id: int, *, was: str, name: str) -> Tag:
    """Rename a tag on every ticket at once; `was` is the name the asker saw."""
    actor.require(Permission.manage_desk)
    changed = await _tag(uow, tag_id)
    if changed.name != was:
        raise ChangedMeanwhile
    wanted = tag_name(name)
    if wanted != changed.name and await uow.session.scalar(select(Tag.id).where(Tag.name == wanted)):
        raise Invalid(_("There is such a tag already."), field="name")
    changed.name = wanted
    record(uow, actor, "tag", changed.id)
    return changed


async def keep_tag(uow: UnitOfWork, actor: Actor, tag_id: int, *, active: bool) -> Tag:
    actor.require(Permission.manage_desk)
    kept = await _tag(uow, tag_id)
    kept.active = active
    record(uow, actor, "tag", kept.id, "restored" if active else "retired")
    return kept


# --- roles ------------------------------------------------------------------------------


async def roles(session: AsyncSession) -> Sequence[Role]:
    """The roles from the least to the most."""
    found = {role.name: role for role in await session.scalars(select(Role))}
    order = ("requester", *STAFF_ROLES)
    return [found[name] for name in order if name in found] + [
        role for name, role in sorted(found.items()) if name not in order
    ]


async def change_role(
    uow: UnitOfWork, actor: Actor, name: str, *, was: Iterable[str], permissions: Iterable[str]
) -> Role:
    """Set what a role may do; `was` is what the asker saw. The admin may always do everything,
    and the requester can be given nothing that lets into the desk. Refresh the desk afterwards."""
    actor.require(Permission.manage_staff)
    role = await uow.session.get(Role, name, with_for_update=True, populate_existing=True)
    if role is None:
        raise NotFound(_("There is no such role."))
    if role.name == "admin":
        raise Refused(_("An admin may do everything; this role cannot be changed."))
    if set(role.permissions) != set(was):
        raise ChangedMeanwhile
    known = {permission.value for permission in Permission}
    wanted = set(permissions)
    if wanted - known:
        raise Invalid(_("There is no such permission."), field="permissions")
    if role.name not in STAFF_ROLES and wanted - {each.value for each in REQUESTER_MAY}:
        raise Invalid(_("Requesters cannot be given this permission."), field="permissions")
    if set(role.permissions) != wanted:
        role.permissions = sorted(wanted)
        record(uow, actor, "role", role.name)
    return role


# --- settings ---------------------------------------------------------------------------


async def settings_version(session: AsyncSession, names: Iterable[str]) -> int:
    """A number that rises whenever one of these settings is stored."""
    found = await session.scalar(
        select(func.coalesce(func.sum(Setting.version), 0)).where(Setting.key.in_(list(names)))
    )
    return int(found or 0)


async def change_settings(
    uow: UnitOfWork, actor: Actor, values: Mapping[str, Any], *, version: int | None = None
) -> DeskSettings:
    """Keep settings that belong together; `version` is what `settings_version` of their names
    said to the asker. Raises `WrongSettings`. Refresh the desk after the commit."""
    actor.require(Permission.manage_desk)
    await uow.session.execute(select(func.pg_advisory_xact_lock(_SETTINGS_LOCK)))
    if version is not None and await settings_version(uow.session, values) != version:
        raise ChangedMeanwhile
    before = await desk_settings.load(uow.session)
    try:
        after = DeskSettings.model_validate(before.model_dump() | dict(values))
    except ValidationError as error:
        raise WrongSettings(_wrong(error)) from None
    different = {
        name: value for name, value in values.items() if getattr(before, name) != getattr(after, name)
    }
    if different:
        await desk_settings.store(uow.session, different)
    for name in different:
        record(uow, actor, "setting", name)
    return after


# --- inside, and for the neighbours -----------------------------------------------------


def record(uow: UnitOfWork, actor: Actor, what: str, key: UUID | int | str, how: str = "changed") -> None:
    """Put a change of the desk on the record: its id or name, never what it says."""
    subject = key if isinstance(key, UUID) else DESK
    uow.emit(DeskChanged(subject=subject, what=what, key=str(key), how=how), actor=actor)


def check_version(row: Any, version: int) -> None:
    if row.version != version:
        raise ChangedMeanwhile


def tag_name(name: str, field: str = "name") -> str:
    """A tag's name in the form in which it is kept."""
    return text.line(name, field=field, most=TAG_CHARACTERS).casefold()


async def _get(session: AsyncSession, model: type[T], key: UUID, missing: str) -> T:
    found = await session.get(model, key)
    if found is None:
        raise NotFound(missing)
    return found


async def _locked(uow: UnitOfWork, model: type[T], key: UUID, version: int, missing: str) -> T:
    row = await uow.session.get(model, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(missing)
    check_version(row, version)
    return row


def _changed(uow: UnitOfWork, actor: Actor, what: str, row: Team | Category, how: str = "changed") -> None:
    row.version += 1
    record(uow, actor, what, row.id, how)


def _name(name: str) -> str:
    return text.line(name, field="name", most=NAME_CHARACTERS)


def _description(words: str) -> str:
    return text.line(words, field="description", most=DESCRIPTION_CHARACTERS, required=False)


def _mode(mode: str) -> str:
    try:
        return AssignMode(mode).value
    except ValueError:
        raise Invalid(_("There is no such way to assign."), field="assign_mode") from None


async def _free_name(uow: UnitOfWork, model: type[Team], name: str, *, but: UUID) -> str:
    wanted = _name(name)
    taken = await uow.session.scalar(
        select(model.id).where(func.lower(model.name) == wanted.lower(), model.active, model.id != but)
    )
    if taken is not None:
        raise Invalid(_("Another team has this name."), field="name")
    return wanted


async def _set_members(uow: UnitOfWork, changed: Team, member_ids: Collection[UUID]) -> None:
    wanted = set(member_ids)
    staff = set(
        await uow.session.scalars(
            select(Person.id).where(Person.id.in_(wanted), Person.role != "requester", Person.active)
        )
    )
    now_in = set(await members(uow.session, changed.id))
    if wanted - staff - now_in:
        raise Invalid(_("Only agents can be in a team."), field="members")
    for person_id in now_in - wanted:
        await uow.session.execute(
            delete(TeamMember).where(TeamMember.team_id == changed.id, TeamMember.person_id == person_id)
        )
    uow.session.add_all(TeamMember(team_id=changed.id, person_id=one) for one in wanted - now_in)


async def _fill_category(
    uow: UnitOfWork,
    row: Category,
    parent_id: UUID | None,
    team_id: UUID | None,
    position: int,
    form: list[dict[str, Any]],
) -> None:
    if team_id is not None and team_id != row.team_id:
        found = await uow.session.get(Team, team_id)
        if found is None or not found.active:
            raise Invalid(_("There is no such team."), field="team_id")
    if parent_id is not None:
        await _check_parent(uow, row, parent_id)
    if not -10_000 <= position <= 10_000:
        raise Invalid(_("This number is too large."), field="position")
    row.parent_id, row.team_id, row.position = parent_id, team_id, position
    row.fields = fields.stored(fields.parse(form))


async def _check_parent(uow: UnitOfWork, row: Category, parent_id: UUID) -> None:
    """The parent is there, no child of the row itself, and not too deep."""
    above, depth = await uow.session.get(Category, parent_id), 1
    if above is None:
        raise Invalid(_("There is no such category."), field="parent_id")
    while above is not None:
        if above.id == row.id:
            raise Invalid(_("A category cannot lie below itself."), field="parent_id")
        depth += 1
        if depth > DEEPEST:
            raise Invalid(
                _("Categories can lie at most {most} deep.").format(most=DEEPEST), field="parent_id"
            )
        above = await uow.session.get(Category, above.parent_id) if above.parent_id else None


async def _tag(uow: UnitOfWork, tag_id: int) -> Tag:
    found = await tag(uow.session, tag_id)
    await uow.session.refresh(found, with_for_update=True)
    return found


def _wrong(error: ValidationError) -> dict[str, str]:
    return {str(each["loc"][0]): _pydantic_words(each) for each in error.errors()}


def _pydantic_words(each: Any) -> str:
    """pydantic's complaint in the reader's language (its own words are English)."""
    limits = each.get("ctx") or {}
    match each["type"]:
        case "greater_than_equal":
            return _("At least {least}, please.").format(least=limits.get("ge"))
        case "less_than_equal":
            return _("At most {most}, please.").format(most=limits.get("le"))
        case "int_parsing" | "int_type" | "int_from_float":
            return _("A whole number is expected here.")
        case "string_too_short":
            return _("This must not be empty.")
        case "string_too_long":
            return _("This is too long: at most {most} characters.").format(most=limits.get("max_length"))
        case "string_pattern_mismatch":
            return _("This does not have the right form.")
        case "literal_error":
            return _("Please choose one of the list.")
        case _:
            return _("This value does not fit.")
