"""Every kind of node and edge, named once. Traversal, exchange and the API are driven by it.

An edge kind is a table and two of its columns: a link table holds both ends, and a foreign key
in a node's own table links that row's `id` with the column's target. The same name may join several
kinds of nodes ("supported_by" leads from results, arms and others to evidence).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from string import Formatter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

from kb.errors import InvalidInput
from kb.models import tables as t
from kb.models.ids import Kind, public_id


class Node(NamedTuple):
    """A node by kind and row number; its text form is the public id, "W1"."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        return public_id(self.kind, self.number)


def table_of(model: type[SQLModel]) -> sa.Table:
    table = getattr(model, "__table__")  # noqa: B009 - SQLModel does not declare it
    assert isinstance(table, sa.Table)
    return table


@dataclass(frozen=True)
class Detail:
    """Rows of a table of their own that describe one node: a work's identifiers, a result's
    cells. All columns but the row's number and `owner` are shown."""

    name: str
    model: type[SQLModel]
    owner: str

    @cached_property
    def table(self) -> sa.Table:
        return table_of(self.model)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.table.columns if c.name not in ("id", self.owner))


@dataclass(frozen=True)
class NodeKind:
    """`label` lists templates over columns: the first whose columns are all reported is taken,
    and the public id where none is. Properties are all columns that are no edges."""

    kind: Kind
    name: str
    model: type[SQLModel]
    label: tuple[str, ...]
    details: tuple[Detail, ...] = ()

    @cached_property
    def table(self) -> sa.Table:
        return table_of(self.model)

    @cached_property
    def properties(self) -> tuple[str, ...]:
        edges = {
            c for e in EDGES if e.model is self.model for c in (e.start_column, e.end_column)
        } | {"id"}
        return tuple(c.name for c in self.table.columns if c.name not in edges)

    @cached_property
    def label_columns(self) -> tuple[str, ...]:
        fields = (f for text in self.label for _, f, _, _ in Formatter().parse(text) if f)
        return tuple(dict.fromkeys(fields))

    def label_of(self, number: int, values: dict[str, Any]) -> str:
        reported = {name: value for name, value in values.items() if value not in (None, "")}
        for template in self.label:
            try:
                return template.format(**reported)
            except KeyError:
                continue
        return public_id(self.kind, number)


@dataclass(frozen=True, slots=True)
class EdgeKind:
    """`start` -name-> `end`, stored as rows of `model`.

    `properties` tell edges between the same two nodes apart. With `assertions` (columns, perhaps
    none) all rows with the same ends and properties are one edge, and these columns say who
    asserts it; without, every row is an edge. `asserted_in` is where assertions stand when that
    is a table of their own, with the same two columns.
    """

    name: str
    start: Kind
    end: Kind
    model: type[SQLModel]
    start_column: str
    end_column: str
    properties: tuple[str, ...] = ()
    assertions: tuple[str, ...] | None = None
    asserted_in: type[SQLModel] | None = None

    @property
    def table(self) -> sa.Table:
        return table_of(self.model)

    @property
    def assertion_table(self) -> sa.Table:
        return table_of(self.asserted_in or self.model)

    @property
    def is_grouped(self) -> bool:
        """Whether several rows of the table may make one edge."""
        return self.assertions is not None and self.asserted_in is None


K = Kind

NODES: dict[Kind, NodeKind] = {
    node.kind: node
    for node in (
        NodeKind(
            K.WORK,
            "work",
            t.Work,
            ("{title}", "{original_title}"),
            (Detail("identifiers", t.WorkIdentifier, "work_id"),),
        ),
        NodeKind(K.AUTHOR, "author", t.Author, ("{name}",)),
        NodeKind(
            K.VENUE,
            "venue",
            t.Venue,
            ("{name}", "{abbreviation}"),
            (Detail("keys", t.VenueKey, "venue_id"),),
        ),
        NodeKind(K.CONCEPT, "concept", t.Concept, ("{label}",)),
        NodeKind(K.FUNDER, "funder", t.Funder, ("{name}",)),
        NodeKind(
            K.NOTICE,
            "notice",
            t.Notice,
            ("{kind} ({date})", "{kind}"),
            (Detail("assertions", t.NoticeAssertion, "notice_id"),),
        ),
        NodeKind(
            K.STUDY,
            "study",
            t.Study,
            ("{label}",),
            (Detail("descriptions", t.StudyDescription, "study_id"),),
        ),
        NodeKind(
            K.REGISTRATION,
            "registration",
            t.Registration,
            ("{number}",),
            (Detail("aliases", t.RegistrationAlias, "registration_id"),),
        ),
        NodeKind(
            K.ARM,
            "arm",
            t.Arm,
            ("{label}",),
            (
                Detail("descriptions", t.ArmDescription, "arm_id"),
                Detail("flow", t.ParticipantFlow, "arm_id"),
            ),
        ),
        NodeKind(
            K.PRODUCT,
            "product",
            t.CellProduct,
            ("{intervention}, {tissue}", "{intervention}", "{tissue}", "{donor}"),
        ),
        NodeKind(
            K.DOSE,
            "dose",
            t.DoseEvent,
            (
                # 15 digits: what a double keeps, and 2.0 reads "2".
                "{value:.15g} {unit}",
                "{low:.15g} to {high:.15g} {unit}",
                "{n_administrations_text}",
                "{route}",
            ),
        ),
        NodeKind(K.OUTCOME, "outcome", t.OutcomeDefinition, ("{title}",)),
        NodeKind(
            K.TIMEPOINT,
            "timepoint",
            t.Timepoint,
            ("{value:.15g} {unit} ({text})", "{value:.15g} {unit}", "{text}", "{anchor}"),
        ),
        NodeKind(
            K.POPULATION,
            "population",
            t.Population,
            ("{analysis_set}, {subgroup}", "{analysis_set}", "{subgroup}"),
        ),
        NodeKind(
            K.RESULT,
            "result",
            t.Result,
            ("{outcome_title}",),
            (Detail("cells", t.ResultCell, "result_id"),),
        ),
        NodeKind(K.ADVERSE_EVENT, "adverse_event", t.AdverseEvent, ("{term}", "{code}")),
        NodeKind(K.EVIDENCE, "evidence", t.Evidence, ("{document}, {locator}",)),
        NodeKind(K.DERIVATION, "derivation", t.Derivation, ("{statement}",)),
    )
}

_RECORD = ("record_id",)

EDGES: tuple[EdgeKind, ...] = (
    # Works and what surrounds them.
    EdgeKind(
        "cites",
        K.WORK,
        K.WORK,
        t.Cites,
        "citing_id",
        "cited_id",
        assertions=("source", "record_id"),
        asserted_in=t.CitationAssertion,
    ),
    EdgeKind(
        "authored",
        K.AUTHOR,
        K.WORK,
        t.Authorship,
        "author_id",
        "work_id",
        (
            "position",
            "name",
            "family",
            "given",
            "suffix",
            "collective",
            "is_corresponding",
            "affiliations",
        ),
    ),
    EdgeKind("published_in", K.WORK, K.VENUE, t.Work, "id", "venue_id"),
    EdgeKind(
        "has_concept",
        K.WORK,
        K.CONCEPT,
        t.WorkConcept,
        "work_id",
        "concept_id",
        ("is_major", "qualifiers"),
    ),
    EdgeKind(
        "funded_by", K.WORK, K.FUNDER, t.WorkFunding, "work_id", "funder_id", ("award", "country")
    ),
    EdgeKind("has_notice", K.WORK, K.NOTICE, t.Notice, "work_id", "id"),
    EdgeKind("published_as", K.NOTICE, K.WORK, t.Notice, "id", "notice_work_id"),
    EdgeKind(
        "related_to", K.WORK, K.WORK, t.WorkRelation, "work_id", "other_id", ("kind",), _RECORD
    ),
    # Publications, investigations and registry entries.
    EdgeKind(
        "reports",
        K.WORK,
        K.STUDY,
        t.Report,
        "work_id",
        "study_id",
        assertions=("record_id", "basis"),
    ),
    EdgeKind(
        "registered_as",
        K.STUDY,
        K.REGISTRATION,
        t.StudyRegistration,
        "study_id",
        "registration_id",
        assertions=("record_id", "basis"),
    ),
    EdgeKind(
        "names_registration",
        K.WORK,
        K.REGISTRATION,
        t.WorkRegistration,
        "work_id",
        "registration_id",
        ("kind",),
        _RECORD,
    ),
    EdgeKind(
        "overlaps",
        K.STUDY,
        K.STUDY,
        t.StudyOverlap,
        "study_id",
        "other_id",
        assertions=("record_id", "kind", "certainty", "reason"),
    ),
    # What was done in a study.
    EdgeKind("has_arm", K.STUDY, K.ARM, t.Arm, "study_id", "id"),
    EdgeKind("received", K.ARM, K.PRODUCT, t.CellProduct, "arm_id", "id"),
    EdgeKind("dosed", K.ARM, K.DOSE, t.DoseEvent, "arm_id", "id"),
    EdgeKind("dosed", K.PRODUCT, K.DOSE, t.DoseEvent, "product_id", "id"),
    EdgeKind("has_timepoint", K.STUDY, K.TIMEPOINT, t.Timepoint, "study_id", "id"),
    EdgeKind("has_population", K.STUDY, K.POPULATION, t.Population, "study_id", "id"),
    # What was found.
    EdgeKind("measured", K.STUDY, K.RESULT, t.Result, "study_id", "id"),
    EdgeKind("of", K.RESULT, K.OUTCOME, t.Result, "id", "outcome_id"),
    EdgeKind(
        "matched_to",
        K.OUTCOME,
        K.OUTCOME,
        t.OutcomeMatch,
        "outcome_id",
        "definition_id",
        ("category", "confidence", "basis", "confirmed_by", "confirmed_at", "why"),
    ),
    EdgeKind("defined_by", K.OUTCOME, K.WORK, t.OutcomeWork, "outcome_id", "work_id"),
    EdgeKind("in", K.RESULT, K.ARM, t.Result, "id", "arm_id"),
    EdgeKind("against", K.RESULT, K.ARM, t.Result, "id", "comparator_id"),
    EdgeKind("at", K.RESULT, K.TIMEPOINT, t.Result, "id", "timepoint_id"),
    EdgeKind("since", K.RESULT, K.TIMEPOINT, t.Result, "id", "baseline_timepoint_id"),
    EdgeKind("about", K.RESULT, K.POPULATION, t.Result, "id", "population_id"),
    EdgeKind("has_adverse_event", K.STUDY, K.ADVERSE_EVENT, t.AdverseEvent, "study_id", "id"),
    EdgeKind("in", K.ADVERSE_EVENT, K.ARM, t.AdverseEvent, "id", "arm_id"),
    EdgeKind("at", K.ADVERSE_EVENT, K.TIMEPOINT, t.AdverseEvent, "id", "timepoint_id"),
    # Where it stands, and how it was made.
    EdgeKind("derived_by", K.RESULT, K.DERIVATION, t.Result, "id", "derivation_id"),
    EdgeKind(
        "input_of",
        K.RESULT,
        K.DERIVATION,
        t.DerivationInput,
        "result_id",
        "derivation_id",
        ("cell",),
    ),
    EdgeKind("supported_by", K.RESULT, K.EVIDENCE, t.Result, "id", "evidence_id"),
    EdgeKind("supported_by", K.ADVERSE_EVENT, K.EVIDENCE, t.AdverseEvent, "id", "evidence_id"),
    EdgeKind("supported_by", K.PRODUCT, K.EVIDENCE, t.CellProduct, "id", "evidence_id"),
    EdgeKind("supported_by", K.DOSE, K.EVIDENCE, t.DoseEvent, "id", "evidence_id"),
    EdgeKind("supported_by", K.REGISTRATION, K.EVIDENCE, t.Registration, "id", "evidence_id"),
    EdgeKind(
        "supported_by",
        K.STUDY,
        K.EVIDENCE,
        t.StudyDescription,
        "study_id",
        "evidence_id",
        assertions=_RECORD,
    ),
    EdgeKind(
        "supported_by",
        K.ARM,
        K.EVIDENCE,
        t.ArmDescription,
        "arm_id",
        "evidence_id",
        assertions=_RECORD,
    ),
    EdgeKind(
        "supported_by",
        K.ARM,
        K.EVIDENCE,
        t.ParticipantFlow,
        "arm_id",
        "evidence_id",
        assertions=("record_id", "key"),
    ),
    EdgeKind("found_in", K.EVIDENCE, K.WORK, t.Evidence, "id", "work_id"),
)

# Foreign keys to nodes that are neither edges nor details, each with the reason.
NOT_EDGES: dict[tuple[str, str], str] = {
    ("work", "merged_into_id"): "a merged work is no work any more; shown as a property",
    ("study", "merged_into_id"): "a merged study is no study any more; shown as a property",
    ("record", "work_id"): "provenance: what a source sent about the work, no relation of it",
    ("record", "study_id"): "provenance: what a source sent about the study, no relation of it",
    ("reference", "citing_id"): "a line of a bibliography; what it resolved to is `cites`",
    ("reference", "cited_id"): "a line of a bibliography; what it resolved to is `cites`",
    ("identity_conflict", "work_id"): "an open question for a person, not yet a fact",
    ("identity_decision", "work_id"): "provenance: what people decided, read with the work",
    ("identity_decision", "other_work_id"): "provenance: what people decided, read with the work",
    ("work_merge", "survivor_id"): "provenance: what joined the work's records, read with it",
    ("work_merge", "loser_id"): "provenance: what joined the work's records, read with it",
    ("notice_assertion", "notice_work_id"): "what one source names as the notice; see the notice",
    ("observation", "work_id"): "dated counts of one work, read with the work",
    ("coverage", "work_id"): "how completely one source was read, no relation of the work",
    ("appraisal", "study_id"): "what people judged of the study, read with it",
    ("decision", "study_id"): "provenance: what people decided, read with the results",
    ("decision_input", "result_id"): "provenance: what people decided, read with the result",
    ("decision_input", "adverse_event_id"): "provenance: what people decided, read with the event",
}

EDGE_NAMES: tuple[str, ...] = tuple(dict.fromkeys(edge.name for edge in EDGES))


@cache
def kind_referred_to(column: sa.Column[Any]) -> Kind | None:
    """The kind of node a foreign key names, None for other columns."""
    targets = {key.column.table.name for key in column.foreign_keys}
    return next((node.kind for node in NODES.values() if node.table.name in targets), None)


def edges_named(names: Iterable[str] | None) -> tuple[EdgeKind, ...]:
    """The edge kinds with these names; all for None. Raises InvalidInput for an unknown name."""
    if names is None:
        return EDGES
    wanted = set(names)
    unknown = sorted(wanted - set(EDGE_NAMES))
    if unknown:
        raise InvalidInput(
            f"no kind of edge is called {unknown[0][:60]!r} (expected {', '.join(EDGE_NAMES)})"
        )
    return tuple(edge for edge in EDGES if edge.name in wanted)
