"""JSON or a page? The same address serves both: browsers ask for HTML, programs for JSON."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.types import Scope


def wants_html(scope: Scope) -> bool:
    """Whether a page is asked for. `?format=` decides, else the Accept header; who says nothing,
    or takes anything, gets JSON."""
    query: bytes = scope.get("query_string", b"")
    asked = parse_qs(query.decode("latin-1")).get("format", [""])[-1]
    if asked in ("html", "json"):
        return asked == "html"
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    weights = _weights(accept.decode("latin-1"))
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    json = max(weights.get("application/json", 0.0), weights.get("application/problem+json", 0.0))
    return html > json


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
