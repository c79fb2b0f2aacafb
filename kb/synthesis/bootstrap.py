"""Thousands of resampled meta-analyses at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from kb.synthesis.tau2 import Floats


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """`estimates` and `tau2s` of n resamples of the studies, and their percentile intervals."""

    estimates: Floats
    tau2s: Floats
    level: float
    estimate_lb: float
    estimate_ub: float
    tau2_lb: float
    tau2_ub: float


def bootstrap(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    n: int = 10_000,
    seed: int,
    method: Literal["DL", "REML"] = "REML",
    level: float = 95.0,
) -> Bootstrap:
    """Percentile intervals from `n` resamples of studies with replacement; same seed, same result."""
    raise NotImplementedError
