"""Dates as precisely as they were given, and no more precisely."""

from __future__ import annotations

import calendar
from typing import NewType

# "2019", "2019-12" or "2019-12-02": the length is the precision, and text order is time order
# for dates of one precision.
PartialDate = NewType("PartialDate", str)


def partial_date(
    year: int | str | None, month: int | str | None = None, day: int | str | None = None
) -> PartialDate | None:
    """The date at the precision given; None without a believable year (1000 to 2999).

    A month outside 1-12 leaves the year alone, a day the month does not have leaves the month:
    what cannot be true is dropped, what can is kept.
    """
    y = _whole(year)
    if y is None or not 1000 <= y <= 2999:
        return None
    m = _whole(month)
    if m is None or not 1 <= m <= 12:
        return PartialDate(f"{y:04d}")
    d = _whole(day)
    if d is None or not 1 <= d <= calendar.monthrange(y, m)[1]:
        return PartialDate(f"{y:04d}-{m:02d}")
    return PartialDate(f"{y:04d}-{m:02d}-{d:02d}")


def parse_partial_date(text: str | None) -> PartialDate | None:
    """From ISO text of any precision ("2016-12", "2016-12-31", "2016-12-31T00:00:00Z")."""
    if not text:
        return None
    return partial_date(*text.strip()[:10].split("-")[:3])


def year_of(date: PartialDate | None) -> int | None:
    return int(date[:4]) if date else None


def _whole(value: int | str | None) -> int | None:
    if isinstance(value, int):
        return value
    text = (value or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
