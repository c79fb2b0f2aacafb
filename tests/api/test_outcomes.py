"""Outcomes over HTTP and at the shell: definitions, suggestions, and matches a person confirms."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kb.models import tables as t
from kb.outcomes.vocabulary import load_vocabulary
from kb.store.definitions import store_vocabulary
from kb.store.engine import Store
from tests.api.cli import an_installation, its_store, json_of, kb
from tests.builders import a_result, a_study, an_arm, an_outcome, of_arm

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PAGE = {"Accept": "text/html"}


def an_open_outcome(store: Store) -> str:
    """The id of an outcome that one registry entry words in its own way, with one result."""
    store_vocabulary(store, NOW)
    with store.writing() as session:
        study = a_study(session, conditions=["Multiple Sclerosis"])
        outcome = an_outcome(session, code=None, title="Absence of new T2 lesions")
        a_result(session, an_arm(session, study), outcome=outcome)
        return f"O{outcome.id}"


def test_a_definition_is_told_in_full(store: Store, client: TestClient):
    store_vocabulary(store, NOW)
    edss = client.get("/outcomes/EDSS").json()
    assert edss["outcome"]["step"] == 0.5
    assert edss["unused"] == [0.5]
    assert {t["change"] for t in edss["thresholds"]} == {0.5, 1.0, 1.5}
    assert edss["defined_by"][0]["title"].startswith("Rating neurologic impairment")
    assert edss["suggested"] == []


@pytest.mark.parametrize("code", ["EDSS", "FSS", "FSS_MEAN", "CDP12", "AE_FEVER"])
def test_a_definition_has_a_page(plain_store: Store, plain_client: TestClient, code: str):
    store_vocabulary(plain_store, NOW)
    page = plain_client.get(f"/outcomes/{code}", headers=PAGE)
    assert page.status_code == 200
    assert load_vocabulary()[code].name in page.text


def test_the_page_of_the_disability_scale_says_what_it_never_gives_and_who_defined_it(
    plain_store: Store, plain_client: TestClient
):
    store_vocabulary(plain_store, NOW)
    page = plain_client.get("/outcomes/EDSS", headers=PAGE).text
    assert "never 0.5" in page
    assert "Rating neurologic impairment" in page
    assert "confirmed" in page


def test_a_name_is_looked_up_without_anything_being_stored(plain_client: TestClient):
    found = plain_client.get("/outcomes/suggestions", params={"name": "Kurtzke score EDSS"}).json()
    assert found["results"][0]["code"] == "EDSS"
    page = plain_client.get("/outcomes/suggestions", params={"name": "EDSS"}, headers=PAGE)
    assert "0.98" in page.text


def test_a_confirmed_match_is_seen_on_outcome_result_and_list(store: Store, client: TestClient):
    outcome = an_open_outcome(store)
    open_one = client.get(f"/outcomes/{outcome}").json()
    assert open_one["suggested"][0]["code"] == "T2_NEW"
    given = {"code": "T2_NEW", "by": "A. Reviewer", "why": "as in the protocol"}
    answer = client.post(f"/outcomes/{outcome}/match", json=given)
    assert answer.status_code == 200, answer.text
    assert answer.json()["category"] == "complement"
    (result,) = client.get("/results", params={"filter": "outcome:T2_NEW"}).json()["results"]
    assert result["match"]["confirmed_by"] == "A. Reviewer"
    assert client.get(f"/outcomes/{outcome}").json()["suggested"] == []
    assert "A. Reviewer" in client.get(f"/results/{result['id']}", headers=PAGE).text
    assert "A. Reviewer" in client.get("/outcomes/T2_NEW", headers=PAGE).text
    assert client.delete(f"/outcomes/{outcome}/match").status_code == 204
    assert client.get("/results", params={"outcome": "T2_NEW"}).json()["results"] == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param({"code": "T2_NEW"}, 422, id="nobody"),
        pytest.param({"code": "NOPE", "by": "A"}, 422, id="unknown code"),
        pytest.param({"code": "T2_NEW", "by": "A", "category": "half"}, 422, id="unknown side"),
        pytest.param({"code": "T2_NEW\x00", "by": "A"}, 422, id="no text"),
    ],
)
def test_a_match_that_cannot_be_is_a_problem(
    plain_store: Store, plain_client: TestClient, given: dict[str, str], status: int
):
    outcome = an_open_outcome(plain_store)
    assert plain_client.post(f"/outcomes/{outcome}/match", json=given).status_code == status


def test_confirming_needs_the_token_where_there_is_one(plain_store: Store, client_of):
    outcome = an_open_outcome(plain_store)
    client = client_of(api_tokens=["a long secret"])
    given = {"code": "T2_NEW", "by": "A. Reviewer"}
    assert client.post(f"/outcomes/{outcome}/match", json=given).status_code == 401
    assert client.delete(f"/outcomes/{outcome}/match").status_code == 401
    bearer = {"Authorization": "Bearer a long secret"}
    assert client.post(f"/outcomes/{outcome}/match", json=given, headers=bearer).status_code == 200


def test_normal_forms_stand_beside_the_reported_words(plain_store: Store, plain_client: TestClient):
    with plain_store.writing() as session:
        study = a_study(session, key="S_A")
        of_arm(session, an_arm(session, study), t.DoseEvent, route="i.v., then IT")
    (arm,) = plain_client.get("/studies/S_A").json()["arms"]
    (dose,) = arm["doses"]
    assert dose["route"] == "i.v., then IT"
    assert [term["code"] for term in dose["route_terms"]] == ["intravenous", "intrathecal"]
    assert plain_client.get("/studies", params={"route": "IV"}).json()["meta"]["count"] == 1
    assert plain_client.get("/studies", params={"route": "ICV"}).json()["meta"]["count"] == 0


# -- at the shell --------------------------------------------------------------------------------


def test_the_vocabulary_is_listed_without_a_base():
    found = json_of(kb("outcomes", "list", "--search", "fatigue severity", "--json"))
    assert [d["code"] for d in found] == ["FSS", "FSS_MEAN", "FSS_SUM"]
    assert "EDSS" in kb("outcomes", "list").stdout


def test_a_name_is_matched_without_a_base():
    found = json_of(kb("outcomes", "match", "Change in EDSS", "--json"))
    assert found[0]["code"] == "EDSS"
    nothing = kb("outcomes", "match", "Chalder Fatigue Scale")
    assert "Nothing in the vocabulary" in nothing.stdout


def test_an_outcome_is_shown_confirmed_and_withdrawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    an_installation(monkeypatch, tmp_path)
    assert kb("init", "--no-starter").exit_code == 0
    store = its_store()
    outcome = an_open_outcome(store)
    store.close()
    assert "never" in kb("outcomes", "show", "EDSS").stdout.lower()
    assert "T2_NEW" in kb("outcomes", "match").stdout
    assert json_of(kb("outcomes", "match", "--json"))[0]["suggested"][0]["code"] == "T2_NEW"
    assert "T2_NEW" in kb("outcomes", "show", outcome).stdout
    nobody = kb("outcomes", "confirm", outcome, "T2_NEW", "--by", " ")
    assert nobody.exit_code == 2
    done = kb("outcomes", "confirm", outcome, "t2_new", "--by", "A. Reviewer")
    assert done.stdout == f"{outcome} is T2_NEW, confirmed by A. Reviewer.\n"
    assert kb("outcomes", "confirm", outcome, "EDSS", "--by", "B").exit_code == 4
    assert json_of(kb("outcomes", "show", outcome, "--json"))["match"]["confirmed_by"]
    assert kb("outcomes", "withdraw", outcome).exit_code == 0
    assert kb("outcomes", "withdraw", outcome).exit_code == 3


def test_a_second_start_leaves_the_vocabulary_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    an_installation(monkeypatch, tmp_path)
    for _ in range(2):
        assert kb("init", "--no-starter").exit_code == 0
        store = its_store()
        assert store_vocabulary(store, NOW) == 0
        store.close()
