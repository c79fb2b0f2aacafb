"""Payloads, kept verbatim and compressed before anything reads them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

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
            latest = _latest(session, payload.source, payload.request)
            if latest is not None and _is_same(latest, payload):
                return replace(payload, id=latest.id)
        with self._store.writing() as session:
            return replace(payload, id=keep(session, payload))

    def find(self, source: str, request: str) -> Payload | None:
        """The latest final answer kept for the request, or None if there is none."""
        with self._store.reading() as session:
            row = _latest(session, source, request, _FINAL)
            return None if row is None else _value(row)


def keep(session: Session, payload: Payload) -> int:
    """The id of the kept payload, within the caller's transaction."""
    latest = _latest(session, payload.source, payload.request)
    if latest is not None and _is_same(latest, payload) and latest.id is not None:
        return latest.id
    at = payload.fetched_at.astimezone(UTC)
    row = session.exec(
        select(StoredPayload).where(
            StoredPayload.source == payload.source,
            StoredPayload.request == payload.request,
            StoredPayload.status == payload.status,
            StoredPayload.sha256 == payload.sha256,
        )
    ).first()
    row = row or StoredPayload(
        source=payload.source,
        request=payload.request,
        status=payload.status,
        media_type=payload.media_type,
        headers=dict(payload.headers),
        fetched_at=at,
        current_since=at,
        sha256=payload.sha256,
        size=len(payload.body),
        body=zlib.compress(payload.body, 6),
    )
    row.current_since = at
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def load(session: Session, payload_id: int) -> Payload:
    row = session.get(StoredPayload, payload_id)
    if row is None:
        raise NotFound(f"no payload {payload_id}")
    return _value(row)


def _latest(
    session: Session, source: str, request: str, statuses: Sequence[int] | None = None
) -> StoredPayload | None:
    query = select(StoredPayload).where(
        StoredPayload.source == source, StoredPayload.request == request
    )
    if statuses is not None:
        query = query.where(col(StoredPayload.status).in_(statuses))
    newest = (col(StoredPayload.current_since).desc(), col(StoredPayload.id).desc())
    return session.exec(query.order_by(*newest).limit(1)).first()


def _is_same(row: StoredPayload, payload: Payload) -> bool:
    return (row.status, row.sha256) == (payload.status, payload.sha256)


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
