"""One result with all that stands around it: what an outcome table needs of a study.

Plain values, read by the store. A text or number that no source gives is None, and its state says
what is known of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kb.models.evidence import (
    Category,
    Cell,
    CellName,
    Origin,
    ResultKind,
    State,
    Statistic,
)
from kb.outcomes.harmonise import ReportedResult

EXPERIMENTAL: Final = "experimental"
CONTROL: Final = "control"
ACTIVE_COMPARATOR: Final = "active comparator"
SEPARATOR: Final = " | "  # between what several sources say


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something said of an arm or a study. Several sources that differ leave it unclear: `value`
    then joins what they say, so that a moderator is never one side's word."""

    value: str | float | None
    state: State
    origin: Origin | None = None
    rule: str | None = None


NOT_SAID: Final = Fact(value=None, state=State.NOT_REPORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFacts:
    """A report of a study."""

    id: str
    doi: str | None
    pmid: str | None
    title: str | None
    authors: str | None
    year: int | None
    venue: str | None
    is_retracted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Another study that may hold the same participants."""

    study: str
    label: str
    kind: str
    certainty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """`name` is the label, with the id where another study of the base goes by the same label."""

    id: str
    label: str
    name: str
    title: str | None
    year: int | None
    conditions: tuple[str, ...]
    phenotype: str | None
    design: Fact
    country: Fact
    registrations: tuple[str, ...]
    reports: tuple[WorkFacts, ...]
    overlaps: tuple[Overlap, ...]  # with studies of the same selection
    rob_overall: Fact
    rob_tool: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFacts:
    """`dose_...` are of one administration in 10^6 cells, `cumulative_...` of all; a range keeps
    its two ends and has no value. `holds_controls`: all participants of a study that has a control
    arm. `holds_cells`: a cell product is described for it."""

    id: str
    label: str
    role: str | None
    is_whole_study: bool
    holds_controls: bool
    holds_cells: bool = False
    tissue: Fact
    donor: Fact
    route: Fact
    dose_per_kg: Fact
    dose_per_kg_low: Fact
    dose_per_kg_high: Fact
    dose_cells: Fact
    cumulative_per_kg: Fact
    cumulative_cells: Fact
    n_administrations: Fact

    @property
    def is_treated(self) -> bool:
        """Whether nobody in it is known to have been a control."""
        return self.role == EXPERIMENTAL or (self.role is None and not self.holds_controls)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """As reported; `days` only where they follow from value and unit."""

    value: float | None
    unit: str | None
    text: str | None
    anchor: str | None
    days: float | None

    @property
    def shown(self) -> str:
        if self.value is None:
            return self.text or ""
        if self.value == 0:
            return "baseline"
        plural = "" if self.value == 1 or not self.unit else "s"
        return f"{self.value:g} {self.unit or ''}{plural}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a result stands, and where that was read or entered."""

    document: str
    locator: str
    kind: str
    standing: str
    quote: str | None
    work: str | None
    recorded_by: str
    row: str | None
    payload: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """An adverse event as stated. `persons` of `n_at_risk` had it; `count` events happened to
    them: None is not reported, and neither follows from the other."""

    code: str | None
    term: str | None
    organ_system: str | None
    vocabulary: str | None
    seriousness: str | None
    relatedness: str | None
    severity: str | None
    assessment: str | None
    n_at_risk: int | None
    persons: int | None
    count: int | None
    percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """`reported.key` is the result's public id. `account` is whose account of the study it belongs
    to: arms of two accounts are never matched. `status` says how far the value was checked;
    what does not enter analyses stands in the long form only."""

    reported: ReportedResult
    account: str
    study: StudyFacts
    arm: ArmFacts
    comparator: ArmFacts | None
    outcome: str
    code: str | None
    definition: str
    version: str | None
    outcome_title: str
    category: Category | None
    time: When | None
    baseline_time: When | None
    analysis_set: str | None
    subgroup: str | None
    unit_of_analysis: str | None
    origin: Origin
    direction: str | None
    better: str | None
    is_primary: bool | None
    caveats: tuple[str, ...]
    note: str | None
    rule: str | None  # of the derivation of a result that was not reported
    statement: str | None
    derived_from: tuple[str, ...]
    source: Source
    status: str
    enters_analyses: bool
    is_matched: bool = False  # a person said which outcome of the vocabulary the wording is
    event: EventFacts | None = None  # of an adverse event: `reported` counts the persons then

    @property
    def id(self) -> str:
        return self.reported.key

    @property
    def kind(self) -> ResultKind:
        return self.reported.kind

    @property
    def statistic(self) -> Statistic | None:
        return self.reported.statistic

    @property
    def days(self) -> float | None:
        return self.time.days if self.time else None

    def counting_events(self) -> Observed:
        """Of an adverse event, the number of events in the place of that of persons."""
        if self.event is None:
            return self
        cells = counted(CellName.EVENTS, self.event.count)
        reported = replace(self.reported, statistic=Statistic.EVENT_COUNT, cells=cells)
        return replace(self, reported=reported)


def counted(name: CellName, value: int | None) -> dict[CellName, Cell]:
    """The cell of a count, {} where it is not reported."""
    if value is None:
        return {}
    state = State.REPORTED if value else State.REPORTED_ZERO
    return {name: Cell(name=name, value=float(value), text=str(value), state=state)}
