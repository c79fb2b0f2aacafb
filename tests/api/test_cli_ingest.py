"""`kb ingest`, with a server on this machine standing for the sources."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import sqlalchemy as sa

from kb.models import tables as t
from tests import builders as a
from tests.api.cli import an_installation, its_store, json_of, kb, start
from tests.conftest import ROOT, shared
from tests.ingest.replay import Answer, Replay, hang

SEED = "10.3390/jcm8122102"
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return an_installation(monkeypatch, tmp_path)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch, installation: Path) -> Iterator[Replay]:
    """Every source answers 404 until told otherwise."""
    with Replay() as server:
        for name in ("crossref", "europepmc", "eutils", "openalex", "clinicaltrials"):
            monkeypatch.setenv(f"KB_{name.upper()}_URL", f"{server.url}/{name}")
        yield server


def crossref_has(sources: Replay, doi: str, body: bytes) -> None:
    sources.answer(f"GET /works/{quote(doi, safe='')}", Answer(body), under="/crossref")


@pytest.fixture
def with_seed(sources: Replay) -> Replay:
    body = (ROOT / "tests/payloads/crossref/work_jcm8122102.json").read_bytes()
    crossref_has(sources, SEED, body)
    return sources


def ingest(*arguments: str) -> Any:
    return kb("ingest", *arguments)


def recording(path: str) -> bytes:
    """The body of an exchange recorded with its request."""
    return orjson.dumps(orjson.loads(shared(path).read_bytes())["response"]["body"])


# -- a run and its report ------------------------------------------------------------------------


def test_a_work_is_fetched_once_and_found_again(with_seed: Replay) -> None:
    first = json_of(ingest("work", SEED, "--sources", "crossref", "--json"))
    crossref = first["sources"]["crossref"]
    assert (crossref["new"], crossref["failed"]) == (crossref["received"], 0)
    assert crossref["new"] >= 1
    (work,) = first["works"]
    assert json_of(kb("work", work, "--json"))["identifiers"]["doi"] == [SEED]
    again = json_of(ingest("work", work, "--sources", "crossref", "--json"))
    assert again["works"] == [work]
    assert again["sources"]["crossref"]["unchanged"] == crossref["new"]
    assert again["sources"]["crossref"]["new"] == 0


def test_a_recorded_answer_becomes_a_work(sources: Replay) -> None:
    doi = "10.1073/pnas.1414271111"
    crossref_has(sources, doi, recording("payloads/crossref/samedoi_pnas.1414271111.json"))
    found = json_of(ingest("work", doi, "--sources", "crossref", "--json"))
    work = json_of(kb("work", doi, "--json"))
    assert found["works"] == [work["id"]]
    assert work["year"] == 2014


def test_the_report_tells_each_source_and_where_to_look_next(with_seed: Replay) -> None:
    result = ingest("work", SEED, "--sources", "crossref")
    assert result.exit_code == 0
    assert result.stderr == ""  # no progress bar without a terminal
    header, row = [r for r in result.stdout.splitlines() if "Asked" in r or "crossref " in r][:2]
    assert header.split()[:3] == ["Source", "Asked", "Received"]
    assert row.split()[0] == "crossref"
    assert "kb work W1" in result.stdout


def test_what_was_fetched_can_be_read_again_without_asking(with_seed: Replay) -> None:
    assert ingest("work", SEED, "--sources", "crossref").exit_code == 0
    asked = len(with_seed.requests)
    again = json_of(ingest("work", SEED, "--sources", "crossref", "--offline", "--json"))
    assert again["works"] == ["W1"]
    assert len(with_seed.requests) == asked


def test_nothing_obtained_is_an_exit_code(sources: Replay) -> None:
    result = ingest("work", SEED, "--sources", "crossref", "--json")
    assert result.exit_code == 1
    report = orjson.loads(result.stdout)
    assert report["works"] == []
    assert report["sources"]["crossref"]["not_held"] == 1
    assert "Nothing" in ingest("work", SEED, "--sources", "crossref").stdout


def test_offline_without_a_kept_answer_obtains_nothing(sources: Replay) -> None:
    result = ingest("work", SEED, "--sources", "crossref", "--offline")
    assert result.exit_code == 1
    assert "never asked" in result.stdout
    assert sources.requests == []


def test_one_source_that_refuses_does_not_spoil_the_run(with_seed: Replay) -> None:
    with_seed.otherwise(Answer(b"no entry", 400, {"Content-Type": "text/plain"}))
    result = ingest("work", SEED, "--sources", "crossref,europepmc", "--json")
    assert result.exit_code == 0
    report = orjson.loads(result.stdout)
    assert report["works"] == ["W1"]
    assert report["sources"]["europepmc"]["unanswered"] >= 1
    assert any(f["source"] == "europepmc" and "400" in f["reason"] for f in report["failures"])
    kept = json_of(kb("ingest", "failures", "--filter", "source:europepmc", "--json"))
    assert kept["meta"]["count"] >= 1
    assert "400" in kept["results"][0]["reason"]
    shown = ingest("work", SEED, "--sources", "crossref,europepmc").stdout
    assert "kb ingest failures" in shown
    assert "no entry" in shown


def test_a_failure_is_gone_when_a_later_run_succeeds(sources: Replay) -> None:
    asked = f"GET /works/{quote(SEED, safe='')}"
    sources.answer(asked, Answer(b"no entry", 400), under="/crossref")
    assert ingest("work", SEED, "--sources", "crossref").exit_code == 1
    assert json_of(kb("ingest", "failures", "--json"))["meta"]["count"] == 1
    assert asked in kb("ingest", "failures").stdout
    body = (ROOT / "tests/payloads/crossref/work_jcm8122102.json").read_bytes()
    crossref_has(sources, SEED, body)
    assert ingest("work", SEED, "--sources", "crossref").exit_code == 0
    assert json_of(kb("ingest", "failures", "--json"))["meta"]["count"] == 0


def test_registry_entries_are_fetched_by_number(sources: Replay) -> None:
    body = (ROOT / "tests/payloads/clinicaltrials/NCT01183728.json").read_bytes()
    sources.answer("GET /studies/NCT01183728", Answer(body), under="/clinicaltrials")
    found = json_of(ingest("registration", "nct01183728", "NCT00000001", "--json"))
    (study,) = found["studies"]
    assert found["sources"]["clinicaltrials"]["asked"] == 2
    assert found["sources"]["clinicaltrials"]["not_held"] == 1
    assert json_of(kb("study", "NCT01183728", "--json"))["id"] == study
    assert f"kb study {study}" in ingest("registration", "NCT01183728").stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(["work", "nonsense"], "not an identifier of a work", id="identifier"),
        pytest.param(["work", SEED, "--sources", "google"], "no source 'google'", id="source"),
        pytest.param(["work", SEED, "--direction", "up"], "no direction 'up'", id="direction"),
        pytest.param(["work", SEED, "--hops", "-1"], "--hops", id="hops"),
        pytest.param(["topic", " "], "the query is empty", id="query"),
        pytest.param(["trials"], "condition", id="trials"),
        pytest.param(["registration", "NCT12"], "not a registration number", id="number"),
        pytest.param(["registration", "ISRCTN12345678"], "a number of ISRCTN", id="registry"),
    ],
)
def test_what_cannot_be_asked_is_refused(sources: Replay, command: list[str], said: str) -> None:
    result = ingest(*command)
    assert result.exit_code == 2
    assert said in result.stderr
    assert sources.requests == []


def test_a_work_that_is_not_here_cannot_be_asked_for_by_its_number(sources: Replay) -> None:
    result = ingest("work", "W7")
    assert result.exit_code == 3
    assert "no work W7 in this base" in result.stderr


# -- stopping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "table"])
def test_ctrl_c_ends_a_run_with_its_report(with_seed: Replay, as_json: bool) -> None:
    with_seed.otherwise(hang())
    arguments = ["ingest", "work", SEED, "--sources", "crossref,europepmc"]
    # Crossref answers; then Europe PMC, asked first, is still silent.
    with_seed.answer("GET /search", hang(), under="/europepmc")
    run = start(*arguments, *(["--json"] if as_json else []))
    deadline = time.monotonic() + PATIENCE_S
    while not with_seed.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    assert with_seed.requests
    run.send_signal(signal.SIGINT)
    said, complaints = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 130
    assert "Traceback" not in complaints
    if as_json:
        assert orjson.loads(said)["interrupted"] is True
    else:
        assert "interrupted" in said
    with its_store().reading() as session:
        assert session.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
        assert session.execute(sa.text("PRAGMA foreign_key_check")).all() == []


# -- what waits ----------------------------------------------------------------------------------


def test_contradictions_wait_for_a_person(installation: Path) -> None:
    assert kb("init", "--no-starter").exit_code == 0
    with its_store().writing() as session:
        work = a.a_work(session, doi=SEED, title="The seed study")
        record = a.a_record(session, source="pubmed", key="31810187")
        assert record.id
        assert work.id
        number = f"W{work.id}"
        session.add(
            t.IdentityConflict(
                record_id=record.id,
                work_id=work.id,
                scheme="doi",
                value=SEED,
                kind="different title",
                detail="'Something else' is not 'The seed study'",
                seen_at=a.NOW,
            )
        )
    (conflict,) = json_of(kb("ingest", "conflicts", "--json"))["results"]
    assert conflict["work"]["id"] == number
    assert conflict["record"]["source"] == "pubmed"
    assert (conflict["scheme"], conflict["value"]) == ("doi", SEED)
    shown = kb("ingest", "conflicts", "--filter", f"work:{number},source:pubmed").stdout
    assert f"{number} The seed study" in shown
    assert "different title: 'Something else'" in shown
    assert (
        kb("ingest", "conflicts", "--filter", "source:crossref").stdout == "No conflicts found.\n"
    )


def test_an_interrupted_write_leaves_nothing(installation: Path) -> None:
    assert kb("init", "--no-starter").exit_code == 0
    before = json_of(kb("works", "--json"))["meta"]["count"]  # those that define instruments

    def write() -> None:
        with its_store().writing() as session:
            a.a_work(session, doi=SEED)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert json_of(kb("works", "--json"))["meta"]["count"] == before
