"""Findings over the network, on pages and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kb.store.engine import Store
from tests.api.cli import an_installation, filled, its_store, json_of, kb
from tests.builders import a_result, a_study, an_arm

HTML = {"Accept": "text/html"}


def with_a_mistake(store: Store) -> None:
    with store.writing() as session:
        arm = an_arm(session, a_study(session, "Eight of <seven>", "S_A"))
        a_result(session, arm, {"events": 8, "n_analysed": 7}, statistic="person_count")


def test_findings_are_listed_by_study_and_for_all(client: TestClient, store: Store) -> None:
    with_a_mistake(store)
    whole, one = client.get("/checks").json(), client.get("/studies/S_A/checks").json()
    assert whole == one
    assert whole["meta"] == {"count": 1, "open": 1}
    assert whole["results"][0]["check"] == "events-exceed-n"
    assert client.get("/checks?severity=note").json()["meta"]["count"] == 0
    assert client.get("/checks?check=events-exceed-n").json()["meta"]["count"] == 1


def test_what_cannot_be_asked_is_said(plain_client: TestClient) -> None:
    for path, status in (
        ("/checks?check=no-such-check", 422),
        ("/checks?severity=grave", 422),
        ("/checks?colour=red", 422),
        ("/studies/S99/checks", 404),
    ):
        answer = plain_client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (
            status, "application/problem+json",
        )  # fmt: skip


def test_a_finding_is_accepted_with_a_reason(plain_client: TestClient, plain_store: Store) -> None:
    with_a_mistake(plain_store)
    key = plain_client.get("/checks").json()["results"][0]["key"]
    said = {"by": "A. Reader", "why": "eyes"}
    assert plain_client.post(f"/checks/{key}/acceptance", json={"by": "A"}).status_code == 422
    answer = plain_client.post(f"/checks/{key}/acceptance", json=said)
    assert answer.json()["acceptance"]["why"] == "eyes"
    assert plain_client.post(f"/checks/{key}/acceptance", json=said).status_code == 409
    assert plain_client.get("/checks?standing=open").json()["meta"] == {"count": 0, "open": 0}
    assert plain_client.get("/checks?standing=accepted").json()["meta"]["count"] == 1
    back = plain_client.post(f"/checks/{key}/acceptance", json={**said, "is_accepted": False})
    assert back.json()["acceptance"] is None


def test_pages_show_findings_and_print_names_as_text(
    plain_client: TestClient, plain_store: Store
) -> None:
    with_a_mistake(plain_store)
    for path in ("/checks", "/studies/S1/checks", "/studies/S1"):
        page = plain_client.get(path, headers=HTML)
        assert page.status_code == 200
        assert "8 of 7: more than there are" in page.text
        assert "<seven>" not in page.text


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_base: Path) -> Path:
    folder = filled(an_installation(monkeypatch, tmp_path), starter_base)
    store = its_store()
    with_a_mistake(store)
    store.close()
    return folder


@pytest.mark.usefixtures("installation")
def test_the_command_lists_accepts_and_reopens() -> None:
    shown = kb("check", "S_A", "--severity", "error")
    assert "8 of 7: more than there are" in shown.stdout
    (found,) = json_of(kb("check", "S_A", "--json"))
    assert kb("check", "--accept", found["key"], "--by", "A. Reader").exit_code == 2
    done = kb("check", "--accept", found["key"], "--by", "A. Reader", "--why", "eyes")
    assert (done.exit_code, done.stdout.startswith("Accepted")) == (0, True)
    assert json_of(kb("check", "S_A", "--json")) == []
    assert "accepted by A. Reader: eyes" in kb("check", "S_A", "--all").stdout
    again = kb("check", "--reopen", found["key"], "--by", "A. Reader", "--why", "no", "--json")
    assert json_of(again)["acceptance"] is None
    assert kb("check", "--accept", "nothing", "--by", "A", "--why", "b").exit_code == 3
    assert kb("check", "--severity", "grave").exit_code == 2
