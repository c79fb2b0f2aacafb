"""Ingest as a whole: over HTTP from servers of our own into a database, and what can go wrong."""

import json
import logging
import os
import random
import re
import signal
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from ingest.fetch import Fetch
from ingest.pipeline import SOURCES, Ingest, KeptPayloads, Progress
from ingest.report import RunReport, SourceTally
from kb.errors import InvalidInput
from kb.identity.identifiers import parse_identifier
from kb.models import tables as t
from kb.settings import Settings
from kb.store.engine import Store
from kb.store.migrate import migrate
from kb.store.payloads import load
from tests.conftest import shared
from tests.ingest.replay import Answer, Replay, hang, redirect, reset, too_many, unavailable
from tests.ingest.scene import (
    ANDRZEJEWSKA,
    KRAMPERA,
    KRUPP,
    KURTZKE,
    POLMAN,
    RIORDAN,
    SEED,
    THE_SEED_AND_AROUND,
    Article,
    Correction,
    Scene,
    europepmc_item,
    trial,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORKS = ("europepmc", "crossref", "pubmed", "openalex")
Json = dict[str, Any]


# -- the scene -----------------------------------------------------------------------------------


@contextmanager
def a_scene() -> Iterator[Scene]:
    """All sources, each with the seed study, its references and citing works, and two trials."""
    with Scene() as scene:
        scene.publish(*THE_SEED_AND_AROUND, RIORDAN)
        scene.register(trial("NCT03778333"), trial("NCT02034188"))
        yield scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    with a_scene() as scene:
        yield scene


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        migrate(store)
        yield store
    finally:
        store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(f"sqlite:///{tmp_path / 'kb.sqlite3'}") as store:
        yield store


@pytest.fixture
def either_store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as store:
        yield store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """The content of the base after an ingest of the seed in peace, by number of hops."""
    found = {}
    for hops in (0, 1):
        url = f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'kb.sqlite3'}"
        with a_scene() as scene, opened(url) as store:
            ingested(store, scene, hops=hops)
            found[hops] = content(store)
    return found


def a_run(
    store: Store,
    where: Scene | Settings,
    *,
    now: datetime = NOW,
    offline: bool = False,
    progress: Progress = lambda what, done, total: None,
    sources: tuple[str, ...] = SOURCES,
) -> Ingest:
    """A run that does not wait between requests, and lives in one moment."""
    settings = where.settings() if isinstance(where, Scene) else where
    payloads = KeptPayloads(store)
    fetch = Fetch(settings, payloads, offline=offline, sleep=lambda s: None, now=lambda: now)
    return Ingest(store, fetch, payloads, sources=sources, progress=progress, now=lambda: now)


def ingested(store: Store, where: Scene, name: Article | str = SEED, **options: Any) -> RunReport:
    """The report of a run about one work; options of the question and of the run."""
    asked = {key: options.pop(key) for key in ("hops", "direction") if key in options}
    identifier = parse_identifier(name if isinstance(name, str) else str(name.doi))
    return adding_up(a_run(store, where, **options).work(identifier, **asked))


def adding_up(report: RunReport) -> RunReport:
    for name, s in report.sources.items():
        assert s.received == s.new + s.changed + s.unchanged + s.failed, name
        assert min(asdict(s).values()) >= 0, name
    return report


# -- reading the base ----------------------------------------------------------------------------


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with store.reading() as session:
        return {
            table.name: sorted(map(tuple, session.execute(sa.select(table))), key=repr)
            for table in t.metadata.sorted_tables
        }


def content(store: Store) -> dict[str, Any]:
    """The base without its row numbers and times: what two ways to it must agree in."""
    with store.reading() as session:
        ids: dict[int, list[str]] = {}
        for row in session.exec(select(t.WorkIdentifier)):
            ids.setdefault(row.work_id, []).append(f"{row.scheme}:{row.value}")
        named: dict[int | None, Any] = {w: tuple(sorted(found)) for w, found in ids.items()}
        records = {r.id: r for r in session.exec(select(t.StoredRecord))}
        said_by = {i: (r.source, r.key, r.view) for i, r in records.items()}

        def rows(table: Any, *columns: str) -> list[tuple[Any, ...]]:
            found = []
            for row in session.exec(select(table)):
                values = row.model_dump()
                for name in values.keys() & {*_NAMING_WORKS}:
                    values[name] = named.get(values[name])
                if "record_id" in values:
                    values["record_id"] = said_by.get(values["record_id"])
                found.append(tuple(str(values[c]) for c in columns))
            return sorted(found)

        works = [w for w in session.exec(select(t.Work)) if w.merged_into_id is None]
        return {
            "works": sorted(
                (
                    str(named.get(w.id)),
                    str(w.title),
                    str(w.published),
                    w.is_described,
                    w.is_retracted,
                )
                for w in works
            ),
            "records": sorted(
                (*said_by[i], str(named.get(r.work_id)), r.content) for i, r in records.items()
            ),
            "cites": rows(t.Cites, "citing_id", "cited_id"),
            "assertions": rows(t.CitationAssertion, "citing_id", "cited_id", "record_id"),
            "references": rows(
                t.Reference, "citing_id", "record_id", "position", "cited_id", "text", "title"
            ),
            "coverage": rows(
                t.Coverage,
                *("work_id", "source", "direction", "claimed", "held", "resolved", "truncated_by"),
            ),
            "counts": rows(t.Observation, "work_id", "source", "metric", "value", "observed_at"),
            "notices": rows(t.Notice, "work_id", "notice_work_id", "kind", "date"),
            "registrations": rows(t.Registration, "number", "title", "n_registered"),
            "named": rows(t.WorkRegistration, "work_id", "record_id", "kind"),
            "reports": rows(t.Report, "work_id", "basis"),
            "arms": rows(t.Arm, "record_id", "key", "label"),
            "failures": rows(t.Failure, "source", "request", "position", "reason"),
            "conflicts": rows(t.IdentityConflict, "work_id", "record_id", "kind"),
        }


_NAMING_WORKS = ("work_id", "citing_id", "cited_id", "notice_work_id", "other_id")


def work_of(session: Session, article: Article) -> t.Work:
    found = session.get(t.WorkIdentifier, ("doi", article.doi))
    assert found is not None, f"nobody holds {article.doi}"
    return session.get_one(t.Work, found.work_id)


def living_works(session: Session) -> list[t.Work]:
    return list(session.exec(select(t.Work).where(col(t.Work.merged_into_id).is_(None))))


def failures(store: Store) -> list[t.Failure]:
    with store.reading() as session:
        return list(session.exec(select(t.Failure).order_by(col(t.Failure.id))))


def kept_records(store: Store, article: Article = SEED) -> list[tuple[str, str, str]]:
    """(source, key, view) of the article's records."""
    with store.reading() as session:
        work = work_of(session, article)
        rows = session.exec(select(t.StoredRecord).where(t.StoredRecord.work_id == work.id))
        return sorted((row.source, row.key, row.view) for row in rows)


def is_whole(store: Store) -> None:
    """What holds in every base, wherever a run was stopped."""
    with store.reading() as session:
        if store.is_sqlite:
            assert session.execute(sa.text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            assert session.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        contested = set(session.exec(select(t.IdentityConflict.record_id)))
        for record in session.exec(select(t.StoredRecord)):
            assert record.work_id or record.study_id or record.id in contested
        asserted = {(a.citing_id, a.cited_id) for a in session.exec(select(t.CitationAssertion))}
        assert {(c.citing_id, c.cited_id) for c in session.exec(select(t.Cites))} == asserted
        described = {r.work_id for r in session.exec(select(t.StoredRecord)) if r.work_id}
        for work in living_works(session):
            assert not work.is_described or work.id in described


# -- what becomes of a work ----------------------------------------------------------------------


def test_a_doi_held_by_four_sources_becomes_one_work_with_a_record_of_each(
    either_store: Store, scene: Scene
) -> None:
    report = ingested(either_store, scene)
    with either_store.reading() as session:
        work = work_of(session, SEED)
        assert (work.title, work.published) == (SEED.title, SEED.published)
        assert report.works == [work.id]
        titles = [w.title for w in living_works(session)]
        assert len(titles) == len(set(titles)) == len(THE_SEED_AND_AROUND)
    works_records = [(s, k) for s, k, view in kept_records(either_store) if view == "work"]
    assert works_records == [
        ("crossref", SEED.doi),
        ("europepmc", f"MED:{SEED.pmid}"),
        ("openalex", SEED.openalex),
        ("pubmed", SEED.pmid),
    ]
    assert failures(either_store) == []


def test_references_keep_their_order_and_their_text_resolved_or_not(
    either_store: Store, scene: Scene
) -> None:
    ingested(either_store, scene)
    with either_store.reading() as session:
        rows = session.exec(
            select(t.Reference, t.StoredRecord)
            .join(t.StoredRecord, col(t.StoredRecord.id) == col(t.Reference.record_id))
            .where(t.Reference.citing_id == work_of(session, SEED).id)
            .order_by(col(t.Reference.position))
        ).all()
        kurtzke, polman = work_of(session, KURTZKE).id, work_of(session, POLMAN).id
    lists: dict[str, list[Any]] = {}
    for reference, record in rows:
        lists.setdefault(f"{record.source} {record.view}", []).append(reference)
    for name in ("crossref work", "europepmc references"):
        assert [r.position for r in lists[name]] == [1, 2, 3]
        assert [r.cited_id for r in lists[name]] == [kurtzke, None, polman]
        assert [r.text for r in lists[name]] == [None, KRUPP, None]
    for name in ("openalex work", "pubmed references"):  # these give only what they resolved
        assert [r.cited_id for r in lists[name]] == [kurtzke, polman]


def test_counts_and_coverage_are_told_apart_by_source_and_dated(store: Store, scene: Scene) -> None:
    ingested(store, scene)
    with store.reading() as session:
        work = work_of(session, SEED)
        counts = session.exec(select(t.Observation).where(t.Observation.work_id == work.id))
        assert {c.source: (c.value, c.observed_at) for c in counts} == {
            "europepmc": (21, "2026-11-22"),
            "crossref": (28, "2026-11-22"),
            "openalex": (31, "2026-11-22"),
        }
        coverage = {
            (c.source, c.direction): (c.claimed, c.held, c.resolved)
            for c in session.exec(select(t.Coverage).where(t.Coverage.work_id == work.id))
        }
    assert coverage == {
        ("crossref", "references"): (3, 3, 2),
        ("europepmc", "references"): (3, 3, 2),
        ("openalex", "references"): (2, 2, 2),
        ("pubmed", "references"): (None, 2, 2),
        ("europepmc", "citations"): (1, 1, 1),
        ("openalex", "citations"): (2, 2, 2),
        ("pubmed", "citations"): (None, 1, 1),
    }


def test_citing_works_become_works_that_cite_it(either_store: Store, scene: Scene) -> None:
    ingested(either_store, scene)
    with either_store.reading() as session:
        seed = work_of(session, SEED).id
        citing = session.exec(select(t.Cites.citing_id).where(t.Cites.cited_id == seed)).all()
        assert {*citing} == {work_of(session, a).id for a in (ANDRZEJEWSKA, KRAMPERA)}


def test_a_notice_all_sources_tell_of_is_one_notice(either_store: Store, scene: Scene) -> None:
    ingested(either_store, scene, RIORDAN)
    with either_store.reading() as session:
        (notice,) = session.exec(select(t.Notice))
        assert notice.work_id == work_of(session, RIORDAN).id
        assert (notice.kind, notice.date) == ("correction", "2021-05-10")
        said = session.exec(select(t.NoticeAssertion)).all()
    assert {(a.source, a.asserted_by) for a in said} == {
        ("europepmc", "nlm"),
        ("pubmed", "nlm"),
        ("crossref", "publisher"),
    }


# Named by Crossref by its DOI and by NLM by its PMID; that they are one, the notice itself tells.
NOTICE = Article(
    title="Correction: Clinical feasibility of umbilical cord tissue-derived mesenchymal stem "
    "cells in the treatment of multiple sclerosis",
    published="2021-05-10",
    doi="10.5555/correction",
    pmid="99000001",
    openalex="W2021999999",
)


def test_a_notice_is_ingested_itself_so_that_its_names_become_one(
    store: Store, scene: Scene
) -> None:
    corrected = replace(RIORDAN, corrected=Correction(date="2021-05-10", notice=NOTICE))
    scene.publish(corrected, NOTICE)
    ingested(store, scene, corrected)
    with store.reading() as session:
        work = work_of(session, NOTICE)
        assert work.title == NOTICE.title
        (notice,) = session.exec(select(t.Notice))
        assert (notice.work_id, notice.notice_work_id) == (work_of(session, RIORDAN).id, work.id)


@pytest.mark.parametrize("first", ["the work", "the trial"])
def test_the_trial_a_work_names_is_linked_whichever_came_first(
    either_store: Store, scene: Scene, first: str
) -> None:
    (number,) = RIORDAN.registrations
    if first == "the trial":
        adding_up(a_run(either_store, scene).trial_numbers([number]))
    report = ingested(either_store, scene, RIORDAN)
    with either_store.reading() as session:
        (study,) = session.exec(select(t.Study))
        assert report.studies == [study.id]
        arms = session.exec(select(t.Arm.label).where(t.Arm.study_id == study.id)).all()
        assert arms == ["Umbilical cord mesenchymal stem cells"]
        reports = {(r.work_id, r.study_id) for r in session.exec(select(t.Report))}
        assert reports == {(work_of(session, RIORDAN).id, study.id)}
        registration = session.exec(select(t.Registration)).one()
        assert (registration.number, registration.n_registered) == (number, 20)


@pytest.mark.parametrize(
    "name", ["doi:10.3390/jcm8122102", "31810187", "PMC6947442", "W2019000003"]
)
def test_any_identifier_leads_to_the_same_base(
    store: Store, scene: Scene, undisturbed: dict[int, Any], name: str
) -> None:
    ingested(store, scene, name)
    assert content(store) == undisturbed[0]


def test_a_work_that_only_openalex_knows_by_its_pmcid_is_found(store: Store, scene: Scene) -> None:
    scene.openalex["W2019000003"]["ids"]["pmcid"] = "https://www.ncbi.nlm.nih.gov/pmc/PMC6947442"
    ingested(store, scene, "PMC6947442", sources=("openalex",))
    assert failures(store) == []
    assert ("openalex", "W2019000003", "work") in kept_records(store)


def test_what_no_source_holds_is_said_to_be_held_by_none(store: Store, scene: Scene) -> None:
    report = ingested(store, scene, "10.1000/nothing")
    assert {name: s.not_held for name, s in report.sources.items()} == dict.fromkeys(WORKS, 1)
    assert (report.works, report.failures, failures(store)) == ([], [], [])


# -- recorded answers ----------------------------------------------------------------------------

RECORDED = ["pnas.1414271111", "s40278-023-41815-2", "xgen.2025.100814"]


def recorded_body(source: str, name: str) -> Json:
    found = orjson.loads(shared(f"payloads/{source}/samedoi_{name}.json").read_bytes())
    body: Json = found["response"]["body"]
    return body


@contextmanager
def recorded_scene(name: str) -> Iterator[tuple[Scene, Json, Json]]:
    with Scene() as scene:
        crossref = recorded_body("crossref", name)["message"]
        openalex = recorded_body("openalex", name)
        scene.crossref[crossref["DOI"].lower()] = crossref
        scene.openalex[openalex["id"].rpartition("/")[2]] = openalex
        yield scene, crossref, openalex


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_about_one_doi_are_one_work_of_two_records(
    either_store: Store, name: str
) -> None:
    with recorded_scene(name) as (scene, crossref, openalex):
        report = ingested(either_store, scene, crossref["DOI"], sources=("crossref", "openalex"))
    with either_store.reading() as session:
        work = session.get_one(t.Work, report.works[0])
        records = session.exec(
            select(t.StoredRecord).where(
                t.StoredRecord.work_id == work.id, t.StoredRecord.view == "work"
            )
        ).all()
        assert {r.source: r.key for r in records} == {
            "crossref": crossref["DOI"].lower(),
            "openalex": openalex["id"].rpartition("/")[2],
        }
        counts = session.exec(select(t.Observation).where(t.Observation.work_id == work.id))
        assert {c.source: c.value for c in counts} == {
            "crossref": crossref["is-referenced-by-count"],
            "openalex": openalex["cited_by_count"],
        }


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_references_stand_in_the_order_of_the_recording(store: Store, name: str) -> None:
    with recorded_scene(name) as (scene, crossref, openalex):
        ingested(store, scene, crossref["DOI"], sources=("crossref", "openalex"))
    with store.reading() as session:
        for source, key in (("crossref", crossref["DOI"].lower()), ("openalex", None)):
            query = (
                select(t.Reference)
                .join(t.StoredRecord, col(t.StoredRecord.id) == col(t.Reference.record_id))
                .where(t.StoredRecord.source == source, t.StoredRecord.view == "work")
                .order_by(col(t.Reference.position))
            )
            rows = session.exec(query).all()
            if source == "crossref":
                given = [
                    (r.get("key"), [f"doi:{r['DOI'].lower()}"] if r.get("DOI") else [])
                    for r in crossref.get("reference", [])
                ]
                assert [(r.label, r.identifiers) for r in rows] == given, key
            else:
                ids = [[f"openalex:{w.rpartition('/')[2]}"] for w in openalex["referenced_works"]]
                assert [r.identifiers for r in rows] == ids
            cited = {r.cited_id for r in rows if r.identifiers}
            assert None not in cited


def test_the_recorded_correction_is_a_notice_with_its_doi_and_date(store: Store) -> None:
    with recorded_scene("pnas.1414271111") as (scene, crossref, _):
        ingested(store, scene, crossref["DOI"], sources=("crossref", "openalex"))
    with store.reading() as session:
        (notice,) = session.exec(select(t.Notice))
        by = session.exec(
            select(t.WorkIdentifier).where(t.WorkIdentifier.work_id == notice.notice_work_id)
        ).one()
        (update,) = crossref["updated-by"]
        assert (notice.kind, notice.date) == ("correction", "2015-05-04")
        assert (by.scheme, by.value) == ("doi", update["DOI"])


REGISTRY_RECORDINGS = ["NCT00763412", "NCT02210780"]  # those with results


def loosely(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.lower()))


# Groups of results that are registered arms under another title.
REGISTERED_AS = {
    "placebo": "1 placebo",
    "patients who received placebo": "1 placebo",
    "repaglinide": "2 repaglinide",
    "patients who received repaglinide": "2 repaglinide",
}


def arm_of(title: str) -> str:
    return REGISTERED_AS.get(loosely(title), loosely(title))


def as_number(text: str | None) -> float | None:
    try:
        return float((text or "").replace(",", ""))
    except ValueError:
        return None


@pytest.mark.parametrize("number", REGISTRY_RECORDINGS)
def test_numbers_of_a_registry_entry_stand_in_the_base_group_by_group(
    either_store: Store, number: str
) -> None:
    study = orjson.loads(shared(f"payloads/clinicaltrials_gov/v2_{number}.json").read_bytes())
    with Scene() as scene:
        scene.register(study)
        adding_up(a_run(either_store, scene).trial_numbers([number]))
    reported = study["resultsSection"]
    said: Counter[tuple[str, str, float]] = Counter()  # measure, group, value
    tables = [
        *reported["outcomeMeasuresModule"]["outcomeMeasures"],
        *(
            measure | {"groups": reported["baselineCharacteristicsModule"]["groups"]}
            for measure in reported["baselineCharacteristicsModule"]["measures"]
        ),
    ]
    for table in tables:
        groups = {g["id"]: arm_of(g["title"]) for g in table["groups"]}
        for class_ in table.get("classes", []):
            for category in class_["categories"]:
                for m in category["measurements"]:
                    value = as_number(m.get("value"))
                    if value is not None:
                        said[loosely(table["title"]), groups[m["groupId"]], value] += 1
    titles = {title for title, _, _ in said}
    held: Counter[tuple[str, str, float]] = Counter()
    with either_store.reading() as session:
        rows = session.exec(
            select(t.Result, t.ResultCell, t.Arm)
            .join(t.ResultCell, col(t.ResultCell.result_id) == col(t.Result.id))
            .join(t.Arm, col(t.Arm.id) == col(t.Result.arm_id))
            .where(t.Result.kind != "contrast", t.Result.origin == "reported")
        ).all()
        for result, cell, arm in rows:
            if cell.name in CENTRAL and cell.value is not None:
                whole = loosely(result.outcome_title)
                title = max((x for x in titles if whole.startswith(x)), key=len)
                label = "total" if arm.is_whole_study else loosely(arm.label)
                held[title, label, cell.value] += 1
                assert as_number(cell.text) == cell.value
    assert said
    assert held == said


CENTRAL = {"mean", "median", "geometric_mean", "ls_mean", "events", "number", "percent"}


@pytest.mark.parametrize("number", REGISTRY_RECORDINGS)
def test_adverse_events_of_a_registry_entry_stand_in_the_base_group_by_group(
    either_store: Store, number: str
) -> None:
    study = orjson.loads(shared(f"payloads/clinicaltrials_gov/v2_{number}.json").read_bytes())
    with Scene() as scene:
        scene.register(study)
        a_run(either_store, scene).trial_numbers([number])
    module = study["resultsSection"]["adverseEventsModule"]
    groups = {g["id"]: g["title"] for g in module["eventGroups"]}
    said = Counter(
        (
            seriousness,
            event["term"],
            arm_of(groups[stats["groupId"]]),
            stats.get("numAtRisk"),
            stats.get("numAffected"),
            stats.get("numEvents"),
        )
        for name, seriousness in (("seriousEvents", "serious"), ("otherEvents", "not serious"))
        for event in module.get(name, [])
        for stats in event["stats"]
    )
    with either_store.reading() as session:
        rows = session.exec(
            select(t.AdverseEvent, t.Arm)
            .join(t.Arm, col(t.Arm.id) == col(t.AdverseEvent.arm_id))
            .where(col(t.AdverseEvent.term).is_not(None))
        ).all()
        held = Counter(
            (
                e.seriousness, e.term, loosely(arm.label),
                e.n_at_risk, e.persons_affected, e.event_count,
            )
            for e, arm in rows
        )  # fmt: skip
        deaths = {
            loosely(arm.label): (e.persons_affected, e.n_at_risk)
            for e, arm in session.exec(
                select(t.AdverseEvent, t.Arm)
                .join(t.Arm, col(t.Arm.id) == col(t.AdverseEvent.arm_id))
                .where(col(t.AdverseEvent.key).contains("deaths total"))
            )
        }
    assert held == said
    assert deaths == {
        arm_of(g["title"]): (g["deathsNumAffected"], g["deathsNumAtRisk"])
        for g in module["eventGroups"]
        if "deathsNumAffected" in g
    }


# -- again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [0, 1])
def test_a_second_run_writes_nothing(either_store: Store, scene: Scene, hops: int) -> None:
    for article in (SEED, RIORDAN):
        ingested(either_store, scene, article, hops=hops)
    before = dump(either_store)
    for now in (NOW, NOW + timedelta(days=40)):
        for article in (SEED, RIORDAN):
            report = ingested(either_store, scene, article, hops=hops, now=now)
            assert sum(s.new + s.changed + s.failed for s in report.sources.values()) == 0
            assert sum(s.unchanged for s in report.sources.values()) > 0
        assert dump(either_store) == before


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_offline_reads_again_what_was_kept_and_changes_nothing(store: Store, hops: int) -> None:
    with Scene() as scene:
        scene.publish(*THE_SEED_AND_AROUND, RIORDAN)
        scene.register(trial("NCT02034188"))
        settings = scene.settings()
        ingested(store, scene, RIORDAN, hops=hops)
        online = ingested(store, scene, RIORDAN, hops=hops)
    before = dump(store)
    run = a_run(store, settings, offline=True)
    report = adding_up(run.work(parse_identifier(str(RIORDAN.doi)), hops=hops))
    assert dump(store) == before
    assert report.failures == []
    assert (report.works, report.studies) == (online.works, online.studies)
    if hops == 0:
        assert report.sources == online.sources
    for tally in report.sources.values():
        assert tally.received == tally.unchanged > 0


def test_offline_says_what_was_never_asked_and_notes_no_failure(store: Store, scene: Scene) -> None:
    report = ingested(store, scene, offline=True)
    assert scene.requests == []
    assert [m.source for m in report.failures] == ["europepmc", "crossref", "pubmed", "openalex"]
    assert "without --offline" in report.failures[0].reason
    assert failures(store) == []


# -- neighbours ----------------------------------------------------------------------------------


def test_no_hops_describe_neighbours_as_far_as_lists_do(store: Store, scene: Scene) -> None:
    ingested(store, scene)
    assert {view for _, _, view in kept_records(store, ANDRZEJEWSKA)} == {"work", "brief"}
    assert {source for source, _, _ in kept_records(store, KURTZKE)} == {"openalex"}


def test_one_hop_looks_neighbours_up_everywhere(store: Store, scene: Scene) -> None:
    ingested(store, scene, hops=1)
    for article in (KURTZKE, POLMAN, ANDRZEJEWSKA):
        views = {s for s, _, view in kept_records(store, article) if view == "work"}
        assert views == {"europepmc", "crossref", "pubmed", "openalex"}


@pytest.mark.parametrize(
    ("direction", "found"),
    [
        pytest.param("references", {KURTZKE.doi, POLMAN.doi}, id="references"),
        pytest.param("citations", {ANDRZEJEWSKA.doi, KRAMPERA.doi}, id="citations"),
        pytest.param("both", {KURTZKE.doi, POLMAN.doi, ANDRZEJEWSKA.doi, KRAMPERA.doi}, id="both"),
    ],
)
def test_neighbours_are_followed_in_the_direction_asked_for(
    store: Store, scene: Scene, direction: str, found: set[str]
) -> None:
    ingested(store, scene, hops=1, direction=direction, sources=("europepmc", "openalex"))
    listed = {
        name
        for name in ("references", "citations")
        if any(f"/{name}?" in request for request in scene.asked("europepmc"))
    }
    assert listed == ({"references", "citations"} if direction == "both" else {direction})
    looked_up = {
        doi
        for request in scene.asked("europepmc")
        if "resultType=core" in request
        for doi in re.findall(r'DOI:"([^"]+)"', request)
    }
    assert looked_up - {SEED.doi} == {doi for doi in found if doi not in (KRAMPERA.doi,)} | (
        {KRAMPERA.doi} & found
    )


def test_two_hops_reach_what_only_neighbours_cite(store: Store, scene: Scene) -> None:
    far = Article(
        title="Far away", published="1990-01-01", doi="10.5555/far", pmid="99000002",
        openalex="W1990000009",
    )  # fmt: skip
    scene.publish(replace(ANDRZEJEWSKA, cites=(*ANDRZEJEWSKA.cites, far)), far)
    ingested(store, scene, hops=1, direction="both")
    one_hop = {source for source, _, _ in kept_records(store, far)}
    ingested(store, scene, hops=2, direction="both")
    assert one_hop == {"openalex"}
    assert {"europepmc", "crossref", "pubmed"} <= {s for s, _, _ in kept_records(store, far)}


def test_what_openalex_names_by_its_ids_alone_is_what_other_lists_name(
    either_store: Store, scene: Scene
) -> None:
    ingested(either_store, scene)
    with either_store.reading() as session:
        works = living_works(session)
        assert len(works) == len(THE_SEED_AND_AROUND)
        for article in (KURTZKE, POLMAN):
            held = session.exec(
                select(t.WorkIdentifier).where(
                    t.WorkIdentifier.work_id == work_of(session, article).id
                )
            )
            assert {i.value for i in held} == {article.doi, article.pmid, article.openalex}


def test_only_the_sources_chosen_are_asked(store: Store, scene: Scene) -> None:
    report = ingested(store, scene, sources=("crossref", "pubmed"))
    assert set(report.sources) == {"crossref", "pubmed"}
    assert (
        scene.asked("europepmc") == scene.asked("openalex") == scene.asked("clinicaltrials") == []
    )


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda run: run.work(parse_identifier("1"), direction="up"), id="direction"),
        pytest.param(lambda run: run.work(parse_identifier("1"), hops=-1), id="hops"),
        pytest.param(lambda run: run.topic("  "), id="empty query"),
        pytest.param(lambda run: run.topic("MSC", limit=0), id="limit"),
        pytest.param(lambda run: run.trials(), id="no condition"),
        pytest.param(lambda run: run.trials(condition=" "), id="blank condition"),
        pytest.param(lambda run: run.trials(condition="MS", limit=0), id="limit of trials"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    store: Store, scene: Scene, ask: Callable[[Ingest], RunReport]
) -> None:
    with pytest.raises(InvalidInput):
        ask(a_run(store, scene))
    with pytest.raises(InvalidInput, match="scopus"):
        a_run(store, scene, sources=("scopus",))
    assert scene.requests == []


# -- a source in trouble -------------------------------------------------------------------------

DOWN = [
    pytest.param(unavailable(), "answered 503", id="503 for ever"),
    pytest.param(hang(), "in time", id="silence"),
    pytest.param(too_many("86400"), "429|budget", id="429 for a day"),
    pytest.param(reset(), "failed or broke off", id="reset"),
    pytest.param(Answer(b"{}", 400), "answered 400", id="refusal"),
]


@pytest.mark.parametrize(("trouble", "reason"), DOWN)
@pytest.mark.parametrize("down", WORKS)
def test_one_source_down_leaves_the_others_and_is_mended_by_a_later_run(
    store: Store,
    scene: Scene,
    undisturbed: dict[int, Any],
    down: str,
    trouble: Any,
    reason: str,
) -> None:
    settings = scene.settings(source_timeout_s=0.1)
    scene.fault(down, trouble)
    report = adding_up(a_run(store, settings).work(parse_identifier(str(SEED.doi))))
    held = {source for source, _, view in kept_records(store) if view == "work"}
    assert held == {*WORKS} - {down}
    assert {m.source for m in report.failures} == {down}
    assert re.search(reason, report.failures[0].reason)
    tally = report.sources[down]
    assert (tally.received, tally.unanswered, tally.not_held) == (0, len(report.failures), 0)
    assert {(f.source, f.request, f.reason) for f in failures(store)} == {
        (m.source, m.what, m.reason) for m in report.failures
    }

    scene.mend()
    assert ingested(store, scene).failures == []
    assert failures(store) == []
    assert content(store) == undisturbed[0]


def test_a_registry_that_is_down_is_not_an_entry_that_does_not_exist(
    store: Store, scene: Scene
) -> None:
    scene.fault("clinicaltrials", unavailable())
    report = ingested(store, scene, RIORDAN)
    tally = report.sources["clinicaltrials"]
    assert (tally.unanswered, tally.not_held, report.studies) == (1, 0, [])
    assert [(f.source, f.request) for f in failures(store)] == [
        ("clinicaltrials", "look-up of NCT02034188")
    ]
    scene.mend()
    assert len(ingested(store, scene, RIORDAN).studies) == 1
    assert failures(store) == []


def test_one_entry_that_cannot_be_had_does_not_cost_the_next(store: Store, scene: Scene) -> None:
    scene.fault("clinicaltrials", Answer(b"{}", 400), on="NCT02034188")
    report = adding_up(
        a_run(store, scene).trial_numbers(["NCT02034188", "NCT03778333", "NCT0000001"])
    )
    assert len(report.studies) == 1
    assert len(report.failures) == 1


def test_every_work_of_a_batch_that_failed_is_remembered_until_it_comes(
    store: Store, scene: Scene
) -> None:
    ingested(store, scene)
    scene.fault("crossref", unavailable())
    report = ingested(store, scene, hops=1, sources=("crossref",))
    waiting = {f.request for f in failures(store)}
    around = {a.doi for a in (SEED, KURTZKE, POLMAN, ANDRZEJEWSKA, KRAMPERA)}
    assert waiting == {f"look-up of doi:{doi}" for doi in around}
    assert report.sources["crossref"].unanswered == len(around)
    scene.mend()
    ingested(store, scene, hops=1, sources=("crossref",))
    assert failures(store) == []


def test_a_list_that_breaks_off_says_so_where_its_coverage_stands(
    store: Store, scene: Scene
) -> None:
    scene.most_per_page = 1
    scene.fault("openalex", unavailable(), on="cursor=after1")
    ingested(store, scene)

    def coverage() -> t.Coverage:
        with store.reading() as session:
            key = (work_of(session, SEED).id, "openalex", "citations")
            return session.get_one(t.Coverage, key)

    cut = coverage()
    assert (cut.claimed, cut.held) == (2, 1)
    assert "answered 503" in str(cut.truncated_by)
    scene.mend()
    ingested(store, scene)
    whole = coverage()
    assert (whole.claimed, whole.held, whole.truncated_by) == (2, 2, None)


# -- answers that are none -----------------------------------------------------------------------

BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<PubmedArticleSet><PubmedArticle>&c;</PubmedArticle></PubmedArticleSet>"""
HTML = Answer(
    b"<html><body>Down for maintenance</body></html>", headers={"Content-Type": "text/html"}
)
NO_ANSWERS = [
    pytest.param("europepmc", Answer(b'{"errCode": 404, "errMsg": "no"}'), id="epmc error"),
    pytest.param("europepmc", Answer(b'{"version": "6.9"}'), id="epmc of no shape"),
    pytest.param("europepmc", Answer(b'{"hitCount": 1, "resultLi'), id="epmc cut off"),
    pytest.param("europepmc", HTML, id="epmc web page"),
    pytest.param("crossref", Answer(b'{"status": "error", "message": "x"}'), id="crossref error"),
    pytest.param("crossref", Answer(b"[]"), id="crossref list"),
    pytest.param("crossref", Answer(b'{"status": "ok", "mess'), id="crossref cut off"),
    pytest.param("crossref", HTML, id="crossref web page"),
    pytest.param("crossref", Answer('{"é": 1}'.encode("latin-1")), id="crossref in Latin-1"),
    pytest.param("pubmed", Answer(b'{"error": "API rate limit exceeded"}'), id="pubmed error"),
    pytest.param("pubmed", Answer(b"<PubmedArticleSet><Pub"), id="pubmed cut off"),
    pytest.param("pubmed", Answer(BOMB), id="pubmed entity bomb"),
    pytest.param("pubmed", Answer(b"<eSummaryResult/>"), id="pubmed of another tool"),
    pytest.param(
        "pubmed",
        Answer(
            '<?xml version="1.0" encoding="UTF-8"?><PubmedArticleSet>é</PubmedArticleSet>'.encode(
                "latin-1"
            )
        ),
        id="pubmed not in its encoding",
    ),
    pytest.param("pubmed", HTML, id="pubmed web page"),
    pytest.param("openalex", Answer(b'{"error": "x", "message": "y"}'), id="openalex error"),
    pytest.param("openalex", Answer(b'{"results": {}}'), id="openalex of no shape"),
    pytest.param("openalex", Answer(b'{"id": "https://openal'), id="openalex cut off"),
    pytest.param("openalex", HTML, id="openalex web page"),
]


@pytest.mark.parametrize(("source", "answer"), NO_ANSWERS)
def test_a_200_that_is_no_answer_is_kept_and_reported_and_the_run_goes_on(
    store: Store, scene: Scene, source: str, answer: Answer
) -> None:
    scene.fault(source, answer)
    report = ingested(store, scene)
    assert {s for s, _, view in kept_records(store) if view == "work"} == {*WORKS} - {source}
    assert {m.source for m in report.failures} == {source}
    kept = failures(store)
    assert kept
    with store.reading() as session:
        for failure in kept:
            payload = session.get_one(t.StoredPayload, failure.payload_id)
            assert (payload.source, payload.status) == (source, 200)
            assert payload.size == len(answer.body)
    again = dump(store)
    ingested(store, scene)
    assert dump(store) == again
    scene.mend()
    ingested(store, scene)
    assert failures(store) == []


def test_a_record_without_a_title_is_a_record(store: Store, scene: Scene) -> None:
    scene.crossref[str(SEED.doi)]["title"] = []
    ingested(store, scene, sources=("crossref",))
    with store.reading() as session:
        assert work_of(session, SEED).title is None
    assert failures(store) == []


def test_another_work_than_the_one_asked_for_is_set_aside(store: Store, scene: Scene) -> None:
    scene.crossref[str(SEED.doi)] = scene.crossref[str(POLMAN.doi)]
    report = ingested(store, scene)
    (failure,) = failures(store)
    assert failure.source == "crossref"
    assert "another record came back" in failure.reason
    assert POLMAN.title in failure.reason
    assert failure.payload_id is not None
    assert (report.sources["crossref"].failed, report.sources["crossref"].not_held) == (1, 0)
    assert ("crossref", POLMAN.doi, "work") not in kept_records(store, POLMAN)


@pytest.mark.parametrize("source", ["europepmc", "pubmed", "openalex"])
def test_another_work_found_by_a_look_up_is_not_taken_for_it(
    store: Store, scene: Scene, source: str
) -> None:
    if source == "europepmc":
        item = scene.europepmc.pop(f"MED:{SEED.pmid}") | {"id": "1", "pmid": "1", "doi": "10.1/x"}
        body = {"hitCount": 1, "request": {"resultType": "core"}, "resultList": {"result": [item]}}
        scene.fault(source, Answer(orjson.dumps(body)), on="search")
    elif source == "pubmed":
        scene.pubmed[str(SEED.pmid)] = scene.pubmed[str(POLMAN.pmid)]
    else:
        polman = orjson.dumps(scene.openalex[str(POLMAN.openalex)])
        scene.fault(source, Answer(polman), on="/works/doi:")
    report = ingested(store, scene)
    assert source not in {s for s, _, view in kept_records(store) if view == "work"}
    assert report.sources[source].not_held == 1


def test_the_same_doi_with_another_pmid_waits_for_a_person(store: Store, scene: Scene) -> None:
    scene.pubmed.pop(str(SEED.pmid))
    other = replace(SEED, pmid="99000003", openalex=None, pmcid=None)
    scene.publish(other, to=("pubmed",))
    report = ingested(store, scene)
    scene.openalex[str(SEED.openalex)]["ids"]["pmid"] = "https://pubmed.ncbi.nlm.nih.gov/99000003"
    report = ingested(store, scene)
    assert report.conflicts == 1
    with store.reading() as session:
        (conflict,) = session.exec(select(t.IdentityConflict))
        assert conflict.kind == "different pmid"
        assert work_of(session, SEED).title == SEED.title
        assert session.get_one(t.StoredRecord, conflict.record_id).source == "openalex"
    before = dump(store)
    assert ingested(store, scene).sources["openalex"].failed == 0
    assert dump(store) == before


def test_a_record_too_long_for_an_index_costs_no_other(either_store: Store, scene: Scene) -> None:
    # PostgreSQL indexes a third of an 8 kB page; random, so that it cannot be compressed.
    word = "".join(random.Random(1).choices(string.ascii_letters, k=20_000))
    scene.europepmc[f"MED:{SEED.pmid}"]["keywordList"] = {"keyword": [word]}
    ingested(either_store, scene)
    assert {s for s, _, view in kept_records(either_store) if view == "work"} >= {*WORKS[1:]}
    is_whole(either_store)


def test_many_long_dois_may_be_asked_for_at_once(either_store: Store, scene: Scene) -> None:
    letters = random.Random(1)
    names = ["".join(letters.choices(string.ascii_lowercase, k=40)) for _ in range(80)]
    cited = [
        Article(
            title=f"On {name}", published="2020-02-02", doi=f"10.5555/{name}", openalex=f"W9{n:04}"
        )
        for n, name in enumerate(names)
    ]
    scene.publish(replace(SEED, cites=tuple(cited)), *cited)
    sources = ("crossref", "openalex")
    report = ingested(either_store, scene, hops=1, direction="references", sources=sources)
    assert max(map(len, scene.asked("openalex"))) > 3500
    assert report.failures == []
    assert {source for source, _, _ in kept_records(either_store, cited[-1])} >= {"openalex"}


def test_a_query_as_long_as_reviews_write_them_is_asked(either_store: Store, scene: Scene) -> None:
    letters = random.Random(1)
    query = " OR ".join("".join(letters.choices(string.ascii_lowercase, k=9)) for _ in range(700))
    report = adding_up(a_run(either_store, scene, sources=("pubmed",)).topic(query))
    assert report.failures == []
    assert len(report.works) == len(scene.pubmed)
    scene.fault("pubmed", unavailable())
    adding_up(a_run(either_store, scene, sources=("pubmed",)).topic(query))
    assert len(failures(either_store)) == 1


def test_a_citing_work_that_cannot_be_saved_costs_no_other(
    either_store: Store, scene: Scene
) -> None:
    # More than either database can hold.
    scene.openalex[str(KRAMPERA.openalex)]["cited_by_count"] = 2**64 - 1
    report = ingested(either_store, scene)
    assert report.sources["openalex"].failed == 1
    (failure,) = failures(either_store)
    assert (failure.source, failure.position) == ("openalex", "citing work 2")
    with either_store.reading() as session:
        seed = work_of(session, SEED).id
        citing = session.exec(select(t.Cites.citing_id).where(t.Cites.cited_id == seed)).all()
        assert citing == [work_of(session, ANDRZEJEWSKA).id]
    is_whole(either_store)
    del scene.openalex[str(KRAMPERA.openalex)]["cited_by_count"]
    ingested(either_store, scene)
    assert failures(either_store) == []


# -- topics and trials ---------------------------------------------------------------------------


def test_a_topic_is_paged_to_its_end_and_its_trials_are_ingested(
    store: Store, scene: Scene
) -> None:
    scene.most_per_page = 2
    report = adding_up(a_run(store, scene).topic("mesenchymal AND sclerosis"))
    articles = (*THE_SEED_AND_AROUND, RIORDAN)
    with store.reading() as session:
        assert {*report.works} == {work_of(session, a).id for a in articles}
        assert len(report.works) == len(articles)
    assert len(scene.asked("europepmc")) == 3
    assert (report.truncated, report.failures) == ([], [])
    assert len(report.studies) == 1
    tally = report.sources["crossref"]
    assert (tally.asked, tally.received, tally.new) == (1, 6, 6)


def test_a_limit_holds_for_each_source_and_is_reported(store: Store, scene: Scene) -> None:
    report = adding_up(a_run(store, scene).topic("mesenchymal", limit=2))
    assert {name: report.sources[name].received for name in WORKS} == dict.fromkeys(WORKS, 2)
    assert [m.source for m in report.truncated] == list(WORKS)
    assert all("limit of 2" in m.reason for m in report.truncated)


def test_a_cursor_that_comes_back_ends_the_paging_and_is_reported(
    store: Store, scene: Scene
) -> None:
    items = list(scene.openalex.values())[:1]
    body = {"meta": {"count": 5, "next_cursor": "*"}, "results": items}
    scene.fault("openalex", Answer(orjson.dumps(body)))
    report = adding_up(a_run(store, scene, sources=("openalex",)).topic("mesenchymal"))
    assert len(scene.requests) == 1
    assert [m.reason for m in report.truncated] == ["the source gave 1 of 5 works"]


def test_a_bad_record_in_the_middle_of_a_page_costs_no_other(store: Store, scene: Scene) -> None:
    doi = str(POLMAN.doi)
    scene.crossref[doi] = {"title": ["No DOI at all"]}
    report = adding_up(a_run(store, scene, sources=("crossref",)).topic("mesenchymal"))
    tally = report.sources["crossref"]
    assert (tally.received, tally.new, tally.failed) == (6, 5, 1)
    (failure,) = failures(store)
    assert (failure.position, failure.reason) == (
        "item 3",
        "no DOI, so nothing to tell this work from others",
    )
    scene.publish(POLMAN, to=("crossref",))
    adding_up(a_run(store, scene, sources=("crossref",)).topic("mesenchymal"))
    assert failures(store) == []


def test_a_search_that_breaks_off_keeps_what_came(store: Store, scene: Scene) -> None:
    scene.most_per_page = 2
    scene.fault("europepmc", unavailable(), on="after4")
    report = adding_up(a_run(store, scene, sources=("europepmc",)).topic("mesenchymal"))
    tally = report.sources["europepmc"]
    assert (tally.new, tally.unanswered) == (4, 1)
    assert [f.request for f in failures(store)] == ["search mesenchymal"]
    scene.mend()
    adding_up(a_run(store, scene, sources=("europepmc",)).topic("mesenchymal"))
    assert failures(store) == []


def test_trials_are_paged_over_an_empty_page(store: Store, scene: Scene) -> None:
    first, second = scene.trials.values()
    pages = [
        {"totalCount": 2, "studies": [first], "nextPageToken": "a"},
        {"studies": [], "nextPageToken": "b"},
        {"studies": [second]},
    ]
    answers = iter([Answer(orjson.dumps(page)) for page in pages])
    scene.fault("clinicaltrials", lambda seen: next(answers))
    report = adding_up(a_run(store, scene).trials(condition="multiple sclerosis"))
    assert (len(report.studies), report.truncated, report.failures) == (2, [], [])


def test_trials_are_found_by_condition_intervention_and_words(store: Store, scene: Scene) -> None:
    scene.most_per_page = 1
    run = a_run(store, scene)
    adding_up(run.trials(condition="multiple sclerosis", intervention="MSC", term="Karolinska"))
    assert len(run.report.studies) == 2
    for request in scene.asked("clinicaltrials"):
        assert "query.cond=multiple sclerosis" in request
        assert "query.intr=MSC" in request
        assert "query.term=Karolinska" in request


# -- stopped, and at the same time ---------------------------------------------------------------


@pytest.mark.parametrize("stopped_at", [1, 4, 9, 16, 25, 36])
def test_an_interrupted_run_leaves_a_whole_base_and_a_second_completes_it(
    store: Store, scene: Scene, undisturbed: dict[int, Any], stopped_at: int
) -> None:
    calls = iter(range(1, 10_000))

    def progress(what: str, done: int, total: int | None) -> None:
        if next(calls) == stopped_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingested(store, scene, hops=1, progress=progress)
    is_whole(store)
    ingested(store, scene, hops=1)
    assert content(store) == undisturbed[1]


WRITES = ("INSERT", "UPDATE", "DELETE")
# Runs an ingest of the seed; given a number, kills itself before its so manieth writing statement.
PROCESS = """
import os, signal, sys
from itertools import count
import sqlalchemy as sa
from tests.ingest.scene import SEED
from tests.ingest.test_pipeline import WRITES, a_run
from kb.identity.identifiers import parse_identifier
from kb.settings import Settings
from kb.store.engine import Store

database_url, kill_at, urls = sys.argv[1], int(sys.argv[2]), sys.argv[3]
settings = Settings(_env_file=None, **dict(pair.split("=", 1) for pair in urls.split()))
store = Store(database_url)
statements = count(1)

@sa.event.listens_for(store.engine, "before_cursor_execute")
def die(connection, cursor, statement, *_):
    if statement.startswith(WRITES) and next(statements) == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

print("ready", flush=True)
sys.stdin.readline()
report = a_run(store, settings).work(parse_identifier(SEED.doi))
print(len(report.failures))
"""


def a_process(url: str, scene: Scene, kill_at: int = 0) -> subprocess.Popen[str]:
    """A process that waits for a line before it ingests the seed."""
    settings = scene.settings()
    names = [n for n in type(settings).model_fields if n.endswith("_url") and n != "database_url"]
    urls = " ".join(f"{name}={getattr(settings, name)}" for name in names)
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, url, str(kill_at), urls],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_killed_run_leaves_a_whole_base_and_a_second_completes_it(
    database_url: str, scene: Scene, tmp_path: Path, share: float
) -> None:
    writes: list[str] = []
    with opened(f"sqlite:///{tmp_path / 'uninterrupted.sqlite3'}") as uninterrupted:

        @sa.event.listens_for(uninterrupted.engine, "before_cursor_execute")
        def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith(WRITES):
                writes.append(statement)

        ingested(uninterrupted, scene)
        expected = content(uninterrupted)
    with opened(database_url) as store:
        process = a_process(database_url, scene, kill_at=max(1, int(len(writes) * share)))
        process.communicate("\n", timeout=60)
        assert process.returncode == -signal.SIGKILL
        is_whole(store)
        ingested(store, scene)
        assert content(store) == expected


def test_two_processes_about_one_doi_make_one_work(
    database_url: str, scene: Scene, undisturbed: dict[int, Any]
) -> None:
    with opened(database_url) as store:
        processes = [a_process(database_url, scene) for _ in range(2)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.communicate(timeout=120)[0] for process in processes] == ["0\n", "0\n"]
        is_whole(store)
        assert content(store) == undisturbed[0]


# -- the caller's privacy ------------------------------------------------------------------------


def test_a_redirect_to_another_host_is_not_followed(store: Store, scene: Scene) -> None:
    with Replay() as elsewhere:
        scene.fault("crossref", redirect(elsewhere.url + "/works/stolen"))
        report = ingested(store, scene)
        assert elsewhere.requests == []
    assert "off its host" in report.failures[0].reason
    assert len(failures(store)) == 1


def test_keys_and_address_are_sent_and_stand_nowhere(
    store: Store, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = {"eutils_key": "secret-of-ncbi", "openalex_key": "secret-of-openalex"}
    secrets |= {"crossref_key": "secret-of-crossref", "contact_email": "somebody@ki.se"}
    settings = scene.settings(**secrets)
    scene.fault("pubmed", Answer(b'{"error": "bad api_key secret-of-ncbi"}', 400), on="elink")
    scene.fault("openalex", reset(), on="cites:")
    with caplog.at_level(logging.DEBUG):
        report = a_run(store, settings).work(parse_identifier(str(SEED.doi)))
    sent = json.dumps([[seen.parameters, seen.headers] for seen in scene.requests])
    assert all(secret in sent for secret in secrets.values())
    assert len(report.failures) == 3
    told = caplog.text + json.dumps(report.as_dict())
    with store.reading() as session:
        for row in session.exec(select(t.StoredPayload)):
            payload = load(session, row.id or 0)
            told += payload.request + repr(payload.headers) + payload.body.decode()
    told += " ".join(f.request + f.reason for f in failures(store))
    assert not [secret for secret in secrets.values() if secret in told]


# -- the report ----------------------------------------------------------------------------------


def test_the_report_tells_what_became_of_records_and_questions(store: Store, scene: Scene) -> None:
    first = ingested(store, scene)
    assert first.sources["crossref"] == SourceTally(asked=1, received=1, new=1)
    scene.crossref[str(SEED.doi)]["is-referenced-by-count"] = 29
    second = ingested(store, scene)
    assert second.sources["crossref"] == SourceTally(asked=1, received=1, changed=1)
    assert second.sources["pubmed"].unchanged == second.sources["pubmed"].received == 3
    scene.fault("crossref", Answer(b"nothing", 404))
    third = ingested(store, scene)
    assert third.sources["crossref"] == SourceTally(asked=1, not_held=1)


def test_a_count_that_changed_is_a_second_observation(store: Store, scene: Scene) -> None:
    ingested(store, scene)
    scene.europepmc[f"MED:{SEED.pmid}"] = europepmc_item(replace(SEED, cited_by={"europepmc": 22}))
    ingested(store, scene, now=NOW + timedelta(days=1))
    with store.reading() as session:
        counts = session.exec(
            select(t.Observation)
            .where(t.Observation.source == "europepmc")
            .order_by(col(t.Observation.id))
        )
        assert [(c.value, c.observed_at) for c in counts] == [
            (21, "2026-11-22"),
            (22, "2026-11-23"),
        ]
