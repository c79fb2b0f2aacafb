"""Which pairs of many records are worth comparing, found for all of them at once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from kb.identity.blocking import blocking_keys
from kb.identity.comparison import is_worth_a_look
from kb.identity.descriptions import Description
from kb.identity.wording import NEAR, WHOLE

# Blocks above this are sorted and each record is compared with its neighbours alone.
_WHOLE_BLOCK: Final = 24
_NEIGHBOURS: Final = 2
_AT_ONCE: Final = 100_000

Positions = NDArray[np.int64]
Pairs = tuple[Positions, Positions]


def candidate_pairs(descriptions: Sequence[Description]) -> Pairs:
    """The positions of records that share a key, as (firsts, seconds) with first < second, each
    pair once, in order.

    In a block above 24 records each is compared with the 2 that follow it when the block is
    sorted by title, author, year and pages, so that work grows with the records and not with the
    square of those called "Editorial".
    """
    count = len(descriptions)
    # Hashes are smaller than the keys; two keys of one hash would only add a pair that is then
    # told apart.
    keys, sizes = array("q"), array("q")
    for d in descriptions:
        found = blocking_keys(d)
        keys.extend(map(hash, found))
        sizes.append(len(found))
    codes = np.array(keys, dtype=np.int64)
    members = np.repeat(np.arange(count), np.array(sizes, dtype=np.int64))
    order = np.argsort(codes, kind="stable")
    codes, members = codes[order], members[order]
    starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    lengths = np.diff(starts, append=len(codes))

    pairs = [np.empty(0, dtype=np.int64)]
    for length in range(2, _WHOLE_BLOCK + 1):
        begins = starts[lengths == length]
        if len(begins):
            blocks = members[begins[:, None] + np.arange(length)]
            left, right = np.triu_indices(length, 1)
            pairs.append((blocks[:, left] * count + blocks[:, right]).ravel())
    for start, length in zip(*(a[lengths > _WHOLE_BLOCK] for a in (starts, lengths)), strict=True):
        block = members[start : start + length].tolist()
        block.sort(key=_order(descriptions, int(codes[start]), block[0]))
        line = np.array(block)
        for step in range(1, _NEIGHBOURS + 1):
            near = line[:-step], line[step:]
            pairs.append(np.minimum(*near) * count + np.maximum(*near))
    every = np.sort(np.concatenate(pairs))
    every = every[np.diff(every, prepend=-1) > 0]
    first, second = np.divmod(every, max(count, 1))
    is_two = first != second
    return first[is_two], second[is_two]


def _order(
    descriptions: Sequence[Description], code: int, member: int
) -> Callable[[int], tuple[str, str, int, int, str]]:
    """By title, those that end alike beside each other where the block is of ends."""
    is_end = any(
        key.startswith("e:") for key in blocking_keys(descriptions[member]) if hash(key) == code
    )

    def place(position: int) -> tuple[str, str, int, int, str]:
        d = descriptions[position]
        letters = d.letters[::-1] if is_end else d.letters
        page = d.pages.first if d.pages else 0
        return letters, d.first_family, d.year or 0, page, d.record_id

    return place


def worth_a_look(descriptions: Sequence[Description], pairs: Pairs) -> Pairs:
    """The pairs of which `is_worth_a_look` is true, most of them found without a look at each."""
    first, second = pairs
    letters = list(map(attrgetter("letters"), descriptions))
    lengths = np.fromiter(map(len, letters), np.int64, len(letters))
    page = np.fromiter((d.pages.first if d.pages else -1 for d in descriptions), np.int64)
    is_worth = np.zeros(len(first), dtype=bool)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        ratios = process.cpdist(
            [letters[i] for i in first[part].tolist()],
            [letters[i] for i in second[part].tolist()],
            scorer=fuzz.ratio,
            score_cutoff=NEAR,
        )
        is_worth[part] = ratios > 0
    short = np.minimum(lengths[first], lengths[second])
    long = np.maximum(lengths[first], lengths[second])
    is_worth &= short > 0  # the ratio of nothing and nothing is 100
    is_several = np.fromiter((len(d.titles) > 1 for d in descriptions), bool)
    is_worth |= is_several[first] | is_several[second]
    for name in ("doi", "pmid", "pmcid", "abstract"):
        codes = np.fromiter(map(hash, map(attrgetter(name), descriptions)), np.int64)
        said = (codes != hash(None)) & (codes != hash(""))
        is_worth |= (codes[first] == codes[second]) & said[first]
    # A page in common, or one title as part of another: then the ratio follows from the lengths.
    may_be = (page[first] == page[second]) & (page[first] >= 0)
    may_be |= (short >= WHOLE) & (short * (200 - NEAR) < long * NEAR)
    for k in np.flatnonzero(may_be & ~is_worth).tolist():
        is_worth[k] = is_worth_a_look(descriptions[first[k]], descriptions[second[k]])
    return first[is_worth], second[is_worth]
