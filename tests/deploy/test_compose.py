"""docker-compose.yml, the Dockerfile and nginx's configuration against the program. No image is built here:
what is checked is that they are well formed, and that every command, variable and port in them exists."""

from __future__ import annotations

import inspect
import ipaddress
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from adapters.media.settings import Settings as MediaSettings
from bot import environment
from bot.cli import cli
from core.db import Database
from core.settings import Settings
from tests.postgres.processes import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one.get("build")}
TEXT = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LOCATIONS = (ROOT / "deploy/nginx/locations.conf").read_text()
KNOWN = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "entrypoint",
    "env_file",
    "environment",
    "healthcheck",
    "image",
    "init",
    "logging",
    "network_mode",
    "ports",
    "profiles",
    "read_only",
    "restart",
    "security_opt",
    "shm_size",
    "stop_grace_period",
    "tmpfs",
    "user",
    "volumes",
}
"""Keys of a service that we use, each looked up in the Compose Specification."""
GIVEN = {
    "POSTGRES_PASSWORD": "p",
    "REDIS_PASSWORD": "r",
    "DESKBELL_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "DESKBELL_PUBLIC_URL": "https://help.example.com",
    "DESKBELL_MEDIA_PUBLIC": "203.0.113.7",
}
"""An .env as the first lines of the file ask for it."""
RESERVED = 3
"""Connections that PostgreSQL keeps for its superuser."""
HEALTH = {"web": 8080, "gateway": 8081, "worker": 8082}


def filled(value: str) -> str:
    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: GIVEN.get(m[1], m[2] or ""), value)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_well_formed_and_has_few_rights(name: str) -> None:
    one = SERVICES[name]
    assert set(one) <= KNOWN
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["user"].split(":")[0] not in ("root", "0")
    assert one["restart"] == "unless-stopped"
    limits = one["deploy"]["resources"]["limits"]
    assert {"cpus", "memory"} == set(limits)
    assert set(one["healthcheck"]) <= {"test", "interval", "timeout", "retries", "start_period", "disable"}
    image, _colon, tag = one["image"].partition(":")
    assert image
    assert tag not in ("", "latest"), "pinned"
    needed = set(one.get("depends_on", {}))
    assert needed <= set(SERVICES)
    for needs in needed:
        if one["depends_on"][needs]["condition"] == "service_healthy":
            assert "test" in SERVICES[needs]["healthcheck"]


@pytest.mark.parametrize("name", OURS)
def test_its_command_is_one_of_ours(name: str) -> None:
    command = cli.get_command(None, OURS[name]["command"][0])  # type: ignore[arg-type]
    assert command is not None
    with command.make_context(name, OURS[name]["command"][1:]):
        pass
    ports = {option.name: option.default for option in command.params}
    if name in HEALTH:
        default = ports["port"] if name != "web" else Settings.model_fields["port"].default
        assert default == HEALTH[name]
        assert f"127.0.0.1:{default}/healthz" in OURS[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", OURS)
def test_its_variables_are_settings(name: str) -> None:
    given = {key: filled(str(value)) for key, value in OURS[name]["environment"].items()}
    environment.check(given)
    settings = Settings(_env_file=None, **given)  # type: ignore[arg-type, call-arg]
    assert settings.masters()
    assert settings.sqlalchemy_url == "postgresql+asyncpg://deskbell:p@db/deskbell"
    assert {"DATABASE_URL", "REDIS_URL"} <= set(given)
    assert {re.sub(r"_URL$", "", key) for key in given if not key.startswith("DESKBELL_")} == {
        "DATABASE",
        "REDIS",
    }


def test_every_variable_is_asked_for_in_the_first_lines() -> None:
    told = set(re.findall(r"^#   (\w+)=", TEXT, re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+)", TEXT))
    assert used == told


def test_published_ports_lead_to_ports_that_are_listened_on() -> None:
    media = MediaSettings.of({"DESKBELL_MEDIA_PORTS": OURS["media"]["environment"]["DESKBELL_MEDIA_PORTS"]})
    assert OURS["media"]["ports"] == [
        f"{media.ports[0]}-{media.ports[-1]}:{media.ports[0]}-{media.ports[-1]}/udp"
    ]
    nginx = (ROOT / "deploy/nginx/desk.conf").read_text()
    inner = {port.rpartition(":")[2] for port in SERVICES["nginx"]["ports"]}
    assert inner == set(re.findall(r"listen (\d+)", nginx))
    for kind in ("web", "gateway"):
        assert f"server {kind}:{HEALTH[kind]} resolve;" in nginx
    assert COMPOSE["networks"]["default"]["ipam"]["config"][0]["subnet"] == "172.30.42.0/24"
    assert OURS["web"]["environment"]["DESKBELL_TRUSTED_PROXIES"] == "172.30.42.0/24"


def test_only_the_part_with_the_ports_carries_calls() -> None:
    for name in ("gateway", "media"):
        settings = MediaSettings.of(
            {key: filled(str(value)) for key, value in OURS[name]["environment"].items()}
        )
        assert settings.apart == ("ports" not in OURS[name]), name


def test_mounted_files_and_volumes_are_there() -> None:
    for name, one in SERVICES.items():
        for volume in one.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name}: {source}"
            elif not source.startswith("$"):
                assert source in COMPOSE["volumes"], f"{name}: {source}"


def test_the_image_is_built_of_what_is_there_and_brings_no_tools() -> None:
    build, run = DOCKERFILE.split("\n\n\n")
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", build, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert source in let_in, source
    assert "pip" not in re.sub(r"^#.*$", "", run, flags=re.MULTILINE)
    assert re.search(r"^USER deskbell$", run, re.MULTILINE)
    assert "--uid 10001" in run
    assert all(one["user"] == "10001:10001" for one in OURS.values())
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1
    environment.check(dict(re.findall(r"(DESKBELL_\w+)=(\S+)", run)))


def test_platforms_that_call_us_reach_the_gateways() -> None:
    """The folders of adapters that listen for their platform, and are no chat of our own."""
    named = re.search(r"location ~ \^/chat/\(([a-z|]+)\)/", LOCATIONS)
    assert named is not None
    assert all((ROOT / "adapters" / one / "adapter.py").exists() for one in named[1].split("|"))


def test_nginx_speaks_safe_tls_and_leads_pages_alone_to_it() -> None:
    """What an API token is sent to in the clear must not look as if all were well."""
    site = (ROOT / "deploy/nginx/desk.conf").read_text()
    plain, secured = site.split("listen 8443 ssl;")
    assert re.search(r"ssl_protocols TLSv1\.2 TLSv1\.3;", secured)
    ciphers = re.search(r"ssl_ciphers ([^;]+);", secured)
    assert ciphers is not None
    for cipher in ciphers[1].split(":"):
        assert cipher.startswith("ECDHE-"), cipher
        assert "GCM" in cipher or "POLY1305" in cipher, cipher
    for path in ("/api/", "/chat/"):
        assert re.search(rf"location {path} \{{\s+return 403;", plain), path
    assert re.search(r"location / \{\s+return 301 https:", plain)
    assert "proxy_pass" not in plain


INNER = (
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.30.42.7", "192.0.0.8", "192.0.2.1",
    "192.168.0.1", "198.18.0.1", "198.51.100.4", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::10.0.0.0", "::127.0.0.1", "::ffff:10.1.2.3", "::ffff:172.30.42.0", "64:ff9b::a01:203",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::", "fc00::1", "fd00::1", "fe80::1", "fec0::1",
)  # fmt: skip
OUTER = (
    "8.8.8.8",
    "1.0.0.1",
    "198.51.99.1",
    "223.255.255.254",
    "2a00:1450::1",
    "2606:4700::1111",
    "2001:4860::8888",
)


def test_the_relay_reaches_no_inner_address() -> None:
    denied = [
        option.partition("=")[2] for option in SERVICES["coturn"]["command"] if "denied-peer-ip" in option
    ]
    ranges = [one.split("-") if "-" in one else [one, one] for one in denied]
    for compare in (_in_order, _byte_by_byte):
        for address, inside in (
            *zip(INNER, [True] * 99, strict=False),
            *zip(OUTER, [False] * 99, strict=False),
        ):
            named = ipaddress.ip_address(address)
            found = any(
                _lies_in(*map(ipaddress.ip_address, span), named, compare)  # type: ignore[arg-type]
                for span in ranges
            )
            assert found is inside, (address, compare.__name__)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _lies_in(first: Address, last: Address, named: Address, compare: Callable[[bytes, bytes], bool]) -> bool:
    """As coturn has it: a range that begins with nothing begins nowhere, and IPv4 comes before IPv6."""
    return (not int(first) or _comes_before(first, named, compare)) and _comes_before(named, last, compare)


def _comes_before(one: Address, other: Address, compare: Callable[[bytes, bytes], bool]) -> bool:
    if one.version != other.version:
        return one.version < other.version
    return _in_order(one.packed, other.packed) if one.version == 4 else compare(one.packed, other.packed)


def _in_order(one: bytes, other: bytes) -> bool:
    return one <= other


def _byte_by_byte(one: bytes, other: bytes) -> bool:
    """Its versions before 2026 compare IPv6 so."""
    return all(first <= second for first, second in zip(one, other, strict=True))


def test_a_log_does_not_grow_without_end() -> None:
    for name, one in SERVICES.items():
        assert one["logging"]["driver"] == "local", name
        assert set(one["logging"]["options"]) == {"max-size", "max-file"}, name


def test_all_parts_together_find_room_in_the_database() -> None:
    """As many as start here, and twice as many webs; each with what its pool may hold, and one that listens."""
    (room,) = [int(word.partition("=")[2]) for word in SERVICES["db"]["command"] if "max_connections" in word]
    pool = inspect.signature(Database.__init__).parameters["pool"].default + 5 + 1
    parts = sum(one["deploy"]["replicas"] for name, one in OURS.items() if name != "media")
    assert room - RESERVED >= (parts + SERVICES["web"]["deploy"]["replicas"]) * pool


@pytest.mark.skipif(not os.environ.get("REDIS_SERVER"), reason="no Redis here (. tools/redis.sh)")
def test_a_redis_that_refuses_is_not_well(tmp_path: Path) -> None:
    test = [word for word in SERVICES["redis"]["healthcheck"]["test"] if word != "CMD"]
    socket = tmp_path / "redis.sock"
    command = [
        os.environ["REDIS_SERVER"],
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--requirepass",
        "right",
    ]
    with subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL) as server:
        try:
            asked = [test[0], "-s", str(socket), *test[1:]]
            deadline = time.monotonic() + 10
            while _well(asked, "right") != 0:
                assert time.monotonic() < deadline
            assert _well(asked, "wrong") != 0
        finally:
            server.terminate()


def _well(asked: list[str], password: str) -> int:
    env = os.environ | {"REDISCLI_AUTH": password}
    return subprocess.run(asked, env=env, check=False, capture_output=True, timeout=5).returncode


needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="no nginx here (apt install nginx-light)"
)


@needs_nginx
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    said = _nginx(tmp_path, _configuration(tmp_path, 8080), "-t")
    assert said.returncode == 0, said.stderr


@needs_nginx
def test_nginx_takes_what_the_page_about_parts_shows(tmp_path: Path) -> None:
    _certificate(tmp_path)
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    [shown] = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    shown = shown.replace("/etc/ssl/deskbell/", f"{tmp_path}/").replace("/srv/deskbell/", f"{ROOT}/")
    said = _nginx(tmp_path, shown, "-t")
    assert said.returncode == 0, said.stderr


@needs_nginx
def test_nginx_believes_nobody_and_its_own_answers_are_headed_as_the_desks(tmp_path: Path) -> None:
    heard: list[list[str]] = []

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get_all("X-Forwarded-For") or [])
            self.send_response(200)
            self.send_header("strict-transport-security", "max-age=1")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    desk = HTTPServer(("127.0.0.1", 0), Desk)
    Thread(target=desk.serve_forever, daemon=True).start()
    with _listening(tmp_path, desk.server_address[1]) as client:
        passed = client.get("/my", headers={"x-forwarded-for": "198.51.100.7"})
        own = client.get("/metrics")
    desk.shutdown()
    desk.server_close()
    assert heard == [["127.0.0.1"]]
    assert passed.headers.get_list("strict-transport-security") == ["max-age=1"]
    assert own.status_code == 404
    assert own.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert own.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in own.headers["content-security-policy"]
    assert own.headers["referrer-policy"] == "same-origin"


@contextmanager
def _listening(folder: Path, upstream: int) -> Iterator[httpx.Client]:
    """nginx with our configuration on a port of its own, as a browser reaches it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = _configuration(folder, upstream).replace("listen 8443 ssl", f"listen 127.0.0.1:{port} ssl")
    site = re.sub(r"listen 8080;", f"listen unix:{folder}/plain.sock;", site)
    whole = _written(folder, site)
    command = ["nginx", "-p", str(folder), "-c", str(whole), "-e", f"{folder}/log", "-g", "daemon off;"]
    with (
        subprocess.Popen(command) as server,
        httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            verify=False,
            transport=httpx.HTTPTransport(retries=10, verify=False),
        ) as client,
    ):
        try:
            yield client
        finally:
            server.terminate()


def _configuration(folder: Path, upstream: int) -> str:
    """With names that resolve here and a certificate of our own; what nginx before 1.27 does not know is left out."""
    _certificate(folder)
    site = (ROOT / "deploy/nginx/desk.conf").read_text()
    site = re.sub(r"server \w+:(\d+) resolve;", f"server 127.0.0.1:{upstream};", site)
    site = site.replace("    http2 on;\n", "").replace("/tls/", f"{folder}/")
    return site.replace("/etc/nginx/locations.conf", str(ROOT / "deploy/nginx/locations.conf"))


def _certificate(folder: Path) -> None:
    made = "req -x509 -newkey rsa:2048 -nodes -keyout privkey.pem -out fullchain.pem -days 1 -subj /CN=x"
    subprocess.run(["openssl", *made.split()], cwd=folder, check=True, capture_output=True)


def _nginx(folder: Path, site: str, *options: str) -> subprocess.CompletedProcess[str]:
    whole = _written(folder, site)
    return subprocess.run(
        ["nginx", *options, "-p", str(folder), "-c", str(whole), "-e", "stderr"],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )


def _written(folder: Path, site: str) -> Path:
    whole = folder / "nginx.conf"
    whole.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n")
    return whole
