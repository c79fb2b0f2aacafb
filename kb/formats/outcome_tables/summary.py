"""What an export holds and what it leaves out, counted while it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kb.outcomes.comparisons import NOTES, REASONS, AnalysisRow, LeftOut


@dataclass(slots=True)
class Summary:
    """`results` is the length of the list asked for; `rows` what was written. `left_out` counts
    results by reason, `not_usable` rows by what they lack, `notes` rows by note. `tables` has a
    summary of each table where one file holds several."""

    results: int
    rows: int = 0
    usable: int = 0
    studies: set[str] = field(default_factory=set)
    not_usable: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    tables: dict[str, Summary] = field(default_factory=dict)

    def saw(self, row: AnalysisRow) -> None:
        self.rows += 1
        self.studies.add(row.study.id)
        self.notes.update(row.notes)
        if row.is_usable:
            self.usable += 1
        else:
            self.not_usable[row.why_not or ""] += 1

    def left(self, *out: LeftOut) -> None:
        self.left_out.update(entry.reason for entry in out)

    def as_json(self) -> dict[str, Any]:
        whole = {"results": self.results, "rows": self.rows, "studies": len(self.studies)}
        if self.tables:
            return whole | {"tables": {name: own.as_json() for name, own in self.tables.items()}}
        return whole | {
            "usable": self.usable,
            "not_usable": dict(self.not_usable.most_common()),
            "left_out": [
                {"reason": reason, "meaning": REASONS[reason], "results": n}
                for reason, n in self.left_out.most_common()
            ],
            "notes": [
                {"note": note, "meaning": NOTES[note], "rows": n}
                for note, n in self.notes.most_common()
            ],
        }

    def lines(self) -> Iterator[str]:
        """For people, the most important first."""
        if self.tables:
            studies = _many(len(self.studies), "study", "studies")
            yield f"{_many(self.results, 'result')} of {studies}"
            for name, own in self.tables.items():
                if own.rows:
                    yield f"{name}: {_many(own.rows, 'row')}, {own.usable:,} usable"
            return
        yield (
            f"{_many(self.rows, 'row')} of {_many(len(self.studies), 'study', 'studies')}, "
            f"{self.usable:,} usable"
        )
        for what, n in self.not_usable.most_common():
            yield f"not usable: {_many(n, 'row')}, {what}"
        for note, n in self.notes.most_common():
            yield f"{note}: {_many(n, 'row')}. {NOTES[note]}"
        for reason, n in self.left_out.most_common():
            yield f"left out: {_many(n, 'result')}, {REASONS[reason]}"


def _many(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
