"""The columns of the outcome tables: results one by one, and rows for analysis.

In the tables for analysis each number stands beside its state, its origin and the rule that made
it. Names are metafor's (Viechtbauer 2010, J Stat Softw 36(3):1-48), or those of the R package
meta (Balduzzi et al. 2019, Evid Based Ment Health 22(4):153-160).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from kb.errors import InvalidInput
from kb.formats.outcome_tables.dictionary import Column, Field, Layout, Type, Value
from kb.models.evidence import Cell, CellName, Origin, State
from kb.outcomes.chains import Number, least_trusted
from kb.outcomes.comparisons import BESIDE, COLUMNS, AnalysisRow, Table
from kb.outcomes.observed import SEPARATOR, Fact, Observed, StudyFacts, WorkFacts
from kb.outcomes.products import Kind, normalise
from kb.outcomes.windows import window_of


class Names(StrEnum):
    METAFOR = "metafor"
    META = "meta"


# What meta calls metafor's columns; what it has no name for stays out.
META_TABLES: Final[Mapping[Table, Mapping[str, str]]] = {
    Table.BINARY: {"ai": "event.e", "n1i": "n.e", "ci": "event.c", "n2i": "n.c"},
    Table.CONTINUOUS: {
        "n1i": "n.e",
        "m1i": "mean.e",
        "sd1i": "sd.e",
        "n2i": "n.c",
        "m2i": "mean.c",
        "sd2i": "sd.c",
    },
    Table.RATE: {"x1i": "event.e", "t1i": "time.e", "x2i": "event.c", "t2i": "time.c"},
    Table.PROPORTION: {"xi": "event", "ni": "n"},
    Table.MEAN: {"ni": "n", "mi": "mean", "sdi": "sd"},
    Table.ONE_RATE: {"xi": "event", "ti": "time"},
    Table.ESTIMATE: {"yi": "TE", "sei": "seTE"},
}

_MEANS: Final[Mapping[str, tuple[str, str | None]]] = {
    "ai": ("Persons with the event in the experimental group", "persons"),
    "bi": ("Persons without the event in the experimental group", "persons"),
    "ci": ("Persons with the event in the control group", "persons"),
    "di": ("Persons without the event in the control group", "persons"),
    "n1i": ("Persons analysed in the experimental group, for this outcome and time", "persons"),
    "n2i": ("Persons analysed in the control group, for this outcome and time", "persons"),
    "m1i": ("Mean of the experimental group; before and after: the later one, or the change", None),
    "m2i": ("Mean of the control group; before and after: at baseline, or 0 beside a change", None),
    "sd1i": ("SD that belongs to m1i; in the table smcr the SD at baseline", None),
    "sd2i": ("SD that belongs to m2i", None),
    "x1i": ("Events in the experimental group; one person may have several", "events"),
    "t1i": ("Time under observation in the experimental group", "person-years"),
    "x2i": ("Events in the control group; one person may have several", "events"),
    "t2i": ("Time under observation in the control group", "person-years"),
    "xi": ("Persons with the event; in the table one-rate events", None),
    "ti": ("Time under observation", "person-years"),
    "ni": ("Persons analysed, for this outcome and time; before and after: measured twice", None),
    "mi": ("Mean", None),
    "sdi": ("SD", None),
    "ri": ("Correlation of baseline with follow-up", None),
    "yi": ("Estimate on the scale of analysis: the logarithm of a ratio, else as reported", None),
    "vi": ("Sampling variance of yi", None),
    "sei": ("Standard error of yi", None),
    "estimate": ("Estimate as reported, on its natural scale", None),
    "ci_low": ("Lower end of the interval as reported", None),
    "ci_high": ("Upper end of the interval as reported", None),
}
_STATE: Final = "reported, reported_zero, not_reported, not_measured, not_applicable or unclear"
_ORIGIN: Final = "reported, computed, imputed, digitised or author_supplied; empty without a number"

TABLES_ABOUT: Final[Mapping[Table, str]] = {
    Table.BINARY: "Two groups: persons with an event, of persons analysed.",
    Table.CONTINUOUS: "Two groups: means and SDs.",
    Table.RATE: "Two groups: events per person-time.",
    Table.PROPORTION: "One group: persons with an event, of persons analysed.",
    Table.MEAN: "One group: mean and SD.",
    Table.ONE_RATE: "One group: events per person-time.",
    Table.CHANGE: "One group before and after, for MC and SMCC: m1i - m2i is after minus before.",
    Table.STANDARDISED_CHANGE: "One group before and after, for SMCR: sd1i is the SD at baseline.",
    Table.ESTIMATE: "Contrasts as reported, ready to pool: yi and vi.",
}


def table_layout(table: Table, names: Names = Names.METAFOR) -> Layout[AnalysisRow]:
    """Columns of a table for analysis. Raises InvalidInput for one that meta has no names for."""
    numbers = {name: name for name in (*COLUMNS[table], *BESIDE.get(table, ()))}
    label = "slab"
    if names is Names.META:
        if table not in META_TABLES:
            raise InvalidInput(
                f"the R package meta has no columns for {table.value!r} "
                f"(expected {', '.join(t.value for t in META_TABLES)}, or metafor's names)"
            )
        beside = {name: name for name in BESIDE.get(table, ()) if name not in ("n1i", "n2i")}
        numbers = dict(META_TABLES[table]) | beside
        label = "studlab"
    fields: list[Field[AnalysisRow]] = [*_keys(label)]
    if table in (Table.CHANGE, Table.STANDARDISED_CHANGE):
        fields.append(_text("made_from", "change, or baseline and follow-up", _of("made_from")))
    if table is Table.ESTIMATE:
        fields.append(_text("scale", "Of yi: log or natural", _of("scale")))
    for name, shown in numbers.items():
        fields += _number_fields(name, shown)
    fields += _judgement()
    fields += _moderators()
    fields += _trail()
    return Layout(f"{names.value}-{table.value}", TABLES_ABOUT[table], tuple(fields))


def _text(name: str, meaning: str, of: Callable[[Any], Value], **more: Any) -> Field[Any]:
    return Field(Column(name, Type.TEXT, meaning, **more), of)


def _of(name: str) -> Callable[[Any], Value]:
    return lambda row: getattr(row, name)


def _keys(label: str) -> Iterator[Field[AnalysisRow]]:
    yield _text("study", "Short name of the study, unique in this base", lambda r: r.study.name)
    yield _text("study_id", "Id of the study: /studies/S1", lambda r: r.study.id)
    yield _text(
        "report_id", "Report that the numbers stand in", lambda r: _part(report_of(r.first), "id")
    )
    yield _text(label, "Label of the row, unique in the table", lambda r: r.slab)
    yield _text("outcome", "Code of the outcome", lambda r: r.first.code)
    yield _text(
        "outcome_id",
        "Id of the outcome: /outcomes/O1; of adverse events, what is counted as one",
        lambda r: r.first.outcome,
    )
    yield _text("outcome_version", "Version of its definition", lambda r: r.first.version)
    yield _text("outcome_title", "What was measured or counted", lambda r: r.first.outcome_title)
    yield _text(
        "category", "event, complement, improved, stable or worsened", lambda r: r.first.category
    )
    yield _text("statistic", "What the numbers describe", lambda r: r.first.statistic)
    yield _text("unit", "Unit of the means, as reported", lambda r: r.first.reported.unit)
    yield Field(
        Column(
            "timepoint_days",
            Type.NUMBER,
            "When it was measured",
            "days",
            "value and unit as reported; month = 30.4375 d, year = 365.25 d",
        ),
        lambda r: r.first.days,
    )
    yield _text("timepoint", "When, as reported", lambda r: _part(r.first.time, "shown"))
    yield _text(
        "timepoint_anchor", "What time is counted from",
        lambda r: _part(r.first.time, "anchor"),
    )  # fmt: skip
    yield _text("window", "Analysis window the time falls in; empty between windows", _window_of)
    yield _text(
        "window_rule", "Rule that chose this time among those of its window", _of("window_rule")
    )
    yield _text("comparison", "Groups compared, the experimental first", _of("comparison"))
    yield _text("measure", "The measure these columns serve first", _of("measure"))
    yield _text(
        "better", "Which direction of the value is of benefit: lower or higher", _of("better")
    )


def _window_of(row: AnalysisRow) -> str | None:
    found = window_of(row.first.days)
    return found.label if found else None


def _number_fields(name: str, shown: str) -> Iterator[Field[AnalysisRow]]:
    meaning, unit = _MEANS.get(name, ("", None))

    def number(row: AnalysisRow) -> Number:
        return row.numbers[name]

    yield Field(Column(shown, Type.NUMBER, meaning, unit), lambda r: number(r).value)
    yield _text(f"{shown}_state", f"What is known of {shown}: {_STATE}", lambda r: number(r).state)
    yield _text(f"{shown}_origin", f"How {shown} came to be: {_ORIGIN}", lambda r: number(r).origin)
    yield _text(
        f"{shown}_rule",
        f"Rule that made {shown}; empty if reported",
        lambda r: rule_of(r, number(r)),
    )


def rule_of(row: AnalysisRow, number: Number) -> str | None:
    """The last rule behind a number: its own, or the one that made the result it stands in."""
    if number.rule is not None or number.origin in (None, Origin.REPORTED):
        return number.rule
    return next((o.rule for o in row.results if o.id == number.result), None)


def _judgement() -> Iterator[Field[AnalysisRow]]:
    yield Field(
        Column("is_usable", Type.BOOLEAN, "Whether every number that an effect needs is there"),
        _of("is_usable"),
    )
    yield _text("why_not", "What is missing where it is not", _of("why_not"))
    yield _text("origin", "The least trusted origin among the numbers needed", row_origin)
    yield _text(
        "notes", "What to know before pooling, as codes; the workbook explains them",
        lambda r: joined(r.notes),
    )  # fmt: skip
    yield Field(
        Column(
            "shared_control",
            Type.INTEGER,
            "How many rows stand on the same control; empty if only this one",
            rule="Cochrane Handbook v6, 23.3.4",
        ),
        _of("shared_control"),
    )
    yield _text(
        "shares_participants_with", "Studies of the selection that may hold the same participants",
        lambda r: overlaps_of(r.study),
    )  # fmt: skip


def _moderators() -> Iterator[Field[AnalysisRow]]:
    yield _text("arm_role", "experimental or control; empty if not said", lambda r: r.arm.role)
    yield from _product()
    for name, meaning, unit in _DOSES:
        yield from _fact_fields(name, meaning, Type.NUMBER, _of_arm(name), unit)
    yield from _of_study(lambda r: r.study)
    yield Field(
        Column("follow_up_days", Type.NUMBER, "As timepoint_days", "days"), lambda r: r.first.days
    )


_DOSES: Final = (
    ("dose_per_kg", "Dose of one administration per kg, where one value is known", "10^6 cells/kg"),
    ("dose_per_kg_low", "Lower end of a dose reported as a range", "10^6 cells/kg"),
    ("dose_per_kg_high", "Upper end of a dose reported as a range", "10^6 cells/kg"),
    ("dose_cells", "Dose of one administration, where one value is known", "10^6 cells"),
    ("cumulative_per_kg", "All administrations together, per kg", "10^6 cells/kg"),
    ("cumulative_cells", "All administrations together", "10^6 cells"),
    ("n_administrations", "How often it was given", None),
)


def _product() -> Iterator[Field[Any]]:
    for kind, meaning in (
        (Kind.TISSUE, "Tissue the cells came from"),
        (Kind.DONOR, "autologous, allogeneic or xenogeneic"),
        (Kind.ROUTE, "How the cells were given"),
    ):
        yield from _fact_fields(kind.value, f"{meaning}, as reported", Type.TEXT, _of_arm(kind))
        yield _text(
            f"{kind}_code",
            f"Normal form of {kind}; + joins several given together. Empty where it is not known, "
            "or sources differ in it",
            _code_of(kind),
            rule="kb.outcomes.products",
        )


def _code_of(kind: Kind) -> Callable[[Any], str | None]:
    fact = _of_arm(kind)

    def code(row: Any) -> str | None:
        """One code, however many sources word it differently."""
        said = str(fact(row).value or "").split(SEPARATOR)
        codes = {"+".join(sorted(term.code for term in normalise(kind, text))) for text in said}
        return codes.pop() or None if len(codes) == 1 else None

    return code


def _of_study(study: Callable[[Any], StudyFacts]) -> Iterator[Field[Any]]:
    yield _text("phenotype", "Phenotype of the disease", lambda r: study(r).phenotype)
    yield _text(
        "phenotype_state", f"What is known of phenotype: {_STATE}",
        lambda r: State.NOT_REPORTED if study(r).phenotype is None else State.REPORTED,
    )  # fmt: skip
    yield _text(
        "conditions", "Conditions of the participants", lambda r: joined(study(r).conditions)
    )
    yield Field(Column("year", Type.INTEGER, "Year of the first report"), lambda r: study(r).year)
    yield from _fact_fields("design", "Design", Type.TEXT, lambda r: study(r).design)
    yield from _fact_fields("country", "Country", Type.TEXT, lambda r: study(r).country)
    yield from _fact_fields(
        "rob_overall", "Overall risk of bias", Type.TEXT, lambda r: study(r).rob_overall
    )
    yield from _fact_fields(
        "rob_tool", "Tool and version it was judged by", Type.TEXT, lambda r: study(r).rob_tool
    )


def _fact_fields(
    name: str, meaning: str, kind: Type, of: Callable[[Any], Fact], unit: str | None = None
) -> Iterator[Field[Any]]:
    yield Field(Column(name, kind, meaning, unit), lambda r: of(r).value)
    yield _text(
        f"{name}_state", f"What is known of {name}: {_STATE}; unclear where sources differ",
        lambda r: of(r).state,
    )  # fmt: skip
    yield _text(f"{name}_origin", f"How {name} came to be: {_ORIGIN}", lambda r: of(r).origin)
    if kind is Type.NUMBER:
        yield _text(
            f"{name}_rule", f"Rule that made {name}; empty if reported", lambda r: of(r).rule
        )


def _trail() -> Iterator[Field[AnalysisRow]]:
    yield _text(
        "registrations", "Registry entries of the study", lambda r: joined(r.study.registrations)
    )
    yield _text("report_ids", "All reports of the study", lambda r: reports_of(r.study))
    yield Field(
        Column("is_retracted", Type.BOOLEAN, "Whether a report of the study is retracted"),
        lambda r: any(report.is_retracted for report in r.study.reports),
    )
    yield _text(
        "result_ids", "Results the numbers come from: /results/R1, or adverse events: "
        "/adverse-events/X1",
        lambda r: joined(o.id for o in r.results),
    )  # fmt: skip
    yield _text("analysis_set", "Analysis set, as reported", lambda r: r.first.analysis_set)
    yield _text("subgroup", "Subgroup, as reported", lambda r: r.first.subgroup)
    yield _text(
        "unit_of_analysis", "What was counted, if not persons", lambda r: r.first.unit_of_analysis
    )
    yield _text("status", "Standing of the values", lambda r: joined(o.status for o in r.results))
    yield _text(
        "caveats", "Caveats of the results, as codes: /caveats",
        lambda r: joined(c for o in r.results for c in o.caveats),
    )  # fmt: skip
    yield _text(
        "evidence", "Document and place in it, per result",
        lambda r: joined(f"{o.id}: {where(o)}" for o in r.results),
    )  # fmt: skip
    yield _text("derivations", "How the numbers that were not reported follow", derivations_of)


def row_origin(row: AnalysisRow) -> Origin | None:
    """Of the numbers that an effect needs, the origin trusted least."""
    known = [o for name in row.needed if (o := row.numbers[name].origin) is not None]
    return least_trusted(*known) if known else None


def derivations_of(row: AnalysisRow) -> str | None:
    """In words: "sd1i: 2.5 = 0.5 * sqrt(25) (sd-from-se)", then how derived results follow."""
    steps = [
        f"{name}: {step.statement} ({step.rule})"
        for name, number in row.numbers.items()
        for step in number.chain
    ]
    steps += [f"{o.id}: {o.statement} ({o.rule})" for o in row.results if o.statement]
    return joined(steps)


def report_of(o: Observed) -> WorkFacts | None:
    """The report a result stands in; where it stands elsewhere, the only one there is."""
    reports = o.study.reports
    found = next((report for report in reports if report.id == o.source.work), None)
    return found or (reports[0] if len(reports) == 1 else None)


def _part(thing: object | None, name: str) -> Value:
    return None if thing is None else getattr(thing, name)


def reports_of(study: StudyFacts) -> str | None:
    return joined(report.id for report in study.reports)


def overlaps_of(study: StudyFacts) -> str | None:
    return joined(f"{o.study} {o.label}: {o.kind} ({o.certainty})" for o in study.overlaps)


def where(o: Observed) -> str:
    return f"{o.source.document}, {o.source.locator}"


def joined(parts: Any) -> str | None:
    """Each once, with " | " between; None if there are none."""
    return SEPARATOR.join(dict.fromkeys(str(part) for part in parts if part)) or None


# -- results one by one --------------------------------------------------------------------------

_CELLS: Final[Mapping[CellName, str]] = {
    CellName.N_ANALYSED: "Persons analysed, for this outcome and time",
    CellName.EVENTS: "Persons with the event where persons are counted, else events",
    CellName.PERCENT: "Percentage as reported",
    CellName.NUMBER: "A number the source does not qualify further",
    CellName.UNSPECIFIED: "A central value, mean or median not said",
    CellName.ESTIMATE: "Estimate of a contrast, on the scale of its measure",
    CellName.EXPOSURE_PERSON_YEARS: "Time under observation in person-years",
}


def long_layout() -> Layout[Observed]:
    """One row per result, as many as the list of results counts, with every cell it can have."""
    fields: list[Field[Observed]] = [
        _text("result_id", "Id of the result: /results/R1", _of("id")),
        *_of_report(),
        _text("outcome", "Code of the outcome", _of("code")),
        _text("outcome_id", "Id of the outcome: /outcomes/O1", _of("outcome")),
        _text("outcome_definition", "Outcome as defined", _of("definition")),
        _text("outcome_version", "Version of its definition", _of("version")),
        Field(
            Column(
                "outcome_is_matched", Type.BOOLEAN,
                "Whether a person said which outcome of the vocabulary the source's wording is",
            ),
            _of("is_matched"),
        ),
        _text("outcome_title", "What was measured or counted", _of("outcome_title")),
        _text(
            "category", "event, complement, improved, stable or worsened", _of("category")
        ),
        _text("kind", "arm, within_arm or contrast", _of("kind")),
        _text("statistic", "What the numbers describe", _of("statistic")),
        _text("arm_id", "Id of the arm", lambda o: o.arm.id),
        _text("arm", "The arm; all participants together have a label of their own", _arm),
        _text("arm_role", "experimental or control; empty if not said", lambda o: o.arm.role),
        _text("comparator_id", "Arm compared with", lambda o: _part(o.comparator, "id")),
        _text("comparator", "Its label", lambda o: _part(o.comparator, "label")),
        *_time_fields("timepoint", "When it was measured", lambda o: o.time),
        *_time_fields("baseline", "What a change is counted from", lambda o: o.baseline_time),
        _text("analysis_set", "Analysis set, as reported", _of("analysis_set")),
        _text("subgroup", "Subgroup, as reported", _of("subgroup")),
        _text("unit", "Unit, as reported", lambda o: o.reported.unit),
        _text("unit_of_analysis", "What was counted, if not persons", _of("unit_of_analysis")),
        _text("state", f"What is known of the result: {_STATE}", lambda o: o.reported.state),
        _text("origin", f"How the result came to be: {_ORIGIN}", _of("origin")),
        *_standing(),
    ]  # fmt: skip
    for name in CellName:
        fields += _cell_fields(name)
    fields += [
        Field(
            Column("ci_level", Type.NUMBER, "Level of the interval", "percent"),
            lambda o: o.reported.ci_level,
        ),
        _text("measure", "Measure of a contrast, as reported", lambda o: o.reported.measure),
        _text("p_text", "P value as printed", lambda o: o.reported.p_text),
        _text("method", "Statistical method as named", lambda o: o.reported.method),
        _text("direction", "Stated without a number", _of("direction")),
        _text("better", "Which direction of the value is of benefit", _of("better")),
        Field(
            Column("is_primary", Type.BOOLEAN, "Whether a primary outcome; empty if not said"),
            _of("is_primary"),
        ),
        _text("rule", "Rule that made a result that was not reported", _of("rule")),
        _text("statement", "How it follows", _of("statement")),
        _text("derived_from", "Results it was made from", lambda o: joined(o.derived_from)),
    ]
    fields += _product()
    for fact, meaning, unit in _DOSES:
        fields += _fact_fields(fact, meaning, Type.NUMBER, _of_arm(fact), unit)
    fields += _of_study(lambda o: o.study)
    fields += _provenance_of_one()
    return Layout("long", "One row per result, with every number it can have.", tuple(fields))


def _of_report() -> Iterator[Field[Observed]]:
    """Study and report of one statement."""
    yield _text("study_id", "Id of the study: /studies/S1", lambda o: o.study.id)
    yield _text("study", "Short name of the study, unique in this base", lambda o: o.study.name)
    yield _text(
        "registrations", "Registry entries of the study", lambda o: joined(o.study.registrations)
    )
    yield _text("report_id", "Report that it stands in", lambda o: _part(report_of(o), "id"))
    yield _text("report_ids", "All reports of the study", lambda o: reports_of(o.study))
    yield _text("doi", "DOI of report_id", lambda o: _part(report_of(o), "doi"))
    yield _text("pmid", "PMID of report_id", lambda o: _part(report_of(o), "pmid"))
    yield Field(
        Column("is_retracted", Type.BOOLEAN, "Whether a report of the study is retracted"),
        lambda o: any(report.is_retracted for report in o.study.reports),
    )


def _standing() -> Iterator[Field[Observed]]:
    yield _text(
        "status",
        "single, agreed, disputed, adjudicated, corrected, superseded ...: who checked it",
        _of("status"),
    )
    yield Field(
        Column("enters_analyses", Type.BOOLEAN, "Whether tables for analysis use it"),
        _of("enters_analyses"),
    )


def _provenance_of_one() -> Iterator[Field[Observed]]:
    """Where one statement stands, and what to know of it."""
    yield _text(
        "shares_participants_with",
        "Studies of the selection that may hold the same participants",
        lambda o: overlaps_of(o.study),
    )
    yield _text("document", "Document it stands in, as cited", lambda o: o.source.document)
    yield _text("locator", "Place in the document", lambda o: o.source.locator)
    yield _text("document_kind", "Kind of document", lambda o: o.source.kind)
    yield _text("standing", "primary_source or secondary_source", lambda o: o.source.standing)
    yield _text("quote", "Verbatim, where it may be given", lambda o: o.source.quote)
    yield _text("recorded_by", "Who recorded it", lambda o: o.source.recorded_by)
    yield _text("entered_in", "Table and row it was entered in", lambda o: o.source.row)
    yield Field(
        Column("payload", Type.INTEGER, "What it was read from: /payloads/1"),
        lambda o: o.source.payload,
    )
    yield _text("caveats", "Caveats, as codes: /caveats", lambda o: joined(o.caveats))
    yield _text("note", "Note of whoever recorded it", _of("note"))


def event_layout() -> Layout[Observed]:
    """One row per adverse-event statement, as many as their list counts. Persons and events are
    two numbers, each with its state."""
    fields: list[Field[Observed]] = [
        _text("event_id", "Id of the statement: /adverse-events/X1", _of("id")),
        *_of_report(),
        *(_text(name, meaning, _of_event(name)) for name, meaning in _EVENT),
        _text("arm_id", "Id of the arm", lambda o: o.arm.id),
        _text("arm", "The arm; all participants together have a label of their own", _arm),
        _text("arm_role", "experimental or control; empty if not said", lambda o: o.arm.role),
        *_time_fields("timepoint", "When, or until when, events were counted", lambda o: o.time),
        _text("state", f"What is known of the event: {_STATE}", lambda o: o.reported.state),
        *_standing(),
    ]
    for name, meaning, counted in _EVENT_COUNTS:
        fields += _event_count(name, meaning, counted)
    fields += _product()
    for fact, meaning, unit in _DOSES:
        fields += _fact_fields(fact, meaning, Type.NUMBER, _of_arm(fact), unit)
    fields += _of_study(lambda o: o.study)
    fields += _provenance_of_one()
    return Layout(
        "adverse-events", "One row per adverse-event statement of one arm.", tuple(fields)
    )


_EVENT: Final = (
    ("code", "Code of the kind of event: AE_SERIOUS, AE_FEVER, DEATH"),
    ("term", "The event as reported"),
    ("organ_system", "As classified by the source"),
    ("vocabulary", "The source's vocabulary of terms and its version"),
    ("seriousness", "serious or not serious; empty if not said, and never a sum of both"),
    ("relatedness", "To the treatment, as stated"),
    ("severity", "As stated"),
    ("assessment", "systematic or non-systematic"),
)
_EVENT_COUNTS: Final = (
    ("n_at_risk", "Persons among whom events were counted", "persons"),
    ("persons", "Persons with the event", "persons"),
    ("count", "Events; one person may have several", "events"),
    ("percent", "Persons with the event, where a percentage is printed", "percent"),
)


def _of_event(name: str) -> Callable[[Observed], Any]:
    return lambda o: getattr(o.event, name, None)


def _event_count(name: str, meaning: str, unit: str) -> Iterator[Field[Observed]]:
    shown = {"persons": "persons_affected", "count": "event_count"}.get(name, name)
    number = _of_event(name)

    def state(o: Observed) -> State:
        value = number(o)
        if value is not None:
            return State.REPORTED if value else State.REPORTED_ZERO
        whole = o.reported.state
        is_there = whole in (State.REPORTED, State.REPORTED_ZERO)
        return State.NOT_REPORTED if is_there else whole

    yield Field(Column(shown, Type.NUMBER, meaning, unit), number)
    yield _text(f"{shown}_state", f"What is known of {shown}: {_STATE}", state)


def _arm(o: Observed) -> str:
    return "all participants" if o.arm.is_whole_study else o.arm.label


def _of_arm(name: str) -> Callable[[Any], Fact]:
    return lambda row: getattr(row.arm, name)


def _time_fields(name: str, meaning: str, of: Callable[[Observed], Any]) -> Iterator[Field[Any]]:
    def part(part: str) -> Callable[[Observed], Value]:
        return lambda o: _part(of(o), part)

    yield Field(Column(f"{name}_value", Type.NUMBER, f"{meaning}, as reported"), part("value"))
    yield _text(f"{name}_unit", "hour, day, week, month or year", part("unit"))
    yield _text(f"{name}_text", "What value and unit do not hold", part("text"))
    yield _text(f"{name}_anchor", "What time is counted from", part("anchor"))
    yield Field(
        Column(
            f"{name}_days", Type.NUMBER, f"{meaning}", "days",
            "from value and unit; month = 30.4375 d, year = 365.25 d",
        ),
        part("days"),
    )  # fmt: skip


def _cell_fields(name: CellName) -> Iterator[Field[Observed]]:
    shown = name.value

    def cell(o: Observed) -> Cell | None:
        return o.reported.cells.get(name)

    def state(o: Observed) -> State:
        found = cell(o)
        if found is not None:
            return found.state
        # Where the whole result was not measured, say, none of its numbers was either.
        whole = o.reported.state
        is_there = whole in (State.REPORTED, State.REPORTED_ZERO)
        return State.NOT_REPORTED if is_there else whole

    def origin(o: Observed) -> Origin | None:
        found = cell(o)
        return None if found is None or found.value is None else found.origin

    meaning = _CELLS.get(name, f"{shown.replace('_', ' ').capitalize()} as reported")
    yield Field(Column(shown, Type.NUMBER, meaning), lambda o: _part(cell(o), "value"))
    yield _text(f"{shown}_text", f"{shown} as printed", lambda o: _part(cell(o), "text"))
    yield _text(f"{shown}_state", f"What is known of {shown}: {_STATE}", state)
    yield _text(f"{shown}_origin", f"How {shown} came to be: {_ORIGIN}", origin)
    yield _text(
        f"{shown}_rule", f"Rule that made {shown}; empty if reported",
        lambda o: o.rule if origin(o) not in (None, Origin.REPORTED) else None,
    )  # fmt: skip
