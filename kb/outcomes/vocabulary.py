"""The outcome vocabulary: what can be measured, in which unit and range, and which way is better.

It is data, one table per field of medicine in the folder `vocabulary` and, where a field has rules
for what counts as a change, one in `thresholds`: another condition is another table, not other
code. A cell that lists several things separates them by "|".
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from kb.models.evidence import Statistic

FOLDER: Traversable = resources.files("kb.outcomes")
# Where facts are so marked nobody has seen them in a source yet.
GENERAL_KNOWLEDGE: Final = "general knowledge"


class Counts(StrEnum):
    """What a number of an outcome can be. Persons with an event and events are two numbers."""

    SCORE = "score"  # a measurement of each person, summarised
    PERSONS = "persons"
    EVENTS = "events"
    RATE = "rate"  # events per person-time
    TIME = "time"  # until an event


_STATISTICS: Final[Mapping[Counts, frozenset[Statistic]]] = {
    Counts.SCORE: frozenset(
        {Statistic.BASELINE, Statistic.FINAL, Statistic.CHANGE, Statistic.PERCENT_CHANGE}
    ),
    Counts.PERSONS: frozenset({Statistic.PERSON_COUNT, Statistic.PERCENT, Statistic.BASELINE}),
    Counts.EVENTS: frozenset({Statistic.EVENT_COUNT}),
    # A rate is counted per arm, and also told before and after as a score would be.
    Counts.RATE: frozenset({Statistic.RATE, Statistic.BASELINE, Statistic.FINAL, Statistic.CHANGE}),
    Counts.TIME: frozenset({Statistic.TIME_TO_EVENT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which change on an outcome counts as worse or better.

    `change` is its size, without sign, in `unit`: "points" and the like of the definition's own
    scale, or "%" of the baseline value. It holds for baselines from `baseline_low` to
    `baseline_high`, both included unless `is_above_low` leaves the lower end out.
    """

    side: str  # "worsened" or "improved"
    change: float
    unit: str
    baseline_low: float | None = None
    baseline_high: float | None = None
    is_above_low: bool = False
    confirmed_weeks: tuple[float, ...] = ()  # intervals after which it is usually confirmed
    source: str
    unconfirmed: tuple[str, ...] = ()
    notes: str | None = None

    def applies_to(self, baseline: float) -> bool:
        low, high = self.baseline_low, self.baseline_high
        if low is not None and (baseline < low or (self.is_above_low and baseline == low)):
            return False
        return high is None or baseline <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDefinitionValue:
    """One outcome. None is "no such thing": a scale without upper end, a direction that depends.

    `low`, `high` and `step` are those of a single observation, not of a mean, and `unused` the
    values within them that the instrument never gives; `better` is the direction of benefit in
    `unit`, "lower" or "higher". `variant_of` names the definition that this one narrows to one
    version, unit or way of scoring. `conditions` are words of which one stands in the name of a
    condition the outcome belongs to; none: it belongs to any. `sources` say where unit, range and
    step were seen, `unconfirmed` which of them were not.
    """

    code: str
    name: str
    unit: str | None
    low: float | None
    high: float | None
    step: float | None
    better: str | None
    notes: str | None
    version: str
    unused: tuple[float, ...] = ()
    statistics: tuple[Counts, ...] = ()
    variant_of: str | None = None
    instrument_version: str | None = None
    conditions: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()  # "mesh:D005334", "loinc:1988-5"
    works: tuple[str, ...] = ()  # keys of the works that define the instrument
    sources: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    field: str = ""  # the table it stands in: "ms", "general"

    def permits(self, statistic: Statistic) -> bool:
        """Whether a number of this kind can be of this outcome. What a registry does not say
        may be anything."""
        if statistic is Statistic.AS_REGISTERED or not self.statistics:
            return True
        return any(statistic in _STATISTICS[counted] for counted in self.statistics)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefiningWork:
    """A work that defines an instrument. Identifiers are there only where they were verified."""

    key: str
    title: str
    authors: tuple[str, ...]
    has_all_authors: bool
    year: int
    venue: str
    volume: str | None
    issue: str | None
    pages: str | None
    doi: str | None
    pmid: str | None


def read_vocabulary(folder: Traversable) -> Mapping[str, OutcomeDefinitionValue]:
    """The definitions of all tables in `folder`/vocabulary, by code.

    Raises ValueError, naming the table, for a code that is defined twice, a cell that is none of
    the known values, and a threshold or variant of a code that is not defined.
    """
    thresholds = _thresholds(folder)
    vocabulary: dict[str, OutcomeDefinitionValue] = {}
    for table in _tables(folder / "vocabulary"):
        for definition in _definitions(table, thresholds):
            if definition.code in vocabulary:
                raise ValueError(
                    f"outcome {definition.code} is defined twice, also in {table.name}"
                )
            vocabulary[definition.code] = definition
    named = {d.variant_of: d.code for d in vocabulary.values() if d.variant_of}
    for code in (*named, *thresholds):
        if code not in vocabulary:
            raise ValueError(f"outcome {code} has a variant or threshold, but no definition")
    return MappingProxyType(vocabulary)


@cache
def load_vocabulary() -> Mapping[str, OutcomeDefinitionValue]:
    """Every definition by its code."""
    return read_vocabulary(FOLDER)


@cache
def load_works() -> Mapping[str, DefiningWork]:
    """The works that define instruments, by key."""
    return MappingProxyType(
        {
            row["work"]: DefiningWork(
                key=row["work"],
                title=row["title"],
                authors=tuple(name for name in _listed(row["authors"]) if name != "et al."),
                has_all_authors="et al." not in _listed(row["authors"]),
                year=int(row["year"]),
                venue=row["venue"],
                volume=row["volume"] or None,
                issue=row["issue"] or None,
                pages=row["pages"] or None,
                doi=row["doi"] or None,
                pmid=row["pmid"] or None,
            )
            for row in _rows(FOLDER / "works.csv")
        }
    )


@cache
def load_caveats() -> Mapping[str, str]:
    """What to know before a number is used: code of each caveat, and its one-line explanation."""
    table = FOLDER / "caveats.csv"
    return MappingProxyType({row["code"]: row["explanation"] for row in _rows(table)})


def _tables(folder: Traversable) -> list[Traversable]:
    if not folder.is_dir():
        return []
    return sorted((t for t in folder.iterdir() if t.name.endswith(".csv")), key=lambda t: t.name)


def _definitions(
    table: Traversable, thresholds: Mapping[str, list[Threshold]]
) -> Iterator[OutcomeDefinitionValue]:
    for row in _rows(table):
        code = row["code"]
        if row["better"] not in ("", "lower", "higher"):
            raise ValueError(f"{table.name}: {code} is better {row['better']!r}")
        try:
            statistics = tuple(Counts(text) for text in _listed(row.get("statistics")))
        except ValueError as error:
            known = ", ".join(Counts)
            raise ValueError(f"{table.name}: {code}: {error} (expected {known})") from error
        yield OutcomeDefinitionValue(
            code=code,
            name=row["name"],
            unit=row["unit"] or None,
            low=_number(row["low"]),
            high=_number(row["high"]),
            step=_number(row["step"]),
            better=row["better"] or None,
            notes=row["notes"] or None,
            version=row["version"],
            unused=_numbers(row.get("unused")),
            statistics=statistics,
            variant_of=row.get("variant_of") or None,
            instrument_version=row.get("instrument_version") or None,
            conditions=_listed(row.get("conditions")),
            synonyms=_listed(row.get("synonyms")),
            concepts=_listed(row.get("concepts")),
            works=_listed(row.get("works")),
            sources=_listed(row.get("source")),
            unconfirmed=_listed(row.get("unconfirmed")),
            thresholds=tuple(thresholds.get(code, ())),
            field=table.name.removesuffix(".csv"),
        )


def _thresholds(folder: Traversable) -> Mapping[str, list[Threshold]]:
    found: dict[str, list[Threshold]] = defaultdict(list)
    for table in _tables(folder / "thresholds"):
        for row in _rows(table):
            if row["side"] not in ("worsened", "improved"):
                raise ValueError(f"{table.name}: {row['code']} is {row['side']!r}")
            low = row["baseline_low"]
            found[row["code"]].append(
                Threshold(
                    side=row["side"],
                    change=float(row["change"]),
                    unit=row["unit"],
                    baseline_low=_number(low.removeprefix(">")),
                    baseline_high=_number(row["baseline_high"]),
                    is_above_low=low.startswith(">"),
                    confirmed_weeks=_numbers(row["confirmed_weeks"]),
                    source=row["source"],
                    unconfirmed=_listed(row["unconfirmed"]),
                    notes=row["notes"] or None,
                )
            )
    return found


def _rows(table: Traversable) -> Iterable[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")), strict=True)


def _number(text: str) -> float | None:
    return float(text) if text else None


def _numbers(text: str | None) -> tuple[float, ...]:
    return tuple(float(part) for part in _listed(text))


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split("|") if part.strip())
