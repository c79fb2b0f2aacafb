"""Extractions side by side as a table: one row for each statement."""

from __future__ import annotations

import csv
import io

from kb.store.extractions import Comparison


def as_csv(found: Comparison) -> str:
    """With a heading, in UTF-8 to be; cells that a spreadsheet would run are quoted."""
    columns = list(dict.fromkeys(c for i in found.items for s in i.statements for c in s.values))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    head = ("study", "item", "table", "agreement", "differs", "decided", "extractor", "id")
    writer.writerow([*head, "status", "document", "locator", *columns])
    for number, item in enumerate(found.items, 1):
        for said in item.statements:
            row = [
                item.study.id, number, item.table, item.agreement, "; ".join(item.differs),
                item.decided, said.extractor, said.id, said.status, said.document, said.locator,
                *(said.values.get(column) for column in columns),
            ]  # fmt: skip
            writer.writerow([_harmless(cell) for cell in row])
    return file.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet must not run what a source wrote."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
