"""Results and adverse events, one row each, with the evidence beside every number."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.answers import Listed, Select, StoreDep, also_as, answer, answers_with, asked_of, listed
from api.exports import EXPORTS, ExportChoices, export_asked, export_links, exported
from kb.store import results
from kb.store.analysis_rows import OF_ADVERSE_EVENTS
from kb.store.listing import Asked
from kb.store.results import AdverseEventOut, ResultOut

router = APIRouter(tags=["results"])

AskedResults = Annotated[Asked, Depends(asked_of(results.RESULTS))]
AskedEvents = Annotated[Asked, Depends(asked_of(results.ADVERSE_EVENTS))]


@router.get("/results", responses=answers_with(Listed[ResultOut]))
@also_as(*EXPORTS)
def list_results(
    request: Request,
    store: StoreDep,
    asked: AskedResults,
    choices: ExportChoices,
    select: Select = None,
) -> Response:
    """Results: of an arm at a time, within an arm, or of a contrast of two arms.

    `cells` always holds n_analysed, events, percent, mean, sd and median. A cell that the source
    does not give is {"value": null, "text": null, "state": "not_reported", "origin": null}; null
    is never 0, and a zero that was reported has state "reported_zero".

    With `format` the whole list is exported, with the same filters: csv, jsonl, parquet and xlsx
    hold results as they are, srdr, revman5, revman-web, metafor-... and meta-... are tables for
    analysis. docs/exports.md describes formats and columns.
    """
    export = export_asked(request, choices)
    if export is not None:
        return exported(store, asked, export, choices)
    with store.reading() as session:
        found = results.list_results(session, asked)
    return listed(
        request,
        found,
        "results/list.html",
        ResultOut,
        select,
        context={"exports": export_links(request)},
    )


@router.get("/results/{result}", responses=answers_with(ResultOut))
def result(request: Request, store: StoreDep, result: str, select: Select = None) -> Response:
    """A result with its cells, its evidence and, where it was not reported, its derivation."""
    with store.reading() as session:
        found = results.read_result(session, result)
    return answer(request, found, "results/one.html", select=select)


@router.get("/adverse-events", responses=answers_with(Listed[AdverseEventOut]))
@also_as(*EXPORTS)
def list_adverse_events(
    request: Request,
    store: StoreDep,
    asked: AskedEvents,
    choices: ExportChoices,
    select: Select = None,
) -> Response:
    """Adverse-event statements. `persons_affected` and `event_count` are different numbers; null
    is not reported, which "safe and well tolerated" leaves it.

    With `format` the whole list is exported as results are: persons affected of those at risk as
    counts of persons, numbers of events in the tables of rates.
    """
    export = export_asked(request, choices)
    if export is not None:
        return exported(store, asked, export, choices, OF_ADVERSE_EVENTS)
    with store.reading() as session:
        found = results.list_adverse_events(session, asked)
    return listed(
        request,
        found,
        "adverse_events/list.html",
        AdverseEventOut,
        select,
        context={"exports": export_links(request)},
    )


@router.get("/adverse-events/{event}", responses=answers_with(AdverseEventOut))
def adverse_event(request: Request, store: StoreDep, event: str, select: Select = None) -> Response:
    """One adverse-event statement with its evidence."""
    with store.reading() as session:
        found = results.read_adverse_event(session, event)
    return answer(request, found, "adverse_events/one.html", select=select)
