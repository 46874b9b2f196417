"""docker-compose.yml, the Dockerfile and nginx's configuration against the program. No image is built here:
what is checked is that they are well formed, and that every command, variable and port in them exists."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.media.settings import Settings as MediaSettings
from bot import environment
from bot.cli import cli
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


def test_the_relay_reaches_no_inner_address() -> None:
    denied = [
        option.partition("=")[2] for option in SERVICES["coturn"]["command"] if "denied-peer-ip" in option
    ]
    ranges = [one.split("-") if "-" in one else [one, one] for one in denied]
    for inner in ("10.1.2.3", "127.0.0.1", "172.30.42.7", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fd00::1", "fe80::1"):  # fmt: skip
        address = ipaddress.ip_address(inner)
        assert any(
            type(address) is type(ipaddress.ip_address(first))
            and ipaddress.ip_address(first) <= address <= ipaddress.ip_address(last)  # type: ignore[operator]
            for first, last in ranges
        ), inner


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx here (apt install nginx-light)")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    """With names that resolve here and a certificate of our own; what nginx before 1.27 does not know is left out."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "privkey.pem",
            "-out",
            "fullchain.pem",
            "-days",
            "1",
            "-subj",
            "/CN=x",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    site = (ROOT / "deploy/nginx/desk.conf").read_text()
    site = re.sub(r"server \w+:(\d+) resolve;", r"server 127.0.0.1:\1;", site)
    site = site.replace("    http2 on;\n", "").replace("/tls/", f"{tmp_path}/")
    site = site.replace("/etc/nginx/locations.conf", str(ROOT / "deploy/nginx/locations.conf"))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n")
    said = subprocess.run(
        ["nginx", "-t", "-p", str(tmp_path), "-c", str(whole), "-e", "stderr"],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    assert said.returncode == 0, said.stderr
