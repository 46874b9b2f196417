"""What an admin sets on the settings page: one typed class, kept in the table `setting`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Setting


class DeskSettings(BaseModel):
    """The desk's own words and switches. Times in seconds unless the name says days."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(
        "Deskbell", min_length=1, max_length=60, description="The desk's name, as people see it"
    )
    accent: str = Field("#3157d5", pattern=r"^#[0-9a-fA-F]{6}$", description="Accent colour")
    logo: str = Field("", max_length=400_000, description="Logo: a PNG, JPEG or WebP as a data address")
    language: Literal["en", "de"] = Field("en", description="Language for people whose own is unknown")
    zone: str = Field("UTC", max_length=64, description="The desk's time zone")
    hold_seconds: int = Field(5, ge=0, le=60, description="How long a reply is held before it is sent")
    reopen_days: int = Field(7, ge=0, le=90, description="Days in which a reply reopens a resolved ticket")
    close_after_days: int = Field(
        14, ge=1, le=365, description="Days after which a resolved ticket is closed"
    )
    claim_on_reply: bool = Field(
        True, description="Replying to an unassigned ticket, or calling about it, claims it"
    )
    attachment_mb: int = Field(25, ge=1, le=500, description="Largest file, in megabytes")
    hours: dict[str, Any] = Field(default_factory=dict, description="Working hours and holidays")
    chat_origins: list[str] = Field(
        default_factory=list, description="Sites that may show the chat widget; empty: every site"
    )
    chat_secret_set: bool = Field(False, description="Host sites may vouch for visitors")
    block_words: list[str] = Field(
        default_factory=list, description="Words that send a message to quarantine"
    )
    messages_per_minute: int = Field(20, ge=1, le=600, description="Messages a visitor may send in a minute")
    address_per_minute: int = Field(
        120, ge=1, le=6000, description="Messages that may come from one address in a minute"
    )
    same_text_per_hour: int = Field(
        10, ge=1, le=1000, description="How often one text may come from strangers in an hour"
    )
    offer_seconds: int = Field(
        30, ge=5, le=600, description="How long an agent has to accept an offered chat"
    )
    live_chat: bool = Field(True, description="Offer new chats to the next free agent")
    suggest_articles: bool = Field(True, description="Suggest articles to who asks for help")
    open_registration: bool = Field(True, description="Requesters may make accounts by themselves")
    staff_second_step: bool = Field(False, description="Colleagues come in with a second step (an app) only")
    calls: bool = Field(True, description="Calls can be made from tickets")
    calls_by_requesters: bool = Field(True, description="Requesters may ask for a call")
    calls_in_hours_only: bool = Field(False, description="Calls only in the working hours")
    call_waiting_room: bool = Field(
        True, description="Whoever is not of the desk waits to be let into a call"
    )
    call_minutes: int = Field(120, ge=5, le=480, description="Longest call, in minutes")
    calls_at_once: int = Field(20, ge=1, le=500, description="How many calls there may be at once")
    call_ring_seconds: int = Field(180, ge=20, le=3600, description="How long a call rings, in seconds")
    recording_days: int = Field(90, ge=1, le=3650, description="Days after which recordings are deleted")
    review_percent: int = Field(
        5,
        ge=0,
        le=100,
        description="Share of each agent's calls and chats that leads shall review, in percent",
    )
    review_low_ratings: bool = Field(
        True, description="Leads shall review every call and chat that was rated 1 or 2"
    )
    review_questions: list[str] = Field(
        default_factory=list, description="What is marked in a review, from 1 to 5"
    )
    show_agent_names: bool = Field(True, description="Requesters see agents' display names")
    agent_pictures: str = Field(
        "",
        max_length=300,
        pattern=r"^(https://[^\s{}]+(\{id\}[^\s{}]*)?)?$",
        description="Address of agents' pictures in chats, with {id} for whose it is; empty: none",
    )


async def load(session: AsyncSession) -> DeskSettings:
    """The settings as they stand in the database; a value that no longer fits falls back."""
    stored = {row.key: row.value for row in await session.scalars(select(Setting))}
    return DeskSettings.model_validate({k: v for k, v in stored.items() if k in DeskSettings.model_fields})


async def store(session: AsyncSession, values: dict[str, Any]) -> DeskSettings:
    """Check the values together with what is set, and keep them."""
    current = await load(session)
    merged = DeskSettings.model_validate(current.model_dump() | values)
    for key in values:
        value = getattr(merged, key)
        await session.execute(
            insert(Setting)
            .values(key=key, value=value, version=1)
            .on_conflict_do_update(
                index_elements=["key"], set_={"value": value, "version": Setting.version + 1}
            )
        )
    return merged
