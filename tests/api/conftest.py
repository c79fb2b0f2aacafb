"""Applications over small databases, asked through the test client."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from kb.settings import Settings
from kb.store.engine import Store


@pytest.fixture
def client(store: Store) -> TestClient:
    return a_client(store)


@pytest.fixture
def plain_client(plain_store: Store) -> TestClient:
    return a_client(plain_store)


@pytest.fixture
def client_of(plain_store: Store) -> Callable[..., TestClient]:
    """A client of an application with the settings given."""
    return lambda **values: a_client(plain_store, **values)


def a_client(
    store: Store, *, client: tuple[str, int] = ("127.0.0.1", 50000), **settings: Any
) -> TestClient:
    app = create_app(Settings(_env_file=None, **settings), store)
    app.openapi_schema = openapi()
    return TestClient(
        app,
        base_url="http://localhost:8000",
        client=client,
        follow_redirects=False,
        raise_server_exceptions=False,
    )


@cache
def openapi() -> dict[str, Any]:
    """The description, made once: half a second of every application's first request."""
    return create_app(Settings(_env_file=None), Store("sqlite://")).openapi()
