"""What the label of a group says, and what it does not."""

from __future__ import annotations

import pytest

from kb.outcomes.arm_labels import (
    cohort_of,
    names_cells,
    names_control,
    names_sequence,
    names_several_groups,
)


@pytest.mark.parametrize(
    "label",
    [
        "Placebo", "1 Placebo", "Placebo qw", "PLACEBO", "Patients Who Received Placebo",
        "Placebo-Control", "Matching placebo infusion", "Sham procedure", "Sham harvest",
        "Control", "Control Group", "Controls", "Arm B: Control", "Active Control",
        "Control (hyaluronic acid)", "Standard of Care", "Standard medical therapy", "Usual care",
        "Best supportive care", "Placebo + standard of care", "No treatment", "No intervention",
        "Untreated", "Observation", "Observation only", "Vehicle", "Vehicle control",
        "Normal saline", "Saline", "Conventional treatment", "Conventional Root Canal Treatment",
        "Placebo:Lactated Ringer's Solution (LRS)", "Phosphate-buffered saline", "Wait list",
        "Placebo (no cells)", "Cell-free placebo", "Patients receiving no cell therapy",
        "Saline injection without stem cells", "Enhanced usual care", "Placebo for MSC",
        "Treatment as usual", "Group 2 - placebo",
    ],
)  # fmt: skip
def test_a_label_of_a_control_says_so(label):
    assert names_control(label)


@pytest.mark.parametrize(
    "label",
    [
        "MSC", "MSC 1 x 10^6/kg", "remestemcel-L", "MSC + placebo", "MSC plus standard of care",
        "Standard of care with MSC", "MSCs in saline", "Conventional therapy + UC-MSC",
        "Drug A + placebo", "Drug A with standard care", "Placebo then MSC", "MSC, Then Placebo",
        "Placebo/MSC", "Placebo first", "Early Placebo to MSC", "Placebo followed by treatment",
        "Glycemic control", "Pain control device", "Healthy controls", "Historical controls",
        "Conventional dose", "Standard dose", "High dose", "Group A", "1", "Treatment", "",
        "Controlled release tablets", "Repaglinide", "Hyaluronic acid", "All participants",
        "Saline-washed mesenchymal stromal cells", "Darvadstrocel", "Placebo crossover",
    ],
)  # fmt: skip
def test_a_label_that_leaves_doubt_is_not_called_a_control(label):
    assert not names_control(label)


@pytest.mark.parametrize(
    ("label", "is_cells"),
    [
        pytest.param("hUC-MSC", True, id="source before it"),
        pytest.param("10 million cells/ml of ALLO-ASC", True, id="dose"),
        pytest.param("Remestemcel-L", True, id="nonproprietary name"),
        pytest.param("no stem cells", False, id="denied"),
        pytest.param("cell-free vehicle", False, id="free of them"),
        pytest.param("Excel sheet", False, id="the ending in another word"),
        pytest.param("Methylprednisolone", False, id="medicine"),
    ],
)
def test_cells_are_named_where_they_were_given(label, is_cells):
    assert names_cells(label) is is_cells


@pytest.mark.parametrize(
    "label", ["MSC then placebo", "Placebo → MSC", "Cross-over arm", "Delayed treatment"]
)
def test_a_sequence_is_told(label):
    assert names_sequence(label)


def test_groups_taken_together_are_told():
    assert names_several_groups("MSC, all doses")
    assert names_several_groups("Pooled Placebo")
    assert not names_several_groups("Placebo")


@pytest.mark.parametrize(
    ("label", "cohort"),
    [
        pytest.param("Cohort 1: Placebo", "cohort 1", id="number"),
        pytest.param("Placebo (Part B)", "part b", id="letter"),
        pytest.param("Cohort 1 and cohort 2, placebo", None, id="two"),
        pytest.param("Placebo", None, id="none"),
        pytest.param("part of the lesion", None, id="another sense"),
    ],
)
def test_a_cohort_is_the_one_that_is_named(label, cohort):
    assert cohort_of(label) == cohort
