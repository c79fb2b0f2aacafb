"""Reading the registry's JSON: parts that may be absent, text with escapes, numbers as text."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from kb.models.evidence import Cell, CellName, EvidenceClaim, Standing, State

Json = dict[str, Any]

NUL: Final = "\x00"  # no database holds it
# CommonMark lets a backslash stand before any ASCII punctuation; the registry escapes so.
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_NUMBER = re.compile(
    r"(?=[+-]?\.?\d)[+-]?(?:\d{1,3}(?:[, ]\d{3})+|\d+)?(?:\.\d+|\.)?(?:[eE][+-]?\d+)?"
)
_NO_VALUE: Final = frozenset({"", "na", "n/a"})


def part(parent: Json, name: str) -> Json:
    """The object `name`, {} where it is absent. Raises ValueError for anything but an object."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {type(value).__name__}, expected an object")
    return value


def parts(parent: Json, name: str) -> list[Json]:
    """The objects of the list `name`, [] where it is absent."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} is not a list of objects")
    return value


def strings(parent: Json, name: str) -> list[str]:
    """The texts of the list `name`, without empty ones; [] where it is absent."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is {type(value).__name__}, expected a list")
    return [text for item in value if (text := _unescaped(str(item)))]


def line(parent: Json, name: str) -> str | None:
    """The text `name` on one line, escapes taken off; None where it is absent or empty."""
    value = parent.get(name)
    return None if value is None else _unescaped(str(value)) or None


def block(parent: Json, name: str) -> str | None:
    """The text `name` with its lines kept."""
    value = parent.get(name)
    if value is None:
        return None
    lines = map(_unescaped, str(value).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() or None


def words(name: str | None) -> str | None:
    """A value of an enumeration as words: "SINGLE_GROUP" is "single group"."""
    return name.replace("_", " ").lower() if name else None


def number(raw: object) -> float | None:
    """The number a text is ("1,234", ".33", "−2.1"); None for "<0.1", "NA", "1,5" and for one
    too large to be held."""
    text = str(raw).strip().replace("\u2212", "-").replace("\u00a0", " ")
    if not _NUMBER.fullmatch(text):
        return None
    value = float(re.sub(r"[, ]", "", text))
    return value if isfinite(value) else None


def count(raw: object) -> int | None:
    """The number of persons or events a text or integer is; None for anything else."""
    value = None if raw is None or isinstance(raw, bool) else number(raw)
    return int(value) if value is not None and value >= 0 and value.is_integer() else None


def is_missing(raw: object) -> bool:
    """Whether nothing is reported: absent, empty, or the registry's "NA"."""
    return raw is None or str(raw).strip().lower() in _NO_VALUE


def cell(parent: Json, field_name: str, name: CellName, *, is_count: bool = False) -> Cell | None:
    """The number in `field_name` as printed, with what is known of it; None where it is absent."""
    raw = parent.get(field_name)
    if raw is None:
        return None
    text = " ".join(str(raw).replace(NUL, " ").split())
    value = number(text)
    if is_missing(raw):
        state = State.NOT_REPORTED
    elif value is None:
        state = State.UNCLEAR
    else:
        state = State.REPORTED_ZERO if is_count and value == 0 else State.REPORTED
    return Cell(name=name, value=value, text=text or None, state=state)


def note(*said: str | None) -> str | None:
    """What was said, in one text; None where nothing was."""
    return "; ".join(text for text in said if text) or None


def labelled(label: str, text: str | None) -> str | None:
    return f"{label}: {text}" if text else None


def _unescaped(text: str) -> str:
    return " ".join(_ESCAPE.sub(r"\1", text.replace(NUL, " ")).split())


@dataclass(frozen=True)
class Place:
    """The entry being read: makes evidence and keys for the claims found in it."""

    number: str  # "NCT03778333"
    _seen: Counter[str] = field(default_factory=Counter)

    def evidence(self, locator: str, quote: str | None = None) -> EvidenceClaim:
        return EvidenceClaim(
            kind="registry",
            document=self.number,
            locator=locator,
            standing=Standing.PRIMARY,
            quote=quote,
        )

    def key(self, *path: str | None) -> str:
        """A key by titles, which outlast positions; the second claim of one path ends in #2."""
        key = " / ".join(step for step in path if step)
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key} #{self._seen[key]}"
