"""Works as files for reference managers: which format is asked for, and the answer in it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session

from api.answers import finished
from api.exports import OWN_TYPES, PAGED, Export, streamed
from api.negotiation import accepted, asked_format
from kb.errors import InvalidInput
from kb.formats.references.formats import Format, write_records
from kb.models.ids import Kind, public_id
from kb.store.engine import Store
from kb.store.exported_works import EXPORT_FORMATS, selected_records, work_records
from kb.store.listing import Asked, count_rows
from kb.store.works import WORKS

FORMAT_NAMES: Final = tuple(format.name for format in EXPORT_FORMATS)
_BY_NAME: Final = {format.name: format for format in EXPORT_FORMATS}
# Two formats share a type; the first is meant by it.
_BY_TYPE: Final = {format.media_type: format for format in reversed(EXPORT_FORMATS)}


def reference_format_asked(request: Request) -> Format | None:
    """The format that `?format=` or the Accept header asks for; None for JSON and pages.

    Raises InvalidInput for parameters of pages of a list: a file holds the whole list.
    """
    name = asked_format(request.scope)
    if name is None:
        found = _BY_TYPE.get(accepted(request.scope, (*_BY_TYPE, *OWN_TYPES)) or "")
    else:
        found = _BY_NAME.get(name)
    given = [parameter for parameter in PAGED if parameter in request.query_params]
    if found is not None and given:
        raise InvalidInput(f"a file of references is whole; leave out {', '.join(given)}")
    return found


def exported_works(store: Store, asked: Asked, format: Format) -> Response:
    """All works of the list as an attachment. `X-Total-Count` is the count of the list."""

    def begin(session: Session) -> Export:
        return Export(
            pieces=write_records(selected_records(session, asked), format),
            count=count_rows(session, WORKS, asked),
            media_type=typed(format),
            filename=f"works{format.suffixes[0]}",
        )

    return streamed(store, begin)


def exported_work(request: Request, session: Session, number: int, format: Format) -> Response:
    """The one work as an attachment."""
    body = b"".join(write_records(work_records(session, [number]), format))
    filename = f"{public_id(Kind.WORK, number)}{format.suffixes[0]}"
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return finished(request, body, typed(format), headers)


def export_links(request: Request) -> list[tuple[Format, str]]:
    """Each format with the address that exports what the page shows."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in (*PAGED, "format")
    ]
    return [
        (format, f"{request.url.path}?{urlencode([*kept, ('format', format.name)])}")
        for format in EXPORT_FORMATS
    ]


def typed(format: Format) -> str:
    """The media type, with what its text is encoded in."""
    is_text = format.media_type.startswith("text/")
    return f"{format.media_type}; charset=utf-8" if is_text else format.media_type
