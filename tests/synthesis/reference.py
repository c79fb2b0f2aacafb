"""The reference sets of meta-analyses: studies as columns, with what metafor made of them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tests.conftest import shared

_FOLDER = "data/meta"


@dataclass(frozen=True)
class Reference:
    """One set. `columns` holds NaN where a study does not report; `texts` the other columns."""

    id: str
    design: str
    rows: list[dict[str, Any]]
    columns: dict[str, NDArray[np.float64]]
    texts: dict[str, list[str]]
    results: dict[str, Any]


def reference_ids() -> list[str]:
    """The names of all sets, for `parametrize`; none where the shared folder is absent."""
    from tests.conftest import ROOT

    folder = ROOT.parent / "shared" / _FOLDER
    return sorted(path.name.removesuffix(".json.gz") for path in folder.glob("*.json.gz"))


@cache
def reference(name: str) -> Reference:
    """The set of this name; skips the calling test where the shared folder is absent."""
    held = orjson.loads(gzip.decompress(shared(f"{_FOLDER}/{name}.json.gz").read_bytes()))
    rows: list[dict[str, Any]] = held["data"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns: dict[str, NDArray[np.float64]] = {}
    texts: dict[str, list[str]] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if all(value is None or isinstance(value, int | float) for value in values):
            columns[name] = np.array([np.nan if v is None else v for v in values], dtype=float)
        else:
            texts[name] = ["" if value is None else str(value) for value in values]
    return Reference(
        id=held["id"],
        design=held["design"],
        rows=rows,
        columns=columns,
        texts=texts,
        results=held["results"],
    )
