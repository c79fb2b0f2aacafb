"""Pictures of what the base holds."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from api.answers import StoreDep, also_as, answer, answers_with, finished
from api.negotiation import wants_html
from api.pictures import map_drawing
from kb.pictures.render import MEDIA_TYPES, Format, render
from kb.store.evidence_map import MOST_OUTCOMES, By, EvidenceMapOut, evidence_map

router = APIRouter(tags=["pictures"])


@router.get("/evidence-map", responses=answers_with(EvidenceMapOut))
@also_as(*MEDIA_TYPES)
def show_evidence_map(
    request: Request,
    store: StoreDep,
    condition: Annotated[
        str | None, Query(description="Only studies of it: multiple sclerosis")
    ] = None,
    by: Annotated[By, Query(description="What tells products apart")] = "donor_tissue",
    outcomes: Annotated[
        int, Query(ge=1, le=MOST_OUTCOMES, description="At most so many, those of most studies")
    ] = 20,
) -> Response:
    """Which cell products were studied for which outcomes, in how many studies and participants:
    as JSON, as a page, or with `format=svg`, `pdf` or `png` as a picture."""
    with store.reading() as session:
        found = evidence_map(session, by=by, condition=condition, most=outcomes)
    format = request.query_params.get("format")
    if format in MEDIA_TYPES:
        body = render(map_drawing(found), cast(Format, format))
        return finished(request, body, MEDIA_TYPES[format])
    picture = None
    if found.cells and wants_html(request.scope):
        picture = Markup(render(map_drawing(found), "svg").decode())
    return answer(
        request,
        found,
        "evidence_map.html",
        context={"picture": picture, "formats": list(MEDIA_TYPES)},
    )
