"""What single studies do to the pooled effect: leave-one-out, cumulative, influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from kb.synthesis.pooling import Test
from kb.synthesis.tau2 import Floats, Method


@dataclass(frozen=True, slots=True)
class Refits:
    """One pooled effect per row, as arrays of k; `i2` in percent."""

    estimate: Floats
    se: Floats
    statistic: Floats
    pval: Floats
    ci_lb: Floats
    ci_ub: Floats
    q: Floats
    q_p: Floats
    tau2: Floats
    i2: Floats
    h2: Floats


@dataclass(frozen=True, slots=True)
class Influence:
    """Case diagnostics, arrays of k in the order given; `weight` in percent."""

    rstudent: Floats
    dffits: Floats
    cook_d: Floats
    cov_r: Floats
    tau2_del: Floats
    qe_del: Floats
    hat: Floats
    weight: Floats
    dfbs: Floats
    is_influential: tuple[bool, ...]


def leave_one_out(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Refits:
    """Row i pools all studies but study i."""
    raise NotImplementedError


def cumulative(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    order: Sequence[int] | None = None,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Refits:
    """Row i pools the first i + 1 studies of `order` (0-based; as given when None)."""
    raise NotImplementedError


def influence(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "z",
) -> Influence:
    """Case diagnostics of a pooled effect (Viechtbauer & Cheung 2010)."""
    raise NotImplementedError
