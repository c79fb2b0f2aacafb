"""What follows from judgements, and what does not."""

from __future__ import annotations

import pytest

from kb.appraisal.judgement import Judgement, checked, completeness, overall, unanswered
from kb.appraisal.tool import Tool, find_tool
from kb.errors import InvalidInput


def judged(tool: Tool, *answers: str) -> list[Judgement]:
    return [Judgement(item=i.key, answer=a) for i, a in zip(tool.items, answers)]


ROB2 = find_tool("RoB 2", None)
ROBINS = find_tool("ROBINS-I", "2024")
MINORS = find_tool("MINORS", None)
NIH = find_tool("NIH before-after", None)


@pytest.mark.parametrize(
    ("answers", "follows"),
    [
        (["Low"] * 5, "Low"),
        (["Low"] * 4 + ["Some concerns"], "Some concerns"),
        (["High"] + ["Low"] * 4, "High"),
    ],
)
def test_rob_2_is_as_bad_as_its_worst_domain(answers: list[str], follows: str) -> None:
    found = overall(ROB2, judged(ROB2, *answers))
    assert (found.answer, found.basis) == (follows, "follows")


def test_an_assessor_may_judge_worse_than_the_domains_and_is_warned_if_better() -> None:
    some = judged(ROB2, *["Some concerns"] * 3, "Low", "Low")
    assert overall(ROB2, some, "high").answer == "High"
    assert overall(ROB2, some, "high").warning is None
    better = overall(ROB2, some, "low")
    assert (better.answer, better.basis) == ("Low", "stated")
    assert better.warning is not None


def test_nothing_follows_while_a_domain_is_open() -> None:
    four = judged(ROB2, *["Low"] * 4)
    assert unanswered(ROB2, four) == ("D5",)
    assert overall(ROB2, four).answer is None
    assert overall(ROB2, four, "High").answer == "High"


@pytest.mark.parametrize(
    ("answers", "follows"),
    [
        (["Moderate"] + ["Low"] * 6, "Moderate"),
        (["Moderate", "No information"] + ["Low"] * 5, "No information"),
        (["Serious", "No information"] + ["Low"] * 5, "Serious"),
        (["Critical"] + ["No information"] * 6, "Critical"),
    ],
)
def test_no_information_hides_nothing_serious(answers: list[str], follows: str) -> None:
    assert overall(ROBINS, judged(ROBINS, *answers)).answer == follows


def test_minors_is_summed_out_of_16_or_24() -> None:
    single = overall(MINORS, judged(MINORS, "2", "2", "2", "2", "0", "2", "1", "0"))
    assert (single.score, single.most, single.answer) == (11, 16, None)
    compared = overall(MINORS, judged(MINORS, *["2"] * 12))
    assert (compared.score, compared.most) == (24, 24)
    # Item 9 answered alone: it is a comparative study, and three answers are missing.
    partly = [*judged(MINORS, *["2"] * 8), Judgement(item="9", answer="1")]
    assert unanswered(MINORS, partly) == ("10", "11", "12")
    assert overall(MINORS, partly).score is None


def test_checklists_are_not_summed() -> None:
    found = overall(NIH, judged(NIH, *["Yes"] * 12))
    assert (found.score, found.answer) == (None, None)
    assert overall(NIH, judged(NIH, *["Yes"] * 12), "good").answer == "Good"


def test_judgements_come_out_in_the_order_and_spelling_of_the_tool() -> None:
    given = [Judgement(item="missing outcome data", answer="l", support=" none lost "),
             Judgement(item="d1", answer="high")]  # fmt: skip
    assert [(j.item, j.answer, j.support) for j in checked(ROB2, given)] == [
        ("D1", "High", None),
        ("D3", "Low", "none lost"),
    ]
    with pytest.raises(InvalidInput, match="twice"):
        checked(ROB2, [Judgement(item="D1", answer="Low"), Judgement(item="D1", answer="High")])
    with pytest.raises(InvalidInput, match="no item"):
        checked(ROB2, [Judgement(item="D9", answer="Low")])


def test_completeness_is_a_share_of_what_was_looked_at() -> None:
    isct = find_tool("ISCT", None)
    assert completeness(judged(isct, "Reported", "Unclear", "Absent")).share == 1 / 3
    assert completeness([]).share is None
