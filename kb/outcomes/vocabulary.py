"""The outcome vocabulary: what can be measured, in which unit and range, and which way is better.

It is data, one table per field of medicine in the folder `vocabulary`: another condition is another
table, not other code.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDefinitionValue:
    """One outcome. None is "no such thing": a scale without upper end, a direction that depends.

    `low`, `high` and `step` are those of a single observation, not of a mean; `better` is the
    direction of benefit in `unit`, "lower" or "higher".
    """

    code: str
    name: str
    unit: str | None
    low: float | None
    high: float | None
    step: float | None
    better: str | None
    notes: str | None
    version: str


@cache
def load_vocabulary() -> Mapping[str, OutcomeDefinitionValue]:
    """Every definition by its code."""
    folder = resources.files("kb.outcomes") / "vocabulary"
    tables = sorted((t for t in folder.iterdir() if t.name.endswith(".csv")), key=lambda t: t.name)
    vocabulary: dict[str, OutcomeDefinitionValue] = {}
    for table in tables:
        for definition in _definitions(table):
            if definition.code in vocabulary:
                raise ValueError(
                    f"outcome {definition.code} is defined twice, also in {table.name}"
                )
            vocabulary[definition.code] = definition
    return MappingProxyType(vocabulary)


@cache
def load_caveats() -> Mapping[str, str]:
    """What to know before a number is used: code of each caveat, and its one-line explanation."""
    table = resources.files("kb.outcomes") / "caveats.csv"
    return MappingProxyType({row["code"]: row["explanation"] for row in _rows(table)})


def _definitions(table: Traversable) -> Iterable[OutcomeDefinitionValue]:
    for row in _rows(table):
        if row["better"] not in ("", "lower", "higher"):
            raise ValueError(f"{table.name}: {row['code']} is better {row['better']!r}")
        yield OutcomeDefinitionValue(
            code=row["code"],
            name=row["name"],
            unit=row["unit"] or None,
            low=_number(row["low"]),
            high=_number(row["high"]),
            step=_number(row["step"]),
            better=row["better"] or None,
            notes=row["notes"] or None,
            version=row["version"],
        )


def _rows(table: Traversable) -> Iterable[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")), strict=True)


def _number(text: str) -> float | None:
    return float(text) if text else None
