"""Which sentence of an abstract a number stands in, and whether it stands there at all.

A locator that says "abstract" is resolved to the sentence that carries most of a result's numbers
and of the words it is about. What is found is what is printed: a number that was computed, read off
a figure or sent by the authors is never said to stand in a text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Final

from kb.models.records import AbstractSection
from kb.outcomes.printed_numbers import PrintedNumber, Reads, fractions_in, numbers_in
from kb.outcomes.timepoints import days

# -- sentences -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """`number` counts from 1 over the whole abstract, `label` is its section's."""

    text: str
    number: int
    label: str | None = None


def sentences(sections: Iterable[AbstractSection]) -> list[Sentence]:
    """The abstract sentence by sentence, in the words printed; only white space is tidied."""
    found: list[Sentence] = []
    for section in sections:
        for text in _split(section.text):
            found.append(Sentence(text=text, number=len(found) + 1, label=section.label))
    return found


def _listed(words: str) -> list[str]:
    return words.split()


def stands_in(quote: str, sections: Iterable[AbstractSection]) -> bool:
    """Whether the quote stands in the text word for word. White space, the kinds of dashes and
    quotation marks and the case of letters are let pass; "..." leaves words out."""
    text = _plain(" ".join(section.text for section in sections))
    start = 0
    parts = [part.strip() for part in re.split(r"\[?\.{3}\]?", _plain(quote))]
    for part in parts:
        found = text.find(part, start)
        if found < 0:
            return False
        start = found + len(part)
    return any(parts)


_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("‘’‛", "'"))
_QUOTES: Final = str.maketrans(dict.fromkeys("“”„", '"') | {"·": "."})


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return " ".join(folded.translate(_QUOTES).casefold().split())


# A full stop after these ends no sentence. "MS." does: capitals are looked at first.
_NEVER: Final = frozenset(
    _listed(
        "vs al e.g i.e cf ca c.f approx resp fig figs tab eq ref refs no nos vol pp dr prof incl "
        "excl viz sp spp subsp var"
    )
)
# A capital letter ("J. Smith", "group B.") or a short form ("i.v.", "U.S.", "S.D.", "Inc.") may
# stand at the end of a sentence or within it: it ends one where a usual opening word follows.
_SHORT: Final = re.compile(
    r"[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]|etc|min|max|wk|yr|mo|Ph\.D|Inc|Ltd|Co|Mr|Mrs"
)
_OPENING: Final = frozenset(
    _listed(
        "a after all although among an and as at both but by compared during each eight eleven "
        "five following for four from furthermore here however if in is it mean median moreover "
        "most nine no none of on one our patients results safety seven several significant six "
        "since some ten that the there therefore these they this those three thus to treatment "
        "twelve two we when whereas while with methods conclusion conclusions background"
    )
)
_STOP: Final = re.compile(
    r"""
    [.!?](?P<closing>['"\u2019\u201d)\]]*)
    (?: \s+(?=(?P<next>\S+))                              # the usual case
      | (?<=[a-z0-9%)\]]\.)(?=[A-Z][a-z]|[A-Z]\s|[A-Z]{3})   # no space after the full stop
    )
    """,
    re.VERBOSE,
)
_LONGEST_WORD: Final = 300  # characters looked back over; some web addresses are that long
_ADDRESS: Final = re.compile(r"(?:https?:|www\b|doi\.org)\S*$")
# Opens a sentence: a capital, a digit or a bracket; "miRNA" and "iPSC" begin small.
_BEGINS: Final = re.compile(
    r"""['"\u2018\u201c(\[]*(?:[^\W\d_a-z]|\d|[<>\u2264\u2265\u00b1~]|[a-z]+[A-Z])"""
)


def _split(text: str) -> Iterator[str]:
    # Not str.split: a thin or fixed space may stand inside a number.
    plain = re.sub(r"[ \t\r\n\f\v]+", " ", text).strip()
    start = 0
    for stop in _STOP.finditer(plain):
        if _ends_sentence(plain, start, stop):
            yield plain[start : stop.end()].strip()
            start = stop.end()
    if start < len(plain):
        yield plain[start:].strip()


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start()]
    word = re.split(r"[\s(\[]", before)[-1]
    is_short = word.lower() in _NEVER and not (word.isupper() and len(word) > 1)
    if stop["next"] is None:
        return not (is_short or _ADDRESS.search(word) or _SHORT.fullmatch(word))
    if not _BEGINS.match(stop["next"]):
        return False
    if text[stop.start()] != "." or stop["closing"]:
        return True
    if is_short:
        # "reported no." ends a sentence, "no. 5" does not.
        return word == "no" and not stop["next"][0].isdigit()
    if not word or word[-1] in "<>=":
        return False  # "P < . 001"
    if _SHORT.fullmatch(word):
        return re.sub(r"\W", "", stop["next"]).lower() in _OPENING
    return True


# -- what is looked for --------------------------------------------------------------------------

COUNTS: Final = frozenset(
    _listed(
        "events n_analysed persons_affected event_count n_at_risk n_randomised n_treated "
        "n_completed n_administrations"
    )
)
_CAN_BE_NONE: Final = frozenset(("events", "persons_affected", "event_count", "percent"))
PERCENT: Final = "percent"
P_VALUE: Final = "p"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A number said to stand in a text.

    `text` is how it is said to be printed; without it, `value` counts. `power` is the power of ten
    its unit carries ("10^6 cells": 6). With `is_printed` False it was computed, digitised or sent
    by the authors, and no text can confirm it.
    """

    name: str  # "events", "mean", "ci_low", "p": a count, a percentage, a p value, or a size
    value: float | None = None
    text: str | None = None
    power: int | None = None
    is_printed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the numbers are about.

    `wordings` names the outcome in one or more ways, any of which will do: ("Expanded Disability
    Status Scale", "EDSS"); `side` is the side of it that is counted ("worsened"), without which
    "none" cannot be understood. The time is that of the result; day 0 is baseline.
    """

    wordings: tuple[str, ...] = ()
    side: str | None = None
    time_value: float | None = None
    time_unit: str | None = None


class Verdict(StrEnum):
    STANDS = "stands"  # in the sentence found
    ELSEWHERE = "elsewhere"  # in another sentence of the text
    ABSENT = "absent"
    NOT_CHECKABLE = "not_checkable"  # no number, or one that was never printed


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedNumber:
    """`how` is None for a number that stands as printed, else in what other way: "in words: no",
    "only as 20 %" (weak support, which does not make it stand)."""

    name: str
    verdict: Verdict
    how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """The sentence that carries most of the numbers, and each number's verdict against it.

    `words` are the hint words that stand in it, `names_time` whether the time does too; `around` is
    the stretch of the sentence in which the numbers stand.
    """

    sentence: Sentence
    cells: tuple[CheckedNumber, ...]
    words: tuple[str, ...]
    names_time: bool
    around: tuple[int, int]

    def quote(self, limit: int = 300) -> str:
        """The sentence, cut to `limit` characters around its numbers where it is longer."""
        text = self.sentence.text
        if len(text) <= limit:
            return text
        room = limit - 2
        middle = (self.around[0] + self.around[1]) // 2
        start = max(0, min(middle - room // 2, len(text) - room))
        end = start + room
        if start > 0:
            start = text.find(" ", start) + 1 or start
        if end < len(text):
            end = max(text.rfind(" ", start, end), start + 1)
        return f"{'…' if start > 0 else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def locate(
    sections: Sequence[AbstractSection], cells: Sequence[Stated], hints: Hints
) -> Located | None:
    """The sentence that carries most of the numbers and hint words, the first of equals.

    None where no sentence carries any of the numbers. A result without numbers ("increased at day
    7") is located by at least half the words of a wording, or a third where its time is named.
    """
    text = _read(tuple(sections))
    checkable = [cell for cell in cells if is_checkable(cell)]
    best: tuple[float, _Match] | None = None
    for read in text:
        match = _match(read, cells, hints)
        if checkable and not match.found and not match.weak:
            continue
        if not checkable and match.share < (1 / 3 if match.names_time else 1 / 2):
            continue
        score = match.score()
        if best is None or score > best[0]:
            best = score, match
    if best is None:
        return None
    match = best[1]
    others = [_match(read, checkable, hints) for read in text if read is not match.read]
    spans = [span for span, _ in match.found.values()] or match.word_spans
    return Located(
        sentence=match.read.sentence,
        cells=tuple(_verdict(cell, match, others) for cell in cells),
        words=match.words,
        names_time=match.names_time,
        around=(min(s for s, _ in spans), max(e for _, e in spans)) if spans else (0, 0),
    )


def is_checkable(cell: Stated) -> bool:
    """Whether a text can confirm it: a number that is said to be printed."""
    return cell.is_printed and _wanted(cell) is not None


# -- matching ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    sentence: Sentence
    numbers: tuple[PrintedNumber, ...]
    fractions: tuple[tuple[PrintedNumber, PrintedNumber], ...]
    words: tuple[tuple[str, int, int], ...]  # folded, in order, with their place
    folded: frozenset[str]


@lru_cache(maxsize=512)
def _read(sections: tuple[AbstractSection, ...]) -> tuple[_Read, ...]:
    found = []
    for sentence in sentences(sections):
        words = tuple(_folded_words(sentence.text))
        found.append(
            _Read(
                sentence,
                numbers_in(sentence.text),
                fractions_in(sentence.text),
                words,
                frozenset(word for word, _, _ in words),
            )
        )
    return tuple(found)


_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Match:
    """What of the numbers and hints one sentence carries."""

    read: _Read
    found: dict[str, tuple[_Span, str | None]]  # cell -> place, and how if not as printed
    weak: dict[str, str]
    weight: int
    is_fraction: bool
    words: tuple[str, ...]
    word_spans: list[_Span]
    share: float  # of the best wording, 0 to 1
    names_time: bool

    def score(self) -> float:
        # Small whole numbers are everywhere, so all the words of an outcome weigh more than one of
        # them, and about as much as a number of several digits.
        label = (self.read.sentence.label or "").upper()
        return (
            self.weight
            + len(self.weak)
            + 3 * self.is_fraction
            + 6 * self.share
            + 3 * self.names_time
            + 0.5 * label.startswith(("RESULT", "FINDING"))
        )


def _match(read: _Read, cells: Sequence[Stated], hints: Hints) -> _Match:
    found: dict[str, tuple[_Span, str | None]] = {}
    weight = 0
    by_name = {cell.name: cell for cell in cells}
    pair = _fraction(read, by_name)
    # A printed number is one cell's, and a fraction means both of its numbers or neither: the 6 of
    # "5/6" is no support for 6 of 6.
    taken: set[_Span] = set()
    if _counts(by_name) is not None:
        taken = {(n.start, n.end) for fraction in read.fractions for n in fraction}
    for cell in sorted(cells, key=lambda c: (c.name not in COUNTS, c.name in _DENOMINATORS)):
        barred = taken if cell.name in COUNTS else frozenset[_Span]()
        hit = _find(read, cell, hints, barred) if is_checkable(cell) else None
        if hit is not None:
            found[cell.name] = hit
            weight += _weight(cell)
            taken.add(hit[0])
    if pair is not None:
        part, whole = pair
        found["events"] = (part.start, part.end), None
        found["n_analysed"] = (whole.start, whole.end), None
        weight += sum(_weight(by_name[name]) for name in ("events", "n_analysed"))
    words, spans, share = _hint_words(read, hints)
    return _Match(
        read=read,
        found=found,
        weak={k: v for k, v in _weakly(read, by_name).items() if k not in found},
        weight=weight,
        is_fraction=pair is not None,
        words=words,
        word_spans=spans,
        share=share,
        names_time=_names_time(read, hints),
    )


def _verdict(cell: Stated, match: _Match, others: Sequence[_Match]) -> CheckedNumber:
    if not is_checkable(cell):
        return CheckedNumber(name=cell.name, verdict=Verdict.NOT_CHECKABLE)
    if cell.name in match.found:
        how = match.found[cell.name][1]
        return CheckedNumber(name=cell.name, verdict=Verdict.STANDS, how=how)
    for other in others:
        if cell.name in other.found:
            how = f"in sentence {other.read.sentence.number}"
            return CheckedNumber(name=cell.name, verdict=Verdict.ELSEWHERE, how=how)
    weak = match.weak.get(cell.name)
    return CheckedNumber(name=cell.name, verdict=Verdict.ABSENT, how=weak)


# Who was counted or measured is often told once, far from what was found.
_DENOMINATORS: Final = frozenset(("n_analysed", "n_at_risk"))


def _weight(cell: Stated) -> int:
    """What finding it says of a sentence: long numbers much, small ones and denominators little."""
    digits = len((_wanted(cell) or Decimal(0)).as_tuple().digits)
    return 2 if cell.name in _DENOMINATORS else 3 + min(3, digits)


_FALLS: Final = re.compile(
    r"\b(?:decreas|reduc|declin|fell\b|fall|drop|lower|less|lost|loss|shrank|minus)", re.IGNORECASE
)
_TIMES_GIVEN: Final = {"single": 1, "once": 1, "twice": 2, "thrice": 3}


def _wanted(cell: Stated) -> Decimal | None:
    """The number looked for, as printed where that is known."""
    printed = numbers_in(_as_p(cell) if cell.name == P_VALUE else (cell.text or "").strip())
    if len(printed) == 1:
        return printed[0].value
    return None if cell.value is None else Decimal(str(cell.value))


def _as_p(cell: Stated) -> str:
    return "p " + re.sub(r"^p(?:[- ]?value)?", "", (cell.text or "").strip(), flags=re.IGNORECASE)


def _find(
    read: _Read, cell: Stated, hints: Hints, taken: Set[_Span]
) -> tuple[_Span, str | None] | None:
    """Where the cell's number stands in the sentence, outside the places taken, and how if not as
    printed."""
    wanted = _wanted(cell)
    assert wanted is not None
    for number in read.numbers:
        if (number.start, number.end) in taken:
            continue
        if _may_be(number, cell, hints) and _is_same(number, wanted, cell.power):
            return (number.start, number.end), None
    text = read.sentence.text
    if cell.name == "n_administrations":
        for word, start, end in read.words:
            if _TIMES_GIVEN.get(word) == wanted:
                return (start, end), f"in words: {text[start:end]}"
    if wanted == 0 and cell.name in _CAN_BE_NONE:
        zero = _zero_words(read, hints)
        if zero is not None:
            return zero, f"in words: {text[zero[0] : zero[1]]}"
    if wanted < 0 and _FALLS.search(text):
        for number in read.numbers:
            if _may_be(number, cell, hints) and _is_same(number, -wanted, cell.power):
                return (number.start, number.end), "without its sign, as a decrease"
    return None


def _may_be(number: PrintedNumber, cell: Stated, hints: Hints) -> bool:
    """Whether what is printed around the number lets it be this cell."""
    if cell.name == P_VALUE:
        said = numbers_in(_as_p(cell))
        operator = said[0].operator if said else None
        is_same = operator is None or number.operator is None or operator == number.operator
        return number.reads is Reads.P_VALUE and is_same
    if cell.name == PERCENT:
        return number.reads is Reads.PERCENT
    if cell.name in COUNTS:
        return number.reads is Reads.PLAIN and number.power is None
    if number.reads is Reads.TIME:
        return not _is_time(number, hints)
    if number.reads is Reads.POWER:
        return cell.power is not None
    return number.reads in (Reads.PLAIN, Reads.PERCENT, Reads.COMPOUND)


def _is_same(number: PrintedNumber, wanted: Decimal, power: int | None) -> bool:
    if power is None or number.power is None:
        return number.value == wanted
    return number.value.scaleb(number.power) == wanted.scaleb(power)


def _fraction(read: _Read, cells: dict[str, Stated]) -> tuple[PrintedNumber, PrintedNumber] | None:
    counts = _counts(cells)
    if counts is not None:
        for part, whole in read.fractions:
            if (part.value, whole.value) == counts:
                return part, whole
    return None


def _counts(cells: dict[str, Stated]) -> tuple[Decimal, Decimal] | None:
    events, n = cells.get("events"), cells.get("n_analysed")
    if events is None or n is None or not is_checkable(events) or not is_checkable(n):
        return None
    x, total = _wanted(events), _wanted(n)
    return None if x is None or total is None else (x, total)


def _weakly(read: _Read, cells: dict[str, Stated]) -> dict[str, str]:
    """Numbers the sentence gives only in another form: 1 of 5 as "20 %", 20 % as "1/5"."""
    weak: dict[str, str] = {}
    counts = _counts(cells)
    if counts is not None and counts[1] > 0:
        for number in read.numbers:
            if number.reads is Reads.PERCENT and _is_percentage(number.value, *counts):
                weak["events"] = f"only as {number.value} %"
    percent = cells.get(PERCENT)
    if percent is not None and is_checkable(percent):
        wanted = _wanted(percent)
        for part, whole in read.fractions:
            if (
                wanted is not None
                and whole.value
                and _is_percentage(wanted, part.value, whole.value)
            ):
                weak[PERCENT] = f"only as {part.value} of {whole.value}"
    return weak


def _is_percentage(percent: Decimal, part: Decimal, whole: Decimal) -> bool:
    """Whether `percent` is part / whole to the digits it is given in."""
    half_a_digit = Decimal(5).scaleb(min(0, int(percent.as_tuple().exponent)) - 1)
    return abs(100 * part / whole - percent) <= half_a_digit


# -- words ---------------------------------------------------------------------------------------

_WORD: Final = re.compile(r"\w+")
_UNTOLD: Final = frozenset(
    _listed(
        "a an and any as at by for from in is it of on or per than the to was were with without no "
        "not none scale score index"
    )
)
_ENDING: Final = re.compile(r"(?:ations?|ions?|ments?|ings?|ed|es|s|ly|ity|e)$")


def _stem(word: str) -> str:
    stem = _ENDING.sub("", word)
    if len(stem) >= 4:
        return stem
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


# Words that say the same of an outcome, under the first of them.
_SAME: Final = {
    _stem(word): _stem(line.split()[0])
    for line in (
        "stable stability stabilised stabilized stabilisation stabilization unchanged",
        "worse worsened declined decline deteriorated deterioration progressed progression",
        "improved improvement better amelioration",
        "death died dead deceased mortality",
        "women woman female",
        "men man male",
        "fever febrile pyrexia",
        "microrna mirna",
        "event effect reaction",
        "gadolinium gd",
        "age aged",
        "completed finished",
    )
    for word in line.split()
}
_SHORT_FORMS: Final = {
    "sae": "serious adverse event",
    "saes": "serious adverse event",
    "ae": "adverse event",
    "aes": "adverse event",
    "treg": "regulatory t cell",
    "tregs": "regulatory t cell",
}


def _fold(word: str) -> str:
    low = word.lower()
    stem = _stem(low)
    return low if low in _TIMES_GIVEN else _SAME.get(stem, stem)


def _folded_words(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text):
        for word in _SHORT_FORMS.get(match[0].lower(), match[0]).split():
            yield _fold(word), match.start(), match.end()


@lru_cache(maxsize=4096)
def _telling(wording: str) -> frozenset[str]:
    """The words of a hint that tell what is meant."""
    return frozenset(
        word
        for word, start, end in _folded_words(wording)
        if wording[start:end].lower() not in _UNTOLD and not wording[start:end].isdigit()
    )


def _hint_words(read: _Read, hints: Hints) -> tuple[tuple[str, ...], list[_Span], float]:
    share, wanted = 0.0, frozenset[str]()
    for wording in hints.wordings:
        telling = _telling(wording)
        common = telling & read.folded
        if telling and len(common) / len(telling) > share:
            share = len(common) / len(telling)
        wanted |= common
    places = {word: (s, e) for word, s, e in reversed(read.words) if word in wanted}
    spans = sorted(set(places.values()))
    return tuple(read.sentence.text[s:e] for s, e in spans), spans, share


def _names_time(read: _Read, hints: Hints) -> bool:
    if any(_is_time(number, hints) for number in read.numbers):
        return True
    is_baseline = hints.time_value == 0
    return is_baseline and not read.folded.isdisjoint(("baselin", "entry", "inclus"))


def _is_time(number: PrintedNumber, hints: Hints) -> bool:
    """Whether the number is the result's time: "1 year" is "12 months"."""
    wanted = days(hints.time_value, hints.time_unit)
    printed = days(float(number.value), number.unit) if number.reads is Reads.TIME else None
    return wanted is not None and printed is not None and abs(wanted - printed) < 1e-6


# -- none, in words ------------------------------------------------------------------------------

_CLAUSE: Final = re.compile(
    r"[;:]|,\s(?:but|while|whereas|although|however|and)\b|\bbut\b|\bwhereas\b"
)
_NO: Final = re.compile(
    r"\b(?:no|none|nobody|neither|without|zero|nil|absence of|free (?:of|from)|lack of)\b",
    re.IGNORECASE,
)
_NOT_SEEN: Final = re.compile(
    r"\b(?:not|never)\s(?:\w+\s)?(?:observed?|seen?|report(?:ed)?|record(?:ed)?|f[io]u?nd"
    r"|detect(?:ed)?|noted?|occur(?:red)?|experienced?|develop(?:ed)?|identif(?:y|ied)"
    r"|encounter(?:ed)?)\b",
    re.IGNORECASE,
)
# A statement about a kind of event says nothing of the others.
_NARROWER: Final = frozenset(
    _fold(word)
    for word in _listed(
        "serious severe major significant related unexpected acute late delayed early immediate "
        "infusion injection product dose limiting life threatening long term allergic"
    )
)


def _zero_words(read: _Read, hints: Hints) -> _Span | None:
    """Where the sentence says in words that there were none of what the hints name."""
    text = read.sentence.text
    edges = [0, *(m.end() for m in _CLAUSE.finditer(text)), len(text)]
    for start, end in pairwise(edges):
        clause = text[start:end]
        for none in (*_NO.finditer(clause), *_NOT_SEEN.finditer(clause)):
            goes_back = none.re is _NOT_SEEN or none[0].lower() in ("none", "nobody", "neither")
            first = start if goes_back else start + none.end()
            words = [w for w in read.words if first <= w[1] < end]
            if not goes_back:
                words = words[:12]  # "no" reaches as far as its noun and what follows at once
            if _says(words, hints):
                return start + none.start(), start + none.end()
    return None


def _says(words: Sequence[tuple[str, int, int]], hints: Hints) -> bool:
    said = {word for word, _, _ in words}
    if hints.side is not None and not _telling(hints.side) <= said:
        return False
    for wording in hints.wordings:
        telling = _telling(wording)
        if telling and 2 * len(telling & said) >= len(telling):
            before = [w for w, _, _ in words[: _first(words, telling) + 1]]
            if not (_NARROWER.intersection(before) - telling):
                return True
    return False


def _first(words: Sequence[tuple[str, int, int]], telling: frozenset[str]) -> int:
    """Place of the first of the words that is telling and no mere kind ("serious")."""
    return next((i for i, (w, _, _) in enumerate(words) if w in telling - _NARROWER), len(words))
