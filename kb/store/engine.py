"""Opening the database, reading from it, and writing to it one writer at a time.

SQLite runs in WAL mode with foreign keys enforced; PostgreSQL through psycopg. Writers take turns
on both (an immediate transaction, an advisory lock), so that "look whether the work exists, else
make it" is one step, and a kill at any moment leaves either all of a change or nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlmodel import Session

from kb.errors import InvalidInput, StoreUnavailable

# An arbitrary constant: the key of PostgreSQL's advisory lock that writers take.
_WRITER_LOCK = 0x6B62_0001
_BUSY_TIMEOUT_MS = 30_000


class Store:
    """An open database. Safe to share between threads; sessions are not."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.engine = _engine(self.url)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session over one consistent snapshot, in which the database refuses every write."""
        with _translated(self.url), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with Session(connection, expire_on_commit=False) as session:
                yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that holds the one writer's place; commits at the end, or nothing at all."""
        with _translated(self.url), self.engine.connect() as plain:
            connection = plain.execution_options(kb_writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_BUSY_TIMEOUT_MS}")
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
                with Session(connection, expire_on_commit=False) as session:
                    yield session
                    session.flush()

    def close(self) -> None:
        self.engine.dispose()


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise InvalidInput(
            "KB_DATABASE_URL is not a database URL (expected e.g. sqlite:////path/kb.sqlite3 "
            "or postgresql+psycopg://user@host/name)"
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidInput(
            f"KB_DATABASE_URL names {parsed.get_backend_name()!r} (expected sqlite or postgresql)"
        )
    _check_options(parsed)
    return parsed


def _check_options(url: sa.URL) -> None:
    """The driver would take a wrong option for its own mistake, on the first connection."""
    if url.get_backend_name() == "sqlite" and url.query:
        option = next(iter(url.query))
        raise InvalidInput(f"KB_DATABASE_URL has the option {option!r}, and SQLite takes none here")
    try:
        psycopg.conninfo.make_conninfo(**{k: str(v) for k, v in url.query.items()})
    except psycopg.ProgrammingError as error:
        raise InvalidInput(f"KB_DATABASE_URL cannot be used: {str(error).strip()}") from error


def _engine(url: sa.URL) -> sa.Engine:
    json = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    }
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(url, pool_pre_ping=True, **json)
    engine = sa.create_engine(url, **json)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not at the first DML
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("kb_writes", False)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new database to write-ahead logging; what is switched stays so.

    SQLite's own timeout does not cover two processes that switch at once.
    """
    patience_ends = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > patience_ends:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def _translated(url: sa.URL) -> Iterator[None]:
    """What the user can act on, in a sentence, instead of a driver's error."""
    try:
        yield
    except exc.DatabaseError as error:
        # Its other subclasses mean that a statement was wrong, which no waiting mends; so does
        # PostgreSQL's class 54, a value beyond a limit (too long for an index).
        is_beyond_limit = (getattr(error.orig, "sqlstate", None) or "").startswith("54")
        if type(error) not in (exc.DatabaseError, exc.OperationalError) or is_beyond_limit:
            raise
        raise StoreUnavailable(_sentence(url, str(error.orig))) from error


def _sentence(url: sa.URL, said: str) -> str:
    where = url.database if url.get_backend_name() == "sqlite" else url.host
    text = said.lower()
    if "locked" in text or "busy" in text or "lock timeout" in text:
        return f"another process is writing to the database {where}; try again when it is done"
    if "disk i/o" in text:
        return f"the disk under the database {where} failed (is it full?); nothing was changed"
    if "full" in text or "no space" in text:
        return f"no space left for the database {where}; nothing was changed"
    if "readonly" in text or "read-only" in text:
        return f"the database {where} cannot be written to (read-only); nothing was changed"
    if "unable to open" in text:
        folder = Path(url.database or ".").parent
        return f"the database {where} cannot be opened (is {folder} there and writable?)"
    if "not a database" in text or "malformed" in text:
        return f"the file {where} is no database, or a damaged one: {said}"
    return f"the database {where} did not answer: {said.strip().splitlines()[0]}"
