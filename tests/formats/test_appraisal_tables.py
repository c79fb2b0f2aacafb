"""Tables of appraisals: every mistake named, robvis read and written."""

from __future__ import annotations

import pytest

from kb.appraisal.tool import find_tool
from kb.errors import InvalidInput
from kb.formats.appraisal_tables import RobvisRow, read_appraisals, write_robvis
from kb.pictures.rob import read_robvis

LONG = """study,tool,version,assessor,item,answer,support
S_A,RoB 2,2019,anna,D1,Low,computer generated
S_A,RoB 2,2019,anna,D2,some concerns,
S_A,RoB 2,2019,anna,Overall,High,two losses
S_B,MINORS,,anna,1,2,
"""
ROBVIS = """Study,D1,D2,D3,D4,D5,Overall,Weight
A,Low,High,Low,Low,Low,High,40.5
B,Low,,Low,Low,Low,,59.5
"""


def test_the_long_table_is_one_appraisal_per_study_tool_and_assessor() -> None:
    table = read_appraisals(LONG.encode())
    assert table.errors == []
    first, second = table.claims
    assert (first.study, first.tool.name, first.overall) == ("S_A", "RoB 2", "High")
    assert first.overall_support == "two losses"
    assert [(j.item, j.answer, j.support) for j in first.judgements] == [
        ("D1", "Low", "computer generated"), ("D2", "Some concerns", None),
    ]  # fmt: skip
    assert second.tool.name == "MINORS"


def test_the_table_of_robvis_says_neither_tool_nor_assessor() -> None:
    table = read_appraisals(ROBVIS.encode(), tool="RoB 2", assessor="anna")
    assert [(c.study, c.overall, len(c.judgements)) for c in table.claims] == [
        ("A", "High", 5),
        ("B", None, 4),
    ]
    with pytest.raises(InvalidInput, match="which tool"):
        read_appraisals(ROBVIS.encode(), assessor="anna")
    with pytest.raises(InvalidInput, match="who judged"):
        read_appraisals(ROBVIS.encode(), tool="RoB 2")
    with pytest.raises(InvalidInput, match="5 domains"):
        read_appraisals(ROBVIS.encode(), tool="ROBINS-I", version="2016", assessor="anna")


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("S_A,Jadad,,anna,D1,Low,", "tool", "known: RoB 2"),
        ("S_A,ROBINS-I,,anna,D1,Low,", "version", "which version"),
        ("S_A,RoB 2,2019,anna,D9,Low,", "item", "no item"),
        ("S_A,RoB 2,2019,anna,D3,Serious,", "answer", "expected Low"),
        ("S_B,RoB 2,2019,anna,Overall,fine,", "answer", "expected Low"),
        (",RoB 2,2019,anna,D1,Low,", "study", "empty"),
        ("S_A,RoB 2,2019,anna,D1,,", "answer", "empty"),
        ("S_A,RoB 2,2019,anna,D1,Low,,,,,", "row", "more cells"),
    ],
)
def test_a_mistake_is_named_with_line_and_column(row: str, column: str, said: str) -> None:
    table = read_appraisals((LONG + row + "\n").encode())
    (error,) = table.errors
    assert (error.line, error.column) == (6, column)
    assert said in error.message


def test_an_item_answered_twice_is_a_mistake() -> None:
    table = read_appraisals((LONG + "S_A,RoB 2,2019,anna,Randomisation process,High,\n").encode())
    assert "twice" in str(table.errors[0])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"a,b\n1,2\n", id="other columns"),
        pytest.param(b"study,item,answer,colour\nA,D1,Low,red\n", id="unknown column"),
        pytest.param(b'study,item,answer\n"A,D1,Low\n', id="open quote"),
    ],
)
def test_what_is_no_such_table_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_appraisals(body)


def test_what_robvis_reads_is_read_back() -> None:
    tool = find_tool("RoB 2", None)
    rows = [
        RobvisRow(
            study='A "quoted", 2019', answers=("Low", None, "High", "Low", "Low"), overall="High"
        ),
        RobvisRow(study="B", answers=("Low",) * 5, overall=None, weight=59.5),
    ]
    text = write_robvis(tool, rows)
    assert text.splitlines()[0] == "Study,D1,D2,D3,D4,D5,Overall,Weight"
    claims = read_appraisals(text.encode(), tool="RoB 2", assessor="anna").claims
    assert [c.study for c in claims] == ['A "quoted", 2019', "B"]
    assert [j.item for j in claims[0].judgements] == ["D1", "D3", "D4", "D5"]


@pytest.mark.parametrize(
    ("answers", "header"),
    [
        pytest.param(("2",) * 8 + (None,) * 4, "Study,1,2,3,4,5,6,7,8,Overall", id="single arm"),
        pytest.param(
            ("2",) * 12, "Study,1,2,3,4,5,6,7,8,9,10,11,12,Overall", id="with a comparator"
        ),
    ],
)
def test_the_wide_table_of_a_scored_tool_is_drawn_and_read_again(
    answers: tuple[str | None, ...], header: str
) -> None:
    tool = find_tool("MINORS", None)
    text = write_robvis(tool, [RobvisRow(study="A", answers=answers, overall="16")])
    assert text.splitlines()[0] == header
    drawn = read_robvis(text.encode(), tool=tool)
    assert drawn.studies[0].judgements == tuple(a for a in answers if a)
    (claim,) = read_appraisals(text.encode(), tool="MINORS", assessor="anna").claims
    assert [j.answer for j in claim.judgements] == [a for a in answers if a]
