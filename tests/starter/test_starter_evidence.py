"""The starter evidence: complete, as reported, and each number with its source."""

import csv
import re
import time
from collections import Counter
from collections.abc import Iterator

import pytest

import kb.starter
from kb.formats.curation import Curated
from kb.models.evidence import Category, CellName, ResultKind, Standing, State, StudyRecord
from kb.models.records import (
    CitingList,
    NoticeKind,
    ReferenceList,
    WorkRecord,
    WorkType,
    from_json,
    to_json,
)
from tests.conftest import shared

SEED = "MS_IACOBAEUS_2019"
SEED_WORK = "iacobaeus-2019"


@pytest.fixture(scope="module")
def starter() -> Curated:
    return kb.starter.read()


@pytest.fixture(scope="module")
def seed(starter) -> StudyRecord:
    return study(starter, SEED)


def study(starter: Curated, key: str) -> StudyRecord:
    return next(s for s in starter.studies if s.key == key)


def work(starter: Curated, key: str) -> WorkRecord:
    return next(w for w in starter.works if w.key == key)


def counts(study: StudyRecord, code: str) -> list[tuple[object, ...]]:
    """(category, events, n, time, unit) of each person count of an outcome."""
    found: list[tuple[object, ...]] = []
    for result in study.results:
        if result.outcome_code == code:
            cells = {cell.name: cell.value for cell in result.cells}
            time = result.time
            found.append(
                (
                    result.category,
                    cells.get(CellName.EVENTS),
                    cells.get(CellName.N_ANALYSED),
                    time.value if time else None,
                    time.unit if time else None,
                )
            )
    return found


# -- how much ------------------------------------------------------------------------------------


def test_the_tables_hold_no_mistake(starter):
    assert [str(error) for error in starter.errors] == []


def test_everything_is_there(starter):
    arms = [a for s in starter.studies for a in s.arms if a.role != "period"]
    numbers = {r.number for s in (*starter.studies, *starter.registered_only)
               for r in s.registrations}  # fmt: skip
    assert len(starter.studies) == 83
    assert sum("multiple sclerosis" in s.conditions for s in starter.studies) == 30
    assert len(numbers) == 79
    assert len(starter.registered_only) == 15
    assert len(arms) == 148
    assert len({(s.key, a.key) for s in starter.studies for a in s.arms if a in arms}) == 141
    # 571 results as published, 14 of participants at entry, 2 of the seed without number.
    assert sum(len(s.results) for s in starter.studies) == 571 + 14 + 2
    assert sum(len(s.adverse_events) for s in starter.studies) == 173


def test_reading_takes_well_under_two_seconds():
    start = time.perf_counter()
    kb.starter.read()
    assert time.perf_counter() - start < 2


def test_every_statement_says_where_it_stands_and_in_which_row_it_was_entered(starter):
    for s in starter.studies:
        claims = (*s.arms, *s.flow, *s.results, *s.adverse_events, s.description)
        for claim in claims:
            assert claim.evidence.document
            assert claim.evidence.locator
            file, _, line = claim.evidence.row.partition(":")
            assert file in starter.files
            assert s.key.encode() in starter.files[file].splitlines()[int(line) - 1]


def test_keys_are_unique_within_a_study(starter):
    for s in starter.studies:
        for claims in (s.results, s.adverse_events, s.flow):
            assert [k for k, n in Counter(c.key for c in claims).items() if n > 1] == []


def test_records_survive_being_kept_as_text(starter):
    for s in starter.studies:
        assert from_json(StudyRecord, to_json(s)) == s
    for w in starter.works:
        assert from_json(WorkRecord, to_json(w)) == w


def test_nothing_unreported_holds_a_number(starter):
    for s in starter.studies:
        for event in s.adverse_events:
            numbers = (event.persons_affected, event.event_count, event.percent)
            if event.state is State.NOT_REPORTED:
                assert numbers == (None, None, None)
            if event.state is State.REPORTED_ZERO:
                assert not any(numbers)
        for result in s.results:
            if result.state is State.NOT_REPORTED:
                assert result.cells == ()


# -- the seed ------------------------------------------------------------------------------------


def test_the_seed_is_one_arm_of_seven_infused_without_comparator(seed):
    (arm,) = seed.arms
    assert (arm.n_treated, arm.n_completed, arm.n_randomised) == (7, 5, None)
    assert arm.comparator is None
    assert {r.comparator for r in seed.results} == {None}
    assert {r.arm for r in seed.results} == {arm.key}


def test_the_seeds_dose_is_the_range_per_kilogram_as_reported(seed):
    (arm,) = seed.arms
    assert (arm.dose.value, arm.dose.low, arm.dose.high) == (None, 1, 2)
    assert (arm.dose.unit, arm.dose.n_administrations) == ("10^6 cells/kg", 1)
    assert arm.dose.route == "intravenous"
    assert (arm.product.donor, arm.product.tissue) == ("autologous", "bone marrow")


@pytest.mark.parametrize(
    ("code", "reported"),
    [
        ("FEAS_COMPLETED", [(Category.EVENT, 5, 7, 48, "week")]),
        ("T2_NEW", [(Category.COMPLEMENT, 5, 6, 12, "week"), (Category.EVENT, 3, 5, 48, "week")]),
        ("EDSS_CAT", [(Category.STABLE, 6, 6, 12, "week"), (Category.WORSENED, 3, 5, 48, "week")]),
        ("MIRNA", [(None, None, None, 2, "hour")]),
        ("TREG", [(None, None, None, 7, "day")]),
    ],
)
def test_the_seeds_results_are_those_of_its_abstract(seed, code, reported):
    assert counts(seed, code) == reported


def test_the_seed_reports_nothing_else(seed):
    assert len(seed.results) == 7
    assert {r.evidence.standing for r in seed.results} == {Standing.PRIMARY}


def test_the_seeds_immunology_is_a_direction_without_a_number(seed):
    told = {r.outcome_code: r for r in seed.results if r.kind is ResultKind.WITHIN_ARM}
    assert {code: (r.state, r.cells, r.direction) for code, r in told.items()} == {
        "MIRNA": (State.REPORTED, (), "changed"),
        "TREG": (State.REPORTED, (), "increased"),
    }


def test_safe_and_well_tolerated_is_no_zero(seed):
    (event,) = seed.adverse_events
    assert (event.state, event.n_at_risk) == (State.NOT_REPORTED, 7)
    assert (event.persons_affected, event.event_count, event.percent) == (None, None, None)
    assert "safety_statement_only" in event.caveats


def test_the_seeds_registration_is_linked_by_inference_and_says_so(seed):
    (registration,) = seed.registrations
    assert registration.number == "NCT03778333"
    assert registration.link_basis is not None
    assert registration.link_basis.startswith("inferred")
    assert registration.caveats == ("link_inferred",)


def test_the_seeds_record_names_nine_authors_in_order_and_no_licence(starter):
    record = work(starter, SEED_WORK)
    assert [a.family for a in record.authors] == [
        "Iacobaeus", "Kadri", "Lefsihane", "Boberg", "Gavin", "Törnqvist Andrén", "Lilja",
        "Brundin", "Le Blanc",
    ]  # fmt: skip
    assert record.authors_complete is True
    assert [str(i) for i in record.identifiers] == [
        "doi:10.3390/jcm8122102", "pmid:31810187", "pmcid:PMC6947442",
    ]  # fmt: skip
    assert {d.role: d.date for d in record.dates} == {
        "received": "2019-10-21",
        "revised": "2019-11-20",
        "accepted": "2019-11-21",
        "published": "2019-12-02",
    }
    assert (record.license, record.abstract) == (None, ())


def test_the_seeds_catalogue_page_is_held_as_undated_counts(starter):
    held = {
        (o.metric, o.source, o.dimension, o.category): o.value
        for o in work(starter, SEED_WORK).observations
    }
    status, field = "academic_status", "discipline"
    phd, bio = "PhD / Post grad / Masters / Doc", "Biochemistry, Genetics and Molecular Bi..."
    assert held == {
        ("citation_count", "scopus (via mendeley)", None, None): 28,
        ("reader_count", "mendeley", None, None): 58,
        ("reader_count", "mendeley", status, phd): 21,
        ("reader_percent", "mendeley", status, phd): 78,
        ("reader_count", "mendeley", status, "Researcher"): 6,
        ("reader_percent", "mendeley", status, "Researcher"): 22,
        ("reader_count", "mendeley", field, bio): 10,
        ("reader_percent", "mendeley", field, bio): 36,
        ("reader_count", "mendeley", field, "Neuroscience"): 8,
        ("reader_percent", "mendeley", field, "Neuroscience"): 29,
        ("reader_count", "mendeley", field, "Medicine and Dentistry"): 7,
        ("reader_percent", "mendeley", field, "Medicine and Dentistry"): 25,
        ("reader_count", "mendeley", field, "Agricultural and Biological Sciences"): 3,
        ("reader_percent", "mendeley", field, "Agricultural and Biological Sciences"): 11,
    }
    assert {o.observed_at for w in starter.works for o in w.observations} == {None}


def test_what_the_seed_cites_and_who_cites_it_are_works_of_their_own(starter):
    references = next(x for x in starter.lists if isinstance(x, ReferenceList))
    citing = next(x for x in starter.lists if isinstance(x, CitingList))
    assert references.key == citing.key == f"{SEED_WORK}#catalogue"
    cited = [work(starter, r.record_key) for r in references.references if r.record_key]
    assert [w.observations[0].value for w in cited] == [13502, 7730, 4901]
    assert [w.observations[0].value for w in citing.citing] == [228, 162, 98]
    # Readers were "N/A" on the page: not reported, and so not there.
    assert {o.metric for w in (*cited, *citing.citing) for o in w.observations} == {
        "citation_count"
    }


# -- what must not be mixed up ---------------------------------------------------------------------


def test_two_reviews_of_one_journal_and_year_stay_two_works(starter):
    zhou, liu = work(starter, "zhou-2020"), work(starter, "liu-2020")
    assert zhou.identifiers == ()
    assert [str(i) for i in liu.identifiers] == ["doi:10.3389/fcell.2020.00258"]
    assert zhou.title != liu.title


def test_a_correction_is_held_against_the_report_it_corrects(starter):
    (notice,) = work(starter, "riordan-2018").notices
    assert (notice.kind, notice.date) == (NoticeKind.CORRECTION, "2021-05-10")
    (description,) = [study(starter, "MS_RIORDAN_2018").description]
    assert description is not None
    assert "correction_unread" in description.caveats


def test_one_trial_has_many_registrations(starter):
    mesems = study(starter, "MS_MESEMS_2021")
    assert len(mesems.registrations) == 13
    protocol = work(starter, "mesems-protocol-2019")
    assert protocol.type is WorkType.PROTOCOL
    assert len(protocol.registrations) == 10
    assert {m.number for m in protocol.registrations} <= {r.number for r in mesems.registrations}


def test_one_registration_has_several_studies(starter):
    shared_by = {
        s.key for s in starter.studies for r in s.registrations if r.number == "NCT02166021"
    }
    assert shared_by == {"MS_PETROU_2020", "MS_PETROU_2022", "MS_PETROU_2025"}


def test_what_a_registry_lists_for_reading_makes_no_report(starter):
    harris = study(starter, "MS_HARRIS_2018")
    (registration,) = harris.registrations
    assert registration.listed_pmids == ("23197858", "21962795", "29449193", "33277427")
    assert [r.record_key for r in harris.reports] == ["harris-2018"]


def test_studies_that_share_participants_say_so(starter):
    held = {frozenset((s.key, o.other)): o.certainty for s in starter.studies for o in s.overlaps}
    assert held == {
        frozenset(("MS_HARRIS_2021", "MS_HARRIS_2018")): "certain",
        frozenset(("MS_PETROU_2022", "MS_PETROU_2020")): "certain",
        frozenset(("MS_PETROU_2025", "MS_PETROU_2020")): "certain",
        frozenset(("MS_PETROU_2025", "MS_PETROU_2022")): "probable",
        frozenset(("MS_BONAB_5PT", "MS_BONAB_2007")): "probable",
        frozenset(("MS_SAHRAIAN_2014", "MS_BONAB_2007")): "probable",
        frozenset(("MS_SAHRAIAN_2014", "MS_BONAB_5PT")): "probable",
    }


def test_sources_that_disagree_stay_two_rows(starter):
    ages = {
        cell.text
        for r in study(starter, "MS_YAMOUT_2010").results
        if r.outcome_code == "DEMO_AGE"
        for cell in r.cells
        if cell.name in (CellName.MEAN, CellName.UNSPECIFIED)
    }
    assert ages == {"42", "39.3"}
    women = {e for _, e, *_ in counts(study(starter, "MS_PETROU_2020"), "DEMO_FEMALE")}
    assert women == {20, 21}


def test_an_entry_criterion_is_no_observed_range(starter):
    mesems = study(starter, "MS_MESEMS_2021")
    assert mesems.description is not None
    assert mesems.description.eligibility == "age 18 to 50; EDSS 2.5 to 6.5"
    assert CellName.MIN not in {c.name for r in mesems.results for c in r.cells}


def test_knees_are_not_taken_for_participants(starter):
    units = {
        r.unit_of_analysis
        for r in study(starter, "OA_JAKARTA_2020").results
        if r.outcome_code not in ("DEMO_AGE", "DEMO_MALE")
    }
    assert units == {"knee"}


# -- nothing lost, nothing changed -----------------------------------------------------------------

RESULT_NUMBERS = {
    "n": "n_analysed", "events": "events", "percent": "percent", "mean": "mean", "sd": "sd",
    "se": "se", "median": "median", "q1": "q1", "q3": "q3", "min": "min", "max": "max",
    "central": "value_unspecified", "ci_low": "ci_low", "ci_high": "ci_high",
    "ci_level": "ci_level", "estimate": "estimate",
}  # fmt: skip
RESULT_WORDS = {
    "study": "study_id", "arm": "arm_id", "outcome": "outcome_code", "time": "timepoint_value",
    "time_unit": "timepoint_unit", "since": "anchor", "statistic": "statistic", "unit": "unit",
    "measure": "measure", "better": "better", "state": "state",
}  # fmt: skip
EVENT_COLUMNS = {
    "study": "study_id", "arm": "arm_id", "code": "ae_code", "seriousness": "seriousness",
    "relatedness": "relatedness", "time": "timepoint_value", "time_unit": "timepoint_unit",
    "time_text": "timepoint_text", "at_risk": "n_at_risk", "persons": "persons_affected",
    "events": "event_count", "percent": "percent", "state": "state",
}  # fmt: skip
ARM_COLUMNS = {
    "study": "study_id", "arm": "arm_id", "role": "arm_role", "n_randomised": "n_randomised",
    "n_treated": "n_treated", "n_analysed": "n_analysed", "n_completed": "n_completed",
    "product": "intervention", "tissue": "tissue", "donor": "donor", "dose": "dose_value",
    "dose_low": "dose_low", "dose_high": "dose_high", "dose_unit": "dose_unit",
    "times": "n_administrations", "interval": "interval_text", "passage_low": "passage_low",
    "passage_high": "passage_high", "cryopreserved": "cryopreserved",
}  # fmt: skip
STUDY_NUMBERS = {
    "year": "year", "n_enrolled": "n_enrolled", "n_randomised": "n_randomised",
    "n_treated": "n_treated", "n_analysed": "n_analysed", "n_completed": "n_completed",
    "follow_up": "followup_value", "phase": "phase",
}  # fmt: skip
ENTRY = {
    "DEMO_AGE": ("age_mean", "age_sd", "age_min", "age_max"),
    "DEMO_FEMALE": ("n_female",),
    "DEMO_MALE": ("n_male",),
    "EDSS": ("edss_baseline_mean", "edss_baseline_sd", "edss_baseline_min", "edss_baseline_max"),
    "DEMO_DURATION": (
        "disease_duration_mean_years",
        "disease_duration_min_years",
        "disease_duration_max_years",
    ),
}


def gathered(table: str) -> Iterator[dict[str, str]]:
    with (shared("data/msc_evidence") / f"{table}.csv").open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def ours(table: str) -> list[dict[str, str]]:
    with (kb.starter.folder() / f"{table}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def standings() -> dict[str, str]:
    return {row["key"]: f"{row['standing']}_source" for row in ours("sources")}


def our_result(row: dict[str, str], standing: dict[str, str]) -> tuple[str, ...]:
    p = row["p"]
    if row["method"] in ("Wilcoxon paired", "chi-square"):
        p = f"{p} ({row['method']})"
    group = row["subgroup"] or row["population"]
    if "post_hoc" in row["caveats"]:
        group += ", post hoc"
    return (
        *(row.get(column, "") for column in (*RESULT_WORDS, *RESULT_NUMBERS)),
        row["versus"].replace("baseline", ""), p, group, standing[row["source"]],
    )  # fmt: skip


def test_every_gathered_result_is_here_unchanged_and_nothing_else():
    theirs = Counter(
        (
            *(r[column] for column in (*RESULT_WORDS.values(), *RESULT_NUMBERS.values())),
            r["comparator_arm_id"],
            r["p_text"],
            r["subgroup"],
            r["primary_or_secondary"],
        )
        for r in gathered("results")
    )
    standing = standings()
    rows = ours("results")
    held = Counter(our_result(row, standing) for row in rows)
    assert theirs - held == Counter()
    more = held - theirs
    added = [row for row in rows if our_result(row, standing) in more]
    assert len(added) == sum(more.values()) == 16
    told = [row for row in added if row["outcome"] in ("MIRNA", "TREG")]
    assert [row["study"] for row in told] == [SEED, SEED]
    entry = {row["study_id"]: row for row in gathered("studies")}
    for row in added:
        if row not in told:
            assert (row["arm"], row["time"], row["time_unit"]) == ("all", "0", "day")
            numbers = [row.get(c, "") for c in RESULT_NUMBERS if row.get(c, "")]
            given = [entry[row["study"]][c] for c in ENTRY[row["outcome"]]]
            assert numbers == [g for g in given if g]


def test_every_gathered_figure_at_entry_is_a_result_at_baseline_or_a_criterion():
    described = {row["study"]: row for row in ours("studies")}
    results = ours("results")
    for row in gathered("studies"):
        for outcome, columns in ENTRY.items():
            held = {
                result[column]
                for result in results
                if (result["study"], result["outcome"]) == (row["study_id"], outcome)
                and result["time"] == "0"
                for column in RESULT_NUMBERS
                if column in result
            }
            held |= set(re.findall(r"[\d.]+", described[row["study_id"]]["eligibility"]))
            assert {row[column] for column in columns if row[column]} <= held, row["study_id"]


def test_every_gathered_adverse_event_is_here_unchanged():
    standing = standings()
    theirs = Counter(
        (*(r[c] for c in EVENT_COLUMNS.values()), r["primary_or_secondary"])
        for r in gathered("adverse_events")
    )
    held = Counter(
        (*(r[c] for c in EVENT_COLUMNS), standing[r["source"]]) for r in ours("adverse_events")
    )
    assert theirs == held


def test_every_gathered_arm_is_here_unchanged():
    standing = standings()
    theirs = Counter(
        (*(r[c] for c in ARM_COLUMNS.values()), r["primary_or_secondary"]) for r in gathered("arms")
    )
    held = Counter(
        (*(r[c] for c in ARM_COLUMNS), standing[r["source"]])
        for r in ours("arms")
        if r["role"] != "period"
    )
    assert theirs == held


def test_every_gathered_study_is_here_with_its_numbers_and_identifiers(starter):
    standing = standings()
    held = {row["study"]: row for row in ours("studies")}
    reports = {s.key: {str(i) for r in s.reports for i in r.work} for s in starter.studies}
    for row in gathered("studies"):
        mine = held.pop(row["study_id"])
        assert {c: mine[c] for c in STUDY_NUMBERS} == {
            c: row[theirs] for c, theirs in STUDY_NUMBERS.items()
        }
        assert standing[mine["source"]] == row["primary_or_secondary"]
        named = {
            f"{scheme}:{row[column].lower() if scheme == 'doi' else row[column]}"
            for scheme, column in (("doi", "report_doi"), ("pmid", "pmid"), ("pmcid", "pmcid"))
            if row[column]
        }
        assert named <= reports[row["study_id"]]
    assert held == {}


def test_every_gathered_registration_is_here_with_its_numbers(starter):
    held = {row["number"]: row for row in ours("registrations")}
    linked = {(s.key, r.number) for s in starter.studies for r in s.registrations}
    for row in gathered("registrations"):
        mine = held.pop(row["registration_id"])
        assert mine["n"] == row["n_registered"]
        assert mine["listed_pmids"] == row["listed_pmids"]
        assert mine["sponsor"] == row["sponsor"]
        for date, given in ((mine["start"], row["start"]), (mine["completion"], row["completion"])):
            assert bool(date) == bool(given)
            assert given.endswith(date[:4])
        assert not row["study_id"] or (row["study_id"], row["registration_id"]) in linked
    assert held == {}
