"""What the columns of an outcome table mean: one description for every format.

The sheet in a workbook, the metadata of a Parquet file, the JSON Schema and the documentation are
made from the same columns as the rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

R = TypeVar("R")
Value = str | int | float | bool | None


class Type(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Column:
    """`rule`: where the value comes from, or the rule that makes it."""

    name: str
    type: Type
    meaning: str
    unit: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Field(Generic[R]):
    """A column and how its value is taken from a row."""

    column: Column
    of: Callable[[R], Value]


@dataclass(frozen=True, slots=True)
class Layout(Generic[R]):
    """The columns of one table, in order. No two have one name."""

    name: str
    about: str
    fields: tuple[Field[R], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(field.column for field in self.fields)

    @property
    def header(self) -> list[str]:
        return [field.column.name for field in self.fields]

    def values(self, row: R) -> list[Value]:
        return [field.of(row) for field in self.fields]


DICTIONARY_HEADER: Final = ("table", "column", "type", "unit", "meaning", "source or rule")

_JSON_TYPES: Final = {
    Type.TEXT: "string",
    Type.NUMBER: "number",
    Type.INTEGER: "integer",
    Type.BOOLEAN: "boolean",
}


def dictionary_rows(layouts: Sequence[Layout[Any]]) -> Iterator[tuple[str, ...]]:
    """One row per column, under `DICTIONARY_HEADER`."""
    for layout in layouts:
        for c in layout.columns:
            yield (layout.name, c.name, c.type.value, c.unit or "", c.meaning, c.rule or "")


def json_schema(layout: Layout[Any]) -> dict[str, Any]:
    """JSON Schema (2020-12) of one row as an object; an empty cell is null."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": layout.name,
        "description": layout.about,
        "type": "object",
        "additionalProperties": False,
        "required": layout.header,
        "properties": {
            c.name: {
                "type": [_JSON_TYPES[c.type], "null"],
                "description": ". ".join(filter(None, (c.meaning, c.rule))),
            }
            | ({"unit": c.unit} if c.unit else {})
            for c in layout.columns
        },
    }
