"""Tools as data: versions that differ, answers in any spelling, nothing made up."""

from __future__ import annotations

import pytest

from kb.appraisal.tool import ToolKind, find_tool, load_tools
from kb.errors import InvalidInput


def test_every_tool_has_items_and_a_source() -> None:
    for tool in load_tools():
        assert tool.items, tool.name
        assert tool.source, tool.name
        assert len({item.key for item in tool.items}) == len(tool.items)


def test_robins_i_of_2024_exchanged_two_domains() -> None:
    old, new = find_tool("ROBINS-I", "2016"), find_tool("ROBINS-I", "2024")
    titles = [[item.title for item in tool.items] for tool in (old, new)]
    assert titles[0][1:3] == ["Selection of participants", "Classification of interventions"]
    assert titles[1][1:3] == titles[0][2:0:-1]
    assert titles[0][3:] == titles[1][3:]


@pytest.mark.parametrize(
    ("name", "items"),
    [("rob2", 5), ("MINORS", 12), ("JBI case series", 10), ("NIH before-after", 12)],
)
def test_a_tool_of_one_version_needs_none(name: str, items: int) -> None:
    assert len(find_tool(name, None).items) == items


def test_minors_asks_eight_items_of_a_study_without_comparator() -> None:
    assert len(find_tool("MINORS", None).items_for(is_comparative=False)) == 8


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("ROBINS-I", None, "which version"),
        ("ROBINS-I", "2020", "2016, 2024"),
        ("Jadad", None, "known: RoB 2"),
    ],
)
def test_a_tool_that_is_not_known_is_said_to_be(name: str, version: str | None, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        find_tool(name, version)


@pytest.mark.parametrize(
    ("written", "answer"),
    [("low", "Low"), ("LOW RISK", "Low"), (" some  concerns ", "Some concerns"), ("H", "High")],
)
def test_answers_are_read_in_any_spelling(written: str, answer: str) -> None:
    assert find_tool("RoB 2", None).answer(written) == answer


def test_the_answer_of_another_tool_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Some concerns"):
        find_tool("RoB 2", None).answer("Serious")
    with pytest.raises(InvalidInput, match="no overall"):
        find_tool("MINORS", None).overall_judgement("High")


def test_reporting_tools_tell_what_a_paper_tells() -> None:
    kinds = {t.name for t in load_tools() if t.kind is ToolKind.REPORTING}
    assert kinds == {"DOSES", "ISCT"}
