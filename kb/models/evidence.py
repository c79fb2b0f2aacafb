"""What one source asserts about a study: the values behind arms, results and adverse events.

A registry entry and a curator's table both become a `StudyRecord`; there is one door into the
evidence tables. Absent is None, everywhere, and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier
from kb.models.records import View


class State(StrEnum):
    """What is known of a cell. Only reported and reported_zero go with a number."""

    REPORTED = "reported"
    REPORTED_ZERO = "reported_zero"  # an explicit statement of none, not an empty cell
    NOT_REPORTED = "not_reported"
    NOT_MEASURED = "not_measured"
    NOT_APPLICABLE = "not_applicable"
    UNCLEAR = "unclear"


class Origin(StrEnum):
    """How a number came to be. Everything but reported carries a derivation."""

    REPORTED = "reported"
    COMPUTED = "computed"
    IMPUTED = "imputed"
    DIGITISED = "digitised"
    AUTHOR_SUPPLIED = "author_supplied"


class Standing(StrEnum):
    PRIMARY = "primary_source"  # the report itself or its registry entry, also through a copy
    SECONDARY = "secondary_source"  # somebody else's account of it


class CellName(StrEnum):
    """The numbers a result can carry. Persons and events are different numbers."""

    N_ANALYSED = "n_analysed"
    EVENTS = "events"  # persons with the event when the statistic is a person count
    PERCENT = "percent"
    MEAN = "mean"
    SD = "sd"
    SE = "se"
    MEDIAN = "median"
    Q1 = "q1"
    Q3 = "q3"
    MIN = "min"
    MAX = "max"
    CI_LOW = "ci_low"
    CI_HIGH = "ci_high"
    GEOMETRIC_MEAN = "geometric_mean"
    LS_MEAN = "ls_mean"
    NUMBER = "number"  # a bare number the source does not qualify further (registry NUMBER)
    UNSPECIFIED = "value_unspecified"  # a central value, mean or median not said
    ESTIMATE = "estimate"  # of a contrast, on the scale of its measure
    EXPOSURE_PERSON_YEARS = "exposure_person_years"


class ResultKind(StrEnum):
    ARM = "arm"
    WITHIN_ARM = "within_arm"  # one arm at two times, reported as one number or p value
    CONTRAST = "contrast"


class Statistic(StrEnum):
    """What kind of quantity the cells describe."""

    BASELINE = "baseline"
    FINAL = "final"
    CHANGE = "change"
    PERCENT_CHANGE = "percent_change"
    PERSON_COUNT = "person_count"
    EVENT_COUNT = "event_count"
    PERCENT = "percent"
    RATE = "rate"
    TIME_TO_EVENT = "time_to_event"
    AS_REGISTERED = "as_registered"  # the registry does not say whether it is a change


class Category(StrEnum):
    """Which side of an outcome a person count counts, where its label leaves no doubt."""

    EVENT = "event"  # the outcome as defined happened: new lesions, relapse, completed
    COMPLEMENT = "complement"  # it did not: "no new T2 lesions in 5 of 6"
    IMPROVED = "improved"
    STABLE = "stable"
    WORSENED = "worsened"


class Status(StrEnum):
    """Where a value stands among those that people entered for the same thing."""

    SINGLE = "single"  # nobody else of its collection read it
    AGREED = "agreed"  # several extractors read the same; this one speaks for them
    CONFIRMING = "confirming"  # it says the same as the one that speaks for it
    DISPUTED = "disputed"  # extractors differ and nobody has decided
    ADJUDICATED = "adjudicated"  # what was decided between extractors
    CORRECTED = "corrected"  # what a person put in the place of an earlier value
    SUPERSEDED = "superseded"  # a decision took its place
    WITHDRAWN = "withdrawn"  # its source no longer says it; kept because people decided on it


# The values that analyses use: at most one for each thing that one collection reports.
ENTERING: Final = (Status.SINGLE, Status.AGREED, Status.ADJUDICATED, Status.CORRECTED)


class DecisionKind(StrEnum):
    CORRECTION = "correction"  # one value was wrong
    ADJUDICATION = "adjudication"  # extractors differed


# The extractor under whose name the values that were decided on stand.
DECIDED: Final = "decision"


def source_of(collection: str, extractor: str | None) -> str:
    """The name under which an extractor's records of a collection stand: "my-review/anna"."""
    return collection if extractor is None else f"{collection}/{extractor}"


def collection_of(source: str) -> str:
    return source.partition("/")[0]


def extractor_of(source: str) -> str | None:
    """Who of the collection; None where the collection has but one voice."""
    return source.partition("/")[2] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceClaim:
    """Where a statement stands: the document as cited, the place in it, and how near it is to the
    people who measured."""

    kind: str  # "abstract", "full text table", "registry", "review table", "press report" ...
    document: str  # as cited: DOI, PMID, registry number, web address
    locator: str  # "abstract", "table 2", "outcome measure 3, class Week 48, OG001"
    standing: Standing
    work: tuple[Identifier, ...] = ()  # the document, where it is a work
    quote: str | None = None  # verbatim, only where the licence allows or it is registry text
    row: str | None = None  # where it was entered: "results.csv:150"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number as reported. `text` is how it was printed, `value` None if that is no number."""

    name: CellName
    value: float | None
    text: str | None = None
    state: State = State.REPORTED
    origin: Origin = Origin.REPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class TimepointClaim:
    """When, as reported. Day 0 is baseline. `text` keeps what value and unit do not hold."""

    value: float | None = None
    unit: str | None = None  # "hour", "day", "week", "month", "year"
    text: str | None = None
    anchor: str | None = None  # "treatment", "last dose", "randomisation", "baseline" ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductClaim:
    """The cell product an arm received, as one source describes it."""

    intervention: str | None = None  # "MSC", "remestemcel-L"
    tissue: str | None = None
    donor: str | None = None  # "autologous", "allogeneic", "xenogeneic"
    passage_low: int | None = None
    passage_high: int | None = None
    is_cryopreserved: bool | None = None
    viability_text: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseClaim:
    """One dose event as reported: a single value or a range, never converted."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None  # "10^6 cells/kg", "10^6 cells"
    basis: str | None = None  # "per infusion", "mean (range)", "total of three infusions"
    n_administrations: int | None = None
    n_administrations_text: str | None = None  # "2-5", "4 IV and 3 IT"
    interval_text: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmClaim:
    """An arm as one source describes it. Several claims may share a key: sources that disagree."""

    key: str  # within the study record: "msc", or a registry's arm label
    label: str
    role: str | None = None  # "experimental", "control"
    description: str | None = None
    n_randomised: int | None = None
    n_treated: int | None = None
    n_analysed: int | None = None
    n_completed: int | None = None
    comparator: str | None = None
    product: ProductClaim | None = None
    dose: DoseClaim | None = None
    caveats: tuple[str, ...] = ()
    note: str | None = None
    evidence: EvidenceClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultClaim:
    """One value set of one arm at one time, or one contrast of two arms.

    A result may be reported without any number ("increased at day 7"): then `cells` is empty and
    `direction` says what was stated.
    """

    key: str  # stable within the study record
    kind: ResultKind
    arm: str  # arm key; "all" is the whole study
    comparator: str | None = None
    outcome_code: str | None = None  # of the outcome vocabulary
    outcome_title: str  # what was measured or counted, as the source names it
    category: Category | None = None
    time: TimepointClaim | None = None
    baseline_time: TimepointClaim | None = None  # of a within-arm comparison, where stated
    subgroup: str | None = None
    population: str | None = None  # analysis set as reported: "intention to treat"
    statistic: Statistic | None = None
    unit: str | None = None
    unit_of_analysis: str | None = None  # "knee", "eye"; None means participants or not said
    state: State = State.REPORTED
    cells: tuple[Cell, ...] = ()
    direction: str | None = None  # reported without number: "increased", "decreased", "no change"
    measure: str | None = None  # of a contrast: "hazard ratio", "mean difference"
    ci_level: float | None = None  # percent
    p_text: str | None = None  # verbatim: "< 0.03"
    method: str | None = None  # statistical method as named
    better: str | None = None  # "lower" or "higher", for the value as printed
    is_primary_outcome: bool | None = None
    caveats: tuple[str, ...] = ()
    note: str | None = None
    evidence: EvidenceClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEventClaim:
    """One adverse-event statement for one arm. People affected and events are never mixed."""

    key: str
    arm: str
    code: str | None = None  # vocabulary: "AE_SERIOUS"
    term: str | None = None  # as reported
    organ_system: str | None = None
    vocabulary: str | None = None  # "MedDRA 17.1"
    seriousness: str | None = None  # "serious", "not serious"
    relatedness: str | None = None
    severity: str | None = None
    assessment: str | None = None  # "systematic", "non-systematic"
    time: TimepointClaim | None = None
    n_at_risk: int | None = None
    persons_affected: int | None = None
    event_count: int | None = None
    percent: float | None = None
    state: State = State.REPORTED
    caveats: tuple[str, ...] = ()
    note: str | None = None
    evidence: EvidenceClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowClaim:
    """Participants at one milestone of one arm: started, completed, or left and why."""

    key: str
    arm: str
    period: str | None = None
    milestone: str  # "started", "completed", "not completed", or as named
    reason: str | None = None  # of leaving
    n: int | None = None
    note: str | None = None
    evidence: EvidenceClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOutcome:
    rank: str  # "primary", "secondary", "other"
    measure: str
    description: str | None = None
    time_frame: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationClaim:
    """A registry entry: named by somebody (number alone), or described by the registry."""

    number: str  # normal form, see kb.identity.registrations
    registry: str | None = None
    link_basis: str | None = (
        None  # why it belongs to this study: "stated by the report", "inferred"
    )
    is_linked: bool = True  # False: known, but no study of this record is registered under it
    title: str | None = None
    sponsor: str | None = None
    country: str | None = None
    phase: str | None = None
    status: str | None = None
    n_registered: int | None = None
    n_is_actual: bool | None = None
    start: PartialDate | None = None
    completion: PartialDate | None = None
    primary_completion: PartialDate | None = None
    results_posted: PartialDate | None = None
    updated: PartialDate | None = None
    aliases: tuple[str, ...] = ()  # other numbers of the same entry
    listed_pmids: tuple[str, ...] = ()  # a list of reading, not of reports
    planned_outcomes: tuple[PlannedOutcome, ...] = ()
    has_results: bool | None = None
    caveats: tuple[str, ...] = ()
    note: str | None = None
    evidence: EvidenceClaim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportClaim:
    """A work said to report the study. `basis` says by whom: "curated", "registry result"."""

    work: tuple[Identifier, ...]
    basis: str
    citation: str | None = None
    record_key: str | None = None  # the same source's own record of that work, where it has one


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundClaim:
    """A work the registry entry lists for reading. It does not report the study."""

    work: tuple[Identifier, ...]
    kind: str  # "background", "derived"
    citation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapClaim:
    """Participants shared with another study: `kind` is "same participants", "follow-up of",
    "substudy of", "extension of" or "may share participants"."""

    other: str  # key of the other study in the same source
    kind: str
    certainty: str  # "certain", "probable", "possible"
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionClaim:
    """The study as a whole, as one source describes it. Every count may differ between sources.

    What participants were like at entry (age, sex, baseline scores) are results at baseline.
    """

    design: str | None = None
    allocation: str | None = None
    masking: str | None = None
    phase: str | None = None
    purpose: str | None = None
    study_type: str | None = None
    country: str | None = None
    n_enrolled: int | None = None
    n_randomised: int | None = None
    n_treated: int | None = None
    n_analysed: int | None = None
    n_completed: int | None = None
    followup_value: float | None = None
    followup_unit: str | None = None
    followup_text: str | None = None  # "maximum", "mean", "at least": how to read the value
    eligibility: str | None = None
    caveats: tuple[str, ...] = ()
    note: str | None = None
    evidence: EvidenceClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """All that one source says about one study; in a brief view, what it adds to another record."""

    source: str
    key: str  # "NCT03778333", "MS_IACOBAEUS_2019"
    about: str | None = None  # of a brief view: the key of the record that lays the study out,
    about_in: str | None = None  # and its collection, where that is another one
    label: str
    view: View = View.STUDY
    acronym: str | None = None
    title: str | None = None
    conditions: tuple[str, ...] = ()
    phenotype: str | None = None
    year: int | None = None
    description: DescriptionClaim | None = None
    registrations: tuple[RegistrationClaim, ...] = ()
    reports: tuple[ReportClaim, ...] = ()
    background: tuple[BackgroundClaim, ...] = ()
    overlaps: tuple[OverlapClaim, ...] = ()
    arms: tuple[ArmClaim, ...] = ()
    flow: tuple[FlowClaim, ...] = ()
    results: tuple[ResultClaim, ...] = ()
    adverse_events: tuple[AdverseEventClaim, ...] = ()
    updated: PartialDate | None = None
