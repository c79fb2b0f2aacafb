"""Numbers as they are printed in running text, each with what its surroundings say it is.

The same number is printed in many ways: "6.7" and Lancet's "6·7", "0.001" and ".001", "1,200" and
"1 200", "five of seven" and "5/7". Reading them all to one value makes a table and a sentence
comparable; knowing that a number is a time, a percentage or part of a name keeps "12 weeks" from
being taken for 12 patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise
from typing import Final


class Reads(Enum):
    """What the words around a number make of it."""

    PLAIN = auto()
    PERCENT = auto()
    TIME = auto()  # "12 weeks", "day 7", "6-minute"
    P_VALUE = auto()
    COMPOUND = auto()  # "a 2-point fall", "9-hole": a size or a name, never a count of persons
    LABEL = auto()  # "grade 3", "95% CI", "2nd": names something and counts nothing
    POWER = auto()  # "10^6 cells" with nothing before it


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number at `text[start:end]`, its sign included.

    `power` is the exponent of a power of ten behind it ("2 × 10^6", "20 million": 6), None where
    there is none or where printing has lost it ("× 106" may be 10^6 or 106).
    """

    value: Decimal
    start: int
    end: int
    reads: Reads = Reads.PLAIN
    unit: str | None = None  # of a TIME: "hour", "day", "week", "month", "year" ...
    operator: str | None = None  # of a P_VALUE: "<", "=", ">"; None where none is printed
    power: int | None = None


@lru_cache(maxsize=4096)
def numbers_in(text: str) -> tuple[PrintedNumber, ...]:
    """Every number printed in `text`, in order, digits and words up to ninety-nine alike.

    Digits that belong to a name ("T2", "IL-6", "FOXP3", "9HPT") are no numbers. A dash between two
    numbers is a range and no minus sign. In "× 10^6" and "× 106" only the number before counts.
    """
    text = text.translate(_PLAIN_CHARACTERS)
    found = sorted((*_digits(text), *_words(text)), key=lambda number: number.start)
    read: list[PrintedNumber] = []
    for number in found:
        taken = 0
        if read:
            # In "by 48 weeks 3 had" the weeks are taken, and 3 is no time.
            unit = _TIME_AFTER.match(text, read[-1].end)
            taken = unit.end() if unit else read[-1].end
        read.append(_in_context(text, number, taken))
    return tuple(_chained(text, read))


@lru_cache(maxsize=4096)
def fractions_in(text: str) -> tuple[tuple[PrintedNumber, PrintedNumber], ...]:
    """Pairs printed as a part of a whole: "5/6", "5 of the 6", "five patients out of seven"."""
    numbers = numbers_in(text)
    return tuple(
        (part, whole)
        for part, whole in pairwise(numbers)
        if part.reads is whole.reads is Reads.PLAIN
        and 0 <= part.value <= whole.value
        and _OF.fullmatch(text[part.end : whole.start])
    )


def _listed(words: str) -> list[str]:
    return words.split()


# Both sides keep their length, so that positions hold in the text as printed.
_PLAIN_CHARACTERS: Final = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\ufe63\uff0d", "\u2013"),
        **dict.fromkeys("\u2219\u22c5\u2022\u2027", "\u00b7"),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", "\u2009"),  # spaces that do not break a number
        **dict.fromkeys("\u2715\u2a09\u2217", "\u00d7"),
        "\u2264": "<",
        "\u2265": ">",
    }
)
_DASH: Final = "[-\u2013\u2212]"
_SUPERSCRIPT: Final = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
_NORMAL: Final = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "0123456789"
)

_DIGITS: Final = re.compile(
    rf"""
    (?<![\w^])(?:
        (?<!\d)[.\u00b7]\d++ (?!\s?\^|[{_SUPERSCRIPT}])              # .001
      | \d{{1,3}}(?:[,\u2009]\d{{3}})++(?![\d,]) (?:[.\u00b7]\d++)?  # 1,200 and 1 200.5
      | \d++ (?:[.\u00b7]\d++(?!\s?\^|[{_SUPERSCRIPT}])              # 6.7, but not 2·10^6
           | ,(?:\d{{1,2}}|\d{{4,}})(?!\d))?                         # 6,7
    )
    """,
    re.VERBOSE,
)
_LEADING_ZERO_COMMA: Final = re.compile(r"0,\d{3}")  # 0,125 is no thousand
_POWER: Final = re.compile(
    rf"""
    10 (?: \s?\^\s?\(?(?P<hat>\d{{1,3}})(?!\d)\)? | \*\*(?P<stars>\d{{1,3}})(?!\d)
         | (?P<raised>[{_SUPERSCRIPT}]{{1,3}}) | \((?P<brackets>\d{{1,3}})\)
         | e(?P<e>\d{{1,3}})(?!\d) | (?P<lost>\d)(?!\d) )
    """,
    re.VERBOSE,
)
_TIMES: Final = re.compile(r"\s*[x\u00d7*\u00b7]\s*", re.IGNORECASE)
_LARGE: Final = re.compile(r"\s*(thousand|million|billion)\b", re.IGNORECASE)
_EXPONENT: Final = {"thousand": 3, "million": 6, "billion": 9}

_UNITS: Final = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS: Final = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
_WORD_VALUES: Final = {
    **{word: i for i, word in enumerate(_UNITS)},
    **{word: 10 * i for i, word in enumerate(_TENS, 2)},
}
_NUMBER_WORD: Final = re.compile(
    rf"(?<![\w-])(?:(?P<ten>{'|'.join(_TENS)})(?:{_DASH}|\s)(?P<one>{'|'.join(_UNITS[1:10])})"
    rf"|(?P<word>{'|'.join(_UNITS + _TENS)}))"
    r"(?!\w|\s(?:another|third|quarter|half|fifth|tenth)s?\b)",
    re.IGNORECASE,
)
_NO_ONE: Final = re.compile(r"\bno\s$", re.IGNORECASE)

# Letters that may follow a number at once; anything else makes it a name ("9HPT", "3D", "2a").
_GLUED: Final = frozenset(
    _listed(
        "mg g kg ug ng pg ml l dl ul m cm mm um nm h hr hrs min s d wk wks mo y yr yrs day days "
        "week weeks month months year years x fold iu u mmhg bpm hz khz kda mmol umol nmol ms "
        "million"
    )
)
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[^\W\d_]+")

_TIME_UNITS: Final = {
    "second": "seconds? secs?",
    "minute": "minutes? mins?",
    "hour": "hours? hrs? h",
    "day": "days? d",
    "week": "weeks? wks? w",
    "month": "months? mos? mths?",
    "year": "years? yrs? y",
}
_TIME_PATTERN: Final = "|".join(
    f"(?P<{unit}>{'|'.join(names.split())})" for unit, names in _TIME_UNITS.items()
)
_TIME_AFTER: Final = re.compile(rf"(?:\s|{_DASH})*(?:{_TIME_PATTERN})\b", re.IGNORECASE)
_TIME_BEFORE: Final = re.compile(
    rf"\b(?:{_TIME_PATTERN})\s(?:\(?(?:post|after)\)?\s)?$", re.IGNORECASE
)
_PERCENT: Final = re.compile(r"\s*(?:%|percent\b|per cent\b)", re.IGNORECASE)
_INTERVAL: Final = re.compile(
    r"\s*%?(?:\s|-|\(|of)*(?:C\.?I\b|CrI\b|confidence|credib)", re.IGNORECASE
)
_P_BEFORE: Final = re.compile(
    r"(?<![\w-])p\s?(?:[- ]?values?)?(?:\s(?:of|was|were|is|for [a-z]+))?\s?"
    r"(?P<operator>[<=>]|less than|below)?\s?$",
    re.IGNORECASE,
)
_OPERATORS: Final = {"less than": "<", "below": "<"}
_LABEL_BEFORE: Final = re.compile(
    r"\b(?:grades?|phases?|types?|stages?|class(?:es)?|tables?|tab\.|fig\.|figs\.|figures?|visits?"
    r"|levels?|versions?|steps?|section|no\.|CTCAE|criterion)\s$",
    re.IGNORECASE,
)
_COMPOUND: Final = re.compile(r"[-\u2013](?:[a-z]|\s*(?:and|to|or|,)\s)", re.IGNORECASE)

_RANGE: Final = re.compile(
    rf"\s*(?:{_DASH}?\s*,?\s*(?:to|and|or)|{_DASH}|vs\.?|versus|\u00b1|\+/-)\s*", re.IGNORECASE
)
_LIST: Final = re.compile(rf"\s*(?:{_DASH}|to|,?\s*(?:and|or)|,|/)\s*", re.IGNORECASE)
_ANOTHER_P: Final = re.compile(r"\s*(?:,?\s*and|,|;|vs\.?|versus)\s*[<=>]?\s*", re.IGNORECASE)
_PEOPLE: Final = "patients?|participants?|subjects?|persons?|people|individuals?|children|cases?"
_OF: Final = re.compile(
    rf"\s*(?:{_PEOPLE})?\s*(?:/|\(?(?:out\s)?(?:of|from|among)\s(?:the|all|these|a total of)?)\s*",
    re.IGNORECASE,
)


def _digits(text: str) -> Iterator[PrintedNumber]:
    covered = 0
    for match in _DIGITS.finditer(text):
        if match.start() < covered or _is_in_name(text, match.start(), match.end()):
            continue
        alone = _POWER.match(text, match.start())
        if alone and not alone["lost"]:
            covered = alone.end()
            exponent = _exponent(alone)
            yield PrintedNumber(
                Decimal(1), match.start(), covered, reads=Reads.POWER, power=exponent
            )
            continue
        printed = match[0]
        digits_after = printed.rpartition(",")[2].partition(".")[0]
        if _LEADING_ZERO_COMMA.fullmatch(printed) or len(digits_after) != 3:
            printed = printed.replace(",", ".")
        value = Decimal(printed.replace(",", "").replace("\u2009", "").replace("\u00b7", "."))
        start, is_negative = _signed(text, match.start())
        end, power = _times_ten_to(text, match.end())
        covered = end
        yield PrintedNumber(-value if is_negative else value, start, match.end(), power=power)


def _words(text: str) -> Iterator[PrintedNumber]:
    for match in _NUMBER_WORD.finditer(text):
        word = match["word"]
        if word is None:
            value = _WORD_VALUES[match["ten"].lower()] + _WORD_VALUES[match["one"].lower()]
        elif word.lower() == "one" and _NO_ONE.search(_before(text, match.start())):
            continue
        else:
            value = _WORD_VALUES[word.lower()]
        _, power = _times_ten_to(text, match.end())
        yield PrintedNumber(Decimal(value), match.start(), match.end(), power=power)


def _is_in_name(text: str, start: int, end: int) -> bool:
    if re.search(r"[^\W\d_][-\u2013]$", text[max(0, start - 2) : start]):
        return True  # IL-6, SF-36
    glued = _LETTERS.match(text, end)
    if glued is None or _ORDINAL.fullmatch(glued[0]):
        return False
    return glued[0].lower() not in _GLUED


def _signed(text: str, start: int) -> tuple[int, bool]:
    """Where the number begins with its sign, and whether that is a minus."""
    if start == 0 or not re.match(_DASH, text[start - 1]):
        return start, False
    before = text[: start - 1].rstrip()
    is_range = before.endswith((*"0123456789%)", "+/"))
    return (start, False) if is_range else (start - 1, True)


def _times_ten_to(text: str, end: int) -> tuple[int, int | None]:
    """The end of "× 10^6" or "million" behind a number, and the exponent where it can be read."""
    large = _LARGE.match(text, end)
    if large:
        return large.end(), _EXPONENT[large[1].lower()]
    times = _TIMES.match(text, end)
    power = _POWER.match(text, times.end()) if times else None
    return (power.end(), _exponent(power)) if power else (end, None)


def _exponent(power: re.Match[str]) -> int | None:
    printed = next(
        (power[name] for name in ("hat", "stars", "raised", "brackets", "e") if power[name]), None
    )
    return None if printed is None else int(printed.translate(_NORMAL))


def _before(text: str, position: int, taken: int = 0) -> str:
    """What stands before a number, as far back as one looks for what it is."""
    return text[max(taken, position - 40) : position]


def _in_context(text: str, number: PrintedNumber, taken: int) -> PrintedNumber:
    """The number as its surroundings read it; those before `taken` belong to the number before."""
    if number.reads is not Reads.PLAIN:
        return number
    before, end = _before(text, number.start, taken), number.end
    if _PERCENT.match(text, end):
        label = _INTERVAL.match(text, end)
        return replace(number, reads=Reads.LABEL if label else Reads.PERCENT)
    p_value = _P_BEFORE.search(before)
    if p_value and 0 <= number.value <= 1:
        operator = (p_value["operator"] or "").lower()
        return replace(
            number, reads=Reads.P_VALUE, operator=_OPERATORS.get(operator, operator) or None
        )
    time = _TIME_AFTER.match(text, end) or _TIME_BEFORE.search(before)
    if time:
        return replace(number, reads=Reads.TIME, unit=time.lastgroup)
    if _LABEL_BEFORE.search(before) or _ORDINAL.match(text, end):
        return replace(number, reads=Reads.LABEL)
    if _COMPOUND.match(text, end):
        return replace(number, reads=Reads.COMPOUND)
    return number


def _chained(text: str, numbers: Sequence[PrintedNumber]) -> Sequence[PrintedNumber]:
    """What is said of one number of a range or list holds for its neighbours: "3 and 6 months",
    "20-30%", "1-2 × 10^6", "grades 3 and 4"."""
    chained = list(numbers)
    for i in range(len(chained) - 1, 0, -1):
        left, right = chained[i - 1], chained[i]
        gap = text[left.end : right.start]
        if left.reads is Reads.PLAIN and left.power is None and _RANGE.fullmatch(gap):
            left = replace(left, power=right.power)
        if left.reads in (Reads.PLAIN, Reads.COMPOUND):
            # A comma alone binds times only within a list: in "of 6, 12 weeks later" it does not.
            in_list = i + 1 < len(chained) and chained[i + 1].unit == right.unit
            is_bound = _RANGE.fullmatch(gap) or (in_list and _LIST.fullmatch(gap))
            if (right.reads is Reads.TIME and is_bound) or (
                right.reads is Reads.PERCENT and _RANGE.fullmatch(gap)
            ):
                left = replace(left, reads=right.reads, unit=right.unit)
        chained[i - 1] = left
    for i, (left, right) in enumerate(pairwise(list(chained))):
        left = chained[i]
        if right.reads is not Reads.PLAIN:
            continue
        gap = text[left.end : right.start]
        is_label = left.reads is Reads.LABEL or (
            left.reads is Reads.TIME and _TIME_BEFORE.search(_before(text, left.start))
        )
        if is_label and re.fullmatch(rf"\s*(?:{_DASH}|to|and|or|/)\s*", gap):
            chained[i + 1] = replace(right, reads=left.reads, unit=left.unit)
        elif left.reads is Reads.P_VALUE and right.value <= 1 and _ANOTHER_P.fullmatch(gap):
            operator = re.search(r"[<=>]", gap)
            chained[i + 1] = replace(
                right,
                reads=Reads.P_VALUE,
                operator=operator[0] if operator else left.operator,
            )
    return chained
