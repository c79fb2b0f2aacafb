"""Appraisal tools as data: their items, the answers they take, and what follows from them.

Tools change: ROBINS-I of November 2024 exchanged domains 2 and 3 of 2016, so that a judgement
means nothing without the version it was made with.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from kb.errors import InvalidInput


class ToolKind(StrEnum):
    LEVELS = "levels"  # a level of risk in each domain, and overall
    SCORES = "scores"  # points that are summed
    ANSWERS = "answers"  # answers that are not summed
    REPORTING = "reporting"  # whether a paper tells something


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    key: str  # "D1", "12"
    title: str
    is_comparative: bool = False  # asked of studies with a comparator only


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`answers` from best to worst where they are levels; `overall` the overall judgements a person
    may give, empty where the tool has none."""

    name: str  # "RoB 2"
    version: str  # "2019"
    title: str
    kind: ToolKind
    suits: str
    answers: tuple[str, ...]
    overall: tuple[str, ...]
    items: tuple[Item, ...]
    source: str

    def items_for(self, *, is_comparative: bool) -> tuple[Item, ...]:
        return tuple(i for i in self.items if is_comparative or not i.is_comparative)

    def item(self, text: str) -> Item:
        """The item of this key or title, whatever the case. Raises InvalidInput."""
        wanted = " ".join(text.split()).casefold()
        for item in self.items:
            if wanted in (item.key.casefold(), item.title.casefold()):
                return item
        keys = ", ".join(i.key for i in self.items)
        raise InvalidInput(f"{self.name} {self.version} has no item {text[:60]!r} (it has {keys})")

    def answer(self, text: str) -> str:
        """The answer in the tool's own spelling. Raises InvalidInput for one it does not take."""
        return _one_of(text, self.answers, f"an answer of {self.name} {self.version}")

    def overall_judgement(self, text: str) -> str:
        if not self.overall:
            raise InvalidInput(f"{self.name} {self.version} has no overall judgement")
        return _one_of(text, self.overall, f"an overall judgement of {self.name} {self.version}")


# As tables from elsewhere write them.
_SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "l": "low", "low risk": "low", "s": "some concerns", "some": "some concerns",
        "unclear risk": "some concerns", "h": "high", "high risk": "high", "m": "moderate",
        "moderate risk": "moderate", "serious risk": "serious", "c": "critical",
        "critical risk": "critical", "ni": "no information", "n": "no", "y": "yes",
        "na": "not applicable", "n/a": "not applicable", "cd": "cannot determine",
        "nr": "not reported", "u": "unclear",
    }
)  # fmt: skip


def _one_of(text: str, known: Sequence[str], what: str) -> str:
    wanted = " ".join(text.split()).casefold()
    by_fold = {answer.casefold(): answer for answer in known}
    found = by_fold.get(wanted) or by_fold.get(_SYNONYMS.get(wanted, ""))
    if found is None:
        raise InvalidInput(f"not {what}: {text[:60]!r} (expected {', '.join(known)})")
    return found


@cache
def load_tools() -> tuple[Tool, ...]:
    """Every tool and version, in the order of the table."""
    items: dict[tuple[str, str], list[Item]] = {}
    for row in _rows("items.csv"):
        items.setdefault((row["tool"], row["version"]), []).append(
            Item(key=row["item"], title=row["title"], is_comparative=row["only"] == "comparative")
        )
    return tuple(
        Tool(
            name=row["tool"],
            version=row["version"],
            title=row["name"],
            kind=ToolKind(row["kind"]),
            suits=row["for"],
            answers=tuple(row["answers"].split("|")),
            overall=tuple(filter(None, row["overall"].split("|"))),
            items=tuple(items[row["tool"], row["version"]]),
            source=row["source"],
        )
        for row in _rows("tools.csv")
    )


def find_tool(name: str, version: str | None) -> Tool:
    """The tool of this name and version. Raises InvalidInput where it is not known, or where a
    tool of several versions is named without one."""
    plain = _plain(name)
    versions = [t for t in load_tools() if _plain(t.name) == plain]
    if not versions:
        known = ", ".join(dict.fromkeys(t.name for t in load_tools()))
        raise InvalidInput(f"no appraisal tool {name[:60]!r} (known: {known})")
    if version is None and len(versions) == 1:
        return versions[0]
    for tool in versions:
        if tool.version == version:
            return tool
    has = ", ".join(t.version for t in versions)
    raise InvalidInput(
        f"{versions[0].name} is known in version {has}, not {version!r}"
        if version is not None
        else f"which version of {versions[0].name}? It is known in {has}, and their items differ"
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _rows(table: str) -> list[dict[str, str]]:
    text = (resources.files("kb.appraisal") / "tools" / table).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text), strict=True))
