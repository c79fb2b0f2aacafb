"""The front page, the state of the server, and what it serves."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.answers import StoreDep, answer, answers_with
from kb.errors import NotFound, StoreUnavailable
from kb.store.lookup import resolve_study
from kb.store.overview import counts, schema_revision
from kb.store.studies import study_summaries

router = APIRouter(tags=["about"])

_SEED = "MS_IACOBAEUS_2019"
_LISTS = ("works", "studies", "results", "adverse-events", "registrations", "outcomes", "caveats")


class Home(BaseModel):
    name: str
    counts: dict[str, int]
    links: dict[str, str]


class Health(BaseModel):
    status: str
    version: str
    database: str
    schema_revision: str | None
    counts: dict[str, int]


@router.get("/", responses=answers_with(Home))
def home(request: Request, store: StoreDep) -> Response:
    """What this base holds and where to begin."""
    with store.reading() as session:
        held = counts(session)
        try:
            seed = study_summaries(session, [resolve_study(session, _SEED)])
        except NotFound:
            seed = []
    links = {name: f"/{name}" for name in _LISTS} | {
        "health": "/health",
        "openapi": "/openapi.json",
    }
    value = {"name": "MSC evidence base", "counts": held, "links": links}
    return answer(request, value, "home.html", context={"seed": seed[0] if seed else None})


@router.get("/health", responses=answers_with(Health))
def health(request: Request, store: StoreDep) -> Response:
    """Whether the database answers, which one it is, and what it holds. 503 where it does not."""
    with store.reading() as session:
        revision = schema_revision(session)
        if revision is None:
            raise StoreUnavailable("the database has no schema yet; `kb init` creates it")
        value = {
            "status": "ok",
            "version": version("msc-evidence-base"),
            "database": "sqlite" if store.is_sqlite else "postgresql",
            "schema_revision": revision,
            "counts": counts(session),
        }
    return answer(request, value, "health.html")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    """What can be asked, as a page; /openapi.json says the same to programs."""
    return answer(request, request.app.openapi(), "docs.html")
