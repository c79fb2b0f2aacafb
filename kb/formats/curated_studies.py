"""Curation tables of studies: arms, participants, results, adverse events, registrations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from kb.formats.curated_works import Works, read_registration, read_registrations
from kb.formats.tables import Row, Rows, expected, keyed, once, shown
from kb.identity.identifiers import normalize_pmid
from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    Category,
    Cell,
    CellName,
    DescriptionClaim,
    DoseClaim,
    EvidenceClaim,
    FlowClaim,
    OverlapClaim,
    ProductClaim,
    RegistrationClaim,
    ReportClaim,
    ResultClaim,
    ResultKind,
    Standing,
    State,
    Statistic,
    StudyRecord,
    TimepointClaim,
)
from kb.outcomes.timepoints import DAYS_PER_UNIT
from kb.outcomes.vocabulary import load_caveats, load_vocabulary

_CELLS: Final[Mapping[str, CellName]] = {
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
_OF_CONTRASTS = frozenset({"n", "estimate", "ci_low", "ci_high"})
_ORDERED = (("ci_low", "ci_high"), ("q1", "q3"), ("min", "max"))
_NEVER_NEGATIVE = ("sd", "se", "person_years")
_OF_PERSONS = (Statistic.PERSON_COUNT, Statistic.PERCENT)
_REPORTED = (State.REPORTED, State.REPORTED_ZERO)
_STANDINGS = {"primary": Standing.PRIMARY, "secondary": Standing.SECONDARY}
_UNITS = tuple(DAYS_PER_UNIT)
_OVERLAPS = (
    "same participants",
    "follow-up of",
    "substudy of",
    "extension of",
    "may share participants",
)
_DIRECTIONS = (
    "increased",
    "decreased",
    "changed",
    "no change",
    "improved",
    "worsened",
    "higher",
    "lower",
    "no difference",
    "inconclusive",
)
_NOWHERE = EvidenceClaim(kind="", document="", locator="", standing=Standing.SECONDARY)
WHOLE_STUDY: Final = "all"
BASELINE: Final = "baseline"
_BASELINE_TIME = TimepointClaim(value=0, unit="day", text=BASELINE)


Claim = TypeVar("Claim", ArmClaim, FlowClaim, ResultClaim, AdverseEventClaim)
Keyed = TypeVar("Keyed", FlowClaim, ResultClaim, AdverseEventClaim)


class Studies:
    """The studies of a set of tables, and the registrations that belong to none of them."""

    def __init__(self, rows: Rows, source: str, works: Works) -> None:
        self._rows = rows
        self._source = source
        self._works = works
        self.sources = self._read_sources()
        self._studies = keyed(rows.table("studies"), "study")
        self._arms: dict[str, set[str]] = defaultdict(set)
        for row in rows.table("arms"):
            self._arms[row.text("study") or ""].add(row.text("arm") or "")
        self._registrations = self._read_registrations()
        self._links = self._read_study_registrations()

    # Names and places

    def _study(self, row: Row, column: str = "study") -> str | None:
        return row.known(column, self._studies, "studies")

    def _arm(self, row: Row, column: str = "arm") -> str:
        """An arm of the row's study: one entered in arms, several joined by +, or the whole."""
        arm, study = row.text(column), row.text("study")
        if arm is None or arm == WHOLE_STUDY or study not in self._studies:
            return arm or ""
        known = self._arms[study]
        for part in arm.split("+"):
            if part.strip() not in known:
                names = (*sorted(known), WHOLE_STUDY)
                row.error(
                    column,
                    f"{shown(part)} is not an arm of {study} ({expected(part, names)})",
                )
        return arm

    def _read_sources(self) -> dict[str, EvidenceClaim]:
        sources: dict[str, EvidenceClaim] = {}
        for key, row in keyed(self._rows.table("sources"), "key").items():
            standing = row.one_of("standing", _STANDINGS)
            work = self._works.work(row, "work")
            sources[key] = EvidenceClaim(
                kind=row.text("kind") or "",
                document=row.text("document") or "",
                locator="",
                standing=_STANDINGS[standing] if standing else Standing.SECONDARY,
                work=work.identifiers if work else (),
            )
        return sources

    def _evidence(self, row: Row) -> EvidenceClaim:
        key = row.known("source", self.sources, "sources")
        source = self.sources[key] if key else _NOWHERE
        return replace(source, locator=row.text("locator") or "", row=row.place)

    def _caveats(self, row: Row) -> tuple[str, ...]:
        codes = row.listed("caveats")
        for code in codes:
            if code not in load_caveats():
                hint = expected(code, tuple(load_caveats()))
                row.error("caveats", f"unknown caveat: {shown(code)} ({hint})")
        return codes

    def _time(self, row: Row) -> TimepointClaim | None:
        value, unit = row.number("time"), row.one_of("time_unit", _UNITS)
        if row.text("time") and not row.text("time_unit"):
            row.error("time_unit", f"empty beside a time (expected {', '.join(_UNITS)})")
        if row.text("time_unit") and not row.text("time"):
            row.error("time", "empty beside a unit of time")
        time = TimepointClaim(
            value=value, unit=unit, text=row.text("time_text"), anchor=row.text("since")
        )
        return None if time == TimepointClaim() else time

    # Registrations

    def _read_registrations(self) -> dict[str, tuple[RegistrationClaim, Row]]:
        found: dict[str, tuple[RegistrationClaim, Row]] = {}
        for row in self._rows.table("registrations"):
            named = read_registration(row, "number", row.text("number"))
            if named is None:
                continue
            registry, number = named
            if number in found:
                row.error("number", f"{number} stands in {found[number][1].place} already")
                continue
            n_is = row.one_of("n_is", ("actual", "planned"))
            claim = RegistrationClaim(
                number=number,
                registry=registry,
                title=row.text("title"),
                sponsor=row.text("sponsor"),
                country=row.text("country"),
                phase=row.text("phase"),
                status=row.text("status"),
                n_registered=row.whole("n"),
                n_is_actual=None if n_is is None else n_is == "actual",
                start=row.date("start"),
                completion=row.date("completion"),
                primary_completion=row.date("primary_completion"),
                results_posted=row.date("results_posted"),
                aliases=tuple(number for _, number in read_registrations(row, "aliases")),
                listed_pmids=_pmids(row, "listed_pmids"),
                note=row.text("note"),
                evidence=self._evidence(row) if row.text("source") else None,
            )
            found[number] = claim, row
        return found

    def _read_study_registrations(self) -> dict[str, tuple[RegistrationClaim, ...]]:
        found: dict[str, list[RegistrationClaim]] = defaultdict(list)
        seen: dict[object, Row] = {}
        for row in self._rows.table("study_registrations"):
            study = self._study(row)
            named = read_registration(row, "registration", row.text("registration"))
            if named is None:
                continue
            _, number = named
            if number not in self._registrations:
                row.error("registration", f"{number} is not in registrations")
                continue
            if study and once(row, "registration", (study, number), seen):
                claim = self._registrations[number][0]
                found[study].append(
                    replace(claim, link_basis=row.text("basis"), caveats=self._caveats(row))
                )
        return {study: tuple(claims) for study, claims in found.items()}

    def registered_only(self) -> tuple[StudyRecord, ...]:
        linked = {claim.number for claims in self._links.values() for claim in claims}
        return tuple(
            StudyRecord(
                source=self._source,
                key=number,
                label=claim.title or number,
                title=claim.title,
                conditions=row.listed("conditions"),
                registrations=(replace(claim, is_linked=False),),
            )
            for number, (claim, row) in self._registrations.items()
            if number not in linked
        )

    # Studies

    def records(self) -> tuple[StudyRecord, ...]:
        reports, overlaps = self._read_reports(), self._read_overlaps()
        arms = self._of_studies("arms", self._read_arm)
        flow = self._of_studies("flow", self._read_flow)
        results = self._of_studies("results", self._read_result)
        events = self._of_studies("adverse_events", self._read_adverse_event)
        return tuple(
            StudyRecord(
                source=self._source,
                key=study,
                label=row.text("label") or study,
                acronym=row.text("acronym"),
                title=row.text("title"),
                conditions=row.listed("conditions"),
                phenotype=row.text("phenotype"),
                year=_year(row),
                description=self._read_description(row),
                registrations=self._links.get(study, ()),
                reports=reports.get(study, ()),
                overlaps=overlaps.get(study, ()),
                arms=arms.get(study, ()),
                flow=_with_keys(flow.get(study, ())),
                results=_with_keys(results.get(study, ())),
                adverse_events=_with_keys(events.get(study, ())),
            )
            for study, row in self._studies.items()
        )

    def _of_studies(self, table: str, read: Callable[[Row], Claim]) -> dict[str, tuple[Claim, ...]]:
        found: dict[str, list[Claim]] = defaultdict(list)
        for row in self._rows.table(table):
            study = self._study(row)
            claim = read(row)
            if study:
                found[study].append(claim)
        return {study: tuple(claims) for study, claims in found.items()}

    def _read_reports(self) -> dict[str, tuple[ReportClaim, ...]]:
        found: dict[str, list[ReportClaim]] = defaultdict(list)
        seen: dict[object, Row] = {}
        for row in self._rows.table("reports"):
            study, work = self._study(row), self._works.work(row, "work")
            if study and work and once(row, "work", (study, work.key), seen):
                found[study].append(
                    ReportClaim(work=work.identifiers, basis="curated", record_key=work.key)
                )
        return {study: tuple(claims) for study, claims in found.items()}

    def _read_overlaps(self) -> dict[str, tuple[OverlapClaim, ...]]:
        found: dict[str, list[OverlapClaim]] = defaultdict(list)
        seen: dict[object, Row] = {}
        for row in self._rows.table("overlaps"):
            study, other = self._study(row), self._study(row, "other")
            kind = row.one_of("kind", _OVERLAPS)
            certainty = row.one_of("certainty", ("certain", "probable", "possible"))
            if study and study == other:
                row.error("other", "a study does not overlap with itself")
                continue
            pair = frozenset((study, other))
            if not (study and other and kind and certainty and once(row, "other", pair, seen)):
                continue
            found[study].append(
                OverlapClaim(other=other, kind=kind, certainty=certainty, reason=row.text("reason"))
            )
        return {study: tuple(claims) for study, claims in found.items()}

    def _read_description(self, row: Row) -> DescriptionClaim:
        if row.text("follow_up_unit") and not row.text("follow_up"):
            row.error("follow_up", "empty beside a unit of follow-up")
        if row.text("follow_up") and not row.text("follow_up_unit"):
            row.error("follow_up_unit", f"empty beside a time (expected {', '.join(_UNITS)})")
        return DescriptionClaim(
            design=row.text("design"),
            allocation=row.text("allocation"),
            masking=row.text("masking"),
            phase=row.text("phase"),
            purpose=row.text("purpose"),
            country=row.text("country"),
            n_enrolled=row.whole("n_enrolled"),
            n_randomised=row.whole("n_randomised"),
            n_treated=row.whole("n_treated"),
            n_analysed=row.whole("n_analysed"),
            n_completed=row.whole("n_completed"),
            followup_value=row.number("follow_up"),
            followup_unit=row.one_of("follow_up_unit", _UNITS),
            followup_text=row.text("follow_up_text"),
            eligibility=row.text("eligibility"),
            caveats=self._caveats(row),
            note=row.text("note"),
            evidence=self._evidence(row),
        )

    def _read_arm(self, row: Row) -> ArmClaim:
        arm = row.text("arm") or ""
        if arm in (WHOLE_STUDY, BASELINE) or "+" in arm:
            row.error("arm", f"{shown(arm)} has a meaning of its own and names no arm")
        passage_low, passage_high = row.whole("passage_low"), row.whole("passage_high")
        low, high = row.number("dose_low"), row.number("dose_high")
        _in_order(row, "passage_low", passage_low, "passage_high", passage_high)
        _in_order(row, "dose_low", low, "dose_high", high)
        value = row.number("dose")
        if not row.text("dose_unit") and (value, low, high) != (None, None, None):
            row.error("dose_unit", "empty beside a dose (expected e.g. 10^6 cells/kg)")
        times = row.text("times")
        is_count = times is not None and times.isascii() and times.isdigit()
        if times is not None and re.fullmatch(r"[-−]\d+", times):
            row.error("times", f"below 0: {times}")
        product = ProductClaim(
            intervention=row.text("product"),
            tissue=row.text("tissue"),
            donor=row.one_of("donor", ("autologous", "allogeneic", "xenogeneic")),
            passage_low=passage_low,
            passage_high=passage_high,
            is_cryopreserved=row.flag("cryopreserved"),
            viability_text=row.text("viability"),
            note=row.text("product_note"),
        )
        dose = DoseClaim(
            value=value,
            low=low,
            high=high,
            unit=row.text("dose_unit"),
            basis=row.text("dose_basis"),
            n_administrations=row.whole("times") if is_count else None,
            n_administrations_text=None if is_count else times,
            interval_text=row.text("interval"),
            route=row.text("route"),
        )
        return ArmClaim(
            key=arm,
            label=row.text("label") or arm,
            role=row.one_of("role", ("experimental", "control", "period")),
            description=row.text("description"),
            n_randomised=row.whole("n_randomised"),
            n_treated=row.whole("n_treated"),
            n_analysed=row.whole("n_analysed"),
            n_completed=row.whole("n_completed"),
            comparator=row.text("comparator"),
            product=None if product == ProductClaim() else product,
            dose=None if dose == DoseClaim() else dose,
            caveats=self._caveats(row),
            note=row.text("note"),
            evidence=self._evidence(row),
        )

    def _read_flow(self, row: Row) -> FlowClaim:
        arm, period = self._arm(row), row.text("period")
        milestone, reason = row.text("milestone") or "", row.text("reason")
        return FlowClaim(
            key=_key(arm, period, milestone, reason, row.text("source")),
            arm=arm,
            period=period,
            milestone=milestone,
            reason=reason,
            n=row.whole("n"),
            note=row.text("note"),
            evidence=self._evidence(row),
        )

    def _read_result(self, row: Row) -> ResultClaim:
        arm, versus = self._arm(row), row.text("versus")
        kind = ResultKind.ARM
        if versus == BASELINE:
            kind = ResultKind.WITHIN_ARM
        elif versus:
            kind = ResultKind.CONTRAST
            self._arm(row, "versus")
            if versus == arm:
                row.error("versus", "an arm is not compared with itself")
        statistic = row.choice("statistic", Statistic)
        if kind is not ResultKind.CONTRAST and not row.text("statistic"):
            row.error("statistic", f"empty (expected {', '.join(Statistic)})")
        state = row.choice("state", State)
        category = row.choice("category", Category)
        if category and statistic and statistic not in _OF_PERSONS:
            row.error("category", "only counts and percentages of persons have a category")
        code, what = row.text("outcome"), row.text("what")
        definition = load_vocabulary().get(code or "")
        if what is None and definition is None:
            row.error("what", _unnamed("outcome", code))
        cells = _cells(row, kind, state, statistic)
        p, direction = row.text("p"), row.one_of("direction", _DIRECTIONS)
        numbers = [cell for cell in cells if cell.name is not CellName.N_ANALYSED]
        if state in _REPORTED and not numbers and not p and not row.text("direction"):
            row.error("state", f"{state}, but the row holds no number, no p and no direction")
        ci_level = row.number("ci_level")
        if ci_level is not None and not 0 < ci_level < 100:
            row.error("ci_level", f"not a percentage between 0 and 100: {ci_level:g}")
        if row.text("estimate") and not row.text("measure"):
            row.error("measure", "empty beside an estimate (expected e.g. hazard ratio)")
        return ResultClaim(
            key=_key(
                arm,
                f"versus {versus}" if versus else None,
                code,
                what,
                *map(row.text, ("category", "subgroup", "population", "statistic")),
                *map(row.text, ("unit_of_analysis", "time", "time_unit", "time_text", "since")),
                row.text("source"),
            ),
            kind=kind,
            arm=arm,
            comparator=versus if kind is ResultKind.CONTRAST else None,
            outcome_code=code,
            outcome_title=what or (definition.name if definition else ""),
            category=category,
            time=self._time(row),
            baseline_time=_BASELINE_TIME if kind is ResultKind.WITHIN_ARM else None,
            subgroup=row.text("subgroup"),
            population=row.text("population"),
            statistic=statistic,
            unit=row.text("unit"),
            unit_of_analysis=row.text("unit_of_analysis"),
            state=state or State.UNCLEAR,
            cells=cells,
            direction=direction,
            measure=row.text("measure"),
            ci_level=ci_level,
            p_text=p,
            method=row.text("method"),
            better=row.one_of("better", ("lower", "higher")),
            is_primary_outcome=row.flag("is_primary"),
            caveats=self._caveats(row),
            note=row.text("note"),
            evidence=self._evidence(row),
        )

    def _read_adverse_event(self, row: Row) -> AdverseEventClaim:
        arm, code, term = self._arm(row), row.text("code"), row.text("term")
        if term is None and code not in load_vocabulary():
            row.error("term", _unnamed("code", code))
        state = row.choice("state", State)
        at_risk, persons = row.whole("at_risk"), row.whole("persons")
        events, percent = row.whole("events"), _percent(row)
        if at_risk is not None and persons is not None and persons > at_risk:
            row.error("persons", f"{persons} persons of {at_risk} at risk")
        numbers = {"persons": persons, "events": events, "percent": percent}
        _check_state(row, state, numbers)
        if state is State.REPORTED and all(row.text(column) is None for column in numbers):
            row.error("state", "reported, but the row holds no number")
        if state is State.REPORTED_ZERO and persons is None and events is None:
            row.error("state", "reported_zero, but neither persons nor events is 0")
        return AdverseEventClaim(
            key=_key(
                arm,
                code,
                term,
                *map(row.text, ("seriousness", "relatedness", "severity")),
                *map(row.text, ("time", "time_unit", "time_text", "since", "source")),
            ),
            arm=arm,
            code=code,
            term=term,
            organ_system=row.text("organ_system"),
            vocabulary=row.text("vocabulary"),
            seriousness=row.one_of("seriousness", ("serious", "not serious")),
            relatedness=row.text("relatedness"),
            severity=row.text("severity"),
            assessment=row.one_of("assessment", ("systematic", "non-systematic")),
            time=self._time(row),
            n_at_risk=at_risk,
            persons_affected=persons,
            event_count=events,
            percent=percent,
            state=state or State.UNCLEAR,
            caveats=self._caveats(row),
            note=row.text("note"),
            evidence=self._evidence(row),
        )


# -- parts of rows -------------------------------------------------------------------------------


def _cells(
    row: Row, kind: ResultKind, state: State | None, statistic: Statistic | None
) -> tuple[Cell, ...]:
    values: dict[str, float | None] = {
        column: row.whole(column) if column in ("n", "events") else row.number(column)
        for column in _CELLS
        if column != "percent"
    }
    values["percent"] = _percent(row) if statistic in _OF_PERSONS else row.number("percent")
    n, events = values["n"], values["events"]
    if n is not None and events is not None and events > n and statistic in _OF_PERSONS:
        row.error("events", f"{events:g} of {n:g} persons")
    for low, high in _ORDERED:
        _in_order(row, low, values[low], high, values[high])
    for column in _NEVER_NEGATIVE:
        if (value := values[column]) is not None and value < 0:
            row.error(column, f"below 0: {value:g}")
    for column, value in values.items():
        if value is None:
            continue
        if kind is ResultKind.CONTRAST and column not in _OF_CONTRASTS:
            row.error(column, "a number of one arm in a row that compares two")
        elif kind is not ResultKind.CONTRAST and column == "estimate":
            row.error(column, "an estimate in a row that compares no arms (versus is empty)")
    zeros = {c: values[c] for c in ("events", "percent")}
    _check_state(row, state, {c: v for c, v in values.items() if c != "n"}, zeros)
    if state is State.REPORTED_ZERO and all(row.text(column) is None for column in zeros):
        row.error("state", "reported_zero, but neither events nor percent is 0")
    return tuple(
        Cell(
            name=name,
            value=value,
            text=row.text(column),
            state=state if state is State.REPORTED_ZERO and column in zeros else State.REPORTED,
        )
        for column, name in _CELLS.items()
        if (value := values[column]) is not None
    )


def _check_state(
    row: Row,
    state: State | None,
    numbers: Mapping[str, float | None],
    zeros: Mapping[str, float | None] | None = None,
) -> None:
    """Numbers stand only in reported rows, and `zeros` (or all) are 0 where zero was reported."""
    for column, value in numbers.items():
        if value is not None and state is not None and state not in _REPORTED:
            row.error(column, f"a number in a row whose state is {state}")
    if state is State.REPORTED_ZERO:
        for column, value in (numbers if zeros is None else zeros).items():
            if value:
                row.error(column, f"{value:g} in a row whose state is reported_zero")


def _unnamed(column: str, code: str | None) -> str:
    """What is wrong with a row that names what it is about neither by code nor in words."""
    if code is None:
        return f"empty, and so is {column} (expected one of them at least)"
    near = expected(code, tuple(load_vocabulary()))
    return f"empty, and the {column} {shown(code)} is not in the vocabulary ({near})"


def _percent(row: Row) -> float | None:
    """A share of persons, 0 to 100."""
    value = row.number("percent")
    if value is not None and not 0 <= value <= 100:
        row.error("percent", f"not between 0 and 100: {value:g}")
        return None
    return value


def _in_order(
    row: Row, low: str, low_value: float | None, high: str, high_value: float | None
) -> None:
    if low_value is not None and high_value is not None and low_value > high_value:
        row.error(low, f"{low} {low_value:g} is above {high} {high_value:g}")


def _year(row: Row) -> int | None:
    year = row.whole("year", least=1800)
    if year is not None and year > 2999:
        row.error("year", f"not a year: {year}")
    return year


def _pmids(row: Row, column: str) -> tuple[str, ...]:
    pmids = []
    for text in row.listed(column):
        if pmid := normalize_pmid(text):
            pmids.append(pmid)
        else:
            row.error(column, f"not a PMID: {shown(text)} (expected e.g. 31810187)")
    return tuple(pmids)


# -- keys ----------------------------------------------------------------------------------------


def _key(*parts: str | None) -> str:
    """What a row is about, not what it says: a corrected number keeps its key, and so does a row
    when others are added beside it."""
    return " | ".join(part for part in parts if part)


def _with_keys(claims: tuple[Keyed, ...]) -> tuple[Keyed, ...]:
    """Rows about the very same thing are numbered, in the order of the table."""
    seen: Counter[str] = Counter()
    keyed: list[Keyed] = []
    for claim in claims:
        seen[claim.key] += 1
        number = seen[claim.key]
        keyed.append(replace(claim, key=f"{claim.key} #{number}") if number > 1 else claim)
    return tuple(keyed)
