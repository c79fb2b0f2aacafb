"""Studies, and the registry entries they go by."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.answers import Listed, Select, StoreDep, answer, answers_with, asked_of, listed, named
from api.negotiation import wants_html
from api.problems import Moved
from kb.models.ids import Kind, public_id
from kb.store import studies
from kb.store.appraisals import read_appraisals
from kb.store.checks import check
from kb.store.listing import Asked
from kb.store.lookup import resolve_registration, resolve_study
from kb.store.studies import RegistrationDetail, RegistrationSummary, StudyDetail, StudySummary

router = APIRouter(tags=["studies"])

AskedStudies = Annotated[Asked, Depends(asked_of(studies.STUDIES))]
AskedRegistrations = Annotated[Asked, Depends(asked_of(studies.REGISTRATIONS))]


@router.get("/studies", responses=answers_with(Listed[StudySummary]))
def list_studies(
    request: Request, store: StoreDep, asked: AskedStudies, select: Select = None
) -> Response:
    """Studies, newest first unless asked otherwise; those of unknown year come last."""
    with store.reading() as session:
        if (number := named(request, session, asked.search, resolve_study)) is not None:
            return RedirectResponse(f"/studies/{public_id(Kind.STUDY, number)}", 303)
        found = studies.list_studies(session, asked)
    return listed(request, found, "studies/list.html", StudySummary, select)


@router.get("/studies/{study:path}", responses=answers_with(StudyDetail))
def study(request: Request, store: StoreDep, study: str, select: Select = None) -> Response:
    """A study as each source describes it: arms, products, doses, flow, results and adverse
    events, every statement with the place it stands in."""
    with store.reading() as session:
        number = resolve_study(session, study)
        asked, canonical = study.strip().upper(), public_id(Kind.STUDY, number)
        if re.fullmatch(r"S[0-9]+", asked) and asked != canonical:
            query = f"?{request.url.query}" if request.url.query else ""
            raise Moved(f"/studies/{canonical}{query}")
        found = studies.read_study(session, number)
        # Only the page shows them; programs ask for /studies/S1/checks and /appraisals.
        findings = check(session, number) if wants_html(request.scope) else []
        judged = read_appraisals(session, number) if wants_html(request.scope) else []
    context = {"findings": findings, "appraisals": judged}
    return answer(request, found, "studies/one.html", select=select, context=context)


@router.get("/registrations", responses=answers_with(Listed[RegistrationSummary]))
def list_registrations(
    request: Request, store: StoreDep, asked: AskedRegistrations, select: Select = None
) -> Response:
    """Registry entries, by number."""
    with store.reading() as session:
        found = studies.list_registrations(session, asked)
    return listed(request, found, "registrations/list.html", RegistrationSummary, select)


@router.get("/registrations/{number:path}", responses=answers_with(RegistrationDetail))
def registration(request: Request, store: StoreDep, number: str, select: Select = None) -> Response:
    """A registry entry under any of its numbers, the studies registered so, and the works that
    name it or that it lists."""
    with store.reading() as session:
        found = studies.read_registration(session, resolve_registration(session, number))
    return answer(request, found, "registrations/one.html", select=select)
