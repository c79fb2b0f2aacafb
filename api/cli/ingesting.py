"""Filling the base from sources, and what is left over from that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli._context import (
    AsJson,
    Filter,
    PageNumber,
    PerPage,
    Search,
    base,
    console,
    print_json,
    reading,
)
from api.cli._progress import progress
from api.cli.reading import asked_of, print_page
from kb.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from ingest.pipeline import Ingest
    from ingest.report import RunReport
    from kb.models.identifiers import Identifier
    from kb.store.engine import Store

_INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl-C
_NOTHING_OBTAINED = 1

app = typer.Typer(no_args_is_help=True)

Sources = Annotated[
    str | None,
    typer.Option(
        help="Only these, separated by commas: europepmc, crossref, pubmed, openalex, "
        "clinicaltrials.",
        metavar="NAMES",
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Read again what was fetched before; ask nobody.")
]
Max = Annotated[int | None, typer.Option("--max", min=1, help="At most so many from each source.")]


@app.callback()
def ingest() -> None:
    """Fetch works, citations and trials from their sources into the base.

    Every answer is kept before it is read. A run can be stopped at any time and started again; what
    is known already is not written twice. Set KB_CONTACT_EMAIL to be served faster.

        kb ingest work 10.3390/jcm8122102 --hops 1
        kb ingest topic "mesenchymal AND multiple sclerosis" --max 500
        kb ingest trials --condition "multiple sclerosis" --intervention "mesenchymal stem cells"

    Exit code 0: something was obtained; failures and lists cut short are in the report. 1: nothing
    at all was. 130: stopped with Ctrl-C, what was obtained until then is in the base.
    """


@app.command("work")
def ingest_work(
    name: Annotated[
        str, typer.Argument(metavar="WORK", help="A DOI, PMID, PMCID or OpenAlex id, or W1.")
    ],
    hops: Annotated[
        int,
        typer.Option(
            min=0,
            help="How far to follow citations. With 0 neighbours are known as the lists of "
            "references and citations describe them; with 1 each is looked up as well.",
        ),
    ] = 0,
    direction: Annotated[str, typer.Option(help="references, citations or both.")] = "both",
    sources: Sources = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Fetch one work, what it cites and what cites it, and the trials it names.

    kb ingest work 10.3390/jcm8122102
    kb ingest work pmid:31810187 --hops 1 --direction references --json
    """
    _run(
        lambda store, run: run.work(_identifier(store, name), hops=hops, direction=direction),
        sources=sources,
        offline=offline,
        as_json=as_json,
    )


@app.command("topic")
def ingest_topic(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="As the sources' own search takes it.")
    ],
    limit: Max = None,
    sources: Sources = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the works that a query finds in each source, and the trials they name.

    kb ingest topic "mesenchymal AND multiple sclerosis" --max 200
    kb ingest topic "mesenchymal stromal" --sources pubmed,europepmc
    """
    _run(
        lambda _, run: run.topic(query, limit=limit),
        sources=sources,
        offline=offline,
        as_json=as_json,
    )


@app.command("trials")
def ingest_trials(
    condition: Annotated[str | None, typer.Option(help="multiple sclerosis ...")] = None,
    intervention: Annotated[str | None, typer.Option(help="mesenchymal stem cells ...")] = None,
    term: Annotated[str | None, typer.Option(help="Any other words.")] = None,
    limit: Max = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Fetch entries of ClinicalTrials.gov, with the results posted there.

    kb ingest trials --condition "multiple sclerosis" --intervention "mesenchymal stem cells"
    """
    _run(
        lambda _, run: run.trials(
            condition=condition, intervention=intervention, term=term, limit=limit
        ),
        offline=offline,
        as_json=as_json,
    )


@app.command("registration")
def ingest_registration(
    numbers: Annotated[list[str], typer.Argument(metavar="NCT...", help="One or more numbers.")],
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Fetch entries of ClinicalTrials.gov by number.

    kb ingest registration NCT03778333 NCT00781872
    """
    wanted = list(dict.fromkeys(map(_registry_number, numbers)))
    _run(lambda _, run: run.trial_numbers(wanted), offline=offline, as_json=as_json)


@app.command("failures")
def failures(
    search: Search = None,
    filter: Filter = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    as_json: AsJson = False,
) -> None:
    """List what could not be fetched or read, newest first, until a later run succeeds.

    kb ingest failures --filter source:crossref
    """
    from kb.store.unresolved import list_failures

    with reading() as session:
        found = list_failures(session, asked_of(search, filter, None, page, per_page, None))
    print_page(found, "failures", as_json)


@app.command("conflicts")
def conflicts(
    search: Search = None,
    filter: Filter = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    as_json: AsJson = False,
) -> None:
    """List records that share an identifier with a work and contradict it; a person decides.

    kb ingest conflicts --json
    """
    from kb.store.unresolved import list_conflicts

    with reading() as session:
        found = list_conflicts(session, asked_of(search, filter, None, page, per_page, None))
    print_page(found, "conflicts", as_json)


def _registry_number(text: str) -> str:
    from kb.identity.registrations import normalize_registration

    found = normalize_registration(text)
    if found is None or found[0] != "ClinicalTrials.gov":
        reason = "not a registration number" if found is None else f"a number of {found[0]}"
        raise InvalidInput(
            f"{reason}: {text[:60]!r} (expected one of ClinicalTrials.gov, e.g. NCT03778333)"
        )
    return found[1]


def _identifier(store: Store, name: str) -> Identifier:
    """What to ask sources by; a work's own id here stands for one of its identifiers."""
    from kb.identity.identifiers import normalize_openalex, parse_identifier
    from kb.store.links import identifiers_of
    from kb.store.lookup import resolve_work

    if not re.fullmatch(r"\s*W[0-9]+\s*", name, re.I):
        return parse_identifier(name)
    try:
        with store.reading() as session:
            known = identifiers_of(session, resolve_work(session, name))
    except NotFound:
        if normalize_openalex(name):
            return parse_identifier(name)
        raise
    if not known:
        raise InvalidInput(f"{name.strip()} has no identifier that sources know it by")
    return min(known)


def _run(
    ask: Callable[[Store, Ingest], Any],
    *,
    sources: str | None = None,
    offline: bool,
    as_json: bool,
) -> None:
    from ingest.fetch import Fetch
    from ingest.pipeline import SOURCES, Ingest, KeptPayloads
    from kb.settings import Settings

    settings = Settings()
    chosen = SOURCES if sources is None else [name.strip() for name in sources.split(",")]
    with base(settings) as store:
        payloads = KeptPayloads(store)
        with (
            Fetch(settings, payloads, offline=offline) as fetch,
            progress(quiet=as_json) as tell,
        ):
            run = Ingest(store, fetch, payloads, sources=chosen, progress=tell)
            try:
                ask(store, run)
            except KeyboardInterrupt:
                run.report.interrupted = True
        _print_report(store, run.report, as_json)
    if run.report.interrupted:
        raise typer.Exit(_INTERRUPTED)
    if not _has_obtained(run.report):
        raise typer.Exit(_NOTHING_OBTAINED)


def _has_obtained(report: RunReport) -> bool:
    is_known = bool(report.works or report.studies)
    return is_known and any(s.new + s.changed + s.unchanged for s in report.sources.values())


def _print_report(store: Store, report: RunReport, as_json: bool) -> None:
    from kb.models.ids import Kind, public_id
    from kb.store.lookup import resolve_study, resolve_work
    from kb.store.studies import study_refs
    from kb.store.works import work_links

    with store.reading() as session:
        # What was found early may have turned out to be one with something else since.
        works = {resolve_work(session, public_id(Kind.WORK, n)): None for n in report.works}
        studies = {resolve_study(session, public_id(Kind.STUDY, n)): None for n in report.studies}
        if as_json:
            print_json(
                report.as_dict()
                | {
                    "works": [public_id(Kind.WORK, number) for number in works],
                    "studies": [public_id(Kind.STUDY, number) for number in studies],
                }
            )
            return
        known_works = work_links(session, list(works))
        known_studies = study_refs(session, list(studies))
    from api.cli import show

    show.run_report(
        console(),
        report,
        [known_works[number] for number in works],
        [known_studies[number] for number in studies],
    )
