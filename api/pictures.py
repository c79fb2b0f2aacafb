"""What of the base becomes a picture, for the web and the command line alike."""

from __future__ import annotations

from kb.pictures.drawing import Drawing
from kb.pictures.evidence_map import Cell, EvidenceMap, evidence_map
from kb.store.evidence_map import EvidenceMapOut


def map_drawing(found: EvidenceMapOut) -> Drawing:
    """Raises InvalidInput where the map is empty."""
    titles = {outcome.code: outcome.title for outcome in found.outcomes}
    # Two outcomes may go by one name; the map must not put them in one column.
    twice = {title for title in titles.values() if list(titles.values()).count(title) > 1}
    names = {
        code: f"{title} ({code})" if title in twice else title for code, title in titles.items()
    }
    notes = []
    if n := len(found.omitted):
        notes.append(
            f"{n} more {'outcome' if n == 1 else 'outcomes'}, of fewer studies, not shown."
        )
    if any(cell.overlapping for cell in found.cells):
        notes.append("Participants who stand in two studies are counted once.")
    about = found.condition or "all conditions"
    return evidence_map(
        EvidenceMap(
            title=f"Evidence on cell products and outcomes: {about}",
            products=tuple(found.products),
            outcomes=tuple(names.values()),
            cells=tuple(
                Cell(
                    product=cell.product,
                    outcome=names[cell.outcome],
                    studies=len(cell.studies),
                    participants=cell.participants,
                    unreported=cell.unreported,
                    randomised=cell.randomised,
                )
                for cell in found.cells
            ),
            studies=found.studies,
            notes=tuple(notes),
        )
    )
