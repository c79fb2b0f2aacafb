"""The outcome vocabulary: codes, ranges and directions of benefit as data."""

import re
import shutil
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

import kb.starter
from kb.identity.identifiers import normalize_doi, normalize_pmid
from kb.models.evidence import Statistic
from kb.outcomes import vocabulary
from kb.outcomes.matching import match_outcome
from kb.outcomes.vocabulary import (
    Counts,
    load_caveats,
    load_vocabulary,
    load_works,
    read_vocabulary,
)
from tests.conftest import shared

# The outcomes by which trials of MSC in multiple sclerosis are read.
EXPECTED = {
    "disability": "EDSS EDSS_FS EDSS_CAT CDP12 CDP24 CCDP CDI NEDA3 MSFC AI SNRS",
    "relapses": "RELAPSE_N ARR RELAPSE_FREE",
    "function": "T25FW 9HPT SDMT PASAT3 6MWT 2MWT TUG MSWS12",
    "as reported by patients": "MSIS29_PHYS MSIS29_PSY FSS MFIS MFIS5 FSMC MSQOL54 SF36 "
    "EQ5D_INDEX EQ5D_VAS HADS BDI2",
    "imaging": "GD_N GD_VOL T2_VOL T1_VOL T2_NEW CUA PBVC MTR DTI",
    "eye": "RNFL GCIPL MV VA LCLA VEP_LAT",
    "laboratory": "NFL_S NFL_CSF TREG TH17 B_REG CYTOKINE MIRNA",
    "safety": "AE_ANY AE_SERIOUS AE_RELATED AE_FEVER AE_HEADACHE AE_INFUSION AE_INFECTION "
    "AE_THROMBO AE_MENINGEAL AE_MALIG AE_ECTOPIC DEATH TRM",
    "feasibility": "FEAS_HARVEST FEAS_EXPANSION FEAS_DROPOUT FEAS_COMPLETED",
}


@pytest.mark.parametrize("field", EXPECTED)
def test_the_codes_of_the_field_are_there(field):
    assert set(EXPECTED[field].split()) - set(load_vocabulary()) == set()


def test_the_disability_scale_runs_from_0_to_10_in_halves_and_lower_is_better():
    edss = load_vocabulary()["EDSS"]
    assert (edss.low, edss.high, edss.step, edss.better) == (0, 10, 0.5, "lower")


@pytest.mark.parametrize(
    ("code", "better"),
    [("T25FW", "lower"), ("SDMT", "higher"), ("PBVC", "higher"), ("T2_NEW", "lower"),
     ("FEAS_COMPLETED", "higher"), ("FEAS_DROPOUT", "lower"), ("DEATH", "lower")],
)  # fmt: skip
def test_the_direction_of_benefit_lives_in_the_definition(code, better):
    assert load_vocabulary()[code].better == better


@pytest.mark.parametrize("code", ["TREG", "MIRNA", "EDSS_CAT", "DEMO_AGE"])
def test_where_benefit_depends_on_context_no_direction_is_claimed(code):
    assert load_vocabulary()[code].better is None


def test_an_unbounded_scale_has_no_made_up_end():
    assert load_vocabulary()["MSFC"].low is None
    assert load_vocabulary()["NFL_S"].high is None


def test_every_definition_is_named_versioned_and_has_its_ends_in_order():
    for code, definition in load_vocabulary().items():
        assert definition.code == code
        assert definition.name
        assert definition.version
        if definition.low is not None and definition.high is not None:
            assert definition.low < definition.high, code


def test_a_definition_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        load_vocabulary()["EDSS"].better = "higher"  # type: ignore[misc]
    with pytest.raises(TypeError):
        load_vocabulary()["EDSS"] = load_vocabulary()["AI"]  # type: ignore[index]


def test_the_starter_evidence_uses_codes_of_the_vocabulary_only():
    studies = kb.starter.read().studies
    used = {r.outcome_code for s in studies for r in s.results}
    used |= {e.code for s in studies for e in s.adverse_events}
    assert used - set(load_vocabulary()) == set()


def test_a_caveat_is_explained_in_one_line():
    for code, explanation in load_caveats().items():
        assert code.isidentifier()
        assert explanation.endswith(".")
        assert "\n" not in explanation


# -- ranges, versions, thresholds ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "low", "high", "better"),
    [
        ("MSIS29_PHYS_V1", 20, 100, "lower"),
        ("MSIS29_PHYS_V2", 20, 80, "lower"),
        ("MSIS29_PSY_V1", 9, 45, "lower"),
        ("MSIS29_PSY_V2", 9, 36, "lower"),
        ("MSIS29_PHYS_100", 0, 100, "lower"),
        ("MSWS12_RAW", 12, 60, "lower"),
        ("MSWS12_100", 0, 100, "lower"),
        ("FSS_MEAN", 1, 7, "lower"),
        ("FSS_SUM", 9, 63, "lower"),
        ("T25FW_SPEED", 0, None, "higher"),
        ("9HPT_SPEED", 0, None, "higher"),
        ("MFIS", 0, 84, "lower"),
        ("MFIS5", 0, 20, "lower"),
        ("SDMT", 0, 110, "higher"),
        ("PASAT3", 0, 60, "higher"),
        ("AI", 0, 9, "lower"),
    ],
)
def test_the_version_or_unit_decides_the_range_and_the_direction(code, low, high, better):
    definition = load_vocabulary()[code]
    assert (definition.low, definition.high, definition.better) == (low, high, better)


@pytest.mark.parametrize("code", ["MSIS29_PHYS", "MSWS12", "FSS"])
def test_where_the_version_is_not_said_no_range_is_claimed(code):
    variants = [d for d in load_vocabulary().values() if d.variant_of == code]
    assert load_vocabulary()[code].high is None
    assert len(variants) >= 2
    assert all(variant.high is not None for variant in variants)


def test_the_disability_scale_never_gives_a_half():
    assert load_vocabulary()["EDSS"].unused == (0.5,)


def test_lesions_as_total_as_mean_and_as_persons_are_three_outcomes():
    variants = {d.code: d.statistics for d in load_vocabulary().values() if d.variant_of == "GD_N"}
    assert variants == {
        "GD_TOTAL": (Counts.EVENTS,),
        "GD_MEAN": (Counts.SCORE,),
        "GD_PERSONS": (Counts.PERSONS,),
    }


@pytest.mark.parametrize(
    ("code", "statistic", "may"),
    [
        pytest.param("EDSS", Statistic.CHANGE, True, id="a score changes"),
        pytest.param("NEDA3", Statistic.PERSON_COUNT, True, id="persons are counted"),
        pytest.param("NEDA3", Statistic.CHANGE, False, id="a state has no change"),
        pytest.param("RELAPSE_N", Statistic.PERSON_COUNT, False, id="relapses are no persons"),
        pytest.param("AE_ANY", Statistic.EVENT_COUNT, True, id="events and persons apart"),
        pytest.param("CDP12", Statistic.TIME_TO_EVENT, True, id="time to progression"),
        pytest.param("NEDA3", Statistic.AS_REGISTERED, True, id="what a registry leaves open"),
    ],
)
def test_an_outcome_permits_some_kinds_of_numbers(code, statistic, may):
    assert load_vocabulary()[code].permits(statistic) is may


def test_the_starter_evidence_counts_as_its_definitions_permit():
    known = load_vocabulary()
    for study in kb.starter.read().studies:
        for result in study.results:
            if result.statistic and result.outcome_code and result.outcome_code in known:
                definition = known[result.outcome_code]
                assert definition.permits(result.statistic), (study.key, result.key)


def applying(code: str, side: str, baseline: float) -> list[float]:
    thresholds = load_vocabulary()[code].thresholds
    return [t.change for t in thresholds if t.side == side and t.applies_to(baseline)]


@pytest.mark.parametrize(
    ("baseline", "changes"),
    [(0, [1.0, 1.5]), (3.0, [1.0]), (5.5, [1.0]), (6.0, [0.5]), (6.5, [0.5])],
)
def test_the_change_that_counts_as_worse_depends_on_the_baseline(baseline, changes):
    assert applying("EDSS", "worsened", baseline) == changes


@pytest.mark.parametrize(
    ("code", "change", "unit"),
    [("T25FW", 20, "%"), ("9HPT", 20, "%"), ("SDMT", 4, "points"), ("SDMT", 10, "%"),
     ("MSWS12", 8, "points"), ("6MWT", 20, "%")],
)  # fmt: skip
def test_a_threshold_is_a_number_with_a_unit(code, change, unit):
    found = {(t.change, t.unit) for t in load_vocabulary()[code].thresholds}
    assert (change, unit) in found


def test_progression_is_confirmed_after_12_or_24_weeks():
    known = load_vocabulary()
    assert {t.confirmed_weeks for t in known["CDP12"].thresholds} == {(12.0,)}
    assert {t.confirmed_weeks for t in known["CDP24"].thresholds} == {(24.0,)}


def test_every_fact_says_where_it_was_seen_or_that_it_was_not():
    for code, definition in load_vocabulary().items():
        assert definition.sources, code
        if definition.sources == (vocabulary.GENERAL_KNOWLEDGE,):
            assert definition.unconfirmed, code
        for threshold in definition.thresholds:
            assert threshold.source, code
            if threshold.source == vocabulary.GENERAL_KNOWLEDGE:
                assert threshold.unconfirmed, code


def test_the_work_that_defines_an_instrument_is_named_by_what_was_verified():
    works = load_works()
    assert load_vocabulary()["EDSS"].works == ("kurtzke-1983",)
    assert works["kurtzke-1983"].pmid == "6685237"
    for work in works.values():
        assert work.doi is None or normalize_doi(work.doi) == work.doi
        assert work.pmid is None or normalize_pmid(work.pmid) == work.pmid
    used = {key for definition in load_vocabulary().values() for key in definition.works}
    assert used == set(works)


# Codes that reviews write in another way, and families of codes.
NAMED_OTHERWISE = {
    "cCDP": "CCDP", "PSY": "MSIS29_PSY", "MFIS-5": "MFIS5", "EQ5D": "EQ5D_INDEX",
    "NFL_CSF": "NFL_CSF", "CYTOKINE_*": "CYTOKINE", "MIRNA_*": "MIRNA", "FEAS_*": "FEAS_COMPLETED",
}  # fmt: skip


def outcomes_of_the_domain_reference():
    text = shared("domain.md").read_text(encoding="utf-8")
    section = text[text.index("## 5. Outcome vocabulary") :]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and not set(cells[0]) <= {"-"}:
            yield cells[0], cells[3]


def test_every_outcome_of_the_domain_reference_is_defined_with_its_direction():
    rows = [row for row in outcomes_of_the_domain_reference() if row[0] != "code"]
    assert len(rows) > 40
    for cell, better in rows:
        for name in re.split(r",| / ", cell):
            code = NAMED_OTHERWISE.get(name.strip(), name.strip())
            definition = load_vocabulary()[code]
            if better in ("lower", "higher") and "/" not in better:
                assert definition.better == better, code


# -- another condition ---------------------------------------------------------------------------

_HEADER = (
    "code,name,unit,low,high,step,unused,better,statistics,variant_of,instrument_version,"
    "conditions,synonyms,concepts,works,source,unconfirmed,notes,version\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A copy of the tables, in use for the test."""
    for name in ("vocabulary", "thresholds"):
        shutil.copytree(Path(str(vocabulary.FOLDER / name)), tmp_path / name)
    shutil.copy(Path(str(vocabulary.FOLDER / "works.csv")), tmp_path)
    monkeypatch.setattr(vocabulary, "FOLDER", tmp_path)
    load_vocabulary.cache_clear()
    yield tmp_path
    load_vocabulary.cache_clear()


def test_adding_a_condition_is_adding_a_file(folder: Path):
    (folder / "vocabulary" / "parkinson.csv").write_text(
        _HEADER + "MDS_UPDRS_3,MDS-UPDRS part III,score,0,132,1,,lower,score|persons,,,"
        "Parkinson,MDS-UPDRS motor|UPDRS III,,,general knowledge,high,,1\n"
    )
    (folder / "thresholds" / "parkinson.csv").write_text(
        "code,side,change,unit,baseline_low,baseline_high,confirmed_weeks,source,unconfirmed,notes\n"
        "MDS_UPDRS_3,improved,3.25,points,,,,general knowledge,all,\n"
    )
    definition = load_vocabulary()["MDS_UPDRS_3"]
    assert (definition.high, definition.better, definition.field) == (132, "lower", "parkinson")
    assert definition.thresholds[0].change == 3.25
    (match,) = match_outcome("Change in UPDRS III", condition="Parkinson's disease")
    assert match.code == "MDS_UPDRS_3"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("EDSS,again,,,,,,,,,,,,,,,,,1", "defined twice", id="code taken"),
        pytest.param("X,x,,,,,,better,,,,,,,,,,,1", "better", id="no direction"),
        pytest.param("X,x,,,,,,lower,people,,,,,,,,,,1", "people", id="no statistic"),
        pytest.param("X,x,,,,,,lower,,NONE,,,,,,,,,1", "NONE", id="variant of nothing"),
    ],
)
def test_a_table_with_a_mistake_is_refused_by_name(folder: Path, row: str, message: str):
    (folder / "vocabulary" / "zz.csv").write_text(_HEADER + row + "\n")
    with pytest.raises(ValueError, match=message):
        read_vocabulary(folder)


def test_a_wording_is_written_once_in_each_definition():
    for code, definition in load_vocabulary().items():
        folded = [synonym.casefold() for synonym in definition.synonyms]
        assert len(folded) == len(set(folded)), code
