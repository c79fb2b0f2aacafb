"""JSON, a page or a file? One address serves them: browsers ask for HTML, programs for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

from starlette.types import Scope


def wants_html(scope: Scope) -> bool:
    """Whether a page is asked for. `?format=` decides, else the Accept header; who says nothing,
    or takes anything, gets JSON."""
    asked = asked_format(scope)
    if asked in ("html", "json"):
        return asked == "html"
    weights = _weights(_accept(scope))
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    json = max(weights.get("application/json", 0.0), weights.get("application/problem+json", 0.0))
    return html > json


def asked_format(scope: Scope) -> str | None:
    """What `?format=` says; None where it says nothing."""
    query: bytes = scope.get("query_string", b"")
    return parse_qs(query.decode("latin-1")).get("format", [None])[-1]


def accepted(scope: Scope, offered: Sequence[str]) -> str | None:
    """Which of the media types the Accept header names with the greatest weight, the first of
    equals; None where it names none of them."""
    weights = _weights(_accept(scope))
    named = [name for name in offered if weights.get(name, 0.0) > 0]
    return max(named, key=lambda name: weights[name], default=None)


def _accept(scope: Scope) -> str:
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return accept.decode("latin-1")


def _weights(accept: str) -> dict[str, float]:
    weights = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        weights[name] = weight
    return weights
