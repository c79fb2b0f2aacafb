"""A data package of RevMan Web, version 1, which the R package meta reads with `read.cdir`.

A zip with a zip of CSV files in UTF-8 with a byte order mark. Numbers that do not apply are 0.0;
estimates with their standard error are on the scale of analysis, their intervals on the natural
one. Nothing is pooled here: "Overall estimates" is FALSE, and its numbers are empty.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from kb.formats.outcome_tables.delimited import csv_lines
from kb.formats.outcome_tables.dictionary import Value
from kb.formats.outcome_tables.revman import GROUP, GROUP_NAME, Analysis, studies_of
from kb.outcomes.comparisons import Table
from kb.outcomes.observed import StudyFacts, WorkFacts

ID: Final = "outcomes"

DATA_ROWS: Final = (
    "Analysis group", "Analysis number", "Analysis name", "Subgroup", "Applicability", "Study",
    "Study year", "GIV Mean", "GIV SE", "Experimental mean", "Experimental SD",
    "Experimental cases", "Experimental N", "Control mean", "Control SD", "Control cases",
    "Control N", "O-E", "Variance", "Weight", "Mean", "CI start", "CI end", "Footnotes",
)  # fmt: skip
SETTINGS: Final = (
    "Analysis group", "Analysis number", "Analysis name", "Analysis group name", "Data source",
    "Data source eligibility", "Data type", "Log-scale data", "Outcome", "Intervention grouping",
    "Experimental intervention", "Control intervention", "Subgroup by", "Filter criteria",
    "Experimental group label", "Control group label", "Statistical method", "Effect measure",
    "Unit of effect measure", "Analysis model", "Subgroup estimates", "Overall estimates",
    "Test for subgroup differences", "Swap event and non-event", "Study CI", "Estimate CI",
    "Experimental cases", "Experimental N", "Control cases", "Control N", "Mean", "CI start",
    "CI end", "Heterogeneity Tau²", "Heterogeneity Chi²", "Heterogeneity df", "Heterogeneity P",
    "Heterogeneity I²", "Effect Z", "Effect P", "Subgroup Chi²", "Subgroup df", "Subgroup P",
    "Subgroup I²", "ID",
)  # fmt: skip
SUBGROUPS: Final = (
    "Analysis group", "Analysis number", "Subgroup", "Subgroup number", "Experimental cases",
    "Experimental N", "Control cases", "Control N", "Weight", "Mean", "CI start", "CI end",
    "Heterogeneity Tau²", "Heterogeneity Chi²", "Heterogeneity df", "Heterogeneity P",
    "Heterogeneity I²", "Effect Z", "Effect P", "ID",
)  # fmt: skip
STUDIES: Final = (
    "Study", "Year", "Data source", "Char: Methods", "Char: Participants",
    "Char: Interventions", "Char: Outcomes", "Char: Notes",
)  # fmt: skip

_NUMBERS: Final = DATA_ROWS[7:20]
_USED: Final = {
    Table.BINARY: {
        "Experimental cases": "ai", "Experimental N": "n1i",
        "Control cases": "ci", "Control N": "n2i",
    },
    Table.CONTINUOUS: {
        "Experimental mean": "m1i", "Experimental SD": "sd1i", "Experimental N": "n1i",
        "Control mean": "m2i", "Control SD": "sd2i", "Control N": "n2i",
    },
    Table.ESTIMATE: {"GIV Mean": "yi", "GIV SE": "sei"},
}  # fmt: skip
_KINDS: Final = {
    Table.BINARY: ("Dichotomous", "Mantel-Haenszel"),
    Table.CONTINUOUS: ("Continuous", "Inverse variance"),
    Table.ESTIMATE: ("Contrast level", "Inverse variance"),
}
_MEASURES: Final[Mapping[str, str]] = {
    "OR": "Odds ratio",
    "RR": "Risk ratio",
    "RD": "Risk difference",
    "MD": "Mean difference",
    "SMD": "Std. mean difference",
    "HR": "Hazard ratio",
    "IRR": "Rate ratio",
    "ROM": "Ratio of means",
}
_ZERO: Final = "0.0"  # what does not apply, as the format prints it
# The instant zip stores for every file, so that the same data make the same package.
_INSTANT: Final = (1980, 1, 1, 0, 0, 0)


def write_package(
    path: Path, analyses: Sequence[Analysis], left_out: Sequence[tuple[str, str]]
) -> None:
    """The package, with a list of the rows that lack a number the format would show as 0."""
    files = {
        "analysis-data/data-rows.csv": _csv(DATA_ROWS, _data_rows(analyses)),
        "analysis-data/overall-estimates-and-settings.csv": _csv(SETTINGS, _settings(analyses)),
        "analysis-data/subgroup-estimates.csv": _csv(SUBGROUPS, ()),
        "study-data/study-information.csv": _csv(STUDIES, _studies(analyses)),
        "study-data/included.ris": _ris(analyses).encode("utf-8-sig"),
    }
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as data:
        for name, content in files.items():
            folder, _, file = name.partition("/")
            _add(data, f"{ID}-{folder}/{ID}-{file}", content)
    missing = b"".join(csv_lines(("row", "why"), left_out, with_bom=True))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        _add(package, f"{ID}-files/{ID}-data.zip", inner.getvalue())
        _add(package, f"{ID}-files/left-out.csv", missing)


def _csv(header: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> bytes:
    values = ([row.get(column) for column in header] for row in rows)
    return b"".join(csv_lines(header, values, with_bom=True))


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _INSTANT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _data_rows(analyses: Sequence[Analysis]) -> Iterable[Mapping[str, Value]]:
    for analysis in analyses:
        for datum in analysis.data:
            row: dict[str, Value] = {
                "Analysis group": GROUP,
                "Analysis number": analysis.number,
                "Analysis name": analysis.name,
                "Study": analysis.label(datum),
                "Study year": datum.study.year,
                **dict.fromkeys(_NUMBERS, _ZERO),
                **{name: datum.numbers[used] for name, used in _USED[analysis.table].items()},
                "Footnotes": datum.footnote,
            }
            if datum.effect is not None:
                row |= {
                    "Mean": datum.effect.estimate,
                    "CI start": datum.effect.low,
                    "CI end": datum.effect.high,
                }
            yield row


def _settings(analyses: Sequence[Analysis]) -> Iterable[Mapping[str, Value]]:
    for analysis in analyses:
        kind, method = _KINDS[analysis.table]
        first, second = analysis.labels
        yield {
            "Analysis group": GROUP,
            "Analysis number": analysis.number,
            "Analysis name": analysis.name,
            "Analysis group name": GROUP_NAME,
            "Data type": kind,
            "Log-scale data": analysis.is_log and analysis.table is Table.ESTIMATE,
            "Outcome": analysis.outcome,
            "Experimental group label": first,
            "Control group label": second,
            "Statistical method": method,
            "Effect measure": _MEASURES.get(analysis.measure, analysis.measure),
            "Unit of effect measure": analysis.unit,
            "Analysis model": "Random effect",
            "Subgroup estimates": False,
            "Overall estimates": False,
            "Test for subgroup differences": False,
            "Swap event and non-event": False,
            "Study CI": "95%",
            "Estimate CI": "95%",
            "ID": f"{GROUP}.{analysis.number}",
        }


def _studies(analyses: Sequence[Analysis]) -> Iterable[Mapping[str, Value]]:
    for study, data in studies_of(analyses):
        reports = "; ".join(filter(None, (w.doi or w.pmid or w.id for w in study.reports)))
        participants = ", ".join(filter(None, (*study.conditions, study.phenotype)))
        yield {
            "Study": study.name,
            "Year": study.year,
            "Data source": "; ".join(dict.fromkeys(r for d in data for r in d.reports)) or reports,
            "Char: Methods": study.design.value,
            "Char: Participants": participants,
            "Char: Interventions": _each(f"{d.arm_label} vs {d.comparator_label}" for d in data),
            "Char: Outcomes": _each(a.outcome for a in analyses if _holds(a, study)),
            "Char: Notes": "; ".join(study.registrations),
        }


def _holds(analysis: Analysis, study: StudyFacts) -> bool:
    return any(datum.study.id == study.id for datum in analysis.data)


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _ris(analyses: Sequence[Analysis]) -> str:
    """The reports of the studies, as RIS: two letters, two spaces, hyphen, space; CRLF."""
    works: dict[str, WorkFacts] = {}
    for study, _ in studies_of(analyses):
        works |= {work.id: work for work in study.reports}
    return "".join(_reference(work) for work in works.values())


def _reference(work: WorkFacts) -> str:
    names = [name.strip() for name in (work.authors or "").split(",")]
    lines = [
        ("TY", "JOUR"),
        ("ID", work.id),
        *(("AU", ", ".join(n.rsplit(" ", 1))) for n in names if n and n != "et al."),
        ("TI", work.title),
        ("PY", work.year),
        ("JO", work.venue),
        ("DO", work.doi),
        ("AN", work.pmid),
        ("ER", ""),
    ]
    return "".join(
        f"{tag}  - {' '.join(str(said).split())}\r\n" for tag, said in lines if said is not None
    )
