"""People see what may be one work, decide, and take it back: over the API, on pages, in a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kb.models import tables as t
from kb.models.dates import partial_date
from kb.models.records import AuthorClaim
from kb.store.engine import Store
from kb.store.migrate import migrate
from tests.api.cli import an_installation, its_store, json_of, kb
from tests.store.identity_scene import OTHER, described
from tests.store.saves import ids, rows_of, save_each

HTML = {"Accept": "text/html"}
BY = {"who": "anna", "why": "online first and in print"}
MARKED = "<b>Cells</b> & " + OTHER
PAIR = (
    described("crossref", "1", identifiers=ids(doi="10.1000/a", pmcid="PMC7"), title=MARKED),
    described("pubmed", "1", identifiers=ids(pmid="1"), title=MARKED),
)
CONTRADICTING = described(
    "europepmc",
    "2",
    identifiers=ids(doi="10.1000/a", pmcid="PMC8"),
    title="Eyes",
    authors=(AuthorClaim(family="Other"),),
    volume="99",
    pages="7",
    published=partial_date(2001),
)


@pytest.fixture
def waiting(client: TestClient, store: Store) -> TestClient:
    save_each(store, (*PAIR, CONTRADICTING))
    return client


def got(client: TestClient, path: str, **asked: Any) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def decided(client: TestClient, *of: str, decision: str = "same", **given: Any) -> Any:
    answer = client.post(
        "/identity/decisions", json={"works": list(of), "decision": decision} | BY | given
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_what_waits_is_listed_with_what_speaks_for_and_against(waiting: TestClient) -> None:
    found = got(waiting, "/identity/pairs")
    assert found["meta"]["count"] == 2
    kinds = {pair["kind"]: pair for pair in found["results"]}
    unsure = kinds["unsure"]
    assert [side["work"] for side in unsure["sides"]] == ["W1", "W2"]
    assert [side["identifiers"] for side in unsure["sides"]] == [
        ["doi:10.1000/a", "pmcid:PMC7"],
        ["pmid:1"],
    ]
    assert unsure["evidence_for"]
    assert kinds["contradiction"]["evidence_for"] == ["both have doi 10.1000/a"]
    for asked, count in (
        ({"kind": "unsure"}, 1),
        ({"filter": "kind:contradiction"}, 1),
        ({"work": "pmid:1"}, 1),
        ({"search": "pilot"}, 2),  # of a title of either
        ({"search": "nothing of it"}, 0),
    ):
        assert got(waiting, "/identity/pairs", **asked)["meta"]["count"] == count, asked


def test_works_are_joined_and_parted_again(waiting: TestClient) -> None:
    before = {w: got(waiting, f"/works/{w}") for w in ("W1", "W2")}
    made = decided(waiting, "W1", "pmid:1")
    assert (made["decision"], made["stands"], made["withdrawn"]) == ("same", True, None)
    assert got(waiting, "/works/W1")["identifiers"] == {
        "doi": ["10.1000/a"],
        "pmcid": ["PMC7"],
        "pmid": ["1"],
    }
    moved = waiting.get("/works/W2")
    assert (moved.status_code, moved.headers["location"]) == (301, "/works/W1")
    assert got(waiting, "/identity/pairs", kind="unsure")["meta"]["count"] == 0
    (listed,) = got(waiting, "/identity/decisions", work="W1")["results"]
    assert listed == made
    back = waiting.post(f"/identity/decisions/{made['id']}/withdraw", json=BY)
    assert back.status_code == 200, back.text
    assert back.json()["withdrawn"]["who"] == "anna"
    assert {w: got(waiting, f"/works/{w}") for w in ("W1", "W2")} == before
    assert got(waiting, "/identity/decisions", stands="true")["results"] == []
    assert got(waiting, f"/identity/decisions/{made['id']}") == back.json()


def test_pairs_people_kept_apart_wait_no_longer(waiting: TestClient) -> None:
    decided(waiting, "W1", "W2", decision="different")
    assert got(waiting, "/identity/pairs", kind="unsure")["meta"]["count"] == 0
    (pair,) = got(waiting, "/identity/pairs")["results"]
    decided(waiting, *(side["name"] for side in pair["sides"]), decision="different")
    assert got(waiting, "/identity/pairs")["meta"]["count"] == 0


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        pytest.param({"works": ["W1"]}, 422, "two things", id="one alone"),
        pytest.param({}, 422, "two works or two records", id="none"),
        pytest.param({"works": ["W1", "W2"], "records": [1, 2]}, 422, "two works or", id="both"),
        pytest.param({"works": ["W1", "W9"]}, 404, "no work W9", id="unknown"),
        pytest.param({"works": ["W1", "W1"]}, 422, "one and the same", id="itself"),
        pytest.param({"works": ["W1", "W2"], "who": " "}, 422, "who is empty", id="nobody"),
        pytest.param({"records": [1, 2**80]}, 422, "not an identifier", id="too large"),
    ],
)
def test_what_cannot_be_decided_is_a_problem_with_its_reason(
    waiting: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    answer = waiting.post("/identity/decisions", json={"decision": "same"} | BY | body)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_decisions_that_contradict_one_that_stands_are_refused(waiting: TestClient) -> None:
    made = decided(waiting, "W1", "W2", decision="different")
    answer = waiting.post("/identity/decisions", json={"records": [1, 2], "decision": "same"} | BY)
    assert answer.status_code == 409
    assert f"decision {made['id']} by anna" in answer.json()["detail"]
    answer = waiting.post("/identity/decisions/99/withdraw", json=BY)
    assert answer.status_code == 404


def test_deciding_needs_a_token_where_there_are_any(client_of: Any) -> None:
    client = client_of(api_tokens=["secret"])
    body = {"works": ["W1", "W2"], "decision": "same"} | BY
    assert client.post("/identity/decisions", json=body).status_code == 401
    assert client.post("/identity/decisions/1/withdraw", json=BY).status_code == 401


def test_the_pages_show_the_same_with_nothing_of_it_as_markup(waiting: TestClient) -> None:
    page = waiting.get("/identity/pairs", headers=HTML).text
    assert "&lt;b&gt;Cells" in page
    assert "<b>Cells" not in page
    assert "kb identity decide record:1 record:2 --same" in page
    assert "/identity/pairs" in waiting.get("/", headers=HTML).text
    made = decided(waiting, "W1", "W2", why="<i>both</i>")
    for path in ("/works/W1", "/identity/decisions", f"/identity/decisions/{made['id']}"):
        page = waiting.get(path, headers=HTML).text
        assert "&lt;i&gt;both" in page, path
    assert "1 other" in waiting.get("/works/W1", headers=HTML).text


def test_a_shell_decides_and_takes_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_base: Path
) -> None:
    folder = an_installation(monkeypatch, tmp_path)
    folder.mkdir()
    (folder / "kb.sqlite3").write_bytes(sqlite_base.read_bytes())
    store = its_store()
    migrate(store)
    save_each(store, PAIR)
    shown = kb("identity", "pairs").stdout
    assert "record:1 in W1" in shown
    assert "1 of 1 pairs" in shown
    (pair,) = json_of(kb("identity", "pairs", "--json"))["results"]
    names = [side["name"] for side in pair["sides"]]
    by = ("--who", "anna", "--why", "the same")
    made = kb("identity", "decide", *names, "--same", *by)
    assert made.stdout == "Decision 1: record:1 (W1) and record:2 (W1): one work\n"
    refused = kb("identity", "decide", "record:1", "record:2", "--different", *by)
    assert refused.exit_code == 4
    assert "decision 1 by anna" in refused.stderr
    assert json_of(kb("identity", "withdraw", "1", *by, "--json"))["stands"] is False
    assert "the same" in kb("identity", "decisions").stdout
    with store.reading() as session:
        assert {r.work_id for r in rows_of(session, t.StoredRecord)} == {1, 2}
    store.close()
