"""Payloads: what sources sent, verbatim."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.answers import StoreDep, answer, answers_with, finished
from kb.errors import InvalidInput, NotFound
from kb.store import payloads
from kb.store.lookup import LARGEST_ID
from kb.store.works import PayloadOut, read_payload

router = APIRouter(prefix="/payloads", tags=["payloads"])

# A body is a stranger's: a browser must not take it for a page or a script of ours.
_TEXTUAL = ("text/", "application/json", "application/xml", "+json", "+xml")


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


@router.get("/{payload}", responses=answers_with(PayloadOut))
def payload(request: Request, store: StoreDep, payload: str) -> Response:
    """What was asked, when, what came back, and the records read from it."""
    number = _number(payload)
    with store.reading() as session:
        found = read_payload(session, number)
    if found is None:
        raise NotFound(f"no payload {number}")
    return answer(request, found, "payload.html")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise InvalidInput(f"not a payload: {text[:40]!r} (expected its number, e.g. 1)")
    if int(text) > LARGEST_ID:
        raise NotFound(f"no payload {text}")
    return int(text)


def _header(media_type: str | None) -> str:
    return "".join(c for c in media_type or "unknown" if c.isascii() and c.isprintable())
