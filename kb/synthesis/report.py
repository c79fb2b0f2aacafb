"""An analysis as JSON values, under metafor's names (estimate, ci.lb, QE, I2 ...).

A number that does not exist for a model is null, never left out; names that only some models have
(MH, QE.LRT ...) stand in theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from kb.synthesis.analysis import (
    Analysis,
    BiasTests,
    Effect,
    Pooled,
    Refit,
    StudyRow,
    SubgroupAnalysis,
)
from kb.synthesis.bias import Egger, TrimAndFill
from kb.synthesis.counts import CommonEffect
from kb.synthesis.effects import Measure
from kb.synthesis.glmm import GlmmFit
from kb.synthesis.pooling import Fit, HeterogeneityInterval, metafor_names
from kb.synthesis.sensitivity import Influence

_ALWAYS: Final = (
    "estimate", "se", "statistic", "zval", "tval", "pval", "ci.lb", "ci.ub", "k", "p", "ddf",
    "tau2", "se.tau2", "QE", "QEdf", "QEp", "I2", "H2", "pi.lb", "pi.ub", "QM", "QMdf", "QMp", "R2",
)  # fmt: skip

# Of what programs that keep all numbers as floats can tell apart.
_LARGEST_INTEGER: Final = 2**53


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The analysis as numbers, texts, lists and objects that JSON has; NaN becomes null."""
    a = analysis
    found = {
        "measure": a.measure.code,
        "measure_name": a.measure.name,
        "scale": a.measure.scale,
        "method": a.choices.method,
        "test": a.choices.test,
        "level": a.choices.level,
        **pooled_json(a.pooled),
        "natural": _pooled_natural(a),
        "pi.hts": _pair(a.hts),
        "pi.hts.natural": _pair(a.hts_natural),
        "heterogeneity": _heterogeneity(a.heterogeneity),
        "studies": [_study(row, a.measure) for row in a.studies],
        "left_out": [asdict(row) for row in a.left_out],
        "corrected": [row.label for row in a.studies if row.is_corrected],
        "no_information": [row.label for row in a.studies if row.is_uninformative],
        "subgroups": _subgroups(a.subgroups, a.measure) if a.subgroups else None,
        "cumulative": _refits(a.cumulative, a.measure, "added"),
        "leave_one_out": _refits(a.leave_one_out, a.measure, "left_out"),
        "bias": _bias(a.bias) if a.bias else None,
        "trimfill": _trimfill(a.trimfill, a.trimfill_natural, a.measure) if a.trimfill else None,
        "influence": _influence(a.influence, a.studies) if a.influence else None,
        "advice": [said._asdict() for said in a.advice],
        "notes": list(a.notes),
        "options": {**asdict(a.choices), "effects_as_given": a.is_given},
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def pooled_json(fit: Pooled) -> dict[str, Any]:
    """One model's numbers; with moderators `coef`, and lists in its order."""
    found: dict[str, Any] = dict.fromkeys(_ALWAYS)
    if isinstance(fit, Fit):
        found |= metafor_names(fit)
        found["zval" if fit.ddf is None else "tval"] = found["statistic"]
        found["QEdf"] = fit.k - fit.p
        if fit.p > 1:
            found["coefficients"] = [_dotted(c._asdict()) for c in fit.coefficients]
        return found
    numbers = {name: getattr(fit, name) for name in ("estimate", "se", "statistic", "pval")}
    found |= numbers | {"ci.lb": fit.ci_lb, "ci.ub": fit.ci_ub, "k": fit.k, "p": 1}
    found |= {"I2": fit.i2, "H2": fit.h2}
    found["tval" if isinstance(fit, GlmmFit) and fit.ddf is not None else "zval"] = fit.statistic
    if isinstance(fit, CommonEffect):
        found |= {"tau2": 0.0, "QE": fit.qe, "QEp": fit.qe_p}
        for name, test in (
            ("MH", fit.cmh),
            ("CO", fit.cochran),
            ("BD", fit.breslow_day),
            ("TA", fit.tarone),
        ):
            if test is not None:
                found |= {name: test.statistic, f"{name}df": test.df, f"{name}p": test.pval}
        return found
    return found | _glmm(fit)


def _glmm(fit: GlmmFit) -> dict[str, Any]:
    return {
        "model": fit.model,
        "ddf": fit.ddf,
        "tau2": fit.tau2,
        "sigma2": fit.sigma2,
        "pi.lb": fit.pi_lb,
        "pi.ub": fit.pi_ub,
        "QEdf": fit.qe_df,
        "QE.Wld": fit.qe_wald,
        "QEp.Wld": fit.qe_wald_p,
        "QE.LRT": fit.qe_lrt,
        "QEp.LRT": fit.qe_lrt_p,
        "logLik": fit.conditional_log_likelihood,
        "logLik.marginal": fit.log_likelihood,
    }


def _effect(effect: Effect | None, measure: Measure) -> dict[str, Any] | None:
    return None if effect is None else {"scale": measure.natural} | _dotted(asdict(effect))


def _pooled_natural(a: Analysis) -> dict[str, Any] | None:
    found = _effect(a.natural, a.measure)
    if found is None or a.double_arcsine is None:
        return found
    ways = a.double_arcsine
    return found | {
        "harmonic_mean_n": ways.harmonic_mean_n,
        "inverse_variance": {"n": ways.inverse_variance_n}
        | (_interval(ways.by_inverse_variance, a.measure) or {}),
        "sine_squared": ways.sine_squared,
    }


def _pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else list(pair)


def _heterogeneity(found: HeterogeneityInterval | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        name: dict(zip(("estimate", "ci.lb", "ci.ub"), values))
        for name, values in (("tau2", found.tau2), ("I2", found.i2), ("H2", found.h2))
    }


def _study(row: StudyRow, measure: Measure) -> dict[str, Any]:
    found: dict[str, Any] = {
        "slab": row.label,
        "place": row.place,
        "yi": row.yi,
        "vi": row.vi,
        "sei": row.sei,
        "ci.lb": row.ci_lb,
        "ci.ub": row.ci_ub,
        "weight": row.weight,
        "natural": _interval(row.natural, measure),
        "is_corrected": row.is_corrected,
        "has_no_information": row.is_uninformative,
        "data": dict(row.data),
        "origins": dict(row.origins),
    }
    if row.wilson is not None:
        found |= {"clopper_pearson": _pair(row.exact), "wilson": _pair(row.wilson)}
    return found


def _interval(effect: Effect | None, measure: Measure) -> dict[str, Any] | None:
    """A natural estimate of what has no prediction interval."""
    whole = _effect(effect, measure)
    return whole and {name: value for name, value in whole.items() if not name.startswith("pi.")}


def _subgroups(found: SubgroupAnalysis, measure: Measure) -> dict[str, Any]:
    return {
        "by": found.column,
        "groups": {
            group.label: pooled_json(group.fit) | {"natural": _effect(group.natural, measure)}
            for group in found.groups
        },
        "between": {"Q": found.between_q, "df": found.between_df, "p": found.between_p},
        "common_tau2": pooled_json(found.common) if found.common else None,
        "in_no_group": list(found.without),
    }


def _refits(
    rows: tuple[Refit, ...] | None, measure: Measure, label: str
) -> list[dict[str, Any]] | None:
    if rows is None:
        return None
    return [
        {
            label: row.label,
            "k": row.k,
            "estimate": row.estimate,
            "se": row.se,
            "statistic": row.statistic,
            "pval": row.pval,
            "ci.lb": row.ci_lb,
            "ci.ub": row.ci_ub,
            "Q": row.q,
            "Qp": row.q_p,
            "tau2": row.tau2,
            "I2": row.i2,
            "H2": row.h2,
            "natural": _interval(row.natural, measure),
        }
        for row in rows
    ]


def _bias(found: BiasTests) -> dict[str, Any]:
    return {
        "egger": _egger(found.egger),
        "egger_mixed": _egger(found.egger_mixed),
        "begg": asdict(found.begg),
        "fail_safe_n": found.fail_safe_n,
    }


def _egger(found: Egger) -> dict[str, Any]:
    return {
        "model": found.model,
        "predictor": found.predictor,
        "statistic": found.statistic,
        "df": found.df,
        "pval": found.pval,
        "slope": found.slope,
        "slope.se": found.slope_se,
        "limit_estimate": found.limit_estimate,
        "limit_ci.lb": found.limit_ci_lb,
        "limit_ci.ub": found.limit_ci_ub,
    }


def _trimfill(found: TrimAndFill, natural: Effect | None, measure: Measure) -> dict[str, Any]:
    return {
        "estimator": found.estimator,
        "side": found.side,
        "k0": found.k0,
        "k0.se": found.k0_se,
        **pooled_json(found.fit),
        "natural": _effect(natural, measure),
        "filled": [{"yi": y, "vi": v} for y, v in zip(found.filled_yi, found.filled_vi)],
    }


_INFLUENCE_NAMES: Final = {
    "cook_d": "cook.d",
    "cov_r": "cov.r",
    "tau2_del": "tau2.del",
    "qe_del": "QE.del",
}


def _influence(found: Influence, studies: tuple[StudyRow, ...]) -> list[dict[str, Any]]:
    names = [field.name for field in fields(found)]
    return [
        {"slab": row.label}
        | {_INFLUENCE_NAMES.get(name, name): getattr(found, name)[n] for name in names}
        for n, row in enumerate(studies)
    ]


def _dotted(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item"):  # NumPy's scalars
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return float(value)
    return value
