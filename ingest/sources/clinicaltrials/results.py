"""What a study reported to the registry: flow, baseline, outcomes and adverse events.

Every number is kept as printed beside its value. Group ids are local to their module and outcome;
which registered arm a group is, `groups` says.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Final

from ingest.sources.clinicaltrials.groups import (
    Basis,
    Group,
    Matched,
    RegisteredArm,
    folded,
    is_whole_study,
    match_groups,
    standing_title,
)
from ingest.sources.clinicaltrials.reading import (
    Json,
    Place,
    block,
    cell,
    count,
    is_missing,
    labelled,
    line,
    note,
    number,
    part,
    parts,
    strings,
    words,
)
from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    Category,
    Cell,
    CellName,
    FlowClaim,
    ResultClaim,
    ResultKind,
    State,
    Statistic,
    TimepointClaim,
)
from kb.outcomes.arm_labels import names_control
from kb.outcomes.harmonise import measure_of
from kb.outcomes.timepoints import (
    names_a_clock_time,
    names_a_time,
    split_listed_timepoint,
    split_timepoint,
    timepoint,
)

ALL: Final = "all"  # the arm key of the whole study


@dataclass(frozen=True, slots=True)
class Reported:
    arms: tuple[ArmClaim, ...]  # the registered arms, then groups that are none of them
    flow: tuple[FlowClaim, ...]
    results: tuple[ResultClaim, ...]
    adverse_events: tuple[AdverseEventClaim, ...]


def read(
    reported: Json, arms: Sequence[ArmClaim], registered: Sequence[RegisteredArm], place: Place
) -> Reported:
    """The claims of a resultsSection, {} giving none. `registered` are the same arms as `arms`."""
    groups = _Groups(reported, registered, place)
    flow = tuple(_flow(part(reported, "participantFlowModule"), groups, place))
    baseline = tuple(_baseline(part(reported, "baselineCharacteristicsModule"), groups, place))
    measured = [
        claim
        for position, outcome in enumerate(_outcomes(reported), start=1)
        for claim in _outcome(outcome, position, groups, place)
    ]
    events = tuple(_adverse_events(part(reported, "adverseEventsModule"), groups, place))
    named = tuple(groups.named(arm) for arm in arms)
    return Reported((*named, *groups.added), flow, (*baseline, *measured), events)


def _outcomes(reported: Json) -> list[Json]:
    return parts(part(reported, "outcomeMeasuresModule"), "outcomeMeasures")


# -- groups and arms -----------------------------------------------------------------------------

_FLOW: Final = "participant flow"
_BASELINE: Final = "baseline characteristics"
_EVENTS: Final = "adverse events"


class _Groups:
    """The arm each group of the results section stands for.

    A group that is surely a registered arm is that arm; totals are the whole study; every other
    title is an arm of its own, shared by all modules that use it.
    """

    def __init__(self, reported: Json, registered: Sequence[RegisteredArm], place: Place) -> None:
        self.added: list[ArmClaim] = []
        self._place = place
        # By arm and title, where it was first found and why it is the arm.
        self._titles: dict[str, dict[str, tuple[str, Basis]]] = defaultdict(dict)
        self._caveats: dict[tuple[str, str], tuple[str, ...]] = {}
        self._by_standing: dict[tuple[object, ...], str] = {}
        modules = {
            _FLOW: parts(part(reported, "participantFlowModule"), "groups"),
            _BASELINE: parts(part(reported, "baselineCharacteristicsModule"), "groups"),
            **{
                f"outcome measure {n}": parts(outcome, "groups")
                for n, outcome in enumerate(_outcomes(reported), start=1)
            },
            _EVENTS: parts(part(reported, "adverseEventsModule"), "eventGroups"),
        }
        listed = [
            [Group(line(g, "title") or "", block(g, "description")) for g in groups]
            for groups in modules.values()
        ]
        self._matched = dict(zip(modules, match_groups(listed, registered)))

    def arms_of(self, groups: Sequence[Json], where: str) -> dict[str, str]:
        """Arm key by local group id, each group of one module or outcome having its own."""
        titles = [line(group, "title") for group in groups]
        exact = Counter(titles)
        alike = Counter(standing_title(title) for title in titles if title)
        arms: dict[str, str] = {}
        for group, title, match in zip(groups, titles, self._matched[where]):
            local = line(group, "id") or ""
            if title is None:
                key = f"group: {local} of {where}"
            elif match is not None and match.arm not in arms.values():
                key = match.arm
                self._note(match, title, where, local)
            elif exact[title] > 1:
                key = f"group: {title} ({local} of {where})"
            elif is_whole_study(title) and ALL not in arms.values():
                key = ALL
            elif alike[standing_title(title)] > 1:
                key = f"group: {title}"
            else:
                key = self._by_standing.setdefault(standing_title(title), f"group: {title}")
            self._describe(key, title or key, block(group, "description"), f"{where}, {local}")
            arms[local] = key
        return arms

    def unnamed(self, local: str, where: str) -> str:
        """The arm of a group id that its module does not list."""
        key = f"group: {local} of {where}"
        self._describe(key, key, None, f"{where}, {local}")
        return key

    def caveats(self, where: str, *locals_: str) -> tuple[str, ...]:
        """Of what is reported for these groups: why each is taken for its arm, if not by title."""
        found = (code for local in locals_ for code in self._caveats.get((where, local), ()))
        return tuple(dict.fromkeys(found))

    def named(self, arm: ArmClaim) -> ArmClaim:
        """The registered arm with the other titles under which its results stand."""
        titles = self._titles.get(arm.key)
        if not titles:
            return arm
        said = ", ".join(f'"{title}" ({where})' for title, (where, _) in titles.items())
        codes = sorted({basis.value for _, basis in titles.values()})
        return replace(
            arm, caveats=(*arm.caveats, *codes), note=note(arm.note, f"results given for {said}")
        )

    def _note(self, match: Matched, title: str, where: str, local: str) -> None:
        if match.basis is not Basis.SAME_TITLE:
            self._caveats[where, local] = (match.basis.value,)
            self._titles[match.arm].setdefault(title, (where, match.basis))

    def _describe(self, key: str, label: str, description: str | None, locator: str) -> None:
        if not key.startswith("group: ") or any(arm.key == key for arm in self.added):
            return
        self.added.append(
            ArmClaim(
                key=key,
                label=label,
                description=description,
                caveats=("not_matched_to_registered_arm",),
                evidence=self._place.evidence(locator, label),
            )
        )


# -- participant flow ----------------------------------------------------------------------------


def _flow(module: Json, groups: _Groups, place: Place) -> Iterator[FlowClaim]:
    where = _FLOW
    arms = groups.arms_of(parts(module, "groups"), where)
    units = line(module, "typeUnitsAnalyzed") or "units"
    for period_position, period in enumerate(parts(module, "periods"), start=1):
        title = line(period, "title")
        in_period = f"{where}, period {title or period_position}"
        rows: list[tuple[str, str | None, Json, str]] = []
        for row in parts(period, "milestones"):
            name = line(row, "type") or ""
            is_standard = name in ("STARTED", "COMPLETED", "NOT COMPLETED")
            rows.append((name.lower() if is_standard else name, None, row, "achievements"))
        for row in parts(period, "dropWithdraws"):
            rows.append(("not completed", line(row, "type"), row, "reasons"))
        for milestone, reason, row, counts in rows:
            for entry in parts(row, counts):
                local = line(entry, "groupId") or ""
                arm = arms.get(local) or groups.unnamed(local, where)
                n_units = line(entry, "numUnits")
                yield FlowClaim(
                    key=place.key("flow", title or str(period_position), milestone, reason, arm),
                    arm=arm,
                    period=title,
                    milestone=milestone,
                    reason=reason,
                    n=count(entry.get("numSubjects")),
                    note=note(
                        labelled(units, n_units), line(entry, "comment"), line(row, "comment")
                    ),
                    evidence=place.evidence(
                        ", ".join(t for t in (in_period, milestone, reason, local) if t)
                    ),
                )


# -- tables of measurements ----------------------------------------------------------------------

_CENTRAL: Final = {
    "MEAN": CellName.MEAN,
    "MEDIAN": CellName.MEDIAN,
    "GEOMETRIC_MEAN": CellName.GEOMETRIC_MEAN,
    "LEAST_SQUARES_MEAN": CellName.LS_MEAN,
    "COUNT_OF_PARTICIPANTS": CellName.EVENTS,
    "COUNT_OF_UNITS": CellName.EVENTS,
    "NUMBER": CellName.NUMBER,
}
_SPREADS: Final = {
    "STANDARD_DEVIATION": CellName.SD,
    "STANDARD_ERROR": CellName.SE,
    "STANDARD_ERROR_OF_MEAN": CellName.SE,
}
_PERSONS: Final = frozenset({"participants", "participant", "patients", "subjects", "persons"})
_PERCENT = re.compile(r"^\s*%|\bpercent(?:age)?\b", re.I)
_COUNTED = re.compile(r"^(?:number of )?(?:participants|patients|subjects|persons|events)\b", re.I)
_PEOPLE = (
    r"(?:participants?|patients?|subjects?|persons?|people|individuals?|volunteers?|infants?"
    r"|neonates?|newborns?|children|adults|women|men|males|females|responders?|survivors?|deaths)"
)
# Units of a NUMBER that counts persons: "participants", "Number of patients with SSEPs".
_UNIT_OF_PERSONS = re.compile(
    rf"(?:(?:total\s+)?(?:number|no\.?|count|\#)\s+of\s+)?{_PEOPLE}"
    r"(?:\s+(?:with|without|who|that|having|achieving|experiencing|reporting|in)\b.*)?"
    r"(?:\s*\(n\))?",
    re.I,
)
_NO_UNIT = re.compile(r"(?:total\s+)?(?:numbers?|counts?|n|no\.?|\#|absolute)", re.I)
_TITLE_OF_PERSONS = re.compile(
    rf"^(?:the\s+)?(?:total\s+)?(?:number|numbers|count|no\.)\s+of\s+(?:[\w-]+\s+){{0,3}}?{_PEOPLE}\b",
    re.I,
)
_UNIT_OF_EVENTS = re.compile(
    r"(?:(?:total\s+)?(?:number|count)\s+of\s+)?(?:[\w-]+\s+){0,3}?(?:events?|episodes?|occurrences?)",
    re.I,
)
_SHARE_OF_PERSONS = re.compile(
    rf"(?:%|\bpercent(?:age)?s?|\bproportion)\s*(?:\(%\)\s*)?of\s+(?:[\w-]+\s+){{0,3}}?{_PEOPLE}\b",
    re.I,
)
_BARE_PERCENT = re.compile(r"(?:%|percent(?:age)?s?)(?:\s*\(%\))?", re.I)
_RATE_OF_PERSONS = re.compile(
    r"\b(?:response|responder|remission|relapse|survival|mortality|success|failure|cure|healing"
    r"|incidence)\s+rates?\b",
    re.I,
)
_PROPORTION = re.compile(r"\bproportion\b", re.I)
# A share estimated over time is no count of the persons analysed.
_OVER_TIME = re.compile(r"\bkaplan[\s-]+meier\b|\bcumulative incidence\b|\bactuarial\b", re.I)
_N_IN_TITLE = re.compile(
    r"[,;:]?\s*[(\[]?\s*\bn\s*=\s*\d+(?:\s*[,;/&]\s*(?:n\s*=\s*)?\d+)*\s*[)\]]?", re.I
)
_LEVELS: Final = {"975": 97.5}  # CONFIDENCE_975, beside "97.5% Confidence Interval"
_CHANGE = re.compile(r"\bchanges?\b", re.I)
_FROM_BASELINE = re.compile(r"\bfrom\s+(?:the\s+|study\s+)?baseline\b", re.I)
_PERCENT_CHANGE = re.compile(r"(?:\bpercent(?:age)?|%)\s+changes?\b", re.I)
_OF_BASELINE = re.compile(r"\bof\s+(?:the\s+)?baseline\b", re.I)
# As descriptions say it: "Change at 6 months compared to baseline".
_DESCRIBED_CHANGE = re.compile(
    r"\bchanges?\b[^.;]{0,120}?\b(?:from|since|versus|vs\.?|relative\s+to|compared\s+(?:to|with))"
    r"\s+(?:the\s+|study\s+)?baseline\b"
    r"|\bdifference\b[^.;]{0,40}?\bbetween\s+(?:the\s+)?baseline\s+and\b",
    re.I,
)
_TITLE_OF_CHANGE = re.compile(r"^(?:the\s+)?(?:mean\s+|absolute\s+)?changes?\s+(?:in|of)\b", re.I)
# "Number of participants with a change from baseline" counts persons; it is no change.
_OF_PERSONS = re.compile(
    r"^\s*(?:number|count|percentage of|percent of|proportion|time|rate|incidence|duration)\b"
    r"|\b(?:participants|patients|subjects)\s+(?:with|who|having|achieving|experiencing)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Table:
    """What is the same for every measurement of one outcome or baseline measure."""

    title: str
    where: str  # "outcome measure 3"
    groups_of: str  # where its groups are listed: the same, or all baseline characteristics
    path: tuple[str | None, ...]  # beginning of the keys
    measure: Json
    arms: dict[str, str]
    denoms: tuple[list[Json], ...]  # of the measure, then of the module
    typed_units: str | None  # what is analysed where it is not participants
    population: str | None
    is_primary: bool | None = None

    @property
    def param(self) -> str:
        return _enum(line(self.measure, "paramType"))

    @property
    def unit(self) -> str | None:
        return line(self.measure, "unitOfMeasure")

    @property
    def counts(self) -> Statistic | None:
        """What a count or a bare number is of: persons, events or a share of persons."""
        if self.param == "COUNT_OF_PARTICIPANTS":
            return Statistic.PERSON_COUNT
        if self.param == "COUNT_OF_UNITS":
            return Statistic.EVENT_COUNT
        if self.param != "NUMBER":
            return None
        unit, title = self.unit or "", self.title
        if _UNIT_OF_PERSONS.fullmatch(unit) or (
            _TITLE_OF_PERSONS.search(title) and (not unit or _NO_UNIT.fullmatch(unit))
        ):
            return Statistic.PERSON_COUNT if self._are_counts() else None
        if _UNIT_OF_EVENTS.fullmatch(unit):
            return Statistic.EVENT_COUNT if self._are_counts(within=False) else None
        is_bare = _BARE_PERCENT.fullmatch(unit) is not None
        is_said = _SHARE_OF_PERSONS.search(title) or _RATE_OF_PERSONS.search(title)
        if _SHARE_OF_PERSONS.search(unit) or (is_bare and is_said):
            return Statistic.PERCENT if not self.is_proportion or self._are_shares() else None
        return None

    @property
    def is_proportion(self) -> bool:
        """Of one, not of a hundred: 0.53."""
        return _PROPORTION.search(self.unit or "") is not None

    def values(self) -> Iterator[tuple[str, object, list[Json]]]:
        """Group, value as printed and the class's own denominators, of every measurement."""
        for class_ in parts(self.measure, "classes"):
            for category in parts(class_, "categories"):
                for measurement in parts(category, "measurements"):
                    local = line(measurement, "groupId") or ""
                    yield local, measurement.get("value"), parts(class_, "denoms")

    def _are_counts(self, *, within: bool = True) -> bool:
        """Whether every value is a whole number, and no more than the persons analysed."""
        for local, raw, of_class in self.values():
            if is_missing(raw) or number(raw) is None:
                continue
            value = count(raw)
            n = count(_denominator_count((of_class, *self.denoms), local, None))
            if value is None or (within and n is not None and value > n):
                return False
        return True

    def _are_shares(self) -> bool:
        values = [number(raw) for _, raw, _ in self.values()]
        return all(value is None or 0 <= value <= 1 for value in values)

    @property
    def analysed(self) -> str | None:
        """What the denominators count, None where that is participants."""
        selected = line(self.measure, "denomUnitsSelected")
        if selected is None and self.counts is not Statistic.PERSON_COUNT:
            selected = self.typed_units or self._only_units()
        return None if selected is None or selected.casefold() in _PERSONS else selected

    def _only_units(self) -> str | None:
        units = {line(denom, "units") for denoms in self.denoms for denom in denoms}
        return units.pop() if len(units) == 1 else None


@dataclass(frozen=True, slots=True)
class _Row:
    """One category of one class, which is a row of the registry's table."""

    class_: Json
    category: Json
    label: str | None = None  # what it is of, apart from the outcome's title
    side: Category | None = None  # "Response" beside "No response"
    time: TimepointClaim | None = None  # named by the titles of class or category
    unread_time: str | None = None  # a title that names a time which could not be read


def _rows(table: Json, frame: str | None) -> list[_Row]:
    rows = []
    for class_ in parts(table, "classes"):
        categories = parts(class_, "categories") or [{}]
        sides = _sides([line(category, "title") for category in categories])
        for category, side in zip(categories, sides):
            # A complement stands under the name of its event, so that both are of one outcome.
            named = categories[sides.index(Category.EVENT)] if side else category
            rows.append(replace(_row(class_, named, frame), category=category, side=side))
    return rows


_WITHOUT = re.compile(r"^(?:no|not|non|without|absence of|absent|un)\b[\s-]*", re.I)
_OPPOSITES: Final = (("yes", "no"), ("positive", "negative"), ("present", "absent"))


def _sides(titles: Sequence[str | None]) -> Sequence[Category | None]:
    """Of two categories of which one denies the other, the event and its complement."""
    none = [None] * len(titles)
    if len(titles) != 2:
        return none
    first, second = (folded(title or "") for title in titles)
    for event, other, order in ((first, second, 1), (second, first, -1)):
        denied = _WITHOUT.sub("", other)
        if event and (
            (denied and denied != other and denied == event) or (event, other) in _OPPOSITES
        ):
            return [Category.EVENT, Category.COMPLEMENT][::order]
    return none


# The row of a time frame's baseline, under another name.
_BEFORE = re.compile(
    r"basal|(?:before|prior\s+to|pre)[\s-]*(?:the\s+)?"
    r"(?:surgery|operation|treatment|therapy|infusion|injection|transplant(?:ation)?"
    r"|implantation|intervention|administration|dos(?:e|ing)|op)",
    re.I,
)


def _row(class_: Json, category: Json, frame: str | None) -> _Row:
    # A clock time in a study of months is part of the measurement: "2 hour" of a glucose test.
    of_the_clock = frame is None or names_a_clock_time(frame)
    labels: list[str] = []
    time, unread = None, None
    for printed in (line(class_, "title"), line(category, "title")):
        title = _N_IN_TITLE.sub("", printed or "").strip() or printed
        if title is None:
            continue
        label, named = split_timepoint(title)
        if named is None and frame and "baseline" in frame.lower() and _BEFORE.fullmatch(title):
            named = TimepointClaim(value=0, unit="day", text=title, anchor="baseline")
            label = ""
        if named is None and frame is not None:
            label, named = split_listed_timepoint(title, frame)
        if named and not of_the_clock and named.unit in ("minute", "hour"):
            label, named = title, None
        elif named is None and names_a_time(title, of_the_clock=of_the_clock):
            unread = title
        if time and named:  # two times of one row: neither is when
            label, unread = title, title
        time = time or named
        labels.append(label)
    label = " – ".join(label for label in labels if label)
    return _Row(class_, category, label or None, time=None if unread else time, unread_time=unread)


def _baseline(module: Json, groups: _Groups, place: Place) -> Iterator[ResultClaim]:
    where = _BASELINE
    arms = groups.arms_of(parts(module, "groups"), where)
    for position, measure in enumerate(parts(module, "measures"), start=1):
        title = line(measure, "title") or f"baseline measure {position}"
        table = _Table(
            title=title,
            where=f"baseline measure {position}",
            groups_of=where,
            path=("baseline", title),
            measure=measure,
            arms=arms,
            denoms=(parts(measure, "denoms"), parts(module, "denoms")),
            typed_units=line(module, "typeUnitsAnalyzed"),
            population=line(measure, "populationDescription")
            or line(module, "populationDescription"),
        )
        time = TimepointClaim(value=0, unit="day", text="baseline", anchor="baseline")
        for row in _rows(measure, None):
            titles = (line(row.class_, "title"), line(row.category, "title"))
            label = " – ".join(title for title in titles if title)
            for claim in _claims(table, replace(row, label=label or None), groups, place):
                yield replace(claim, time=time, statistic=Statistic.BASELINE)


def _outcome(outcome: Json, position: int, groups: _Groups, place: Place) -> Iterator[ResultClaim]:
    where = f"outcome measure {position}"
    title = line(outcome, "title") or where
    type_ = line(outcome, "type")
    frame = line(outcome, "timeFrame")
    path = ("outcome", words(type_), title)
    is_primary = type_ == "PRIMARY" if type_ else None
    if line(outcome, "reportingStatus") == "NOT_POSTED":
        yield ResultClaim(
            key=place.key(*path, ALL),
            kind=ResultKind.ARM,
            arm=ALL,
            outcome_title=title,
            time=timepoint(frame),
            unit=line(outcome, "unitOfMeasure"),
            state=State.NOT_REPORTED,
            is_primary_outcome=is_primary,
            note=note(
                "results not posted",
                labelled("posting anticipated", line(outcome, "anticipatedPostingDate")),
            ),
            evidence=place.evidence(where, title),
        )
        return
    table = _Table(
        title=title,
        where=where,
        groups_of=where,
        path=path,
        measure=outcome,
        arms=groups.arms_of(parts(outcome, "groups"), where),
        denoms=(parts(outcome, "denoms"),),
        typed_units=line(outcome, "typeUnitsAnalyzed"),
        population=line(outcome, "populationDescription"),
        is_primary=is_primary,
    )
    rows = _rows(outcome, frame)
    # Unread times may be baselines as well: "Before surgery".
    has_baseline = any(row.unread_time or (row.time and row.time.value == 0) for row in rows)
    # A table with a row of day 0 that nowhere speaks of change gives values at each time.
    starts = any(row.time and row.time.value == 0 for row in rows)
    is_level = _stays_near_baseline(table, rows)
    claims: list[ResultClaim] = []
    for row in rows:
        statistic = _statistic(table, row, has_baseline, starts)
        if is_level and row.time and statistic is Statistic.AS_REGISTERED:
            statistic = Statistic.FINAL if row.time.value else Statistic.BASELINE
        # Beside one later time a baseline is what was before, not when this was measured.
        time = row.time or timepoint(frame, is_change=True)
        if row.unread_time:
            time = TimepointClaim(text=row.unread_time)
        caveats = _caveats_of_change(table, row, statistic)
        if is_level and statistic in (Statistic.FINAL, Statistic.BASELINE):
            caveats = ("values_not_changes",)
        for claim in _claims(table, row, groups, place):
            caveats_of_claim = (*caveats, *claim.caveats)
            claims.append(replace(claim, time=time, statistic=statistic, caveats=caveats_of_claim))
    yield from claims or _without_measurements(table, frame, groups, place)
    time = _time_of_analyses(rows, frame)
    yield from _analyses(table, time, has_baseline, groups, place)


def _time_of_analyses(rows: Sequence[_Row], frame: str | None) -> TimepointClaim | None:
    """The one time of all rows. An analysis does not say which of several it is about."""
    times = {row.time for row in rows}
    if len(times) == 1 and None not in times:
        return times.pop()
    if times <= {None} and not any(row.unread_time for row in rows):
        return timepoint(frame, is_change=True)
    return TimepointClaim(text=frame) if frame else None


def _names_a_change(title: str) -> bool:
    change = _CHANGE.search(title)
    return bool(change and _FROM_BASELINE.search(title, change.end()))


def _is_change(title: str) -> bool:
    return _names_a_change(title) and not _OF_PERSONS.search(title)


def _statistic(table: _Table, row: _Row, has_baseline: bool, starts: bool) -> Statistic:
    counted = table.counts
    if counted in (Statistic.PERSON_COUNT, Statistic.EVENT_COUNT):
        return counted
    # Beside a row "Baseline" the others may be plain scores, whatever the title says.
    is_said_of_row = bool(row.label and _is_change(row.label))
    is_said_of_all = (_is_change(table.title) or _is_described_change(table)) and not has_baseline
    if is_said_of_row or is_said_of_all:
        said = f"{table.title} {row.label or ''} {table.unit or ''} {_said_of_change(table)}"
        is_percent = _PERCENT_CHANGE.search(said)
        return Statistic.PERCENT_CHANGE if is_percent else Statistic.CHANGE
    if counted is Statistic.PERCENT:
        return counted
    if row.time and table.param not in ("NUMBER", ""):
        names_change = _CHANGE.search(f"{table.title} {table.unit or ''}")
        if row.time.value == 0 and not _names_a_change(table.title):
            return Statistic.BASELINE
        if starts and not names_change and not _CHANGE.search(row.label or ""):
            return Statistic.FINAL
    is_baseline = row.time and row.time.value == 0 and row.time.anchor == "baseline"
    if is_baseline and not _names_a_change(table.title):
        return Statistic.BASELINE
    return Statistic.AS_REGISTERED


# Changes from baseline would have to be as large as the baseline itself, upwards, in every group
# and at every time, to be taken for the values of a course that stays within these parts of it.
_NEAR_BASELINE: Final = (2 / 3, 3 / 2)


def _stays_near_baseline(table: _Table, rows: Sequence[_Row]) -> bool:
    """Whether a table that is called one of changes, with a row of baseline values, gives values
    at every other time as well: all of them near the group's own baseline, which is not 0."""
    if not _names_a_change(table.title) or any(_CHANGE.search(row.label or "") for row in rows):
        return False
    before: dict[tuple[str | None, str], float] = {}
    ratios = []
    for row in sorted(rows, key=lambda row: row.time is None or row.time.value != 0):
        for measurement in parts(row.category, "measurements"):
            value = number(measurement.get("value"))
            place = (row.label, line(measurement, "groupId") or "")
            if row.time is None or row.time.value is None or value is None:
                return False
            if row.time.value == 0:
                before[place] = value
            elif not before.get(place):
                return False
            else:
                ratios.append(value / before[place])
    low, high = _NEAR_BASELINE
    return len(ratios) > 1 and all(low <= ratio <= high for ratio in ratios)


def _said_of_change(table: _Table) -> str:
    """What the description says in so many words of a change from baseline, "" for nothing."""
    description = line(table.measure, "description") or ""
    found = _DESCRIBED_CHANGE.search(description)
    return description[max(0, found.start() - 12) : found.end()] if found else ""


def _is_described_change(table: _Table) -> bool:
    """Whether the description says so, or title and time frame: "Change in EDSS", "Baseline, 6
    months"."""
    if table.counts or _OF_PERSONS.search(table.title) or _OF_BASELINE.search(table.unit or ""):
        return False
    if _said_of_change(table):
        return True
    frame = line(table.measure, "timeFrame") or ""
    before, after = timepoint(frame), timepoint(frame, is_change=True)
    is_from_baseline = before is not None and before.value is None and "baseline" in frame.lower()
    is_one_later = after is not None and after.value is not None
    return bool(_TITLE_OF_CHANGE.search(table.title)) and is_from_baseline and is_one_later


def _caveats_of_change(table: _Table, row: _Row, statistic: Statistic) -> tuple[str, ...]:
    is_change = statistic in (Statistic.CHANGE, Statistic.PERCENT_CHANGE)
    is_said = _is_change(table.title) or (row.label and _is_change(row.label))
    return ("change_not_in_title",) if is_change and not is_said else ()


def _claims(table: _Table, row: _Row, groups: _Groups, place: Place) -> Iterator[ResultClaim]:
    """A claim per group, without time and statistic."""
    class_title, category_title = line(row.class_, "title"), line(row.category, "title")
    of_class = parts(row.class_, "denoms")
    for measurement in parts(row.category, "measurements"):
        local = line(measurement, "groupId") or ""
        arm = table.arms.get(local) or groups.unnamed(local, table.where)
        cells, remark = _cells(table, measurement)
        central = cells[0] if cells and cells[0].name in _VALUES else None
        locator = (
            table.where,
            f"class {class_title}" if class_title else None,
            f"category {category_title}" if category_title else None,
            local,
        )
        yield ResultClaim(
            key=place.key(*table.path, class_title, category_title, arm),
            kind=ResultKind.ARM,
            arm=arm,
            outcome_title=f"{table.title} – {row.label}" if row.label else table.title,
            category=row.side if table.counts is Statistic.PERSON_COUNT else None,
            population=table.population,
            unit=table.unit,
            unit_of_analysis=table.analysed,
            method=_estimated_over_time(table),
            state=central.state if central else State.NOT_REPORTED,
            cells=(*_denominator(table, local, of_class), *cells),
            ci_level=_ci_level(table.measure) if _has_interval(cells) else None,
            is_primary_outcome=table.is_primary,
            caveats=(
                *(("param_type_without_cell",) if _has_no_cell(table) else ()),
                *groups.caveats(table.groups_of, local),
            ),
            note=note(
                words(table.param) if _has_no_cell(table) else None,
                remark,
                *(line(measurement, name) for name in _COMMENTS),
                _participants(table, local, of_class),
            ),
            evidence=place.evidence(", ".join(step for step in locator if step), table.title),
        )


def _estimated_over_time(table: _Table) -> str | None:
    said = f"{table.title} {line(table.measure, 'description') or ''}"
    found = _OVER_TIME.search(said) if table.counts is Statistic.PERCENT else None
    return found[0] if found else None


_COMMENTS: Final = ("comment", "lowerLimitComment", "upperLimitComment")


def _without_measurements(
    table: _Table, frame: str | None, groups: _Groups, place: Place
) -> Iterator[ResultClaim]:
    """Posted without data, as for outcomes nobody was analysed for: what is left are the counts."""
    for local, arm in table.arms.items():
        yield ResultClaim(
            key=place.key(*table.path, arm),
            kind=ResultKind.ARM,
            arm=arm,
            outcome_title=table.title,
            time=timepoint(frame),
            population=table.population,
            unit=table.unit,
            unit_of_analysis=table.analysed,
            state=State.NOT_REPORTED,
            cells=_denominator(table, local, []),
            is_primary_outcome=table.is_primary,
            caveats=groups.caveats(table.groups_of, local),
            note=note("posted without measurements", _participants(table, local, [])),
            evidence=place.evidence(f"{table.where}, {local}", table.title),
        )


_VALUES: Final = frozenset({*_CENTRAL.values(), CellName.PERCENT, CellName.UNSPECIFIED})


def _cells(table: _Table, measurement: Json) -> tuple[tuple[Cell, ...], str | None]:
    """The central value first, then what is around it; and what found no cell, in words."""
    name = _CENTRAL.get(table.param, CellName.UNSPECIFIED) if table.param else CellName.NUMBER
    unit = table.unit or ""
    if table.counts in (Statistic.PERSON_COUNT, Statistic.EVENT_COUNT):
        name = CellName.EVENTS
    elif name is CellName.NUMBER and _PERCENT.search(unit):
        name = CellName.PERCENT
    is_count = name is CellName.EVENTS or (name is CellName.NUMBER and bool(_COUNTED.search(unit)))
    found = [cell(measurement, "value", name, is_count=is_count)]
    dispersion = _enum(line(table.measure, "dispersionType"))
    around: dict[str, CellName] = {}
    if dispersion in _SPREADS:
        around = {"spread": _SPREADS[dispersion]}
    elif dispersion == "INTER_QUARTILE_RANGE":
        around = {"lowerLimit": CellName.Q1, "upperLimit": CellName.Q3}
    elif dispersion == "FULL_RANGE":
        around = {"lowerLimit": CellName.MIN, "upperLimit": CellName.MAX}
    elif "CONFIDENCE" in dispersion:
        around = {"lowerLimit": CellName.CI_LOW, "upperLimit": CellName.CI_HIGH}
    found += [cell(measurement, field, around[field]) for field in around]
    loose = [
        f"{label} {measurement[field]}"
        for field, label in _AROUND.items()
        if field not in around and str(measurement.get(field) or "").strip()
    ]
    declared = line(table.measure, "dispersionType") or "of no stated kind"
    remark = f"{', '.join(loose)} ({declared})" if loose else None
    return tuple(c for c in found if c is not None), remark


_AROUND: Final = {"spread": "spread", "lowerLimit": "lower limit", "upperLimit": "upper limit"}


def _has_no_cell(table: _Table) -> bool:
    """Log means and geometric least squares means."""
    return bool(table.param) and table.param not in _CENTRAL


def _enum(name: str | None) -> str:
    """Both spellings alike: "Standard Deviation" and "STANDARD_DEVIATION"."""
    return re.sub(r"[^0-9A-Z.]+", "_", (name or "").upper()).strip("_")


def _ci_level(measure: Json) -> float | None:
    digits = re.search(r"\d+(?:\.\d+)?", line(measure, "dispersionType") or "")
    return _LEVELS.get(digits[0], float(digits[0])) if digits else None


def _has_interval(cells: Sequence[Cell]) -> bool:
    return any(c.name in (CellName.CI_LOW, CellName.CI_HIGH) for c in cells)


def _denominator(table: _Table, local: str, of_class: list[Json]) -> tuple[Cell, ...]:
    """How many were analysed, in the table's unit of analysis; by the class's own count if any."""
    units = folded(table.analysed) if table.analysed else None
    raw = _denominator_count((of_class, *table.denoms), local, units)
    found = cell({"n": raw}, "n", CellName.N_ANALYSED, is_count=True)
    return (found,) if found else ()


def _participants(table: _Table, local: str, of_class: list[Json]) -> str | None:
    """The number of participants, where the denominator counts something else."""
    if table.analysed is None:
        return None
    raw = _denominator_count((of_class, *table.denoms), local, None)
    return None if raw is None else f"participants analysed: {raw}"


def _denominator_count(
    levels: Sequence[list[Json]], local: str, units: str | None
) -> object | None:
    """The count of the innermost level that has the units (None: participants) at all."""
    for denoms in levels:
        for denom in denoms:
            counted = folded(line(denom, "units") or "participants")
            if counted == units or (units is None and counted in _PERSONS):
                for entry in parts(denom, "counts"):
                    if line(entry, "groupId") == local:
                        return entry.get("value")
                return None
    return None


# -- analyses ------------------------------------------------------------------------------------

_SIDE = r"[^()\[\],;:.]{1,80}?"
_OVER = r"(?:minus|vs\.?|versus|over|divided\s+by|compared\s+(?:to|with)|relative\s+to)"
_AGAINST = re.compile(rf"^\s*(.+?)\s+(?:{_OVER}|-|–)\s+(.+?)\s*\.?\s*$", re.I)
# In running text only what is subtracted: "A vs B" there may be no more than a list.
_SUBTRACTED = re.compile(
    rf"(?:^|[(\[:;,=]|\b(?:is|was|as|of|difference|estimate)\b)\s*({_SIDE})\s+(?:minus|-|–|−)\s+"
    rf"({_SIDE})\s*(?=$|[)\],;:.])",
    re.I,
)
_THE_TREATED = re.compile(
    r"(?:the\s+)?(?:active|treatment|treated|experimental|intervention|test|drug|cells?|mscs?)"
    r"(?:\s+(?:group|arm|treatment))?",
    re.I,
)
# How near an estimate must be to what the groups' own numbers give, as a part of it, to tell which
# of the two was subtracted from the other: the other way round it would be off by twice itself.
_NEAR: Final = 0.1
# Ratios nearer to 1 than this look the same either way round.
_FAR_FROM_ONE: Final = 0.2


def _analyses(
    table: _Table, time: TimepointClaim | None, has_baseline: bool, groups: _Groups, place: Place
) -> Iterator[ResultClaim]:
    titles = {
        line(group, "id") or "": line(group, "title") or ""
        for group in parts(table.measure, "groups")
    }
    statistic = None
    if _is_change(table.title) or (not has_baseline and _is_described_change(table)):
        is_percent = _PERCENT_CHANGE.search(f"{table.title} {_said_of_change(table)}")
        statistic = Statistic.PERCENT_CHANGE if is_percent else Statistic.CHANGE
    for position, analysis in enumerate(parts(table.measure, "analyses"), start=1):
        locals_ = list(dict.fromkeys(strings(analysis, "groupIds")))
        arms = [table.arms.get(local) or groups.unnamed(local, table.where) for local in locals_]
        kind, arm, comparator = ResultKind.ARM, ALL, None
        caveats: tuple[str, ...] = ()
        about = None
        if len(arms) == 2:
            kind = ResultKind.CONTRAST
            order = _stated_order(analysis, [titles.get(local, "") for local in locals_])
            if order is None:
                order = _order_by_numbers(table, analysis, locals_)
                caveats = ("direction_not_stated" if order is None else "direction_from_numbers",)
            arm, comparator = arms[order or 0], arms[1 - (order or 0)]
        elif len(arms) == 1:
            arm = arms[0]
            about = "analysis of this group alone"
        else:
            caveats = ("analysis_over_groups",)
            about = "analysis over " + (", ".join(arms) or "groups that are not named")
        cells = _analysis_cells(analysis)
        p_text = line(analysis, "pValue")
        yield ResultClaim(
            key=place.key(*table.path, "analysis", *arms, line(analysis, "paramType")),
            kind=kind,
            arm=arm,
            comparator=comparator,
            outcome_title=table.title,
            time=time,
            population=table.population,
            statistic=statistic,
            unit=_unit_of_difference(table, analysis, locals_) if len(arms) == 2 else None,
            unit_of_analysis=table.analysed,
            state=_analysis_state(cells, p_text),
            cells=cells,
            measure=line(analysis, "paramType"),
            ci_level=number(analysis.get("ciPctValue")),
            p_text=p_text,
            method=line(analysis, "statisticalMethod"),
            is_primary_outcome=table.is_primary,
            caveats=(*caveats, *groups.caveats(table.groups_of, *locals_)),
            note=note(
                about,
                _loose_dispersion(analysis),
                "one-sided interval" if line(analysis, "ciNumSides") == "ONE_SIDED" else None,
                labelled("hypothesis", words(line(analysis, "nonInferiorityType"))),
                *(block(analysis, name) for name in _REMARKS),
            ),
            evidence=place.evidence(
                ", ".join([table.where, f"analysis {position}", *locals_]), table.title
            ),
        )


_REMARKS: Final = (
    "groupDescription",
    "nonInferiorityComment",
    "pValueComment",
    "statisticalComment",
    "estimateComment",
    "ciLowerLimitComment",
    "ciUpperLimitComment",
    "otherAnalysisDescription",
)


def _stated_order(analysis: Json, titles: list[str]) -> int | None:
    """Which of two groups the estimate is of, if it is said: "A versus B", "control minus MSC".

    The order of groupIds says nothing: both "active minus placebo" and the reverse are found.
    """
    if len({standing_title(title) for title in titles}) < 2:
        return None
    stated = _AGAINST.match(line(analysis, "estimateComment") or "")
    found = [stated] if stated else []
    for name in ("paramType", "estimateComment", "groupDescription", "statisticalComment"):
        found += _SUBTRACTED.finditer(line(analysis, name) or "")
    orders = set()
    for match in found:
        first, second = _side(match[1], titles), _side(match[2], titles)
        if first is not None and second is not None and first != second:
            orders.add(first)
    return orders.pop() if len(orders) == 1 else None


def _side(text: str, titles: Sequence[str]) -> int | None:
    """Which of the titles a side of a comparison names."""
    same = [n for n, title in enumerate(titles) if standing_title(title) == standing_title(text)]
    if len(same) == 1:
        return same[0]
    controls = [n for n, title in enumerate(titles) if names_control(title)]
    if len(controls) != 1:
        return None
    if names_control(text):
        return controls[0]
    return 1 - controls[0] if _THE_TREATED.fullmatch(text.strip()) else None


def _order_by_numbers(table: _Table, analysis: Json, locals_: Sequence[str]) -> int | None:
    """Which of two groups the estimate is of, as the groups' own numbers tell: a difference or
    ratio of theirs is near the estimate one way round, and far from it the other way."""
    estimate = number(analysis.get("paramValue"))
    pair = _shares_in_percent(table, locals_) or _central_values(table, locals_)
    if estimate is None or pair is None:
        return None
    first, second = pair
    measure, is_log = measure_of(line(analysis, "paramType"))
    own: list[float]
    if measure in ("RR", "OR", "ROM"):
        if measure == "OR":
            if table.counts is None or max(pair) >= 100:
                return None
            first, second = first / (100 - first), second / (100 - second)
        if min(first, second) <= 0 or (not is_log and estimate <= 0):
            return None
        estimate = estimate if is_log else log(estimate)
        if abs(estimate) < _FAR_FROM_ONE:
            return None
        own = [log(first / second)]
    elif measure in ("MD", "RD") or "differen" in (line(analysis, "paramType") or "").lower():
        # A difference of shares may be printed of one or of a hundred.
        own = [first - second] + ([(first - second) / 100] if table.counts else [])
    else:
        return None
    orders = {
        order
        for value in own
        for order, turned in ((0, value), (1, -value))
        if estimate and abs(turned - estimate) <= _NEAR * abs(estimate)
    }
    return orders.pop() if len(orders) == 1 else None


def _central_values(table: _Table, locals_: Sequence[str]) -> tuple[float, float] | None:
    """Of two groups, from the one row of a table of means."""
    values = {local: number(raw) for local, raw, _ in table.values()}
    if len(list(table.values())) != len(values) or table.counts is not None:
        return None
    first, second = (values.get(local) for local in locals_)
    return None if first is None or second is None else (first, second)


def _analysis_cells(analysis: Json) -> tuple[Cell, ...]:
    named = {"paramValue": CellName.ESTIMATE}
    named |= {"ciLowerLimit": CellName.CI_LOW, "ciUpperLimit": CellName.CI_HIGH}
    spread = _SPREADS.get(_enum(line(analysis, "dispersionType")))
    if spread:
        named["dispersionValue"] = spread
    found = [c for field, name in named.items() if (c := cell(analysis, field, name))]
    if line(analysis, "ciNumSides") == "ONE_SIDED":
        # The open end is sent as "NA"; it is not missing.
        limits = (CellName.CI_LOW, CellName.CI_HIGH)
        found = [c for c in found if c.name not in limits or c.state is not State.NOT_REPORTED]
    return tuple(found)


def _unit_of_difference(table: _Table, analysis: Json, locals_: Sequence[str]) -> str | None:
    """The outcome's unit for a difference of means, "%" for one of shares in percent: as near as
    the groups' own shares are, or above one. None for ratios and for shares of one."""
    measure, _ = measure_of(line(analysis, "paramType"))
    if measure == "MD":
        return table.unit
    estimate = number(analysis.get("paramValue"))
    if measure != "RD" or estimate is None:
        return None
    shares = _shares_in_percent(table, locals_)
    if shares is None:
        return "%" if abs(estimate) > 1 else None
    own = abs(shares[0] - shares[1])
    return "%" if abs(abs(estimate) - own) < abs(abs(estimate) - own / 100) else None


def _shares_in_percent(table: _Table, locals_: Sequence[str]) -> tuple[float, float] | None:
    """Of two groups, from the one row of a table; None where it has several, or no shares."""
    values = {local: (number(raw), of) for local, raw, of in table.values()}
    if len(list(table.values())) != len(values) or not set(locals_) <= set(values):
        return None
    found = []
    for local in locals_:
        value, of_class = values[local]
        n = count(_denominator_count((of_class, *table.denoms), local, None))
        if value is None or table.counts is None:
            return None
        if table.counts is Statistic.PERCENT:
            found.append(100 * value if table.is_proportion else value)
        elif table.counts is Statistic.PERSON_COUNT and n:
            found.append(100 * value / n)
    return (found[0], found[1]) if len(found) == 2 else None


def _loose_dispersion(analysis: Json) -> str | None:
    declared = line(analysis, "dispersionType")
    if _enum(declared) in _SPREADS:
        return None
    return labelled(
        f"dispersion ({declared or 'of no stated kind'})", line(analysis, "dispersionValue")
    )


def _analysis_state(cells: tuple[Cell, ...], p_text: str | None) -> State:
    estimate = next((c for c in cells if c.name is CellName.ESTIMATE), None)
    if estimate and estimate.state is not State.NOT_REPORTED:
        return estimate.state
    is_reported = bool(p_text) or any(c.value is not None for c in cells)
    return State.REPORTED if is_reported else State.NOT_REPORTED


# -- adverse events ------------------------------------------------------------------------------

_TOTALS: Final = (
    ("deaths", "DEATH", None),
    ("serious", "AE_SERIOUS", "serious"),
    ("other", "AE_OTHER", "not serious"),
)
_ASSESSMENTS: Final = {
    "SYSTEMATIC_ASSESSMENT": "systematic",
    "NON_SYSTEMATIC_ASSESSMENT": "non-systematic",
}


def _adverse_events(module: Json, groups: _Groups, place: Place) -> Iterator[AdverseEventClaim]:
    where = _EVENTS
    listed = parts(module, "eventGroups")
    arms = groups.arms_of(listed, where)
    time = timepoint(line(module, "timeFrame"))
    threshold = line(module, "frequencyThreshold")
    # The threshold holds for other events: rarer ones are missing from the list and its total.
    is_cut = threshold is not None and number(threshold) != 0
    cut: tuple[str, ...] = ("registry_frequency_threshold",) if is_cut else ()
    cut_note = f"events above {threshold}% in any group" if is_cut else None
    for group in listed:
        local = line(group, "id") or ""
        for name, code, seriousness in _TOTALS:
            affected, at_risk = group.get(f"{name}NumAffected"), group.get(f"{name}NumAtRisk")
            if affected is None and at_risk is None:
                continue
            is_other = name == "other"
            comment = line(module, "allCauseMortalityComment") if name == "deaths" else None
            yield AdverseEventClaim(
                key=place.key("adverse events", f"{name} total", arms[local]),
                arm=arms[local],
                code=code,
                seriousness=seriousness,
                time=time,
                n_at_risk=count(at_risk),
                persons_affected=count(affected),
                state=_event_state(affected, None),
                caveats=(*(cut if is_other else ()), *groups.caveats(where, local)),
                note=note(comment, cut_note if is_other else None, _as_printed(affected, at_risk)),
                evidence=place.evidence(f"{where}, {name} total, {local}"),
            )
    for field, seriousness in (("seriousEvents", "serious"), ("otherEvents", "not serious")):
        is_other = field == "otherEvents"
        for event in parts(module, field):
            term, system = line(event, "term"), line(event, "organSystem")
            assessment = line(event, "assessmentType")
            for stat in parts(event, "stats"):
                local = line(stat, "groupId") or ""
                arm = arms.get(local) or groups.unnamed(local, where)
                affected, n_events = stat.get("numAffected"), stat.get("numEvents")
                yield AdverseEventClaim(
                    key=place.key("adverse events", seriousness, system, term, arm),
                    arm=arm,
                    term=term,
                    organ_system=system,
                    vocabulary=line(event, "sourceVocabulary"),
                    seriousness=seriousness,
                    assessment=_ASSESSMENTS.get(assessment or "", words(assessment)),
                    time=time,
                    n_at_risk=count(stat.get("numAtRisk")),
                    persons_affected=count(affected),
                    event_count=count(n_events),
                    state=_event_state(affected, n_events),
                    caveats=(*(cut if is_other else ()), *groups.caveats(where, local)),
                    note=note(
                        line(event, "notes"),
                        cut_note if is_other else None,
                        _as_printed(affected, n_events, stat.get("numAtRisk")),
                    ),
                    evidence=place.evidence(
                        f"{where}, {seriousness}, {system or 'no organ system'}, {term}, {local}",
                        term,
                    ),
                )


def _event_state(affected: object, n_events: object) -> State:
    """None affected is a statement; a number of events says nothing about persons, unless 0."""
    counts = [count(raw) for raw in (affected, n_events) if not is_missing(raw)]
    known = [n for n in counts if n is not None]
    if known:
        return State.REPORTED if any(known) else State.REPORTED_ZERO
    return State.UNCLEAR if counts else State.NOT_REPORTED


def _as_printed(*raws: object) -> str | None:
    """What was printed where a count was expected, as far as it is none."""
    odd = [str(raw) for raw in raws if not is_missing(raw) and count(raw) is None]
    return f"printed: {', '.join(odd)}" if odd else None
