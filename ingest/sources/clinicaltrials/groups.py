"""Which registered arm a group of the results section is, where that is safe to say.

One entry names one group differently in its modules: "1 Placebo", "Placebo", "Patients Who
Received Placebo". Two groups taken for each other swap the sides of every comparison, so a group
that is not surely one arm stays a group of its own. In the order of trust:

title
    The titles are equal once numbering ("Arm A:", "2."), standing words ("participants who
    received", "group", "arm") and the way an amount is written are taken off.
intervention
    The title, or the lines "name: ..." that the registry puts under a group's description, name
    exactly the interventions that one arm alone was registered with.
description
    The group's description begins with the whole description of one arm alone.
only one
    The entry has one arm, and the module one group.

None of them holds against a contradiction: another amount, another enumerator ("arm A", "arm B"),
a control beside no control, a sequence of treatments beside none, several groups taken together,
another cohort. Of two groups of one module that would be one arm neither is, and a title that two
modules would give to two arms has neither.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from kb.outcomes.arm_labels import (
    cohort_of,
    names_cells,
    names_control,
    names_sequence,
    names_several_groups,
)


class Basis(StrEnum):
    """Why a group is an arm. All but the same title are caveats of what is reported for it."""

    SAME_TITLE = "same_title"
    TITLE = "arm_matched_by_title"
    INTERVENTION = "arm_matched_by_intervention"
    DESCRIPTION = "arm_matched_by_description"
    ONLY_ONE = "arm_matched_as_only_one"


@dataclass(frozen=True, slots=True)
class RegisteredArm:
    """`interventions` are names without their types ("placebo", not "Drug: placebo")."""

    key: str
    label: str
    role: str | None = None
    description: str | None = None
    interventions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A group as one module, or one outcome, lists it."""

    title: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    arm: str  # key
    basis: Basis


_WHOLE_STUDY: Final = frozenset(
    {"total", "overall", "all participants", "all patients", "all subjects", "study population"}
)
# A description shorter than this may stand at the start of several ("Placental MSC").
_FEWEST_WORDS: Final = 4
_ENUMERATOR = re.compile(
    r"^(?:(?:treatment|study)\s+)?(?:arm|group|grp)\s*#?\s*(?P<named>\d{1,2}|[a-z]|[ivx]{1,4})"
    r"(?=$|[\s:.,;)(\u2013\u2014-])[\s:.,;)\u2013\u2014-]*"
    r"|^\(?(?P<bare>\d{1,2}|[a-z])\s*[.):]\s*(?!\d)",
    re.I,
)
# "1 Placebo", where no amount begins the title: "1 million cells", "2 x 10^6 MSC", "2 doses".
_LEADING_NUMBER = re.compile(
    r"^(?P<number>\d{1,2})\s+(?=[a-z]{3,})"
    r"(?!(?:million|billion|thousand|times?|fold|doses?|infusions?|injections?|weeks?|months?|days?"
    r"|years?|hours?|cells?|units?|cycles?|pmol|mcg|mg|ml|mol|msc)\b)",
    re.I,
)
_BEFORE = re.compile(
    r"^(?:(?:all|the)\s+)?(?:participants|patients|subjects|individuals|volunteers|children|adults"
    r"|infants|those|eyes|knees)\b\s*"
    r"(?:(?:who|that)\s+)?(?:were\s+|was\s+|have\s+been\s+|are\s+)?"
    r"(?:receiv(?:ed|ing)|treated|randomi[sz]ed|assigned|allocated|given|administered|in|on)?\s*"
    r"(?:(?:with|to|into|the)\s+)*",
    re.I,
)
# Words that never tell one group from another, and words that do where nothing else is left:
# "Treatment arm" is "treatment", "MSC treatment" is "msc".
_STANDING: Final = frozenset(
    {
        "arm", "arms", "group", "groups", "grp", "participant", "participants", "patient",
        "patients", "subject", "subjects", "the", "an",
    }
)  # fmt: skip
_WEAK: Final = _STANDING | {
    "of", "in", "to", "with", "by", "for", "only", "alone", "comparator", "experimental", "active",
    "treatment", "treated", "therapy", "cohort",
}  # fmt: skip
_SCALES: Final = {"thousand": 3, "million": 6, "millions": 6, "billion": 9}
_MULTIPLIED = re.compile(
    r"(?P<mantissa>\d+(?:\.\d+)?)\s*(?:x|×|\*|times|·)\s*10\s*(?:e?\^|\*\*|e(?:xp)?)?\s*\(?(?P<power>\d{1,2})\)?",
    re.I,
)
_SCALED = re.compile(
    r"(?P<mantissa>\d+(?:\.\d+)?)\s*-?\s*(?P<scale>thousand|millions?|billion)\b", re.I
)
_EXPONENT = re.compile(r"(?P<mantissa>\d+(?:\.\d+)?)e\+?(?P<power>\d{1,2})\b", re.I)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SINGULAR = re.compile(r"(?<=[^\Wsui\d_])s$")


@dataclass(frozen=True, slots=True)
class _Title:
    """A title taken apart: the words that tell, the amounts, and the place in a numbering."""

    words: frozenset[str]
    order: tuple[str, ...]
    amounts: tuple[float, ...]
    enumerator: str | None
    cohort: str | None
    is_control: bool
    is_sequence: bool
    is_pooled: bool

    @property
    def core(self) -> tuple[object, ...]:
        return (self.order, self.amounts, self.cohort)


@lru_cache(maxsize=4096)
def _taken_apart(title: str) -> _Title:
    text = " ".join(unicodedata.normalize("NFKC", title).split())
    enumerator = None
    found = _ENUMERATOR.match(text)
    if found:
        enumerator = (found["named"] or found["bare"]).casefold()
        text = text[found.end() :]
    else:
        leading = _LEADING_NUMBER.match(text)
        if leading:
            enumerator, text = leading["number"], text[leading.end() :]
    plain = _BEFORE.sub("", text) or text
    amounts, rest = _amounts(plain)
    order = tuple(_singular(word) for word in re.findall(r"[^\W_]+", rest.casefold()))
    for standing in (_WEAK, _STANDING):
        telling = tuple(word for word in order if word not in standing)
        if telling:
            order = telling
            break
    return _Title(
        words=frozenset(order),
        order=order,
        amounts=amounts,
        enumerator=enumerator,
        cohort=cohort_of(title),
        is_control=names_control(title),
        is_sequence=names_sequence(title),
        is_pooled=names_several_groups(text),
    )


def _singular(word: str) -> str:
    return _SINGULAR.sub("", word) if len(word) > 3 else word


def _amounts(text: str) -> tuple[tuple[float, ...], str]:
    """The numbers of a text, however written, in their order of size, and the text without them."""
    found: list[float] = []

    def power(match: re.Match[str]) -> str:
        found.append(float(match["mantissa"]) * 10.0 ** int(match["power"]))
        return " "

    def scale(match: re.Match[str]) -> str:
        found.append(float(match["mantissa"]) * 10.0 ** _SCALES[match["scale"].lower()])
        return " "

    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for pattern, take in ((_MULTIPLIED, power), (_EXPONENT, power), (_SCALED, scale)):
        text = pattern.sub(take, text)
    found += [float(number) for number in _NUMBER.findall(text)]
    return tuple(sorted(found)), _NUMBER.sub(" ", text)


def is_whole_study(title: str) -> bool:
    return folded(title) in _WHOLE_STUDY


def folded(title: str) -> str:
    """A title without case, spacing and punctuation; signs that tell doses or cells apart stay.

    "2. Repaglinide" is "2 repaglinide", "1.5×10^6 / kg" keeps its point, cross and slash.
    """
    text = unicodedata.normalize("NFC", title).casefold()
    text = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", text)
    text = re.sub(r"[^\w.+<>=≤≥±×*^/%]+", " ", text)
    return re.sub(r"\s*([+<>=≤≥±×*^/%])\s*", r"\1", text).strip()


def standing_title(title: str) -> tuple[object, ...]:
    """What is left of a title once numbering and standing words are off: titles of groups that no
    arm is matched to are one where this is equal."""
    apart = _taken_apart(title)
    return (apart.core, apart.enumerator, apart.is_sequence, apart.is_pooled)


def match_groups(
    modules: Sequence[Sequence[Group]], arms: Sequence[RegisteredArm]
) -> list[list[Matched | None]]:
    """The arm of every group of every module, None where it is not surely one.

    All modules of one entry together: what one says of a title holds in the others.
    """
    rounds = [_of_module(groups, arms) for groups in modules]
    said: dict[str, set[str]] = defaultdict(set)
    best: dict[str, Matched] = {}
    for groups, matches in zip(modules, rounds):
        for group, match in zip(groups, matches):
            if match is not None and match.basis is not Basis.ONLY_ONE:
                said[folded(group.title)].add(match.arm)
                best.setdefault(folded(group.title), match)
    return [
        _agreed(groups, matches, said, best, {arm.key: arm for arm in arms})
        for groups, matches in zip(modules, rounds)
    ]


def _agreed(
    groups: Sequence[Group],
    matches: Sequence[Matched | None],
    said: Mapping[str, set[str]],
    best: Mapping[str, Matched],
    arms: Mapping[str, RegisteredArm],
) -> list[Matched | None]:
    found: list[Matched | None] = []
    for group, match in zip(groups, matches):
        title = folded(group.title)
        if len(said[title]) > 1 and (match is None or match.basis is not Basis.SAME_TITLE):
            found.append(None)
        elif match is None and title in best and not _contradicts(group, arms[best[title].arm]):
            found.append(best[title])
        else:
            found.append(match)
    return _one_each(groups, found)


def _of_module(groups: Sequence[Group], arms: Sequence[RegisteredArm]) -> list[Matched | None]:
    parts = [group for group in groups if not is_whole_study(group.title)]
    found: list[Matched | None] = []
    for group in groups:
        if is_whole_study(group.title):
            found.append(None)
            continue
        match = _match(group, arms)
        if match is None and len(arms) == 1 and len(parts) == 1:
            (arm,) = arms
            if not _contradicts(group, arm):
                match = Matched(arm.key, Basis.ONLY_ONE)
        found.append(match)
    return _one_each(groups, found)


def _one_each(groups: Sequence[Group], matches: Sequence[Matched | None]) -> list[Matched | None]:
    """No arm twice in one module: of several groups the one with the arm's own title is it, else
    none is."""
    per_arm = Counter(match.arm for match in matches if match is not None)
    exact = Counter(
        match.arm for match in matches if match is not None and match.basis is Basis.SAME_TITLE
    )
    return [
        match
        if match is None
        or per_arm[match.arm] == 1
        or (exact[match.arm] == 1 and match.basis is Basis.SAME_TITLE)
        else None
        for match in matches
    ]


def _match(group: Group, arms: Sequence[RegisteredArm]) -> Matched | None:
    same = [arm for arm in arms if folded(arm.label) == folded(group.title)]
    if same:
        literal = [arm for arm in same if arm.label == group.title]
        same = same if len(same) == 1 else literal
        return Matched(same[0].key, Basis.SAME_TITLE) if len(same) == 1 else None
    ways = (
        (Basis.TITLE, _by_title),
        (Basis.INTERVENTION, _by_intervention),
        (Basis.DESCRIPTION, _by_description),
    )
    found: dict[str, Basis] = {}
    for basis, way in ways:
        own = [arm for arm in way(group, arms) if not _contradicts(group, arm)]
        if len(own) == 1:
            found.setdefault(own[0].key, basis)
    # Two ways that lead to two arms lead nowhere.
    if len(found) != 1:
        return None
    ((arm, basis),) = found.items()
    return Matched(arm, basis)


def _by_title(group: Group, arms: Sequence[RegisteredArm]) -> list[RegisteredArm]:
    title = _taken_apart(group.title)
    if title.order:
        return [arm for arm in arms if _taken_apart(arm.label).core == title.core]
    # "Arm A" is "Arm A: MSC", and no more than that.
    return [
        arm
        for arm in arms
        if title.enumerator and _taken_apart(arm.label).enumerator == title.enumerator
    ]


def _by_intervention(group: Group, arms: Sequence[RegisteredArm]) -> list[RegisteredArm]:
    sets = {arm.key: frozenset(map(_name, arm.interventions)) for arm in arms}
    known = frozenset().union(*sets.values())
    named = _named_in_title(group.title, known) or _named_in_lines(group.description, known)
    if not named:
        return []
    equal = [arm for arm in arms if sets[arm.key] == named]
    if equal:
        return equal
    # "MSC" of arms {MSC, usual care} and {usual care}: what sets the one arm apart.
    return [
        arm
        for arm in arms
        if named <= sets[arm.key]
        and named == sets[arm.key].difference(*(sets[a.key] for a in arms if a is not arm))
    ]


def _name(intervention: str) -> tuple[object, ...]:
    apart = _taken_apart(intervention)
    return (apart.order, apart.amounts)


def _named_in_title(
    title: str, known: frozenset[tuple[object, ...]]
) -> frozenset[tuple[object, ...]]:
    apart = _taken_apart(title)
    whole = (apart.order, apart.amounts)
    if whole in known:
        return frozenset({whole})
    pieces = [_name(p) for p in re.split(r"\s*(?:\+|&|\bplus\b|\band\b|,)\s*", title) if p.strip()]
    return frozenset(pieces) if len(pieces) > 1 and known.issuperset(pieces) else frozenset()


def _named_in_lines(
    description: str | None, known: frozenset[tuple[object, ...]]
) -> frozenset[tuple[object, ...]]:
    found = set()
    for one in (description or "").splitlines():
        head, colon, _ = one.partition(":")
        if colon and _name(head) in known:
            found.add(_name(head))
    return frozenset(found)


def _by_description(group: Group, arms: Sequence[RegisteredArm]) -> list[RegisteredArm]:
    said = folded(group.description or "").split()
    found = []
    for arm in arms:
        own = folded(arm.description or "").split()
        if len(own) >= _FEWEST_WORDS and said[: len(own)] == own:
            found.append(arm)
    return found


def _contradicts(group: Group, arm: RegisteredArm) -> bool:
    """Whether something in the group's title cannot be of the arm."""
    title, label = _taken_apart(group.title), _taken_apart(arm.label)
    if title.is_sequence != label.is_sequence or (title.is_pooled and not label.is_pooled):
        return True
    if title.cohort != label.cohort and title.cohort is not None:
        return True
    if title.enumerator and label.enumerator and title.enumerator != label.enumerator:
        return True
    if not _all_in(title.amounts, arm):
        return True
    is_control = arm.role == "control" or label.is_control
    if title.is_control and not is_control:
        # An arm labelled "1" may be anything; one that is said to be experimental is no control.
        return arm.role == "experimental" or names_cells(arm.label)
    return is_control and names_cells(group.title) and not names_cells(arm.label)


def _all_in(amounts: Iterable[float], arm: RegisteredArm) -> bool:
    """Whether every amount of a title is one of the arm's, in its label, interventions or text."""
    text = " ; ".join((arm.label, *arm.interventions, arm.description or ""))
    own, _ = _amounts(text)
    return all(any(abs(a - b) <= 1e-9 * max(a, b) for b in own) or a == 0 for a in amounts)
