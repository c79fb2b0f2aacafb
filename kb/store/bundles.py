"""A synthesis as a folder that anybody can check and repeat: frozen data, what every column means,
the script, where each number stands, who is included, and checksums.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson
from sqlmodel import Session, col, select

from kb.errors import InvalidInput, NotEstimable
from kb.formats.analysis_script import analysis_script
from kb.formats.outcome_tables.delimited import csv_lines, csv_of
from kb.formats.outcome_tables.dictionary import DICTIONARY_HEADER, dictionary_rows, json_schema
from kb.formats.outcome_tables.layouts import table_layout
from kb.formats.outcome_tables.summary import Summary
from kb.formats.references import ris
from kb.models.ids import Kind, parse_public_id
from kb.models.records import WorkRecord
from kb.models.tables import StoredPayload
from kb.outcomes.chains import Number
from kb.outcomes.comparisons import AnalysisRow, Choices, Table
from kb.outcomes.observed import Observed
from kb.store.analysis_rows import OF_RESULTS, Subject, each_observed
from kb.store.analysis_tables import select_for_analysis
from kb.store.exported_works import work_records
from kb.store.listing import Asked
from kb.store.outcome_exports import layout_of
from kb.store.overview import schema_revision
from kb.synthesis.analysis import Analysis, analyse
from kb.synthesis.analysis import Choices as Pooling
from kb.synthesis.report import as_json
from kb.synthesis.table import Table as PooledTable

Tell = Callable[[int], None]

_PROVENANCE: Final = (
    "snapshot", "row", "study_id", "column", "value", "state", "origin", "printed", "rules",
    "how", "result_id", "outcome_title", "document", "locator", "standing", "quote",
    "recorded_by", "entered_in", "payload", "payload_sha256",
)  # fmt: skip
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What was written: the snapshot's name, the analysis, its warnings and the files."""

    snapshot: str
    analysis: Analysis
    summary: Summary
    warnings: tuple[str, ...]
    files: tuple[str, ...]


def write_bundle(
    session: Session,
    asked: Asked,
    table: Table,
    folder: Path,
    *,
    pooling: Pooling,
    comparing: Choices | None = None,
    keep_dependent: bool = False,
    of: Subject = OF_RESULTS,
    now: datetime,
    tell: Tell = lambda _: None,
) -> Bundle:
    """Write the package of one synthesis of the selected results into an empty folder.

    Raises InvalidInput where rows of the table count participants twice (several usable rows of
    one study, studies known to share participants), unless `keep_dependent`, and where estimates
    of several measures stand in one table; NotEstimable where no row is usable.
    """
    comparing = comparing or Choices()
    (folder / "data").mkdir(parents=True)
    (folder / "results").mkdir()
    layout, long = table_layout(table), layout_of(of)
    selected = select_for_analysis(
        session, asked, table, comparing, keep_dependent=keep_dependent, of=of, tell=tell
    )
    rows, usable, summary = selected.rows, selected.usable, selected.summary
    warnings = selected.warnings
    body = selected.body
    if table is Table.ESTIMATE and pooling.measure not in ("GEN", selected.measure):
        raise InvalidInput(f"the estimates are {selected.measure}, not {pooling.measure}")
    (folder / "data/analysis.csv").write_bytes(body)
    digest = hashlib.sha256(body)
    with (folder / "data/outcomes.csv").open("wb") as file:
        for piece in csv_of(long, each_observed(session, asked, of)):
            digest.update(piece)
            file.write(piece)
    snapshot = digest.hexdigest()[:16]

    analysis = analyse(selected.table, pooling)
    pooled = {"snapshot": snapshot, **as_json(analysis)}
    if any(row.origins.get(name) == "imputed" for row in analysis.studies for name in row.data):
        pooled["without_imputed"] = _without_imputed(selected.table, pooling)
    filters = asked.selection
    about = f"{summary.results} {of.name} selected{f' by {filters}' if filters else ''}."
    _write_json(folder / "results/pooled.json", pooled)
    script = analysis_script(
        analysis.choices, snapshot=snapshot, about=about, is_given=table is Table.ESTIMATE
    )
    (folder / "analysis.R").write_text(script, encoding="utf-8")
    dictionary = csv_lines(DICTIONARY_HEADER, dictionary_rows([layout, long]))
    (folder / "data/dictionary.csv").write_bytes(b"".join(dictionary))
    for name, one in (("analysis", layout), ("outcomes", long)):
        schema = {**json_schema(one), "$comment": f"rows of data/{name}.csv, snapshot {snapshot}"}
        _write_json(folder / f"data/{name}.schema.json", schema)
    provenance = csv_lines(_PROVENANCE, _provenance(session, rows, snapshot))
    (folder / "data/provenance.csv").write_bytes(b"".join(provenance))
    included = {row.study.id: row.study for row in rows}
    works = sorted({w.id for s in included.values() for w in s.reports}, key=_number)
    (folder / "included.ris").write_bytes(
        b"".join(ris.write(_references(session, works, snapshot)))
    )
    (folder / "prisma.csv").write_bytes(b"".join(_prisma(rows, usable)))
    _write_json(
        folder / "snapshot.json",
        {
            "snapshot": snapshot,
            "made": now.isoformat(timespec="seconds"),
            "program": f"msc-evidence-base {version('msc-evidence-base')}",
            "schema_revision": schema_revision(session),
            "filter": filters,
            "of": of.name,
            "table": table.value,
            "choices": {
                "without_origins": sorted(o.value for o in comparing.options.drop),
                "correlation": list(comparing.options.correlations),
                "shared_control": comparing.shared_control.value,
                "one_per_window": comparing.one_per_window,
                "complements": comparing.complements,
                "controls": comparing.controls,
                "stated_roles": comparing.stated_roles,
                "keep_dependent": keep_dependent,
            },
            "pooling": pooled["options"],
            "summary": summary.as_json(),
            "warnings": warnings,
        },
    )
    (folder / "README.md").write_text(
        _readme(snapshot, about, analysis, summary, warnings, table), encoding="utf-8"
    )
    return Bundle(
        snapshot=snapshot,
        analysis=analysis,
        summary=summary,
        warnings=tuple(warnings),
        files=tuple(_files(folder)),
    )


def write_checksums(folder: Path) -> None:
    """`SHA256SUMS` of every file in the folder, as `sha256sum --check` reads it. Last of all."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in _files(folder)
        if name != "SHA256SUMS"
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# -- analyses ------------------------------------------------------------------------------------


def _without_imputed(table: PooledTable, pooling: Pooling) -> dict[str, Any]:
    """The same without rows that hold an imputed value: what the imputing did."""
    origins = tuple(dict.fromkeys((*pooling.without_origins, "imputed")))
    try:
        found = as_json(analyse(table, replace(pooling, without_origins=origins)))
    except NotEstimable as error:
        return {"k": 0, "why": str(error)}
    return {name: found[name] for name in ("k", "estimate", "se", "ci.lb", "ci.ub", "tau2", "I2")}


# -- files ---------------------------------------------------------------------------------------


def _write_json(path: Path, value: Any) -> None:
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _provenance(
    session: Session, rows: Iterable[AnalysisRow], snapshot: str
) -> Iterator[tuple[Any, ...]]:
    """One line per number and result behind it: where it was reported, and how it follows."""
    hashes = dict(session.exec(select(col(StoredPayload.id), col(StoredPayload.sha256))).all())
    for row in rows:
        by_id = {o.id: o for o in row.results}
        for column, number in row.numbers.items():
            if number.value is None:
                continue
            for o in _behind(number, by_id, row):
                yield (
                    snapshot,
                    row.slab,
                    row.study.id,
                    column,
                    number.value,
                    number.state.value,
                    number.origin,
                    _printed(number, o),
                    " | ".join(step.rule for step in number.chain) or o.rule,
                    " | ".join(step.statement for step in number.chain) or o.statement,
                    o.id,
                    o.outcome_title,
                    o.source.document,
                    o.source.locator,
                    o.source.standing,
                    o.source.quote,
                    o.source.recorded_by,
                    o.source.row,
                    o.source.payload,
                    hashes.get(o.source.payload),
                )


def _behind(number: Number, by_id: Mapping[str, Observed], row: AnalysisRow) -> list[Observed]:
    """The results a number was read from; all of the row's where its chain does not say."""
    named = [number.result, *(i.result for step in number.chain for i in step.inputs)]
    found = [by_id[name] for name in dict.fromkeys(named) if name is not None and name in by_id]
    return found or list(row.results)


def _printed(number: Number, o: Observed) -> str | None:
    """As the source prints it: the number itself, or those of this result it was made from."""
    if not number.chain:
        return number.text
    inputs = [
        f"{i.name} {i.text if i.text is not None else f'{i.value:g}'}"
        for step in number.chain
        for i in step.inputs
        if i.result == o.id
    ]
    return "; ".join(dict.fromkeys(inputs)) or None


def _references(session: Session, names: Sequence[str], snapshot: str) -> Iterator[WorkRecord]:
    """Under their public ids, and without abstracts, whose licences do not travel with a bundle."""
    for record in work_records(session, map(_number, names)):
        notes = (f"Included in snapshot {snapshot}", *record.notes)
        yield replace(record, label=record.key, abstract=(), notes=notes)


def _prisma(rows: Sequence[AnalysisRow], usable: Sequence[AnalysisRow]) -> Iterator[bytes]:
    """The counts of a PRISMA 2020 diagram that a synthesis knows. How records were found and
    screened it does not know: those counts are the review's, and stay empty. So does the number of
    reports where a study has none here: it was reported, and nobody knows how often."""

    def reports(of: Sequence[AnalysisRow]) -> int | None:
        if not all(row.study.reports for row in of):
            return None
        return len({work.id for row in of for work in row.study.reports})

    def studies(of: Sequence[AnalysisRow]) -> int:
        return len({row.study.id for row in of})

    known = {
        "new_studies": studies(rows),
        "new_reports": reports(rows),
        "total_studies_ma": studies(usable),
        "total_reports_ma": reports(usable),
    }
    names = (
        "database_results", "register_results", "duplicates", "excluded_automatic",
        "excluded_other", "records_screened", "records_excluded", "dbr_sought_reports",
        "dbr_notretrieved_reports", "dbr_assessed", "dbr_excluded", *known,
    )  # fmt: skip
    return csv_lines(("data", "n"), ((name, known.get(name)) for name in names))


def _number(public: str) -> int:
    kind, number = parse_public_id(public)
    assert kind in (Kind.WORK, Kind.STUDY)
    return number


def _as_words(text: str) -> str:
    """Text of a source or a filter on one line of Markdown, where it is no link, code or HTML."""
    return re.sub(r"([\\`<\[])", r"\\\1", " ".join(text.split()))


def _readme(
    snapshot: str,
    about: str,
    analysis: Analysis,
    summary: Summary,
    warnings: Sequence[str],
    table: Table,
) -> str:
    choices = analysis.choices
    lines = [
        f"# Synthesis, snapshot {snapshot}",
        "",
        _as_words(about),
        f"{summary.rows} rows of the table {table.value} from {len(summary.studies)} studies, "
        f"{summary.usable} usable. Pooled: {choices.measure}, {choices.method}, {choices.test}.",
        "",
        "| file | |",
        "|---|---|",
        "| `data/analysis.csv` | the rows pooled, each number with state, origin and rule |",
        "| `data/outcomes.csv` | everything selected, with every number it can have |",
        "| `data/dictionary.csv`, `data/*.schema.json` | what the columns mean; JSON Schema of "
        "a row |",
        "| `data/provenance.csv` | where each number stands: document, place, quote, payload |",
        "| `analysis.R` | the same pooled numbers with metafor: `Rscript analysis.R` |",
        "| `results/pooled.json` | the pooled numbers, under metafor's names |",
        "| `included.ris` | reports of the studies included |",
        "| `prisma.csv` | the counts of a PRISMA 2020 diagram known here |",
        "| `snapshot.json` | what was selected and chosen |",
        "| `SHA256SUMS` | `sha256sum --check SHA256SUMS` |",
        "",
        "An empty cell is not reported. It is never 0.",
    ]
    if warnings:
        lines += ["", "Kept knowingly:", "", *(f"- {_as_words(warning)}" for warning in warnings)]
    if analysis.advice:
        lines += ["", "What these numbers cannot say:", ""]
        lines += [f"- {said.text} ({said.source})" for said in analysis.advice]
    return "\n".join(lines) + "\n"
