"""Reference files for tests: the smallest valid thing, and one that says all there is."""

from __future__ import annotations

from collections.abc import Iterable


def ris(*records: Iterable[tuple[str, str]], kind: str = "JOUR") -> bytes:
    """Records of (tag, value), as a program of today writes them."""
    return "".join(
        "".join(f"{tag}  - {value}\r\n" for tag, value in (("TY", kind), *fields, ("ER", "")))
        for fields in records
    ).encode()


def article(title: str, **fields: str) -> list[tuple[str, str]]:
    """An article by one author of 2019, unless said otherwise; `fields` by their tags."""
    said = {"AU": "Iacobaeus, Ellen", "TI": title, "PY": "2019", "T2": "J Clin Med"} | fields
    return list(said.items())


# Titles that have little in common, so that nothing takes them for each other.
TITLES = (
    "Repeated mesenchymal stromal cell treatment of multiple sclerosis",
    "Adipose tissue as a source of cells for cartilage repair in the knee",
    "Cryopreserved umbilical cord products in graft versus host disease",
    "Intrathecal injection and its harms: what was seen over ten years",
    "Migration of labelled cells through the lungs of mice",
)
