"""Between-study variance tau²: nine estimators, with and without moderators, and its interval."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Method = Literal["EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM"]
METHODS: tuple[Method, ...] = ("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")


class Tau2(NamedTuple):
    """`value` in squared units of the estimates, never negative; `se` is None for "EE"."""

    value: float
    se: float | None


def tau2(
    yi: ArrayLike, vi: ArrayLike, x: ArrayLike | None = None, *, method: Method = "REML"
) -> Tau2:
    """Between-study variance of k estimates `yi` with sampling variances `vi`."""
    raise NotImplementedError


def q_profile(
    yi: ArrayLike, vi: ArrayLike, x: ArrayLike | None = None, *, level: float = 95.0
) -> tuple[float, float]:
    """Interval of tau² that inverts the generalised Q statistic (Viechtbauer 2007)."""
    raise NotImplementedError
