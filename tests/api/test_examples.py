"""What the OpenAPI document shows can be sent as it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kb.models import tables as t
from kb.models.ids import Kind, public_id
from kb.store.engine import Store
from tests.api.conftest import a_client
from tests.builders import kept


@pytest.fixture
def starter_client(starter_store: Store) -> TestClient:
    return a_client(starter_store)


def examples(document: dict[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    """Method, path and examples of everything that takes JSON."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" not in content:
                continue
            schema = content["application/json"]["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            described = document["components"]["schemas"][name] if name else {}
            yield method, path, schema.get("examples") or described.get("examples") or []


def test_every_body_that_can_be_sent_has_an_example_that_can(
    starter_client: TestClient, starter_store: Store
) -> None:
    (finding, *_) = starter_client.get("/checks").json()["results"]
    with starter_store.writing() as session:
        worded = kept(session, t.OutcomeDefinition, title="Change in lesions on T2 scans")
        outcome = public_id(Kind.OUTCOME, worded.id or 0)
    shown = list(examples(starter_client.get("/openapi.json").json()))
    assert len(shown) >= 10
    for method, path, given in shown:
        assert given, f"{method} {path} shows no example"
        value = "X1" if "adverse" in path else "R2"
        for body in given:
            address = path.format(key=finding["key"], outcome=outcome, value=value, decision=1)
            answer = starter_client.request(method, address, json=body)
            assert answer.is_success, (method, address, answer.text)
