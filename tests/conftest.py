"""What every test can rely on: databases of its own and the material beside the project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import empty_database, postgres_server

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
