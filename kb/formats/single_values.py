"""One value at a time, in the columns of the curation tables: entered by itself, or edited.

What a cell may hold and which cells go together is what the tables' own reader says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from kb.errors import InvalidInput
from kb.formats.curated_checks import BASELINE, CELLS, WHOLE_STUDY
from kb.formats.curation import read_tables
from kb.formats.curation_columns import TABLES
from kb.models.evidence import (
    CellName,
    EvidenceClaim,
    ResultClaim,
    ResultKind,
    State,
    Statistic,
)
from kb.outcomes.places import Claim
from kb.outcomes.vocabulary import load_vocabulary

C = TypeVar("C", bound=Claim)

RESULTS: Final = "results"
ADVERSE_EVENTS: Final = "adverse_events"

# The field of a claim that a column fills, for columns that fill one.
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    RESULTS: {
        "outcome": "outcome_code",
        "what": "outcome_title",
        "p": "p_text",
        "is_primary": "is_primary_outcome",
        **{
            name: name
            for name in (
                "category", "subgroup", "population", "statistic", "unit", "unit_of_analysis",
                "state", "measure", "ci_level", "method", "better", "direction", "caveats", "note",
            )
        },
    },
    ADVERSE_EVENTS: {
        "at_risk": "n_at_risk",
        "persons": "persons_affected",
        "events": "event_count",
        **{
            name: name
            for name in (
                "code", "term", "organ_system", "vocabulary", "seriousness", "relatedness",
                "severity", "assessment", "percent", "state", "caveats", "note",
            )
        },
    },
}  # fmt: skip
_TIME: Final = {"time": "value", "time_unit": "unit", "time_text": "text", "since": "anchor"}
# Where a value stands is told with its evidence, not in a column.
_ELSEWHERE: Final = ("study", "source", "locator")
_REPORTED: Final = (State.REPORTED, State.REPORTED_ZERO)
_MOST_SAID: Final = 3


def table_of(claim: Claim) -> str:
    return RESULTS if isinstance(claim, ResultClaim) else ADVERSE_EVENTS


def columns_of(table: str) -> tuple[str, ...]:
    """What can be said of one value."""
    known = (*TABLES[table].required, *TABLES[table].optional)
    return tuple(name for name in known if name not in _ELSEWHERE)


def as_cells(table: str, values: Mapping[str, Any]) -> dict[str, str | None]:
    """Values as JSON gives them, as the text of cells; None and "" are empty. Raises InvalidInput
    for an unknown column and for what is no cell."""
    known = columns_of(table)
    cells: dict[str, str | None] = {}
    for column, value in values.items():
        if column not in known:
            raise InvalidInput(f"no column is called {column[:60]!r} (known: {', '.join(known)})")
        if isinstance(value, bool):
            cells[column] = "yes" if value else "no"
        elif isinstance(value, (int, float)):
            cells[column] = repr(value)
        elif value is None or isinstance(value, str):
            cells[column] = (value or "").strip() or None
        else:
            raise InvalidInput(f"{column} is no text or number: {str(value)[:60]!r}")
    return cells


def read_value(
    table: str,
    values: Mapping[str, Any],
    *,
    arms: Sequence[str],
    evidence: EvidenceClaim,
) -> Claim:
    """The claim that one row of the table makes about a study with these arms, keyed by what it is
    about and the document it stands in."""
    cells = as_cells(table, values)
    claim, errors = _parsed(table, cells, arms)
    _refuse(errors)
    assert claim is not None
    said = (cells.get(column) for column in _ABOUT[table])
    key = " | ".join(part for part in (*said, evidence.document) if part)
    found: Claim = replace(claim, key=key, evidence=evidence)
    return found


_ABOUT: Final = {
    RESULTS: (
        "arm", "versus", "outcome", "what", "category", "subgroup", "population", "statistic",
        "unit_of_analysis", "time", "time_unit", "time_text", "since",
    ),
    ADVERSE_EVENTS: (
        "arm", "code", "term", "seriousness", "relatedness", "severity", "time", "time_unit",
        "time_text", "since",
    ),
}  # fmt: skip


def edited(claim: C, values: Mapping[str, Any], *, arms: Sequence[str]) -> C:
    """The claim with some columns changed; columns not named stay as they are, also where the
    tables have no column for what is in them. A state that goes without numbers empties them.

    Raises InvalidInput where the change is no change, or brings in a mistake.
    """
    table = table_of(claim)
    before = _row(claim)
    given = as_cells(table, values)
    after = {**before, **given}
    if after.get("state") not in _REPORTED and before.get("state") in _REPORTED:
        after |= dict.fromkeys(number_columns(table) - {"n", "at_risk"} - given.keys())
    changed = {name for name in columns_of(table) if after.get(name) != before.get(name)}
    if not changed:
        return claim
    known = (*arms, claim.arm, *_versus(claim))
    held = _readable(table, before, known)
    if "state" in changed:
        held = {name: text for name, text in held.items() if name in before}
    made, errors = _parsed(table, {**held, **{name: after.get(name) for name in changed}}, known)
    _refuse(errors)
    assert made is not None
    return _overlaid(claim, made, changed)


# What makes a row readable that other rules let in, where leaving a cell out does not: a registry
# reports a group without a number, or a difference without its name.
_STAND_INS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    RESULTS: {
        "state": {"state": State.REPORTED.value, "direction": "changed"},
        "measure": {"measure": "difference"},
    },
    ADVERSE_EVENTS: {"state": {"state": State.REPORTED.value, "persons": "0"}},
}


def _readable(
    table: str, row: Mapping[str, str | None], arms: Sequence[str]
) -> dict[str, str | None]:
    """The row without what the tables' reader refuses in it. What was entered under other rules
    does not stand in the way of mending something else."""
    found = dict(row)
    for _ in row:
        _, errors = _parsed(table, found, arms)
        if not errors:
            break
        for column, _ in errors:
            found |= {column: None, **_STAND_INS[table].get(column, {})}
    return found


def _versus(claim: Claim) -> tuple[str, ...]:
    other = claim.comparator if isinstance(claim, ResultClaim) else None
    return () if other is None else (other,)


def _overlaid(claim: C, made: Any, changed: set[str]) -> C:
    table = table_of(claim)
    fields = {_FIELDS[table][name] for name in changed if name in _FIELDS[table]}
    if changed & _TIME.keys():
        fields.add("time")
    if "arm" in changed:
        fields.add("arm")
    if "versus" in changed:
        fields |= {"kind", "comparator", "baseline_time"}
    if "outcome" in changed:
        fields.add("outcome_title")
    values = {name: getattr(made, name) for name in fields}
    if isinstance(claim, ResultClaim):
        kept = {c.name: c for c in claim.cells if _column(c.name) not in changed}
        new = {c.name: c for c in made.cells if _column(c.name) in changed}
        if "state" in changed:  # a zero that was reported says so in its cells too
            kept |= {c.name: c for c in made.cells if c.name in kept}
        cells = kept | new
        values["cells"] = tuple(cells[name] for name in CellName if name in cells)
    return replace(claim, **values)


def number_columns(table: str) -> set[str]:
    """The columns that hold what was found. All but the number of persons looked at say something
    only of a value that was reported."""
    if table == ADVERSE_EVENTS:
        return {"at_risk", "persons", "events", "percent"}
    return {*CELLS, "p", "direction", "ci_level"}


# -- rows ------------------------------------------------------------------------------------------


# A bare number of a registry has no column of its own.
_BARE: Final = "central"


def _column(name: CellName) -> str:
    return next((column for column, of in CELLS.items() if of is name), _BARE)


def column_of(name: str) -> str:
    """The column that shows what `kb.outcomes.places.said` calls so."""
    return next((column for column, of in CELLS.items() if of.value == name), name)


def shown_row(claim: Claim) -> dict[str, str]:
    """What a claim says, by the columns of its table; what is not said is left out. A number that
    no column takes stands by its own name."""
    row = _row(claim)
    if isinstance(claim, ResultClaim):
        if claim.statistic is None:
            row.pop("statistic", None)
        row["what"] = claim.outcome_title
        for cell in claim.cells:
            if cell.name not in CELLS.values():
                row.pop(_BARE, None)
                row[cell.name.value] = _text(cell.text or cell.value)
    return {column: text for column, text in row.items() if text is not None}


def _row(claim: Claim) -> dict[str, str | None]:
    """The cells of a row that makes this claim, in as far as the tables have columns for it."""
    table = table_of(claim)
    row: dict[str, Any] = {"arm": claim.arm}
    for column, field in _FIELDS[table].items():
        row[column] = getattr(claim, field)
    if claim.time is not None:
        row |= {column: getattr(claim.time, field) for column, field in _TIME.items()}
    code = "outcome" if table == RESULTS else "code"
    definition = load_vocabulary().get(row[code] or "")
    if row[code] is not None and definition is None:
        row[code] = f"own:{row[code]}"
    if isinstance(claim, ResultClaim):
        if definition is not None and definition.name == claim.outcome_title:
            row["what"] = None
        row["versus"] = BASELINE if claim.kind is ResultKind.WITHIN_ARM else claim.comparator
        if claim.statistic is None and claim.kind is not ResultKind.CONTRAST:
            row["statistic"] = Statistic.AS_REGISTERED
        row |= {_column(cell.name): cell.text or cell.value for cell in claim.cells}
    return {column: _text(value) for column, value in row.items()}


def _text(value: Any) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "; ".join(value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _parsed(
    table: str, row: Mapping[str, str | None], arms: Sequence[str]
) -> tuple[Any, dict[tuple[str, str], None]]:
    """What the tables' reader makes of the row, or its mistakes as (column, message)."""
    # Arms of a registry are called by words that mean something else in tables.
    names = {key: f"arm{n}" for n, key in enumerate(dict.fromkeys(arms), 1)}
    plain = dict(row)
    for column in ("arm", "versus"):
        if text := plain.get(column):
            plain[column] = _standing_in(column, text, names)
    # No word here is a column's name: a row of such words is taken for a header that came again.
    base = {"study": "S", "source": "D", "locator": "here"}
    read = read_tables(
        {
            "sources": [
                {"key": "D", "kind": "abstract", "document": "a document", "standing": "primary"}
            ],
            "studies": [{**base, "label": "a study"}],
            "arms": [{**base, "arm": name, "label": name} for name in names.values()],
            table: [{**base, **plain}],
        },
        source="values",
    )
    if read.errors:
        told = {name: key for key, name in names.items()}
        return None, {(e.column, _named(e.message, told)): None for e in read.errors}
    claim = getattr(read.studies[0], table)[0]
    arm = row.get("arm") or WHOLE_STUDY
    if isinstance(claim, ResultClaim) and claim.comparator is not None:
        return replace(claim, arm=arm, comparator=row.get("versus")), {}
    return replace(claim, arm=arm), {}


def _standing_in(column: str, text: str, names: Mapping[str, str]) -> str:
    if text in (WHOLE_STUDY, BASELINE):
        return text
    if text in names:
        return names[text]
    parts = [part.strip() for part in text.split("+")]
    for part in parts:
        if part not in names:
            listed = ", ".join((*names, WHOLE_STUDY))
            raise InvalidInput(f"{column}: {part[:60]!r} is no arm of the study (known: {listed})")
    return "+".join(names[part] for part in parts)


def _named(message: str, told: Mapping[str, str]) -> str:
    for name, key in told.items():
        message = message.replace(repr(name), repr(key))
    return message


def _refuse(errors: Mapping[tuple[str, str], None]) -> None:
    if errors:
        said = [f"{column}: {message}" if column else message for column, message in errors]
        more = f" and {len(said) - _MOST_SAID} more" if len(said) > _MOST_SAID else ""
        raise InvalidInput("; ".join(said[:_MOST_SAID]) + more)
