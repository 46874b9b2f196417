"""Looks at the settings and at what they name: Redis, the mail server, the TURN server."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError

from bot.doctor.patient import Patient
from core.admin.checkup import Line
from core.chat import PostFailed
from core.env_file import environment
from core.i18n import _
from core.lease import Lease
from core.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "::1")


async def settings(patient: Patient) -> Sequence[Line]:
    given = patient.settings
    parts = urlsplit(given.url)
    if not given.public_url:
        words = _("DESKBELL_PUBLIC_URL is unset: links lead to {url}.").format(url=given.url)
        return [Line("settings", "warn", words, _("Set it to the address that people use."))]
    if parts.scheme != "https" and parts.hostname not in _LOCAL:
        words = _("People reach the desk without TLS ({url}).").format(url=given.url)
        return [
            Line(
                "settings",
                "warn",
                words,
                _("Put a proxy with a certificate before it; see docs/admins/install.md."),
            )
        ]
    if "*" in given.trusted_proxies.split(","):
        words = _("DESKBELL_TRUSTED_PROXIES is *: everybody can claim to have any address.")
        return [Line("settings", "warn", words, _("Name your proxy's address instead."))]
    return [Line("settings", "ok", _("People reach the desk at {url}.").format(url=given.url))]


def unreadable(error: Exception) -> Line:
    """When the settings themselves cannot be read, nothing else can be looked at."""
    return Line("settings", "fail", str(error), _("docs/settings.md lists them all."))


async def redis(patient: Patient) -> Sequence[Line]:
    url = patient.settings.redis_url.get_secret_value()
    if not url:
        if await _in_parts(patient):
            words = _("The desk runs in parts without Redis: live pages are a second late.")
            return [Line("redis", "warn", words, _("Set REDIS_URL for all parts."))]
        return [Line("redis", "ok", _("Not needed: all runs in one process."))]
    from adapters.redis.look import look

    trouble, version = await look(url)
    if trouble:
        words = _("The Redis of REDIS_URL cannot be used ({code}). The desk goes on, more slowly.").format(
            code=trouble
        )
        return [Line("redis", "fail", words, _("Check the address, the password and that it runs."))]
    return [Line("redis", "ok", _("Redis {version} answers.").format(version=version))]


async def mail(patient: Patient) -> Sequence[Line]:
    given: Settings = patient.settings
    url = given.smtp_url.get_secret_value()
    if not url:
        words = _("No mail server is set: mails are kept on the page Outbox, and nobody gets them.")
        return [Line("mail", "warn", words, _("Set DESKBELL_SMTP_URL and DESKBELL_MAIL_FROM."))]
    from adapters.mail.smtp import SmtpMailer, parse_sender

    mailer = SmtpMailer(url, parse_sender(given.mail_from, "", urlsplit(given.url).hostname or "localhost"))
    try:
        await mailer.look()
    except PostFailed as error:
        words = _("The mail server does not take us ({code}).").format(code=str(error))
        return [Line("mail", "fail", words, _("Check address, user and password in DESKBELL_SMTP_URL."))]
    if not given.mail_from:
        words = _(
            "The mail server answers, but DESKBELL_MAIL_FROM is unset: mails come from a made-up address."
        )
        return [Line("mail", "warn", words, _("Set it to an address of a domain of yours."))]
    return [Line("mail", "ok", _("The mail server lets us in."))]


async def turn(_patient: Patient) -> Sequence[Line]:
    from adapters.media.looking import silent
    from adapters.media.settings import Settings as MediaSettings

    media = MediaSettings.of(environment())
    if media.livekit is not None:
        return [Line("turn", "ok", _("Calls go over LiveKit, which brings its own."))]
    if not media.turn:
        words = _("No TURN server is set: people behind strict firewalls cannot take part in calls.")
        return [
            Line("turn", "warn", words, _("Set DESKBELL_TURN and DESKBELL_TURN_SECRET; see docs/calls.md."))
        ]
    if not media.turn_secret:
        words = _("DESKBELL_TURN is set without DESKBELL_TURN_SECRET: nobody is let in there.")
        return [Line("turn", "fail", words, _("Set the secret that the server has (static-auth-secret)."))]
    unheard = await silent(media.turn)
    if unheard:
        words = _("Does not answer: {servers}.").format(servers=", ".join(unheard))
        return [Line("turn", "fail", words, _("See that it runs, and that its ports are open."))]
    return [Line("turn", "ok", _("The TURN servers answer."))]


async def _in_parts(patient: Patient) -> bool:
    """Whether somebody holds a lease now."""
    try:
        async with patient.db.sessions() as session:
            held = select(Lease.name).where(Lease.until > func.clock_timestamp()).limit(1)
            return await session.scalar(held) is not None
    except ProgrammingError:
        return False
