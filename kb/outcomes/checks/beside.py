"""Checks of a study's results beside each other: over time, across arms, between sources."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from kb.models.evidence import Category, CellName, ResultKind, Statistic
from kb.outcomes.checks.finding import Behind, Finding, Severity, Statement

_COURSE: Final = (Category.IMPROVED, Category.STABLE, Category.WORSENED)
_SIDES: Final = (Category.EVENT, Category.COMPLEMENT)
_COUNTS: Final = (Statistic.PERSON_COUNT, Statistic.PERCENT)
# How near two standard errors times the root of n come to each other, on the log scale.
_ALIKE: Final = 0.10
_SIZES_DIFFER: Final = 1.5


def n_rises(results: Sequence[Statement]) -> Iterator[Finding]:
    """More persons analysed later than earlier. Participants are lost and rarely found again."""
    for group in _grouped(results, lambda s: (*s.place, s.record)):
        timed = sorted(
            (s for s in group if s.days is not None and s.value(CellName.N_ANALYSED) is not None),
            key=lambda s: (s.days or 0.0, s.id),
        )
        by_time: dict[float, Statement] = {}
        for s in timed:
            by_time.setdefault(s.days or 0.0, s)
        for before, after in pairwise(by_time.values()):
            n0, n1 = before.value(CellName.N_ANALYSED), after.value(CellName.N_ANALYSED)
            if n0 is not None and n1 is not None and n1 > n0:
                yield _found(
                    "n-rises",
                    Severity.WARNING,
                    (before, after),
                    f"{after.arm_label}: {n0:g} analysed at {_when(before)}, {n1:g} at "
                    f"{_when(after)}",
                    CellName.N_ANALYSED,
                )


def change_against_difference(results: Sequence[Statement]) -> Iterator[Finding]:
    """A mean change that is not follow-up minus baseline, or an SD of change that no correlation
    of the two gives (Cochrane Handbook v6, section 6.5.2.8).

    Where the change was found in fewer persons than follow-up or baseline it may well differ, and
    nothing is said.
    """
    for group in _grouped(results, lambda s: (*s.place, s.record, s.unit)):
        for change in group:
            if change.statistic is not Statistic.CHANGE:
                continue
            baselines = [s for s in group if _is_baseline(s)]
            finals = [
                s
                for s in group
                if s.statistic is Statistic.FINAL
                and s.days is not None
                and s.days == change.days
                and s.days > 0
            ]
            if len(baselines) == 1 and len(finals) == 1:
                yield from _change(baselines[0], finals[0], change)


def _change(baseline: Statement, final: Statement, change: Statement) -> Iterator[Finding]:
    three = (baseline, final, change)
    if len({s.value(CellName.N_ANALYSED) for s in three} - {None}) > 1:
        return
    means = [s.value(CellName.MEAN) for s in three]
    if None not in means:
        m0, m1, mc = (m for m in means if m is not None)
        slack = sum(s.half_unit(CellName.MEAN) for s in three) + 1e-9
        if abs((m1 - m0) - mc) > slack:
            turned = abs((m0 - m1) - mc) <= slack and abs(mc) > slack
            yield _found(
                "change-contradicts-difference",
                Severity.ERROR if turned else Severity.WARNING,
                three,
                f"from {m0:g} to {m1:g} is {m1 - m0:+.4g}, the change is given as {mc:+g}"
                + (": its sign is turned round" if turned else ""),
                CellName.MEAN,
            )
    sds = [s.value(CellName.SD) for s in three]
    if None in sds or 0 in sds:
        return
    s0, s1, sc = (x for x in sds if x is not None)
    # The correlation is between -1 and 1 exactly where the three could be sides of a triangle.
    slack = sum(s.half_unit(CellName.SD) for s in three)
    if sc + slack < abs(s0 - s1) or sc - slack > s0 + s1:
        r = (s0**2 + s1**2 - sc**2) / (2 * s0 * s1)
        yield _found(
            "no-such-correlation",
            Severity.WARNING,
            three,
            f"SDs {s0:g}, {s1:g} and {sc:g} of the change need a correlation of {r:.2f}",
            CellName.SD,
        )


def sd_like_se_across_arms(results: Sequence[Statement]) -> Iterator[Finding]:
    """SDs of two unequal arms that become equal when multiplied by the root of n: they may be
    standard errors. Only where chance hardly makes SDs differ so (F test, P < 0.05)."""
    keys: Callable[[Statement], object] = lambda s: (  # noqa: E731
        s.outcome, s.days, s.time, s.population, s.subgroup, s.statistic, s.record, s.unit
    )  # fmt: skip
    for group in _grouped((s for s in results if s.kind is ResultKind.ARM), keys):
        spread = [s for s in group if _sd(s) and _n(s) >= 2]
        for one, other in combinations(spread, 2):
            if one.arm == other.arm:
                continue
            n_ratio = max(_n(one), _n(other)) / min(_n(one), _n(other))
            as_se = abs(
                math.log(_sd(one) * math.sqrt(_n(one)) / (_sd(other) * math.sqrt(_n(other))))
            )
            if n_ratio >= _SIZES_DIFFER and as_se <= _ALIKE and _differ(one, other):
                yield _found(
                    "sd-like-se",
                    Severity.WARNING,
                    (one, other),
                    f"SD {one.says(CellName.SD)} of {_n(one):g} and {other.says(CellName.SD)} of "
                    f"{_n(other):g} differ as standard errors would",
                    CellName.SD,
                    CellName.N_ANALYSED,
                )


def sd_unlike_that_of_other_arms(results: Sequence[Statement]) -> Iterator[Finding]:
    """An SD that is a third of another arm's or less, and like it if it were a standard error.

    Whatever is done to an arm seldom makes its members three times more alike; a table that gives
    one arm's standard error beside another's SD does.
    """
    keys: Callable[[Statement], object] = lambda s: (  # noqa: E731
        s.outcome, s.days, s.time, s.population, s.subgroup, s.statistic, s.record, s.unit
    )  # fmt: skip
    for group in _grouped((s for s in results if s.kind is ResultKind.ARM), keys):
        spread = [s for s in group if _sd(s) and _n(s) >= 5]
        for one, other in combinations(spread, 2):
            small, large = sorted((one, other), key=_sd)
            as_sd = _sd(small) * math.sqrt(_n(small))
            if one.arm == other.arm or _sd(large) < 3 * _sd(small):
                continue
            if _sd(large) / 2 <= as_sd <= _sd(large) * 2:
                yield _found(
                    "sd-like-se",
                    Severity.WARNING,
                    (large, small),
                    f"SD {small.says(CellName.SD)} of {_n(small):g}, and "
                    f"{large.says(CellName.SD)} in another arm; as a standard error it would be "
                    f"an SD of {as_sd:.3g}",
                    CellName.SD,
                    CellName.N_ANALYSED,
                )


def estimate_turned_round(results: Sequence[Statement]) -> Iterator[Finding]:
    """A comparison that favours the other arm than the numbers of the two arms do, by about as
    much: its arms, or its sign, may be changed over.

    Adjusted estimates differ from what the arms show and hardly ever turn round at about the same
    size; what is less than half or more than twice of it is not judged.
    """
    keys: Callable[[Statement], object] = lambda s: (  # noqa: E731
        s.outcome, s.days, s.time, s.subgroup, s.record
    )  # fmt: skip
    for group in _grouped(results, keys):
        for s in group:
            estimate = s.value(CellName.ESTIMATE)
            if s.kind is not ResultKind.CONTRAST or not estimate:
                continue
            for one, other in _both_arms(s, group):
                expected = _effect_of(s.measure, one, other)
                if expected is None or not expected[0]:
                    continue
                value, is_log = expected
                if is_log and estimate < 0:
                    continue
                given = math.log(estimate) if is_log else estimate
                if value * given < 0 and 0.5 <= abs(given / value) <= 2:
                    shown = math.exp(value) if is_log else value
                    yield _found(
                        "estimate-turned-round",
                        Severity.WARNING,
                        (one, other, s),
                        f"{s.measure} {s.says(CellName.ESTIMATE)}, yet {one.arm_label} and "
                        f"{other.arm_label} give {shown:.3g}: are the arms changed over?",
                        CellName.ESTIMATE,
                    )
                    break


def _both_arms(
    contrast: Statement, group: Sequence[Statement]
) -> Iterator[tuple[Statement, Statement]]:
    """The results of the two arms that a comparison may rest on."""
    for statistic, category in (
        (Statistic.CHANGE, None),
        (Statistic.FINAL, None),
        (Statistic.PERSON_COUNT, Category.EVENT),
    ):
        one, other = (
            [
                s
                for s in group
                if s.kind is ResultKind.ARM
                and (s.arm, s.statistic, s.category) == (arm, statistic, category)
            ]
            for arm in (contrast.arm, contrast.comparator)
        )
        if len(one) == len(other) == 1:
            yield one[0], other[0]


def _effect_of(measure: str | None, one: Statement, other: Statement) -> tuple[float, bool] | None:
    """What two arms differ by in a measure, and whether that is a logarithm."""
    name = (measure or "").casefold()
    if name in ("mean difference", "difference"):
        means = one.value(CellName.MEAN), other.value(CellName.MEAN)
        return None if means[0] is None or means[1] is None else (means[0] - means[1], False)
    a, n1 = one.value(CellName.EVENTS), one.value(CellName.N_ANALYSED)
    c, n2 = other.value(CellName.EVENTS), other.value(CellName.N_ANALYSED)
    if a is None or n1 is None or c is None or n2 is None or not (0 < a < n1 and 0 < c < n2):
        return None
    if name == "odds ratio":
        return math.log(a * (n2 - c) / (c * (n1 - a))), True
    if name == "risk ratio":
        return math.log(a * n2 / (c * n1)), True
    return None


def sd_like_se_across_studies(
    results: Sequence[Statement], elsewhere: Mapping[tuple[str, str | None], Sequence[float]]
) -> Iterator[Finding]:
    """An SD far below those of the same outcome in other studies, that would be like them if it
    were a standard error.

    `elsewhere` holds, by outcome and unit, an SD of each other study; fewer than three tell
    nothing. A change is not compared with a value.
    """
    for s in results:
        others = elsewhere.get((s.outcome, s.unit), ())
        if s.statistic not in (Statistic.BASELINE, Statistic.FINAL) or len(others) < 3:
            continue
        if s.kind is not ResultKind.ARM or not _sd(s) or _n(s) < 5:
            continue
        usual = median(others)
        as_sd = _sd(s) * math.sqrt(_n(s))
        if _sd(s) < min(others) and _sd(s) < usual / 2 and usual / 1.5 <= as_sd <= usual * 1.5:
            yield _found(
                "sd-like-se",
                Severity.WARNING,
                (s,),
                f"SD {s.says(CellName.SD)} of {_n(s):g}; other studies have {min(others):.3g} to "
                f"{max(others):.3g}, and as a standard error it would be an SD of {as_sd:.3g}",
                CellName.SD,
                CellName.N_ANALYSED,
            )


def sides_that_do_not_sum(results: Sequence[Statement]) -> Iterator[Finding]:
    """Improved, stable and worsened, or event and complement, beside the persons analysed."""
    for group in _grouped(results, lambda s: (*s.place, s.days, s.time, s.record)):
        for sides in (_COURSE, _SIDES):
            counted = {
                s.category: s
                for s in group
                if s.category in sides
                and s.statistic in _COUNTS
                and s.value(CellName.EVENTS) is not None
                and s.value(CellName.N_ANALYSED) is not None
            }
            if len(counted) < 2 or len({_n(s) for s in counted.values()}) != 1:
                continue
            ordered = [counted[side] for side in sides if side in counted]
            n, total = _n(ordered[0]), sum(s.value(CellName.EVENTS) or 0.0 for s in ordered)
            said = " + ".join(f"{s.value(CellName.EVENTS):g} {s.category}" for s in ordered)
            is_all = len(counted) == len(sides)
            if total > n:
                yield _found(
                    "sides-exceed-n",
                    Severity.ERROR,
                    ordered,
                    f"{said} = {total:g} of {n:g}",
                    CellName.EVENTS,
                )
            elif is_all and total < n:
                yield _found(
                    "sides-below-n",
                    Severity.WARNING,
                    ordered,
                    f"{said} = {total:g} of {n:g}: {n - total:g} are on no side",
                    CellName.EVENTS,
                )


def told_twice(results: Sequence[Statement]) -> Iterator[Finding]:
    """The same thing told by two sources: once to be pooled; with other numbers, one is wrong."""
    keys: Callable[[Statement], object] = lambda s: (  # noqa: E731
        s.study, _words(s.arm_label), _words(s.comparator), s.outcome, s.category, s.days, s.time,
        s.population, s.subgroup, s.statistic, s.unit_of_analysis,
    )  # fmt: skip
    for group in _grouped((s for s in results if s.days is not None), keys):
        for one, other in combinations(group, 2):
            if one.record == other.record:
                continue
            shared = [
                name
                for name in CellName
                if one.value(name) is not None and other.value(name) is not None
            ]
            differing = [name for name in shared if one.value(name) != other.value(name)]
            if differing:
                yield _found(
                    "sources-disagree",
                    Severity.WARNING,
                    (one, other),
                    f"{one.record} and {other.record} give "
                    + ", ".join(f"{n.value} {one.says(n)} and {other.says(n)}" for n in differing),
                    *differing,
                )
            elif shared:
                yield _found(
                    "told-twice",
                    Severity.NOTE,
                    (one, other),
                    f"{one.record} and {other.record} tell the same: pool it once",
                )


def leaked_numbers(results: Sequence[Statement]) -> Iterator[Finding]:
    """Two outcomes of one arm at one time with the same mean and SD to the last digit.

    Registry mirrors have shown the dispersion of a neighbouring outcome; so have tables copied
    line by line.
    """
    for group in _grouped(results, lambda s: (s.study, s.arm, s.days, s.time, s.record)):
        by_numbers: dict[tuple[float, float], list[Statement]] = defaultdict(list)
        for s in group:
            mean, sd = s.value(CellName.MEAN), s.value(CellName.SD)
            if mean and sd and len(re.sub(r"\D", "", s.says(CellName.SD)).strip("0")) >= 3:
                by_numbers[mean, sd].append(s)
        for same in by_numbers.values():
            first = same[0]
            others = [s for s in same if s.outcome != first.outcome]
            if others:
                yield _found(
                    "numbers-of-a-neighbour",
                    Severity.WARNING,
                    (first, others[0]),
                    f"{first.outcome_title!r} and {others[0].outcome_title!r} have the same mean "
                    f"{first.says(CellName.MEAN)} and SD {first.says(CellName.SD)}",
                    CellName.MEAN,
                    CellName.SD,
                )


def control_counted_twice(results: Sequence[Statement]) -> Iterator[Finding]:
    """One control compared with several arms: pooled as they are, it counts twice (Cochrane
    Handbook v6, section 23.3.4: combine the arms, or split the control)."""
    keys: Callable[[Statement], object] = lambda s: (  # noqa: E731
        s.study, s.comparator, s.outcome, s.category, s.days, s.time, s.population, s.subgroup,
        s.statistic, s.measure, s.record,
    )  # fmt: skip
    contrasts = (s for s in results if s.kind is ResultKind.CONTRAST and s.comparator)
    for group in _grouped(contrasts, keys):
        arms = {s.arm: s for s in group}
        if len(arms) > 1:
            yield _found(
                "control-counted-twice",
                Severity.WARNING,
                tuple(arms.values()),
                f"{len(arms)} comparisons with one control "
                f"({', '.join(s.arm_label for s in arms.values())}): combine the arms or split "
                "the control before pooling",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSize:
    """How many an arm had, by the largest number any source gives."""

    id: str
    label: str
    n: int
    basis: str  # "randomised", "treated", "enrolled"


def n_exceeds_arm(results: Sequence[Statement], sizes: Mapping[str, ArmSize]) -> Iterator[Finding]:
    """More analysed than the arm had. Eyes and knees are not persons and are not compared."""
    for s in results:
        size, n = sizes.get(s.arm), s.value(CellName.N_ANALYSED)
        if (
            size is None
            or n is None
            or s.unit_of_analysis is not None
            or s.kind is ResultKind.CONTRAST
        ):
            continue
        if n > size.n:
            yield Finding(
                check="n-exceeds-arm",
                severity=Severity.ERROR,
                subjects=(s.id, size.id),
                message=f"{n:g} analysed, {size.label} had {size.n} {size.basis}",
                numbers=(
                    *s.behind(CellName.N_ANALYSED),
                    Behind(of=size.id, name=f"n_{size.basis}", value=size.n),
                ),
            )


_CHECKS: Final[tuple[Callable[[Sequence[Statement]], Iterator[Finding]], ...]] = (
    n_rises,
    change_against_difference,
    sd_like_se_across_arms,
    sd_unlike_that_of_other_arms,
    estimate_turned_round,
    sides_that_do_not_sum,
    told_twice,
    leaked_numbers,
    control_counted_twice,
)


def check_beside(results: Sequence[Statement]) -> list[Finding]:
    """All findings on the results of one study beside each other."""
    return [finding for check in _CHECKS for finding in check(results)]


# -- helpers -------------------------------------------------------------------------------------


def _grouped(
    results: Iterable[Statement], key: Callable[[Statement], object]
) -> list[list[Statement]]:
    groups: dict[object, list[Statement]] = defaultdict(list)
    for s in results:
        groups[key(s)].append(s)
    return list(groups.values())


def _is_baseline(s: Statement) -> bool:
    return s.statistic is Statistic.BASELINE or (s.statistic is Statistic.FINAL and s.days == 0)


def _sd(s: Statement) -> float:
    return s.value(CellName.SD) or 0.0


def _differ(one: Statement, other: Statement) -> bool:
    """Whether two SDs differ by more than chance (F test, two-sided P < 0.05)."""
    from scipy.special import fdtrc

    large, small = sorted((one, other), key=_sd, reverse=True)
    f = (_sd(large) / _sd(small)) ** 2
    return float(fdtrc(_n(large) - 1, _n(small) - 1, f)) < 0.025


def _n(s: Statement) -> float:
    return s.value(CellName.N_ANALYSED) or 0.0


def _when(s: Statement) -> str:
    return s.time or f"day {s.days:g}"


def _words(text: str | None) -> str | None:
    return None if text is None else " ".join(re.findall(r"\w+", text.casefold()))


def _found(
    check: str,
    severity: Severity,
    statements: Sequence[Statement],
    message: str,
    *names: CellName,
) -> Finding:
    return Finding(
        check=check,
        severity=severity,
        subjects=tuple(s.id for s in statements),
        message=message,
        numbers=tuple(n for s in statements for n in s.behind(*names)),
    )
