"""How two titles differ, and whether the difference makes two works of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Levenshtein

from kb.identity.folding import word_set
from kb.identity.locators import ROMAN
from kb.identity.titles import SMALL, title_letters


class Likeness(IntEnum):
    """How alike two titles are.

    EXACT: the same words, small ones apart. VARIANT: also spelling, figures for number words, one
    slip. CUT: one is the beginning or the end of the other. LONGER: nearly alike, one has words
    the other has not. CLOSE: nearly alike, some words are others. LOOSE: many words in common.
    """

    UNLIKE = 0
    LOOSE = 1
    CLOSE = 2
    LONGER = 3
    CUT = 4
    VARIANT = 5
    EXACT = 6


@dataclass(frozen=True, slots=True)
class TitleComparison:
    """`apart` says what in the wording makes them two works ("'1' against '2'") and `differing`
    what differs, for people; both empty where nothing does. `is_series` is True where a count
    sets them apart: parts, phases, years, doses."""

    likeness: Likeness
    apart: str = ""
    differing: str = ""
    is_series: bool = False


UNLIKE: Final = TitleComparison(Likeness.UNLIKE)
EXACT: Final = TitleComparison(Likeness.EXACT)
_VARIANT: Final = TitleComparison(Likeness.VARIANT)

# Titles of one work differ in spelling and a word or two; on the labelled sets all but
# translations are above 88. Below, `are_near` saves the dearer comparison word by word.
NEAR: Final = 86
_CLOSE: Final = 90
# Shorter titles are the beginning of many others.
WHOLE: Final = 25
# Exports cut titles off at 200 or 255 characters: what follows was never there to be compared.
_CUT_OFF: Final = 120


def are_near(x: str, y: str) -> bool:
    """Whether two titles, closed up (`title_letters`), are alike enough to be compared."""
    if x == y:
        return True
    if fuzz.ratio(x, y, score_cutoff=NEAR):
        return True
    return _is_part(x, y)


def _is_part(x: str, y: str) -> bool:
    short, long = (x, y) if len(x) <= len(y) else (y, x)
    return len(short) >= WHOLE and (long.startswith(short) or long.endswith(short))


def compare_titles(a: str, b: str, letters: tuple[str, str] | None = None) -> TitleComparison:
    """How two titles, as folded words, are alike; the order of the two does not matter. `letters`
    are their `title_letters`, where these are known."""
    if a == b:
        return EXACT
    x, y = letters or (title_letters(a), title_letters(b))
    if x == y:
        return EXACT
    return _compare(a, b, x, y) if a < b else _compare(b, a, y, x)


@lru_cache(maxsize=20_000)
def _compare(a: str, b: str, x: str, y: str) -> TitleComparison:
    ratio = fuzz.ratio(x, y)
    is_part = _is_part(x, y)
    if not is_part and ratio < NEAR:
        # 75 as in `titles_agree` for what shares an identifier, a little stricter.
        is_loose = fuzz.token_set_ratio(a, b, score_cutoff=75) > 0
        return TitleComparison(Likeness.LOOSE) if is_loose else UNLIKE
    short = min(len(x), len(y))
    left, right = _tokens(a), _tokens(b)
    if left == right or "".join(left) == "".join(right):
        return _VARIANT
    found = _Differences(left, right)
    if not found.left and not found.right:
        if not found.apart:
            return _VARIANT
        likeness = Likeness.VARIANT
    elif is_part and found.is_end:
        if short >= _CUT_OFF:
            return TitleComparison(Likeness.CUT, "", found.differing)
        likeness = Likeness.CUT
    elif not [w for w in (*found.left, *found.right) if w not in _FILLERS] and ratio >= _CLOSE:
        likeness = Likeness.VARIANT
    elif ratio < _CLOSE and max(len(found.left), len(found.right)) > 1:
        likeness = Likeness.LOOSE
    elif not found.left or not found.right:
        likeness = Likeness.LONGER
    else:
        likeness = Likeness.CLOSE
    return TitleComparison(likeness, found.apart, found.differing, found.is_series)


# -- words of a title ------------------------------------------------------------------------------

_NUMBER_WORDS: Final = {
    word: str(number)
    for number, names in enumerate(
        ("zero", "one first", "two second", "three third", "four fourth", "five fifth",
         "six sixth", "seven seventh", "eight eighth", "nine ninth", "ten tenth",
         "eleven eleventh", "twelve twelfth")
    )
    for word in names.split()
}  # fmt: skip
_COUNTED: Final = word_set(
    "part parts phase phases type types class grade stage study studies factor trial paper volume "
    "vol chapter section group level series report case lesson module version"
)
_FILLERS: Final = SMALL | word_set(
    "with from as is are s study using via versus vs alpha beta gamma delta kappa"
)


@lru_cache(maxsize=20_000)
def _tokens(plain: str) -> tuple[str, ...]:
    """Words with numbers in figures: "part two", "part II" and "part 2" are alike."""
    found: list[str] = []
    before = ""
    for word in plain.split():
        if word in SMALL and not (word == "a" and before in _COUNTED):
            before = word
            continue
        if word in ROMAN and (len(word) > 1 or before in _COUNTED):
            found.append(str(ROMAN[word]))
        else:
            found.append(_NUMBER_WORDS.get(word, word))
        before = word
    return tuple(found)


# -- differences of meaning ------------------------------------------------------------------------

# Words whose exchange makes another study of it, however alike they are spelt.
_OPPOSED: Final[dict[str, set[int]]] = {}
for _number, _group in enumerate(
    (
        "men women man woman male female males females boys girls",
        "adult adults child children pediatric paediatric adolescent adolescents infant infants "
        "neonatal elderly neonates newborn newborns",
        "rat rats mouse mice murine dog dogs canine pig pigs porcine rabbit rabbits cat cats human "
        "humans monkey monkeys primate sheep goat goats horse horses equine bovine",
        "vivo vitro silico",
        "left right bilateral unilateral",
        "systolic diastolic",
        "before after during",
        "with without",
        "pre post",
        "early late",
        "short long",
        "low high",
        "upper lower",
        "anterior posterior",
        "increased decreased increases decreases increase decrease",
        "inpatient outpatient inpatients outpatients",
        "protocol results",
        "alpha beta gamma delta",
        "north south east west",
        "urban rural",
        "oral intravenous subcutaneous topical intramuscular intranasal",
        "agonist antagonist agonists antagonists inhibitor activator inhibition activation",
        "acute chronic",
        "maternal paternal",
        "primary secondary tertiary",
        "positive negative",
        "qualitative quantitative",
        "morning evening night",
        "active inactive passive",
        "presence absence",
        "typical atypical",
        "sensitive resistant",
    )
):
    for _word in _group.split():
        _OPPOSED.setdefault(_word, set()).add(_number)
_NO_GROUP: Final[set[int]] = set()
# Prefixes that turn a word round: "hypertension", "hypotension", "tension".
_TURNING: Final = tuple(
    sorted(
        word_set(
            "hyper hypo intra inter extra micro macro mono poly pre post anti pro in un non sub "
            "super endo exo homo hetero uni bi a dis nor"
        )
    )
)
# Words that say something by being there at all.
_TELLING: Final = word_set(
    "not non without no part protocol women men female male children adolescents pediatric reply "
    "response comment erratum corrigendum correction retraction addendum letter commentary pilot "
    "followup follow rationale design update updated revisited"
)
_DIGITS: Final = re.compile(r"\d+")


class _Differences:
    """What two lists of words do not share once spelling is set aside.

    `left`, `right`: words of one side alone. `is_end`: all of it stands at the beginning or end of
    one side that has nothing there on the other. `apart`: the wording that makes two works.
    """

    __slots__ = ("apart", "is_end", "is_series", "left", "right")

    def __init__(self, left: tuple[str, ...], right: tuple[str, ...]) -> None:
        self.left: list[str] = []
        self.right: list[str] = []
        self.apart = ""
        self.is_series = False
        blocks = _blocks(left, right)
        self.is_end = len(blocks) == 1 and ((not blocks[0][0] or not blocks[0][1]) and blocks[0][2])
        for p, q, _ in blocks:
            self._read(p, q)

    def _read(self, p: tuple[str, ...], q: tuple[str, ...]) -> None:
        joined, other = "".join(p), "".join(q)
        if joined == other:
            return
        ours, theirs = "".join(_DIGITS.findall(joined)), "".join(_DIGITS.findall(other))
        if ours != theirs and ((ours and theirs) or not self.is_end or _begins_with_count(p or q)):
            self._set_apart(p, q, is_series=True)
        if len(p) == len(q):
            for one, two in zip(p, q, strict=True):
                if one == two or spelt_alike(one, two):
                    continue
                self.left.append(one)
                self.right.append(two)
                if are_opposed(one, two):
                    self._set_apart((one,), (two,))
                elif len(one) == 1 and len(two) == 1:
                    self._set_apart((one,), (two,), is_series=True)
            return
        # Words joined or parted, with a slip.
        if (
            p
            and q
            and not (ours or theirs)
            and min(len(joined), len(other)) >= 5
            and OSA.distance(joined, other, score_cutoff=1) <= 1
        ):
            return
        self.left.extend(p)
        self.right.extend(q)
        for word in p if len(p) > len(q) else q:
            if word in _TELLING and (word in p) != (word in q):
                self._set_apart(p, q)

    def _set_apart(
        self, p: tuple[str, ...], q: tuple[str, ...], *, is_series: bool = False
    ) -> None:
        if not self.apart:
            self.apart = f"'{' '.join(p)}' against '{' '.join(q)}'"
        self.is_series = self.is_series or is_series

    @property
    def differing(self) -> str:
        return " / ".join(f"'{' '.join(side)}'" for side in (self.left, self.right) if side)


_Block = tuple[tuple[str, ...], tuple[str, ...], bool]


def _blocks(left: tuple[str, ...], right: tuple[str, ...]) -> list[_Block]:
    """The stretches that differ, each as (words here, words there, stands at an end)."""
    found: list[tuple[int, int, int, int]] = []
    for op in Levenshtein.opcodes(left, right):
        if op.tag == "equal":
            continue
        span = (op.src_start, op.src_end, op.dest_start, op.dest_end)
        if found and found[-1][1] == span[0] and found[-1][3] == span[2]:
            span = (found[-1][0], span[1], found[-1][2], span[3])
            found.pop()
        found.append(span)
    return [
        (left[i:j], right[k:m], (i == 0 and k == 0) or (j == len(left) and m == len(right)))
        for i, j, k, m in found
    ]


def _begins_with_count(extra: tuple[str, ...]) -> bool:
    """Whether words that one title has more begin with a count: "2", "part 2", "phase 3"."""
    return extra[0].isdigit() or (
        len(extra) > 1 and extra[0] in _COUNTED and extra[1][:1].isdigit()
    )


def are_opposed(a: str, b: str) -> bool:
    """Whether the words exclude each other: "men" and "women", "hypertension" and "hypotension"."""
    if _OPPOSED.get(a, _NO_GROUP) & _OPPOSED.get(b, _NO_GROUP):
        return True
    # A shared end is what two words turned round by a prefix have; most pairs fail here.
    if a[-4:] != b[-4:] or a[-4:] == a or b[-4:] == b:
        return False
    for x, y in ((a, b), (b, a)):
        for prefix in _TURNING:
            if x.startswith(prefix) and len(x) - len(prefix) >= 4:
                stem = x[len(prefix) :]
                if y == stem or (y.endswith(stem) and y[: -len(stem)] in _TURNING):
                    return True
    return False


@lru_cache(maxsize=50_000)
def spelt_alike(a: str, b: str) -> bool:
    """Whether two words are one word, British or American, singular or plural, or mistyped once;
    never numbers, nor words that exclude each other."""
    if _DIGITS.search(a) or _DIGITS.search(b) or are_opposed(a, b):
        return False
    if _american(a) == _american(b):
        return True
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if len(short) < 4:
        return False
    if long in (short + "s", short + "es"):
        return True
    # A letter exchanged makes another word of a short one ("gene", "bone"); a letter too many or
    # two in the wrong order hardly ever do.
    if OSA.distance(a, b, score_cutoff=1) > 1:
        return False
    return len(short) >= 6 or len(a) != len(b) or sorted(a) == sorted(b)


_SPELLINGS: Final = (
    ("ae", "e"), ("oe", "e"), ("our", "or"), ("ise", "ize"), ("isa", "iza"), ("isi", "izi"),
    ("yse", "yze"), ("ysi", "yzi"), ("ll", "l"), ("mme", "m"), ("ogue", "og"), ("phth", "pht"),
)  # fmt: skip


@lru_cache(maxsize=50_000)
def _american(word: str) -> str:
    for british, american in _SPELLINGS:
        word = word.replace(british, american)
    return word[:-2] + "er" if word.endswith("tre") else word
