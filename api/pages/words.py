"""How values are put on a page. A number is shown as it was printed; what is not there is said."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import orjson

from kb.identity.identifiers import normalize_doi, normalize_pmcid, normalize_pmid
from kb.identity.registrations import normalize_registration
from kb.outcomes.vocabulary import load_caveats, load_vocabulary
from kb.store.results import AdverseEventOut, CellOut, ResultOut, TimepointOut
from kb.store.studies import DoseOut
from kb.store.works import WorkDetail, WorkLink, WorkSummary

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_REPORTED = ("reported", "reported_zero")


def number(value: float | int | None) -> str:
    """Without the ".0" that storing all numbers alike gives whole ones."""
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(value)


def days(value: float) -> str:
    """To three digits: 2 hours are a twelfth of a day."""
    return number(float(f"{value:.3g}") if abs(value) < 10 else value)


def plain(text: str | None) -> str:
    """A code as words: "person_count", "person count"."""
    return (text or "").replace("_", " ")


def powers(text: str) -> str:
    return re.sub(r"\^(-?\d+)", lambda match: match[1].translate(_SUPERSCRIPT), text)


def state(name: str) -> str:
    return {"reported_zero": "zero reported"}.get(name, plain(name))


def cell(found: CellOut | None) -> str:
    """As printed; "" where there is no number."""
    if found is None or found.state not in _REPORTED:
        return ""
    return found.text or number(found.value)


def time(found: TimepointOut | None) -> str:
    if found is None:
        return "time not reported"
    if found.value is None:
        said = found.text or "time not reported"
    elif found.value == 0 and found.unit == "day":
        said = "baseline"
    else:
        plural = "" if found.value == 1 else "s"
        said = f"{number(found.value)} {found.unit or ''}{plural if found.unit else ''}".strip()
        said += f" ({found.text})" if found.text else ""
    return said


def dose(found: DoseOut) -> str:
    """The dose as reported, a range as a range."""
    if found.low is not None and found.high is not None:
        amount = f"{number(found.low)}–{number(found.high)}"
        if found.value is not None:
            amount = f"{number(found.value)} ({amount})"
    elif found.value is not None:
        amount = number(found.value)
    elif found.low is not None:
        amount = f"at least {number(found.low)}"
    elif found.high is not None:
        amount = f"up to {number(found.high)}"
    else:
        return "dose not reported"
    unit = powers(found.unit or "")
    times = " × " if unit.startswith("10") else " "
    basis = f", {found.basis}" if found.basis else ""
    return f"{amount}{times}{unit}{basis}".strip()


def central(result: ResultOut) -> list[str]:
    """The value set in words, part by part: "5 of 6", "mean 5.2", "SD 0.9"."""
    cells = result.cells
    parts = []
    events, n = cell(cells.get("events")), cell(cells.get("n_analysed"))
    if events and result.statistic == "event_count":
        parts.append(f"{events} events")  # several may have happened to one person
    elif events:
        parts.append(f"{events} of {n}" if n else f"{events} of an unreported number")
    percent = cell(cells.get("percent"))
    if percent:
        parts.append(percent if percent.endswith("%") else f"{percent} %")
    for name, label in (
        ("mean", "mean"),
        ("ls_mean", "least-squares mean"),
        ("geometric_mean", "geometric mean"),
        ("median", "median"),
        ("value_unspecified", "central value, kind not said"),
        ("number", "value"),
        ("estimate", result.measure or "estimate"),
        ("exposure_person_years", "person-years"),
    ):
        said = cell(cells.get(name))
        if said:
            parts.append(f"{label} {said}")
    return parts


def spread(result: ResultOut) -> list[str]:
    cells = result.cells
    parts = []
    for name, label in (("sd", "SD"), ("se", "SE")):
        said = cell(cells.get(name))
        if said:
            parts.append(f"{label} {said}")
    level = f"{number(result.ci_level)} % CI" if result.ci_level is not None else "CI"
    for low, high, label in (("q1", "q3", "quartiles"), ("min", "max", "range")):
        parts += _span(cells, low, high, label)
    parts += _span(cells, "ci_low", "ci_high", level)
    if result.p_text:
        parts.append(result.p_text if result.p_text.startswith("p") else f"p {result.p_text}")
    return parts


def _span(cells: dict[str, CellOut], low: str, high: str, label: str) -> list[str]:
    lower, upper = cell(cells.get(low)), cell(cells.get(high))
    if not lower and not upper:
        return []
    return [f"{label} {lower or 'not reported'} to {upper or 'not reported'}"]


def line(row: str | None) -> str | None:
    """The line in "results.csv:150" or "results:150", where a curated table names it."""
    match = re.search(r"(?:\.(?:csv|json)|^[a-z_]+):(\d+)$", row or "")
    return match[1] if match else None


def to_other(kind: str) -> str:
    """How two studies share participants, so that the name of the other can follow."""
    particle = {"same participants": " as", "may share participants": " with"}
    return kind + particle.get(kind, "")


def event_name(event: AdverseEventOut) -> str:
    """As the source names it, else what its code stands for."""
    if event.term:
        return event.term
    known = load_vocabulary().get(event.code or "")
    return known.name if known else plain(event.code) or "adverse events"


def work_name(work: WorkLink | WorkSummary | WorkDetail) -> str:
    """Its title, else what tells it from others; some sources cite works without their titles."""
    if work.title:
        return work.title
    said: list[str] = []
    if isinstance(work, WorkDetail):
        said += [author.name for author in work.authors[:1]]
        said += [work.venue.name or work.venue.abbreviation or ""] if work.venue else []
    else:
        said += [work.authors or ""]
        said += [work.venue or "", work.doi or ""] if isinstance(work, WorkSummary) else []
    said += [str(work.year) if work.year else ""]
    return f"{', '.join(part for part in said if part) or work.id} (title not held)"


def caveat(code: str) -> str:
    """What the caveat means; a caveat outside the vocabulary is its own explanation."""
    return load_caveats().get(code, plain(code))


def day(date: str | None) -> str:
    return date[:10] if date else "date unknown"


def pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def document_url(document: str) -> str | None:
    """Where the document can be read, if its name says so."""
    name = document.partition(" (")[0].strip()
    registration = normalize_registration(name)
    if registration is not None and registration[0] == "ClinicalTrials.gov":
        return f"https://clinicaltrials.gov/study/{registration[1]}"
    if name.startswith(("http://", "https://")):
        return name
    doi = normalize_doi(name)
    return identifier_url("doi", doi) if doi else None


def identifier_url(scheme: str, value: str) -> str | None:
    if scheme == "doi" and normalize_doi(value):
        return f"https://doi.org/{quote(value, safe='/')}"
    if scheme == "pmid" and normalize_pmid(value):
        return f"https://pubmed.ncbi.nlm.nih.gov/{value}/"
    if scheme == "pmcid" and normalize_pmcid(value):
        return f"https://pmc.ncbi.nlm.nih.gov/articles/{value}/"
    if scheme == "openalex":
        return f"https://openalex.org/{quote(value)}"
    return None


def safe_url(text: str | None) -> str | None:
    """The address if a click on it only opens a page; sources deliver all kinds of text."""
    return text if text and text.startswith(("http://", "https://")) else None
