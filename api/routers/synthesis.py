"""Meta-analysis of rows that are sent, or of results selected here. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Annotated, Any, Final, Literal, cast

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field

from api.answers import StoreDep, also_as, answer, answers_with, finished
from api.negotiation import wants_html
from kb.errors import InvalidInput, NotEstimable
from kb.formats.outcome_tables.layouts import TABLES_ABOUT
from kb.outcomes.comparisons import Table as ResultTable
from kb.outcomes.comparisons import choices_of
from kb.pictures.forest import forest
from kb.pictures.of_analysis import forest_of
from kb.pictures.render import MEDIA_TYPES, Format, render
from kb.store.analysis_rows import subject_named
from kb.store.analysis_tables import DEFAULT_MEASURE, Selected, select_for_analysis
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.synthesis.analysis import ALL_METHODS, Analysis, Choices, analyse
from kb.synthesis.pooling import TESTS
from kb.synthesis.report import as_json
from kb.synthesis.table import Table, permitted_measures, read_rows

router = APIRouter(tags=["synthesis"])

# What a server answers in a few seconds; larger tables are for `kb pool`. Models of counts with
# random effects take longest, above all once per study.
MAX_ROWS: Final = 1_000
MAX_ROWS_GLMM: Final = 200
MAX_ROWS_GLMM_REFITTED: Final = 40


class SelectionIn(BaseModel):
    """Results selected as `GET /results` selects them, or adverse events as `GET /adverse-events`
    does, as rows of one table."""

    model_config = ConfigDict(extra="forbid")

    of: Literal["results", "adverse_events"] = "results"
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
    stated_roles: bool = Field(False, description="No control that only a label tells")
    keep_dependent: bool = Field(False, description="Pool rows though participants count twice")


class SynthesisIn(BaseModel):
    """The data and what to make of them; the options are those of `kb pool`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "rows": [
                        {"study": "A", "ai": 1, "n1i": 12, "ci": 4, "n2i": 11},
                        {"study": "B", "ai": 3, "n1i": 20, "ci": 5, "n2i": 21},
                    ],
                    "measure": "OR",
                },
                {
                    "selection": {
                        "table": "proportion",
                        "filter": "study:MS_IACOBAEUS_2019,outcome:EDSS_CAT,category:worsened,"
                        "days:>150",
                    },
                    "measure": "PLO",
                },
            ]
        },
    )

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
    glmm_method: str = Field("ML", description="GLMM: ML, or EE with one effect for all studies")
    nagq: int = Field(7, description="GLMM: quadrature points; 1 is Laplace's approximation")
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
    with _turn():
        analysis, _, told = _analysed(store, given)
    return Response(orjson.dumps(as_json(analysis) | told), media_type="application/json")


@router.get("/synthesis", responses=answers_with(SynthesisOut))
@also_as(*MEDIA_TYPES)
def synthesis_of_selection(
    request: Request,
    store: StoreDep,
    table: Annotated[
        ResultTable | None, Query(description="What the rows hold: 2x2, proportion, prepost ...")
    ] = None,
    of: Annotated[
        Literal["results", "adverse_events"], Query(description="What is selected from")
    ] = "results",
    filter: Annotated[str | None, Query(description="As in the list of them")] = None,
    search: Annotated[str | None, Query(description="As in the list of them")] = None,
    measure: Annotated[str | None, Query(description="The table's usual one if left out")] = None,
    method: Annotated[str, Query(description="REML, DL, PM, EE, MH, PETO, GLMM ...")] = "REML",
    test: Annotated[str, Query(description="z, knha or adhoc")] = "z",
    level: Annotated[float, Query(description="Of intervals, in percent")] = 95.0,
    subgroup: Annotated[str | None, Query(description="Column: route, donor, tissue ...")] = None,
    r: Annotated[float | None, Query(description="Correlation where none can be computed")] = None,
    without_origin: Annotated[list[str] | None, Query(description="e.g. imputed")] = None,
    shared_control: Annotated[str | None, Query(description="flag, split or combine")] = None,
    one_per_window: Annotated[str | None, Query(description="closest, longest or primary")] = None,
    stated_roles: Annotated[bool, Query(description="No control that only a label tells")] = False,
    keep_dependent: Annotated[
        bool, Query(description="Pool rows though participants count twice")
    ] = False,
) -> Response:
    """Results of this base pooled, as JSON, as a page, or with `format=svg`, `pdf` or `png` as a
    forest plot. Nothing is stored; the address is the whole choice, and can be passed on."""
    asked = dict(request.query_params)
    if table is None:
        if wants_html(request.scope):
            return answer(request, None, "synthesis.html", context=_choices_on_page(asked))
        raise InvalidInput(f"say which table: {', '.join(ResultTable)}")
    # An empty field of a form is not an answer.
    given = SynthesisIn(
        rows=None,
        selection=SelectionIn(
            of=of,
            table=table,
            filter=filter or None,
            search=search or None,
            r=r,
            without_origin=[origin for origin in without_origin or () if origin],
            shared_control=shared_control or None,
            one_per_window=one_per_window or None,
            stated_roles=stated_roles,
            keep_dependent=keep_dependent,
        ),
        measure=measure or None,
        method=method,
        test=test,
        level=level,
        subgroup=subgroup or None,
    )
    try:
        with _turn():
            analysis, rows, told = _analysed(store, given)
    except (InvalidInput, NotEstimable) as error:
        if not wants_html(request.scope):
            raise
        # The choices stay on the page, where they can be changed.
        context = {**_choices_on_page(asked), "refused": str(error)}
        return answer(request, None, "synthesis.html", context=context, status=422)
    format = request.query_params.get("format")
    picture = None
    if format in MEDIA_TYPES or wants_html(request.scope):
        drawing = forest(forest_of(analysis, rows, title=_title(analysis, filter)))
        if format in MEDIA_TYPES:
            body = render(drawing, cast(Format, format))
            return finished(request, body, MEDIA_TYPES[format])
        picture = Markup(render(drawing, "svg").decode())
    return answer(
        request,
        as_json(analysis) | told,
        "synthesis.html",
        context={**_choices_on_page(asked), "picture": picture},
    )


# Some models take a minute: a few at once leave the server free to answer everybody else.
_TURNS: Final = BoundedSemaphore(4)
_WAIT_S: Final = 5.0


@contextmanager
def _turn() -> Iterator[None]:
    """One of the analyses that may run at once; 503 where none becomes free soon."""
    if not _TURNS.acquire(timeout=_WAIT_S):
        raise HTTPException(
            503,
            "several analyses are running; ask again in a while, or use kb pool",
            headers={"Retry-After": "20"},
        )
    try:
        yield
    finally:
        _TURNS.release()


_ON_PAGE: Final = (
    "of", "table", "filter", "measure",
    "method", "test", "one_per_window", "shared_control", "subgroup",
    "without_origin", "keep_dependent",
)  # fmt: skip


def _choices_on_page(asked: dict[str, str]) -> dict[str, Any]:
    return {
        "asked": dict.fromkeys(_ON_PAGE, "") | asked,
        "tables": [(t.value, TABLES_ABOUT[t]) for t in ResultTable],
        "methods": ALL_METHODS,
        "tests": TESTS,
        "formats": list(MEDIA_TYPES),
    }


def _title(analysis: Analysis, filter: str | None) -> str:
    name = analysis.measure.natural or analysis.measure.name
    return f"{name[0].upper()}{name[1:]}{f': {filter}' if filter else ''}"


def _analysed(store: Store, given: SynthesisIn) -> tuple[Analysis, Table, dict[str, Any]]:
    """The analysis, the table it stands on, and what was selected for it."""
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
    return analyse(table, choices), table, told


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
        stated_roles=given.stated_roles,
    )
    asked = Asked(filter=given.filter, search=given.search)
    with store.reading() as session:
        return select_for_analysis(
            session,
            asked,
            given.table,
            comparing,
            keep_dependent=given.keep_dependent,
            of=subject_named(given.of),
        )
