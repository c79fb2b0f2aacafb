"""Meta-analysis of rows that are sent, or of results selected here. Nothing is written."""

from __future__ import annotations

from typing import Any, Final

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import StoreDep, answers_with
from kb.errors import InvalidInput
from kb.outcomes.comparisons import Table as ResultTable
from kb.outcomes.comparisons import choices_of
from kb.store.analysis_tables import DEFAULT_MEASURE, Selected, select_for_analysis
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.synthesis.analysis import Choices, analyse
from kb.synthesis.report import as_json
from kb.synthesis.table import permitted_measures, read_rows

router = APIRouter(tags=["synthesis"])

# What a server answers in a few seconds; larger tables are for `kb pool`. Models of counts with
# random effects take longest, above all once per study.
MAX_ROWS: Final = 1_000
MAX_ROWS_GLMM: Final = 200
MAX_ROWS_GLMM_REFITTED: Final = 40


class SelectionIn(BaseModel):
    """Results selected as `GET /results` selects them, as rows of one table."""

    model_config = ConfigDict(extra="forbid")

    table: ResultTable = Field(description="What the rows hold: 2x2, proportion, prepost ...")
    filter: str | None = Field(
        None, description="As in GET /results", examples=["outcome:EDSS_CAT,category:worsened"]
    )
    search: str | None = None
    r: float | None = Field(None, description="Correlation where none can be computed")
    without_origin: list[str] = Field(default_factory=list, description="e.g. imputed")
    shared_control: str | None = Field(None, description="flag, split or combine")
    one_per_window: str | None = Field(None, description="closest, longest or primary")
    complements: bool = False
    controls: bool = False
    keep_dependent: bool = Field(False, description="Pool rows though participants count twice")


class SynthesisIn(BaseModel):
    """The data and what to make of them; the options are those of `kb pool`."""

    model_config = ConfigDict(extra="forbid")

    rows: list[dict[str, Any]] | None = Field(
        None,
        max_length=MAX_ROWS,
        description="One study each, by column name as in metafor or meta; null is not given. "
        "A column_state says what is known of a cell, a column_origin where its number came from.",
        examples=[[{"study": "A 1948", "ai": 4, "n1i": 123, "ci": 11, "n2i": 139}]],
    )
    selection: SelectionIn | None = Field(None, description="Results of this base, instead of rows")
    measure: str | None = Field(
        None,
        description="OR, RR, SMD, PLO, GEN ...; the table's usual one for a selection if null",
        examples=["OR"],
    )
    method: str = Field("REML", description="REML, DL, PM, ..., EE, MH, PETO or GLMM")
    test: str = Field("z", description="z, knha or adhoc")
    level: float = Field(95.0, description="Of intervals, in percent")
    vtype: str | None = Field(None, description="Kind of variance; the measure's usual one if null")
    add: float | None = Field(None, description="Added to zero cells; 0.5 where needed if null")
    to: str = Field("only0", description="only0, all, if0all or none")
    drop00: bool = False
    model: str = Field("UM.FS", description="GLMM of two groups: UM.FS, UM.RS, CM.EL or CM.AL")
    subgroup: str | None = Field(None, description="Column")
    mods: list[str] = Field(default_factory=list, description="Columns of a meta-regression")
    cumulative: str | None = Field(None, description="Column to sort by, or rows")
    leave_one_out: bool = False
    bias: bool = False
    trimfill: str | None = Field(None, description="L0, R0 or Q0")
    influence: bool = False
    without_origins: list[str] = Field(default_factory=list, description="e.g. imputed")


class NaturalOut(BaseModel):
    """Taken back from the measure's scale: an odds ratio, not its logarithm."""

    model_config = ConfigDict(extra="allow")

    scale: str
    estimate: float | None


class SynthesisOut(BaseModel):
    """Numbers under metafor's names, on the measure's scale; docs/synthesis.md tells them all.

    Besides those below: ci.lb, ci.ub, pi.lb, pi.ub, se.tau2, QE, QEp, QM, QMp, R2, ddf; cumulative,
    leave_one_out, subgroups, bias, trimfill and influence where asked for.
    """

    model_config = ConfigDict(extra="allow")

    measure: str
    scale: str
    method: str
    test: str
    level: float
    estimate: float | None = Field(description="Null with moderators; see coefficients.")
    se: Any
    pval: Any
    k: int
    tau2: float
    I2: float
    H2: float
    natural: NaturalOut | None
    studies: list[dict[str, Any]]
    left_out: list[dict[str, str]]
    selection: dict[str, Any] | None = Field(
        None, description="What was selected, left out and why; with a selection only"
    )
    advice: list[dict[str, str]]
    notes: list[str]
    options: dict[str, Any]


@router.post("/synthesis", responses=answers_with(SynthesisOut))
def synthesise(store: StoreDep, given: SynthesisIn) -> Response:
    """Effect sizes, pooled effect and heterogeneity of the rows sent, or of results selected here.

    Nothing is stored. A selection that would count participants twice is refused, and says whom.
    """
    if (given.rows is None) == (given.selection is None):
        raise InvalidInput("send rows, or a selection of results, and not both")
    told: dict[str, Any] = {}
    measure = given.measure
    if given.selection is None:
        _check_size(given, len(given.rows or ()))
        table = read_rows(given.rows or [])
    else:
        selected = _selected(store, given.selection)
        table = selected.table
        _check_size(given, table.k)
        measure = measure or DEFAULT_MEASURE[given.selection.table]
        told["selection"] = {**selected.summary.as_json(), "warnings": list(selected.warnings)}
    if measure is None:
        permitted = ", ".join(permitted_measures(table)) or "none"
        raise InvalidInput(f"say which measure; these columns permit: {permitted}")
    asked = given.model_dump(exclude={"rows", "selection", "measure", "mods", "without_origins"})
    choices = Choices(
        measure=measure,
        mods=tuple(given.mods),
        without_origins=tuple(given.without_origins),
        **asked,
    )
    found = as_json(analyse(table, choices)) | told
    return Response(orjson.dumps(found), media_type="application/json")


def _check_size(given: SynthesisIn, k: int) -> None:
    """Refuses what would take a server longer than seconds."""
    most = MAX_ROWS
    is_refitted = given.leave_one_out or given.cumulative is not None
    if given.method.upper() == "GLMM":
        most = MAX_ROWS_GLMM_REFITTED if is_refitted else MAX_ROWS_GLMM
    if k > most:
        model = f" for GLMM{' once per study' if is_refitted else ''}" if most < MAX_ROWS else ""
        raise InvalidInput(f"{k} rows;{model} at most {most} are taken here (kb pool takes more)")


def _selected(store: Store, given: SelectionIn) -> Selected:
    comparing = choices_of(
        r=given.r,
        without_origin=given.without_origin,
        shared_control=given.shared_control,
        one_per_window=given.one_per_window,
        complements=given.complements,
        controls=given.controls,
    )
    asked = Asked(filter=given.filter, search=given.search)
    with store.reading() as session:
        return select_for_analysis(
            session, asked, given.table, comparing, keep_dependent=given.keep_dependent
        )
