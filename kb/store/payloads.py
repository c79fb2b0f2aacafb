"""Payloads, kept verbatim and compressed before anything reads them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import NotFound
from kb.models.records import Payload
from kb.models.tables import StoredPayload
from kb.store.engine import Store

# What a source answered for good. A 429 or 503 is kept too, but answers nothing later.
_FINAL = (200, 404, 410)


class Payloads:
    """The payload store that fetching writes to: each answer in a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, payload: Payload) -> Payload:
        """The payload with its id. The same answer to the same request is kept once."""
        with self._store.reading() as session:
            kept = _same(session, payload)
        if kept is None:
            with self._store.writing() as session:
                kept = keep(session, payload)
        return replace(payload, id=kept)

    def find(self, source: str, request: str) -> Payload | None:
        """The latest final answer kept for the request, or None if there is none."""
        query = (
            select(StoredPayload)
            .where(StoredPayload.source == source, StoredPayload.request == request)
            .where(col(StoredPayload.status).in_(_FINAL))
            .order_by(col(StoredPayload.fetched_at).desc(), col(StoredPayload.id).desc())
            .limit(1)
        )
        with self._store.reading() as session:
            row = session.exec(query).first()
            return None if row is None else _value(row)


def keep(session: Session, payload: Payload) -> int:
    """The id of the kept payload, within the caller's transaction."""
    kept = _same(session, payload)
    if kept is not None:
        return kept
    row = StoredPayload(
        source=payload.source,
        request=payload.request,
        status=payload.status,
        media_type=payload.media_type,
        headers=dict(payload.headers),
        fetched_at=payload.fetched_at.astimezone(UTC),
        sha256=payload.sha256,
        size=len(payload.body),
        body=zlib.compress(payload.body, 6),
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def load(session: Session, payload_id: int) -> Payload:
    row = session.get(StoredPayload, payload_id)
    if row is None:
        raise NotFound(f"no payload {payload_id}")
    return _value(row)


def _same(session: Session, payload: Payload) -> int | None:
    query = (
        sa.select(col(StoredPayload.id))
        .where(col(StoredPayload.source) == payload.source)
        .where(col(StoredPayload.request) == payload.request)
        .where(col(StoredPayload.sha256) == payload.sha256)
    )
    return session.execute(query).scalar()


def _value(row: StoredPayload) -> Payload:
    return Payload(
        id=row.id,
        source=row.source,
        request=row.request,
        status=row.status,
        media_type=row.media_type,
        headers=tuple(sorted(row.headers.items())),
        fetched_at=row.fetched_at,
        body=zlib.decompress(row.body),
    )
