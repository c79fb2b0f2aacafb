"""Which outcome of the vocabulary a name means, as a suggestion with a confidence and a reason.

A name is never given a code by this module: a person confirms what it suggests. It would rather
say nothing than something wrong, so likeness counts only where no known wording is there, and
words that turn, narrow or relate an outcome lower the confidence.

The confidence is a rank that was compared with names labelled by hand: docs/vocabulary.md has the
share that was right in each band.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz, process

from kb.models.evidence import Category
from kb.outcomes.vocabulary import Counts, OutcomeDefinitionValue, load_vocabulary
from kb.outcomes.wording import Word, folded, plain, words_of

# Below this more suggestions were wrong than right on the labelled names.
LEAST: Final = 0.4
_MOST: Final = 5
_LONGEST: Final = 400  # characters of a name or description that are looked at
_LIKE: Final = 90.0  # of 100; "Beck anxiety" and "Beck depression inventory" are 70 alike


@dataclass(frozen=True, slots=True)
class Match:
    """`confidence` is above 0 and below 1; `basis` says what it rests on and what lowered it;
    `matched_text` is the part of the name (or description) that was recognised. `category` is
    the side counted where the wording tells: "no new lesions" counts the complement."""

    code: str
    confidence: float
    basis: str
    matched_text: str
    category: Category | None = None


def match_outcome(
    name: str,
    *,
    description: str | None = None,
    unit: str | None = None,
    condition: str | None = None,
    vocabulary: Mapping[str, OutcomeDefinitionValue] | None = None,
) -> list[Match]:
    """What the name may mean, best first; nothing where no suggestion is better than chance.

    `description` counts less than the name; `unit` and `condition` (names of the study's
    conditions) tell outcomes of like names apart.
    """
    known = _index(_Vocabulary(load_vocabulary() if vocabulary is None else vocabulary))
    asked = _Asked(unit or "", condition, f"{name} {description or ''}")
    name = plain(name[:_LONGEST])
    found = _best([*_suggestions(known, name, asked), *_without_brackets(known, name, asked)])
    if not found and description:
        found = [
            Match(m.code, 0.6 * m.confidence, f"in the description: {m.basis}", m.matched_text)
            for m in _suggestions(known, plain(description[:_LONGEST]), asked)
        ]
    kept = [m for m in found if m.confidence >= LEAST]
    return sorted(kept, key=lambda m: (-m.confidence, m.code))[:_MOST]


# -- words ---------------------------------------------------------------------------------------


def _set(words: str) -> frozenset[str]:
    return frozenset(folded(word) for word in words.split())


# Words that say how an outcome was measured, summarised or told, and not which it is.
_FRAME: Final = _set(
    """a an the of in on at to from by for with and or as per each any all its their this that
    change changes changed mean median average number numbers count counts total cumulative
    proportion percentage percent rate incidence frequency occurrence score scores scale test
    index value level levels measure measured measurement measures assess assessed assessment
    evaluate evaluated evaluation determine determined compare compared comparison difference
    effect effects efficacy safety outcome endpoint result results analysis baseline visit
    follow followup up week weeks month months year years day days hour hours h wk mo over during
    after before post pre between within through until treatment therapy infusion injection
    administration patient patients participant participants subject subjects person people
    individual number who had have having experiencing experience experienced achieving showing
    status using via according based obtained observed assay clinical using compared versus vs
    msc mscs cell cells study group groups arm new short long term reported disease activity
    subscale domain free freedom absence absent without lack no never not"""
)
# Before an instrument's name these make another instrument of it.
_OTHER_KIND: Final = _set(
    """modified revised short brief abbreviated extended adapted pediatric paediatric mini motor
    non composite plus simplified electronic family caregiver daily partial pre like"""
)
_NEGATING: Final = re.compile(
    r"\b(?:free(?:dom)?\s(?:of|from)|absence\sof|absent|without|lack\sof|no|never|not)\b"
    r"|[-\s]free\b",
    re.I,
)
_RELATING: Final = re.compile(
    r"\b(?:correlat|association\s+(?:of|with|between)|associated\s+with|relationship|predict|costs?\b"
    r"|complian|adheren|accepta|satisfact|knowledge|interview|as\s+a\s+function\s+of)\w*",
    re.I,
)
_TIME_TO: Final = re.compile(r"\btime\s+(?:to|until)\b", re.I)
_SIDES: Final = (
    (Category.IMPROVED, re.compile(r"\b(?:improv\w+|reduced|reduction|better)\b", re.I)),
    (Category.WORSENED, re.compile(r"\b(?:worsen\w*|progress\w+|deteriorat\w+|declin\w+)\b", re.I)),
    (Category.STABLE, re.compile(r"\b(?:stable|stabili[sz]\w+|unchanged|maintain\w*)\b", re.I)),
)
_OF_PERSONS: Final = re.compile(
    r"\b(?:number|count|proportion|percentage|percent|incidence|%)\s+of\s+"
    r"(?:the\s+)?(?:participants|patients|subjects|persons|people|individuals)\b",
    re.I,
)
_PERSON_UNIT: Final = re.compile(r"^\s*(?:participants?|patients?|subjects?|persons?)\b", re.I)
_RANGE: Final = re.compile(
    r"(?<![\d.])(\d{1,3}(?:\.\d)?)\s*(?:-|–|to|through)\s*(\d{1,3}(?:\.\d)?)(?![\d.])", re.I
)


# -- the vocabulary, by wording ------------------------------------------------------------------


class _Vocabulary:
    """A vocabulary that is its own key: two are one where they are the same mapping."""

    def __init__(self, definitions: Mapping[str, OutcomeDefinitionValue]) -> None:
        self.definitions = definitions

    def __hash__(self) -> int:
        return id(self.definitions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Vocabulary) and other.definitions is self.definitions


@dataclass(frozen=True, slots=True)
class _Wording:
    """One way of naming outcomes, and those it names."""

    text: str
    words: tuple[str, ...]
    codes: tuple[str, ...]

    @property
    def is_acronym(self) -> bool:
        letters = [c for c in self.text if c.isalpha()]
        capitals = sum(c.isupper() for c in letters)
        return len(self.words) <= 3 and 2 * capitals >= max(len(letters), 4)

    @property
    def must_be_capital(self) -> bool:
        """Short acronyms are words of their own in small letters: AI, OS, ARR, MV."""
        return self.text.isalpha() and self.text.isupper() and len(self.text) <= 3

    @property
    def strength(self) -> float:
        """How little else the wording could mean."""
        content = [word for word in self.words if word not in _FRAME]
        if (self.is_acronym and len(self.text) >= 4) or len(content) >= 3:
            return 1.0
        return 0.9 if len(content) == 2 or self.is_acronym else 0.7


@dataclass(frozen=True)
class _Index:
    definitions: Mapping[str, OutcomeDefinitionValue]
    by_joined: dict[str, _Wording] = field(default_factory=dict)
    alike: dict[str, _Wording] = field(default_factory=dict)
    longest: int = 1


@lru_cache(maxsize=8)
def _index(vocabulary: _Vocabulary) -> _Index:
    by_joined: dict[str, tuple[str, tuple[str, ...], dict[str, None]]] = {}
    for code, definition in vocabulary.definitions.items():
        # A code that is a word of its own would be found in every second sentence: EFFICACY.
        own = () if code.isalpha() and len(code) > 5 else (code.replace("_", " "),)
        for text in (*definition.synonyms, definition.name, *own):
            words = tuple(word.folded for word in words_of(text))
            if words:
                held = by_joined.setdefault("".join(words), (text, words, {}))
                held[2].setdefault(code)
    wordings = {
        joined: _Wording(text, words, tuple(codes))
        for joined, (text, words, codes) in by_joined.items()
    }
    alike = {" ".join(w.words): w for w in wordings.values() if len(" ".join(w.words)) >= 10}
    longest = max((len(w.words) for w in wordings.values()), default=1)
    return _Index(vocabulary.definitions, wordings, alike, longest + 2)


# -- matching ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    unit: str
    condition: str | None
    context: str


@dataclass(frozen=True, slots=True)
class _Found:
    """A wording at words `first` up to `last` of a name, not including it."""

    wording: _Wording
    first: int
    last: int
    how: str  # what the confidence rests on


def _suggestions(known: _Index, name: str, asked: _Asked) -> list[Match]:
    words = words_of(name)
    if not words:
        return []
    hits = _outermost(_wordings_in(known, words))
    # "Clinical improvement in EDSS" is about EDSS.
    hits = [hit for hit in hits if not _only_frames(hit.wording)] or hits
    if not hits:
        hits = list(_in_another_order(known, words)) or list(_alike(known, name))
    named = {code for hit in hits for code in _bases(known, hit.wording.codes)}
    return _best(
        _rated(known, name, words, hit, hits, code, len(named), asked)
        for hit in hits
        for code in _narrowed(known, hit.wording.codes, asked)
    )


def _without_brackets(known: _Index, name: str, asked: _Asked) -> list[Match]:
    """An acronym in brackets may stand in the middle of a name: "Neuropathy (NP) total score"."""
    rest = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", name)
    if rest == name:
        return []
    found = _suggestions(known, " ".join(rest.split()), asked)
    # What is in the brackets may say that something else is meant.
    return [replace(match, confidence=round(0.95 * match.confidence, 2)) for match in found]


def _best(matches: Iterable[Match]) -> list[Match]:
    best: dict[str, Match] = {}
    for match in matches:
        if match.code not in best or match.confidence > best[match.code].confidence:
            best[match.code] = match
    return list(best.values())


def _wordings_in(known: _Index, words: Sequence[Word]) -> Iterator[_Found]:
    for first in range(len(words)):
        joined = ""
        for last in range(first + 1, min(first + known.longest, len(words)) + 1):
            joined += words[last - 1].folded
            wording = known.by_joined.get(joined)
            if wording is None:
                continue
            if wording.must_be_capital and words[first].printed.rstrip("s") != wording.text:
                continue
            yield _Found(wording, first, last, "known wording")


def _outermost(hits: Iterable[_Found]) -> list[_Found]:
    """Without those inside a longer one: the relapses of "relapse rate" are no count."""
    hits = list(hits)
    return [
        hit
        for hit in hits
        if not any(
            other.first <= hit.first
            and hit.last <= other.last
            and (other.last - other.first) > (hit.last - hit.first)
            for other in hits
        )
    ]


def _only_frames(wording: _Wording) -> bool:
    return all(
        word in _FRAME or any(side.search(word) for _, side in _SIDES) for word in wording.words
    )


def _in_another_order(known: _Index, words: Sequence[Word]) -> Iterator[_Found]:
    """Wordings of at least three telling words that all stand somewhere in the name."""
    held = {word.folded for word in words}
    for wording in known.by_joined.values():
        telling = {word for word in wording.words if word not in _FRAME}
        if len(telling) >= 3 and set(wording.words) <= held:
            yield _Found(wording, 0, len(words), "same words in another order")


def _alike(known: _Index, name: str) -> Iterator[_Found]:
    """The wording that a part of the name is a misspelling of. Numbers must agree."""
    for part in (name, *re.split(r"[:;,()/–—]| - ", name)):
        words = words_of(part)
        told = [word.folded for word in words]
        for text in {" ".join(told), " ".join(w for w in told if w not in _FRAME)}:
            if len(text) < 10:
                continue
            near = process.extractOne(
                text, known.alike.keys(), scorer=fuzz.ratio, score_cutoff=_LIKE
            )
            if near and _same_numbers(near[0], text) and not _opposed(near[0], text):
                yield _Found(
                    known.alike[near[0]], 0, 0, f"spelt like {known.alike[near[0]].text!r}"
                )
                return


def _same_numbers(a: str, b: str) -> bool:
    return re.findall(r"\d+", a) == re.findall(r"\d+", b)


def _opposed(a: str, b: str) -> bool:
    """ "active lesions" and "inactive lesions" are very much alike."""
    only_a, only_b = set(a.split()) - set(b.split()), set(b.split()) - set(a.split())
    return any(
        longer == prefix + shorter
        for one, other in ((only_a, only_b), (only_b, only_a))
        for longer in one
        for shorter in other
        for prefix in ("in", "un", "im", "non", "a", "an", "dis", "hyper", "hypo")
    )


def _bases(known: _Index, codes: Iterable[str]) -> set[str]:
    return {known.definitions[code].variant_of or code for code in codes}


def _narrowed(known: _Index, codes: Sequence[str], asked: _Asked) -> Sequence[str]:
    """The variants that unit or range of the report single out, else the codes as they are."""
    ranges = {(float(a), float(b)) for a, b in _RANGE.findall(asked.context)}
    unit = _unit(asked.unit)
    result = []
    for code in codes:
        definition = known.definitions[code]
        variants = [v for v in known.definitions.values() if v.variant_of == code]
        by_range = [v for v in variants if (v.low, v.high) in ranges]
        by_unit = [v for v in variants if unit and _unit(v.unit or "") == unit]
        if len(by_range) == 1 and definition.low is None:
            result.append(by_range[0].code)
        elif len(by_unit) == 1 and _unit(definition.unit or "") != unit:
            result.append(by_unit[0].code)
        else:
            result.append(code)
    return result


_UNITS: Final = {
    "sec": "s", "second": "s", "seconds": "s", "secs": "s",
    "feet/second": "ft/s", "feet per second": "ft/s", "ft/sec": "ft/s", "feet/sec": "ft/s",
    "meter": "m", "meters": "m", "metres": "m", "metre": "m",
    "ml": "mL", "cm3": "mL", "cc": "mL", "millilitre": "mL", "milliliter": "mL",
    "participants": "persons", "patients": "persons", "subjects": "persons",
    "lesion": "lesions", "number of lesions": "lesions", "pegs per second": "pegs/s",
}  # fmt: skip
_PHYSICAL: Final = frozenset({"s", "ft/s", "pegs/s", "m", "mL", "pg/mL", "mm/h", "ms", "um", "mm3"})


def _unit(text: str) -> str:
    plain = " ".join(text.split())
    return _UNITS.get(plain.casefold(), plain)


def _rated(
    known: _Index,
    name: str,
    words: Sequence[Word],
    hit: _Found,
    hits: Sequence[_Found],
    code: str,
    n_named: int,
    asked: _Asked,
) -> Match:
    definition = known.definitions[code]
    wording = hit.wording
    covered = _covered(known, words, hits, code)
    said = " ".join(word.folded for word in words)
    if hit.how != "known wording":
        confidence, basis = 0.5 + 0.3 * covered, hit.how
        if hit.last == 0:
            confidence = 0.7
    elif said.replace(" ", "") == "".join(wording.words):
        confidence, basis = 0.98, f"is {wording.text!r}"
    elif covered == 1:
        confidence, basis = wording.strength * 0.96, f"names {wording.text!r} and nothing else"
    else:
        # A single everyday word beside others mostly means another thing: "death of neurons".
        start = 0.45 if wording.strength > 0.7 else 0.25
        confidence = wording.strength * (start + (0.9 - start) * covered)
        basis = f"contains {wording.text!r}"
    lowered = []

    def lower(factor: float, reason: str) -> None:
        nonlocal confidence
        confidence *= factor
        lowered.append(reason)

    fits = len(_bases(known, wording.codes))
    if fits > 1 and not _one_fits(known, wording.codes, code, asked.condition):
        lower(0.65, "the name fits several")
    if n_named - fits > 0:
        lower(0.7, "other outcomes are named beside it")
    before = words[hit.first - 1].folded if hit.first and hit.last else ""
    if before in _OTHER_KIND and before not in wording.words:
        lower(0.5, f"{before!r} before it makes another instrument")
    if _is_spelt_out_otherwise(known, name, words, hit, hits, code):
        lower(0.3, "the name spells the acronym out as something else")
    if hit.last and _another_number(name, words, hit):
        lower(0.5, f"followed by the number {words[hit.last].printed}")
    if _RELATING.search(name):
        lower(0.5, "about a relation to it, or its cost or acceptance")
    own = " ".join((definition.name, wording.text))
    category = None
    if _NEGATING.search(name) and not _NEGATING.search(own):
        category = Category.COMPLEMENT
        lower(0.8, "a word turns it round")
    counts_persons = _OF_PERSONS.search(name) or _PERSON_UNIT.search(asked.unit)
    if counts_persons and definition.statistics and Counts.PERSONS not in definition.statistics:
        lower(0.6, "persons are counted, the outcome is not")
    if category is None and counts_persons:
        category = next(
            (side for side, words_ in _SIDES if words_.search(name) and not words_.search(own)),
            None,
        )
    if _TIME_TO.search(name) and Counts.TIME not in definition.statistics:
        lower(0.7, "a time until it")
    unit, own_unit = _unit(asked.unit), _unit(definition.unit or "")
    if unit in _PHYSICAL and own_unit in _PHYSICAL and unit != own_unit:
        lower(0.5, f"measured in {own_unit}, reported in {unit}")
    if definition.conditions:
        if asked.condition is None:
            if wording.strength < 1:
                lower(0.85, f"if the condition is {definition.conditions[0]}")
        elif not _concerns(definition, asked.condition):
            lower(0.35, f"belongs to {definition.conditions[0]}")
    return Match(
        code,
        round(min(confidence, 0.98), 2),
        "; ".join((basis, *lowered)),
        name if hit.last == 0 else name[words[hit.first].start : words[hit.last - 1].end],
        category,
    )


def _is_spelt_out_otherwise(
    known: _Index,
    name: str,
    words: Sequence[Word],
    hit: _Found,
    hits: Sequence[_Found],
    code: str,
) -> bool:
    """ "Clinical Disease Activity Index (CDAI)" is not the index of Crohn's disease."""
    acronym = "".join(c for c in hit.wording.text if c.isalpha())
    before = [w for w in words[: hit.first] if w.folded not in ("of", "and", "the", "for", "in")]
    spelt = before[-len(acronym) :]
    if not (hit.wording.is_acronym and len(spelt) == len(acronym) > 1):
        return False
    if "".join(word.folded[0] for word in spelt) != acronym.casefold():
        return False
    wordings = (w.words for w in known.by_joined.values() if code in w.codes)
    return not any(
        all(max(fuzz.ratio(word.folded, other) for other in words_) >= 75 for word in spelt)
        for words_ in wordings
    )


def _another_number(name: str, words: Sequence[Word], hit: _Found) -> bool:
    """PASAT-2 is no PASAT-3."""
    if hit.last >= len(words) or not words[hit.last].printed.isdigit():
        return False
    return name[words[hit.last - 1].end : words[hit.last].start] in ("-", "\u2011", "\u2013")


def _one_fits(known: _Index, codes: Sequence[str], code: str, condition: str | None) -> bool:
    """Whether of several outcomes with one name this alone belongs to the condition."""
    if condition is None:
        return False
    own = [
        c
        for c in codes
        if known.definitions[c].conditions and _concerns(known.definitions[c], condition)
    ]
    return own == [code]


def _concerns(definition: OutcomeDefinitionValue, condition: str) -> bool:
    return any(word.casefold() in condition.casefold() for word in definition.conditions)


def _covered(known: _Index, words: Sequence[Word], hits: Sequence[_Found], code: str) -> float:
    """Share of the telling words of the name that wordings of this outcome explain."""
    explained: set[int] = set()
    base = _bases(known, [code])
    for hit in hits:
        if _bases(known, hit.wording.codes) & base:
            if hit.how == "known wording":
                explained |= set(range(hit.first, hit.last))
            else:
                explained |= {i for i, word in enumerate(words) if word.folded in hit.wording.words}
    telling = [
        i
        for i, word in enumerate(words)
        if i in explained
        or not (
            word.folded in _FRAME or word.folded.isdigit() or _is_of_conditions(known, code, word)
        )
    ]
    return len(explained & set(telling)) / len(telling) if telling else 0.0


def _is_of_conditions(known: _Index, code: str, word: Word) -> bool:
    """Naming the disease adds nothing to the name of an outcome of it."""
    conditions = " ".join(known.definitions[code].conditions)
    return len(word.folded) > 1 and word.folded in _set(conditions) | {"ms", "mri", "brain"}
