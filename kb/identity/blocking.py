"""Which records are worth comparing: those that share a key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from kb.identity.descriptions import Description
from kb.identity.titles import is_generic

_HEAD: Final = 20
# Blocks above this are sorted and each record is compared with its neighbours alone.
_WHOLE_BLOCK: Final = 24
_NEIGHBOURS: Final = 2


def blocking_keys(d: Description) -> tuple[str, ...]:
    """The keys of a record: stable text, comparable between versions of this module only. Two
    records of one work share at least one of them unless both are poor or badly damaged.

    `d:` DOI without version, `p:` PMID, `c:` PMCID; `t:` and `e:` head and end of the title, with
    first author and year where the title is a common one; `l:` volume, page, year; `a:` first
    author, year, longest word of the title; `s:` first author, page, volume; `b:` beginning of the
    abstract.
    """
    keys: list[str] = []
    if d.doi:
        keys.append("d:" + d.doi)
    if d.pmid:
        keys.append("p:" + d.pmid)
    if d.pmcid:
        keys.append("c:" + d.pmcid)
    place = d.pages
    year = d.year
    family = d.first_family
    letters = d.letters
    if letters:
        if len(letters) < _HEAD and is_generic(d.titles[0]):
            keys.append(f"t:{letters}|{family}|{year}")
            if place is not None:
                keys.append(f"t:{letters}|{place.first}|{year}")
        else:
            keys.append("t:" + letters[:_HEAD])
            if len(letters) > _HEAD:
                keys.append("e:" + letters[-_HEAD:])
        if family and year:
            keys.append(f"a:{family}|{year}|{max(d.titles[0].split(), key=len)}")
        for other in d.titles[1:]:
            closed = other.replace(" ", "")
            keys.append("t:" + closed[:_HEAD])
            keys.append("e:" + closed[-_HEAD:])
    if place is not None:
        if d.volume and year:
            keys.append(f"l:{d.volume[0]}|{place.first}|{year}")
        if family and place.first > 1:
            keys.append(f"s:{family}|{place.first}|{d.volume[0] if d.volume else year}")
    if d.abstract:
        keys.append("b:" + d.abstract[:60])
    return tuple(keys)


def candidate_pairs(descriptions: Sequence[Description]) -> list[tuple[int, int]]:
    """Pairs of positions (first < second) of records that share a key, each once, in order.

    In a block above 24 records each is compared with the 2 that follow it when the block is
    sorted by title, author, year and pages, so that work grows with the records and not with the
    square of those called "Editorial".
    """
    # Most keys are of one record alone: a list is made for those of several. Hashes are smaller
    # than the keys, and two keys of one hash would only add a pair that is then told apart.
    alone: dict[int, int] = {}
    blocks: dict[int, list[int]] = {}
    ends: set[int] = set()
    for position, d in enumerate(descriptions):
        for key in blocking_keys(d):
            code = hash(key)
            before = alone.setdefault(code, position)
            if before != position:
                if code in blocks:
                    blocks[code].append(position)
                else:
                    blocks[code] = [before, position]
                    if key[0] == "e":
                        ends.add(code)
    del alone
    count = len(descriptions)
    codes: set[int] = set()
    for code, block in blocks.items():
        if len(block) == 2:
            codes.add(block[0] * count + block[1])
        elif len(block) <= _WHOLE_BLOCK:
            codes.update(i * count + j for i, j in combinations(block, 2))
        else:
            is_end = code in ends
            block.sort(key=lambda i: _order(descriptions[i], is_end=is_end))
            for step in range(1, _NEIGHBOURS + 1):
                codes.update(
                    min(i, j) * count + max(i, j) for i, j in zip(block, block[step:], strict=False)
                )
    return [divmod(code, count) for code in sorted(codes)]


def _order(d: Description, *, is_end: bool) -> tuple[str, str, int, int, str]:
    """By title, those that end alike beside each other where the block is of ends."""
    return (
        d.letters[::-1] if is_end else d.letters,
        d.first_family,
        d.year or 0,
        d.pages.first if d.pages else 0,
        d.record_id,
    )
