"""The cells of one result as numbers for analysis, each with the chain that made it.

Computed on reading and never stored. One value wins, in the order reported, from a standard error,
from a confidence interval, from t or P, from quantiles; what was digitised comes after what was
computed, and what was imputed comes last. The others are kept as checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite, log
from typing import Final

from kb.errors import InvalidInput
from kb.models.evidence import Cell, CellName, Origin, ResultClaim, ResultKind, State, Statistic
from kb.outcomes import conversions as c
from kb.outcomes.chains import (
    TRUST,
    Guard,
    Number,
    Refused,
    Rule,
    apply,
    missing,
)
from kb.outcomes.units import UNIT, factor

_REPORTED: Final = (State.REPORTED, State.REPORTED_ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person decides.

    drop : numbers of these origins, and all made from them, are left out, so that the next
        candidate takes their place. What was reported cannot be dropped.
    override : guards that do not refuse; the number is then flagged with the guard's name.
    correlations : of baseline with follow-up, assumed where the three SDs do not give one.
    """

    drop: frozenset[Origin] = frozenset()
    override: frozenset[Guard] = frozenset()
    correlations: tuple[float, ...] = (0.5, 0.7, 0.9)

    def __post_init__(self) -> None:
        if Origin.REPORTED in self.drop:
            raise InvalidInput(
                "reported numbers cannot be dropped; computed, imputed, digitised and "
                "author_supplied can"
            )
        for r in self.correlations:
            if not -1 <= r <= 1:
                raise InvalidInput(f"a correlation is between -1 and 1, not {r:g}")


_DEFAULT: Final = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedResult:
    """What harmonising needs of one result. `key` is whatever names it to the reader of a chain."""

    key: str
    kind: ResultKind
    cells: Mapping[CellName, Cell]
    state: State = State.REPORTED
    statistic: Statistic | None = None
    title: str | None = None
    unit: str | None = None
    measure: str | None = None
    ci_level: float | None = None  # percent; None is taken for 95, and the number is imputed
    p_text: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A value the same result gives in another way, beside the one that was taken."""

    quantity: str  # "n", "events", "mean", "sd", "percent", "estimate", "se", "change_mean" ...
    taken: Number
    other: Number
    agrees: bool
    tolerance: float  # the difference that rounding in print, or the rule's roughness, explains


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmValues:
    """One arm at one time. `events` are persons where the statistic counts persons or gives a
    percentage of them, else events."""

    result: str
    statistic: Statistic | None
    n: Number
    events: Number
    person_years: Number
    mean: Number
    sd: Number
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastValues:
    """One contrast. On the log scale `estimate` and `se` are those of the log of the ratio."""

    result: str
    measure: str | None  # a value of MEASURES; None: not understood
    scale: str | None  # "log", "natural"
    estimate: Number
    se: Number
    is_adjusted: bool = False  # for covariates, as its measure or method says
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSd:
    """The SD of change, and the correlation of baseline with follow-up that it goes with."""

    r: Number
    sd: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class PrePost:
    """One arm before and after. `change_mean` is follow-up minus baseline. `change_sd` has one
    entry where it was reported or follows from the report, else one per assumed correlation, and
    none where neither is possible."""

    n: Number
    baseline_mean: Number
    baseline_sd: Number
    follow_up_mean: Number
    follow_up_sd: Number
    change_mean: Number
    change_sd: tuple[ChangeSd, ...]
    checks: tuple[Check, ...] = ()


# -- rules of reading, beside the formulas of kb.outcomes.conversions ---------------------------

ADJUSTED: Final = Rule(
    id="adjusted-as-raw",
    title="An adjusted mean taken for that of the group",
    formula="the least-squares mean, its standard error and its interval are used as they are",
    guard="only where no unadjusted mean is reported",
    source="an assumption of the analysis, no formula",
    origin=Origin.IMPUTED,
)
ASSUMED_LEVEL: Final = Rule(
    id="assumed-ci-level",
    title="The level of a confidence interval that does not state it",
    formula="95 %",
    guard="only where no level is reported",
    source="convention of the field",
    origin=Origin.IMPUTED,
)
P_AT_BOUND: Final = Rule(
    id="p-at-its-bound",
    title="A P value of which only an upper bound is reported",
    formula='P is taken to be its bound: 0.05 for "< 0.05"',
    guard="an upper bound; a standard error from it is too large rather than too small",
    source="Cochrane Handbook for Systematic Reviews of Interventions, version 6, 6.5.2.3",
    origin=Origin.IMPUTED,
)
ASSUMED_CORRELATION: Final = Rule(
    id="assumed-correlation",
    title="A correlation of baseline with follow-up that is not reported",
    formula="as chosen; several are shown side by side",
    guard="only where the SD of change is not reported and does not follow",
    source="Cochrane Handbook for Systematic Reviews of Interventions, version 6, 6.5.2.8",
    origin=Origin.IMPUTED,
)
PAIRS: Final = Rule(
    id="fewer-of-two-n",
    title="Participants with a value before and after, where the two numbers differ",
    formula="n = the smaller of n at baseline and n at follow-up",
    guard="only where no n of the change is reported; there may be fewer pairs still",
    source="arithmetic: no more pairs than values at either time",
    origin=Origin.IMPUTED,
)
BORROWED_SD: Final = Rule(
    id="borrowed-sd",
    title="An SD taken from another result",
    formula="SD = SD of the other result",
    guard="only where none is reported or follows; the lender has one",
    source="Cochrane Handbook for Systematic Reviews of Interventions, version 6, 6.5.2.7",
    origin=Origin.IMPUTED,
)
RULES: Final = (ADJUSTED, ASSUMED_LEVEL, P_AT_BOUND, ASSUMED_CORRELATION, PAIRS, BORROWED_SD)

# As reports name them, without "adjusted", "LS", "stratified" and the like.
MEASURES: Final[Mapping[str, str]] = {
    "odds ratio": "OR",
    "or": "OR",
    "risk ratio": "RR",
    "relative risk": "RR",
    "rr": "RR",
    "hazard ratio": "HR",
    "proportional hazard": "HR",
    "hazards ratio": "HR",
    "hr": "HR",
    "rate ratio": "IRR",
    "incidence rate ratio": "IRR",
    "irr": "IRR",
    "ratio of means": "ROM",
    "ratio of geometric means": "ROM",
    "geometric mean ratio": "ROM",
    "mean ratio": "ROM",
    "rom": "ROM",
    "mean difference": "MD",
    "difference in means": "MD",
    "difference of means": "MD",
    "difference in mean": "MD",
    "md": "MD",
    "standardized mean difference": "SMD",
    "smd": "SMD",
    "cohen's d": "SMD",
    "hedges' g": "SMD",
    "hedges g": "SMD",
    "risk difference": "RD",
    "difference in proportions": "RD",
    "difference in percentages": "RD",
    "difference in percentage": "RD",
    "difference in proportion": "RD",
    "absolute risk difference": "RD",
    "rd": "RD",
}
RATIOS: Final = frozenset({"OR", "RR", "HR", "IRR", "ROM"})
_QUALIFIERS: Final = re.compile(
    r"\b(?:un)?adjusted\b|\bcrude\b|\bstratified\b|\bcox\b|\bpooled\b|\bestimated?\b|\bmodel\b"
    r"|\bls\b|\bleast[- ]squares?\b|\(.*?\)|,.*$",
    re.IGNORECASE,
)
_ON_LOG_SCALE: Final = re.compile(
    r"^\s*(?:log|ln|logarithm of(?: the)?)[\s(]+|,\s*log(?:arithm)?\s*$", re.IGNORECASE
)
_ADJUSTING: Final = re.compile(
    r"(?<!un)adjusted|\bls\b|least[- ]squares?|ancova|covariance|mixed|mmrm|regression|cox\b",
    re.IGNORECASE,
)
# Tests whose P is not that of a t or z statistic of the estimate.
_OTHER_TEST: Final = re.compile(
    r"wilcoxon|mann|whitney|rank|fisher|chi|kruskal|friedman|mcnemar|sign test|permut|bootstrap"
    r"|one[- ]?(?:sided|tailed)|1[- ]?(?:sided|tailed)|non-?inferior",
    re.IGNORECASE,
)
_PAIRED_T: Final = re.compile(r"paired.*\bt\b|\bt\b.*paired|paired (?:samples? )?student", re.I)
# A percentage estimated over time, with participants lost on the way, is no count over n.
_ESTIMATED_OVER_TIME: Final = re.compile(
    r"kaplan|meier|actuarial|cumulative incidence|life[- ]table|estimated (?:rate|probability)"
    r"|competing",
    re.IGNORECASE,
)
# An exact rule may differ by this part of the value for roundings inside the report's software.
_EXACT_SLACK: Final = 0.01
# At n = 10 the SD of a normal sample itself varies by 1 / √(2 × 9), about a quarter, from its true
# value; a value imputed from quantiles that differs by more has another reason.
_IMPUTED_SLACK: Final = 0.25


def reported_result(claim: ResultClaim) -> ReportedResult:
    """Of a claim of a source, what harmonising needs."""
    return ReportedResult(
        key=claim.key,
        kind=claim.kind,
        cells={cell.name: cell for cell in claim.cells},
        state=claim.state,
        statistic=claim.statistic,
        title=claim.outcome_title,
        unit=claim.unit,
        measure=claim.measure,
        ci_level=claim.ci_level,
        p_text=claim.p_text,
        method=claim.method,
    )


# -- one arm -------------------------------------------------------------------------------------


def harmonise_arm(result: ReportedResult, options: Options = _DEFAULT) -> ArmValues:
    """n, events, person-years, mean and SD of one arm at one time.

    What the result neither reports nor determines has the state the source gives it, not reported
    where it says nothing, and unclear where numbers are there but no rule can use them.
    """
    read = _Reader(result, options)
    n = read(CellName.N_ANALYSED)
    events, other_events = _best(read.events())
    mean, other_means = _best(read.means())
    sd, other_sds = _best(read.sds(mean))
    percent = read(CellName.PERCENT)
    of_count = _made(c.PERCENT_FROM_COUNT, c.percent_from_count, {"events": events, "n": n})
    checks = [
        *_checks("events", events, other_events),
        *_checks("mean", mean, other_means, sd=sd),
        *_checks("sd", sd, other_sds),
        *(_checks("percent", percent, [of_count]) if events.rule is None else ()),
    ]
    return ArmValues(
        result=result.key,
        statistic=result.statistic,
        n=n,
        events=events,
        person_years=read(CellName.EXPOSURE_PERSON_YEARS),
        mean=mean,
        sd=sd,
        checks=tuple(checks),
    )


class _Reader:
    """The numbers of one result, under one person's options."""

    def __init__(self, result: ReportedResult, options: Options) -> None:
        self._result = result
        self._options = options

    def __call__(self, name: CellName) -> Number:
        """A cell as a number: its state where it has none, not reported where it was dropped."""
        cell = self._result.cells.get(name)
        if cell is None:
            of_all = self._result.state
            return missing(State.NOT_REPORTED if of_all in _REPORTED else of_all)
        if cell.state not in _REPORTED:
            return missing(cell.state)
        if cell.value is None or not isfinite(cell.value):
            return missing(State.UNCLEAR, Refused(f"{name}: {cell.text!r} is no number"))
        if cell.origin in self._options.drop:
            return missing(State.NOT_REPORTED, Refused(f"{name} is {cell.origin} and was dropped"))
        is_count = name in (CellName.N_ANALYSED, CellName.EVENTS)
        decimals = c.printed_decimals(cell.text, cell.value)
        return Number(
            value=cell.value,
            state=cell.state,
            origin=cell.origin,
            result=self._result.key,
            text=cell.text,
            rounding=0.0 if is_count else 0.5 * 10.0**-decimals,
        )

    def make(
        self,
        rule: Rule,
        function: Callable[..., float | Refused],
        inputs: Mapping[str, Number],
        *flags: str,
    ) -> Number:
        return _made(rule, function, inputs, *flags, options=self._options)

    def has(self, *names: CellName) -> bool:
        """Whether the result gives a number in any of these cells."""
        return any(self(name).value is not None for name in names)

    # candidates, in the order of preference

    def events(self) -> Iterator[Number]:
        yield self(CellName.EVENTS)
        percent = self(CellName.PERCENT)
        result = self._result
        decimals = None
        if percent.value is None and result.statistic is Statistic.PERCENT:
            percent, decimals = self._percent_of_proportion()
        if percent.value is None:
            return
        if result.statistic not in (Statistic.PERSON_COUNT, Statistic.PERCENT):
            yield missing(
                State.NOT_REPORTED, Refused("the percentage is not said to be of persons")
            )
            return
        if _ESTIMATED_OVER_TIME.search(f"{result.title} {result.method} {result.measure}"):
            reason = "the percentage is estimated over time and no count of the persons analysed"
            yield missing(State.UNCLEAR, Refused(reason))
            return
        inputs = {"percent": percent, "n": self(CellName.N_ANALYSED)}
        if decimals is None:
            decimals = c.printed_decimals(percent.text, percent.value)
        exact = self.make(
            c.COUNT_FROM_PERCENT, partial(_counted, c.count_from_percent, decimals), inputs
        )
        yield exact
        if exact.value is None:
            yield self.make(c.NEAREST_COUNT, partial(_counted, c.nearest_count, decimals), inputs)

    def _percent_of_proportion(self) -> tuple[Number, int]:
        """A share of persons printed as a part of one, in percent, and the decimals that leaves."""
        share = self(CellName.NUMBER)
        if share.value is None or not 0 <= share.value <= 1:
            return missing(), 0
        if "proportion" not in (self._result.unit or "").lower():
            return missing(), 0
        decimals = c.printed_decimals(share.text, share.value) - 2
        if decimals < 0 and share.value not in (0, 1):
            reason = f"the proportion {share.text} is rounded to more than one percent"
            return missing(State.UNCLEAR, Refused(reason)), 0
        percent = self.make(UNIT, lambda value: 100 * value, {"proportion": share})
        return percent, max(decimals, 0)

    def means(self) -> Iterator[Number]:
        yield self(CellName.MEAN)
        if self.has(CellName.LS_MEAN) and not self.has(CellName.MEAN):
            yield self._adjusted("ls_mean", self(CellName.LS_MEAN))
        for names, rule, function, _, _ in _QUANTILES:
            if all(self.has(name) for name in names):
                yield self._from_quantiles(rule, function, names)
        if self.has(CellName.GEOMETRIC_MEAN):
            yield self._from_log(c.MEAN_FROM_LOG, c.mean_from_log)
        if self.has(CellName.UNSPECIFIED):
            reason = "a central value of which it is not said whether it is a mean or a median"
            yield missing(State.UNCLEAR, Refused(reason))

    def sds(self, mean: Number) -> Iterator[Number]:
        reported = self(CellName.SD)
        if reported.value is not None and reported.value < 0:
            yield missing(State.UNCLEAR, Refused(f"an SD is not {reported.value:g}"))
        elif self.has(CellName.GEOMETRIC_MEAN) and not self.has(CellName.MEAN, CellName.MEDIAN):
            yield missing(
                State.UNCLEAR if reported.value is not None else reported.state,
                *_if(
                    reported.value is not None,
                    "the SD beside a geometric mean may be of values, of logarithms or a factor",
                ),
            )
        else:
            yield reported
        yield from self._sds_from_precision()
        for names, _, _, rule, function in _QUANTILES:
            if all(self.has(name) for name in names):
                yield self._from_quantiles(rule, function, names)
        if self.has(CellName.Q1) and self.has(CellName.Q3) and not self.has(CellName.MEDIAN):
            inputs = {name.value: self(name) for name in (CellName.Q1, CellName.Q3)}
            yield self.make(c.SD_FROM_IQR, c.sd_from_iqr, inputs | {"n": self(CellName.N_ANALYSED)})
        if self.has(CellName.GEOMETRIC_MEAN):
            yield self._from_log(c.SD_FROM_LOG, c.sd_from_log)

    def _sds_from_precision(self) -> Iterator[Number]:
        """From the standard error, interval or P of the mean, where they are those of a mean."""
        n = self(CellName.N_ANALYSED)
        se, low, high = (self(x) for x in (CellName.SE, CellName.CI_LOW, CellName.CI_HIGH))
        is_adjusted = self.has(CellName.LS_MEAN) and not self.has(CellName.MEAN)
        centre = self(CellName.LS_MEAN if is_adjusted else CellName.MEAN)
        if centre.value is None:
            if self.has(CellName.SE, CellName.CI_LOW):
                reason = "no mean is reported that the standard error or interval could be of"
                yield missing(State.NOT_REPORTED, Refused(reason))
            return
        adjusted = self._adjusted if is_adjusted else _as_it_is
        if se.value is not None:
            yield self.make(c.SD_FROM_SE, c.sd_from_se, {"se": adjusted("se", se), "n": n})
        if low.value is not None and high.value is not None:
            off = _off_midway(centre, low, high, to_log=False)
            if off is not None and off.guard not in self._options.override:
                yield missing(State.UNCLEAR, replace(off, rule=c.SD_FROM_CI.id))
            else:
                inputs = {
                    "ci_low": adjusted("ci_low", low),
                    "ci_high": adjusted("ci_high", high),
                    "n": n,
                    "ci_level": self.level(),
                }
                flags = () if off is None else (Guard.NOT_MIDWAY.value,)
                yield self.make(c.SD_FROM_CI, c.sd_from_ci, inputs, *flags)
        result = self._result
        is_paired = result.kind is ResultKind.WITHIN_ARM or _PAIRED_T.search(result.method or "")
        if result.p_text and is_paired and result.statistic is Statistic.CHANGE:
            inputs = {"change": adjusted("change", centre), "p": self.p(), "n": n}
            yield self.make(c.CHANGE_SD_FROM_P, c.change_sd_from_p, inputs)

    def _adjusted(self, name: str, number: Number) -> Number:
        return self.make(ADJUSTED, lambda value: value, {name: number}, "adjusted")

    def _from_quantiles(
        self, rule: Rule, function: Callable[..., float | Refused], names: Sequence[CellName]
    ) -> Number:
        inputs = {name.value: self(name) for name in names} | {"n": self(CellName.N_ANALYSED)}
        return self.make(rule, function, inputs)

    def _from_log(self, rule: Rule, function: Callable[..., float | Refused]) -> Number:
        inputs = {name.value: self(name) for name in (CellName.CI_LOW, CellName.CI_HIGH)}
        inputs |= {"n": self(CellName.N_ANALYSED), "ci_level": self.level()}
        log_sd = self.make(c.LOG_SD_FROM_CI, c.log_sd_from_ci, inputs)
        geometric = self(CellName.GEOMETRIC_MEAN)
        return self.make(rule, function, {"geometric_mean": geometric, "log_sd": log_sd})

    def level(self) -> Number:
        """Level of confidence in percent."""
        level = self._result.ci_level
        if level is not None:
            return Number(
                value=level, state=State.REPORTED, origin=Origin.REPORTED, result=self._result.key
            )
        return self.make(ASSUMED_LEVEL, lambda: 95.0, {}, "assumed-ci-level")

    def p(self) -> Number:
        """The reported P of a test whose statistic can be recovered from it."""
        result = self._result
        tested = f"{result.method or ''} {result.p_text or ''}"
        if measure_of(result.measure)[0] == "HR":
            # The log-rank statistic is that of the log hazard ratio (Handbook 6.8.2).
            tested = re.sub(r"log[- ]?rank", "", tested, flags=re.IGNORECASE)
        other = _OTHER_TEST.search(tested)
        if other:
            return missing(
                State.UNCLEAR, Refused(f"the P value is not of a t or z test: {other[0]}")
            )
        read = c.p_value(result.p_text or "")
        if isinstance(read, Refused):
            return missing(State.UNCLEAR, read)
        decimals = c.printed_decimals(result.p_text, read.value)
        printed = Number(
            value=read.value,
            state=State.REPORTED,
            origin=Origin.REPORTED,
            result=result.key,
            text=result.p_text,
            rounding=0.0 if read.is_bound else 0.5 * 10.0**-decimals,
        )
        if not read.is_bound:
            return printed
        return self.make(P_AT_BOUND, lambda p: p, {"p": printed}, "conservative")


_MIN, _Q1, _MED, _Q3, _MAX = (
    CellName.MIN,
    CellName.Q1,
    CellName.MEDIAN,
    CellName.Q3,
    CellName.MAX,
)
_QUANTILES: Final[
    tuple[
        tuple[
            tuple[CellName, ...],
            Rule,
            Callable[..., float | Refused],
            Rule,
            Callable[..., float | Refused],
        ],
        ...,
    ]
] = (
    (
        (_MIN, _Q1, _MED, _Q3, _MAX),
        c.MEAN_FROM_FIVE,
        c.mean_from_five,
        c.SD_FROM_FIVE,
        c.sd_from_five,
    ),
    (
        (_Q1, _MED, _Q3),
        c.MEAN_FROM_QUARTILES,
        c.mean_from_quartiles,
        c.SD_FROM_QUARTILES,
        c.sd_from_quartiles,
    ),
    ((_MIN, _MED, _MAX), c.MEAN_FROM_RANGE, c.mean_from_range, c.SD_FROM_RANGE, c.sd_from_range),
)


def _counted(
    function: Callable[[float, float, int], float | Refused],
    decimals: int,
    percent: float,
    n: float,
) -> float | Refused:
    return function(percent, n, decimals)


def _as_it_is(_: str, number: Number) -> Number:
    return number


def _if(condition: bool, reason: str) -> tuple[Refused, ...]:
    return (Refused(reason),) if condition else ()


# -- one contrast --------------------------------------------------------------------------------


def measure_of(text: str | None) -> tuple[str | None, bool]:
    """The measure a text names, and whether the text says its logarithm was printed.

    (None, ...) where it is none of `MEASURES`: "median difference", "difference".
    """
    plain = " ".join((text or "").split())
    without = _ON_LOG_SCALE.sub("", plain)
    name = " ".join(_QUALIFIERS.sub(" ", without).rstrip(")").split()).lower()
    name = name.replace("standardised", "standardized").replace("\u2019", "'")
    return MEASURES.get(name), without != plain


def harmonise_contrast(
    result: ReportedResult,
    options: Options = _DEFAULT,
    *,
    n_1: Number | None = None,
    n_2: Number | None = None,
) -> ContrastValues:
    """Estimate and standard error of a contrast on the scale it is pooled on.

    `n_1` and `n_2` are the numbers analysed in the arms it compares: without them the interval of
    a mean difference is read as one from the normal distribution, and its P value is not used.
    """
    read = _Reader(result, options)
    measure, is_log = measure_of(result.measure)
    printed = read(CellName.ESTIMATE)
    if measure is None:
        named = f"the measure {result.measure!r} is not one that is pooled here"
        reason = named if result.measure else "no measure is reported"
        return ContrastValues(
            result=result.key,
            measure=None,
            scale=None,
            estimate=printed,
            se=missing(State.UNCLEAR, Refused(reason)),
        )
    scale = "log" if measure in RATIOS else "natural"
    to_log = scale == "log" and not is_log
    if measure == "RD" and "%" in f"{result.unit or ''}":
        printed = _in_unit(printed, "estimate", "%", "fraction", options)
    estimate = read.make(c.LOG_OF_RATIO, c.log_of_ratio, {"ratio": printed}) if to_log else printed
    se, others = _best(_standard_errors(read, result, options, measure, to_log, estimate, n_1, n_2))
    return ContrastValues(
        result=result.key,
        measure=measure,
        scale=scale,
        estimate=estimate,
        se=se,
        is_adjusted=bool(_ADJUSTING.search(f"{result.measure} {result.method}")),
        checks=tuple(_checks("se", se, others)),
    )


def _standard_errors(
    read: _Reader,
    result: ReportedResult,
    options: Options,
    measure: str,
    to_log: bool,
    estimate: Number,
    n_1: Number | None,
    n_2: Number | None,
) -> Iterator[Number]:
    in_percent = measure == "RD" and "%" in f"{result.unit or ''}"

    def cell(name: CellName) -> Number:
        number = read(name)
        return _in_unit(number, name.value, "%", "fraction", options) if in_percent else number

    se, low, high = (cell(x) for x in (CellName.SE, CellName.CI_LOW, CellName.CI_HIGH))
    if se.value is not None and to_log:
        reason = "it is not said whether the standard error is of the ratio or of its logarithm"
        yield missing(State.UNCLEAR, Refused(reason))
    else:
        yield se
    groups = {} if n_1 is None or n_2 is None else {"n_1": n_1, "n_2": n_2}
    has_groups = bool(groups) and all(n.value is not None for n in groups.values())
    bounds = {"ci_low": low, "ci_high": high}
    if low.value is not None and high.value is not None:
        off = _off_midway(estimate, low, high, to_log)
        flags = () if off is None else (Guard.NOT_MIDWAY.value,)
        level = {"ci_level": read.level()}
        if off is not None and off.guard not in options.override:
            yield missing(State.UNCLEAR, off)
        elif to_log:
            yield read.make(c.LOG_SE_FROM_RATIO_CI, c.log_se_from_ratio_ci, bounds | level, *flags)
        elif measure == "MD" and has_groups:
            yield read.make(c.SE_FROM_MD_CI, c.se_from_md_ci, bounds | groups | level, *flags)
        else:
            yield read.make(c.SE_FROM_CI, c.se_from_ci, bounds | level, *flags)
    if result.p_text:
        known = {"estimate": estimate, "p": read.p()}
        if measure != "MD":
            yield read.make(c.SE_FROM_P, c.se_from_p, known)
        elif has_groups:
            yield read.make(c.SE_FROM_MD_P, c.se_from_md_p, known | groups)
        else:
            reason = "a P value of a mean difference needs the number analysed in both arms"
            yield missing(State.NOT_REPORTED, Refused(reason, rule=c.SE_FROM_MD_P.id))


def _off_midway(estimate: Number, low: Number, high: Number, to_log: bool) -> Refused | None:
    if estimate.value is None or low.value is None or high.value is None:
        return None
    rounding = estimate.rounding
    if not to_log:
        rounding += (low.rounding + high.rounding) / 2
        return c.not_midway(estimate.value, low.value, high.value, rounding)
    if low.value <= 0 or high.value <= 0:
        return None  # refused by the rule itself
    rounding += (low.rounding / low.value + high.rounding / high.value) / 2
    return c.not_midway(estimate.value, log(low.value), log(high.value), rounding)


def sd_from_contrast(
    contrast: ContrastValues, n_1: Number, n_2: Number, options: Options = _DEFAULT
) -> Number:
    """The SD that both arms of a mean difference share, from its standard error."""
    if contrast.measure != "MD":
        reason = f"only a mean difference has the SD of its arms, not {contrast.measure}"
        return missing(State.NOT_REPORTED, Refused(reason, rule=c.SD_FROM_MD_SE.id))
    se = contrast.se
    if contrast.is_adjusted:
        se = _made(ADJUSTED, lambda value: value, {"se": se}, "adjusted", options=options)
    inputs = {"se": se, "n_1": n_1, "n_2": n_2}
    return _made(c.SD_FROM_MD_SE, c.sd_from_md_se, inputs, "same-sd-in-both-arms", options=options)


# -- one arm at two times ------------------------------------------------------------------------


def pre_post(
    baseline: ReportedResult,
    follow_up: ReportedResult,
    change: ReportedResult | None = None,
    options: Options = _DEFAULT,
) -> PrePost:
    """One arm before and after, with the SD of change as reported, computed or at assumed r.

    All three results are of one arm and outcome in one unit; `change` is follow-up minus baseline.
    """
    before, after = harmonise_arm(baseline, options), harmonise_arm(follow_up, options)
    of_change = None if change is None else harmonise_arm(change, options)
    n = _pairs(before.n, after.n, None if of_change is None else of_change.n, options)
    unequal = ("unequal-n",) if _differ(before.n, after.n) else ()
    means = [] if of_change is None else [of_change.mean]
    inputs = {"follow_up": after.mean, "baseline": before.mean}
    means.append(_made(c.CHANGE_MEAN, c.change_mean, inputs, *unequal, options=options))
    change_mean, other_means = _best(means)
    sds = {"baseline": before.sd, "follow_up": after.sd}
    reported = missing() if of_change is None else of_change.sd
    if reported.value is not None:
        r = _made(
            c.CORRELATION, c.correlation, sds | {"change": reported}, *unequal, options=options
        )
        change_sd: tuple[ChangeSd, ...] = (ChangeSd(r=r, sd=reported),)
    else:
        assumed = [_assumed_correlation(r, options) for r in options.correlations]
        made = [
            ChangeSd(r=r, sd=_made(c.CHANGE_SD, c.change_sd, sds | {"r": r}, options=options))
            for r in assumed
        ]
        change_sd = tuple(one for one in made if one.sd.value is not None)
    return PrePost(
        n=n,
        baseline_mean=before.mean,
        baseline_sd=before.sd,
        follow_up_mean=after.mean,
        follow_up_sd=after.sd,
        change_mean=change_mean,
        change_sd=change_sd,
        checks=(
            *before.checks,
            *after.checks,
            *(() if of_change is None else of_change.checks),
            *_checks("change_mean", change_mean, other_means, sd=after.sd),
        ),
    )


def _pairs(before: Number, after: Number, of_change: Number | None, options: Options) -> Number:
    if of_change is not None and of_change.value is not None:
        return of_change
    if not _differ(before, after):
        return after if before.value is not None else missing(before.state)
    return _made(PAIRS, min, {"n_baseline": before, "n_follow_up": after}, options=options)


def _differ(before: Number, after: Number) -> bool:
    return None not in (before.value, after.value) and before.value != after.value


def _assumed_correlation(r: float, options: Options) -> Number:
    return _made(ASSUMED_CORRELATION, lambda: r, {}, f"r={r:g}", options=options)


# -- several arms --------------------------------------------------------------------------------


def combined_arms(arms: Sequence[ArmValues], options: Options = _DEFAULT) -> ArmValues:
    """Arms of one study taken together as one group, in any order.

    A quantity that any of them lacks is missing in the whole: nothing is added up over a part.
    """
    if not arms:
        raise InvalidInput("no arm was given to combine")
    if len(arms) == 1:
        return arms[0]

    def total(name: str, numbers: Sequence[Number]) -> Number:
        named = {f"{name}_{i}": number for i, number in enumerate(numbers, 1)}
        return _made(c.COMBINED_GROUPS, lambda *values: sum(values), named, options=options)

    def of_groups(name: str, pick: Callable[[c.Group], float], inputs: dict[str, Number]) -> Number:
        size = len(inputs) // len(arms)

        def function(*values: float) -> float | Refused:
            rows = [values[i : i + size] for i in range(0, len(values), size)]
            # A mean does not depend on the SDs, which may be missing.
            groups = [c.Group(row[0], row[1], row[2] if size == 3 else 0.0) for row in rows]
            made = c.combined_groups(groups)
            return made if isinstance(made, Refused) else pick(made)

        return _made(c.COMBINED_GROUPS, function, inputs, options=options)

    means: dict[str, Number] = {}
    sds: dict[str, Number] = {}
    for i, arm in enumerate(arms, 1):
        means |= {f"n_{i}": arm.n, f"mean_{i}": arm.mean}
        sds |= {f"n_{i}": arm.n, f"mean_{i}": arm.mean, f"sd_{i}": arm.sd}
    statistics = {arm.statistic for arm in arms}
    if len(statistics) > 1:
        raise InvalidInput("arms are combined where all report one statistic, not a mixture")
    return ArmValues(
        result=" + ".join(arm.result for arm in arms),
        statistic=arms[0].statistic,
        n=total("n", [arm.n for arm in arms]),
        events=total("events", [arm.events for arm in arms]),
        person_years=total("person_years", [arm.person_years for arm in arms]),
        mean=of_groups("mean", lambda group: group.mean, means),
        sd=of_groups("sd", lambda group: group.sd, sds),
        checks=tuple(check for arm in arms for check in arm.checks),
    )


def split_arm(arm: ArmValues, comparisons: int, options: Options = _DEFAULT) -> ArmValues:
    """One control group's part in one of several comparisons: n, events and person-years divided,
    mean and SD as they are. They need not be whole afterwards."""
    if comparisons < 2:
        raise InvalidInput(f"a group is split between 2 or more comparisons, not {comparisons}")

    def part(name: str, number: Number) -> Number:
        function = partial(_shared, comparisons)
        return _made(c.SHARED_GROUP, function, {name: number}, options=options)

    return replace(
        arm,
        n=part("n", arm.n),
        events=part("events", arm.events),
        person_years=part("person_years", arm.person_years),
    )


def _shared(comparisons: int, count: float) -> float | Refused:
    return c.shared_group(count, comparisons)


def with_borrowed_sd(arm: ArmValues, lender: Number, options: Options = _DEFAULT) -> ArmValues:
    """The arm with the SD of another result (its own baseline, another arm, another study), where
    it has none itself."""
    if arm.sd.value is not None:
        return arm
    borrowed = _made(BORROWED_SD, lambda sd: sd, {"sd": lender}, "borrowed", options=options)
    refused = (*arm.sd.refused, *borrowed.refused)
    return replace(arm, sd=replace(borrowed, refused=refused))


def in_unit(
    arm: ArmValues, unit: str | None, wanted: str, options: Options = _DEFAULT
) -> ArmValues:
    """Mean and SD in another unit; missing, with the reason, where no factor is known."""
    return replace(
        arm,
        mean=_in_unit(arm.mean, "mean", unit, wanted, options),
        sd=_in_unit(arm.sd, "sd", unit, wanted, options),
    )


def _in_unit(number: Number, name: str, unit: str | None, wanted: str, options: Options) -> Number:
    by = factor(unit, wanted) if unit else Refused("the unit is not reported")
    if isinstance(by, Refused):
        reason = replace(by, rule=UNIT.id)
        return number if number.value is None else missing(State.UNCLEAR, reason)
    if by == 1.0:
        return number
    made = _made(UNIT, lambda value: value * by, {name: number}, options=options)
    if made.value is None:
        return made
    step = made.chain[-1]
    statement = f"{step.statement} ({unit} to {wanted}: × {by:g})"
    return replace(made, chain=(*made.chain[:-1], replace(step, statement=statement)))


# -- choosing ------------------------------------------------------------------------------------


def _made(
    rule: Rule,
    function: Callable[..., float | Refused],
    inputs: Mapping[str, Number],
    *flags: str,
    options: Options = _DEFAULT,
) -> Number:
    return apply(rule, function, inputs, *flags, drop=options.drop, override=options.override)


def _best(candidates: Iterator[Number] | Sequence[Number]) -> tuple[Number, list[Number]]:
    """The candidate that is taken, carrying what was refused, and the others that have a value."""
    listed = list(candidates)
    refused = tuple(dict.fromkeys(why for number in listed for why in number.refused))
    there = [number for number in listed if number.value is not None]
    if not there:
        first = listed[0]
        is_unclear = any(number.state is State.UNCLEAR for number in listed)
        is_open = first.state in (State.NOT_REPORTED, *_REPORTED)
        return missing(State.UNCLEAR if is_unclear and is_open else first.state, *refused), []
    # Sorting is stable: among equals in trust the order of preference stands.
    there.sort(key=lambda number: TRUST.index(number.origin or Origin.IMPUTED))
    return replace(there[0], refused=refused), there[1:]


def _checks(
    quantity: str, taken: Number, others: Sequence[Number], *, sd: Number | None = None
) -> Iterator[Check]:
    """The others compared with the one taken. Means, which may be near zero, differ by a part of
    their `sd` where there is one; counts and percentages by rounding alone."""
    for other in others:
        if taken.value is None or other.value is None:
            continue
        is_rough = Origin.IMPUTED in (taken.origin, other.origin) or "unequal-n" in other.flags
        slack = _IMPUTED_SLACK if is_rough else _EXACT_SLACK
        size = taken.value if sd is None or sd.value is None else sd.value
        if quantity in ("events", "percent") and not is_rough:
            slack = 1e-9
        tolerance = taken.rounding + other.rounding + slack * abs(size)
        yield Check(
            quantity=quantity,
            taken=taken,
            other=other,
            agrees=abs(taken.value - other.value) <= tolerance,
            tolerance=tolerance,
        )
