"""Selected results, or adverse events, as the table of one synthesis: what may be pooled together,
and what may not."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from kb.errors import InvalidInput, NotEstimable
from kb.formats.outcome_tables.delimited import csv_of
from kb.formats.outcome_tables.layouts import table_layout
from kb.formats.outcome_tables.summary import Summary
from kb.outcomes.comparisons import MEASURES, AnalysisRow, Choices, Table, analysis_rows
from kb.store.analysis_rows import OF_RESULTS, Subject, count_results, each_study
from kb.store.listing import Asked
from kb.synthesis.table import Table as PooledTable
from kb.synthesis.table import read_csv

Tell = Callable[[int], None]

# What a table is pooled as where nobody says otherwise.
DEFAULT_MEASURE: Final[Mapping[Table, str]] = {**MEASURES, Table.ESTIMATE: "GEN"}

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """`body` is the table as CSV, all rows; `table` the usable ones, as a synthesis reads them.

    `warnings` say where participants count more than once. `measure` is that of estimates as
    reported, None for other tables.
    """

    rows: tuple[AnalysisRow, ...]
    usable: tuple[AnalysisRow, ...]
    body: bytes
    table: PooledTable
    summary: Summary
    warnings: tuple[str, ...]
    measure: str | None


def select_for_analysis(
    session: Session,
    asked: Asked,
    table: Table,
    choices: Choices,
    *,
    keep_dependent: bool = False,
    of: Subject = OF_RESULTS,
    tell: Tell = lambda _: None,
) -> Selected:
    """The selected results as rows of one table.

    Raises InvalidInput where rows count participants more than once (several usable rows of one
    study, studies that share participants), unless `keep_dependent`, and where estimates of
    several measures stand together; NotEstimable where no row is usable.
    """
    summary = Summary(results=count_results(session, asked, of))
    rows: list[AnalysisRow] = []
    read = 0
    for own in each_study(session, asked, of):
        compared = analysis_rows(table, own, choices)
        summary.left(*compared.left_out)
        for row in compared.rows:
            summary.saw(row)
            rows.append(row)
        read += len(own)
        tell(read)
    usable = tuple(row for row in rows if row.is_usable)
    if not usable:
        lacking = "; ".join(f"{n} rows {why}" for why, n in summary.not_usable.most_common(3))
        raise NotEstimable(
            f"none of {len(rows)} rows of the table {table.value} is usable"
            + (f" ({lacking})" if lacking else "")
        )
    warnings = _dependent(usable)
    if warnings and not keep_dependent:
        listed = "; ".join(warnings[:_MOST_NAMED])
        more = f"; and {len(warnings) - _MOST_NAMED} more" if len(warnings) > _MOST_NAMED else ""
        raise InvalidInput(
            f"rows would not be independent, or participants count more than once: {listed}{more}. "
            "Narrow the selection (outcome, category, days, arm), take one time per window, or "
            "keep them knowingly"
        )
    body = b"".join(csv_of(table_layout(table), rows))
    return Selected(
        rows=tuple(rows),
        usable=usable,
        body=body,
        table=_usable(body),
        summary=summary,
        warnings=tuple(warnings),
        measure=_one_measure(usable) if table is Table.ESTIMATE else None,
    )


def _dependent(usable: Sequence[AnalysisRow]) -> list[str]:
    """Where rows would count participants more than once, in words."""
    counted = Counter(row.study.id for row in usable)
    names = {row.study.id: row.study.name for row in usable}
    found = [f"{names[study]} has {n} rows" for study, n in counted.items() if n > 1]
    seen: set[frozenset[str]] = set()
    for row in usable:
        for overlap in row.study.overlaps:
            pair = frozenset((row.study.id, overlap.study))
            if overlap.study in names and pair not in seen:
                seen.add(pair)
                found.append(
                    f"{row.study.name} and {overlap.label}: {overlap.kind} ({overlap.certainty})"
                )
    return found


def _one_measure(usable: Sequence[AnalysisRow]) -> str:
    measures = sorted({row.measure or "not understood" for row in usable})
    if len(measures) > 1:
        raise InvalidInput(
            f"estimates of several measures: {', '.join(measures)}; select one (measure:...)"
        )
    return measures[0]


def _usable(body: bytes) -> PooledTable:
    """The rows that a script sees: those that lack a number an effect needs are not in it."""
    reader = csv.reader(io.StringIO(body.decode(), newline=""))
    header = next(reader)
    at = header.index("is_usable")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(row for row in reader if row[at] == "TRUE")
    return read_csv(out.getvalue().encode())
