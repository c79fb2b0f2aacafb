"""What people see: tables and lines. Nothing unreported is shown as a number or an empty cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.words import (
    NOT_REPORTED,
    WITH_A_NUMBER,
    cell_text,
    dose_text,
    evidence_text,
    plain,
    said,
    time_text,
    value_text,
    work_text,
)
from api.pages.words import event_name, number, state
from ingest.report import Missing, RunReport, SourceTally
from kb.store.evidence_check import Finding, Support
from kb.store.listing import Page
from kb.store.results import AdverseEventOut, ResultOut, StudyRef
from kb.store.studies import (
    ArmOut,
    RegistrationDetail,
    StudyDescriptionOut,
    StudyDetail,
    StudyRegistrationOut,
    StudySummary,
)
from kb.store.unresolved import FailureOut, OpenConflict
from kb.store.works import NoticeOut, WorkDetail, WorkLink, WorkSummary

# Of a run's report; other commands show the rest.
_MOST_SHOWN = 10


# -- tables --------------------------------------------------------------------------------------


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """A column whose heading ends in a space keeps its words on one line."""
    found = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        found.add_column(column.strip(), no_wrap=column != column.strip(), overflow="fold")
    for row in rows:
        found.add_row(*(plain(cell) for cell in row))
    return found


def page_line(page: Page[Any], kind: str) -> str:
    """How much of the list this is, and how to get the rest."""
    if not page.count:
        return f"No {kind} found."
    shown = f"{len(page.results)} of {page.count} {kind}"
    if page.next_cursor:
        return f"{shown}; next: --cursor {page.next_cursor}"
    if page.page is not None and page.has_next:
        return f"{shown}; next: --page {page.page + 1}"
    return shown


def works_table(works: Sequence[WorkSummary]) -> Table:
    return table(
        ("Id ", "Title", "Authors", "Year ", "Venue", "DOI", "Cited here ", "Studies"),
        (
            (
                work.id,
                ("RETRACTED: " if work.is_retracted else "") + (work.title or NOT_REPORTED),
                said(work.authors),
                said(work.year),
                said(work.venue),
                work.doi or "none known",
                work.cited_by,
                ", ".join(work.studies) or "none held",
            )
            for work in works
        ),
    )


def studies_table(studies: Sequence[StudySummary]) -> Table:
    return table(
        ("Id ", "Study", "Conditions", "Phenotype", "Year ", "Registrations", "Arms", "Results"),
        (
            (
                study.id,
                study.label,
                said(study.conditions),
                said(study.phenotype),
                said(study.year),
                ", ".join(study.registrations) or "none known",
                study.arms,
                study.results,
            )
            for study in studies
        ),
    )


def results_table(results: Sequence[ResultOut], *, with_study: bool = True) -> Table:
    rows = []
    for result in results:
        arm = result.arm.label
        if result.comparator:
            arm += f" against {result.comparator.label}"
        time = time_text(result.timepoint)
        if result.baseline:
            time += f", against {time_text(result.baseline)}"
        study = (f"{result.study.id} {result.study.label}",) if with_study else ()
        rows.append(
            (
                result.id,
                *study,
                _outcome_text(result),
                arm,
                time,
                cell_text(result.cells["n_analysed"]),
                value_text(result),
                evidence_text(result.evidence),
            )
        )
    study_column = ("Study",) if with_study else ()
    columns = ("Id ", *study_column, "Outcome", "Arm", "Time", "n", "Value", "Evidence")
    return table(columns, rows)


def _outcome_text(result: ResultOut) -> str:
    shown = result.outcome_title
    if result.outcome.code and result.outcome.code != shown:
        shown += f" [{result.outcome.code}]"
    if result.unit and result.unit != "persons":
        shown += f", {result.unit}"
    if result.population:
        named = (result.population.subgroup, result.population.analysis_set)
        shown += "".join(f"; {part}" for part in named if part)
    return shown


def _event_text(event: AdverseEventOut) -> str:
    code = f" [{event.code}]" if event.code else ""
    seriousness = f", {event.seriousness}" if event.seriousness else ""
    return event_name(event) + code + seriousness


def adverse_events_table(events: Sequence[AdverseEventOut]) -> Table:
    def shown(event: AdverseEventOut, value: float | None) -> str:
        if value is not None:
            return number(value)
        return NOT_REPORTED if event.state in WITH_A_NUMBER else state(event.state)

    return table(
        ("Id ", "Adverse event", "Arm", "Time", "Persons", "At risk", "Events", "Evidence"),
        (
            (
                event.id,
                _event_text(event),
                event.arm.label,
                time_text(event.timepoint),
                shown(event, event.persons_affected),
                shown(event, event.n_at_risk),
                shown(event, event.event_count),
                evidence_text(event.evidence),
            )
            for event in events
        ),
    )


# -- one thing at a time -------------------------------------------------------------------------


def _facts(console: Console, facts: Iterable[tuple[str, object]]) -> None:
    found = Table.grid(padding=(0, 2))
    found.add_column(style="bold", no_wrap=True)
    found.add_column(overflow="fold")
    for name, value in facts:
        found.add_row(name, plain(said(value)))
    console.print(found)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(plain(text), style="bold")


def _listed(console: Console, heading: str, lines: Iterable[str]) -> None:
    lines = list(lines)
    if lines:
        _heading(console, heading)
        for line in lines:
            console.print(Text("  ") + plain(line))


def work(console: Console, found: WorkDetail) -> None:
    console.print(plain(f"{found.id}  {found.title or '(title not known)'}"), style="bold")
    if found.is_retracted:
        console.print("RETRACTED", style="bold red")
    elif found.is_flagged_retracted:
        console.print("A source flags it as retracted; no notice is held.", style="red")
    venue = found.venue and (found.venue.name or found.venue.abbreviation)
    names = [f"{scheme}:{v}" for scheme, values in found.identifiers.items() for v in values]
    _facts(
        console,
        [
            ("Authors", [author.name for author in found.authors]),
            ("Published", found.published or found.year),
            ("In", venue),
            ("Volume, pages", _place(found)),
            ("Type", found.type),
            ("Known as", names),
            *((c.role.capitalize(), c.name) for c in found.contributors),
            *(
                (title, value)
                for title, value in (
                    ("Series", found.series),
                    ("Edition", found.edition),
                    ("Publisher", found.publisher),
                    ("ISBN", found.isbns),
                    ("Called", [f"{given.label} ({given.source})" for given in found.labels]),
                )
                if value
            ),
            ("Licence", found.license),
            (
                "Held here",
                f"{found.counts['records']} records, cites {found.counts['cites']}, "
                f"cited by {found.counts['cited_by']}",
            ),
        ],
    )
    if found.known_only_from_references:
        console.print("Known only because other works name it.")
    _listed(console, "Notices", map(_notice_text, found.notices))
    for section in found.abstract or []:
        _heading(console, section.get("label") or "Abstract")
        console.print(plain(section.get("text") or NOT_REPORTED))
    _listed(console, "Registrations", (f"{r.number} ({r.kind})" for r in found.registrations))
    _listed(
        console,
        "Studies it reports",
        (f"{s.id} {s.label} (says: {', '.join(s.basis)})" for s in found.studies),
    )
    _listed(
        console,
        "Related works",
        (
            f"{'is named ' if r.is_inverse else ''}{r.kind}: {work_text(r.work)}"
            for r in found.relations
        ),
    )
    _listed(console, "Cites retracted works", map(work_text, found.cites_retracted))
    _listed(
        console,
        "Contradictions waiting for a person",
        (f"{c.record.source} {c.record.key}: {c.kind}: {c.detail}" for c in found.conflicts),
    )
    _listed(
        console,
        "Where it comes from",
        (f"{name}: {record.source} {record.key}" for name, record in found.provenance.items()),
    )


def _place(found: WorkDetail) -> str | None:
    issue = f"({found.issue})" if found.issue else ""
    parts = [f"{found.volume or ''}{issue}", found.pages or found.article_number]
    return ", ".join(part for part in parts if part) or None


def _notice_text(notice: NoticeOut) -> str:
    sources = sorted({assertion.source for assertion in notice.assertions})
    where = f": {work_text(notice.notice_work)}" if notice.notice_work else ""
    return f"{notice.kind}, {said(notice.date)} (said by {', '.join(sources)}){where}"


def study(console: Console, found: StudyDetail) -> None:
    console.print(plain(f"{found.id}  {found.label}"), style="bold")
    if found.title:
        console.print(plain(found.title))
    _facts(
        console,
        [
            ("Conditions", found.conditions),
            ("Phenotype", found.phenotype),
            ("First reported", found.year),
            ("Registered as", [_registration_text(r) for r in found.registrations]),
        ],
    )
    _listed(
        console,
        "Reported by",
        (f"{work_text(r.work)} (says: {', '.join(r.basis)})" for r in found.reports),
    )
    for description in found.descriptions:
        _heading(console, f"As described in {evidence_text(description.evidence)}")
        _facts(console, _described(description))
    for arm in found.arms:
        if not arm.is_whole_study:
            _arm(console, arm)
    _listed(
        console,
        "May share participants",
        (
            f"{o.certainty}: {'is ' if not o.is_inverse else 'has as '}{o.kind} "
            f"{o.other.id} {o.other.label}" + (f" ({o.reason})" if o.reason else "")
            for o in found.overlaps
        ),
    )
    if found.results:
        _heading(console, f"Results ({len(found.results)})")
        console.print(results_table(found.results, with_study=False))
    if found.adverse_events:
        _heading(console, f"Statements on adverse events ({len(found.adverse_events)})")
        console.print(adverse_events_table(found.adverse_events))


def _registration_text(registration: StudyRegistrationOut) -> str:
    return registration.number + (f" ({registration.basis})" if registration.basis else "")


def _described(description: StudyDescriptionOut) -> list[tuple[str, object]]:
    follow_up = description.followup_text
    if description.followup_value is not None:
        unit = description.followup_unit or ""
        unit += "s" if unit and description.followup_value != 1 else ""
        length = f"{number(description.followup_value)} {unit}".strip()
        follow_up = f"{length} ({follow_up})" if follow_up else length
    return [
        ("Design", description.design),
        ("Phase", description.phase),
        ("Allocation", description.allocation),
        ("Masking", description.masking),
        ("Country", description.country),
        ("Enrolled", description.n_enrolled),
        ("Randomised", description.n_randomised),
        ("Treated", description.n_treated),
        ("Analysed", description.n_analysed),
        ("Completed", description.n_completed),
        ("Follow-up", follow_up),
    ]


def _arm(console: Console, arm: ArmOut) -> None:
    _heading(console, f"Arm {arm.id}  {arm.label}" + (f" ({arm.role})" if arm.role else ""))
    for description in arm.descriptions:
        counts = [
            f"{name} {said(value)}"
            for name, value in (
                ("randomised", description.n_randomised),
                ("treated", description.n_treated),
                ("analysed", description.n_analysed),
                ("completed", description.n_completed),
            )
        ]
        shown = f"  {', '.join(counts)}; {evidence_text(description.evidence)}"
        console.print(plain(shown))
    for product in arm.products:
        named = (product.intervention, product.tissue, product.donor)
        shown = ", ".join(part for part in named if part) or NOT_REPORTED
        console.print(plain(f"  Cells: {shown}; {evidence_text(product.evidence)}"))
    for dose in arm.doses:
        console.print(plain(f"  Given: {dose_text(dose)}; {evidence_text(dose.evidence)}"))
    for flow in arm.flow:
        because = f" ({flow.reason})" if flow.reason else ""
        shown = f"  {flow.milestone}{because}: {said(flow.n)}; {evidence_text(flow.evidence)}"
        console.print(plain(shown))


def registration(console: Console, found: RegistrationDetail) -> None:
    console.print(plain(f"{found.id}  {found.number}"), style="bold")
    if found.title:
        console.print(plain(found.title))
    planned_or_actual = {True: " (actual)", False: " (planned)", None: ""}[found.n_is_actual]
    participants = None
    if found.n_registered is not None:
        participants = f"{found.n_registered}{planned_or_actual}"
    _facts(
        console,
        [
            ("Registry", found.registry),
            ("Also known as", found.aliases or "no other number"),
            ("Sponsor", found.sponsor),
            ("Country", found.country),
            ("Phase", found.phase),
            ("Status", found.status),
            ("Participants", participants),
            ("Start", found.start),
            ("Primary completion", found.primary_completion),
            ("Completion", found.completion),
            ("Results posted", found.has_results),
            ("Updated", found.updated),
        ],
    )
    _listed(
        console,
        "Studies registered under it",
        (f"{s.study.id} {s.study.label} ({said(s.basis)})" for s in found.studies),
    )
    _listed(console, "Works", (f"{w.kind}: {work_text(w.work)}" for w in found.works))
    _listed(
        console,
        "Planned outcomes",
        (
            f"{o.get('rank')}: {o.get('measure')} ({said(o.get('time_frame'))})"
            for o in found.planned_outcomes
        ),
    )
    if found.evidence:
        console.print()
        console.print(plain(f"From {evidence_text(found.evidence)}"))


# -- runs ----------------------------------------------------------------------------------------


def run_report(
    console: Console, report: RunReport, works: Sequence[WorkLink], studies: Sequence[StudyRef]
) -> None:
    """What was asked and came back per source, what is missing and why, and where to look next."""
    if report.interrupted:
        console.print("interrupted; what had arrived is in the base", style="bold")
    counts = [field.name for field in fields(SourceTally)]
    rows = [(name, *(getattr(s, count) for count in counts)) for name, s in report.sources.items()]
    console.print(
        table(("Source ", *(name.replace("_", " ").capitalize() for name in counts)), rows)
    )
    _missing(console, "Cut short", report.truncated)
    _missing(console, "Failed", report.failures)
    if report.failures:
        console.print(
            "Requests that were sent and failed stay in `kb ingest failures` until a later run "
            "succeeds."
        )
    if report.conflicts:
        console.print(f"{report.conflicts} contradictions wait for a person: kb ingest conflicts")
    found = [*map(work_text, works), *(f"{study.id} {study.label}" for study in studies)]
    if found:
        _listed(console, f"Works and studies ({len(found)})", _first(found))
        nexts = [f"kb work {work.id}" for work in works[:1]]
        nexts += [f"kb study {study.id}" for study in studies[:1]]
        console.print(f"Look at them: {', '.join(nexts)}")
    else:
        console.print("Nothing of what was asked for was obtained.")


def _first(lines: Sequence[str]) -> list[str]:
    shown = list(lines[:_MOST_SHOWN])
    more = len(lines) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def _missing(console: Console, heading: str, rows: Sequence[Missing]) -> None:
    _listed(console, heading, _first([f"{m.source}, {m.what}: {m.reason}" for m in rows]))


def failures_table(failures: Sequence[FailureOut]) -> Table:
    return table(
        ("Source ", "Request", "Where", "Reason", "Seen"),
        ((f.source, f.request, f.position or "all of it", f.reason, f.seen_at) for f in failures),
    )


def conflicts_table(conflicts: Sequence[OpenConflict]) -> Table:
    return table(
        ("Work", "Record", "They share", "But", "Seen"),
        (
            (
                work_text(c.work),
                f"{c.record.source} {c.record.key}",
                f"{c.scheme}:{c.value}",
                f"{c.kind}: {c.detail}",
                c.seen_at,
            )
            for c in conflicts
        ),
    )


# -- curated evidence ----------------------------------------------------------------------------


def import_report(console: Console, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Records of each kind, by what became of them."""
    rows = [(kind, *of_kind.values()) for kind, of_kind in counts.items()]
    console.print(table(("Records", "New", "Changed", "Unchanged"), rows))


def findings(console: Console, found: Sequence[Finding]) -> None:
    """How many statements stand in their abstract, and those of which some number does not."""
    if not found:
        console.print("No evidence taken from an abstract is held.")
        return
    doubtful = [f for f in found if f.support in (Support.PARTLY, Support.NOT_FOUND)]
    if doubtful:
        console.print(
            table(
                ("What ", "Study", "In the abstract of", "Is", "Numbers", "Nearest sentence"),
                (
                    (
                        f.subject,
                        f.study,
                        f.work or "no work held",
                        f.support,
                        ", ".join(f"{c.name} {state(c.verdict)}" for c in f.cells),
                        f.quote or "none",
                    )
                    for f in doubtful
                ),
            )
        )
    counted = Counter(f.support for f in found)
    shown = ", ".join(f"{counted[support]} {support}" for support in Support if counted[support])
    console.print(f"{len(found)} statements taken from abstracts: {shown}")
    unread = sorted({f.work for f in found if f.support is Support.NO_TEXT and f.work})
    if unread:
        console.print(
            f"{len(unread)} works have no abstract here yet; `kb ingest work {unread[0]}` fetches "
            "that of the first."
        )


TABLES: Final[Mapping[str, Callable[[Any], Table]]] = {
    "works": works_table,
    "studies": studies_table,
    "results": results_table,
    "failures": failures_table,
    "conflicts": conflicts_table,
}


def page(console: Console, found: Page[Any], kind: str) -> None:
    """Some of a list, how long the whole is, and how to see what comes next."""
    if found.results:
        console.print(TABLES[kind](found.results))
    console.print(page_line(found, kind))
