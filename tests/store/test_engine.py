"""Opening the database, one writer at a time, and what is left when something goes wrong."""

import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from kb.errors import InvalidInput, StoreUnavailable
from kb.models import tables as t
from kb.store import engine
from kb.store.engine import Store
from kb.store.migrate import migrate
from kb.store.records import as_work_record
from tests.store.saves import NOW, a_record, ids, rows_of, save, save_each


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty base whose URL other processes may be told."""
    store = Store(database_url)
    migrate(store)
    yield store
    store.close()


ROOT = Path(__file__).resolve().parents[2]


def works_held(store: Store) -> int:
    with store.reading() as session:
        return len(rows_of(session, t.Work))


# -- reading and writing -------------------------------------------------------------------------


def test_reading_refuses_to_write(store: Store) -> None:
    refusals = (StoreUnavailable, sa.exc.InternalError)
    with pytest.raises(refusals, match="read-only"), store.reading() as session:
        save(session, a_record(identifiers=ids(pmid="1")))
    assert works_held(store) == 0


def test_reading_sees_one_moment(store: Store) -> None:
    with store.reading() as session:
        assert rows_of(session, t.Work) == []
        save_each(store, [a_record(identifiers=ids(pmid="1"))])
        assert rows_of(session, t.Work) == []
    assert works_held(store) == 1


def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    def half_way() -> None:
        with store.writing() as session:
            save(session, a_record(identifiers=ids(pmid="1")))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    assert works_held(store) == 0


def test_a_statement_that_fails_spoils_nothing_after_it(store: Store) -> None:
    def failing() -> None:
        with store.writing() as session:
            save(session, a_record(identifiers=ids(pmid="1")))
            session.add(t.WorkIdentifier(scheme="pmid", value="2", work_id=999))
            session.flush()

    with pytest.raises(sa.exc.IntegrityError):
        failing()
    assert save_each(store, [a_record(identifiers=ids(pmid="1"))]) != [None]
    assert works_held(store) == 1


def test_a_time_without_a_zone_is_refused(session: Session) -> None:
    session.add(t.Work(changed_at=datetime(2026, 11, 22)))
    with pytest.raises(
        sa.exc.StatementError, match=r"naive datetime .* \(expected one with a zone"
    ):
        session.flush()


def test_times_come_back_in_utc(session: Session) -> None:
    session.add(t.Work(changed_at=NOW))
    session.flush()
    session.expire_all()
    (work,) = rows_of(session, t.Work)
    assert (work.changed_at, work.changed_at.utcoffset()) == (NOW, NOW.utcoffset())


# -- several processes ---------------------------------------------------------------------------


def save_at_once(url: str, together: Barrier) -> None:
    store = Store(url)
    records = [a_record("crossref", str(n), identifiers=ids(doi=f"10.1000/{n}")) for n in range(20)]
    together.wait(timeout=60)
    save_each(store, records)
    store.close()


def test_processes_that_save_the_same_records_at_once_make_each_work_once(
    store: Store, database_url: str
) -> None:
    spawning = multiprocessing.get_context("spawn")
    together = spawning.Barrier(2)
    processes = [
        spawning.Process(target=save_at_once, args=(database_url, together)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    with store.reading() as session:
        assert len(rows_of(session, t.StoredRecord)) == 20
        assert len(rows_of(session, t.Work)) == 20


# Saves works with three references each until it is killed, saying when it has begun.
WRITER = """
import sys
from itertools import count
from kb.store.engine import Store
from tests.store.saves import a_record, ids, references, save_each

store = Store(sys.argv[1])
for n in count(int(sys.argv[2])):
    cited = [ids(doi=f"10.1000/{n + step}") for step in (1, 2, 3)]
    own = ids(doi=f"10.1000/{n}")
    save_each(store, [a_record("x", str(n), identifiers=own, references=references(*cited))])
    print(n, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_records_only(
    store: Store, database_url: str
) -> None:
    for attempt in range(4):
        command = [sys.executable, "-c", WRITER, database_url, str(attempt * 10_000)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05 + 0.03 * attempt)
            writer.kill()
            assert writer.wait() == -signal.SIGKILL
        with store.reading() as session:
            for stored in rows_of(session, t.StoredRecord):
                lines = rows_of(session, t.Reference, record_id=stored.id)
                assert len(lines) == len(as_work_record(stored).references) == 3
                assert len(rows_of(session, t.CitationAssertion, record_id=stored.id)) == 3
            if store.is_sqlite:
                connection = session.connection()
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
                assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    # And the next writer finds the place free.
    assert save_each(store, [a_record("pubmed", "x", identifiers=ids(pmid="1"))]) != [None]


# -- what users are told -------------------------------------------------------------------------


@contextmanager
def held_by_another(url: str) -> Iterator[None]:
    other = Store(url)
    with other.writing():
        yield
    other.close()


def test_a_database_somebody_else_writes_to_says_so(
    monkeypatch: pytest.MonkeyPatch, store: Store, database_url: str
) -> None:
    monkeypatch.setattr(engine, "_BUSY_TIMEOUT_MS", 100)
    waiting = Store(database_url)
    with (
        held_by_another(database_url),
        pytest.raises(StoreUnavailable, match="another process is writing to the database"),
        waiting.writing(),
    ):
        pass
    with waiting.writing() as session:
        save(session, a_record(identifiers=ids(pmid="1")))
    waiting.close()


def test_readers_do_not_wait_for_a_writer(store: Store, database_url: str) -> None:
    with held_by_another(database_url):
        assert works_held(store) == 0


def test_a_full_disk_is_said_in_a_sentence_and_harms_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kb.sqlite3'}"
    store = Store(url)
    migrate(store)
    save_each(store, [a_record(identifiers=ids(doi="10.1000/0"))])

    @sa.event.listens_for(store.engine, "begin")
    def limit(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    large = a_record("pubmed", "2", identifiers=ids(doi="10.1000/1"), title="A title " * 50_000)
    with pytest.raises(StoreUnavailable, match=r"no space left for the database .*nothing was"):
        save_each(store, [large])
    store.close()
    after = Store(url)
    assert works_held(after) == 1
    assert save_each(after, [large]) != [None]
    with after.reading() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    after.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"no database at all" * 100, "is no database", id="another file"),
        pytest.param(None, "cannot be opened", id="no such folder"),
    ],
)
def test_a_file_that_is_no_database_is_said_in_a_sentence(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "kb.sqlite3" if content else tmp_path / "nowhere" / "kb.sqlite3"
    if content:
        path.write_bytes(content)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match=said):
        works_held(store)
    store.close()


def test_a_server_that_does_not_answer_is_said_without_its_password() -> None:
    store = Store("postgresql+psycopg://kb:secret@127.0.0.1:1/kb")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1 did not answer") as raised:
        works_held(store)
    assert "secret" not in str(raised.value)
    store.close()


@pytest.mark.parametrize("url", ["kb.sqlite3", "mysql://kb:secret@host/kb"])
def test_what_is_no_address_of_a_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="expected") as raised:
        Store(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite:////tmp/x.sqlite3?timeout=abc", id="SQLite takes no options"),
        pytest.param("postgresql://kb@127.0.0.1/kb?bogus=1", id="no such option of PostgreSQL"),
    ],
)
def test_a_wrong_option_in_the_database_url_is_named(url):
    with pytest.raises(InvalidInput, match=r"KB_DATABASE_URL .*(timeout|bogus)"):
        Store(url)
