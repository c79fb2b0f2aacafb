"""What a run asked for, what came back, and what is missing and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from kb.store.records import Change


@dataclass(frozen=True, slots=True)
class Missing:
    """Something a run could not use or get."""

    source: str
    what: str  # the request, and where in its answer
    reason: str


@dataclass(slots=True)
class SourceTally:
    """Counts for one source.

    Of records: received = new + changed + unchanged + failed. Of questions: what was asked came
    back, or is `not_held`, or is `unanswered`.
    """

    asked: int = 0  # works, lists, searches
    received: int = 0  # records that came back
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0  # came, and could not be used
    not_held: int = 0  # looked up, and the source has no such thing
    unanswered: int = 0  # the source failed: nothing came, or not all

    def count(self, change: Change) -> None:
        self.received += 1
        setattr(self, change.value, getattr(self, change.value) + 1)


@dataclass(slots=True)
class RunReport:
    """The account of one run."""

    sources: dict[str, SourceTally] = field(default_factory=dict)
    works: list[int] = field(default_factory=list)  # ids of those asked for or found by a search
    studies: list[int] = field(default_factory=list)
    conflicts: int = 0  # records that a person must decide on
    failures: list[Missing] = field(default_factory=list)
    truncated: list[Missing] = field(default_factory=list)
    interrupted: bool = False

    def source(self, name: str) -> SourceTally:
        return self.sources.setdefault(name, SourceTally())

    def add_work(self, work_id: int) -> None:
        if work_id not in self.works:
            self.works.append(work_id)

    def add_study(self, study_id: int) -> None:
        if study_id not in self.studies:
            self.studies.append(study_id)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
