"""The starter evidence: published MSC trials as curation tables, each fact with its source."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from kb.formats.curation import Curated, read_tables

SOURCE = "starter"


def folder() -> Path:
    """Where the tables are."""
    return Path(str(resources.files("kb.starter")))


def read() -> Curated:
    return read_tables(folder(), source=SOURCE)
