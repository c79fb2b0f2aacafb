"""Units of one dimension and the exact factors between them. An unknown pair is refused.

Scores, fold changes and percentages of a baseline have no entry: a number of them is only itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from kb.models.evidence import Origin
from kb.outcomes.chains import Refused, Rule

UNIT: Final = Rule(
    id="unit",
    title="The same quantity in another unit",
    formula="value × factor between the units",
    guard="both units are known and of one dimension, or they are the same",
    source="definitions of the International System of Units",
    origin=Origin.COMPUTED,
)

# Per dimension: how much one unit is, and its spellings. Micro is written u here.
_DIMENSIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "volume": {  # 1 mL = 1 cm3 = 1,000 mm3
        "1": "ul mm3 microliter microlitre cubicmillimeter cubicmillimetre",
        "1e3": "ml cm3 cc milliliter millilitre cubiccentimeter cubiccentimetre",
        "1e5": "dl deciliter decilitre",
        "1e6": "l dm3 liter litre",
    },
    "time": {
        "1e-3": "ms msec millisecond",
        "1": "s sec second",
        "60": "min minute",
        "3600": "h hr hour",
        "86400": "d day",
        "604800": "w wk week",
    },
    # Apart from days, of which a month has no fixed number.
    "calendar time": {"1": "mo month", "12": "y yr year"},
    "length": {  # a foot is 0.3048 m since the agreement of 1959
        "1e-6": "um micron micrometer micrometre",
        "1e-3": "mm millimeter millimetre",
        "1e-2": "cm centimeter centimetre",
        "0.3048": "ft foot feet",
        "1": "m meter metre",
        "1e3": "km kilometer kilometre",
    },
    "speed": {"1e-2": "cm/s cm/sec", "0.3048": "ft/s ft/sec feet/second", "1": "m/s m/sec"},
    "mass": {
        "1e-12": "pg",
        "1e-9": "ng",
        "1e-6": "ug mcg microgram",
        "1e-3": "mg milligram",
        "1": "g gram",
        "1e3": "kg kilogram",
    },
    "mass in a volume": {  # in g/L
        "1e-12": "pg/l",
        "1e-9": "pg/ml ng/l",
        "1e-8": "ng/dl",
        "1e-6": "ng/ml ug/l mcg/l pg/ul",
        "1e-5": "ug/dl mcg/dl",
        "1e-3": "ug/ml mcg/ml mg/l ng/ul",
        "1e-2": "mg/dl mg/100ml",
        "1": "g/l mg/ml ug/ul",
        "10": "g/dl g/100ml",
    },
    "amount in a volume": {
        "1e-12": "pmol/l",
        "1e-9": "nmol/l pmol/ml",
        "1e-6": "umol/l nmol/ml",
        "1e-3": "mmol/l umol/ml",
        "1": "mol/l",
    },
    "cells in a volume": {
        "1e-6": "cells/l",
        "1e-3": "cells/ml",
        "1": "cells/ul cells/mm3 10^6/l 10^6cells/l",
        "1e3": "10^3/ul 10^3/mm3 10^3cells/ul 10^3cells/mm3 10^6/ml 10^9/l 10^9cells/l k/ul",
        "1e6": "10^6/ul 10^6/mm3 10^12/l 10^12cells/l",
    },
    "part": {
        "1e-3": "permille",
        "1e-2": "% percent percentage percentagepoint pct",
        "1": "fraction proportion",
    },
    "mass in a day": {
        "1e-6": "ug/day ug/d ug/24h mcg/day",
        "1e-3": "mg/day mg/d mg/24h",
        "1": "g/day g/d g/24h",
    },
    "activity in a volume": {
        "1e-3": "mu/l miu/l",
        "1": "u/l iu/l mu/ml miu/ml",
        "1e3": "u/ml iu/ml",
    },
    "pressure": {"1": "pa", "98.0665": "cmh2o", "133.322387415": "mmhg", "1e3": "kpa"},
    "volume by body surface": {"1": "ml/m2", "1e3": "l/m2"},
    "sedimentation": {"1": "mm/h mm/hr mm/hour"},
    "acuity": {"1": "logmar"},
}


def _table() -> Mapping[str, tuple[str, Fraction]]:
    return MappingProxyType(
        {
            spelling: (dimension, Fraction(size))
            for dimension, units in _DIMENSIONS.items()
            for size, spellings in units.items()
            for spelling in spellings.split()
        }
    )


_UNITS: Final = _table()
_RAISED: Final = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u00b5\u03bc", "u"),
        **{raised: f"^{digit}" for digit, raised in enumerate(_RAISED)},
        "\u00d7": "x",
        "*": "^",
    }
)


_MEGA: Final = re.compile(r"MI?U\b")


def factor(unit: str, wanted: str) -> float | Refused:
    """What a number in `unit` is multiplied by to be in `wanted`; exact before it is a float.

    Spelling and case do not matter: "uL", "µL", "mm3", "mm^3", "mm³", "pg per ml"; but a capital
    M before units of activity is mega, and not known here.
    """
    one, other = _plain(unit), _plain(wanted)
    if one == other:
        return 1.0
    known, target = _UNITS.get(one), _UNITS.get(other)
    if known is None or target is None:
        return Refused(f"no factor is known from {unit!r} to {wanted!r}")
    if known[0] != target[0]:
        return Refused(f"{unit!r} is a unit of {known[0]}, {wanted!r} one of {target[0]}")
    return float(known[1] / target[1])


def _plain(unit: str) -> str:
    """One spelling for what is one unit."""
    text = unit.translate(_PLAIN).strip()
    if _MEGA.match(text):
        return text
    text = re.sub(r"(\^\d)\^(?=\d)", r"\1", text.lower())  # 10¹² came as 10^1^2
    text = re.sub(r"\s+per\s+", "/", text)
    text = re.sub(r"^x\s*(?=10)", "", text)
    text = re.sub(r"\s+|(?<=[a-z])\^(?=[23])|[()]", "", text)
    text = re.sub(r"^cellsx(10\^\d+)/", r"\1/", text)
    return text if text in _UNITS or not text.endswith("s") else text[:-1]
