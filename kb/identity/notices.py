"""Which sources speak of one notice? A retraction seen by three of them is one retraction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from kb.identity.decide import contradicting_ids
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier
from kb.models.records import NoticeKind

# A publisher's notice and its entry at Retraction Watch are dated up to weeks apart.
_ONE_EVENT_DAYS: Final = 60
# What happens to a work once: notices of it that are not plainly two are one, also where one
# source names the notice by DOI and another by PMID. Corrections may follow each other closely.
_ONCE: Final = (NoticeKind.RETRACTION, NoticeKind.WITHDRAWAL, NoticeKind.REMOVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one record says of a notice about some work.

    `notice_work` is the work named as the notice, None where it is not named, and `names` are the
    identifiers that work holds. `key` tells sightings apart and is the same in every base.
    """

    key: tuple[str, ...]
    notice_work: int | None = None
    names: frozenset[Identifier] = frozenset()
    date: PartialDate | None = None


def group_notices(kind: NoticeKind, sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """The sightings of one kind about one work, one group per notice; any order gives the same.

    Those that name the same notice are one. One that names none joins the earliest notice it may
    be by date.
    """
    ordered = sorted(sightings, key=_order)
    groups: dict[int, list[Sighting]] = {}
    for sighting in ordered:
        if sighting.notice_work is not None:
            groups.setdefault(sighting.notice_work, []).append(sighting)
    found: list[list[Sighting]] = []
    for group in groups.values():
        one = next((g for g in found if _may_be_one(g, group)), None) if kind in _ONCE else None
        if one is None:
            found.append(group)
        else:
            one.extend(group)
    for sighting in ordered:
        if sighting.notice_work is None:
            one = next((g for g in found if close(earliest(g), sighting.date)), None)
            if one is None:
                found.append([sighting])
            else:
                one.append(sighting)
    return found


def earliest(group: Sequence[Sighting]) -> PartialDate | None:
    """The first date; of "2019" and "2019-12" the second, as nothing says the first is before."""
    dates = [s.date for s in group if s.date]
    return min(dates, key=lambda on: on + "-99" * ((10 - len(on)) // 3), default=None)


def close(a: PartialDate | None, b: PartialDate | None) -> bool:
    """Whether two dates may be one event's; a missing or coarse date rules nothing out."""
    if a is None or b is None:
        return True
    shorter = min(len(a), len(b))
    if shorter < 10:
        return a[:shorter] == b[:shorter]
    return abs((date.fromisoformat(a) - date.fromisoformat(b)).days) <= _ONE_EVENT_DAYS


def _order(sighting: Sighting) -> tuple[object, ...]:
    # Row numbers differ from base to base, so they decide only between what nothing else does.
    s = sighting
    return s.date is None, s.date or "", s.key, sorted(s.names), s.notice_work or 0


def _may_be_one(a: Sequence[Sighting], b: Sequence[Sighting]) -> bool:
    names, others = (frozenset().union(*(s.names for s in group)) for group in (a, b))
    return contradicting_ids(names, others) is None and close(earliest(a), earliest(b))
