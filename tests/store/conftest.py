from collections.abc import Iterator

import pytest
from sqlmodel import Session

from kb.store.engine import Store
from kb.store.migrate import migrate


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty base, once per engine."""
    store = Store(database_url)
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    """A session that may write; what it wrote is gone with the database."""
    with store.writing() as session:
        yield session
