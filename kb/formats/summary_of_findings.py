"""Summary of findings rows: read as JSON, shown as a table.

One object per row: `outcome`, `body` (randomised, non-randomised, "non-randomised, ROBINS-I",
single-arm), `studies`, and where known `participants`, `timeframe`, `assumed_risk` (0 to 1),
`effect` {measure, estimate, ci_low, ci_high}, `observed` {estimate, ci_low, ci_high} (single-arm:
the share with the outcome, 0 to 1) and `steps` [{domain, levels, reason}].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from kb.appraisal.grade import Body, Effect, Share, Step, SummaryRow, summary_row
from kb.errors import InvalidInput

_NAMES: Final = (
    "outcome", "body", "studies", "participants", "timeframe", "assumed_risk", "effect",
    "observed", "steps",
)  # fmt: skip
_MOST: Final = 1_000
_TOO_LARGE: Final = 10**15  # of a number; no count of persons and no ratio comes near


def read_rows(body: bytes) -> list[SummaryRow]:
    """Raises InvalidInput that names the row and what is wrong with it."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"not JSON: {error}") from None
    return rows_of(given)


def rows_of(given: Any) -> list[SummaryRow]:
    if not isinstance(given, list) or not 0 < len(given) <= _MOST:
        raise InvalidInput(f"expected a list of 1 to {_MOST:,} rows")
    found = []
    for number, row in enumerate(given, 1):
        try:
            found.append(_row(row))
        except InvalidInput as error:
            raise InvalidInput(f"row {number}: {error}") from None
    return found


def _row(row: Any) -> SummaryRow:
    if not isinstance(row, dict):
        raise InvalidInput(f"expected an object with {', '.join(_NAMES)}")
    if unknown := sorted(set(row) - set(_NAMES)):
        raise InvalidInput(f"unknown field {unknown[0]!r} (known: {', '.join(_NAMES)})")
    body = row.get("body")
    if body not in list(Body):
        raise InvalidInput(f"body {body!r} (expected {'; '.join(Body)})")
    effect = row.get("effect")
    if effect is not None:
        if not isinstance(effect, dict):
            raise InvalidInput("effect: expected measure, estimate, ci_low, ci_high")
        effect = Effect(
            measure=_text(effect, "measure"),
            estimate=_number(effect, "estimate"),
            ci_low=_number(effect, "ci_low"),
            ci_high=_number(effect, "ci_high"),
        )
    observed = row.get("observed")
    if observed is not None:
        if not isinstance(observed, dict):
            raise InvalidInput("observed: expected estimate, ci_low, ci_high")
        observed = Share(
            estimate=_number(observed, "estimate"),
            ci_low=_number(observed, "ci_low"),
            ci_high=_number(observed, "ci_high"),
        )
    steps = row.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(s, dict) for s in steps):
        raise InvalidInput("steps: expected a list of domain, levels, reason")
    return summary_row(
        outcome=_text(row, "outcome"),
        body=Body(body),
        studies=_count(row, "studies"),
        participants=None if row.get("participants") is None else _count(row, "participants"),
        timeframe=None if row.get("timeframe") is None else _text(row, "timeframe"),
        effect=effect,
        observed=observed,
        assumed_risk=None if row.get("assumed_risk") is None else _number(row, "assumed_risk"),
        steps=[
            Step(domain=_text(s, "domain"), levels=_whole(s, "levels"), reason=_text(s, "reason"))
            for s in steps
        ],
    )


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name} {value!r} (expected text)")
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidInput(f"{name} {value[:40]!a} (NUL or half a character in it)")
    return value.strip()


def _number(row: dict[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{name} {value!r} (expected a number)")
    if not abs(value) < _TOO_LARGE:  # as for a NaN, which is less than nothing
        raise InvalidInput(f"{name} {str(value)[:20]} (expected a number below {_TOO_LARGE:g})")
    return float(value)


def _whole(row: dict[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{name} {value!r} (expected a whole number)")
    return value


def _count(row: dict[str, Any], name: str) -> int:
    value = _whole(row, name)
    if not 0 <= value < _TOO_LARGE:
        raise InvalidInput(f"{name} {str(value)[:20]} (expected a count)")
    return value


def table_rows(rows: Sequence[SummaryRow]) -> list[tuple[str, ...]]:
    """Heading and cells, as a summary of findings table is printed."""
    heading = (
        "Outcome", "Participants (studies)", "Risk without, per 1,000", "Risk with, per 1,000",
        "Relative effect (95 % CI)", "Certainty", "Why, and what it cannot say",
    )  # fmt: skip
    return [heading, *(_cells(row) for row in rows)]


def _cells(row: SummaryRow) -> tuple[str, ...]:
    n = "not reported" if row.participants is None else f"{row.participants:,}"
    risk, effect = row.corresponding or row.observed, row.effect
    why = [f"{s.domain} {s.levels:+d}: {s.reason}" for s in row.steps]
    why += [row.cannot_say] if row.cannot_say else []
    return (
        f"{row.outcome}{f', {row.timeframe}' if row.timeframe else ''}",
        f"{n} ({row.studies})",
        "none: no comparator" if row.cannot_say else _rounded(row.assumed),
        (
            f"{risk.estimate:.0f} ({risk.ci_low:.0f} to {risk.ci_high:.0f})"
            if risk
            else "not estimable"
        ),
        (
            f"{effect.measure} {effect.estimate:.2f} ({effect.ci_low:.2f} to {effect.ci_high:.2f})"
            if effect
            else "not estimable"
        ),
        row.certainty.value,
        "; ".join(why) or row.statement,
    )


def _rounded(value: float | None) -> str:
    return "not given" if value is None else f"{value:.0f}"
