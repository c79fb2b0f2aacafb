"""Sending an export while it is read: the base stays open as long as somebody is listening."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.negotiation import accepted, asked_format
from kb.errors import InvalidInput
from kb.formats.outcome_tables.formats import ALIASES, FORMATS, Format, format_named
from kb.outcomes.comparisons import Choices, choices_of
from kb.outcomes.comparisons import SharedControl as Shared
from kb.outcomes.windows import Choose
from kb.store.analysis_rows import OF_RESULTS, Subject
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.store.outcome_exports import export_outcomes

_PIECE = 64 * 1024
PAGED = ("page", "per_page", "cursor", "select")


def choices(
    r: Annotated[
        float | None,
        Query(
            ge=-1,
            le=1,
            description="Exports: correlation of baseline with follow-up, where none follows",
        ),
    ] = None,
    without_origin: Annotated[
        list[Literal["computed", "imputed", "digitised", "author_supplied"]] | None,
        Query(description="Exports: leave such numbers out; may be given several times"),
    ] = None,
    shared_control: Annotated[
        Shared | None,
        Query(description="Exports: several arms against one control; flag, split or combine"),
    ] = None,
    one_per_window: Annotated[
        Choose | None,
        Query(description="Exports: at most one time of each window, chosen by this rule"),
    ] = None,
    with_complements: Annotated[
        bool, Query(description="Exports: also counts of those without the event")
    ] = False,
    with_controls: Annotated[
        bool, Query(description="Exports: also control arms, in tables of one group")
    ] = False,
    stated_roles: Annotated[
        bool,
        Query(description="Exports: no comparison in which the control is inferred from labels"),
    ] = False,
) -> Choices:
    return choices_of(
        r=r,
        without_origin=without_origin or (),
        shared_control=shared_control,
        one_per_window=one_per_window,
        complements=with_complements,
        controls=with_controls,
        stated_roles=stated_roles,
    )


ExportChoices = Annotated[Choices, Depends(choices)]


def export_asked(request: Request, choices: Choices) -> Format | None:
    """The format of an export that `?format=` or the Accept header asks for; None for the list
    itself, as JSON or as a page.

    Raises InvalidInput for parameters that do not go with what is asked for: nothing is ignored.
    """
    name = asked_format(request.scope)
    if name is None:
        media_types = {f.media_type.partition(";")[0]: f for f in _BY_MEDIA_TYPE}
        found = media_types.get(accepted(request.scope, (*media_types, *OWN_TYPES)) or "")
    else:
        found = None if name in ("json", "html") else format_named(name)
    if found is not None:
        given = [parameter for parameter in PAGED if parameter in request.query_params]
        if given:
            raise InvalidInput(f"an export is the whole list; leave out {', '.join(given)}")
    if choices != Choices() and (found is None or not found.compares):
        what = "the list" if found is None else found.name
        raise InvalidInput(f"{what} gives results as they are, with nothing to choose")
    return found


# What an Accept header can name: the formats that hold results as they are.
_BY_MEDIA_TYPE = tuple(FORMATS[name] for name in ("csv", "jsonl", "parquet", "xlsx"))
OWN_TYPES = ("application/json", "text/html", "application/xhtml+xml")
# As `format` can ask for them; json is the list itself.
EXPORTS = tuple(name for name in (*FORMATS, *ALIASES) if name != "json")


def export_links(request: Request) -> list[tuple[Format, str]]:
    """Each format with the address that exports what the page shows part of."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in (*PAGED, "format")
    ]
    found = []
    for format in FORMATS.values():
        if format.name == "json":
            continue  # the list itself goes by that name
        # Tables for analysis have an order of their own.
        asked = [pair for pair in kept if not (format.compares and pair[0] == "sort")]
        found.append((format, f"{request.url.path}?{urlencode([*asked, ('format', format.name)])}"))
    return found


def exported(
    store: Store, asked: Asked, format: Format, choices: Choices, of: Subject = OF_RESULTS
) -> Response:
    """What is selected as an attachment. `X-Total-Count` is the count of the list."""
    filename = format.file_of("outcomes" if of is OF_RESULTS else of.name.replace(" ", "-"))

    def begin(session: Session) -> Export:
        made = export_outcomes(session, asked, format, choices, of=of)
        return Export(made.pieces, made.summary.results, format.media_type, filename)

    return streamed(store, begin)


@dataclass(frozen=True, slots=True)
class Export:
    """A file in pieces, which read from the base until they are used up or closed. `count` is that
    of the list it holds."""

    pieces: Iterator[bytes]
    count: int
    media_type: str
    filename: str


def streamed(store: Store, begin: Callable[[Session], Export]) -> Response:
    """The export as an attachment, over a session of its own. `X-Total-Count` is its count.

    What goes wrong before the first piece is an answer like any other; what goes wrong later ends
    the connection before its end, so that no client takes a part for the whole.
    """
    held = ExitStack()
    try:
        export = begin(held.enter_context(store.reading()))
        first = next(export.pieces, b"")
    except BaseException:
        held.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="{export.filename}"',
        "X-Total-Count": str(export.count),
        "Vary": "Accept",
        "Cache-Control": "no-cache",
    }
    return _Reading(first, export.pieces, held.close, export.media_type, headers)


class _Reading(StreamingResponse):
    """Lets go of the database when all was sent, when it failed, and when nobody listens."""

    def __init__(
        self,
        first: bytes,
        rest: Iterator[bytes],
        let_go: Callable[[], None],
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        self._rest: Any = rest
        self._let_go = let_go
        super().__init__(_pieces(first, rest), media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._rest.close()
            self._let_go()


async def _pieces(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    while piece := await run_in_threadpool(_worth_sending, rest):
        yield piece


def _worth_sending(pieces: Iterator[bytes]) -> bytes:
    """The next pieces together; b"" where there are none left."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE:
            break
    return b"".join(held)
