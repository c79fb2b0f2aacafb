"""The rows of an outcome table, from the results of one study.

Seven kinds of table: two groups (persons, means, events per person-time), one group (the same
three), one group before and after (in the columns of a mean change and of one standardised by the
baseline SD), and contrasts as reported. Only what is alike is put side by side: outcome, time,
category, population, statistic, unit and unit of analysis, within one account of the study. A
number that is not reported stays None with its state and makes the row not usable; it is never 0.

References
----------
Column meanings: Viechtbauer (2010), J Stat Softw 36(3):1-48, and metafor's help of `escalc`.
Shared controls: Cochrane Handbook for Systematic Reviews of Interventions, v6, section 23.3.4.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeVar

from kb.errors import InvalidInput
from kb.models.evidence import CellName, Origin, ResultKind, State, Statistic
from kb.outcomes.arm_labels import (
    cohort_of,
    names_cells,
    names_control,
    names_sequence,
    names_several_groups,
)
from kb.outcomes.chains import Input, Number, Refused, Step, least_trusted, missing
from kb.outcomes.harmonise import (
    ASSUMED_CORRELATION,
    ArmValues,
    Options,
    combined_arms,
    harmonise_arm,
    harmonise_contrast,
    pre_post,
    sd_from_contrast,
    split_arm,
)
from kb.outcomes.observed import (
    ACTIVE_COMPARATOR,
    CONTROL,
    EXPERIMENTAL,
    ArmFacts,
    Observed,
    StudyFacts,
)
from kb.outcomes.windows import WINDOWS, Choose, Family, Timed, choose


class Table(StrEnum):
    """A kind of row, named for what it is called on the command line."""

    BINARY = "2x2"
    CONTINUOUS = "continuous"
    RATE = "rate"
    PROPORTION = "proportion"
    MEAN = "mean"
    ONE_RATE = "one-rate"
    CHANGE = "prepost"
    STANDARDISED_CHANGE = "smcr"
    ESTIMATE = "yivi"


class SharedControl(StrEnum):
    """What to do where several experimental arms are compared with one control."""

    FLAG = "flag"  # leave the rows as they are, and say so in each
    SPLIT = "split"  # divide the control's persons and events between the comparisons
    COMBINE = "combine"  # make one group of the experimental arms


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person decides for a table. `options.correlations` holds at most one: the correlation
    of baseline with follow-up where none can be computed; empty leaves it unknown."""

    options: Options = field(default_factory=lambda: Options(correlations=()))
    shared_control: SharedControl = SharedControl.FLAG
    complements: bool = False  # also "no new lesions in 5 of 6", which its event stands for
    one_per_window: Choose | None = None  # at most one time of each window, by this rule
    controls: bool = False  # also groups with control participants, in the tables of one group
    stated_roles: bool = False  # no comparison whose roles are inferred, see `_roles`


def choices_of(
    *,
    r: float | None = None,
    without_origin: Sequence[str] = (),
    shared_control: str | None = None,
    one_per_window: str | None = None,
    complements: bool = False,
    controls: bool = False,
    stated_roles: bool = False,
) -> Choices:
    """Choices from the words of a request. Raises InvalidInput for one that is none."""
    dropped = [_one_of(Origin, "an origin", origin) for origin in without_origin]
    return Choices(
        options=Options(drop=frozenset(dropped), correlations=() if r is None else (r,)),
        shared_control=_one_of(SharedControl, "a way with shared controls", shared_control)
        if shared_control is not None
        else SharedControl.FLAG,
        one_per_window=None
        if one_per_window is None
        else _one_of(Choose, "a rule to choose by", one_per_window),
        complements=complements,
        controls=controls,
        stated_roles=stated_roles,
    )


_E = TypeVar("_E", bound=StrEnum)


def _one_of(kind: type[_E], what: str, text: str) -> _E:
    try:
        return kind(text)
    except ValueError:
        raise InvalidInput(f"not {what}: {text[:60]!r} (expected {', '.join(kind)})") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRow:
    """One comparison, group or contrast at one time.

    `numbers` go by metafor's names. `needed` are those without which no effect can be computed;
    `lacking` are the needed ones that are None. `notes` are codes explained in `NOTES`.
    `measure` is the one the columns serve first, or the contrast's own.
    """

    table: Table
    measure: str | None
    scale: str | None
    numbers: Mapping[str, Number]
    needed: tuple[str, ...]
    first: Observed
    results: tuple[Observed, ...]
    arm: ArmFacts
    arm_label: str
    comparator: ArmFacts | None
    comparator_label: str | None
    made_from: str | None = None  # of a change: "change" or "baseline and follow-up"
    better: str | None = None
    shared_control: int | None = None  # comparisons that stand on the same control
    window_rule: str | None = None  # that chose this time among those of its window
    notes: tuple[str, ...] = ()
    slab: str = ""

    @property
    def study(self) -> StudyFacts:
        return self.first.study

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for name in self.needed if self.numbers[name].value is None)

    @property
    def is_usable(self) -> bool:
        return not self.lacking

    @property
    def why_not(self) -> str | None:
        """In words: "sd1i not reported; ri not reported"."""
        states = (f"{name} {plain(self.numbers[name].state)}" for name in self.lacking)
        return "; ".join(states) or None

    @property
    def comparison(self) -> str:
        if self.comparator_label is None:
            return self.arm_label
        return f"{self.arm_label} vs {self.comparator_label}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A result of the table's kind that is in none of its rows. `reason` is a key of `REASONS`."""

    result: str
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    rows: tuple[AnalysisRow, ...]
    left_out: tuple[LeftOut, ...]


REASONS: Final[Mapping[str, str]] = {
    "complement": "counts those without the event; the event computed from it stands in its place",
    "not_treated": "of a control arm, or of treated and control participants together, which a "
    "table of treated groups leaves out",
    "baseline": "measured before treatment, which compares nothing",
    "no_comparison": "no experimental and control arm with the same outcome, time, category, "
    "population, statistic and unit",
    "no_role": "neither the source nor the labels say which arm is experimental and which is "
    "control",
    "ambiguous": "several results of one arm stand in the same place, and none is the one",
    "twice": "the same arm's persons are given as a count, too",
    "no_number": "another result of the same arm in the same place has the number",
    "no_pair": "no baseline, or no follow-up, of the same arm and outcome",
    "not_chosen": "another time of the same window was chosen",
    "not_for_analysis": "superseded, disputed or withdrawn, or said by another extractor as well",
}

NOTES: Final[Mapping[str, str]] = {
    "shared_control": "The control of this row stands in other rows, too; pooled together its "
    "participants would count more than once.",
    "control_split": "The control's persons and events are divided between the comparisons it "
    "stands in; numbers need not be whole.",
    "arms_combined": "Several experimental arms stand together as one group.",
    "titles_differ": "The two arms' results are worded differently.",
    "time_not_reported": "When this was measured is not reported.",
    "different_n": "Baseline and follow-up have different denominators; pairs are at most the "
    "smaller.",
    "whole_study_beside_arms": "All participants together, while their arms stand in rows of their "
    "own.",
    "turned_round": "Printed as control against experimental; turned round here.",
    "arms_not_stated": "The source does not say what the estimate compares.",
    "direction_not_stated": "The source does not say which group was subtracted from, or divided "
    "by, the other; yi is left empty.",
    "role_from_label": "The source does not say which group is the control, or says it of the "
    "other; its label does (placebo, sham, control, usual care, no treatment ...).",
    "active_comparator": "The control received another treatment and no cells; the source calls it "
    "an active comparator.",
    "arm_level_exists": "The same comparison can be made from the arms' own numbers.",
    "given_twice": "Another row gives the same arm, outcome and time from another result.",
    "repeats": "The study has further rows for the same outcome in this table.",
    "shares_participants": "Another study of the selection may hold the same participants.",
    "correlation_assumed": "The correlation of baseline with follow-up is assumed.",
    "outcome_matched": "Which outcome of the vocabulary this is, a person said; the source has "
    "words of its own.",
    "unit_of_analysis": "Counts or averages parts of persons (eyes, knees), not persons.",
    "crossover": "A crossover: the same participants may stand in both groups, which are not "
    "independent.",
    "retracted_report": "A report of the study is retracted.",
}

# Rule ids of this module and what they do, for people and the data dictionary.
RULES: Final[Mapping[str, str]] = {
    "persons-without": "persons without the event = persons analysed - persons with it",
    "change-as-difference": "where only the change is known it stands as the first mean and as the "
    "first SD, with 0 as the second mean, SD and correlation, so that the difference is the change",
    "variance-of-se": "variance = standard error squared",
    "turned-round": "a ratio's logarithm or a difference changes its sign when the groups change "
    "places; interval ends change places, too",
}

# What the columns of a table serve first; an estimate has its own measure.
MEASURES: Final[Mapping[Table, str]] = {
    Table.BINARY: "RR",
    Table.CONTINUOUS: "MD",
    Table.RATE: "IRR",
    Table.PROPORTION: "PLO",
    Table.MEAN: "MN",
    Table.ONE_RATE: "IRLN",
    Table.CHANGE: "MC",
    Table.STANDARDISED_CHANGE: "SMCR",
}

# The numbers of each table in column order, and whether an effect needs them.
COLUMNS: Final[Mapping[Table, tuple[str, ...]]] = {
    Table.BINARY: ("ai", "bi", "ci", "di", "n1i", "n2i"),
    Table.CONTINUOUS: ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"),
    Table.RATE: ("x1i", "t1i", "x2i", "t2i"),
    Table.PROPORTION: ("xi", "ni"),
    Table.MEAN: ("mi", "sdi", "ni"),
    Table.ONE_RATE: ("xi", "ti"),
    Table.CHANGE: ("m1i", "m2i", "sd1i", "sd2i", "ri", "ni"),
    Table.STANDARDISED_CHANGE: ("m1i", "m2i", "sd1i", "ri", "ni"),
    Table.ESTIMATE: ("yi", "vi", "sei"),
}
_NOT_NEEDED: Final = ("bi", "di", "sei")
# Beside the table's own, what a reader wants to see.
BESIDE: Final[Mapping[Table, tuple[str, ...]]] = {
    Table.ESTIMATE: ("estimate", "ci_low", "ci_high", "n1i", "n2i"),
}

_MEANS: Final = (
    Statistic.FINAL,
    Statistic.CHANGE,
    Statistic.PERCENT_CHANGE,
    Statistic.BASELINE,
    Statistic.AS_REGISTERED,
)


def analysis_rows(
    table: Table, observed: Iterable[Observed], choices: Choices = Choices()
) -> Compared:
    """The table's rows of one study, by outcome, category, time and arms.

    Raises InvalidInput for results of several studies: nothing is compared across them.
    """
    if table in (Table.RATE, Table.ONE_RATE):
        observed = [o.counting_events() for o in observed]
    results = sorted(observed, key=_order)
    if len({o.study.id for o in results}) > 1:
        raise InvalidInput("results of several studies (expected those of one)")
    maker = _Maker(table, choices, results)
    rows = sorted(_MAKERS[table](maker), key=lambda row: _order(row.first))
    if choices.one_per_window is not None:
        rows = _one_per_window(maker, rows, choices.one_per_window)
    neighbours = _Neighbours(rows)
    marked = [_marked(row, neighbours) for row in rows]
    left_out = tuple(LeftOut(result, reason) for result, reason in maker.reasons.items())
    return Compared(tuple(_labelled(marked)), left_out)


def plain(word: str) -> str:
    return word.replace("_", " ")


class _Maker:
    """The results of one study on their way into rows of one table."""

    def __init__(self, table: Table, choices: Choices, results: Sequence[Observed]) -> None:
        self.table = table
        self.choices = choices
        self.all = results
        self.reasons: dict[str, str] = {}
        self._values: dict[str, ArmValues] = {}

    def leave_out(self, reason: str, *results: Observed) -> None:
        """Each result once, for the first reason found."""
        for o in results:
            self.reasons.setdefault(o.id, reason)

    def values(self, o: Observed) -> ArmValues:
        if o.id not in self._values:
            self._values[o.id] = harmonise_arm(o.reported, self.choices.options)
        return self._values[o.id]

    def of_arms(self, *statistics: Statistic) -> list[Observed]:
        """Results of an arm at a time that may enter, of these statistics."""
        found = []
        for o in self.all:
            if o.kind is not ResultKind.ARM or o.statistic not in statistics:
                continue
            if not o.enters_analyses:
                self.leave_out("not_for_analysis", o)
            elif o.category == "complement" and not self.choices.complements:
                self.leave_out("complement", o)
            else:
                found.append(o)
        return found

    def persons(self) -> list[Observed]:
        """Counts of persons; a percentage only where no count of the same persons is given."""
        found = self.of_arms(Statistic.PERSON_COUNT, Statistic.PERCENT)
        counted = {
            (o.arm.id, _place(o, statistic=_counted_as(o)), o.outcome_title)
            for o in found
            if o.statistic is Statistic.PERSON_COUNT
        }
        kept = []
        for o in found:
            place = (o.arm.id, _place(o, statistic=_counted_as(o)), o.outcome_title)
            if o.statistic is Statistic.PERCENT and place in counted:
                self.leave_out("twice", o)
            else:
                kept.append(o)
        return kept

    def treated(self, found: Iterable[Observed]) -> list[Observed]:
        kept = []
        for o in found:
            if not self._is_treated(o.arm) and not self.choices.controls:
                self.leave_out("not_treated", o)
            else:
                kept.append(o)
        return kept

    def _is_treated(self, arm: ArmFacts) -> bool:
        if self.choices.stated_roles:
            return arm.is_treated
        return (arm.is_treated or _has_cells(arm)) and not names_control(arm.label)

    def with_numbers(self, found: Iterable[Observed]) -> list[Observed]:
        """Where an arm has several results worded alike in one place and only one of them has the
        number (the others a range, say), that one; else all of them."""
        places: dict[tuple[object, ...], list[Observed]] = defaultdict(list)
        for o in found:
            places[(o.arm.id, _place(o), o.outcome_title)].append(o)
        kept = []
        for here in places.values():
            known = [o for o in here if self._has_number(o)]
            if len(here) > 1 and len(known) == 1:
                self.leave_out("no_number", *(o for o in here if o not in known))
                here = known
            kept += here
        return kept

    def _has_number(self, o: Observed) -> bool:
        v = self.values(o)
        return (v.mean if o.statistic in _MEANS else v.events).value is not None

    def after_baseline(self, found: Iterable[Observed]) -> list[Observed]:
        kept = []
        for o in found:
            # An event on the day of treatment happened after it began.
            is_start = o.days == 0 and o.event is None
            if o.statistic is Statistic.BASELINE or is_start:
                self.leave_out("baseline", o)
            else:
                kept.append(o)
        return kept


def _one_per_window(maker: _Maker, rows: Sequence[AnalysisRow], rule: Choose) -> list[AnalysisRow]:
    """Rows without those whose window holds a better time of the same comparison. A time of no
    window, and one that is not known, competes with none."""
    timed = [
        Timed(
            key=str(index),
            place=(
                _place(row.first, time=None),
                row.arm.id,
                row.comparator.id if row.comparator else None,
                row.arm_label,
                row.first.outcome_title if row.first.code is None else None,
            ),
            days=row.first.days,
            anchor=row.first.time.anchor if row.first.time else None,
            is_primary=bool(row.first.is_primary),
        )
        for index, row in enumerate(rows)
    ]
    rules: dict[int, str | None] = dict.fromkeys(range(len(rows)))
    passed_over: list[Observed] = []
    for within in WINDOWS:
        if within.family is not Family.VISIT:
            continue
        for choice in choose(timed, within, rule):
            for gone in choice.others:
                row = rows[int(gone.key)]
                del rules[int(gone.key)]
                passed_over += row.results
            for kept in choice.chosen:
                rules[int(kept.key)] = choice.rule
    kept_rows = [replace(rows[index], window_rule=used) for index, used in sorted(rules.items())]
    # A baseline or a control may stand in a row that is kept, too.
    used_results = {o.id for row in kept_rows for o in row.results}
    gone_results = {o.id: o for o in passed_over if o.id not in used_results}
    maker.leave_out("not_chosen", *gone_results.values())
    return kept_rows


# -- one group -----------------------------------------------------------------------------------


def _proportions(maker: _Maker) -> Iterator[AnalysisRow]:
    for o in maker.treated(maker.persons()):
        v = maker.values(o)
        yield _one_group(maker, o, {"xi": v.events, "ni": v.n})


def _means(maker: _Maker) -> Iterator[AnalysisRow]:
    for o in maker.treated(maker.of_arms(*_MEANS)):
        v = maker.values(o)
        yield _one_group(maker, o, {"mi": v.mean, "sdi": v.sd, "ni": v.n})


def _one_rates(maker: _Maker) -> Iterator[AnalysisRow]:
    for o in maker.treated(maker.of_arms(Statistic.EVENT_COUNT, Statistic.RATE)):
        v = maker.values(o)
        yield _one_group(maker, o, {"xi": v.events, "ti": v.person_years})


def _one_group(maker: _Maker, o: Observed, numbers: Mapping[str, Number]) -> AnalysisRow:
    return AnalysisRow(
        table=maker.table,
        measure=MEASURES[maker.table],
        scale=None,
        numbers=numbers,
        needed=tuple(numbers),
        first=o,
        results=(o,),
        arm=o.arm,
        arm_label=_arm_label(o.arm),
        comparator=None,
        comparator_label=None,
        better=o.better,
    )


# -- two groups ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    """Results of one or several experimental arms and of the control, all in one place."""

    treated: tuple[Observed, ...]
    control: Observed
    values: ArmValues
    control_values: ArmValues
    shared: int
    notes: tuple[str, ...]

    @property
    def results(self) -> tuple[Observed, ...]:
        return (*self.treated, self.control)


def _tables(maker: _Maker) -> Iterator[AnalysisRow]:
    for pair in _pairs(maker, maker.after_baseline(maker.persons())):
        v, c = pair.values, pair.control_values
        numbers = {
            "ai": v.events,
            "bi": _without(v, pair.treated[0]),
            "ci": c.events,
            "di": _without(c, pair.control),
            "n1i": v.n,
            "n2i": c.n,
        }
        yield _two_groups(maker, pair, numbers)


def _two_means(maker: _Maker) -> Iterator[AnalysisRow]:
    contrasts: dict[tuple[object, ...], Observed] = {
        (_contrast_place(o), o.statistic, o.arm.id, o.comparator.id): o
        for o in maker.all
        if o.kind is ResultKind.CONTRAST and o.comparator is not None and o.enters_analyses
    }
    for pair in _pairs(maker, maker.after_baseline(maker.of_arms(*_MEANS))):
        v, c = pair.values, pair.control_values
        numbers = {
            "m1i": v.mean,
            "sd1i": v.sd,
            "n1i": v.n,
            "m2i": c.mean,
            "sd2i": c.sd,
            "n2i": c.n,
        }
        results = pair.results
        if v.sd.value is None and c.sd.value is None and len(pair.treated) == 1:
            sd, contrast = _sd_of_contrast(maker, contrasts, pair)
            if sd is not None and contrast is not None:
                numbers |= {"sd1i": sd, "sd2i": sd}
                results = (*results, contrast)
        yield replace(_two_groups(maker, pair, numbers), results=results)


def _sd_of_contrast(
    maker: _Maker, contrasts: Mapping[tuple[object, ...], Observed], pair: _Pair
) -> tuple[Number | None, Observed | None]:
    """The SD of both groups that their difference's interval or P implies, Handbook 6.5.2.3."""
    treated = pair.treated[0]
    ways = ((treated.arm.id, pair.control.arm.id), (pair.control.arm.id, treated.arm.id))
    for ids in ways:
        for statistic in (treated.statistic, None):
            contrast = contrasts.get((_contrast_place(treated), statistic, *ids))
            if contrast is None:
                continue
            n_1, n_2, options = pair.values.n, pair.control_values.n, maker.choices.options
            of_contrast = harmonise_contrast(contrast.reported, options, n_1=n_1, n_2=n_2)
            found = sd_from_contrast(of_contrast, n_1, n_2, options)
            if found.value is not None:
                return found, contrast
    return None, None


def _two_rates(maker: _Maker) -> Iterator[AnalysisRow]:
    found = maker.after_baseline(maker.of_arms(Statistic.EVENT_COUNT, Statistic.RATE))
    for pair in _pairs(maker, found):
        v, c = pair.values, pair.control_values
        numbers = {
            "x1i": v.events,
            "t1i": v.person_years,
            "x2i": c.events,
            "t2i": c.person_years,
        }
        yield _two_groups(maker, pair, numbers)


def _two_groups(maker: _Maker, pair: _Pair, numbers: Mapping[str, Number]) -> AnalysisRow:
    first = pair.treated[0]
    labels = " + ".join(dict.fromkeys(_arm_label(o.arm) for o in pair.treated))
    return AnalysisRow(
        table=maker.table,
        measure=MEASURES[maker.table],
        scale=None,
        numbers=numbers,
        needed=tuple(name for name in numbers if name not in _NOT_NEEDED),
        first=first,
        results=pair.results,
        arm=first.arm,
        arm_label=labels,
        comparator=pair.control.arm,
        comparator_label=_arm_label(pair.control.arm),
        better=first.better,
        shared_control=pair.shared if pair.shared > 1 else None,
        notes=pair.notes,
    )


def _pairs(maker: _Maker, found: Sequence[Observed]) -> Iterator[_Pair]:
    places: dict[tuple[object, ...], list[Observed]] = defaultdict(list)
    for o in maker.with_numbers(found):
        places[_place(o, statistic=_counted_as(o))].append(o)
    for here in places.values():
        roles = _roles([o.arm for o in here], maker.choices)
        sides = [o for o in here if roles[o.arm.id].role is not None]
        if not sides:
            maker.leave_out(
                "no_comparison" if all(o.arm.is_whole_study for o in here) else "no_role", *here
            )
            continue
        maker.leave_out("no_role", *(o for o in here if o not in sides))
        matched: set[str] = set()
        for treated, control, note in _matched(maker, sides, roles):
            matched |= {control.id, *(o.id for o in treated)}
            yield from _with_shared_control(maker, treated, control, note)
        maker.leave_out("no_comparison", *(o for o in sides if o.id not in matched))


@dataclass(frozen=True, slots=True)
class _Role:
    """`role` is EXPERIMENTAL, CONTROL or None; `note` says what it rests on, where not on the
    source's own word."""

    role: str | None
    note: str | None = None


def _roles(arms: Sequence[ArmFacts], choices: Choices) -> dict[str, _Role]:
    """Which arms of one place are experimental and which are controls, by id.

    The source's word stands, unless a label contradicts it: an arm that is labelled as a control
    (`names_control`) beside arms that are not is the control. Where a control is known, an arm of
    which nothing is said is experimental if it is given cells, or if no other arm is called so.
    Where none is, an active comparator without cells is the control of arms with cells. Sequences
    of treatments, all participants and groups beside their parts have no role, and arms without a
    control among them have none to be compared with.
    """
    found = {
        arm.id: _Role(arm.role if arm.role in (EXPERIMENTAL, CONTROL) else None) for arm in arms
    }
    if choices.stated_roles:
        return found
    own = list({arm.id: arm for arm in arms if not arm.is_whole_study}.values())
    labelled = [arm for arm in own if names_control(arm.label)]
    if len(labelled) < len(own):
        for arm in labelled:
            if arm.role != CONTROL:
                found[arm.id] = _Role(CONTROL, "role_from_label")
        if len(own) == 2 and len(labelled) == 1 and labelled[0].role == EXPERIMENTAL:
            (other,) = (arm for arm in own if arm is not labelled[0])
            if other.role == CONTROL:
                found[other.id] = _Role(EXPERIMENTAL, "role_from_label")
    is_called_experimental = any(found[arm.id].role == EXPERIMENTAL for arm in own)
    if any(found[arm.id].role == CONTROL for arm in own):
        for arm in own:
            is_open = found[arm.id].role is None and arm not in labelled
            if not is_open or names_sequence(arm.label):
                continue
            if not is_called_experimental or (
                _has_cells(arm) and not names_several_groups(arm.label)
            ):
                found[arm.id] = _Role(EXPERIMENTAL, "role_from_label")
    elif any(found[arm.id].role == EXPERIMENTAL and _has_cells(arm) for arm in own):
        for arm in own:
            if arm.role == ACTIVE_COMPARATOR and not _has_cells(arm):
                found[arm.id] = _Role(CONTROL, "active_comparator")
    return found


def _has_cells(arm: ArmFacts) -> bool:
    is_other = arm.role == CONTROL or arm.holds_controls
    return not is_other and (arm.holds_cells or names_cells(arm.label))


def _matched(
    maker: _Maker, sides: Sequence[Observed], roles: Mapping[str, _Role]
) -> Iterator[tuple[list[Observed], Observed, tuple[str, ...]]]:
    """Experimental results with the control's, one of each arm; worded alike where an arm has
    several, and within cohorts where every arm is of one and there are several controls."""
    per_arm: dict[str, list[Observed]] = defaultdict(list)
    for o in sides:
        per_arm[o.arm.id].append(o)
    if all(len(own) == 1 for own in per_arm.values()):
        groups = [list(sides)]
    else:
        by_title: dict[str, list[Observed]] = defaultdict(list)
        for o in sides:
            by_title[o.outcome_title].append(o)
        groups = list(by_title.values())
    for group in groups:
        arms = [o.arm.id for o in group]
        if len(arms) != len(set(arms)):
            maker.leave_out("ambiguous", *group)
            continue
        all_treated = [o for o in group if roles[o.arm.id].role == EXPERIMENTAL]
        controls = [o for o in group if roles[o.arm.id].role == CONTROL]
        cohorts = {o.id: cohort_of(o.arm.label) for o in group}
        by_cohort = len(controls) > 1 and None not in cohorts.values()
        for control in controls:
            treated = [
                o for o in all_treated if not by_cohort or cohorts[o.id] == cohorts[control.id]
            ]
            if treated:
                is_alike = len({o.outcome_title for o in (*treated, control)}) == 1
                said = [roles[o.arm.id].note for o in (*treated, control)]
                notes = dict.fromkeys(note for note in said if note is not None)
                yield treated, control, (*notes, *(() if is_alike else ("titles_differ",)))


def _with_shared_control(
    maker: _Maker, treated: Sequence[Observed], control: Observed, notes: tuple[str, ...]
) -> Iterator[_Pair]:
    own = maker.values(control)
    k = len(treated)
    way = maker.choices.shared_control
    if k > 1 and way is SharedControl.COMBINE:
        together = combined_arms([maker.values(o) for o in treated], maker.choices.options)
        yield _Pair(tuple(treated), control, together, own, 1, (*notes, "arms_combined"))
        return
    if k > 1 and way is SharedControl.SPLIT:
        own = split_arm(own, k, maker.choices.options)
        notes = (*notes, "control_split")
    elif k > 1:
        notes = (*notes, "shared_control")
    for o in treated:
        yield _Pair((o,), control, maker.values(o), own, k, notes)


# -- before and after ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Course:
    """What one arm has of one outcome at one time: a follow-up with its baseline, a change."""

    baseline: Observed | None
    follow_up: Observed | None
    change: Observed | None


def _changes(maker: _Maker) -> Iterator[AnalysisRow]:
    """Mean change in the columns of MC and SMCC. A reported change with its SD is taken before a
    difference of means, which needs the correlation."""
    for course in _courses(maker):
        if course.change is not None:
            v = maker.values(course.change)
            if (v.mean.value is not None and v.sd.value is not None) or not course.follow_up:
                yield _of_change(maker, course.change, v)
                continue
        if course.baseline is not None and course.follow_up is not None:
            yield _of_pair(maker, course, ("m1i", "m2i", "sd1i", "sd2i", "ri", "ni"))


def _standardised_changes(maker: _Maker) -> Iterator[AnalysisRow]:
    """Change in the columns of SMCR: `sd1i` is the baseline's SD, whatever `m1i` holds."""
    for course in _courses(maker):
        if course.baseline is None:
            continue
        if course.follow_up is not None:
            yield _of_pair(maker, course, ("m1i", "m2i", "sd1i", "ri", "ni"))
        elif course.change is not None:
            change = maker.values(course.change)
            before = maker.values(course.baseline)
            numbers = {
                "m1i": change.mean,
                "m2i": _as_difference(change.mean, "m2i", course.change.id),
                "sd1i": before.sd,
                "ri": _chosen_r(maker),
                "ni": change.n,
            }
            row = _one_group(maker, course.change, numbers)
            yield replace(
                row,
                results=(course.change, course.baseline),
                made_from="change",
                notes=_r_notes(numbers["ri"]) + _n_notes(before.n, change.n),
            )


def _courses(maker: _Maker) -> Iterator[_Course]:
    found = maker.treated(
        maker.of_arms(Statistic.BASELINE, Statistic.FINAL, Statistic.CHANGE)
        + [
            o
            for o in maker.all
            if o.kind is ResultKind.WITHIN_ARM
            and o.statistic is Statistic.CHANGE
            and o.enters_analyses
        ]
    )
    by_arm: dict[tuple[object, ...], list[Observed]] = defaultdict(list)
    for o in maker.with_numbers(found):
        by_arm[(o.arm.id, _place(o, statistic=None, time=None))].append(o)
    for own in by_arm.values():
        before = [o for o in own if o.statistic is Statistic.BASELINE or _is_start(o)]
        used: set[str] = set()
        later: dict[tuple[object, ...], list[Observed]] = defaultdict(list)
        for o in own:
            if o not in before:
                later[(_time(o), o.statistic is Statistic.CHANGE)].append(o)
        for time in dict.fromkeys(time for time, _ in later):
            for course in _at_one_time(
                maker, before, later.get((time, False), []), later.get((time, True), [])
            ):
                parts = [o for o in (course.baseline, course.follow_up, course.change) if o]
                if course.change or (course.baseline and course.follow_up):
                    used |= {o.id for o in parts}
                    yield course
        maker.leave_out("no_pair", *(o for o in own if o.id not in used))


def _at_one_time(
    maker: _Maker,
    before: Sequence[Observed],
    follow_ups: Sequence[Observed],
    changes: Sequence[Observed],
) -> Iterator[_Course]:
    if len(follow_ups) <= 1 and len(changes) <= 1 and len(before) <= 1:
        yield _Course(_only(before), _only(follow_ups), _only(changes))
        return
    for title in dict.fromkeys(o.outcome_title for o in (*follow_ups, *changes)):
        here = [[o for o in side if o.outcome_title == title] for side in (follow_ups, changes)]
        started = [o for o in before if o.outcome_title == title]
        # One baseline of the arm serves all wordings of what came after.
        started = started or (list(before) if len(before) == 1 else [])
        if any(len(side) > 1 for side in (started, *here)):
            maker.leave_out("ambiguous", *here[0], *here[1])
            continue
        yield _Course(_only(started), _only(here[0]), _only(here[1]))


def _only(side: Sequence[Observed]) -> Observed | None:
    return side[0] if len(side) == 1 else None


def _of_change(maker: _Maker, o: Observed, v: ArmValues) -> AnalysisRow:
    numbers = {
        "m1i": v.mean,
        "m2i": _as_difference(v.mean, "m2i", o.id),
        "sd1i": v.sd,
        "sd2i": _as_difference(v.sd, "sd2i", o.id),
        "ri": _as_difference(v.sd, "ri", o.id),
        "ni": v.n,
    }
    return replace(_one_group(maker, o, numbers), made_from="change")


def _of_pair(maker: _Maker, course: _Course, names: Sequence[str]) -> AnalysisRow:
    assert course.baseline is not None
    assert course.follow_up is not None
    change = course.change
    found = pre_post(
        course.baseline.reported,
        course.follow_up.reported,
        change.reported if change is not None else None,
        maker.choices.options,
    )
    r = found.change_sd[0].r if found.change_sd else _chosen_r(maker)
    before, after = maker.values(course.baseline).n, maker.values(course.follow_up).n
    is_standardised = "sd2i" not in names
    numbers = {
        "m1i": found.follow_up_mean,
        "m2i": found.baseline_mean,
        "sd1i": found.baseline_sd if is_standardised else found.follow_up_sd,
        "sd2i": found.baseline_sd,
        "ri": r,
        "ni": found.n,
    }
    row = _one_group(maker, course.follow_up, {name: numbers[name] for name in names})
    has_change = change is not None and r.origin is Origin.COMPUTED
    return replace(
        row,
        results=(course.follow_up, course.baseline, *((change,) if has_change and change else ())),
        made_from="baseline and follow-up",
        notes=_r_notes(r) + _n_notes(before, after),
    )


def _as_difference(known: Number, name: str, result: str) -> Number:
    """The 0 that stands beside a change, where the change itself is known."""
    if known.value is None:
        return known
    step = Step(
        rule="change-as-difference",
        statement=f"only the change is known: {name} = 0",
        inputs=(_input("change", known),),
        output=0.0,
        flags=(),
    )
    return _made(0.0, step, known, result=result)


def _chosen_r(maker: _Maker) -> Number:
    chosen = maker.choices.options.correlations
    if len(chosen) != 1 or Origin.IMPUTED in maker.choices.options.drop:
        return missing()
    step = Step(
        rule=ASSUMED_CORRELATION.id,
        statement=f"r = {chosen[0]:g}",
        inputs=(),
        output=chosen[0],
        flags=(f"r={chosen[0]:g}",),
    )
    return Number(value=chosen[0], state=State.REPORTED, origin=Origin.IMPUTED, chain=(step,))


def _r_notes(r: Number) -> tuple[str, ...]:
    return ("correlation_assumed",) if r.origin is Origin.IMPUTED else ()


def _n_notes(before: Number, after: Number) -> tuple[str, ...]:
    is_known = before.value is not None and after.value is not None
    return ("different_n",) if is_known and before.value != after.value else ()


# -- contrasts -----------------------------------------------------------------------------------


_AS_PRINTED: Final = {
    "estimate": CellName.ESTIMATE,
    "ci_low": CellName.CI_LOW,
    "ci_high": CellName.CI_HIGH,
}


def _estimates(maker: _Maker) -> Iterator[AnalysisRow]:
    arms: dict[tuple[object, ...], list[Observed]] = defaultdict(list)
    for o in maker.all:
        if o.kind is ResultKind.ARM:
            arms[(o.arm.id, _contrast_place(o))].append(o)
    for o in maker.all:
        if o.kind is not ResultKind.CONTRAST:
            continue
        if not o.enters_analyses:
            maker.leave_out("not_for_analysis", o)
            continue
        n_1 = _n_of(maker, arms, o, o.arm.id)
        n_2 = _n_of(maker, arms, o, o.comparator.id) if o.comparator else None
        found = harmonise_contrast(o.reported, maker.choices.options, n_1=n_1, n_2=n_2)
        numbers = {
            "yi": found.estimate if found.measure else missing(State.UNCLEAR),
            "vi": _squared(found.se),
            "sei": found.se,
            **{name: _cell(o, cell) for name, cell in _AS_PRINTED.items()},
            "n1i": missing() if n_1 is None else n_1,
            "n2i": missing() if n_2 is None else n_2,
        }
        notes = []
        arm, comparator, better = o.arm, o.comparator, o.better
        if comparator is None:
            notes.append("arms_not_stated")
        else:
            roles = _roles([arm, comparator], maker.choices)
            said = [roles[one.id].note for one in (arm, comparator)]
            notes += dict.fromkeys(note for note in said if note is not None)
            if (roles[arm.id].role, roles[comparator.id].role) == (CONTROL, EXPERIMENTAL):
                numbers = _turned_round(numbers, found.scale)
                arm, comparator = comparator, arm
                better = {"lower": "higher", "higher": "lower"}.get(better or "")
                notes.append("turned_round")
        if "direction_not_stated" in o.caveats:
            # Turned round or not would be a guess, and the sign is all that the estimate is for.
            numbers |= {"yi": missing(State.UNCLEAR)}
            notes = [note for note in notes if note != "turned_round"]
            numbers |= {name: _cell(o, cell) for name, cell in _AS_PRINTED.items()}
            notes.append("direction_not_stated")
        place = _contrast_place(o)
        if comparator is not None and (arm.id, place) in arms and (comparator.id, place) in arms:
            notes.append("arm_level_exists")
        yield AnalysisRow(
            table=maker.table,
            measure=found.measure,
            scale=found.scale,
            numbers=numbers,
            needed=("yi", "vi"),
            first=o,
            results=(o,),
            arm=arm,
            arm_label=_arm_label(arm),
            comparator=comparator,
            comparator_label=_arm_label(comparator) if comparator else "not stated",
            better=better,
            notes=tuple(notes),
        )


def _n_of(
    maker: _Maker, arms: Mapping[tuple[object, ...], Sequence[Observed]], o: Observed, arm: str
) -> Number | None:
    """Persons of an arm behind a contrast: those analysed for the same outcome at the same time,
    where the arm's results agree on them."""
    here = arms.get((arm, _contrast_place(o)), ())
    known = {n.value: n for other in here if (n := maker.values(other).n).value is not None}
    return next(iter(known.values())) if len(known) == 1 else None


def _cell(o: Observed, name: CellName) -> Number:
    cell = o.reported.cells.get(name)
    if cell is None or cell.value is None:
        return missing(State.NOT_REPORTED if cell is None else cell.state)
    return Number(
        value=cell.value, state=cell.state, origin=cell.origin, result=o.id, text=cell.text
    )


def _squared(se: Number) -> Number:
    if se.value is None:
        return se
    value = se.value**2
    step = Step(
        rule="variance-of-se",
        statement=f"{se.value:g}² = {value:g}",
        inputs=(_input("se", se),),
        output=value,
    )
    return _made(value, step, se)


def _turned_round(numbers: Mapping[str, Number], scale: str | None) -> dict[str, Number]:
    is_ratio = scale == "log"

    def natural(number: Number) -> Number:
        value = number.value
        if value is None:
            return number
        if is_ratio and value == 0:
            return missing(State.UNCLEAR)
        return _flipped(number, 1 / value if is_ratio else -value)

    return {
        **numbers,
        "yi": _flipped(numbers["yi"], None if (y := numbers["yi"].value) is None else -y),
        "estimate": natural(numbers["estimate"]),
        "ci_low": natural(numbers["ci_high"]),
        "ci_high": natural(numbers["ci_low"]),
        "n1i": numbers["n2i"],
        "n2i": numbers["n1i"],
    }


def _flipped(number: Number, value: float | None) -> Number:
    if number.value is None or value is None:
        return number
    step = Step(
        rule="turned-round",
        statement=f"{number.value:g} becomes {value:g}",
        inputs=(_input("estimate", number),),
        output=value,
    )
    return _made(value, step, number)


# -- numbers -------------------------------------------------------------------------------------


def _without(v: ArmValues, o: Observed) -> Number:
    """Persons without the event, where those with it and those analysed are both known."""
    x, n = v.events, v.n
    if x.value is None:
        return x
    if n.value is None:
        return n
    value = n.value - x.value
    if value < 0:
        return missing(State.UNCLEAR, Refused("more events than persons", rule="persons-without"))
    step = Step(
        rule="persons-without",
        statement=f"{n.value:g} - {x.value:g} = {value:g}",
        inputs=(_input("n_analysed", n), _input("events", x)),
        output=value,
    )
    origin = least_trusted(Origin.COMPUTED, *(p.origin for p in (x, n) if p.origin))
    return Number(
        value=value, state=State.REPORTED, origin=origin, chain=(*n.chain, *x.chain, step),
        result=o.id,
    )  # fmt: skip


def _input(name: str, number: Number) -> Input:
    assert number.value is not None
    assert number.origin is not None
    return Input(
        name=name,
        value=number.value,
        text=number.text,
        result=None if number.chain else number.result,
        origin=number.origin,
    )


def _made(value: float, step: Step, before: Number, *, result: str | None = None) -> Number:
    assert before.origin is not None
    return Number(
        value=value,
        state=State.REPORTED,
        origin=least_trusted(Origin.COMPUTED, before.origin),
        chain=(*before.chain, step),
        result=result or before.result,
    )


# -- places, order and labels --------------------------------------------------------------------


def _counted_as(o: Observed) -> object:
    """A count and a percentage of persons say the same kind of thing."""
    return Statistic.PERSON_COUNT if o.statistic is Statistic.PERCENT else o.statistic


_SAME: Final = object()


def _place(
    o: Observed,
    *,
    statistic: object = _SAME,
    time: object = _SAME,
    unit: object = _SAME,
    outcome: object = _SAME,
) -> tuple[object, ...]:
    """What two results must have in common to be compared."""
    return (
        o.account,
        o.outcome if outcome is _SAME else outcome,
        o.category,
        _time(o) if time is _SAME else time,
        o.analysis_set,
        o.subgroup,
        o.statistic if statistic is _SAME else statistic,
        o.reported.unit if unit is _SAME else unit,
        o.unit_of_analysis,
    )


def _contrast_place(o: Observed) -> tuple[object, ...]:
    """What a contrast has in common with the arms it is of. A ratio has no unit, which is part of
    an outcome without a code, and a contrast need not say whether it is one of changes."""
    return (o.code or o.outcome_title, *_place(o, statistic=None, unit=None, outcome=None))


def _time(o: Observed) -> tuple[object, ...]:
    """Days where they are known: "week 24" and "24 weeks" are one time, however printed."""
    if o.time is None:
        return (None,)
    if o.time.days is not None:
        return (o.time.days, o.time.anchor if o.time.days else None)
    return (None, o.time.value, o.time.unit, o.time.text)


def _is_start(o: Observed) -> bool:
    return o.days == 0 and o.statistic is Statistic.FINAL


def _order(o: Observed) -> tuple[object, ...]:
    days = o.days
    return (
        o.code or "~",
        o.outcome_title if o.code is None else "",
        o.category or "",
        math.inf if days is None else days,
        o.arm.is_whole_study,
        _number_of(o.arm.id),
        _number_of(o.comparator.id) if o.comparator else 0,
        _number_of(o.id),
    )


def _number_of(public_id: str) -> int:
    """Of "R12", so that R2 stands before R12; 0 for other names."""
    digits = public_id.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return int(digits) if digits.isdigit() else 0


def _arm_label(arm: ArmFacts) -> str:
    return "all participants" if arm.is_whole_study else arm.label


class _Neighbours:
    """What the rows of a study have in common, counted once for all of them."""

    def __init__(self, rows: Sequence[AnalysisRow]) -> None:
        self.of_outcome = Counter(row.first.outcome for row in rows)
        self.said = Counter(map(_said_of, rows))
        self.in_arms = {_place(row.first) for row in rows if not row.arm.is_whole_study}
        arms: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for row in rows:
            arms[_control_of(row)].append(row.arm.id)
        self.against = {control: len(set(own)) for control, own in arms.items()}


def _marked(row: AnalysisRow, neighbours: _Neighbours) -> AnalysisRow:
    """With the notes that follow from the row's own results and from its neighbours."""
    o, notes = row.first, list(row.notes)
    against = neighbours.against[_control_of(row)]
    if row.table is Table.ESTIMATE and row.comparator is not None and against > 1:
        row = replace(row, shared_control=against)
        notes.append("shared_control")
    if o.days is None:
        notes.append("time_not_reported")
    if o.unit_of_analysis:
        notes.append("unit_of_analysis")
    if any(result.is_matched for result in row.results):
        notes.append("outcome_matched")
    if row.arm.is_whole_study and _place(o) in neighbours.in_arms:
        notes.append("whole_study_beside_arms")
    if neighbours.said[_said_of(row)] > 1:
        notes.append("given_twice")
    if neighbours.of_outcome[o.outcome] > 1:
        notes.append("repeats")
    if row.comparator is not None and "cross" in str(row.study.design.value).lower():
        notes.append("crossover")
    if row.study.overlaps:
        notes.append("shares_participants")
    if any(report.is_retracted for report in row.study.reports):
        notes.append("retracted_report")
    return replace(row, notes=tuple(dict.fromkeys(notes)))


def _control_of(row: AnalysisRow) -> tuple[object, ...]:
    return (row.comparator.id if row.comparator else None, _place(row.first))


def _said_of(row: AnalysisRow) -> tuple[object, ...]:
    o = row.first
    other = row.comparator.id if row.comparator else None
    return (row.arm.id, other, _place(o, statistic=_counted_as(o)), o.outcome_title)


_PARTS: Final[tuple[Callable[[AnalysisRow], str], ...]] = (
    lambda row: row.first.code or row.first.outcome_title,
    lambda row: row.first.category or "",
    lambda row: row.first.time.shown if row.first.time else "time not reported",
    lambda row: row.comparison,
    lambda row: plain(row.first.statistic or ""),
    lambda row: ", ".join(filter(None, (row.first.analysis_set, row.first.subgroup))),
    lambda row: row.first.outcome_title,
    lambda row: "+".join(o.id for o in row.results),
)


def _labelled(rows: Sequence[AnalysisRow]) -> Iterator[AnalysisRow]:
    """With labels that no other row of the table has: the study, then only what tells its rows
    apart, the ids of the results at the last."""
    labels = [[row.study.name] for row in rows]
    for part in _PARTS:
        same = Counter(tuple(label) for label in labels)
        longer = [
            [*label, said] if same[tuple(label)] > 1 and (said := part(row)) else label
            for row, label in zip(rows, labels)
        ]
        if len({tuple(label) for label in longer}) > len(same):
            labels = longer
    for row, label in zip(rows, labels):
        yield replace(row, slab=", ".join(label))


_MAKERS: Final[Mapping[Table, Callable[[_Maker], Iterable[AnalysisRow]]]] = {
    Table.BINARY: _tables,
    Table.CONTINUOUS: _two_means,
    Table.RATE: _two_rates,
    Table.PROPORTION: _proportions,
    Table.MEAN: _means,
    Table.ONE_RATE: _one_rates,
    Table.CHANGE: _changes,
    Table.STANDARDISED_CHANGE: _standardised_changes,
    Table.ESTIMATE: _estimates,
}
