"""Which cell products were studied for which outcomes, by how many studies and participants.

A study counts for a product and an outcome where an arm that received the product has a reported
result of the outcome after baseline. Its participants are those of such arms who were analysed for
the outcome, at whatever time most were; None where no source says how many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from kb.errors import InvalidInput
from kb.models.evidence import CellName, ResultKind, State, Statistic
from kb.models.ids import Kind, public_id
from kb.models.tables import (
    AdverseEvent,
    Arm,
    CellProduct,
    DecisionInput,
    OutcomeDefinition,
    OutcomeMatch,
    Result,
    ResultCell,
    Study,
    StudyDescription,
    StudyOverlap,
    Timepoint,
)
from kb.outcomes.vocabulary import load_vocabulary
from kb.store.lookup import plain_text

By = Literal["tissue", "donor_tissue"]
BY: tuple[By, ...] = ("tissue", "donor_tissue")
NOT_REPORTED = "tissue not reported"
MOST_OUTCOMES = 60
_GIVEN = (State.REPORTED, State.REPORTED_ZERO)
# Whose participants are known to stand in two studies; "possible" is no reason to count them less.
_SHARED = ("certain", "probable")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyInCell:
    """`participants` None: not reported. `is_randomised` None: not reported."""

    id: str
    label: str
    participants: int | None
    is_randomised: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCell:
    """`participants` sums what `studies` report, None where none does; of studies that share
    participants only the largest is counted, and `overlapping` says how many were not."""

    product: str
    outcome: str
    studies: list[StudyInCell]
    participants: int | None
    unreported: int
    overlapping: int
    randomised: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOutcome:
    code: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceMapOut:
    """Rows, columns and what stands where they meet. `omitted` are the outcomes of fewest studies,
    beyond those asked for; `studies` counts each study of the map once."""

    by: str
    condition: str | None
    products: list[str]
    outcomes: list[MapOutcome]
    cells: list[MapCell]
    omitted: list[MapOutcome]
    studies: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """One result of one arm; `n` None where not reported, or where it does not count persons."""

    study: int
    arm: int
    outcome: str
    n: int | None


def evidence_map(
    session: Session, *, by: str = "donor_tissue", condition: str | None = None, most: int = 20
) -> EvidenceMapOut:
    """The map of all studies, or of those of one condition; at most `most` outcomes, those of most
    studies. Raises InvalidInput for a grouping there is not."""
    if by not in BY:
        raise InvalidInput(f"cannot group products by {by[:40]!r} (known: {', '.join(BY)})")
    if not 1 <= most <= MOST_OUTCOMES:
        raise InvalidInput(f"{most} outcomes asked for (expected 1 to {MOST_OUTCOMES})")
    condition = plain_text(condition or "").strip() or None
    studies = _studies(session, condition)
    arms = _arms(session)
    products = _products(session, arms, by)
    seen = [one for one in (*_results(session), *_events(session)) if one.study in studies]
    groups = _sharing(session)
    randomised = _randomised(session)

    found: dict[tuple[str, str], dict[int, dict[int, int | None]]] = defaultdict(dict)
    for one in seen:
        for product in products.get(one.arm, ()):
            of_arms = found[product, one.outcome].setdefault(one.study, {})
            known = of_arms.get(one.arm)
            if known is None or (one.n is not None and one.n > known):
                of_arms[one.arm] = one.n
    by_outcome: dict[str, set[int]] = defaultdict(set)
    for (_, outcome), of_studies in found.items():
        by_outcome[outcome] |= set(of_studies)
    ordered = sorted(by_outcome, key=lambda code: (-len(by_outcome[code]), code))
    shown = set(ordered[:most])
    cells = []
    for (product, outcome), of_studies in sorted(found.items()):
        if outcome not in shown:
            continue
        told = {
            study: _participants(of_arms, arms, products) for study, of_arms in of_studies.items()
        }
        total, overlapping = _together(told, groups)
        cells.append(
            MapCell(
                product=product,
                outcome=outcome,
                studies=[
                    StudyInCell(
                        id=public_id(Kind.STUDY, study),
                        label=studies[study],
                        participants=n,
                        is_randomised=randomised.get(study),
                    )
                    for study, n in sorted(told.items(), key=lambda s: (studies[s[0]], s[0]))
                ],
                participants=total,
                unreported=sum(n is None for n in told.values()),
                overlapping=overlapping,
                randomised=sum(randomised.get(study) is True for study in told),
            )
        )
    return EvidenceMapOut(
        by=by,
        condition=condition,
        products=sorted({cell.product for cell in cells}, key=_place_of_product),
        outcomes=[MapOutcome(code=code, title=_title(code)) for code in ordered[:most]],
        cells=cells,
        omitted=[MapOutcome(code=code, title=_title(code)) for code in ordered[most:]],
        studies=len(set().union(*(by_outcome[code] for code in shown))) if shown else 0,
    )


def _studies(session: Session, condition: str | None) -> dict[int, str]:
    query = sa.select(col(Study.id), col(Study.label), col(Study.conditions)).where(
        col(Study.merged_into_id).is_(None)
    )
    wanted = None if condition is None else condition.casefold()
    return {
        study: label
        for study, label, conditions in session.execute(query)
        if wanted is None or wanted in [c.casefold() for c in conditions or ()]
    }


# -- arms and what they received -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Arm:
    study: int
    record: int
    is_whole_study: bool


def _arms(session: Session) -> dict[int, _Arm]:
    query = sa.select(col(Arm.id), col(Arm.study_id), col(Arm.record_id), col(Arm.is_whole_study))
    return {row[0]: _Arm(*row[1:]) for row in session.execute(query)}


def _products(session: Session, arms: Mapping[int, _Arm], by: str) -> dict[int, tuple[str, ...]]:
    """What each arm received. Participants taken together received what each arm of theirs did;
    where some arm received no cells they say nothing of a product."""
    described: dict[int, list[tuple[str | None, str | None]]] = defaultdict(list)
    query = sa.select(col(CellProduct.arm_id), col(CellProduct.tissue), col(CellProduct.donor))
    for arm, tissue, donor in session.execute(query):
        described[arm].append((tissue, donor))
    products: dict[int, tuple[str, ...]] = {
        arm: (_product(told, by),) for arm, told in described.items()
    }
    parts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, arm in arms.items():
        if not arm.is_whole_study:
            parts[arm.study, arm.record].append(number)
    for number, arm in arms.items():
        own = parts.get((arm.study, arm.record), [])
        if arm.is_whole_study and own and all(part in described for part in own):
            together = {product for part in own for product in products[part]}
            products.setdefault(number, tuple(sorted(together)))
    return products


def _product(told: Iterable[tuple[str | None, str | None]], by: str) -> str:
    """The name of a product; where sources disagree, of all that they say."""
    tissues = sorted({tissue for tissue, _ in told if tissue})
    donors = sorted({donor for _, donor in told if donor})
    tissue = " or ".join(tissues) or NOT_REPORTED
    if by == "tissue":
        return tissue
    return f"{tissue}, {' or '.join(donors) or 'donor not reported'}"


def _place_of_product(product: str) -> tuple[bool, str]:
    return product.startswith(NOT_REPORTED), product


# -- results -------------------------------------------------------------------------------------


def _results(session: Session) -> Iterable[_Seen]:
    """Results after baseline, of outcomes that have a code or were matched to one."""
    defined: Any = aliased(OutcomeDefinition)
    n: Any = aliased(ResultCell)
    code = sa.func.coalesce(defined.code, col(OutcomeDefinition.code))
    query = (
        sa.select(
            col(Result.study_id),
            col(Result.arm_id),
            col(Result.comparator_id),
            col(Result.kind),
            code,
            col(Result.unit_of_analysis),
            n.value,
        )
        .select_from(Result)
        .join(OutcomeDefinition, col(OutcomeDefinition.id) == col(Result.outcome_id))
        .outerjoin(OutcomeMatch, col(OutcomeMatch.outcome_id) == col(Result.outcome_id))
        .outerjoin(defined, defined.id == col(OutcomeMatch.definition_id))
        .outerjoin(Timepoint, col(Timepoint.id) == col(Result.timepoint_id))
        .outerjoin(n, sa.and_(n.result_id == col(Result.id), n.name == CellName.N_ANALYSED))
        .where(
            col(Result.state).in_(_GIVEN),
            code.is_not(None),
            sa.func.coalesce(col(Result.statistic), "") != Statistic.BASELINE,
            sa.func.coalesce(col(Timepoint.days), 1) > 0,
            ~sa.exists().where(col(DecisionInput.result_id) == col(Result.id)),
        )
    )
    for study, arm, other, kind, outcome, unit, value in session.execute(query):
        counts = kind != ResultKind.CONTRAST and unit is None and value is not None
        yield _Seen(study, arm, outcome, int(value) if counts else None)
        if other is not None:
            yield _Seen(study, other, outcome, None)


def _events(session: Session) -> Iterable[_Seen]:
    query = sa.select(
        col(AdverseEvent.study_id),
        col(AdverseEvent.arm_id),
        col(AdverseEvent.code),
        col(AdverseEvent.n_at_risk),
    ).where(
        col(AdverseEvent.state).in_(_GIVEN),
        col(AdverseEvent.code).is_not(None),
        ~sa.exists().where(col(DecisionInput.adverse_event_id) == col(AdverseEvent.id)),
    )
    for row in session.execute(query):
        yield _Seen(*row)


def _title(code: str) -> str:
    """The vocabulary's name; a collection's own code stands for itself."""
    known = load_vocabulary().get(code)
    return known.name if known else code


# -- participants --------------------------------------------------------------------------------


def _participants(
    of_arms: Mapping[int, int | None],
    arms: Mapping[int, _Arm],
    products: Mapping[int, tuple[str, ...]],
) -> int | None:
    """Of one study: the sum over its arms, or what is said of all together; of records that
    describe the same study the one that tells of most. An arm without a number leaves the sum
    unknown."""
    told: list[int] = []
    records: dict[int, list[int | None]] = defaultdict(list)
    for arm, n in of_arms.items():
        if not arms[arm].is_whole_study:
            records[arms[arm].record].append(n)
        elif n is not None and len(products[arm]) == 1:
            told.append(n)
    told += [sum(n for n in ns if n is not None) for ns in records.values() if None not in ns]
    return max(told, default=None)


def _together(told: Mapping[int, int | None], groups: Mapping[int, int]) -> tuple[int | None, int]:
    """The participants of several studies, and how many studies were not added because theirs
    stand in another."""
    largest: dict[int, int] = {}
    known = 0
    for study, n in told.items():
        if n is None:
            continue
        known += 1
        group = groups.get(study, study)
        largest[group] = max(largest.get(group, 0), n)
    return (sum(largest.values()) if known else None), known - len(largest)


def _sharing(session: Session) -> dict[int, int]:
    """One number for all studies that share participants, directly or through others."""
    query = sa.select(col(StudyOverlap.study_id), col(StudyOverlap.other_id)).where(
        col(StudyOverlap.certainty).in_(_SHARED)
    )
    group: dict[int, int] = {}

    def root(study: int) -> int:
        while group.setdefault(study, study) != study:
            study = group[study]
        return study

    for one, other in session.execute(query):
        first, second = sorted((root(one), root(other)))
        group[second] = first
    return {study: root(study) for study in list(group)}


def _randomised(session: Session) -> dict[int, bool]:
    """Studies whose allocation some source reports; "not randomised" and "none" are not. Where
    sources disagree, a study is not taken for randomised."""
    query = sa.select(col(StudyDescription.study_id), col(StudyDescription.allocation)).where(
        col(StudyDescription.allocation).is_not(None)
    )
    found: dict[int, bool] = {}
    for study, allocation in session.execute(query):
        words = allocation.strip().lower()
        is_randomised = words.startswith(("randomised", "randomized"))
        found[study] = found.get(study, True) and is_randomised
    return found
