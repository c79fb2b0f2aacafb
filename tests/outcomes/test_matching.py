"""What an outcome's name may mean: suggestions with a confidence, and silence where none is due."""

import ast
import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.models.evidence import Category
from kb.outcomes.matching import LEAST, match_outcome
from kb.outcomes.vocabulary import load_vocabulary
from tests.conftest import shared


def best(name, **more):
    found = match_outcome(name, **more)
    return found[0].code if found else None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("EDSS", "EDSS", id="code"),
        pytest.param("Expanded Disability Status Scale (EDSS)", "EDSS", id="name and acronym"),
        pytest.param("Change from baseline in EDSS score at week 48", "EDSS", id="framed"),
        pytest.param("Expanded Disablity Status Scale", "EDSS", id="misspelt"),
        pytest.param("Retinal nerve fibre layer thickness", "RNFL", id="British"),
        pytest.param("Retinal nerve fiber layer thickness", "RNFL", id="American"),
        pytest.param("Annualized Relapse Rate (ARR)", "ARR", id="longest wording wins"),
        pytest.param("Serious adverse events", "AE_SERIOUS", id="not any adverse event"),
        pytest.param("Modified Fatigue Impact Scale, 5 items", "MFIS5", id="short form"),
        pytest.param("9-HPT", "9HPT", id="hyphen in the acronym"),
        pytest.param("25-foot walk test", "T25FW", id="numbers in words"),
        pytest.param("Number of GELs at week 24", "GD_N", id="plural acronym"),
        pytest.param("FSS total score", "FSS_SUM", id="way of scoring"),
        pytest.param("Freedom from relapse", "RELAPSE_FREE", id="a complement of its own"),
    ],
)
def test_a_name_in_another_wording_is_recognised(name, code):
    assert best(name) == code


@pytest.mark.parametrize(
    "name",
    [
        "Fatigue Impact Scale",
        "Fatigue Assessment Scale",
        "Multidimensional Fatigue Inventory",
        "Functional Assessment of Chronic Illness Therapy - Fatigue",
        "Beck Anxiety Inventory",
        "Modified Ashworth Scale",
        "Modified Barthel Index",
        "10-metre walk test",
        "6-minute step test",
        "Number of active lesions",
        "Clinical Disease Activity Index (CDAI)",
        "Glasgow Coma Scale (GCS)",
        "artificial intelligence (AI) score",
        "Quality of life",
        "Safety",
        "Efficacy",
        "VAS",
        "Cost of relapses",
        "",
        "   ",
        "()",
    ],
)
def test_another_scale_is_not_taken_for_one_like_it(name):
    assert match_outcome(name) == []


@pytest.mark.parametrize(
    ("name", "category"),
    [
        pytest.param("No new T2 lesions", Category.COMPLEMENT, id="no"),
        pytest.param("Patients without new T2 lesions", Category.COMPLEMENT, id="without"),
        pytest.param("Absence of new T2 lesions", Category.COMPLEMENT, id="absence"),
        pytest.param("New T2 lesions", None, id="the event itself"),
        pytest.param("Number of patients with improved SDMT", Category.IMPROVED, id="improved"),
        pytest.param("Number of patients with stable SDMT", Category.STABLE, id="stable"),
    ],
)
def test_the_side_that_is_counted_is_suggested_with_the_outcome(name, category):
    assert match_outcome(name)[0].category is category


def test_a_word_that_turns_the_outcome_lowers_the_confidence_and_is_named():
    (turned,) = match_outcome("Absence of new T2 lesions")
    (plain,) = match_outcome("New T2 lesions")
    assert turned.confidence < plain.confidence
    assert "turns it round" in turned.basis


@pytest.mark.parametrize(
    "name", ["EDSS, T25FW and 9HPT", "Composite of EDSS and nine-hole peg test"]
)
def test_a_name_of_several_outcomes_is_sure_of_none(name):
    found = match_outcome(name)
    assert found
    assert all(m.confidence < 0.6 and "beside it" in m.basis for m in found)


def test_a_version_with_another_number_is_no_sure_match():
    (match,) = match_outcome("PASAT-2")
    assert match.confidence < 0.6


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        pytest.param("Timed 25-foot walk", {"unit": "feet/second"}, "T25FW_SPEED", id="unit"),
        pytest.param("Fatigue Severity Scale", {"description": "range 9 to 63"}, "FSS_SUM",
                     id="range"),
        pytest.param("MSIS-29 physical", {"description": "scored 20-80"}, "MSIS29_PHYS_V2",
                     id="range of a version"),
        pytest.param("Gadolinium-enhancing lesions", {"unit": "Participants"}, "GD_PERSONS",
                     id="persons"),
        pytest.param("GCS", {"condition": "Heart Failure"}, "GCS", id="condition"),
        pytest.param("GCS", {"condition": "Traumatic brain injury"}, None,
                     id="another condition"),
        pytest.param("Efficacy", {"description": "EDSS"}, "EDSS", id="said in the description"),
    ],
)  # fmt: skip
def test_unit_range_and_condition_tell_like_names_apart(name, more, code):
    assert best(name, **more) == code


def test_what_only_the_description_says_is_less_sure():
    (named,) = match_outcome("EDSS")
    (described,) = match_outcome("Efficacy", description="EDSS")
    assert described.confidence < named.confidence
    assert described.basis.startswith("in the description")


def test_a_match_says_what_it_rests_on():
    (match,) = match_outcome("Change in EDSS at 12 months")
    assert match.matched_text == "EDSS"
    assert "EDSS" in match.basis


@given(st.text(max_size=300), st.none() | st.text(max_size=50))
def test_any_text_gives_known_codes_with_a_confidence_and_a_reason(text, unit):
    found = match_outcome(text, unit=unit)
    assert all(m.code in load_vocabulary() for m in found)
    assert all(LEAST <= m.confidence < 1 and m.basis for m in found)
    assert [m.confidence for m in found] == sorted((m.confidence for m in found), reverse=True)


@pytest.mark.parametrize("code", sorted(load_vocabulary()))
def test_every_definition_is_found_by_its_own_name(code):
    definition = load_vocabulary()[code]
    condition = definition.conditions[0] if definition.conditions else None
    assert code in [m.code for m in match_outcome(definition.name, condition=condition)]


# -- on names labelled by hand -------------------------------------------------------------------

_FILES = (
    "legacy_v1_fields_msc_ms_trials_2022.json",
    "legacy_v1_fields_msc_trials_with_results_2022.json",
)


def listed(value):
    """The capture holds long lists as their printed form."""
    if isinstance(value, str):
        try:
            return list(ast.literal_eval(value))
        except (SyntaxError, ValueError):
            return [value]
    return value or []


def labelled():
    """(name, condition, right codes) of each labelled outcome of the recorded registry entries."""
    trials = {}
    for file in _FILES:
        for trial in json.loads(shared(f"payloads/clinicaltrials_gov/{file}").read_text()):
            trials[listed(trial["NCTId"])[0]] = trial
    labels = Path(__file__).with_name("labelled_outcomes.csv")
    with labels.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            trial = trials[row["trial"]]
            names = listed(trial[f"{row['list'].capitalize()}OutcomeMeasure"])
            condition = ", ".join(listed(trial["Condition"]))
            yield names[int(row["position"]) - 1], condition, set(row["codes"].split("|")) - {""}


def test_the_confidence_holds_what_it_promises_on_labelled_names():
    """The share right in each band; docs/vocabulary.md tells these figures to users."""
    right: Counter[str] = Counter()
    given_: Counter[str] = Counter()
    found = with_code = 0
    for name, condition, codes in labelled():
        with_code += bool(codes)
        for match in match_outcome(name, condition=condition)[:1]:
            band = "0.8" if match.confidence >= 0.8 else "0.6" if match.confidence >= 0.6 else "0.4"
            given_[band] += 1
            right[band] += match.code in codes
            found += match.code in codes
    assert given_["0.8"] > 60
    assert right["0.8"] / given_["0.8"] >= 0.98
    assert right["0.6"] / given_["0.6"] >= 0.85
    assert right["0.4"] / given_["0.4"] >= 0.8
    assert found / with_code >= 0.85
