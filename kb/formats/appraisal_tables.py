"""Tables of appraisals: our own long form, and the wide one that robvis reads.

Long: one row per item, columns `study, tool, version, assessor, item, answer` and, where known,
`subject, consensus, support, locator`; item `Overall` is the overall judgement. robvis: `Study, D1
.. Dn, Overall`, optionally `Weight` last, one row per study.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from kb.appraisal.judgement import Judgement, checked
from kb.appraisal.tool import Tool, find_tool
from kb.errors import InvalidInput

OVERALL: Final = "overall"
_LONG: Final = ("study", "tool", "version", "assessor", "item", "answer")
_ALSO: Final = ("subject", "consensus", "support", "locator")
MAX_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AppraisalClaim:
    """What one assessor says of one study. `study` is any of its names; `line` the first line."""

    study: str
    tool: Tool
    assessor: str
    judgements: tuple[Judgement, ...]
    subject: str | None = None
    is_consensus: bool = False
    overall: str | None = None
    overall_support: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class TableError:
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class AppraisalTable:
    claims: list[AppraisalClaim] = field(default_factory=list)
    errors: list[TableError] = field(default_factory=list)


def read_appraisals(
    body: bytes,
    *,
    tool: str | None = None,
    version: str | None = None,
    assessor: str | None = None,
) -> AppraisalTable:
    """Either form, told by its columns. `tool`, `version` and `assessor` are what the wide form
    does not say.

    Every mistake is an error of its own, with line and column; raises InvalidInput for what is no
    such table at all.
    """
    if len(body) > MAX_BYTES:
        raise InvalidInput(f"{len(body):,} bytes; a table of appraisals has at most {MAX_BYTES:,}")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("the table is not UTF-8 text (save it as CSV UTF-8)") from None
    try:
        rows = [
            (n, [c.strip() for c in row])
            for n, row in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1)
            if any(c.strip() for c in row)
        ]
    except csv.Error as error:
        raise InvalidInput(f"not a CSV table: {error}") from None
    if not rows:
        raise InvalidInput("the table is empty (expected columns study, tool, version, ...)")
    header = rows[0][1]
    names = [h.casefold() for h in header]
    if {"study", "item", "answer"} <= set(names):
        return _long(names, rows[1:], tool, version, assessor)
    if names[0] == "study" and len(names) > 1:
        if tool is None:
            raise InvalidInput("this table does not say which tool it is: name it, and its version")
        if assessor is None:
            raise InvalidInput("this table does not say who judged: name the assessor")
        return _wide(header, rows[1:], find_tool(tool, version), assessor)
    raise InvalidInput(
        f"columns {', '.join(header)[:120]}: expected {', '.join(_LONG)}, or robvis's Study, D1 ..."
    )


def _long(
    names: list[str],
    rows: Sequence[tuple[int, list[str]]],
    tool: str | None,
    version: str | None,
    assessor: str | None,
) -> AppraisalTable:
    unknown = [n for n in names if n not in (*_LONG, *_ALSO)]
    if unknown or len(set(names)) < len(names):
        raise InvalidInput(
            f"column {(unknown or names)[0]!r} is unknown or there twice (known: "
            f"{', '.join((*_LONG, *_ALSO))})"
        )
    found = AppraisalTable()
    groups: dict[tuple[str, ...], list[tuple[int, dict[str, str]]]] = {}
    for line, cells in rows:
        if len(cells) > len(names):
            found.errors.append(TableError(line, "row", "has more cells than the header"))
            continue
        row = dict(zip(names, [*cells, *[""] * (len(names) - len(cells))]))
        row["tool"] = row.get("tool") or tool or ""
        row["version"] = row.get("version") or version or ""
        row["assessor"] = row.get("assessor") or assessor or ""
        missing = [n for n in ("study", "tool", "assessor", "item", "answer") if not row[n]]
        if missing:
            found.errors.append(TableError(line, missing[0], "is empty"))
            continue
        key = tuple(row.get(n, "") for n in ("study", "tool", "version", "subject", "assessor"))
        groups.setdefault(key, []).append((line, row))
    for group in groups.values():
        _group(group, found)
    found.errors.sort(key=lambda error: error.line)
    return found


def _group(group: Sequence[tuple[int, dict[str, str]]], found: AppraisalTable) -> None:
    """The rows of one appraisal."""
    line, first = group[0]
    try:
        tool = find_tool(first["tool"], first["version"] or None)
    except InvalidInput as error:
        column = "tool" if "no appraisal tool" in str(error) else "version"
        found.errors.append(TableError(line, column, str(error)))
        return
    before = len(found.errors)
    judgements: list[Judgement] = []
    overall = overall_support = None
    for line_of, row in group:
        is_overall = row["item"].casefold() == OVERALL
        try:
            if is_overall:
                if overall is not None:
                    raise InvalidInput("the overall judgement is given twice")
                overall = tool.overall_judgement(row["answer"])
                overall_support = row.get("support") or None
                continue
            item = tool.item(row["item"])
        except InvalidInput as error:
            column = "answer" if is_overall else "item"
            found.errors.append(TableError(line_of, column, str(error)))
            continue
        if item.key in {j.item for j in judgements}:
            found.errors.append(TableError(line_of, "item", f"{item.key} is answered twice"))
            continue
        try:
            answer = tool.answer(row["answer"])
        except InvalidInput as error:
            found.errors.append(TableError(line_of, "answer", str(error)))
            continue
        judgements.append(
            Judgement(
                item=item.key,
                answer=answer,
                support=row.get("support") or None,
                locator=row.get("locator") or None,
            )
        )
    consensus = {row.get("consensus", "").casefold() for _, row in group}
    if not consensus <= {"", "yes", "no"} or len(consensus) > 1:
        found.errors.append(
            TableError(line, "consensus", "expected yes or no, the same in all rows of a study")
        )
    if len(found.errors) == before:
        found.claims.append(
            AppraisalClaim(
                study=first["study"],
                tool=tool,
                assessor=first["assessor"],
                subject=first.get("subject") or None,
                is_consensus=consensus == {"yes"},
                judgements=checked(tool, judgements),
                overall=overall,
                overall_support=overall_support,
                line=line,
            )
        )


def _wide(
    header: list[str], rows: Sequence[tuple[int, list[str]]], tool: Tool, assessor: str
) -> AppraisalTable:
    columns = header[1:]
    # Weights are for the picture and say nothing of the study.
    if columns and columns[-1].casefold() in ("weight", "weights"):
        columns = columns[:-1]
    has_overall = bool(columns) and columns[-1].casefold() == OVERALL
    domains = columns[:-1] if has_overall else columns
    asked = tool.items_for(is_comparative=True), tool.items_for(is_comparative=False)
    if len(domains) not in {len(items) for items in asked}:
        counts = " or ".join(str(n) for n in sorted({len(items) for items in asked}))
        raise InvalidInput(
            f"{len(domains)} domains before Overall; {tool.name} {tool.version} has {counts} "
            "(columns about applicability belong to another tool)"
        )
    found = AppraisalTable()
    items = tool.items[: len(domains)]
    seen: dict[str, int] = {}
    for line, cells in rows:
        cells = [*cells, *[""] * (len(header) - len(cells))]
        if not cells[0]:
            found.errors.append(TableError(line, header[0], "is empty"))
            continue
        if cells[0] in seen:
            found.errors.append(
                TableError(line, header[0], f"{cells[0]} stands in line {seen[cells[0]]} too")
            )
            continue
        seen[cells[0]] = line
        judgements, overall, before = [], None, len(found.errors)
        for item, name, text in zip(items, domains, cells[1:]):
            if not text:
                continue  # not judged
            try:
                judgements.append(Judgement(item=item.key, answer=tool.answer(text)))
            except InvalidInput as error:
                found.errors.append(TableError(line, name, str(error)))
        stated = cells[1 + len(domains)] if has_overall else ""
        if stated and tool.overall:
            try:
                overall = tool.overall_judgement(stated)
            except InvalidInput as error:
                found.errors.append(TableError(line, header[1 + len(domains)], str(error)))
        if len(found.errors) == before:
            found.claims.append(
                AppraisalClaim(
                    study=cells[0],
                    tool=tool,
                    assessor=assessor,
                    judgements=tuple(judgements),
                    overall=overall,
                    line=line,
                )
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RobvisRow:
    """A study as robvis shows it. `weight` in percent, for the summary plot."""

    study: str
    answers: tuple[str | None, ...]  # in the order of the tool's items
    overall: str | None
    weight: float | None = None


def write_robvis(tool: Tool, rows: Iterable[RobvisRow]) -> str:
    """The wide table of a tool, in the shape of robvis, which has templates for tools with levels
    alone; `kb plot rob` draws all. An item that was not judged is an empty cell. Items for studies
    with a comparator are columns where one of them was judged."""
    given = list(rows)
    is_comparative = any(
        answer for row in given for item, answer in zip(tool.items, row.answers)
        if item.is_comparative
    )  # fmt: skip
    items = tool.items_for(is_comparative=is_comparative)
    has_weight = any(row.weight is not None for row in given)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["Study", *(i.key for i in items), "Overall", *(["Weight"] if has_weight else [])]
    )
    for row in given:
        weight = [] if not has_weight else ["" if row.weight is None else f"{row.weight:.10g}"]
        answers = [a or "" for item, a in zip(tool.items, row.answers) if item in items]
        writer.writerow([row.study, *answers, row.overall or "", *weight])
    return out.getvalue()
