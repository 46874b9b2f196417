"""Mail through a real connection to a server that takes, refuses, hangs up or stays silent."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from adapters.mail import smtp
from adapters.mail.message import to_bytes, to_message
from adapters.mail.smtp import Server, SmtpMailer, parse_sender
from core import clock
from core.chat import Gone, PostFailed
from core.errors import StartError
from core.ids import new_id
from core.ports.mail import Mail
from tests.mail.smtp_server import SmtpServer

SENDER = Address("Hélp", "help", "example.com")


def mail(**changes: object) -> Mail:
    values: dict[str, object] = {
        "person_id": new_id(),
        "to": "ada@example.org",
        "to_name": "Ada Lovelace",
        "subject": "[#1] Fire",
        "text": "Grüße\n.\nzum Schluss\n",
        "html": "<p>Grüße</p>",
        "message_id": "<m@host>",
        "in_reply_to": "<t@host>",
        "references": ("<t@host>",),
        "unsubscribe": "https://help.example.com/unsubscribe/abc",
    }
    return Mail(**(values | changes))  # type: ignore[arg-type]


def mailer(
    server: SmtpServer, scheme: str = "smtp", who: str = "", tls: ssl.SSLContext | None = None
) -> SmtpMailer:
    return SmtpMailer(f"{scheme}://{who}127.0.0.1:{server.port}", SENDER, tls)


async def test_a_mail_arrives_whole() -> None:
    async with SmtpServer().running() as server:
        await mailer(server).send(mail(attachments=(("notes.txt", "text/plain", b"hello"),)))
    (got,) = server.mails
    assert server.recipients == ["ada@example.org"]
    assert (got["From"], got["To"]) == ("Hélp <help@example.com>", "Ada Lovelace <ada@example.org>")
    assert (got["Message-ID"], got["In-Reply-To"], got["References"]) == ("<m@host>", "<t@host>", "<t@host>")
    assert got["List-Unsubscribe"] == "<https://help.example.com/unsubscribe/abc>"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert got["Auto-Submitted"] == "auto-generated"
    plain, html = got.get_body(("plain",)), got.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content() == "Grüße\n.\nzum Schluss\n"
    assert html.get_content().strip() == "<p>Grüße</p>"
    assert [part.get_filename() for part in got.iter_attachments()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("switch", "answer", "error"),
    [
        ("refuse", "550 no such user", Gone),
        ("refuse", "451 try later", PostFailed),
        ("refuse_data", "554 not wanted", Gone),
        ("refuse_data", "452 disk full", PostFailed),
    ],
)
async def test_what_the_server_says_decides_whether_to_try_again(
    switch: str, answer: str, error: type[PostFailed]
) -> None:
    async with SmtpServer(**{switch: answer}).running() as server:  # type: ignore[arg-type]
        with pytest.raises(error) as raised:
            await mailer(server).send(mail())
    assert type(raised.value) is error
    assert "ada" not in str(raised.value), "no address goes into logs"


async def test_a_server_that_hangs_up_or_is_not_there_is_tried_again() -> None:
    async with SmtpServer(drop=True).running() as server:
        with pytest.raises(PostFailed):
            await mailer(server).send(mail())
    with pytest.raises(PostFailed):
        await mailer(server).send(mail())


async def test_a_silent_server_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "WHOLE_SECONDS", 0.2)
    async with SmtpServer(silent=True).running() as server:
        with pytest.raises(PostFailed):
            await mailer(server).send(mail())


async def test_starttls_is_taken_where_it_is_offered_and_passwords_only_go_through_it(tmp_path: Path) -> None:
    serving, trusting = contexts(tmp_path)
    async with SmtpServer(tls=serving, password="s3cret").running() as server:
        await mailer(server, who="desk:s3cret@", tls=trusting).send(mail())
        with pytest.raises(PostFailed):
            await mailer(server, who="desk:wrong@", tls=trusting).send(mail())
    assert server.encrypted == [True]
    assert server.signed_in == ["desk"]


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    serving, trusting = contexts(tmp_path)
    async with SmtpServer(tls=serving, tls_first=True).running() as server:
        await mailer(server, "smtps", tls=trusting).send(mail())
        with pytest.raises(PostFailed):
            await mailer(server, "smtps").send(mail())
    assert len(server.mails) == 1, "an unknown certificate is not trusted"


async def test_a_password_never_leaves_for_another_machine_in_the_clear() -> None:
    assert SmtpMailer("smtp://desk:secret@mail.example.com", SENDER)._start_tls() is True
    assert SmtpMailer("smtp://mail.example.com", SENDER)._start_tls() is None
    assert "secret" not in repr(Server.parse("smtp://desk:secret@mail.example.com"))


@given(st.text(), st.text())
def test_no_text_makes_a_further_header(subject: str, name: str) -> None:
    nasty = mail(
        subject=f"{subject}\r\nBcc: eve@example.org\n\n",
        to_name=f"{name}\nBcc: eve@example.org",
        message_id="<m@host>\r\nX: y",
        unsubscribe="https://x/\r\nBcc: z",
    )
    try:
        message = to_message(nasty, SENDER, clock.now())
        raw = to_bytes(message)
    except UnicodeEncodeError:
        return  # lone surrogates never get so far: text.clean replaces them
    headers = raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    assert not [line for line in headers if line.lower().startswith((b"bcc", b"x:"))]
    assert len(message.get_all("Subject", [])) == 1


LONG = "Mittelmotorbatterieladezustandsanzeigeplatinenhalterung"
WORDS = st.lists(
    st.sampled_from(
        ("Rücksendung", "möglich?", "Überweisung,", "[Ärger]", "#12", "(für)", "🎉", "日本語" * 3, LONG)
    ),
    min_size=1,
    max_size=16,
).map(" ".join)


@given(WORDS, WORDS)
def test_words_of_subjects_and_names_stay_whole(subject: str, name: str) -> None:
    """Python's own folding of headers splits words, and a space stands there when they are read."""
    raw = to_bytes(to_message(mail(subject=f"[#1] {subject}", to_name=name), SENDER, clock.now()))
    got = message_from_bytes(raw)
    unfolded = got["Subject"].replace("\r\n", "").lstrip()
    assert str(make_header(decode_header(unfolded))) == f"[#1] {subject}"
    assert str(make_header(decode_header(parseaddr(got["To"])[0]))) == name
    assert max(len(line) for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n")) < 100
    assert raw.isascii()


def test_long_addresses_are_written_as_they_are() -> None:
    """An encoded word is no address: nothing could be threaded, nor unsubscribed in one click."""
    one = f"<{new_id()}@help.a-company-with-a-very-long-name-indeed.example.com>"
    stop = "https://help.a-company-with-a-very-long-name.example.com/unsubscribe/" + "token" * 20
    raw = to_bytes(
        to_message(
            mail(message_id=one, in_reply_to=one, references=(one, one), unsubscribe=stop),
            SENDER,
            clock.now(),
        )
    )
    for line in (
        f"Message-ID: {one}",
        f"In-Reply-To: {one}",
        f"References: {one}\r\n {one}",
        f"List-Unsubscribe: <{stop}>",
    ):
        assert f"\r\n{line}\r\n".encode() in raw


@pytest.mark.parametrize("address", ["", "ada", "@example.org", "ada@", "ä@example.org", "a@b@c\n"])
async def test_an_address_that_is_none_is_given_up(address: str) -> None:
    async with SmtpServer().running() as server:
        with pytest.raises(Gone):
            await mailer(server).send(mail(to=address))
    assert server.mails == []


async def test_a_domain_beyond_ascii_is_written_in_its_own_form() -> None:
    async with SmtpServer().running() as server:
        await mailer(server).send(mail(to="ada@bücher.example"))
    assert server.recipients == ["ada@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail", "smtp://", "smtp://host:port", "smtp://host:99999"]
)
def test_a_malformed_setting_says_so_with_an_example(url: str) -> None:
    with pytest.raises(StartError, match="DESKBELL_SMTP_URL"):
        Server.parse(url)


def test_the_sender_is_read_or_made_up() -> None:
    assert parse_sender("Help <help@example.com>", "Desk", "host") == Address("Help", "help", "example.com")
    assert parse_sender("", "Desk", "desk.example.com").addr_spec == "deskbell@desk.example.com"
    with pytest.raises(StartError, match="DESKBELL_MAIL_FROM"):
        parse_sender("nobody", "Desk", "host")


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own, and one of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + public)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    return serving, ssl.create_default_context(cadata=public.decode())
