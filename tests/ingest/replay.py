"""A web server of our own, on this machine, that answers as sources do and as they should not.

    with Replay() as server:
        server.answer("GET /works/10.3390%2Fjcm8122102", Answer(b"{...}"), under="/crossref")
        settings = Settings(crossref_url=server.url + "/crossref")

Requests are named as in `Payload.request`, so kept answers can be served as they are. Several
answers to one request are given in turn, the last one from then on. What is not known is a 404.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, quote, urlencode

# Names of parameters that identify the caller, which are no part of a request's name.
PRIVATE = frozenset({"api_key", "email", "mailto", "tool"})


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    request: str  # "GET /crossref/works?rows=2", without private parameters
    parameters: dict[str, list[str]]  # all of them, of query and form
    headers: dict[str, str]  # by lower-case name
    at_s: float  # time.monotonic()


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)  # replace those sent otherwise

    def send(self, handler: _Handler) -> None:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(self.body))}
        handler.send_response(self.status)
        for name, value in (headers | self.headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body)


@dataclass(frozen=True)
class Misbehaviour:
    """Something done to the connection instead of an answer."""

    send: Callable[[_Handler], None]


Reply = Answer | Misbehaviour | Callable[[Seen], Answer | Misbehaviour]


def too_many(retry_after: str | None = None, **headers: str) -> Answer:
    """429; `retry_after` in seconds or as an HTTP date. Underscores in header names are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if retry_after is not None:
        named["Retry-After"] = retry_after
    return Answer(b'{"message": "slow down"}', 429, named)


def unavailable(retry_after: str | None = None) -> Answer:
    headers = {"Content-Type": "text/html"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return Answer(b"<html><h1>503 Service Unavailable</h1></html>", 503, headers)


def redirect(to: str, status: int = 301) -> Answer:
    return Answer(b"", status, {"Location": to})


def mislabelled(body: bytes) -> Answer:
    """UTF-8 said to be Latin-1."""
    return Answer(body, headers={"Content-Type": "application/json; charset=iso-8859-1"})


def zipped(body: bytes) -> Answer:
    return Answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def gzip_bomb(size: int) -> Answer:
    """`size` zero bytes, about a thousandth of them on the wire."""
    return zipped(bytes(size))


def truncated(body: bytes) -> Misbehaviour:
    """Half the body under the length of the whole."""

    def send(handler: _Handler) -> None:
        Answer(body[: len(body) // 2], headers={"Content-Length": str(len(body))}).send(handler)
        handler.close_connection = True

    return Misbehaviour(send)


def broken_chunks(body: bytes) -> Misbehaviour:
    """One chunk, and no last one."""

    def send(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        handler.close_connection = True

    return Misbehaviour(send)


def hang() -> Misbehaviour:
    """Accept the request and say nothing until the server is closed."""

    def send(handler: _Handler) -> None:
        handler.replay.closing.wait()
        handler.close_connection = True

    return Misbehaviour(send)


def drip(every_s: float, *, headers_too: bool = False) -> Misbehaviour:
    """One byte at a time without end: of the body, or already of the first header."""

    def send(handler: _Handler) -> None:
        handler.close_connection = True
        handler.send_response(200)
        if headers_too:
            handler.flush_headers()
            handler.wfile.write(b"X-Slow: ")
        else:
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
        try:
            while not handler.replay.closing.wait(every_s):
                handler.wfile.write(b".")
        except OSError:
            pass  # the client had enough

    return Misbehaviour(send)


def reset() -> Misbehaviour:
    """Break the connection off without a word."""

    def send(handler: _Handler) -> None:
        handler.close_connection = True
        linger_not_at_all = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not_at_all)

    return Misbehaviour(send)


class Replay:
    """Serves on a free port of 127.0.0.1 while the `with` block runs."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.closing = threading.Event()
        self._answers: dict[str, list[Reply]] = {}
        self._otherwise: Reply = Answer(b"Resource not found.", 404, {"Content-Type": "text/plain"})
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.replay = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: str, *replies: Reply, under: str = "") -> None:
        """What to reply to `request`, named as in `Payload.request`, below the path `under`."""
        method, path = request.split(" ", 1)
        self._answers[f"{method} {under}{path}"] = list(replies)

    def otherwise(self, reply: Reply) -> None:
        """What to reply to everything not named."""
        self._otherwise = reply

    def names(self) -> Sequence[str]:
        return [seen.request for seen in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, seen: Seen) -> Answer | Misbehaviour:
        with self._lock:
            self.requests.append(seen)
            replies = self._answers.get(seen.request, [self._otherwise])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply if isinstance(reply, Answer | Misbehaviour) else reply(seen)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep its connection open
    replay: Replay

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up early is part of what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every body waits 40 ms for its headers to be acknowledged

    @property
    def replay(self) -> Replay:
        assert isinstance(self.server, _Server)
        return self.server.replay

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        path, _, query = self.path.partition("?")
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        pairs = parse_qsl(form if self.command == "POST" else query, keep_blank_values=True)
        name = f"{self.command} {path}"
        public = sorted(((k, v) for k, v in pairs if k not in PRIVATE), key=lambda pair: pair[0])
        if public:
            between = " " if self.command == "POST" else "?"
            name += between + urlencode(public, quote_via=quote)
        parameters: dict[str, list[str]] = {}
        for key, value in pairs:
            parameters.setdefault(key, []).append(value)
        headers = {key.lower(): value for key, value in self.headers.items()}
        reply = self.replay._reply(Seen(name, parameters, headers, time.monotonic()))
        reply.send(self)

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `Replay.requests`."""
