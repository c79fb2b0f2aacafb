"""Payloads: what sources sent, verbatim."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.answers import StoreDep, answer, answers_with, finished
from kb.errors import InvalidInput, NotFound
from kb.formats.tables import read_row
from kb.store import payloads
from kb.store.lookup import LARGEST_ID
from kb.store.works import PayloadOut, read_payload

router = APIRouter(prefix="/payloads", tags=["payloads"])

# A body is a stranger's: a browser must not take it for a page or a script of ours.
_TEXTUAL = ("text/", "application/json", "application/xml", "+json", "+xml")


class PayloadRow(BaseModel):
    payload_id: int
    request: str
    line: int
    cells: dict[str, str]


@router.get("/{payload}/body", responses={200: {"content": {"text/plain": {}}}})
def payload_body(request: Request, store: StoreDep, payload: str) -> Response:
    """The bytes as they arrived, to be saved: as plain text, or as bytes where it is no text."""
    with store.reading() as session:
        kept = payloads.load(session, _number(payload))
    is_text = any(kind in (kept.media_type or "") for kind in _TEXTUAL)
    extension = "txt" if is_text else "bin"
    return finished(
        request,
        kept.body,
        "text/plain; charset=utf-8" if is_text else "application/octet-stream",
        {
            "Content-Disposition": f'attachment; filename="payload-{kept.id}.{extension}"',
            "X-Content-Type-Options": "nosniff",
            "X-Media-Type": _header(kept.media_type),
        },
    )


@router.get("/{payload}/rows/{line}", responses=answers_with(PayloadRow))
def payload_row(request: Request, store: StoreDep, payload: str, line: str) -> Response:
    """One row of a curated table, where evidence says it was entered: `results.csv:150` is line
    150 of its payload. Cells as they were typed, by column; "" is an empty cell."""
    with store.reading() as session:
        kept = payloads.load(session, _number(payload))
    cells = read_row(kept.body, kept.media_type, _number(line, "a line"))
    if cells is None:
        raise NotFound(f"payload {kept.id} has no row in line {line}")
    value = {"payload_id": kept.id, "request": kept.request, "line": int(line), "cells": cells}
    return answer(request, value, "payload_row.html")


@router.get("/{payload}", responses=answers_with(PayloadOut))
def payload(request: Request, store: StoreDep, payload: str) -> Response:
    """What was asked, when, what came back, and the records read from it."""
    number = _number(payload)
    with store.reading() as session:
        found = read_payload(session, number)
    if found is None:
        raise NotFound(f"no payload {number}")
    return answer(request, found, "payload.html")


def _number(text: str, what: str = "a payload") -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise InvalidInput(f"not {what}: {text[:40]!r} (expected its number, e.g. 1)")
    if int(text) > LARGEST_ID:
        raise NotFound(f"no {what.partition(' ')[2]} {text}")
    return int(text)


def _header(media_type: str | None) -> str:
    return "".join(c for c in media_type or "unknown" if c.isascii() and c.isprintable())
