"""What is checked of curated studies beyond the form of each cell.

Whether numbers can be true is for `kb.outcomes.checks` to say, here as for everything held; here it
is said at the cell. A row whose source prints the impossible says so by a caveat, and then the
number stands as printed.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from kb.formats.curation_columns import MEASURES, USUAL, of_column
from kb.formats.tables import Row, Rows, nearest, shown
from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    CellName,
    FlowClaim,
    ResultClaim,
    ResultKind,
    State,
    Statistic,
    StudyRecord,
    TimepointClaim,
)
from kb.outcomes.checks.beside import ArmSize, check_beside, n_exceeds_arm
from kb.outcomes.checks.finding import Finding, Severity, Statement
from kb.outcomes.checks.numbers import check_numbers
from kb.outcomes.checks.persons import AdverseStatement, check_adverse_events
from kb.outcomes.products import Kind, normalise
from kb.outcomes.timepoints import days
from kb.outcomes.vocabulary import load_vocabulary

# The column of each number of a result.
CELLS: Final[Mapping[str, CellName]] = {
    "n": CellName.N_ANALYSED,
    "events": CellName.EVENTS,
    "percent": CellName.PERCENT,
    "mean": CellName.MEAN,
    "sd": CellName.SD,
    "se": CellName.SE,
    "median": CellName.MEDIAN,
    "q1": CellName.Q1,
    "q3": CellName.Q3,
    "min": CellName.MIN,
    "max": CellName.MAX,
    "central": CellName.UNSPECIFIED,
    "geometric_mean": CellName.GEOMETRIC_MEAN,
    "ls_mean": CellName.LS_MEAN,
    "person_years": CellName.EXPOSURE_PERSON_YEARS,
    "estimate": CellName.ESTIMATE,
    "ci_low": CellName.CI_LOW,
    "ci_high": CellName.CI_HIGH,
}
WHOLE_STUDY: Final = "all"
BASELINE: Final = "baseline"

_COLUMN: Final[Mapping[str, str]] = {
    **{name.value: column for column, name in CELLS.items()},
    "persons_affected": "persons",
    "n_at_risk": "at_risk",
    "event_count": "events",
}
# Of findings about several numbers, the one to look at first where that is not the first named.
_BLAMED: Final = {
    "percent-contradicts-count": "percent",
    "other-unit": "unit",
    "other-direction": "better",
}
# What a caveat says of a row needs no saying again.
_AS_PRINTED: Final = "printed_so"
_KNOWN_BY: Final[Mapping[str, frozenset[str]]] = {
    "percent-contradicts-count": frozenset({"percent_disagrees_with_count"}),
    "percent-of-nobody": frozenset({"percent_disagrees_with_count", "count_not_printed"}),
    "n-exceeds-arm": frozenset({"n_above_treated"}),
    "at-risk-exceeds-arm": frozenset({"n_above_treated"}),
    "sources-disagree": frozenset({"sources_disagree"}),
    "other-direction": frozenset({"positive_is_benefit"}),
    "estimate-turned-round": frozenset({"positive_is_benefit"}),
    "sd-is-se": frozenset({"dispersion_may_be_se", "dispersion_assumed_sd"}),
    "sd-like-se": frozenset({"dispersion_may_be_se", "dispersion_assumed_sd"}),
    "sd-below-range": frozenset({"dispersion_may_be_se", "dispersion_assumed_sd"}),
}
# Of those treated sources count now these and now those, who change sides in a crossover are told
# of by treatment, and a safety set counts everybody treated: there more than the arm had are looked
# at by a person, and elsewhere nobody is analysed who was not randomised.
_CROSSOVER: Final = re.compile(r"cross-?\s?over", re.IGNORECASE)
_AS_TREATED: Final = re.compile(r"(?<!to )treat|safety|received", re.IGNORECASE)
_MEASURED: Final = (
    "mean",
    "sd",
    "se",
    "median",
    "q1",
    "q3",
    "min",
    "max",
    "central",
    "geometric_mean",
    "ls_mean",
)
_COUNTED: Final = (Statistic.PERSON_COUNT, Statistic.EVENT_COUNT)
_SCORED: Final = (
    Statistic.BASELINE,
    Statistic.FINAL,
    Statistic.CHANGE,
    Statistic.PERCENT_CHANGE,
)
_LATER: Final = (Statistic.FINAL, Statistic.CHANGE, Statistic.PERCENT_CHANGE)
_CENTRES: Final = ("mean", "ls_mean", "geometric_mean", "median", "central")
_RATIO: Final = re.compile(r"\bratio\b", re.IGNORECASE)
# What papers print for the measures, which says less than the word: RR is a risk or a rate ratio.
_SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "hr": ("hazard ratio",),
    "or": ("odds ratio",),
    "rr": ("risk ratio", "rate ratio"),
    "irr": ("rate ratio",),
    "rd": ("risk difference",),
    "md": ("mean difference",),
    "wmd": ("mean difference",),
    "smd": ("standardised mean difference",),
    "rom": ("ratio of means",),
}
# A P value as printed: "0.03", "< .001", "= 0·04", "3 x 10^-5", "ns".
_P: Final = re.compile(
    r"(?:[pP](?:[ -]?value)?\s*)?(?:<<?|>|=|<=|>=|≤|≥|~|≈)?\s*"
    r"(?P<value>\d*[.·]?\d+(?:\s*[x×*]\s*10\s*\^?\s*[-−]\s*\d+|[eE][-−]\d+)?)",
)
_P_WORDS: Final = re.compile(
    r"n\.?s\.?|(?:not |non-?)?(?:statistically )?significant", re.IGNORECASE
)
# Units of the vocabulary in which events are counted.
_COUNTED_IN: Final = frozenset({"persons", "events", "persons or events", "relapses"})
_LOW_LEVEL: Final = 50.0
_YEARS_TOO_LONG: Final = 60.0
# Far beyond any of the starter evidence, where cells are given up to passage 4.
_MOST_PASSAGES: Final = 30
# Doses are counted in millions: a hundred times the largest of the starter evidence.
_MOST_MILLIONS: Final = {"10^6 cells/kg": 1_000.0, "10^6 cells": 100_000.0}


# -- one row -------------------------------------------------------------------------------------


def read_p(row: Row) -> str | None:
    """The P value as printed. The test behind it stands in `method`."""
    text = row.text("p")
    if text is None or _P_WORDS.fullmatch(text):
        return text
    found = _P.fullmatch(text)
    if found is None:
        message = f"not a P value as printed: {shown(text)} (expected e.g. < 0.03; tests in method)"
        row.error("malformed-p", "p", message)
        return None
    value = found["value"].replace("·", ".")
    plain = re.fullmatch(r"\d*\.?\d+", value)
    if plain and float(value) > 1:
        row.error("p-out-of-range", "p", f"a P value above 1: {shown(text)}")
    elif plain and float(value) == 0 and "<" not in text:
        row.warn("p-is-zero", "p", f"no P value is 0: {shown(text)} (is < 0.001 printed?)")
    return text


def read_level(row: Row) -> float | None:
    """The confidence level in percent, beside an interval."""
    level = row.number("ci_level")
    has_interval = row.has("ci_low") or row.has("ci_high")
    if level is not None and not _LOW_LEVEL <= level < 100:
        percent = level * 100
        hint = f"write {percent:g}" if _LOW_LEVEL <= percent < 100 else "expected e.g. 95"
        message = f"not a percentage between {_LOW_LEVEL:g} and 100: {level:g} ({hint})"
        row.error("ci-level-out-of-range", "ci_level", message)
    elif row.has("ci_level") and not has_interval:
        row.warn("ci-level-alone", "ci_level", "a level without an interval")
    elif has_interval and not row.has("ci_level"):
        row.warn("ci-level-missing", "ci_level", "empty beside an interval (is a level printed?)")
    if row.has("ci_low") != row.has("ci_high"):
        column = "ci_high" if row.has("ci_low") else "ci_low"
        row.warn("half-interval", column, "empty, but the other limit is given")
    return level


def check_sides(row: Row, arm: str, versus: str) -> None:
    """Two arms are compared, and nobody stands on both sides."""
    if versus == WHOLE_STUDY:
        row.error("versus-whole-study", "versus", "an arm is not compared with the whole study")
    elif versus == arm:
        row.error("arm-against-itself", "versus", "an arm is not compared with itself")
    elif both := {p.strip() for p in arm.split("+")} & {p.strip() for p in versus.split("+")}:
        names = ", ".join(sorted(both))
        row.error("arm-on-both-sides", "versus", f"{names} stands on both sides of the comparison")


def check_result(
    row: Row,
    kind: ResultKind,
    statistic: Statistic | None,
    state: State | None,
    time: TimepointClaim | None,
) -> None:
    """What belongs together in a row of results is together."""
    is_contrast = kind is ResultKind.CONTRAST
    if is_contrast:
        _check_measure(row)
    elif row.has("measure") and not row.has("estimate"):
        message = "a measure in a row that compares no arms (expected an arm in versus)"
        row.error("compares-no-arms", "measure", message)
    given = [column for column in CELLS if row.has(column)]
    if not is_contrast and statistic in _COUNTED:
        for column in _MEASURED:
            if column in given:
                message = f"a {statistic} has no {column} (expected events and n, or percent)"
                row.error("number-of-another-statistic", column, message)
        is_counted = row.has("events") or row.has("percent")
        others = set(given) - {"n", *_MEASURED}
        if state is State.REPORTED and others and not is_counted:
            row.error("count-missing", "events", f"empty, and so is percent, in a {statistic}")
    is_percent = statistic is Statistic.PERCENT and not is_contrast
    if is_percent and state is State.REPORTED and given and not row.has("percent"):
        row.warn("count-missing", "percent", "empty in a row whose statistic is percent")
    if statistic is Statistic.PERCENT and not is_contrast:
        for column in [c for c in _MEASURED if c in given][:1]:
            message = f"a {column} in a row whose statistic is percent (expected percent and n)"
            row.error("number-of-another-statistic", column, message)
    elif statistic in (Statistic.BASELINE, Statistic.FINAL) and "percent" in given:
        message = f"a share of persons in a row whose statistic is {statistic}"
        row.error("number-of-another-statistic", "percent", f"{message} (expected percent)")
    if statistic in _SCORED and "events" in given:
        counted = " or ".join(_COUNTED)
        message = f"a count in a row whose statistic is {statistic} (expected {counted})"
        row.error("number-of-another-statistic", "events", message)
    is_of_persons = statistic is Statistic.PERSON_COUNT and not is_contrast
    if is_of_persons and row.has("events") and not row.has("n") and state is State.REPORTED:
        _unless(row, "n_not_printed", "denominator-missing", "n", "empty beside a count of persons")
    if {"sd", "se"} & set(given) and not set(_CENTRES) & set(given):
        column = "sd" if "sd" in given else "se"
        row.warn("dispersion-alone", column, "a dispersion without the value it is about")
    if ("q1" in given) != ("q3" in given):
        column = "q3" if "q1" in given else "q1"
        row.warn("half-range", column, "empty, but the other quartile is given")
    _check_when(row, statistic, state, time)
    _check_direction(row, statistic)


# Directions by the sign that a change told so has.
_SIGNS: Final = {"increased": 1, "decreased": -1}
_BENEFITS: Final = {"improved": 1, "worsened": -1}


def _check_direction(row: Row, statistic: Statistic | None) -> None:
    """A change told in words goes where its number goes."""
    if statistic not in (Statistic.CHANGE, Statistic.PERCENT_CHANGE):
        return
    centre = next((c for c in _CENTRES if row.has(c)), "")
    number, word = row.number(centre), row.text("direction") or ""
    definition = load_vocabulary().get(row.text("outcome") or "")
    better = row.text("better") or (definition.better if definition else None)
    sign = _SIGNS.get(word, 0)
    if better in ("lower", "higher"):
        sign = sign or _BENEFITS.get(word, 0) * (1 if better == "higher" else -1)
    if number and number * sign < 0:
        message = f"{word}, yet the {centre} is {number:g} (is its sign turned round?)"
        row.warn("direction-contradicts-number", "direction", message)


def _check_when(
    row: Row, statistic: Statistic | None, state: State | None, time: TimepointClaim | None
) -> None:
    value = None if time is None else time.value
    at = None if time is None else days(value, time.unit)
    if at is not None and at > _YEARS_TOO_LONG * 365.25:
        row.warn("implausible-time", "time", f"{at / 365.25:.0f} years (is the unit right?)")
    if statistic is Statistic.BASELINE and value and value > 0:
        message = f"{value:g} in a row whose statistic is baseline (expected 0)"
        row.error("baseline-after-start", "time", message)
    elif statistic in (Statistic.CHANGE, Statistic.PERCENT_CHANGE) and value == 0:
        message = f"0 in a row whose statistic is {statistic}: nothing has changed at the start"
        row.error("change-at-start", "time", message)
    elif statistic is Statistic.FINAL and value == 0:
        row.warn("final-at-start", "time", "0 in a row whose statistic is final (is it baseline?)")
    is_told = row.has("time") or row.has("time_text") or row.has("time_unit")
    if statistic in _LATER and state is State.REPORTED and not is_told:
        row.warn("time-missing", "time", f"empty in a row whose statistic is {statistic}")


def _check_measure(row: Row) -> None:
    measure = row.text("measure")
    if row.has("estimate") and not row.has("measure"):
        message = f"empty beside an estimate (expected e.g. {MEASURES[0]})"
        row.error("missing-measure", "measure", message)
    if measure is None:
        return
    if long := _SHORT.get(measure.lower()):
        message = f"{shown(measure)} is not written out (expected {' or '.join(long)})"
        row.error("unknown-measure", "measure", message)
    elif measure not in MEASURES and (near := nearest(measure, MEASURES, cutoff=0.85)):
        message = f"unknown measure: {shown(measure)} (nearest: {near[0]})"
        row.error("unknown-measure", "measure", message)
    elif measure not in MEASURES:
        message = f"{shown(measure)} is none of {', '.join(MEASURES)}; it cannot be pooled by name"
        row.warn("unusual-measure", "measure", message)
    has_interval = row.has("ci_low") and row.has("ci_high")
    if _RATIO.search(measure) and row.has("estimate") and not has_interval:
        estimate = row.number("estimate")
        if estimate is not None and estimate <= 0:
            message = f"{measure} of {estimate:g}: a ratio is above 0 (is it a logarithm?)"
            row.error("ratio-not-positive", "estimate", message)


def check_adverse_event(row: Row, code: str | None, seriousness: str | None) -> None:
    definition = load_vocabulary().get(code or "")
    if definition is not None and definition.unit not in _COUNTED_IN:
        unit = definition.unit or "no count"
        message = f"{code} ({definition.name}, {unit}) is no event; it belongs in results"
        row.error("not-an-event", "code", message)
    contradicted = {"AE_SERIOUS": "not serious", "AE_OTHER": "serious"}
    if code is not None and seriousness is not None and contradicted.get(code) == seriousness:
        message = f"{seriousness} in a row whose code is {code}"
        row.error("seriousness-contradicts-code", "seriousness", message)
    if row.has("persons") and not row.has("at_risk"):
        message = "empty beside a count of persons"
        _unless(row, "n_not_printed", "denominator-missing", "at_risk", message)


def check_arm(
    row: Row,
    *,
    passage: tuple[int | None, int | None],
    dose: tuple[float | None, float | None, float | None],
) -> None:
    """`passage` is (low, high), `dose` (value, low, high)."""
    check_participants(row)
    _check_range(row, "passage_low", passage[0], "passage_high", passage[1])
    for column, passages in zip(("passage_low", "passage_high"), passage):
        if passages is not None and passages > _MOST_PASSAGES:
            message = f"passage {passages} (is it days, or doublings of the population?)"
            row.warn("implausible-passage", column, message)
            break
    value, low, high = dose
    _check_range(row, "dose_low", low, "dose_high", high)
    for column, number in (("dose", value), ("dose_low", low), ("dose_high", high)):
        if number is not None and number <= 0:
            row.error("dose-not-positive", column, f"not above 0: {number:g}")
    is_range = low is not None and high is not None and low <= high
    if value is not None and is_range and not (low or 0) <= value <= (high or 0):
        message = f"dose {value:g} lies outside {low:g} to {high:g}"
        row.error("dose-outside-range", "dose", message)
    unit = row.text("dose_unit")
    if not row.has("dose_unit") and any(map(row.has, ("dose", "dose_low", "dose_high"))):
        message = "empty beside a dose (expected e.g. 10^6 cells/kg)"
        row.error("missing-dose-unit", "dose_unit", message)
    usual = USUAL["dose_unit"]
    is_of_cells = row.has("tissue") or row.has("donor")
    if unit and unit not in usual and (near := nearest(_powers(unit), usual, cutoff=0.8)):
        message = f"unknown dose_unit: {shown(unit)} (expected {near[0]})"
        row.error("unknown-dose-unit", "dose_unit", message)
    elif unit and is_of_cells and not normalise(Kind.DOSE_UNIT, unit):
        message = f"{shown(unit)} is no unit of a dose of cells (expected {' or '.join(usual)})"
        row.error("unknown-dose-unit", "dose_unit", message)
    if is_of_cells and row.text("role") == "control" and _INERT & _codes(row, "comparator"):
        message = "control, and given cells beside it (are the rows of two arms mixed up?)"
        row.warn("control-with-cells", "role", message)
    most = _MOST_MILLIONS.get(unit or "", math.inf)
    if value is not None and value > most:
        message = f"{value:g} in {unit}, which counts in millions (is it {value / 1e6:g}?)"
        row.warn("implausible-dose", "dose", message)
    times = row.text("times")
    if times is not None and re.fullmatch(r"[-−]\d+", times):
        row.error("below-least", "times", f"below 0: {times}")


# What has no cells in it.
_INERT: Final = frozenset({"placebo", "saline", "sham", "vehicle"})


def _codes(row: Row, column: str) -> set[str]:
    return {term.code for term in normalise(Kind.COMPARATOR, row.text(column) or "")}


def _powers(unit: str) -> str:
    """A dose unit with the power written plainly: "x10⁶ cells / kg" is "10^6 cells/kg"."""
    plain = re.sub(r"10\s*(?:⁶|E\+?6|\*\*6|(?<=10)6\b)", "10^6", unit, flags=re.IGNORECASE)
    plain = re.sub(r"^\s*[x×*]\s*", "", plain)
    plain = re.sub(r"\b(?:million|mio)\b\.?", "10^6", plain, flags=re.IGNORECASE)
    return re.sub(r"\s*/\s*", "/", plain)


def check_participants(row: Row) -> None:
    """Everybody is among the enrolled, and of a trial who was analysed or completed among those
    randomised. Sources count as treated now these and now those."""
    counts = {
        column: int(text)
        for column in ("n_enrolled", "n_randomised", "n_treated", "n_analysed", "n_completed")
        if (text := row.text(column) or "").isascii() and text.isdigit() and len(text) < 10
    }
    impossible = {
        after: before
        for before, later in (
            ("n_randomised", ("n_analysed", "n_completed")),
            ("n_enrolled", ("n_randomised", "n_treated", "n_analysed", "n_completed")),
        )
        for after in later
        if counts.get(after, 0) > counts.get(before, math.inf)
    }
    is_known = {_AS_PRINTED, "n_above_treated"} & set(row.listed("caveats"))
    for after, before in impossible.items() if not is_known else ():
        message = f"{after} {counts[after]} is more than {before} {counts[before]}"
        way_out = f"where the source prints it so, say so with the caveat {_AS_PRINTED}"
        row.error("more-than-there-were", after, f"{message}; {way_out}")
    steps = [(c, n) for c, n in counts.items() if c != "n_analysed"]
    for (before, larger), (after, smaller) in pairwise(steps):
        if smaller > larger and after not in impossible:
            message = f"{after} {smaller} is more than {before} {larger}"
            row.warn("participants-increase", after, message)


def _check_range(
    row: Row, low: str, low_value: float | None, high: str, high_value: float | None
) -> None:
    if low_value is not None and high_value is not None and low_value > high_value:
        row.error("range-reversed", low, f"{low} {low_value:g} is above {high} {high_value:g}")


def _unless(row: Row, caveat: str, code: str, column: str, message: str) -> None:
    if caveat not in row.listed("caveats"):
        row.warn(code, column, f"{message} (where it is not printed: caveat {caveat})")


_TERMS: Final = {"route": Kind.ROUTE, "tissue": Kind.TISSUE}


def check_usual(table: str, row: Row) -> None:
    """Words that look like the usual ones of their column, misspelt."""
    for column in row.cells:
        usual = of_column(table, column, USUAL)
        text = row.text(column) if usual and column not in ("measure", "dose_unit") else None
        if not usual or not text or text in usual:
            continue
        kind = _TERMS.get(column)
        if near := nearest(text, usual, cutoff=0.9):
            row.warn("unusual-word", column, f"{shown(text)}: is {shown(near[0])} meant?")
        elif column == "milestone" or (kind and not normalise(kind, text)):
            message = f"{shown(text)} is no {column} known here, and is kept as it is"
            row.warn("unusual-word", column, f"{message} (usual are {', '.join(usual)})")


# -- all rows ------------------------------------------------------------------------------------


def check_labels(studies: Iterable[Row]) -> None:
    """Two studies of one label are one in every table and figure."""
    seen: dict[str, Row] = {}
    for row in studies:
        label = row.text("label")
        if label in seen:
            message = f"{shown(label)} is the label in {seen[label].place} as well"
            row.warn("same-label", "label", message)
        elif label:
            seen[label] = row


def check_arms(rows: Rows) -> None:
    """An arm that nothing names while others of its study are named: were its rows forgotten, or
    entered for another arm?"""
    named: dict[str | None, set[str]] = defaultdict(set)
    for table in ("flow", "results", "adverse_events"):
        for row in rows.table(table):
            for column in ("arm", "versus"):
                parts = (part.strip() for part in (row.text(column) or "").split("+"))
                named[row.text("study")].update(part for part in parts if part)
    seen: set[object] = set()
    for row in rows.table("arms"):
        study, arm = row.text("study"), row.text("arm")
        others = named[study] - {WHOLE_STUDY, BASELINE}
        if arm and others and arm not in others and (study, arm) not in seen:
            seen.add((study, arm))
            row.warn("unused-arm", "arm", f"no result and no event is told of {shown(arm)}")


def check_sources(rows: Rows) -> None:
    """A source that nothing names was entered for nothing, or its facts name another."""
    named = {
        row.text("source")
        for table, of_table in rows.by_table.items()
        if table != "sources"
        for row in of_table
    }
    for row in rows.table("sources"):
        key = row.text("key")
        if key and key not in named:
            row.warn("unused-source", "key", f"nothing names the source {shown(key)}")


def check_study(record: StudyRecord, rows: Mapping[str, Row]) -> None:
    """All of a study's statements, by themselves and beside each other."""
    _check_arms(record.arms, rows)
    sizes = _sizes(record)
    _check_sizes(record, sizes, rows)
    _check_flow(record.flow, sizes, rows)
    _check_times(record, rows)
    _check_repeats((*record.results, *record.adverse_events), rows)
    statements = [
        _statement(record, claim) for claim in record.results if claim.evidence.row is not None
    ]
    adverse = [_adverse(record, claim, sizes) for claim in record.adverse_events]
    too_many = list(n_exceeds_arm(statements, sizes))
    told = {finding.subjects[0] for finding in too_many}
    findings = [
        *(finding for statement in statements for finding in check_numbers(statement)),
        # Where there are more than in the arm, there are more than before, too.
        *(
            f
            for f in check_beside(statements)
            if f.check != "n-rises" or f.subjects[-1] not in told
        ),
        *too_many,
        *check_adverse_events(adverse),
    ]
    about = record.description
    is_crossover = bool(about and _CROSSOVER.search(f"{about.design} {about.allocation}"))
    is_crossover = is_crossover or any(arm.role == "period" for arm in record.arms)
    for finding in findings:
        _tell(finding, rows, is_crossover=is_crossover)


def _tell(finding: Finding, rows: Mapping[str, Row], *, is_crossover: bool) -> None:
    """A finding at the cell it is about, unless a caveat of the row says so already."""
    place = next(place for place in reversed(finding.subjects) if place in rows)
    row = rows[place]
    columns = [_COLUMN[n.name] for n in finding.numbers if n.of == place and n.name in _COLUMN]
    column = _BLAMED.get(finding.check, columns[0] if columns else "")
    caveats = set(row.listed("caveats"))
    if caveats & (_KNOWN_BY.get(finding.check, frozenset()) | {_AS_PRINTED}):
        return
    others = [place for place in finding.subjects if place in rows and rows[place] is not row]
    more = f" and {len(others) - 3} more" if others[3:] else ""
    beside = f" (beside {', '.join(others[:3])}{more})" if others else ""
    is_impossible = finding.severity is Severity.ERROR
    if finding.check == "n-exceeds-arm":
        is_of_randomised = any(n.name == "n_randomised" for n in finding.numbers)
        is_as_treated = _AS_TREATED.search(row.text("population") or "") is not None
        is_impossible = is_of_randomised and not is_crossover and not is_as_treated
    if is_impossible:
        way_out = f"; where the source prints it so, say so with the caveat {_AS_PRINTED}"
        row.error(finding.check, column, f"{finding.message}{beside}{way_out}")
    else:
        row.warn(finding.check, column, f"{finding.message}{beside}")


def _statement(record: StudyRecord, claim: ResultClaim) -> Statement:
    code = claim.outcome_code
    time = claim.time
    return Statement(
        id=claim.evidence.row or "",
        study=record.key,
        record=record.key,
        kind=claim.kind,
        arm=claim.arm,
        arm_label=claim.arm,
        comparator=claim.comparator,
        outcome=code or claim.outcome_title,
        outcome_title=claim.outcome_title,
        definition=load_vocabulary().get(code or ""),
        category=claim.category,
        days=days(time.value, time.unit) if time else None,
        time=f"{time.value:g} {time.unit}" if time and time.value is not None else None,
        population=claim.population,
        subgroup=claim.subgroup,
        statistic=claim.statistic,
        unit=claim.unit,
        unit_of_analysis=claim.unit_of_analysis,
        measure=claim.measure,
        ci_level=claim.ci_level,
        p_text=claim.p_text,
        better=claim.better,
        cells={cell.name: cell for cell in claim.cells},
    )


def _adverse(
    record: StudyRecord, claim: AdverseEventClaim, sizes: Mapping[str, ArmSize]
) -> AdverseStatement:
    size = sizes.get(claim.arm)
    time = claim.time
    return AdverseStatement(
        id=claim.evidence.row or "",
        arm=claim.arm,
        arm_n=size.n if size else None,
        record=record.key,
        code=claim.code,
        term=claim.term,
        seriousness=claim.seriousness,
        time=(time,),
        n_at_risk=claim.n_at_risk,
        persons_affected=claim.persons_affected,
        event_count=claim.event_count,
        percent=claim.percent,
    )


def _sizes(record: StudyRecord) -> dict[str, ArmSize]:
    """How many each arm had, the sums of arms told of together, and the whole study."""
    sizes: dict[str, ArmSize] = {}
    for claim in record.arms:
        for size in _counts_of(claim.key, claim.n_randomised, claim.n_treated, claim.n_analysed):
            if claim.key not in sizes or size.n > sizes[claim.key].n:
                sizes[claim.key] = size
    told = {claim.arm for claim in record.results}
    told |= {claim.arm for claim in record.adverse_events}
    for name in (name for name in told if "+" in name):
        parts = [sizes[part.strip()] for part in name.split("+") if part.strip() in sizes]
        if len(parts) == name.count("+") + 1:
            basis = " and ".join(sorted({size.basis for size in parts}))
            total = sum(size.n for size in parts)
            sizes[name] = ArmSize(id=name, label=name, n=total, basis=basis)
    if (about := record.description) is not None:
        counts = (about.n_randomised, about.n_treated, about.n_analysed)
        for size in (
            *_counts_of(WHOLE_STUDY, *counts),
            *_counts_of(WHOLE_STUDY, about.n_enrolled, basis="enrolled"),
        ):
            if WHOLE_STUDY not in sizes or size.n > sizes[WHOLE_STUDY].n:
                sizes[WHOLE_STUDY] = size
    return sizes


def _counts_of(
    name: str,
    *counts: int | None,
    basis: str | None = None,
) -> Iterator[ArmSize]:
    for n, what in zip(counts, ("randomised", "treated", "analysed")):
        if n is not None:
            yield ArmSize(id=name, label=name, n=n, basis=basis or what)


def _check_arms(arms: Sequence[ArmClaim], rows: Mapping[str, Row]) -> None:
    """One description of an arm by one source; of two sources that differ, both say so."""
    by_source: dict[tuple[str, str, str], Row] = {}
    by_arm: dict[str, ArmClaim] = {}
    by_label: dict[str, ArmClaim] = {}
    for claim in arms:
        row = rows[claim.evidence.row or ""]
        source = row.text("source")
        if source is None or not claim.key:
            continue
        place = (claim.key, source, claim.evidence.locator)
        if place in by_source:
            message = f"{shown(claim.key)} is described from this place in {by_source[place].place}"
            row.error("duplicate-arm", "arm", message)
            continue
        by_source[place] = row
        first = by_arm.setdefault(claim.key, claim)
        if first is claim and (other := by_label.setdefault(claim.label, claim)) is not claim:
            message = f"{shown(claim.label)} is the label of {shown(other.key)} as well"
            row.warn("same-label", "label", message)
        for column in ("role", "n_randomised", "n_treated", "n_analysed", "n_completed"):
            here, there = getattr(claim, column), getattr(first, column)
            if None in (here, there) or here == there or "sources_disagree" in claim.caveats:
                continue
            message = f"{column} {here} here, {there} in {first.evidence.row}"
            code = "arm-roles-disagree" if column == "role" else "arm-counts-disagree"
            row.warn(code, column, f"{message} (caveat sources_disagree)")


def _check_sizes(
    record: StudyRecord, sizes: Mapping[str, ArmSize], rows: Mapping[str, Row]
) -> None:
    """No arm is larger than its study, and the arms together seldom are."""
    about = record.description
    randomised: dict[str, int] = {}
    for claim in record.arms:
        if claim.role != "period" and claim.n_randomised is not None:
            randomised[claim.key] = max(claim.n_randomised, randomised.get(claim.key, 0))
    known = (about.n_enrolled, about.n_randomised) if about is not None else ()
    whole = max((n for n in known if n is not None), default=None)
    if whole is None or about is None or _AS_PRINTED in about.caveats:
        return
    too_large = False
    for claim in record.arms:
        n, row = claim.n_randomised, rows[claim.evidence.row or ""]
        if n is not None and n > whole and _AS_PRINTED not in claim.caveats:
            too_large = True
            message = f"{n} in the arm, {whole} in the whole study; where the source prints it so"
            way_out = f"say so with the caveat {_AS_PRINTED}"
            row.error("arm-exceeds-study", "n_randomised", f"{message}, {way_out}")
    total = sum(randomised.values())
    if total > whole and not too_large and record.arms:
        last = next(c for c in reversed(record.arms) if c.n_randomised is not None)
        message = f"{total} in all arms together, {whole} in the whole study"
        hint = "does somebody stand in two arms? An arm of a crossover has the role period"
        rows[last.evidence.row or ""].warn(
            "arms-exceed-study", "n_randomised", f"{message} ({hint})"
        )


def _check_flow(
    flow: Sequence[FlowClaim], sizes: Mapping[str, ArmSize], rows: Mapping[str, Row]
) -> None:
    """Nobody completes who did not start."""
    by_arm: dict[tuple[str, str | None], dict[str, list[FlowClaim]]] = defaultdict(dict)
    starting = {(c.arm, c.period) for c in flow if c.milestone == "started" and c.n is not None}
    for claim in flow:
        row = rows[claim.evidence.row or ""]
        size = sizes.get(claim.arm)
        if claim.milestone != "started" and (claim.arm, claim.period) in starting:
            pass  # compared with those who started
        elif claim.n is not None and size is not None and claim.n > size.n:
            message = f"{claim.n} {claim.milestone}, {claim.arm} had {size.n} {size.basis}"
            row.warn("n-exceeds-arm", "n", message)
        by_arm[claim.arm, claim.period].setdefault(claim.milestone, []).append(claim)
    for milestones in by_arm.values():
        started = next((c.n for c in milestones.get("started", ()) if c.n is not None), None)
        if started is None:
            continue
        ended = 0
        for milestone in ("completed", "not completed"):
            claims = [c for c in milestones.get(milestone, ()) if c.n is not None]
            for claim in claims:
                if (claim.n or 0) > started:
                    message = f"{claim.n} {milestone}, but {started} started"
                    rows[claim.evidence.row or ""].error("more-than-started", "n", message)
            # Two sources tell of the same persons; so do a total and its reasons.
            by_source: dict[tuple[str, bool], int] = defaultdict(int)
            for claim in claims:
                by_source[claim.evidence.document, claim.reason is None] += claim.n or 0
            most = max(by_source.values(), default=0)
            ended += most
            if claims and most <= started < ended:
                message = f"with those who completed {ended}, but {started} started"
                rows[claims[-1].evidence.row or ""].error("more-than-started", "n", message)


# What a row says, apart from what it is about and where it stands.
_BESIDE: Final = frozenset({"caveats", "note"})


# Lengths that some or all of the participants exceed.
_LENGTH_OF_SOME: Final = re.compile(r"median|mean|average|least|minim|more|planned", re.IGNORECASE)


def _check_times(record: StudyRecord, rows: Mapping[str, Row]) -> None:
    """A result long after everybody's follow-up ended: is it another unit?"""
    about = record.description
    if about is None or _LENGTH_OF_SOME.search(about.followup_text or ""):
        return
    end = days(about.followup_value, about.followup_unit)
    for claim in record.results:
        time = claim.time
        at = None if time is None else days(time.value, time.unit)
        if end and at is not None and at > 2 * end and at <= _YEARS_TOO_LONG * 365.25:
            length = f"{about.followup_value:g} {about.followup_unit}"
            message = (
                f"long after the follow-up of {length} that studies gives (is the unit right?)"
            )
            rows[claim.evidence.row or ""].warn("time-after-follow-up", "time", message)


def _check_repeats(
    claims: Sequence[ResultClaim | AdverseEventClaim], rows: Mapping[str, Row]
) -> None:
    """A row copied and not changed, and two rows that say different numbers of one thing."""
    said: dict[object, Row] = {}
    about: dict[object, Row] = {}
    for claim in claims:
        row = rows[claim.evidence.row or ""]
        table = type(claim)
        cells = {c: t for c, t in row.cells.items() if t and c not in _BESIDE}
        everything = (table, frozenset(cells.items()))
        if everything in said:
            message = f"says what {said[everything].place} says already"
            row.error("duplicate-row", "", message)
            continue
        said[everything] = row
        # Rows of one key are told apart by a number, which is not part of what they are about.
        key = re.sub(r" #\d+$", "", claim.key)
        place = (table, key, row.text("unit"), claim.evidence.locator)
        first = about.setdefault(place, row)
        is_fine = not (row.is_wrong or first.is_wrong)
        if is_fine and first is not row and "sources_disagree" not in row.listed("caveats"):
            message = (
                f"about the same as {first.place}, from the same place, with other numbers "
                "(what tells them apart belongs in what, subgroup or time_text)"
            )
            row.warn("contradicting-row", "", message)
