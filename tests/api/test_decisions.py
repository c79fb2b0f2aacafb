"""The story of a review: two people extract, a third decides, somebody corrects, all of it seen."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from kb.store.engine import Store
from tests.store.extracting import SEED, Tables, changed, extract, seed_tables

HTML = {"Accept": "text/html"}
SAID = {"who": "carla", "why": "table 3 says so"}


def bens_tables() -> Tables:
    tables = changed(seed_tables(), "results", {"outcome": "T2_NEW", "time": "12"}, events="4")
    tables = changed(tables, "results", {"outcome": "EDSS_CAT", "time": "48"}, n="6")
    where = {"outcome": "T2_NEW", "time": "48"}
    return changed(tables, "results", where, state="not_reported", n=None, events=None, better=None)


@pytest.fixture
def review(client: TestClient, store: Store) -> TestClient:
    extract(store, "anna", seed_tables())
    extract(store, "ben", bens_tables())
    return client


def compared(client: TestClient) -> dict[str, Any]:
    answer = client.get("/extractions", params={"collection": "my-review"})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def item(client: TestClient, *words: str) -> Any:
    (found,) = [i for i in compared(client)["items"] if all(w in i["what"] for w in words)]
    return found


def ids(item: Any) -> list[str]:
    return [said["id"] for said in item["statements"]]


def entering(client: TestClient, code: str) -> list[dict[str, Any]]:
    answer = client.get(
        "/results", params={"outcome": code, "enters_analyses": "true", "study": SEED}
    )
    return answer.json()["results"]  # type: ignore[no-any-return]


def decide(client: TestClient, *of: str, **given: Any) -> Any:
    body = {"kind": "adjudication", "of": list(of)} | SAID | given
    answer = client.post("/decisions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_two_extract_a_third_decides_and_all_of_it_is_seen(
    review: TestClient, store: Store
) -> None:
    # What differs is shown, and enters nothing.
    found = compared(review)
    assert (found["extractors"], found["agreed"], found["disputed"], found["only_one"]) == (
        ["anna", "ben"], 5, 3, 0,
    )  # fmt: skip
    t2_12 = item(review, "T2_NEW", "complement")
    edss_48 = item(review, "EDSS_CAT", "worsened")
    t2_48 = item(review, "T2_NEW", "| event |")
    assert [i["differs"] for i in (t2_12, edss_48)] == [["events"], ["n"]]
    assert t2_48["differs"] == ["state", "n", "events"]
    assert entering(review, "T2_NEW") == []

    # So do the statistics.
    stats = review.get("/extractions/agreement", params={"collection": "my-review"}).json()
    assert (stats["items"], stats["agreed"], stats["disputed"]) == (8, 5, 3)
    assert stats["state"]["percent"]["estimate"] == pytest.approx(7 / 8)

    # Two are decided: one as Anna read it, one as neither did.
    first = decide(review, *ids(t2_12), follow=ids(t2_12)[0])
    second = decide(
        review, *ids(edss_48), values={"n": 5, "events": 4}, evidence={"locator": "table 3"}
    )
    assert compared(review)["undecided"] == 1
    (edss,) = [
        r
        for r in entering(review, "EDSS_CAT")
        if r["category"] == "worsened" and r["timepoint"]["value"] == 48
    ]
    assert (edss["id"], edss["status"]) == (second["value"], "adjudicated")
    assert edss["cells"]["events"]["value"] == 4
    assert edss["evidence"]["locator"] == "table 3"
    t2 = entering(review, "T2_NEW")
    assert sorted((r["origin"], r["cells"]["events"]["value"]) for r in t2) == [
        ("computed", 1), ("reported", 5),
    ]  # fmt: skip
    assert {r["timepoint"]["value"] for r in t2} == {12}  # the third stays out

    # A correction later is one more version.
    answer = review.patch(
        f"/results/{second['value']}",
        json={"values": {"events": 3}, "who": "dora", "why": "the authors wrote"},
    )
    assert answer.status_code == 200, answer.text
    third = answer.json()
    history = review.get(f"/results/{ids(edss_48)[1]}/versions").json()
    assert (history["current"], history["status"]) == (third["value"], "corrected")
    assert [(v["how"], v["who"], v["values"]["events"]) for v in history["versions"]] == [
        ("entered", "anna", "3"),
        ("entered", "ben", "3"),
        ("adjudication", "carla", "4"),
        ("correction", "dora", "3"),
    ]
    assert [v["until"] is None for v in history["versions"]] == [False, False, False, True]

    # Bringing everything in again changes nothing of it.
    before = compared(review)
    for who, tables in (("anna", seed_tables()), ("ben", bens_tables())):
        assert extract(store, who, tables).is_unchanged
    assert compared(review) == before

    listed = review.get("/decisions", params={"collection": "my-review"}).json()
    assert [d["id"] for d in listed["results"]] == [third["id"], second["id"], first["id"]]
    assert review.get("/decisions", params={"of": ids(t2_12)[1]}).json()["meta"]["count"] == 1
    for page in (
        "/extractions?collection=my-review",
        "/extractions/agreement?collection=my-review",
        "/decisions",
        f"/decisions/{first['id']}",
        f"/results/{third['value']}",
        f"/results/{third['value']}/versions",
        f"/results/{ids(t2_12)[0]}",
        f"/studies/{SEED}",
    ):
        shown = review.get(page, headers=HTML)
        assert shown.status_code == 200, (page, shown.text)


def test_of_two_who_decide_at_once_one_is_told_what_stands(review: TestClient) -> None:
    both = ids(item(review, "T2_NEW", "complement"))
    stands = decide(review, *both, follow=both[0])["value"]
    late = review.post(
        "/decisions", json={"kind": "adjudication", "of": both, "follow": both[1], **SAID}
    )
    assert late.status_code == 409
    assert late.headers["content-type"] == "application/problem+json"
    assert f"{stands} stands in its place" in late.json()["detail"]


def test_a_correction_of_what_has_changed_since_it_was_read_is_refused(
    review: TestClient, store: Store
) -> None:
    both = ids(item(review, "FEAS_COMPLETED"))
    seen = review.get(f"/results/{both[0]}").headers["ETag"]
    for who in ("anna", "ben"):
        where = {"outcome": "FEAS_COMPLETED"}
        tables = seed_tables() if who == "anna" else bens_tables()
        extract(store, who, changed(tables, "results", where, events="6"))
    body = {"values": {"events": 4}, **SAID}
    stale = review.patch(f"/results/{both[0]}", json=body, headers={"If-Match": seen})
    assert stale.status_code == 412
    assert "read it again" in stale.json()["detail"]
    seen = review.get(f"/results/{both[0]}").headers["ETag"]
    fresh = review.patch(f"/results/{both[0]}", json=body, headers={"If-Match": seen})
    assert fresh.status_code == 200


def test_a_quote_is_looked_for_in_the_abstract_held(review: TestClient, store: Store) -> None:
    one = ids(item(review, "FEAS_COMPLETED"))[0]
    answer = review.patch(
        f"/results/{one}",
        json={"values": {}, "evidence": {"quote": "five completed"}, **SAID},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["evidence"]["quote"] == "five completed"
    assert answer.json()["quote_stands"] is None  # no text is held


WHERE = {
    "document": "10.3390/jcm8122102",
    "locator": "table 2",
    "kind": "full text table",
    "standing": "primary",
}
VALUES = {
    "arm": "msc", "outcome": "EDSS", "time": 12, "time_unit": "week", "statistic": "final",
    "n": 6, "mean": "5.50", "sd": 0.8, "state": "reported",
}  # fmt: skip


def enter(client: TestClient, **given: Any) -> Any:
    body = {"source": "my-review", "study": SEED, "values": VALUES, "evidence": WHERE}
    return client.post("/results", json=body | given)


def test_one_result_is_entered_by_itself(review: TestClient) -> None:
    made = enter(review, extractor="anna")
    assert made.status_code == 201, made.text
    result = review.get(made.headers["Location"]).json()
    assert (result["cells"]["mean"]["value"], result["cells"]["mean"]["text"]) == (5.5, "5.50")
    assert (result["arm"]["key"], result["status"], result["evidence"]["source"]) == (
        "msc", "single", "my-review/anna",
    )  # fmt: skip
    again = enter(review, extractor="anna")
    assert (again.status_code, again.json()) == (
        200, {"id": made.json()["id"], "change": "unchanged"},
    )  # fmt: skip
    otherwise = enter(review, extractor="anna", values=VALUES | {"n": 5})
    assert otherwise.status_code == 409
    assert made.json()["id"] in otherwise.json()["detail"]
    assert enter(review, extractor="ben").status_code == 201
    assert review.get(made.headers["Location"]).json()["status"] == "agreed"


def test_a_result_is_entered_for_a_study_of_another_collection(review: TestClient) -> None:
    for who, n in (("eva", 6), ("finn", 5)):
        answer = enter(review, source="other-review", extractor=who, values=VALUES | {"n": n})
        assert answer.status_code == 201, answer.text
        result = review.get(answer.headers["Location"]).json()
        arms = review.get(f"/studies/{SEED}").json()["arms"]
        assert result["arm"]["id"] in [arm["id"] for arm in arms]
    assert result["status"] == "disputed"
    assert review.get("/studies").json()["meta"]["count"] == 1


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        pytest.param({"values": VALUES | {"arm": "sham"}}, 422, "'sham' is no arm", id="no arm"),
        pytest.param({"values": VALUES | {"n": "six"}}, 422, "n: ", id="no number"),
        pytest.param({"values": VALUES | {"nn": 6}}, 422, "no column", id="no column"),
        pytest.param({"evidence": {**WHERE, "locator": ""}}, 422, "locator is empty", id="nowhere"),
        pytest.param({"study": "S99"}, 404, "no study S99", id="no study"),
        pytest.param({"source": "pubmed"}, 422, "taken", id="a provider's name"),
        pytest.param({"extractor": "decision"}, 422, "stands for what was decided", id="decision"),
        pytest.param({"colour": 1}, 422, "colour", id="unknown field"),
    ],
)
def test_what_is_no_result_is_refused(
    plain_client: TestClient, plain_store: Store, given: Any, status: int, said: str
) -> None:
    extract(plain_store, "anna", seed_tables())
    answer = enter(plain_client, **given)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_adverse_events_are_decided_on_too(client: TestClient, store: Store) -> None:
    extract(store, "anna", seed_tables())
    told = {"state": "reported", "persons": "2", "caveats": None}
    extract(store, "ben", changed(seed_tables(), "adverse_events", {"code": "AE_ANY"}, **told))
    events = client.get("/adverse-events").json()["results"]
    assert [event["status"] for event in events] == ["disputed", "disputed"]
    made = decide(client, *(event["id"] for event in events), follow=events[1]["id"])
    entering = client.get("/adverse-events", params={"enters_analyses": "true"}).json()["results"]
    assert [(e["id"], e["persons_affected"]) for e in entering] == [(made["value"], 2)]
    for page in (f"/adverse-events/{made['value']}", f"/adverse-events/{made['value']}/versions"):
        assert client.get(page, headers=HTML).status_code == 200


def test_a_comparison_is_a_table_too(review: TestClient) -> None:
    answer = review.get("/extractions", params={"collection": "my-review", "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0].startswith("study,item,table,agreement,differs,decided,extractor,id,status")
    assert len(lines) == 1 + 2 * 8
    assert sum(",disputed," in line for line in lines) >= 6


def test_a_collection_nobody_made_is_not_there(plain_client: TestClient) -> None:
    for path in ("/extractions", "/extractions/agreement"):
        answer = plain_client.get(path, params={"collection": "nothing"})
        assert answer.status_code == 404
        assert "no collection 'nothing'" in answer.json()["detail"]
    assert plain_client.get("/decisions/1").status_code == 404
    assert plain_client.get("/decisions/one").status_code == 422
    assert plain_client.get("/results/R1/versions").status_code == 404


def test_deciding_is_writing_and_guarded(client_of: Any) -> None:
    client = client_of(api_tokens=["s" * 32])
    for method, path in (
        ("POST", "/decisions"), ("POST", "/results"), ("PATCH", "/results/R1"),
    ):  # fmt: skip
        answer = client.request(method, path, json={})
        assert answer.status_code == 401, path


def test_two_extractors_send_their_tables_with_who_and_why(plain_client: TestClient) -> None:
    for who, tables in (("anna", seed_tables()), ("ben", bens_tables())):
        body = {"source": "my-review", "extractor": who, "tables": tables, "why": "first reading"}
        assert plain_client.post("/evidence", json=body).status_code == 200
    assert compared(plain_client)["extractors"] == ["anna", "ben"]
    one = ids(item(plain_client, "FEAS_COMPLETED"))[1]
    (version,) = plain_client.get(f"/results/{one}/versions").json()["versions"]
    assert (version["who"], version["why"]) == ("ben", "first reading")
    again = {"source": "my-review", "extractor": "a/b", "tables": seed_tables()}
    assert plain_client.post("/evidence", json=again).status_code == 422
