"""Rows as Parquet, with each column's meaning in the schema's metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from kb.formats.outcome_tables.dictionary import Layout, Type

R = TypeVar("R")

_TYPES: Final = {
    Type.TEXT: pa.string(),
    Type.NUMBER: pa.float64(),
    Type.INTEGER: pa.int64(),
    Type.BOOLEAN: pa.bool_(),
}
_GROUP: Final = 5_000


def arrow_schema(layout: Layout[Any], about: Mapping[str, str]) -> Any:
    """The table's schema; `about` goes into the file's own metadata."""
    fields = []
    for c in layout.columns:
        said = {"meaning": c.meaning, "unit": c.unit, "rule": c.rule}
        metadata = {name: text for name, text in said.items() if text}
        fields.append(pa.field(c.name, _TYPES[c.type], nullable=True, metadata=metadata))
    return pa.schema(fields, metadata={"table": layout.name, "about": layout.about, **about})


def write_parquet(
    path: Path, layout: Layout[R], rows: Iterable[R], about: Mapping[str, str]
) -> None:
    """One row group per few thousand rows; memory holds one."""
    schema = arrow_schema(layout, about)
    pending = iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := [layout.values(row) for row in islice(pending, _GROUP)]:
            columns = [
                pa.array([_typed(v, field.type) for v in values], type=field.type)
                for field, values in zip(schema, zip(*group))
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _typed(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    return str(value) if kind == pa.string() else value
