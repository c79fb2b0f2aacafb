"""Names made comparable."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Letters and digits only, without accents and case: for comparing names, never for showing."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())
