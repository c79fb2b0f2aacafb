"""Reading JSON that does not keep its promises: missing, null, one object instead of a list."""

from __future__ import annotations

import re
from typing import Any

from kb.formats.markup import plain_text


def mapping(value: object) -> dict[str, Any]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """The list; a single value as a list of one; nothing for None and an empty object."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == {} else [value]


def mappings(value: object) -> list[dict[str, Any]]:
    """The objects of a list, or the single object where a list was meant."""
    return [row for row in listed(value) if isinstance(row, dict)]


def text(value: object) -> str | None:
    """Plain text of a string or number; None for everything else and for empty text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return plain_text(value)
    return str(value) if isinstance(value, int | float) else None


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, each once, in order."""
    return tuple(dict.fromkeys(t for v in listed(value) if (t := text(v))))


def address(value: object) -> str | None:
    """An address, identifier or other text that is no prose: left as it is but for space around."""
    return value.strip() or None if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """A whole number, also where it came as text of up to 18 digits; None for everything else."""
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if re.fullmatch(r"[0-9]{1,18}", digits) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def truth(value: object) -> bool | None:
    """A yes or no, also as "Y" and "N"; None for everything else."""
    return value if isinstance(value, bool) else {"Y": True, "N": False}.get(str(value))
