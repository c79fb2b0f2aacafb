"""Reference files in: a file as the body of a request, and what became of each that came."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, Final, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.answers import Listed, Select, StoreDep, also_as, answer, answers_with, asked_of, listed
from api.collection_names import import_source
from api.negotiation import wants_html
from api.problems import problem
from kb.errors import InvalidInput, NotFound
from kb.formats.references.as_read import as_json, begun, columns_said
from kb.formats.references.formats import FORMATS, by_name, read_file
from kb.store import imports
from kb.store.engine import Store
from kb.store.imports import IMPORTS, ImportDetail, ImportOut
from kb.store.listing import Asked
from kb.store.lookup import LARGEST_ID, plain_text

router = APIRouter(prefix="/imports", tags=["imports"])

AskedImports = Annotated[Asked, Depends(asked_of(IMPORTS))]
_IN_MEMORY: Final = 1024 * 1024
_LONGEST_NAME: Final = 200


@router.get("", responses=answers_with(Listed[ImportOut]))
def list_imports(
    request: Request, store: StoreDep, asked: AskedImports, select: Select = None
) -> Response:
    """Reference files brought in, newest first, with what became of their records."""
    with store.reading() as session:
        found = imports.list_imports(session, asked)
    return listed(request, found, "imports/list.html", ImportOut, select)


@router.get("/{number}", responses=answers_with(ImportDetail))
def one_import(request: Request, store: StoreDep, number: str, select: Select = None) -> Response:
    """One of them, with what of the file could not be used and why."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidInput(f"not the number of an import: {number[:40]!r} (expected e.g. 1)")
    if int(number) > LARGEST_ID:
        raise NotFound(f"no import {number}")
    with store.reading() as session:
        found = imports.read_import(session, int(number))
    return answer(request, found, "imports/one.html", select=select)


@router.post("", status_code=201, responses=answers_with(ImportDetail))
@also_as(*(format.name for format in FORMATS))
async def bring_in(
    request: Request,
    store: StoreDep,
    source: Annotated[
        str | None,
        Query(
            description="What its records stand under, embase-2026-11; made from the file's name "
            "unless said"
        ),
    ] = None,
    filename: Annotated[str, Query(description="What the file is called")] = "upload",
    map: Annotated[
        list[str] | None,
        Query(description="Of a table, column=field: Titel=title; may be given several times"),
    ] = None,
    who: Annotated[str | None, Query(description="Who brings it in")] = None,
    dry_run: Annotated[
        bool, Query(description="Only read it: each record as read, nothing written")
    ] = False,
) -> Response:
    """Bring in a reference file, which is the body of the request as it is. What format it has is
    seen from its content, unless `format` says it.

    Answers with what became of its records. The same file again finds everything unchanged (200).
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        return problem(
            415,
            "the body is a form; send the file itself as the body "
            "(curl --data-binary @FILE), its name as ?filename=",
            path=request.url.path,
            as_page=wants_html(request.scope),
        )
    said = request.query_params.get("format")
    columns = columns_said(map or ())
    name = plain_text(filename)[:_LONGEST_NAME]
    source = import_source(source, name)
    file = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    try:
        async for piece in request.stream():
            file.write(piece)
    except BaseException:
        file.close()
        raise
    if dry_run:
        return await run_in_threadpool(_as_read, file, source, name, said, columns)
    with file:
        return await run_in_threadpool(_import, store, file, source, name, said, columns, who)


def _import(
    store: Store,
    file: BinaryIO,
    source: str,
    name: str,
    format: str | None,
    columns: dict[str, str] | None,
    who: str | None,
) -> Response:
    run = imports.import_file(
        store,
        file,
        source=source,
        file_name=name,
        format=format,
        columns=columns,
        who=plain_text(who) if who else None,
    )
    return Response(
        orjson.dumps(run.as_dict()),
        status_code=201 if run.is_new else 200,
        media_type="application/json",
        headers={"Location": f"/imports/{run.done.id}", "Cache-Control": "no-store"},
    )


def _as_read(
    file: BinaryIO,
    source: str,
    name: str,
    format: str | None,
    columns: dict[str, str] | None,
) -> Response:
    file.seek(0)
    reads = read_file(
        file, source=source, name=name, format=by_name(format) if format else None, columns=columns
    )
    try:
        reading = begun(name, source, reads)
    except BaseException:
        file.close()
        raise
    return StreamingResponse(
        as_json([reading]), media_type="application/json", background=BackgroundTask(file.close)
    )
