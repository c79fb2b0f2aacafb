"""The seed study as several people extract it, each in tables of their own."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb import starter
from kb.formats.curation import read_tables
from kb.models import tables as t
from kb.models.evidence import source_of
from kb.store.curated import CuratedReport, save_curated
from kb.store.engine import Store
from tests.store.saves import NOW

SEED = "MS_IACOBAEUS_2019"
REVIEW = "my-review"

Tables: TypeAlias = dict[str, list[dict[str, str | None]]]


def seed_tables() -> Tables:
    """What the starter evidence says of the seed study, without its registration."""
    of_study = ("studies", "arms", "flow", "results", "adverse_events")
    tables: Tables = {}
    for name in of_study:
        with (starter.folder() / f"{name}.csv").open(encoding="utf-8") as file:
            tables[name] = [
                {column: text or None for column, text in row.items()}
                for row in csv.DictReader(file)
                if row["study"] == SEED
            ]
    used = {row["source"] for rows in tables.values() for row in rows}
    with (starter.folder() / "sources.csv").open(encoding="utf-8") as file:
        tables["sources"] = [
            {**row, "work": None} for row in csv.DictReader(file) if row["key"] in used
        ]
    return tables


def changed(tables: Tables, table: str, where: Mapping[str, str], **to: str | None) -> Tables:
    """The tables with the one row in which `where` holds changed, or left out without `to`."""
    rows = []
    found = 0
    for row in tables[table]:
        if all(row[column] == text for column, text in where.items()):
            found += 1
            if to:
                rows.append({**row, **to})
        else:
            rows.append(row)
    assert found == 1, f"{found} rows of {table} with {where}"
    return {**tables, table: rows}


def extract(
    store: Store,
    extractor: str | None,
    tables: Tables,
    *,
    collection: str = REVIEW,
    now: datetime = NOW,
    **said: Any,
) -> CuratedReport:
    source = source_of(collection, extractor)
    return save_curated(store, source, read_tables(tables, source=source), now=now, **said)


def found(session: Session, source: str, **where: Any) -> Any:
    """The one reported result of a source with these column values."""
    (row,) = results(session, source, **where)
    return row


def results(session: Session, source: str, **where: Any) -> list[Any]:
    session.expire_all()
    query = (
        sa.select(t.Result)
        .join(t.StoredRecord, col(t.StoredRecord.id) == col(t.Result.record_id))
        .join(t.OutcomeDefinition, col(t.OutcomeDefinition.id) == col(t.Result.outcome_id))
        .where(col(t.StoredRecord.source) == source)
        .order_by(col(t.Result.id))
    )
    if code := where.pop("code", None):
        query = query.where(col(t.OutcomeDefinition.code) == code)
    is_reported = col(t.Result.derivation_id).is_(None)
    query = query.where(~is_reported if where.pop("derived", False) else is_reported)
    for name, value in where.items():
        query = query.where(getattr(t.Result, name) == value)
    return list(session.execute(query).scalars())


def cells(session: Session, row: Any) -> dict[str, float | None]:
    held = session.exec(select(t.ResultCell).where(t.ResultCell.result_id == row.id))
    return {cell.name: cell.value for cell in held}
