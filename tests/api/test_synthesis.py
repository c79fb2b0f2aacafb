"""`POST /synthesis`: rows in, metafor's numbers out, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.routers.synthesis import MAX_ROWS
from kb.store.engine import Store
from tests.api.conftest import a_client

ROWS: list[dict[str, Any]] = [
    {"study": "A", "ai": 4, "n1i": 123, "ci": 11, "n2i": 139},
    {"study": "B", "ai": 6, "n1i": 306, "ci": 29, "n2i": 303},
    {"study": "C", "ai": 3, "n1i": 231, "ci": None, "n2i": 220, "ci_state": "not_reported"},
]


def test_rows_are_pooled(plain_client: TestClient) -> None:
    answer = plain_client.post("/synthesis", json={"rows": ROWS, "measure": "OR", "method": "DL"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["k"] == 2
    assert found["scale"] == "log"
    assert found["natural"]["scale"] == "odds ratio"
    assert found["left_out"] == [{"label": "C", "place": "row 3", "reason": "ci is not reported"}]


def test_it_is_open_as_reading_is(client_of: Callable[..., TestClient]) -> None:
    body = {"rows": ROWS, "measure": "OR"}
    guarded = client_of(api_tokens=["a-token-of-some-length"])
    assert guarded.post("/synthesis", json=body).status_code == 200
    assert guarded.post("/evidence", json={"source": "x", "tables": {}}).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        pytest.param({"rows": ROWS}, 422, "permit: OR, RR, RD, AS, PETO", id="no measure"),
        pytest.param({"measure": "OR"}, 422, "send rows, or a selection", id="no rows"),
        pytest.param({"rows": ROWS, "measure": "XX"}, 422, "unknown measure 'XX'", id="measure"),
        pytest.param(
            {"rows": ROWS, "measure": "OR", "digits": 2}, 422, "digits", id="unknown option"
        ),
        pytest.param(
            {"rows": [{"yi": 1, "vi": -1}], "measure": "GEN"}, 422, "row 1, vi: -1", id="number"
        ),
        pytest.param({"rows": [{}] * (MAX_ROWS + 1)}, 422, "at most", id="too many rows"),
        pytest.param(
            {"rows": ROWS * 14, "measure": "OR", "method": "glmm", "leave_one_out": True},
            422,
            "for GLMM once per study at most 40",
            id="too many rows for a model",
        ),
        pytest.param({"rows": [], "measure": "GEN"}, 422, "GEN", id="nothing"),
        pytest.param(
            {"rows": [{"yi": None, "vi": 1}], "measure": "GEN"},
            422,
            "no row gives an effect: yi is not given",
            id="nothing to pool",
        ),
    ],
)
def test_what_cannot_be_pooled_is_a_problem_document(
    plain_client: TestClient, body: dict[str, Any], status: int, detail: str
) -> None:
    answer = plain_client.post("/synthesis", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert detail in answer.json()["detail"]
    assert len(answer.content) < 10_000


def test_a_body_that_is_too_large_is_refused(plain_client: TestClient) -> None:
    answer = plain_client.post("/synthesis", content=b" " * (16 * 1024 * 1024 + 1))
    assert answer.status_code == 413


def test_everything_the_command_offers_can_be_asked_for(plain_client: TestClient) -> None:
    rows = [{"yi": 0.1 * i, "vi": 0.05 + 0.01 * i, "x": i % 2} for i in range(12)]
    asked = {
        "subgroup": "x",
        "cumulative": "rows",
        "leave_one_out": True,
        "bias": True,
        "trimfill": "L0",
        "influence": True,
        "without_origins": ["imputed"],
    }
    body = {"rows": rows, "measure": "GEN"}
    found = plain_client.post("/synthesis", json=body | asked).json()
    for part in ("subgroups", "cumulative", "leave_one_out", "bias", "trimfill", "influence"):
        assert found[part], part
    moderated = plain_client.post("/synthesis", json=body | {"mods": ["x"]}).json()
    assert list(moderated["coef"]) == ["intrcpt", "x"]


@pytest.fixture
def starter_client(starter_store: Store) -> TestClient:
    return a_client(starter_store)


def test_results_of_the_base_are_pooled_by_selection(starter_client: TestClient) -> None:
    asked = {
        "selection": {
            "table": "proportion",
            "filter": "outcome:EDSS_CAT,category:worsened,days:>150,study:!S25",
            "one_per_window": "longest",
        }
    }
    found = starter_client.post("/synthesis", json=asked).json()
    assert (found["measure"], found["k"]) == ("PLO", 5)
    assert 0 < found["natural"]["estimate"] < 1
    assert found["selection"]["usable"] == 5
    # The same rows, exported and sent, are pooled to the same.
    rows = [row["data"] for row in found["studies"]]
    again = starter_client.post("/synthesis", json={"rows": rows, "measure": "PLO"}).json()
    assert again["estimate"] == pytest.approx(found["estimate"], rel=1e-12)


def test_a_selection_that_counts_persons_twice_is_refused(starter_client: TestClient) -> None:
    selection = {"table": "proportion", "filter": "outcome:EDSS_CAT,category:worsened"}
    answer = starter_client.post("/synthesis", json={"selection": selection})
    assert answer.status_code == 422
    assert "Iacobaeus 2019 has 2 rows" in answer.json()["detail"]
    kept = {"selection": {**selection, "keep_dependent": True}}
    assert starter_client.post("/synthesis", json=kept).json()["selection"]["warnings"]
    both = {"selection": selection, "rows": [{"xi": 1, "ni": 2}], "measure": "PLO"}
    assert starter_client.post("/synthesis", json=both).status_code == 422
    wrong = {"selection": {"table": "cube"}}
    assert starter_client.post("/synthesis", json=wrong).status_code == 422


SELECTED = (
    "/synthesis?table=proportion&one_per_window=longest"
    "&filter=outcome:EDSS_CAT,category:worsened,days:>150,study:!S25"
)


def test_a_synthesis_has_an_address_that_can_be_passed_on(starter_client: TestClient) -> None:
    found = starter_client.get(SELECTED).json()
    assert (found["measure"], found["k"]) == ("PLO", 5)
    picture = starter_client.get(SELECTED + "&format=svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "Iacobaeus 2019" in picture.text
    assert "<desc" in picture.text
    page = starter_client.get(SELECTED, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "What these numbers cannot say" in page.text
    assert "<svg" in page.text
    empty = starter_client.get("/synthesis", headers={"Accept": "text/html"})
    assert (empty.status_code, "<form" in empty.text) == (200, True)


def test_a_page_that_cannot_pool_says_why_and_keeps_what_was_chosen(
    starter_client: TestClient,
) -> None:
    address = "/synthesis?table=proportion&filter=outcome:EDSS_CAT,category:worsened"
    page = starter_client.get(address, headers={"Accept": "text/html"})
    assert page.status_code == 422
    assert "Rows would not be independent" in page.text
    assert 'value="outcome:EDSS_CAT,category:worsened"' in page.text
    assert '<option value="proportion" selected' in page.text
    kept = starter_client.get(
        f"{address}&keep_dependent=true&without_origin=&shared_control=",
        headers={"Accept": "text/html"},
    )
    assert kept.status_code == 200
    assert "Participants count more than once" in kept.text


def test_a_synthesis_of_nothing_says_what_to_ask(plain_client: TestClient) -> None:
    assert "say which table" in plain_client.get("/synthesis").json()["detail"]
    nothing = plain_client.get("/synthesis?table=2x2&filter=outcome:EDSS")
    assert nothing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param(rb'{"study": "\ud800", "yi": 1, "vi": 1}', "row 1, study: half", id="label"),
        pytest.param(rb'{"\udfff": 1, "yi": 1, "vi": 1}', "names a column", id="column"),
    ],
)
def test_half_a_character_is_a_mistake_of_the_request(
    plain_client: TestClient, row: bytes, says: str
) -> None:
    answer = plain_client.post(
        "/synthesis",
        content=b'{"measure": "GEN", "rows": [%s]}' % row,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_adverse_events_are_pooled_from_their_own_list(starter_client: TestClient) -> None:
    asked = "/synthesis?of=adverse_events&table=proportion&filter=code:AE_FEVER&keep_dependent=true"
    found = starter_client.get(asked).json()
    assert found["selection"]["usable"] == found["k"] > 1
    page = starter_client.get(
        "/adverse-events?filter=code:AE_FEVER", headers={"Accept": "text/html"}
    )
    assert "/synthesis?of=adverse_events&amp;filter=code%3AAE_FEVER" in page.text


def test_when_too_many_analyses_run_the_next_is_asked_to_come_back(
    plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routers.synthesis._WAIT_S", 0.01)
    taken = BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr("api.routers.synthesis._TURNS", taken)
    body = {"rows": [{"xi": 1, "ni": 6}, {"xi": 3, "ni": 5}], "measure": "PLO"}
    answer = plain_client.post("/synthesis", json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "20")
    assert answer.headers["content-type"] == "application/problem+json"
    taken.release()
    assert plain_client.post("/synthesis", json=body).status_code == 200
