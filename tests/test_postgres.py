"""The databases that tests run on keep apart, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text

from tests.conftest import ROOT
from tests.postgres import empty_database, postgres_server


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_has_an_empty_database_of_its_own(database_url, turn):
    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []
        connection.execute(text("CREATE TABLE left_behind (id INTEGER)"))
    engine.dispose()


def test_a_database_still_in_use_is_dropped_all_the_same(postgres):
    with empty_database(postgres) as url:
        engine = create_engine(url)
        leaked = engine.connect()
    name = url.removeprefix(postgres)
    with psycopg.connect(_libpq(postgres)) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        assert found.fetchone() is None
    leaked.invalidate()
    engine.dispose()


def test_the_server_ends_and_its_folder_is_removed_when_a_test_fails():
    with suppress(AssertionError), postgres_server() as server:
        folder = _data_folder(server)
        raise AssertionError
    assert not folder.parent.exists()
    assert not _answers(server)


@pytest.mark.usefixtures("postgres")  # skips where there is no server to run
def test_the_server_ends_when_the_tests_are_killed():
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from tests.postgres import postgres_server\n"
            "with postgres_server() as server:\n"
            "    print(server, flush=True)\n"
            "    input()\n",
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with killed:
        assert killed.stdout is not None
        server = killed.stdout.readline().strip()
        folder = _data_folder(server)
        os.kill(killed.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while folder.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.parent.exists()
    assert not _answers(server)


def _libpq(server: str) -> str:
    return server.replace("+psycopg", "") + "postgres"


def _data_folder(server: str) -> Path:
    with psycopg.connect(_libpq(server)) as connection:
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    return Path(folder)


def _answers(server: str) -> bool:
    try:
        psycopg.connect(_libpq(server), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
