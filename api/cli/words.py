"""Values in words for a terminal; how numbers read is settled once, in `api.pages.words`."""

from __future__ import annotations

from rich.text import Text

from api.pages import words
from kb.models.evidence import Status
from kb.store.results import CellOut, EvidenceOut, ResultOut, TimepointOut
from kb.store.studies import DoseOut
from kb.store.works import WorkLink, WorkSummary

NOT_REPORTED = "not reported"
WITH_A_NUMBER = ("reported", "reported_zero")


def plain(text: object) -> Text:
    """Text of a source as it is: no markup, and nothing that a terminal would obey."""
    shown = (c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return Text("".join(shown))


def said(value: object) -> str:
    """The value in words, or that there is none."""
    if value is None or value == []:
        return NOT_REPORTED
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def cell_text(cell: CellOut) -> str:
    """The number as printed, or its state."""
    return words.cell(cell) or words.state(cell.state)


def value_text(result: ResultOut) -> str:
    """A result's numbers in one line, each as printed, what stands against taking them so, and how
    it stands beside others of its collection: superseded, disputed ..."""
    shown = _value_text(result)
    return shown if result.status in (Status.SINGLE, Status.AGREED) else f"{shown}; {result.status}"


def _value_text(result: ResultOut) -> str:
    if result.state not in WITH_A_NUMBER:
        return words.state(result.state)
    parts = words.central(result) + words.spread(result)
    if result.direction:
        parts.append(f"{result.direction}, no number given")
    if not parts:
        return NOT_REPORTED
    if result.origin != "reported":
        parts.append(words.plain(result.origin))
    else:
        origins = dict.fromkeys(cell.origin for cell in result.cells.values())
        parts += [f"partly {words.plain(o)}" for o in origins if o and o != "reported"]
    if result.caveats:
        parts.append(f"caveat: {', '.join(map(words.plain, result.caveats))}")
    return "; ".join(parts)


def time_text(time: TimepointOut | None) -> str:
    shown = words.time(time)
    if time is None or not time.value or time.anchor in (None, "baseline"):
        return shown
    value, bracket, rest = shown.partition(" (")
    return f"{value} after {time.anchor}{bracket}{rest}"


def evidence_text(evidence: EvidenceOut) -> str:
    shown = f"{evidence.document}, {evidence.locator}"
    is_primary = evidence.standing == "primary_source"
    return shown if is_primary else f"{shown} ({words.plain(evidence.standing)})"


def work_text(work: WorkLink | WorkSummary) -> str:
    shown = f"{work.id} {work.title or '(title not known)'}"
    by = ", ".join(str(part) for part in (work.authors, work.year) if part)
    retracted = "RETRACTED: " if work.is_retracted else ""
    return f"{retracted}{shown}" + (f" ({by})" if by else "")


def dose_text(dose: DoseOut) -> str:
    """As reported, with how often and which way it was given."""
    times = dose.n_administrations_text or dose.n_administrations
    how_often = None if times is None else "once" if times == 1 else f"{times} times"
    parts = (words.dose(dose), how_often, dose.interval_text, f"route {said(dose.route)}")
    return ", ".join(part for part in parts if part)
