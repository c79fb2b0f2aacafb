"""Asking the base. With --json each command prints what the API answers to the same question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli._context import (
    AsJson,
    Cursor,
    Filter,
    PageNumber,
    PerPage,
    Search,
    Sort,
    console,
    print_json,
    reading,
    say,
)

if TYPE_CHECKING:
    from kb.store.listing import Asked, Page


def work(
    name: Annotated[
        str, typer.Argument(metavar="WORK", help="W1, a DOI, PMID, PMCID or OpenAlex id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a work: what it is, who says so, and which studies it reports.

    kb work 10.3390/jcm8122102
    kb work pmid:31810187 --json
    """
    from kb.store.lookup import resolve_work
    from kb.store.works import read_work

    with reading() as session:
        found = read_work(session, resolve_work(session, name))
    if as_json:
        print_json(found)
    else:
        from api.cli import show

        show.work(console(), found)


def study(
    name: Annotated[
        str, typer.Argument(metavar="STUDY", help="S1, a registration number or a record key.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a study: its reports, arms, doses, results and adverse events, each with its evidence.

    kb study MS_IACOBAEUS_2019
    kb study NCT03778333 --json
    """
    from kb.store.lookup import resolve_study
    from kb.store.studies import read_study

    with reading() as session:
        found = read_study(session, resolve_study(session, name))
    if as_json:
        print_json(found)
    else:
        from api.cli import show

        show.study(console(), found)


def registration(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="A registration number of any registry, or G1.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a registry entry and the studies and works linked to it.

    kb registration NCT03778333
    kb registration 2012-000518-13 --json
    """
    from kb.store.lookup import resolve_registration
    from kb.store.studies import read_registration

    with reading() as session:
        found = read_registration(session, resolve_registration(session, number))
    if as_json:
        print_json(found)
    else:
        from api.cli import show

        show.registration(console(), found)


def works(
    search: Search = None,
    filter: Filter = None,
    sort: Sort = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List works, newest first.

    In --filter, | means or, ! before a value not, null unknown; numbers take >, >=, <, <= and
    low-high. A field that does not exist is answered with those that do.

        kb works --search "mesenchymal sclerosis" --filter "year:>2015,type:!review"
        kb works --filter is_retracted:true --sort cited_by:desc --json
    """
    from kb.store.works import list_works

    asked = asked_of(search, filter, sort, page, per_page, cursor)
    with reading() as session:
        found = list_works(session, asked)
    print_page(found, "works", as_json)


def studies(
    search: Search = None,
    condition: Annotated[str | None, typer.Option(help="multiple sclerosis ...")] = None,
    filter: Filter = None,
    sort: Sort = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List studies, newest first. `kb works --help` explains --filter.

    kb studies --condition "multiple sclerosis"
    kb studies --filter "tissue:bone marrow,results:>10" --json
    """
    from kb.store.studies import list_studies

    asked = asked_of(search, filter, sort, page, per_page, cursor, condition=condition)
    with reading() as session:
        found = list_studies(session, asked)
    print_page(found, "studies", as_json)


def results(
    study: Annotated[
        str | None, typer.Option(help="S1, a registration number or a record key.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="Code of the outcome, EDSS, or O1.")] = None,
    condition: Annotated[str | None, typer.Option(help="multiple sclerosis ...")] = None,
    state: Annotated[
        str | None, typer.Option(help="reported, reported_zero, not_reported, not_measured ...")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="reported, computed, imputed, digitised, author_supplied.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="arm, within_arm or contrast.")] = None,
    report: Annotated[
        str | None, typer.Option(help="A work reporting the study: W1, a DOI ...")
    ] = None,
    tissue: Annotated[str | None, typer.Option(help="Tissue the cells came from.")] = None,
    donor: Annotated[str | None, typer.Option(help="autologous, allogeneic ...")] = None,
    route: Annotated[str | None, typer.Option(help="How the cells were given.")] = None,
    search: Search = None,
    filter: Filter = None,
    sort: Sort = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List results as reported, each with where it was reported.

    A value that is not a reported one says so ("computed"); an unreported one is "not reported",
    never 0. `kb works --help` explains --filter.

        kb results --study MS_IACOBAEUS_2019
        kb results --outcome EDSS --filter "days:300-400,cell:mean" --json
    """
    from kb.store.results import list_results

    asked = asked_of(
        search,
        filter,
        sort,
        page,
        per_page,
        cursor,
        study=study,
        outcome=outcome,
        condition=condition,
        state=state,
        origin=origin,
        kind=kind,
        report=report,
        tissue=tissue,
        donor=donor,
        route=route,
    )
    with reading() as session:
        found = list_results(session, asked)
    print_page(found, "results", as_json)


def asked_of(
    search: str | None,
    filter: str | None,
    sort: str | None,
    page: int,
    per_page: int,
    cursor: str | None,
    **fields: str | None,
) -> Asked:
    from kb.store.listing import Asked

    return Asked(
        search=search,
        filter=filter,
        fields={name: value for name, value in fields.items() if value is not None},
        sort=sort,
        page=page,
        per_page=per_page,
        cursor=cursor,
    )


def print_page(found: Page[Any], kind: str, as_json: bool) -> None:
    """In the envelope that the API's lists have, or as a table of `kind`.

    A program that is given part of a list is told so beside it, not in it.
    """
    if as_json:
        meta = {
            "count": found.count,
            "page": found.page,
            "per_page": found.per_page,
            "next_cursor": found.next_cursor,
        }
        print_json({"meta": meta, "results": found.results})
        if found.has_next or found.next_cursor:
            from api.cli import show

            say(show.page_line(found, kind))
    else:
        from api.cli import show

        show.page(console(), found, kind)
