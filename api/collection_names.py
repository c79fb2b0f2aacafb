"""The names that people give to the evidence they bring in."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath
from typing import Final

from ingest.pipeline import SOURCES
from kb.errors import InvalidInput
from kb.models.evidence import DECIDED, source_of
from kb.store.curated import STARTER

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
# What these say is brought in by fetching it, or with the starter evidence.
_TAKEN: Final = (STARTER, *SOURCES)


def check_name(name: str) -> None:
    """Raises InvalidInput for a name that no collection can have."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"not a name of a collection: {name[:60]!r} (expected small letters, digits, -, _ and "
            "., e.g. my-review)"
        )
    if name in _TAKEN:
        raise InvalidInput(f"{name!r} is taken (choose another name, e.g. my-review)")


def extraction_source(name: str, extractor: str | None = None) -> str:
    """The source under which the records of a collection stand, those of one of its extractors
    where one is named. Raises InvalidInput for a name that neither can have."""
    check_name(name)
    if extractor is not None:
        if not _NAME.fullmatch(extractor):
            raise InvalidInput(
                f"not a name of an extractor: {extractor[:60]!r} (expected small letters, digits, "
                "-, _ and ., e.g. anna)"
            )
        if extractor == DECIDED:
            raise InvalidInput(
                f"{DECIDED!r} stands for what was decided between extractors (choose another name)"
            )
    return source_of(name, extractor)


def import_source(name: str | None, file_name: str) -> str:
    """The source under which the records of a reference file stand: `name`, else one made from
    that of the file. Raises InvalidInput for a name that none can have."""
    if name is not None:
        check_name(name)
        return name
    stem = PurePath(file_name.replace("\\", "/")).stem
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9._-]+", "-", plain).strip("-._")[:50].rstrip("-._") or "file"
    return f"{made}-file" if made in _TAKEN else made
