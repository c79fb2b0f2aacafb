"""Stand-ins for the network."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from ingest.fetch import Fetch, Params, Source
from kb.errors import NotFound
from kb.models.records import Payload

Answer = bytes | Exception | Payload


def a_payload(
    body: bytes, *, source: str = "test", request: str = "GET /", final_path: str | None = None
) -> Payload:
    return Payload(
        source=source,
        request=request,
        status=200,
        body=body,
        fetched_at=datetime(2026, 11, 22, tzinfo=UTC),
        headers=(("x-final-path", final_path),) if final_path else (),
    )


class FakeFetch(Fetch):
    """Answers from a table of requests, or from a function of the request, and remembers them.

    A request is what `Payload.request` holds: "GET /works?cursor=%2A&filter=cites%3AW1", its
    parameters sorted. A request that is not in the table is a 404; an exception is raised.
    """

    def __init__(self, answers: Mapping[str, Answer] | Callable[[str], Answer]) -> None:
        self.answers = answers
        self.requests: list[str] = []

    def get(
        self,
        source: Source,
        path: str,
        params: Params | None = None,
        *,
        check: Callable[[Payload], None] | None = None,
        post: bool = False,
    ) -> Payload:
        given = sorted(
            (name, value)
            for name, values in (params or {}).items()
            for value in ([values] if isinstance(values, str) else values)
        )
        query = urlencode(given, quote_via=quote)
        request = f"{'POST' if post else 'GET'} /{path.lstrip('/')}"
        request += (f" {query}" if post else f"?{query}") if query else ""
        self.requests.append(request)
        if callable(self.answers):
            answer = self.answers(request)
        else:
            answer = self.answers.get(request, NotFound(f"{source.name} has no {request}"))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            answer = a_payload(answer, source=source.name, request=request)
        if check:
            check(answer)
        return answer
