"""The application: JSON and pages over one open database."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles

from api import problems
from api.answers import only_known_parameters
from api.guard import Guard
from api.routers import (
    appraisals,
    checks,
    citing,
    decisions,
    evidence,
    graph,
    home,
    identity,
    imports,
    outcomes,
    payloads,
    pictures,
    results,
    studies,
    synthesis,
    works,
)
from kb.settings import Settings
from kb.store.engine import Store

_ABOUT: Final = """
A living evidence base on mesenchymal stromal cell therapy. Every number leads back to where it
was reported, and nothing unreported is ever turned into a number.

**Null is not zero.** A field that no source reports is null. A result's numbers are its `cells`,
`{name: {value, text, state, origin}}`: `text` as printed, `state` what is known of it (reported,
reported_zero, not_reported, not_measured, not_applicable, unclear), `origin` how it came to be
(reported, computed, imputed, digitised, author_supplied). The cells n_analysed, events, percent,
mean, sd and median are always there; one that the source does not give has value null and a state
that says so. Others are there only where a source gives them.

**Any name will do.** A work is named by W1, a DOI, a PMID, a PMCID or openalex:W..., a study by
S1, a registration number or a record key. Slashes in a DOI may be percent-encoded or not.

**Nothing is ignored.** An unknown parameter, filter or field is an error that says what is known.
"""


def create_app(settings: Settings, store: Store) -> FastAPI:
    """The application over a database that has been migrated. The caller closes the store."""
    app = FastAPI(
        title="MSC evidence base",
        version=version("msc-evidence-base"),
        description=_ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        # The framework's own pages fetch their script from elsewhere; /docs is ours.
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(only_known_parameters)],
    )
    app.state.store = store
    app.state.settings = settings
    problems.install(app)
    for part in (
        home,
        citing,
        works,
        imports,
        appraisals,
        checks,
        studies,
        results,
        outcomes,
        decisions,
        identity,
        payloads,
        pictures,
        graph,
        evidence,
        synthesis,
    ):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(Guard, settings=settings)
    return app
