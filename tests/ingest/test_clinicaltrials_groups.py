"""Which registered arm a group of results is. A wrong arm turns effects round; none costs a row."""

from __future__ import annotations

import orjson
import pytest

from ingest.sources.clinicaltrials.groups import (
    Basis,
    Group,
    RegisteredArm,
    match_groups,
    standing_title,
)
from tests.conftest import shared

_INFUSION = "GD2 CAR modified Tri-virus CTL infusion"
_ROLES = {"E": "experimental", "C": "control", "": None}


def arms(*labelled: str) -> list[RegisteredArm]:
    """Arms written "E MSC | mesenchymal cells" as role, label and interventions."""
    found = []
    for text in labelled:
        head, _, interventions = text.partition(" | ")
        role, _, label = head.partition(" ")
        names = tuple(name.strip() for name in interventions.split(";") if name.strip())
        found.append(RegisteredArm(label, label, _ROLES[role], None, names))
    return found


def matched(titles: list[str], registered: list[RegisteredArm]) -> list[str | None]:
    (found,) = match_groups([[Group(title) for title in titles]], registered)
    return [None if match is None else match.arm for match in found]


@pytest.mark.parametrize(
    ("title", "label"),
    [
        pytest.param("Placebo", "1 Placebo", id="numbering"),
        pytest.param("2. Repaglinide", "Repaglinide", id="numbering with a point"),
        pytest.param("MSC", "Arm A: MSC", id="enumerated arm"),
        pytest.param("Group 1 - MSC", "MSC", id="enumerated group"),
        pytest.param("Arm A", "Arm A: MSC", id="the enumerator alone"),
        pytest.param("Patients Who Received Placebo", "Placebo", id="who received"),
        pytest.param("Participants receiving MSC", "MSC", id="receiving"),
        pytest.param("Subjects randomized to placebo", "Placebo", id="randomised to"),
        pytest.param("Control Group", "Controls", id="group and plural"),
        pytest.param("MSC treatment", "MSC group", id="standing words"),
        pytest.param("MSC 1 x 10^6/kg", "MSC 1 million / kg", id="one amount, two ways"),
        pytest.param("100 million MSCs", "100,000,000 MSC", id="an amount in full"),
    ],
)
def test_titles_are_one_without_what_does_not_tell(title, label):
    other = RegisteredArm("other", "Something else")
    assert matched([title], [RegisteredArm("own", label), other]) == ["own"]


@pytest.mark.parametrize(
    ("titles", "registered", "expected"),
    [
        pytest.param(
            ["MSC"], arms("E MSC 1 x 10^6/kg", "E MSC 1 x 10^7/kg"), [None],
            id="all doses of one product",
        ),
        pytest.param(
            ["MSC 10^6", "MSC 10^7"], arms("E MSC 10^7 cells", "E MSC 10^6 cells"), [None, None],
            id="doses, worded with a unit on one side",
        ),
        pytest.param(
            ["Low Dose MSC", "High Dose MSC"], arms("E MSC high dose", "E MSC low dose"),
            [None, None],
            id="words in another order are not one title",
        ),
        pytest.param(
            ["1 million cells/ml"], arms("E 10 million cells/ml", "E million cells/ml"), [None],
            id="a number that is an amount is no numbering",
        ),
        pytest.param(
            ["MSC, Then Placebo", "Placebo, Then MSC"],
            arms("E MSC | MSC", "C Placebo | placebo"), [None, None],
            id="sequences are neither arm",
        ),
        pytest.param(
            ["MSC", "Placebo"], arms("E MSC then placebo | MSC; placebo",
                                     "E Placebo then MSC | placebo; MSC"), [None, None],
            id="periods are neither sequence",
        ),
        pytest.param(
            ["Placebo"], arms("E Early MSC | MSC", "E Delayed MSC | placebo; MSC"), [None],
            id="a first period is not the delayed arm",
        ),
        pytest.param(
            ["Placebo", "MSC"],
            arms("C Cohort 1 Placebo", "E Cohort 1 MSC", "C Cohort 2 Placebo", "E Cohort 2 MSC"),
            [None, None],
            id="cohorts together",
        ),
        pytest.param(
            ["Cohort 1: Placebo", "Cohort 2: Placebo"],
            arms("C Cohort 2 Placebo", "C Cohort 1 Placebo"),
            ["Cohort 1 Placebo", "Cohort 2 Placebo"],
            id="cohorts apart",
        ),
        pytest.param(
            ["All MSC", "Placebo"], arms("E MSC", "C Placebo"), [None, "Placebo"],
            id="several groups together",
        ),
        pytest.param(
            ["Arm A: Placebo"], arms("C Arm B: Placebo", "E Arm A: MSC"), [None],
            id="enumerators that contradict the name",
        ),
        pytest.param(
            ["Placebo", "Placebo group"], arms("C 1 Placebo"), [None, None],
            id="two groups that would be one arm",
        ),
        pytest.param(
            ["Placebo", "Group: Placebo 2"], arms("C Placebo"), ["Placebo", None],
            id="the arm's own title comes first",
        ),
        pytest.param(
            ["Control", "Drug"], arms("E 1 | Drug X", "E 2 | Drug X"), [None, None],
            id="nothing in common",
        ),
        pytest.param(
            ["Placebo"], arms("E MSC | placebo"), [None],
            id="a control is not the arm with cells, whatever its interventions",
        ),
        pytest.param(
            ["MSC"], arms("C Placebo | MSC"), [None], id="cells are not the placebo",
        ),
        pytest.param(
            ["Treatment A"], arms("E Treatment B", "E Treatment C"), [None],
            id="letters tell treatments apart",
        ),
    ],
)  # fmt: skip
def test_what_is_not_surely_an_arm_is_none(titles, registered, expected):
    assert matched(titles, registered) == expected


@pytest.mark.parametrize(
    ("titles", "registered", "expected"),
    [
        pytest.param(
            ["MSC", "Placebo"], arms("E 1 | MSC", "C 2 | Placebo"), ["1", "2"],
            id="arms that are only numbered",
        ),
        pytest.param(
            ["MSC", "Standard care"], arms("E A | MSC; Standard care", "C B | Standard care"),
            ["A", "B"], id="what sets an arm apart",
        ),
        pytest.param(
            ["MSC + Standard care"], arms("E A | MSC; Standard care", "C B | Standard care"),
            ["A"], id="both by name",
        ),
        pytest.param(
            ["Placental MSC"], arms("E low | Placental MSC", "E high | Placental MSC"), [None],
            id="one product in two doses",
        ),
    ],
)  # fmt: skip
def test_a_title_that_names_what_one_arm_alone_received_is_that_arm(titles, registered, expected):
    assert matched(titles, registered) == expected


def test_lines_of_interventions_under_a_description_tell_the_arm():
    registered = [
        RegisteredArm("A", "A", "experimental", None, ("MSC", "saline")),
        RegisteredArm("B", "B", "control", None, ("saline",)),
    ]
    described = "Given once.\n\nMSC: a bag of cells\n\nsaline: to flush the line"
    flushed = "Given once.\n\nsaline: a bag"
    (found,) = match_groups([[Group("One", described), Group("Other", flushed)]], registered)
    assert [(m.arm, m.basis) for m in found if m] == [
        ("A", Basis.INTERVENTION),
        ("B", Basis.INTERVENTION),
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("Two infusions of cells a month apart. Given at home.", "A", id="begins so"),
        pytest.param("Saline, then two infusions of cells a month apart.", None, id="elsewhere"),
        pytest.param("Two infusions of cells", None, id="only a part of it"),
    ],
)
def test_a_description_is_an_arms_where_it_begins_with_all_of_it(said, expected):
    registered = [
        RegisteredArm("A", "A", "experimental", "Two infusions of cells a month apart."),
        RegisteredArm("B", "B", "control", "Saline."),
    ]
    ((match,),) = match_groups([[Group("Product", said)]], registered)
    assert (match and match.arm) == expected


def test_one_arm_and_one_group_are_taken_for_each_other():
    (match, _) = match_groups([[Group("BMSC"), Group("Total")]], arms("E 1"))[0]
    assert match is not None
    assert match.basis is Basis.ONLY_ONE


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("MSC 10^7/kg", id="another amount"),
        pytest.param("Placebo", id="a control"),
        pytest.param("MSC then surgery", id="a sequence"),
    ],
)
def test_one_arm_and_one_group_that_contradict_each_other_are_two(title):
    assert matched([title], arms("E MSC 10^6/kg")) == [None]


def test_what_one_module_says_of_a_title_holds_in_the_others():
    registered = [RegisteredArm("A", "A", None, None, ("MSC",)), RegisteredArm("B", "B")]
    modules = [[Group("Cell group X", "x\nMSC: cells")], [Group("Cell group X")]]
    assert [m and m.arm for (m,) in match_groups(modules, registered)] == ["A", "A"]


def test_a_title_that_two_modules_give_to_two_arms_has_neither():
    registered = [
        RegisteredArm("A", "A", None, None, ("MSC",)),
        RegisteredArm("B", "B", None, None, ("saline",)),
    ]
    modules = [[Group("First group X", "MSC: cells")], [Group("First group X", "saline: a bag")]]
    assert match_groups(modules, registered) == [[None], [None]]


def test_titles_of_groups_without_an_arm_are_one_without_standing_words():
    assert standing_title("Patients who received MSC") == standing_title("MSC group")
    assert standing_title("MSC") != standing_title("MSC then placebo")


def test_in_recorded_entries_no_group_is_taken_for_the_wrong_arm():
    # Read by hand from 25 entries of MSC trials: the titles that are no arm's own, and their arm.
    expected = {
        ("NCT00629018", "Control Group"): "Controls",
        ("NCT02379442", "BMSC"): "1",
        ("NCT02467387", "Experimental: Human (itMSC)"): "Experimental: Human (aMBMC)",
        ("NCT02652130", "Remestemcel-L"): "Safety population",
        ("NCT01460901", "GD2 CAR Modified Tri-virus CTL"): _INFUSION,
        ("NCT01460901", "Treatment"): _INFUSION,
    }
    path = shared("payloads/clinicaltrials_gov/legacy_v1_fields_msc_trials_with_results_2022.json")
    roles = {"Experimental": "experimental", "Placebo Comparator": "control",
             "Sham Comparator": "control", "No Intervention": "control"}  # fmt: skip
    found = {}
    for entry in orjson.loads(path.read_bytes()):
        labels = entry.get("ArmGroupLabel", [])
        texts = entry.get("ArmGroupDescription", [])
        names = [n.partition(": ")[2] for n in entry.get("ArmGroupInterventionName", [])]
        types = entry.get("ArmGroupType", [])
        registered = [
            RegisteredArm(
                label, label, roles.get(types[n]),
                texts[n] if len(texts) == len(labels) else None,
                (names[n],) if len(names) == len(labels) else (),
            )
            for n, label in enumerate(labels)
        ]  # fmt: skip
        modules = []
        for name in ("Flow", "Baseline", "Event", "Outcome"):
            titles = entry.get(f"{name}GroupTitle", [])
            texts = entry.get(f"{name}GroupDescription", [])
            described = texts if len(texts) == len(titles) else [None] * len(titles)
            modules.append(
                [Group(title, said) for title, said in dict(zip(titles, described)).items()]
            )
        for groups, matches in zip(modules, match_groups(modules, registered)):
            for group, match in zip(groups, matches):
                if match is not None and match.basis is not Basis.SAME_TITLE:
                    found[entry["NCTId"][0], group.title] = match.arm
    assert found == expected
