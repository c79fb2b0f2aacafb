"""What stands before every request: who may write, how large a body may be, and the headers that
keep a browser from doing more with an answer than showing it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.negotiation import wants_html
from api.problems import problem
from kb.settings import Settings
from kb.store.imports import MAX_FILE

MAX_BODY: Final = 16 * 1024 * 1024
# Reference files are taken as they are.
_LARGER: Final = {"/imports": MAX_FILE}
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
# What computes from its body and writes nothing is as open as reading.
_COMPUTING: Final = ("/synthesis", "/summary-of-findings")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
# A proxy on this machine speaks for clients elsewhere, and says so in one of these.
_PASSED_ON: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
_ANYWHERE: Final = ("0.0.0.0", "::")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Reading is open. Writing needs one of the tokens in the settings, or, where there are none,
    a client on this machine; and it never comes from another site's page.

    A page of another site can reach a server on the reader's own machine in two ways: by sending
    a request across (it then names its Origin), or by pointing a name of its own at 127.0.0.1
    (the request then names that Host). Both are refused whoever asks.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._tokens = [token.get_secret_value() for token in settings.api_tokens]
        self._hosts = {*_LOCAL, settings.host.lower().strip("[]")} - {*_ANYWHERE}
        # A server open to a network goes by names it does not know; there the token, which no
        # foreign page has, stands in for the name.
        self._any_host = settings.host in _ANYWHERE and bool(self._tokens)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        headers = Headers(scope=scope)
        refusal = None
        if scope["method"] not in _SAFE:
            refusal = self._refusal(scope, headers)
        length = headers.get("content-length", "0")
        most = _LARGER.get(scope["path"], MAX_BODY)
        if refusal is None and length.isdigit() and int(length) > most:
            refusal = (413, _too_large(most))
        if refusal is not None:
            status, detail = refusal
            answer = problem(
                status,
                detail,
                path=scope["path"],
                as_page=wants_html(scope),
                headers={"WWW-Authenticate": "Bearer"} if status == 401 else None,
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, _limited(receive, most), send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Status and reason, or None for a request that may write."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and not _same(origin, host):
            return 403, f"a page of {origin[:80]!r} may not send anything here"
        if scope["path"] in _COMPUTING:
            return None
        if not self._any_host and _name(host) not in self._hosts:
            return 403, f"writing is served at {_listed(self._hosts)}, not at {host[:80]!r}"
        if not self._tokens:
            if _is_loopback(scope) and not any(name in headers for name in _PASSED_ON):
                return None
            return 403, "writing is open to this machine only; set KB_API_TOKENS to open it"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1", "replace")
        # Every token is compared, so that the time taken tells nothing.
        is_known = sum(compare_digest(given, known.encode()) for known in self._tokens) > 0
        if scheme.lower() != "bearer" or not is_known:
            return 401, "writing needs Authorization: Bearer with one of KB_API_TOKENS"
        return None


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _same(origin: str, host: str) -> bool:
    """Whether the page's origin is the host the request went to. The scheme is left out: a proxy
    may speak TLS before us."""
    return origin.partition("://")[2].lower() == host.lower() != ""


def _is_loopback(scope: Scope) -> bool:
    try:
        address = ipaddress.ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _too_large(most: int) -> str:
    return f"the body is larger than {most:,} bytes; send it in parts"


def _limited(receive: Receive, most: int) -> Receive:
    """For bodies that do not tell their length beforehand."""
    received = 0

    async def receiving() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise HTTPException(413, _too_large(most))
        return message

    return receiving


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending
