"""Results in the sheets of an SRDR+ export: one row per number, as printed.

Statistics of arms, comparisons between arms (BAC) and within arms (WAC) have a sheet each; net
differences, which no result here is, have theirs with nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kb.formats.outcome_tables.dictionary import Value
from kb.formats.outcome_tables.layouts import joined, report_of
from kb.models.evidence import CellName, ResultKind, State, Statistic
from kb.outcomes.comparisons import plain
from kb.outcomes.observed import Observed

_HEAD: Final = (
    "Extraction ID", "Consolidated", "Username", "Citation ID", "Citation Name", "RefMan",
    "other_reference", "PMID", "Authors", "Publication Date", "Key Questions",
)  # fmt: skip
_OUTCOME: Final = (
    "Outcome", "Outcome Description", "Outcome Type", "Population", "Digest", "Timepoint",
    "Timepoint Unit",
)  # fmt: skip
STATISTICS: Final = "Desc. Statistics"
BETWEEN: Final = "BAC Comparisons"
WITHIN: Final = "WAC Comparisons"
NET: Final = "NET Differences"
SHEETS: Final = {
    STATISTICS: (*_HEAD, *_OUTCOME, "Arm", "Arm Description", "Measure", "Value"),
    BETWEEN: (*_HEAD, *_OUTCOME, "BAC Comparator", "Measure", "Value"),
    WITHIN: (*_HEAD, *_OUTCOME, "WAC Comparator", "Arm", "Arm Description", "Measure", "Value"),
    NET: (*_HEAD, *_OUTCOME, "WAC Comparator", "BAC Comparator", "Measure", "Value"),
}

_MEASURES: Final = {
    CellName.N_ANALYSED: "N Analyzed",
    CellName.EVENTS: "Count",
    CellName.PERCENT: "Percentage",
    CellName.SD: "Standard Deviation (SD)",
    CellName.SE: "Standard Error (SE)",
    CellName.Q1: "25th Percentile",
    CellName.Q3: "75th Percentile",
    CellName.CI_LOW: "CI low",
    CellName.CI_HIGH: "CI high",
}
_COUNTS: Final = (Statistic.PERSON_COUNT, Statistic.PERCENT)


def srdr_rows(o: Observed) -> Iterator[tuple[str, list[Value]]]:
    """Sheet and row for every number of a result. A result without any gives one row that says
    what is known of it instead, so that nothing looks like nought."""
    sheet = STATISTICS
    if o.kind is ResultKind.CONTRAST:
        sheet = BETWEEN
    elif o.kind is ResultKind.WITHIN_ARM or o.statistic is Statistic.CHANGE:
        sheet = WITHIN
    for measure, value in _numbers(o):
        yield sheet, [*_head(o), *_outcome(o), *_compared(o, sheet), measure, value]


def _head(o: Observed) -> list[Value]:
    work = report_of(o)
    return [
        o.study.id,
        o.status in ("agreed", "adjudicated"),
        o.source.recorded_by,
        work.id if work else None,
        work.title if work else o.source.document,
        None,
        joined((*o.study.registrations, work.doi if work else None)),
        work.pmid if work else None,
        work.authors if work else None,
        str(work.year) if work and work.year else None,
        None,
    ]


def _outcome(o: Observed) -> list[Value]:
    kind = "Categorical" if o.statistic in _COUNTS or o.category else "Continuous"
    population = joined((o.analysis_set, o.subgroup)) or "All Participants"
    digest = joined((*o.study.conditions, o.study.phenotype))
    time = o.time
    return [
        o.outcome_title,
        joined((o.code, o.definition, o.category, o.reported.unit)),
        kind,
        population,
        digest,
        None if time is None else time.text if time.value is None else time.value,
        None if time is None or time.value is None else time.unit,
    ]


def _compared(o: Observed, sheet: str) -> list[Value]:
    label = "all participants" if o.arm.is_whole_study else o.arm.label
    other = o.comparator.label if o.comparator else "not stated"
    arm: list[Value] = [label, o.arm.role]
    if sheet == BETWEEN:
        return [f"{label} vs. {other}"]
    if sheet == WITHIN:
        before = o.baseline_time.shown if o.baseline_time else "baseline"
        after = o.time.shown if o.time else "time not reported"
        return [f"{after} vs. {before}", *arm]
    return arm


def _numbers(o: Observed) -> Iterator[tuple[str, str]]:
    said = False
    for name in CellName:
        cell = o.reported.cells.get(name)
        if cell is not None and cell.value is not None:
            said = True
            yield _measure(o, name), cell.text or f"{cell.value:g}"
    if o.reported.p_text:
        said = True
        yield "p-value", o.reported.p_text
    if o.direction:
        said = True
        yield "Direction, stated without a number", o.direction
    if not said:
        state = o.reported.state
        is_reported = state in (State.REPORTED, State.REPORTED_ZERO)
        yield "Reporting", plain(State.NOT_REPORTED if is_reported else state)


def _measure(o: Observed, name: CellName) -> str:
    if name is CellName.ESTIMATE:
        return o.reported.measure or "Estimate, measure not stated"
    if name in (CellName.CI_LOW, CellName.CI_HIGH):
        level = o.reported.ci_level
        return f"{level:g}% {_MEASURES[name]}" if level else f"{_MEASURES[name]}, level not stated"
    return _MEASURES.get(name, plain(name.value).capitalize())
