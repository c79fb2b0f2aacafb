"""Pages: templates filled with the values that the JSON is made of. They format and no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.pages import charts, words

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    {
        "path": lambda text: quote(str(text), safe="/:"),
        "dose": words.dose,
        "time": words.time,
        "number": words.number,
        "days": words.days,
        "line": words.line,
        "to_other": words.to_other,
        "cell": words.cell,
        "state": words.state,
        "plain": words.plain,
        "document_url": words.document_url,
        "identifier_url": words.identifier_url,
        "day": words.day,
        "pretty": words.pretty,
        "central": words.central,
        "spread": words.spread,
        "caveat": words.caveat,
        "safe_url": words.safe_url,
        "event_name": words.event_name,
        "work_name": words.work_name,
        "persons": charts.persons,
    }
)


def render(name: str, context: Mapping[str, Any]) -> str:
    return _environment.get_template(name).render(**context)
