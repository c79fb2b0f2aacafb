"""One module per provider: pure `to_record(s)`, and the network part apart from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.models.evidence import StudyRecord
from kb.models.records import CitingList, Payload, ReferenceList, Unreadable, WorkRecord

AnyRecord = WorkRecord | ReferenceList | CitingList | StudyRecord


@dataclass(frozen=True, slots=True)
class Page:
    """One answer and what was read from it.

    `total` is what the source says there is over all pages; `truncated_by` says why the pages end
    before it, on the last page only.
    """

    payload: Payload
    records: Sequence[AnyRecord | Unreadable]
    total: int | None = None
    truncated_by: str | None = None
