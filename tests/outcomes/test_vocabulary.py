"""The outcome vocabulary: codes, ranges and directions of benefit as data."""

from dataclasses import FrozenInstanceError

import pytest

import kb.starter
from kb.outcomes.vocabulary import load_caveats, load_vocabulary

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
