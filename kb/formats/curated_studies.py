"""Curation tables of studies: arms, participants, results, adverse events, registrations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from kb.formats import curated_checks as checks
from kb.formats.curated_checks import BASELINE, CELLS, WHOLE_STUDY
from kb.formats.curated_works import Works, in_date_order, read_registration, read_registrations
from kb.formats.curation_columns import (
    ASSESSMENTS,
    CERTAINTIES,
    DIRECTIONS,
    DONORS,
    OVERLAPS,
    ROLES,
    SERIOUSNESS,
    STANDINGS,
    UNITS_OF_TIME,
)
from kb.formats.tables import Row, Rows, expected, keyed, nearest, once, shown
from kb.identity.identifiers import normalize_pmid
from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    Category,
    Cell,
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
from kb.outcomes.vocabulary import load_caveats, load_vocabulary

_OF_CONTRASTS = frozenset({"n", "estimate", "ci_low", "ci_high"})
_NEVER_NEGATIVE = ("se", "person_years")  # of an SD, `kb.outcomes.checks` says so
_OF_PERSONS = (Statistic.PERSON_COUNT, Statistic.PERCENT)
_REPORTED = (State.REPORTED, State.REPORTED_ZERO)
# Not reported is a number; a direction or a P value may be told all the same.
_NOTHING_TO_TELL = (State.NOT_MEASURED, State.NOT_APPLICABLE)
_STANDINGS = dict(zip(STANDINGS, (Standing.PRIMARY, Standing.SECONDARY)))
# An outcome of one's own may be named with this before it, to say that it is no misspelt code.
_OWN = "own:"
_CODE = re.compile(r"[\w.+-]{1,100}")
_NOWHERE = EvidenceClaim(kind="", document="", locator="", standing=Standing.SECONDARY)
_BASELINE_TIME = TimepointClaim(value=0, unit="day", text=BASELINE)


Claim = TypeVar("Claim", ArmClaim, FlowClaim, ResultClaim, AdverseEventClaim)
Keyed = TypeVar("Keyed", FlowClaim, ResultClaim, AdverseEventClaim)


class Studies:
    """The studies of a set of tables, and the registrations that belong to none of them."""

    def __init__(self, rows: Rows, source: str, works: Works, this_year: int) -> None:
        self._rows = rows
        self._source = source
        self._this_year = this_year
        self._works = works
        self._rows_by_place: dict[str, Row] = {}
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
        if not self._rows.table("arms"):
            if "arms" not in self._rows.unread:
                row.missing_table(column, "arms")
            return arm
        parts = [part.strip() for part in arm.split("+")]
        for part in parts:
            if part not in known:
                names = (*sorted(known), WHOLE_STUDY)
                message = f"{shown(part)} is not an arm of {study} ({expected(part, names)})"
                row.error("unknown-arm", column, message, alike=(study, part))
        if len(set(parts)) < len(parts):
            row.error("arm-twice", column, f"{shown(arm)} names an arm twice")
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
                row.error("unknown-caveat", "caveats", f"unknown caveat: {shown(code)} ({hint})")
        return codes

    def _code(self, row: Row, column: str) -> str | None:
        """A code of the vocabulary, or one of the table's own that is not mistaken for one; None
        for what is no code, after noting it."""
        code = row.text(column)
        if code is None or code in load_vocabulary():
            return code
        name = code.removeprefix(_OWN)
        if not _CODE.fullmatch(name):
            near = _near(name) or ("T2_NEW",)
            message = f"not a code: {shown(code)} (expected e.g. {', '.join(near)})"
            row.unreadable(f"malformed-{column}", column, message)
            return None
        if code == name and (near := _near_code(code)):
            message = (
                f"{shown(code)} is not in the vocabulary (nearest: {', '.join(near)}); "
                f"write {_OWN}{code} if it is an outcome of your own"
            )
            row.unreadable(f"unknown-{column}", column, message)
            return None
        return name

    def _time(self, row: Row) -> TimepointClaim | None:
        value, unit = row.number("time"), row.one_of("time_unit", UNITS_OF_TIME)
        if value is not None and not row.has("time_unit"):
            message = f"empty beside a time (expected {', '.join(UNITS_OF_TIME)})"
            row.error("time-unit-missing", "time_unit", message)
        if row.has("time_unit") and not row.has("time"):
            row.error("time-value-missing", "time", "empty beside a unit of time")
        if value is not None and value < 0:
            message = f"below 0: {value:g} (a time before the start stands in time_text)"
            row.error("below-zero", "time", message)
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
                message = f"{number} stands in {found[number][1].place} already"
                row.error("duplicate-key", "number", message)
                continue
            n_is = row.one_of("n_is", ("actual", "planned"))
            in_date_order(row, ("start", "primary_completion", "completion", "results_posted"))
            if row.has("source") and not row.has("locator"):
                row.error("missing-locator", "locator", "empty beside a source")
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
                message = f"{number} is not in registrations"
                row.error("unknown-registration", "registration", message, alike=number)
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
        records = tuple(
            StudyRecord(
                source=self._source,
                key=study,
                label=row.text("label") or study,
                acronym=row.text("acronym"),
                title=row.text("title"),
                conditions=row.listed("conditions"),
                phenotype=row.text("phenotype"),
                year=_year(row, self._this_year),
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
        for record in records:
            checks.check_study(record, self._rows_by_place)
        checks.check_labels(self._studies.values())
        checks.check_arms(self._rows)
        checks.check_sources(self._rows)
        return records

    def _of_studies(self, table: str, read: Callable[[Row], Claim]) -> dict[str, tuple[Claim, ...]]:
        found: dict[str, list[Claim]] = defaultdict(list)
        for row in self._rows.table(table):
            study = self._study(row)
            claim = read(row)
            self._rows_by_place[row.place] = row
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
            kind = row.one_of("kind", OVERLAPS)
            certainty = row.one_of("certainty", CERTAINTIES)
            if study and study == other:
                row.error("overlaps-itself", "other", "a study does not overlap with itself")
                continue
            pair = frozenset((study, other))
            if not (study and other and kind and certainty and once(row, "other", pair, seen)):
                continue
            found[study].append(
                OverlapClaim(other=other, kind=kind, certainty=certainty, reason=row.text("reason"))
            )
        return {study: tuple(claims) for study, claims in found.items()}

    def _read_description(self, row: Row) -> DescriptionClaim:
        if row.has("follow_up_unit") and not row.has("follow_up"):
            row.error("time-value-missing", "follow_up", "empty beside a unit of follow-up")
        if row.has("follow_up") and not row.has("follow_up_unit"):
            message = f"empty beside a time (expected {', '.join(UNITS_OF_TIME)})"
            row.error("time-unit-missing", "follow_up_unit", message)
        follow_up = row.number("follow_up")
        if follow_up is not None and follow_up < 0:
            row.error("below-zero", "follow_up", f"below 0: {follow_up:g}")
        checks.check_participants(row)
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
            followup_value=follow_up,
            followup_unit=row.one_of("follow_up_unit", UNITS_OF_TIME),
            followup_text=row.text("follow_up_text"),
            eligibility=row.text("eligibility"),
            caveats=self._caveats(row),
            note=row.text("note"),
            evidence=self._evidence(row),
        )

    def _read_arm(self, row: Row) -> ArmClaim:
        arm = row.text("arm") or ""
        if arm in (WHOLE_STUDY, BASELINE) or "+" in arm:
            message = f"{shown(arm)} has a meaning of its own and names no arm"
            row.error("reserved-arm", "arm", message)
        passage_low, passage_high = row.whole("passage_low"), row.whole("passage_high")
        value, low, high = (row.number(c) for c in ("dose", "dose_low", "dose_high"))
        times = row.text("times")
        is_count = times is not None and times.isascii() and times.isdigit()
        checks.check_arm(row, passage=(passage_low, passage_high), dose=(value, low, high))
        product = ProductClaim(
            intervention=row.text("product"),
            tissue=row.text("tissue"),
            donor=row.one_of("donor", DONORS),
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
            n_administrations=row.whole("times", least=1) if is_count else None,
            n_administrations_text=None if is_count else times,
            interval_text=row.text("interval"),
            route=row.text("route"),
        )
        return ArmClaim(
            key=arm,
            label=row.text("label") or arm,
            role=row.one_of("role", ROLES),
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
            checks.check_sides(row, arm, versus)
        statistic = row.choice("statistic", Statistic)
        if kind is not ResultKind.CONTRAST and not row.has("statistic"):
            row.error("missing-statistic", "statistic", f"empty (expected {', '.join(Statistic)})")
        state = row.choice("state", State)
        category = row.choice("category", Category)
        if category and statistic and statistic not in _OF_PERSONS:
            message = "only counts and percentages of persons have a category"
            row.error("category-of-no-count", "category", message)
        code, what = self._code(row, "outcome"), row.text("what")
        definition = load_vocabulary().get(code or "")
        if not row.has("what") and definition is None and (code or not row.has("outcome")):
            _tell_unnamed(row, "outcome", "what", code)
        cells = _cells(row, kind, state, statistic)
        p, direction = checks.read_p(row), row.one_of("direction", DIRECTIONS)
        has_words = row.has("p") or row.has("direction")
        if (
            state is State.REPORTED
            and not has_words
            and not any(map(row.has, CELLS.keys() - {"n"}))
        ):
            message = f"{state}, but the row holds no number, no p and no direction"
            row.error("reported-nothing", "state", message)
        if state in _NOTHING_TO_TELL and has_words:
            column = "p" if row.has("p") else "direction"
            message = f"something is told in a row whose state is {state}"
            row.error("told-although-silent", column, message)
        ci_level = checks.read_level(row)
        time = self._time(row)
        checks.check_result(row, kind, statistic, state, time)
        if code is not None and code.startswith("AE_") and kind is ResultKind.ARM:
            message = f"{code} is an adverse event: does the row belong in adverse_events?"
            row.warn("event-among-results", "outcome", message)
        if definition is not None and statistic and not definition.permits(statistic):
            message = f"{statistic} in a row about {definition.code} ({definition.name})"
            row.warn("unusual-statistic", "statistic", f"{message}; is it the right code?")
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
            time=time,
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
        arm, code, term = self._arm(row), self._code(row, "code"), row.text("term")
        is_named = row.has("term") or code in load_vocabulary()
        if not is_named and (code or not row.has("code")):
            _tell_unnamed(row, "code", "term", code)
        state = row.choice("state", State)
        at_risk, persons = row.whole("at_risk", least=1), row.whole("persons")
        events, percent = row.whole("events"), _percent(row)
        numbers = {"persons": persons, "events": events, "percent": percent}
        _check_state(row, state, numbers)
        if state is State.REPORTED and not any(map(row.has, numbers)):
            row.error("reported-nothing", "state", "reported, but the row holds no number")
        if state is State.REPORTED_ZERO and not row.has("persons") and not row.has("events"):
            message = "reported_zero, but neither persons nor events is 0"
            row.error("reported-nothing", "state", message)
        seriousness = row.one_of("seriousness", SERIOUSNESS)
        checks.check_adverse_event(row, code, seriousness)
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
            seriousness=seriousness,
            relatedness=row.text("relatedness"),
            severity=row.text("severity"),
            assessment=row.one_of("assessment", ASSESSMENTS),
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
        column: _count(row, column) if column in ("n", "events") else row.number(column)
        for column in CELLS
        if column != "percent"
    }
    values["percent"] = _percent(row) if statistic in _OF_PERSONS else row.number("percent")
    for column in _NEVER_NEGATIVE:
        if (value := values[column]) is not None and value < 0:
            row.error("below-zero", column, f"below 0: {value:g}")
    if values["person_years"] == 0:
        row.error("below-least", "person_years", "0: nobody was observed (expected e.g. 12.5)")
    for column, value in values.items():
        if value is None:
            continue
        if kind is ResultKind.CONTRAST and column not in _OF_CONTRASTS:
            message = "a number of one arm in a row that compares two"
            row.error("number-of-one-arm", column, message)
        elif kind is not ResultKind.CONTRAST and column == "estimate":
            said = row.text("versus") or "empty"
            message = "an estimate in a row that compares no arms"
            message = f"{message} (versus is {said}; expected the other arm)"
            row.error("compares-no-arms", column, message)
    zeros = {c: values[c] for c in ("events", "percent")}
    _check_state(row, state, {c: v for c, v in values.items() if c != "n"}, zeros)
    if state is State.REPORTED_ZERO and not any(map(row.has, zeros)):
        message = "reported_zero, but neither events nor percent is 0"
        row.error("reported-nothing", "state", message)
    return tuple(
        Cell(
            name=name,
            value=value,
            text=row.text(column),
            state=state if state is State.REPORTED_ZERO and column in zeros else State.REPORTED,
        )
        for column, name in CELLS.items()
        if (value := values[column]) is not None
    )


def _check_state(
    row: Row,
    state: State | None,
    numbers: Mapping[str, float | None],
    zeros: Mapping[str, float | None] | None = None,
) -> None:
    """Numbers stand only in reported rows, and `zeros` (or all) are 0 where zero was reported."""
    given = [column for column, value in numbers.items() if value is not None]
    if given and state is not None and state not in _REPORTED:
        others = f" (and in {', '.join(given[1:])})" if given[1:] else ""
        message = f"a number in a row whose state is {state}{others}"
        row.error("number-although-silent", given[0], message)
    if state is State.REPORTED_ZERO:
        for column, value in (numbers if zeros is None else zeros).items():
            if value:
                message = f"{value:g} in a row whose state is reported_zero"
                row.error("zero-is-not-zero", column, message)


def _tell_unnamed(row: Row, column: str, words: str, code: str | None) -> None:
    """Note that a row names what it is about neither by a code of the vocabulary nor in words."""
    if code is None:
        message = f"empty, and so is {column} (expected one of them at least)"
        row.error("unnamed", words, message)
        return
    near = nearest(code, load_vocabulary(), cutoff=0.7)
    if near:
        message = f"{shown(code)} is not in the vocabulary (nearest: {', '.join(near)})"
        row.error(f"unknown-{column}", column, f"{message}, and {words} is empty")
    else:
        message = f"empty, and the {column} {shown(code)} is not in the vocabulary"
        row.error("unnamed", words, f"{message} (none is near)")


@lru_cache(maxsize=4096)
def _near_code(text: str) -> tuple[str, ...]:
    """The codes of the vocabulary that `text` may be a misspelling of."""
    return tuple(nearest(text, load_vocabulary(), cutoff=0.8))


@lru_cache(maxsize=1024)
def _near(text: str) -> tuple[str, ...]:
    """The codes nearest to a text that is none: by the code, or by the name of the outcome."""
    names = {definition.name: code for code, definition in load_vocabulary().items()}
    return _near_code(text) or tuple(names[name] for name in nearest(text, names, cutoff=0.6))


def _count(row: Row, column: str) -> float | None:
    """A count; of persons analysed there is one at least."""
    return row.whole(column, least=1 if column == "n" else 0)


def _percent(row: Row) -> float | None:
    """A share of persons, 0 to 100."""
    value = row.number("percent")
    if value is not None and not 0 <= value <= 100:
        row.error("percent-out-of-range", "percent", f"not between 0 and 100: {value:g}")
        return None
    return value


def _year(row: Row, this_year: int) -> int | None:
    year = row.whole("year")
    if year is not None and not 1900 <= year <= this_year + 1:
        why = f"in the future: {year}" if this_year < year < 2200 else f"not a year: {year}"
        row.error("not-a-year", "year", f"{why} (expected e.g. 2019)")
        return None
    return year


def _pmids(row: Row, column: str) -> tuple[str, ...]:
    pmids = []
    for text in row.listed(column):
        if pmid := normalize_pmid(text):
            pmids.append(pmid)
        else:
            message = f"not a PMID: {shown(text)} (expected e.g. 31810187)"
            row.error("malformed-pmid", column, message)
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
