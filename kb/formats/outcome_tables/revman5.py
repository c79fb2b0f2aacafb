"""The analysis CSV of RevMan 5, which the R package meta reads with `read.rm5`.

A line for the comparison, one per outcome, and under each outcome its studies. In a study's line
a number that does not apply to its kind of data is 0, as RevMan writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kb.formats.outcome_tables.delimited import csv_lines
from kb.formats.outcome_tables.dictionary import Value
from kb.formats.outcome_tables.revman import GROUP, GROUP_NAME, Analysis, Datum
from kb.outcomes.comparisons import Table

HEADER: Final = (
    "Comparison Number", "Outcome Number", "Subgroup Number", "Name", "Data Type",
    "Statistical Method", "Effect Measure", "Analysis Model", "Events 1", "Mean 1", "SD 1",
    "Total 1", "Events 2", "Mean 2", "SD 2", "Total 2", "Effect Estimate", "SE", "CI Start",
    "CI End", "Weight", "Q", "P(Q)", "I²(Q)", "Tau²", "Z", "P(Z)", "Qint", "P(Qint)", "I²(Qint)",
    "df", "Group Label 1", "Group Label 2", "Left Graph Label", "Right Graph Label",
    "Year of study", "User defined order",
)  # fmt: skip

_KINDS: Final = {
    Table.BINARY: ("DIC", "MH"),
    Table.CONTINUOUS: ("CON", "IV"),
    Table.ESTIMATE: ("IV", "IV"),
}
# RevMan's columns of a study's line, and where they come from in each kind of table.
_COLUMNS: Final = {
    Table.BINARY: {"Events 1": "ai", "Total 1": "n1i", "Events 2": "ci", "Total 2": "n2i"},
    Table.CONTINUOUS: {
        "Mean 1": "m1i", "SD 1": "sd1i", "Total 1": "n1i",
        "Mean 2": "m2i", "SD 2": "sd2i", "Total 2": "n2i",
    },
    Table.ESTIMATE: {},
}  # fmt: skip
_NUMBERS: Final = HEADER[8:16]


def revman5_csv(analyses: Sequence[Analysis]) -> Iterator[bytes]:
    """The whole file. No pooled estimate is written: RevMan and meta compute their own."""
    return csv_lines(HEADER, _lines(analyses))


def _lines(analyses: Sequence[Analysis]) -> Iterator[list[Value]]:
    order = 0
    if analyses:
        yield _line(_place(0) | {"Name": GROUP_NAME})
    for analysis in analyses:
        yield _line(_outcome(analysis))
        for datum in analysis.data:
            order += 1
            yield _line(_study(analysis, datum, order))


def _place(outcome: int) -> dict[str, Value]:
    return {"Comparison Number": GROUP, "Outcome Number": outcome, "Subgroup Number": 0}


def _outcome(analysis: Analysis) -> dict[str, Value]:
    kind, method = _KINDS[analysis.table]
    first, second = analysis.labels
    totals = {
        column: analysis.total(name)
        for column, name in _COLUMNS[analysis.table].items()
        if column.startswith(("Events", "Total"))
    }
    return {
        **_place(analysis.number),
        "Name": analysis.name,
        "Data Type": kind,
        "Statistical Method": method,
        "Effect Measure": analysis.measure,
        "Analysis Model": "Random",
        **totals,
        "Group Label 1": first,
        "Group Label 2": second,
    }


def _study(analysis: Analysis, datum: Datum, order: int) -> dict[str, Value]:
    used = {column: datum.numbers[name] for column, name in _COLUMNS[analysis.table].items()}
    line: dict[str, Value] = {
        **_place(analysis.number),
        "Name": analysis.label(datum),
        **dict.fromkeys(_NUMBERS, 0),
        **used,
        "Year of study": datum.study.year,
        "User defined order": order,
    }
    if datum.effect is not None:
        line |= {
            "Effect Estimate": datum.effect.estimate,
            "SE": datum.effect.se,
            "CI Start": datum.effect.low,
            "CI End": datum.effect.high,
        }
    return line


def _line(values: dict[str, Value]) -> list[Value]:
    return [values.get(name) for name in HEADER]
