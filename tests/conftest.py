"""What every test can rely on: databases of its own and the material beside the project."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from kb.store.curated import load_starter
from kb.store.definitions import store_vocabulary
from kb.store.engine import Store
from kb.store.migrate import migrate
from tests.postgres import copied_database, empty_database, postgres_server

ROOT = Path(__file__).resolve().parent.parent


def shared(path: str) -> Path:
    """The file or folder `path` of the material shared with this checkout, to be read only.

    Skips the calling test, or the calling module, where it is absent.
    """
    found = ROOT.parent / "shared" / path
    if not found.exists():
        pytest.skip(f"shared/{path} is not beside the project", allow_module_level=True)
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of the session's PostgreSQL server, to which a database name is to be added."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database that only this test knows; the test runs once per engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'kb.sqlite3'}"
    else:
        with empty_database(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.fixture(scope="session")
def sqlite_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite base, to be copied: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("base") / "kb.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def starter_base(sqlite_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `kb init` makes, on SQLite, to be copied: loading takes longer than most tests."""
    path = tmp_path_factory.mktemp("starter") / "kb.sqlite3"
    shutil.copy(sqlite_base, path)
    store = Store(f"sqlite:///{path}")
    load_starter(store)
    store_vocabulary(store)
    store.close()
    return path


@pytest.fixture
def starter_store(starter_base: Path, tmp_path: Path) -> Iterator[Store]:
    """The starter evidence in a base of the test's own."""
    path = tmp_path / "starter.sqlite3"
    shutil.copy(starter_base, path)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres_base(postgres: str) -> Iterator[str]:
    """Name of a migrated, empty PostgreSQL base, to be copied."""
    with empty_database(postgres) as url:
        _migrate(url)
        yield url.removeprefix(postgres)


def _migrate(url: str) -> None:
    store = Store(url)
    migrate(store)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def base_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated base with nothing in it, that only this test knows; once per engine."""
    if request.param == "sqlite":
        path = tmp_path / "kb.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_base"), path)
        yield f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres")
        with copied_database(server, request.getfixturevalue("postgres_base")) as url:
            yield url


@pytest.fixture
def store(base_url: str) -> Iterator[Store]:
    """An empty base, once per engine."""
    store = Store(base_url)
    yield store
    store.close()


@pytest.fixture
def plain_store(sqlite_base: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty base, for what no database has a part in."""
    path = tmp_path / "kb.sqlite3"
    shutil.copy(sqlite_base, path)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    """A session that may write; what it wrote is gone with the database."""
    with store.writing() as session:
        yield session
