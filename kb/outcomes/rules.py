"""Rules that make one result from another, and the registry of all rules there are.

Each is pure, named, guarded, and says what it did. A derived result is added beside the reported
one, never in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from kb.models.evidence import (
    Category,
    Cell,
    CellName,
    Origin,
    ResultClaim,
    ResultKind,
    State,
    Statistic,
)
from kb.outcomes import conversions, dose, harmonise, units, windows
from kb.outcomes.chains import Rule
from kb.outcomes.places import spot
from kb.outcomes.vocabulary import load_vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedResult:
    """A result made by `rule` from `inputs`: (result key, cell) pairs of the same study record."""

    claim: ResultClaim
    rule: str
    statement: str
    inputs: tuple[tuple[str, CellName], ...]


COMPLEMENT: Final = "complement"
EXHAUSTED: Final = "categories-exhausted"

_OF_RESULTS: Final = (
    Rule(
        id=COMPLEMENT,
        title="An event from its complement",
        formula="persons with the event = persons analysed - persons reported to be without it",
        guard="both are whole numbers of persons, and the label tells which side is counted",
        source="arithmetic",
        origin=Origin.COMPUTED,
    ),
    Rule(
        id=EXHAUSTED,
        title="Nobody left for the other categories",
        formula="all persons analysed fall into one of improved, stable, worsened, so none is left "
        "for the other two",
        guard="the persons in one category are all persons analysed, and at least one",
        source="arithmetic",
        origin=Origin.COMPUTED,
    ),
)


def _all_rules() -> Mapping[str, Rule]:
    of_formulas = [value for value in vars(conversions).values() if isinstance(value, Rule)]
    found: dict[str, Rule] = {}
    for rule in (
        *_OF_RESULTS,
        *of_formulas,
        *harmonise.RULES,
        units.UNIT,
        *dose.RULES,
        *windows.RULES,
    ):
        if rule.id in found:
            raise ValueError(f"two rules are called {rule.id}")
        found[rule.id] = rule
    return MappingProxyType(found)


# Every rule by its id, in the order of the documentation.
RULES: Final = _all_rules()

_COURSE: Final = (Category.IMPROVED, Category.STABLE, Category.WORSENED)
_OPPOSITE: Final = {"lower": "higher", "higher": "lower"}


def derive_results(results: Sequence[ResultClaim]) -> list[DerivedResult]:
    """All that follows by rule from a study record's results and is not itself reported there."""
    reported = {spot(r, r.category) for r in results}
    derived: dict[tuple[object, ...], DerivedResult] = {}
    for result in results:
        for rule in _RULES:
            for made in rule(result):
                place = spot(result, made.claim.category)
                if place not in reported:
                    derived.setdefault((*place, made.rule), made)
    return list(derived.values())


def event_from_complement(result: ResultClaim) -> Iterator[DerivedResult]:
    """ "No new T2 lesions in 5 of 6" implies new T2 lesions in 1 of 6."""
    counts = _counts(result)
    if result.category is not Category.COMPLEMENT or counts is None:
        return
    without, n = counts
    yield _made(
        result,
        COMPLEMENT,
        Category.EVENT,
        n - without,
        n,
        f"{n} - {without} = {n - without} of {n}",
    )


def nobody_left(result: ResultClaim) -> Iterator[DerivedResult]:
    """ "Stable in 6 of 6" implies improved in 0 of 6 and worsened in 0 of 6."""
    counts = _counts(result)
    if result.category not in _COURSE or counts is None or counts[0] != counts[1] or counts[1] == 0:
        return
    n = counts[1]
    for other in _COURSE:
        if other is not result.category:
            yield _made(
                result, EXHAUSTED, other, 0, n, f"{n} of {n} {result.category}, so 0 of {n} {other}"
            )


_RULES: Final[tuple[Callable[[ResultClaim], Iterator[DerivedResult]], ...]] = (
    event_from_complement,
    nobody_left,
)


def direction_of_benefit(category: Category | None, of_outcome: str | None) -> str | None:
    """Whether more or fewer persons in a category is better ("higher", "lower").

    `of_outcome` is the direction of the outcome as defined, which holds for its event and is
    turned round for its complement. None for persons who stayed stable, where the definition has
    no direction, and without a category.
    """
    if category in _COURSE:
        return {Category.IMPROVED: "higher", Category.WORSENED: "lower"}.get(category)
    if category is Category.COMPLEMENT and of_outcome is not None:
        return _OPPOSITE[of_outcome]
    return of_outcome if category is Category.EVENT else None


def _counts(result: ResultClaim) -> tuple[int, int] | None:
    """(persons counted, persons analysed), both reported as whole numbers in range; else None."""
    if result.kind is not ResultKind.ARM or result.statistic is not Statistic.PERSON_COUNT:
        return None
    values = {cell.name: cell.value for cell in result.cells}
    x, n = values.get(CellName.EVENTS), values.get(CellName.N_ANALYSED)
    if x is None or n is None or not 0 <= x <= n:
        return None
    if not (float(x).is_integer() and float(n).is_integer()):
        return None
    return int(x), int(n)


def _made(
    result: ResultClaim, rule: str, category: Category, x: int, n: int, statement: str
) -> DerivedResult:
    # Also when x is 0: reported_zero is kept for a zero that somebody stated.
    state, computed = State.REPORTED, Origin.COMPUTED
    cells = (
        Cell(name=CellName.EVENTS, value=x, state=state, origin=computed),
        # The denominator is the reported one.
        next(cell for cell in result.cells if cell.name is CellName.N_ANALYSED),
    )
    # A complement is printed the other way round than its event.
    of_event = None if result.better is None else _OPPOSITE[result.better]
    better = direction_of_benefit(category, of_event)
    claim = replace(
        result,
        key=f"{result.key} | {rule}: {category}",
        outcome_title=f"{_named(result, category)} (computed from: {result.outcome_title})",
        category=category,
        cells=cells,
        state=state,
        better=better,
        direction=None,
        p_text=None,
        note=None,
    )
    inputs = ((result.key, CellName.EVENTS), (result.key, CellName.N_ANALYSED))
    return DerivedResult(claim=claim, rule=rule, statement=statement, inputs=inputs)


def _named(result: ResultClaim, category: Category) -> str:
    """What a derived count counts: the outcome itself where it is the event."""
    definition = load_vocabulary().get(result.outcome_code or "")
    if category is Category.EVENT and definition is not None:
        return definition.name
    return category.capitalize()
