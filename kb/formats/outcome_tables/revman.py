"""Rows for analysis in the shape of Cochrane's review software: analyses, each with its studies.

RevMan knows persons with an event, means, and estimates with a standard error, all of two groups.
A row that lacks a number it needs is left out and counted, because these formats write 0 where a
column does not apply, and there a missing number would read as none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from kb.formats.outcome_tables.layouts import report_of, rule_of
from kb.outcomes.comparisons import AnalysisRow, Table, plain
from kb.outcomes.observed import StudyFacts
from kb.outcomes.windows import window_of
from kb.synthesis.effects import effect_sizes

TABLES: Final = (Table.BINARY, Table.CONTINUOUS, Table.ESTIMATE)
GROUP: Final = 1
GROUP_NAME: Final = "Cell therapy versus control"
# Estimates as RevMan names them; other measures go by their own code.
_MEASURES: Final[Mapping[Table, str]] = {Table.BINARY: "RR", Table.CONTINUOUS: "MD"}
_Z: Final = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Of one study, on its natural scale; `se` on the scale of analysis."""

    estimate: float
    low: float
    high: float
    yi: float
    se: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """One study's row of an analysis. `numbers` are metafor's columns, all of them known."""

    study: StudyFacts
    label: str
    slab: str
    arm_label: str
    comparator_label: str
    numbers: Mapping[str, float]
    effect: Effect | None
    footnote: str
    reports: tuple[str, ...]


@dataclass(slots=True)
class Analysis:
    """An outcome in one window, pooled by one measure."""

    number: int
    name: str
    table: Table
    measure: str
    is_log: bool
    outcome: str
    unit: str | None
    data: list[Datum] = field(default_factory=list)

    def total(self, name: str) -> float:
        return math.fsum(datum.numbers[name] for datum in self.data)

    @property
    def labels(self) -> tuple[str, str]:
        """Of the two groups, where all studies call them alike."""
        first = {datum.arm_label for datum in self.data}
        second = {datum.comparator_label for datum in self.data}
        return (
            first.pop() if len(first) == 1 else "Cell therapy",
            second.pop() if len(second) == 1 else "Control",
        )

    def label(self, datum: Datum) -> str:
        """The study's name; the row's, where the study stands here more than once."""
        same = sum(other.study.id == datum.study.id for other in self.data)
        return datum.study.name if same == 1 else datum.slab


class Collected:
    """Analyses being put together from rows, in the order they come."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[object, ...], Analysis] = {}
        self.left_out: list[tuple[str, str]] = []  # row, why

    def add(self, rows: Iterable[AnalysisRow]) -> None:
        for row in rows:
            if row.why_not is not None:
                self.left_out.append((row.slab, row.why_not))
            elif row.comparator is None:
                self.left_out.append((row.slab, "what is compared is not stated"))
            else:
                self._analysis(row).data.append(_datum(row))

    def analyses(self) -> list[Analysis]:
        """By outcome and time, numbered from 1."""
        ordered = [self._by_key[key] for key in sorted(self._by_key, key=str)]
        for number, analysis in enumerate(ordered, start=1):
            analysis.number = number
        return ordered

    def _analysis(self, row: AnalysisRow) -> Analysis:
        o = row.first
        within = window_of(o.days)
        when = within.label if within else o.time.shown if o.time else "time not reported"
        # Final values and changes may stand together as mean differences (Handbook 10.5.2), but
        # a reader must see which; they are kept apart.
        statistic = o.statistic if row.table is Table.CONTINUOUS else None
        measure = _MEASURES.get(row.table, row.measure or "")
        key = (
            o.code or o.outcome,
            row.table.value,
            o.category or "",
            statistic or "",
            o.reported.unit or "",
            o.unit_of_analysis or "",
            measure,
            (within.low if within else o.days if o.days is not None else math.inf),
            when,
        )
        if key not in self._by_key:
            title = o.definition if o.code else o.outcome_title
            parts = (title, o.category, plain(statistic or ""), o.reported.unit, when)
            self._by_key[key] = Analysis(
                number=0,
                name=", ".join(filter(None, parts)),
                table=row.table,
                measure=measure,
                is_log=row.table is Table.BINARY or row.scale == "log",
                outcome=title,
                unit=o.reported.unit,
            )
        return self._by_key[key]


def _datum(row: AnalysisRow) -> Datum:
    numbers = {
        name: number.value for name, number in row.numbers.items() if number.value is not None
    }
    reports = [report.id for o in row.results if (report := report_of(o))]
    return Datum(
        study=row.study,
        label=row.study.name,
        slab=row.slab,
        arm_label=row.arm_label,
        comparator_label=row.comparator_label or "",
        numbers=numbers,
        effect=_effect(row, numbers),
        footnote=_footnote(row),
        reports=tuple(dict.fromkeys(reports)),
    )


def _effect(row: AnalysisRow, numbers: Mapping[str, float]) -> Effect | None:
    """None where the numbers determine none: no event, or nothing but events, in both groups."""
    if row.table is Table.ESTIMATE:
        yi, se = numbers["yi"], numbers["sei"]
        is_log = row.scale == "log"
    else:
        measure = _MEASURES[row.table]
        columns = {name: np.array([value]) for name, value in numbers.items()}
        found = effect_sizes(measure, columns, drop00=True)
        yi, se = float(found.yi[0]), math.sqrt(float(found.vi[0]))
        is_log = measure == "RR"
        if math.isnan(yi):
            return None
    back = math.exp if is_log else float
    return Effect(estimate=back(yi), low=back(yi - _Z * se), high=back(yi + _Z * se), yi=yi, se=se)


def _footnote(row: AnalysisRow) -> str:
    """What is not as reported, and what to know before pooling."""
    made = [
        f"{name} {number.origin} ({rule})"
        for name, number in row.numbers.items()
        if name in row.needed and (rule := rule_of(row, number)) is not None
    ]
    results = ", ".join(o.id for o in row.results)
    return "; ".join((f"results {results}", *made, *map(plain, row.notes)))


def studies_of(analyses: Sequence[Analysis]) -> list[tuple[StudyFacts, list[Datum]]]:
    """Each study once, with its rows, by name."""
    found: dict[str, tuple[StudyFacts, list[Datum]]] = {}
    for analysis in analyses:
        for datum in analysis.data:
            found.setdefault(datum.study.id, (datum.study, []))[1].append(datum)
    return sorted(found.values(), key=lambda entry: entry[0].name)
