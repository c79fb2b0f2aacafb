"""RIS: strict on the way out."""

from __future__ import annotations

from typing import Any

import pytest

from kb.formats.ris import Reference, write_ris


def a_reference(**given: Any) -> Reference:
    values: dict[str, Any] = dict.fromkeys(Reference.__slots__)
    return Reference(**values | {"key": "W1", "authors": (), "notes": ()} | given)


def test_a_record_starts_with_its_type_and_ends_with_er() -> None:
    text = write_ris([a_reference(title="A trial"), a_reference(key="W2")])
    lines = text.split("\r\n")
    assert lines[0] == "TY  - JOUR"
    assert [line for line in lines if line.startswith("ER")] == ["ER  - "] * 2
    assert "None" not in text


@pytest.mark.parametrize(
    ("pages", "fields"),
    [
        ("117-24", ["SP  - 117", "EP  - 24"]),
        ("117–124", ["SP  - 117", "EP  - 124"]),
        ("e2102", ["SP  - e2102"]),
        (None, []),
    ],
)
def test_pages_are_first_and_last(pages: str | None, fields: list[str]) -> None:
    lines = write_ris([a_reference(pages=pages)]).split("\r\n")
    assert [line for line in lines if line[:2] in ("SP", "EP")] == fields


@pytest.mark.parametrize(
    ("date", "field"),
    [("2019-12-02", "2019/12/02/"), ("2019-12", "2019/12/"), ("2019", "2019///")],
)
def test_a_date_keeps_its_slashes(date: str, field: str) -> None:
    assert f"DA  - {field}" in write_ris([a_reference(date=date)])


def test_a_line_break_in_a_title_does_not_start_a_field() -> None:
    text = write_ris([a_reference(title="A\r\nTY  - BOOK", doi="10.1000/a")])
    assert "TI  - A TY - BOOK\r\n" in text
    assert "DO  - 10.1000/a\r\n" in text
