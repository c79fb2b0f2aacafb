"""Results for tests of outcome tables: each function makes the smallest valid thing."""

from __future__ import annotations

from typing import Any

from kb.models.evidence import Cell, CellName, Origin, ResultKind, State, Statistic
from kb.outcomes.harmonise import ReportedResult
from kb.outcomes.observed import (
    NOT_SAID,
    ArmFacts,
    Observed,
    Source,
    StudyFacts,
    When,
    WorkFacts,
)


def a_report(number: int = 1, **values: Any) -> WorkFacts:
    values = {
        "id": f"W{number}",
        "doi": f"10.1000/{number}",
        "pmid": None,
        "title": "A trial",
        "authors": "Who A, Whom B",
        "year": 2019,
        "venue": "A Journal",
        "is_retracted": False,
    } | values
    return WorkFacts(**values)


def a_study(number: int = 1, **values: Any) -> StudyFacts:
    values = {
        "id": f"S{number}",
        "label": f"Study {number}",
        "name": f"Study {number}",
        "title": None,
        "year": 2019,
        "conditions": ("multiple sclerosis",),
        "phenotype": None,
        "design": NOT_SAID,
        "country": NOT_SAID,
        "registrations": (),
        "reports": (a_report(number),),
        "overlaps": (),
        "rob_overall": NOT_SAID,
        "rob_tool": NOT_SAID,
    } | values
    return StudyFacts(**values)


def an_arm(number: int = 1, role: str | None = "experimental", **values: Any) -> ArmFacts:
    unsaid = (
        "tissue", "donor", "route", "dose_per_kg", "dose_per_kg_low", "dose_per_kg_high",
        "dose_cells", "cumulative_per_kg", "cumulative_cells", "n_administrations",
    )  # fmt: skip
    values = {
        "id": f"M{number}",
        "label": f"{role or 'arm'} {number}",
        "role": role,
        "is_whole_study": False,
        "holds_controls": False,
        **dict.fromkeys(unsaid, NOT_SAID),
    } | values
    return ArmFacts(**values)


def weeks(value: float, **values: Any) -> When:
    known = {"value": value, "unit": "week", "text": None, "anchor": "treatment"}
    return When(**{**known, "days": 7.0 * value, **values})


def cells(**numbers: float | None) -> dict[CellName, Cell]:
    """Cells by name; None is one of which the source says nothing."""
    return {
        CellName(name): Cell(
            name=CellName(name),
            value=value,
            text=None if value is None else f"{value:g}",
            state=State.NOT_REPORTED if value is None else State.REPORTED,
        )
        for name, value in numbers.items()
    }


def a_result(
    number: int = 1,
    arm: ArmFacts | None = None,
    *,
    numbers: dict[str, float | None] | None = None,
    kind: ResultKind = ResultKind.ARM,
    statistic: Statistic | None = Statistic.PERSON_COUNT,
    **values: Any,
) -> Observed:
    """A count of persons worsened at week 12, unless told otherwise."""
    inner = ("state", "unit", "measure", "ci_level", "p_text", "method")
    reported = ReportedResult(
        key=f"R{number}",
        kind=kind,
        cells=cells(**(numbers or {})),
        statistic=statistic,
        **{name: values.pop(name) for name in inner if name in values},
    )
    code = values.pop("code", "CDP12")
    values = {
        "account": "my-review",
        "study": a_study(),
        "arm": arm or an_arm(),
        "comparator": None,
        "outcome": f"O {code}",
        "code": code,
        "definition": "progression",
        "version": "1",
        "outcome_title": "progression",
        "category": None,
        "time": weeks(12),
        "baseline_time": None,
        "analysis_set": None,
        "subgroup": None,
        "unit_of_analysis": None,
        "origin": Origin.REPORTED,
        "direction": None,
        "better": "lower",
        "is_primary": None,
        "caveats": (),
        "note": None,
        "rule": None,
        "statement": None,
        "derived_from": (),
        "source": Source(
            document="10.1000/1",
            locator="table 2",
            kind="full text table",
            standing="primary_source",
            quote=None,
            work="W1",
            recorded_by="curated",
            row="results.csv:2",
            payload=1,
        ),
        "status": "single",
        "enters_analyses": True,
    } | values
    return Observed(reported=reported, **values)
