"""Every check by its id: what it looks at, for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXPLAINED: Final[Mapping[str, str]] = MappingProxyType(
    {
        # One result by itself
        "events-exceed-n": "more persons with the event than persons analysed",
        "count-not-whole": "a count of persons or events is negative or not whole",
        "percent-out-of-range": "a share of persons below 0 or above 100 %",
        "percent-contradicts-count": "the printed percentage is not that of the count beside it",
        "percent-of-nobody": "no whole number of the persons analysed gives the percentage "
        "(GRIM: Brown & Heathers 2017)",
        "mean-of-nobody": "no scores of the persons analysed give the mean (GRIM: Brown & "
        "Heathers 2017)",
        "off-scale": "a value beyond the ends of its scale",
        "off-step": "the score of one person is not on the steps of the scale",
        "quantiles-out-of-order": "minimum, quartiles, median and maximum are not in order",
        "mean-beyond-extremes": "the mean lies outside the smallest and largest value",
        "sd-negative": "a standard deviation below 0",
        "sd-below-range": "a standard deviation smaller than the range permits: often a standard "
        "error",
        "sd-above-range": "a standard deviation larger than the range permits",
        "sd-above-scale": "a standard deviation larger than the scale permits (Bhatia & Davis "
        "2000)",
        "sd-of-one": "a standard deviation of one person",
        "sd-zero": "a standard deviation of 0 around a mean of several persons",
        "sd-contradicts-se": "standard deviation and standard error disagree",
        "sd-is-se": "the standard deviation is the standard error that the confidence interval "
        "implies (Handbook 6.5.2.2)",
        "interval-reversed": "the lower limit is above the upper one",
        "estimate-outside-interval": "the estimate lies outside its confidence interval",
        "interval-not-midway": "the estimate is not midway in its interval, ratios on the log "
        "scale (Handbook 6.3.2)",
        "ratio-not-positive": "a ratio of zero or less",
        "p-contradicts-interval": "P value and 95 % interval are on different sides of 0.05",
        "other-unit": "in another unit than the vocabulary's, so that the range was not checked",
        "other-direction": "entered with the direction of benefit that the vocabulary calls worse",
        # A study's results beside each other
        "n-rises": "more persons analysed later than earlier",
        "n-exceeds-arm": "more persons analysed than the arm had",
        "change-contradicts-difference": "the change is not follow-up minus baseline",
        "no-such-correlation": "the three standard deviations need a correlation beyond -1 to 1 "
        "(Handbook 6.5.2.8)",
        "sd-like-se": "a standard deviation that behaves as a standard error would",
        "estimate-turned-round": "the two arms differ by about as much as the estimate says, in "
        "the other direction",
        "sides-exceed-n": "improved, stable and worsened (or event and complement) are more than "
        "the persons analysed",
        "sides-below-n": "improved, stable and worsened (or event and complement) leave persons "
        "over",
        "sources-disagree": "two sources give different numbers for the same thing",
        "told-twice": "two sources tell the same thing: it counts once",
        "numbers-of-a-neighbour": "two outcomes have the same mean and SD to the last digit",
        "control-counted-twice": "several comparisons share one control (Handbook 23.3.4)",
        # Persons
        "persons-exceed-at-risk": "more persons with an adverse event than at risk",
        "events-below-persons": "fewer adverse events than persons who had one",
        "at-risk-exceeds-arm": "more persons at risk than the arm had",
        "serious-exceeds-any": "more persons with a serious adverse event than with any",
        "shared-participants": "participants stand, or may stand, in two studies",
    }
)
