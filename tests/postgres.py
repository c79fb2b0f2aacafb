"""A private PostgreSQL server for the tests: its own port and folder, gone when they end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

USER = "kb"

# Durability is worth nothing here: the data does not outlive the server.
UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

# Another process may take the free port between our choosing it and the server's binding it.
PORT_ATTEMPTS = 3

# Runs beside the server and ends with its standard input, that is with the tests, however they
# end: even a SIGKILL leaves neither a server nor a folder behind.
KEEPER = """
cat >/dev/null
"$1/pg_ctl" stop --silent --wait --mode=immediate --pgdata="$2/data" >/dev/null 2>&1
rm -rf "$2"
"""

_numbers = count(1)


def server_programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, or None where no server is installed.

    Debian keeps one folder per version, outside PATH, and what PATH offers there may belong to
    another version: the newest of these folders goes before PATH.
    """
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = {int(found.parts[-3]): found.parent for found in debian if found.parts[-3].isdigit()}
    if versions:
        return versions[max(versions)]
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server of our own; yields `postgresql+psycopg://kb@127.0.0.1:PORT/`.

    Skips the calling test, saying what to install, where PostgreSQL is absent.
    """
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian, Ubuntu: apt-get install postgresql)")
    # Short, because the path of a Unix socket holds about 100 characters, and open to the
    # server's user: a nested temporary folder could fail on both.
    home = Path(tempfile.mkdtemp(prefix="kb-postgres-", dir="/tmp"))
    credentials = _unprivileged()
    if credentials:
        os.chown(home, credentials["user"], credentials["group"])
    # Leaving the block closes the keeper's input and waits for it. It has a session of its own,
    # so that Ctrl-C reaches the tests alone and they end in order.
    with subprocess.Popen(
        ["sh", "-c", KEEPER, "sh", programs, home],
        stdin=subprocess.PIPE,
        cwd=home,
        start_new_session=True,
        **credentials,
    ):
        _run(_create_command(programs, home), home, credentials)
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            port = _free_port()
            try:
                _run(_start_command(programs, home, port), home, credentials)
            except RuntimeError:
                if not attempts_left:
                    raise
            else:
                break
        yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}/"


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """Create a database on `server` (a URL from `postgres_server`), yield its URL, drop it.

    Dropping ends the connections that are still open, so a leaking test harms no other.
    """
    with copied_database(server, "template1") as url:
        yield url


@contextmanager
def copied_database(server: str, template: str) -> Iterator[str]:
    """Like `empty_database`, with what the database `template` holds. Nobody may be using that."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    administration = server.replace("+psycopg", "") + "postgres"
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield server + name
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _unprivileged() -> dict[str, Any]:
    """Arguments that make `subprocess` leave root behind: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _create_command(programs: Path, home: Path) -> list[str]:
    create = [f"{programs}/initdb", f"--pgdata={home}/data", f"--username={USER}"]
    return [*create, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]


def _start_command(programs: Path, home: Path, port: int) -> list[str]:
    settings = (*UNSAFE_BUT_FAST, f"port={port}", "listen_addresses=127.0.0.1")
    options = " ".join(f"-c {setting}" for setting in settings) + f" -k {home}"
    start = [f"{programs}/pg_ctl", "start", "--silent", "--wait", f"--pgdata={home}/data"]
    return [*start, f"--log={home}/log", f"--options={options}"]


def _run(command: list[str], home: Path, credentials: dict[str, Any]) -> None:
    """Run a program of the server; RuntimeError with its output and the server's log if it fails.

    Output goes to a file: the server inherits it, and a pipe would never see its end.
    """
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            check=False,
            **credentials,
        )
        if done.returncode:
            output.seek(0)
            log = home / "log"
            said = output.read() + (log.read_text() if log.exists() else "")
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
