"""Licences by name."""

from __future__ import annotations

import re

_CREATIVE_COMMONS = re.compile(
    r"^(?:https?:)?//(?:www\.)?creativecommons\.org/"
    r"(?:licen[cs]es/(?P<kind>by(?:-n[cd]|-sa)*)|publicdomain/(?P<zero>zero))"
    r"/(?P<version>\d\.\d)(?:/(?P<port>igo|[a-z]{2}))?(?=/|$|\?|#)",
    re.I,
)


def license_name(url: str | None) -> str | None:
    """ "cc-by-nc-4.0", "cc0-1.0" or "cc-by-3.0-igo" for the address of a Creative Commons licence;
    any other licence as its address, None for nothing."""
    address = (url or "").strip()
    match = _CREATIVE_COMMONS.match(address)
    if match is None:
        return address or None
    kind = "cc0" if match["zero"] else f"cc-{match['kind']}"
    return "-".join(part for part in (kind, match["version"], match["port"]) if part).lower()
