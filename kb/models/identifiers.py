"""Identifiers as values, and the public ids of this base."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scheme(StrEnum):
    """Naming schemes of works. A work may hold several OpenAlex ids (OpenAlex splits and merges),
    but two DOIs, PMIDs or PMCIDs on one work contradict each other."""

    DOI = "doi"
    PMID = "pmid"
    PMCID = "pmcid"
    OPENALEX = "openalex"


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """A work's identifier in its normal form (see `kb.identity.identifiers`)."""

    scheme: Scheme
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"
