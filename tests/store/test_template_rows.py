"""What of a study held stands in a template of it."""

from sqlmodel import Session

from kb.formats.curation import read_tables
from kb.store.template_rows import template_rows
from tests.builders import a_registration, a_study, a_work, an_arm, reported_by

PLANNED = [
    {"rank": "primary", "measure": "Safety", "description": None, "time_frame": "48 weeks"},
    {"rank": "secondary", "measure": "EDSS", "description": None, "time_frame": "at each visit"},
]


def test_planned_outcomes_are_rows_of_each_arm_without_a_finding(session: Session):
    study = a_study(session, key="MY_STUDY")
    for key in ("msc", "Placebo Comparator: saline + sham"):
        an_arm(session, study, key=key)
    a_registration(session, "NCT03778333", study, planned_outcomes=PLANNED)
    rows = template_rows(session, study.id)
    assert [row["arm"] for row in rows["arms"]] == ["msc", "placebo-comparator-saline-sham"]
    planned = [(r["arm"], r["what"], r.get("time"), r["is_primary"]) for r in rows["results"]]
    assert ("msc", "Safety", "48", "yes") in planned
    assert ("msc", "EDSS", None, "no") in planned
    assert not any("state" in row or "outcome" in row for row in rows["results"])
    assert len(planned) == len(PLANNED) * len(rows["arms"])


def test_a_report_is_cited_by_an_identifier_that_says_what_it_is(session: Session):
    for number, (names, cited) in enumerate(
        [({"doi": "10.1000/a", "pmid": "1"}, "10.1000/a"), ({"pmid": "33253391"}, "PMID 33253391")]
    ):
        study = a_study(session, key=f"STUDY_{number}")
        work = a_work(session, title=f"report {number}", **names)
        reported_by(session, study, work)
        (source,) = template_rows(session, study.id)["sources"]
        assert source["document"] == cited


def test_the_rows_lack_nothing_but_what_somebody_must_have_read(session: Session):
    study = a_study(session, key="MY_STUDY")
    an_arm(session, study)
    a_registration(session, "NCT03778333", study, planned_outcomes=PLANNED)
    errors = read_tables(template_rows(session, study.id), source="test").errors
    assert {e.column for e in errors} == {"source", "locator", "state", "statistic"}
