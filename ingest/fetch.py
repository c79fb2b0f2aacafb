"""The one place that talks to the network: politely, with patience, keeping every answer.

What is known about each source's limits and about its answers is in the `Source` its module
declares; what every source has in common is here.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from importlib.metadata import version
from random import random
from typing import Any, Final, NoReturn, Protocol, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

import requests
import urllib3
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from kb.errors import NotFound, SourceRejected, SourceUnavailable
from kb.models.records import Payload
from kb.settings import Settings

Params = Mapping[str, str | Sequence[str]]
Check = Callable[[Payload], None]

# The largest answers seen are full texts and pages of 1000 records, all below 20 MiB.
LARGEST_BODY_BYTES: Final = 64 * 2**20
MOST_TRIES: Final = 5
LONGEST_TOTAL_WAIT_S: Final = 120.0
MOST_REDIRECTS: Final = 5
# A reply may take this many times the silence allowed, so that one byte now and then is no answer.
WHOLE_REPLY_TIMEOUTS: Final = 4

_TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ABSENT: Final = frozenset({404, 410})
_FINAL_PATH: Final = "x-final-path"
_KEPT_HEADERS: Final = frozenset({"content-type", "date", "etag", "last-modified", "retry-after"})
_KEPT_HEADER_FAMILIES: Final = ("x-rate", "x-concurrency-", "x-api-pool", "ratelimit")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a source may be asked: requests begun per second, and under way at once."""

    requests_per_s: float
    concurrency: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a provider is and how it wants to be asked.

    SOURCE: Final = Source(
        name="crossref",
        url_setting="crossref_url",
        rate=Rate(5, 1),
        rate_with_contact=Rate(10, 3),
        rate_with_key=Rate(150, 3),
        contact_parameter="mailto",
        key_setting="crossref_key",
        key_header="Crossref-Plus-API-Token",
        key_prefix="Bearer ",
    )

    Sources with one base URL (PubMed and PMC at E-utilities) share one limiter.
    """

    name: str  # Payload.source
    url_setting: str  # the setting with the base URL
    rate: Rate  # for those who send neither contact nor key
    rate_with_contact: Rate | None = None  # None: the contact makes no difference
    rate_with_key: Rate | None = None
    contact_parameter: str | None = None  # the query parameter that takes the contact's e-mail
    key_setting: str | None = None
    key_parameter: str | None = None  # the key goes into this query parameter ...
    key_header: str | None = None  # ... or into this header, after key_prefix
    key_prefix: str = ""
    fixed_parameters: tuple[tuple[str, str], ...] = ()  # e.g. (("tool", "msc-evidence-base"),)
    also_retried: frozenset[int] = frozenset()  # statuses that mean "too fast" here: OpenAlex 403
    has_daily_budget: bool = False  # replies say what is left until midnight UTC: OpenAlex
    longest_wait_s: float = 60.0  # a longer Retry-After is not waited for


class PayloadStore(Protocol):
    def keep(self, payload: Payload) -> Payload:
        """The payload as kept, with its id; an identical answer to one request is kept once."""

    def find(self, source: str, request: str) -> Payload | None:
        """The latest final answer (status 200, 404 or 410) to `request`."""


def final_path(payload: Payload) -> str | None:
    """The path below the base URL that a redirected request ended at, percent-encoded as received.

    "/works/W2741809807" for a merged OpenAlex work; None if the request was not redirected.
    """
    return dict(payload.headers).get(_FINAL_PATH)


class Fetch:
    """Asks sources, or with `offline` answers from what was kept. Safe to share among threads.

    `sleep` and `clock` (seconds) pace the requests, `now` (aware, UTC) dates the answers; tests
    hand in their own.
    """

    def __init__(
        self,
        settings: Settings,
        keep: PayloadStore,
        *,
        offline: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._keep = keep
        self.offline = offline
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()
        # Below this level they print whole addresses, and a key may be part of one.
        for name in ("urllib3.connection", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.ERROR)

    def get(
        self,
        source: Source,
        path: str,
        params: Params | None = None,
        *,
        check: Check | None = None,
        post: bool = False,
    ) -> Payload:
        """The answer to a request, kept before anything looks at it.

        Parameters
        ----------
        path : below the source's base URL, percent-encoded: "/works/10.3390%2Fjcm8122102"; its
            first slash may be left out.
        params : the query, or with `post` the form. A sequence repeats its name. Key, contact and
            fixed parameters are added here and never become part of `Payload.request`.
        check : raises SourceRejected or SourceUnavailable for a 200 that is a failure; after
            SourceUnavailable the source is asked again. Runs on answers from the store as well.

        Raises
        ------
        NotFound
            404 and 410.
        SourceUnavailable
            Tries are used up, the source asks for more patience than is sensible, its daily budget
            is spent (nothing is sent until it is renewed), or `offline` without a kept answer.
        SourceRejected
            Any other answer than 200, a body above `LARGEST_BODY_BYTES`, a redirect off the host.
        """
        path = path if path.startswith("/") else f"/{path}"
        given = _sorted_pairs(params or {})
        request = _request_name(source, path, given, post=post)
        if self.offline:
            return self._recall(source, request, check)
        return self._ask(_Question(source, request, path, given, post), check)

    def close(self) -> None:
        """Close what connections are open; the next request opens new ones."""
        with self._lock:
            for lane in self._lanes.values():
                lane.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recall(self, source: Source, request: str, check: Check | None) -> Payload:
        payload = self._keep.find(source.name, request)
        if payload is None:
            raise SourceUnavailable(
                f"{source.name} was never asked {_shortened(request)}; "
                "run again without --offline to fetch it"
            )
        if payload.status in _ABSENT:
            raise _not_found(payload)
        if check:
            check(payload)
        return payload

    def _ask(self, question: _Question, check: Check | None) -> Payload:
        lane = self._lane(question.source)
        waited_s = 0.0
        for attempt in range(MOST_TRIES):
            try:
                return self._try(lane, question, check)
            except _Failure as failure:
                error = failure.error
            asked_s = error.retry_after_s
            if asked_s is not None and asked_s > question.source.longest_wait_s:
                raise lane.limiter.close(self._now() + timedelta(seconds=asked_s), str(error))
            wait_s = _backoff_s(attempt) if asked_s is None else asked_s
            waited_s += wait_s
            if waited_s > LONGEST_TOTAL_WAIT_S:
                break
            # Everybody waits: a source in trouble is not helped by the other requests.
            lane.limiter.pause(wait_s)
        raise SourceUnavailable(
            f"{error} (tried {attempt + 1} times)", retry_after_s=error.retry_after_s
        )

    def _try(self, lane: _Lane, question: _Question, check: Check | None) -> Payload:
        """One try, redirects included: the answer, or _Failure if another try may help."""
        reply, refused_redirect = self._exchange(lane, question)
        payload = self._keep.keep(reply)
        source = question.source
        # What was kept may be an equal answer of long ago: its limits are not today's.
        asked_s = _retry_after_s(dict(reply.headers).get("retry-after"), reply.fetched_at)
        if source.has_daily_budget and _budget_is_used_up(reply, asked_s, source.longest_wait_s):
            stopped = self._stop_for_today(lane, source)
            if payload.status != 200:
                raise stopped
        if refused_redirect:
            raise SourceRejected(
                f"{question.in_short} at {source.name} was redirected {refused_redirect}"
            )
        if payload.status in _ABSENT:
            raise _not_found(payload)
        if payload.status in _TRANSIENT | source.also_retried:
            error = f"{source.name} answered {payload.status} to {question.in_short}"
            raise _Failure(SourceUnavailable(error, retry_after_s=asked_s))
        if payload.status != 200:
            self._reject(source, question, payload)
        if check:
            try:
                check(payload)
            except SourceUnavailable as error:
                raise _Failure(error) from None
        return payload

    def _exchange(self, lane: _Lane, question: _Question) -> tuple[Payload, str | None]:
        """The reply at the end of the redirects, and where a redirect led that was not followed."""
        source = question.source
        private = self._private_parameters(source)
        url = lane.base_url + question.path
        method, form, query = "GET", None, [*question.parameters, *private]
        if question.post:
            method, form, query = "POST", urlencode(query), []
        refused = None
        for redirects_left in reversed(range(MOST_REDIRECTS + 1)):
            with lane.limiter.turn():
                started = time.monotonic()
                status, headers, body = lane.send(
                    method, _with_query(url, query), form, self._headers(source), question
                )
            _log.debug(
                "%s %s: %d, %d bytes in %.2f s",
                source.name, question.request, status, len(body), time.monotonic() - started,
            )  # fmt: skip
            lane.limiter.adapt(headers)
            location = headers.get("location")
            if status not in _REDIRECTS or not location:
                break
            target = _redirect_target(url, location)
            if target is None or _origin(target) != _origin(lane.base_url):
                refused = f"off its host, to {_host(target or location)!r}, which is not followed"
            elif question.post and status not in (307, 308):
                refused = "in a way that would lose what was posted"
            elif not redirects_left:
                refused = f"more than {MOST_REDIRECTS} times"
            if refused or target is None:
                break
            # What identifies us was for the first address only; the same host gets it again.
            url, _, target_query = target.partition("#")[0].partition("?")
            ours = _private_names(source)
            query = [pair for pair in parse_qsl(target_query, True) if pair[0] not in ours]
            query += [] if question.post else private
        if key := self._key(source):
            for spelling in {key, quote(key, safe="")}:  # NCBI quotes a key that it refuses
                body = body.replace(spelling.encode(), b"***")
        kept = {name: value for name, value in headers.items() if _is_kept(name)}
        if url != lane.base_url + question.path:
            kept[_FINAL_PATH] = url.removeprefix(lane.base_url)
            if not url.startswith(lane.base_url + "/"):
                kept[_FINAL_PATH] = urlsplit(url).path
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        payload = Payload(
            source=source.name,
            request=question.request,
            status=status,
            body=body,
            fetched_at=self._now(),
            media_type=media_type or None,
            headers=tuple(sorted(kept.items())),
        )
        return payload, refused

    def _stop_for_today(self, lane: _Lane, source: Source) -> SourceUnavailable:
        """Send nothing more until midnight UTC; what was answered so far stands."""
        now = self._now().astimezone(UTC)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        hint = ""
        if source.key_setting and self._key(source) is None:
            hint = f"; a key in KB_{source.key_setting.upper()} raises it"
        why = f"the day's budget at {source.name} is used up and renewed at midnight UTC{hint}"
        return lane.limiter.close(midnight, why)

    def _reject(self, source: Source, question: _Question, payload: Payload) -> NoReturn:
        said = payload.body[:2000].decode(errors="replace")
        for secret in (self._key(source), self._settings.contact_email):
            if secret:
                said = said.replace(secret, "***").replace(quote(secret, safe=""), "***")
        said = " ".join(re.sub(r"<[^>]*>?|[^\w\s!-~]", " ", said).split())
        message = f"{source.name} answered {payload.status} to {question.in_short}"
        if said:
            message += f": {_shortened(said)}"
        if payload.status in (401, 403) and source.key_setting and self._key(source):
            message += f" (is KB_{source.key_setting.upper()} right?)"
        if payload.status >= 500:
            raise SourceUnavailable(message)
        raise SourceRejected(message)

    def _lane(self, source: Source) -> _Lane:
        base_url = str(getattr(self._settings, source.url_setting))
        with self._lock:
            if base_url not in self._lanes:
                rate = source.rate
                if self._settings.contact_email and source.rate_with_contact:
                    rate = source.rate_with_contact
                if self._key(source) and source.rate_with_key:
                    rate = source.rate_with_key
                limiter = _Limiter(source.name, rate, self._clock, self._sleep, self._now)
                silence_s = self._settings.source_timeout_s
                self._lanes[base_url] = _Lane(base_url, limiter, silence_s)
            return self._lanes[base_url]

    def _key(self, source: Source) -> str | None:
        key: SecretStr | None = (
            getattr(self._settings, source.key_setting) if source.key_setting else None
        )
        return key.get_secret_value() if key else None

    def _private_parameters(self, source: Source) -> list[tuple[str, str]]:
        """What identifies the caller in the query or the form."""
        found = list(source.fixed_parameters)
        if source.contact_parameter and self._settings.contact_email:
            found.append((source.contact_parameter, self._settings.contact_email))
        key = self._key(source)
        if key and source.key_parameter:
            found.append((source.key_parameter, key))
        return found

    def _headers(self, source: Source) -> dict[str, str]:
        agent = f"msc-evidence-base/{version('msc-evidence-base')}"
        if self._settings.contact_email:
            agent += f" (mailto:{quote(self._settings.contact_email, safe='@+')})"
        headers = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
        key = self._key(source)
        if key and source.key_header:
            headers[source.key_header] = source.key_prefix + key
        return headers


@dataclass(frozen=True, slots=True)
class _Question:
    """A request before what identifies the caller is added."""

    source: Source
    request: str
    path: str
    parameters: Sequence[tuple[str, str]]
    post: bool

    @property
    def in_short(self) -> str:
        return _shortened(self.request)


class _Failure(Exception):
    """A try that failed in a way that another may not; `error` is raised once tries are used up."""

    def __init__(self, error: SourceUnavailable) -> None:
        super().__init__(str(error))
        self.error = error


# -- pace ----------------------------------------------------------------------------------------


class _Limiter:
    """Spaces the starts of requests and bounds how many are under way, over all threads."""

    def __init__(
        self,
        name: str,
        rate: Rate,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._interval_s = 1 / rate.requests_per_s
        self._concurrency = rate.concurrency
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._changed = threading.Condition()
        self._under_way = 0
        self._next_start = 0.0
        self._closed: tuple[datetime, str] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this request's turn. Raises SourceUnavailable while the source is closed."""
        with self._changed:
            self._raise_if_closed()
            while self._under_way >= self._concurrency:
                self._changed.wait()
                self._raise_if_closed()
            self._under_way += 1
            start = max(self._next_start, self._clock())
            self._next_start = start + self._interval_s
            wait_s = start - self._clock()
        try:
            if wait_s > 0:
                self._sleep(wait_s)
                self._raise_if_closed()
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def pause(self, seconds: float) -> None:
        """Start nothing for so long."""
        with self._changed:
            self._next_start = max(self._next_start, self._clock() + seconds)

    def close(self, until: datetime, why: str) -> SourceUnavailable:
        """Refuse every request until then; the error to raise about it."""
        with self._changed:
            if self._closed is None or self._closed[0] < until:
                self._closed = (until, why)
            self._changed.notify_all()
            return self._closed_error(*self._closed)

    def adapt(self, headers: Mapping[str, str]) -> None:
        """Take the limits a reply states: x-rate-limit-limit (requests) per x-rate-limit-interval
        (e.g. "1s") and x-concurrency-limit. What is not stated or not understood stays."""
        requests_ = _first_number(headers.get("x-rate-limit-limit"))
        interval_s = _interval_s(headers.get("x-rate-limit-interval"))
        concurrency = _first_number(headers.get("x-concurrency-limit"))
        with self._changed:
            if requests_ and interval_s:
                self._interval_s = interval_s / requests_
            if concurrency and concurrency >= 1:
                self._concurrency = int(concurrency)
                self._changed.notify_all()

    def _raise_if_closed(self) -> None:
        if self._closed and self._closed[0] > self._now():
            raise self._closed_error(*self._closed)

    def _closed_error(self, until: datetime, why: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"{why}; nothing is sent to {self._name} before {until.astimezone(UTC):%F %R} UTC",
            retry_after_s=max(0.0, (until - self._now()).total_seconds()),
        )


def _backoff_s(attempt: int) -> float:
    """About 1, 2, 4, 8 seconds; the jitter keeps those that failed together from meeting again."""
    return float(2**attempt) * (0.5 + random() / 2)


def _retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, given in seconds or as an HTTP date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip()):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def _budget_is_used_up(reply: Payload, asked_s: float | None, longest_wait_s: float) -> bool:
    """Whether OpenAlex will answer nothing more today.

    Replies carry what is left of the day's allowance and what they cost, in dollars and, older, in
    credits; single works cost nothing, so an answer that was free says nothing about the budget.
    429 stands for a spent budget and for more than 100 requests a second alike: what is left, else
    the length of the pause asked for, tells which.
    """
    headers = dict(reply.headers)

    def first(*names: str) -> float | None:
        numbers = (_first_number(headers.get(f"x-ratelimit-{name}")) for name in names)
        return next((number for number in numbers if number is not None), None)

    left = first("remaining-usd", "remaining")
    if left is not None:
        left += first("prepaid-remaining-usd") or 0
    if reply.status == 429:
        if left is None:
            return asked_s is None or asked_s > longest_wait_s
        return left <= 0 or left < (first("cost-required-usd") or 0)
    return (
        reply.status == 200
        and left is not None
        and left <= 0
        and first("cost-usd", "credits-used") != 0
    )


def _first_number(value: str | None) -> float | None:
    """50.0 from "50, 50", as a proxy may double a header."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)", value or "")
    return float(found[1]) if found else None


def _interval_s(value: str | None) -> float | None:
    found = re.match(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)", value or "")
    return float(found[1]) * {"m": 60, "h": 3600}.get(found[2], 1) if found else None


# -- names and addresses -------------------------------------------------------------------------


def _sorted_pairs(params: Params) -> list[tuple[str, str]]:
    """The parameters by name; the values of a repeated one stay in the order given."""
    return [
        (name, value)
        for name, values in sorted(params.items())
        for value in ([values] if isinstance(values, str) else values)
    ]


def _request_name(
    source: Source, path: str, parameters: Sequence[tuple[str, str]], *, post: bool
) -> str:
    private = sorted(_private_names(source) & {name for name, _ in parameters})
    if private:
        raise ValueError(f"{private} are added to requests to {source.name}, not given")
    dots = any(unquote(segment) in (".", "..") for segment in path.split("/"))
    if dots or not re.fullmatch(r"[!-~]+", path) or set("?#") & {*path}:
        raise ValueError(f"not a percent-encoded path: {path!r} (expected e.g. '/works/W1')")
    query = urlencode(parameters, quote_via=quote)
    if not query:
        return f"{'POST' if post else 'GET'} {path}"
    return f"POST {path} {query}" if post else f"GET {path}?{query}"


def _private_names(source: Source) -> set[str]:
    """Parameters that identify the caller, which no stored request may carry."""
    names = {name for name, _ in source.fixed_parameters}
    return names | ({source.contact_parameter, source.key_parameter} - {None})  # type: ignore[operator]


def _with_query(url: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port, with which two addresses are compared; None if there is no telling."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port)


def _host(url: str) -> str:
    """Scheme, host and port as text, without a user name or password."""
    if not _origin(url):
        return "an unreadable address"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _redirect_target(url: str, location: str) -> str | None:
    try:
        return urljoin(url, location)
    except ValueError:  # an IPv6 address without its bracket
        return None


def _is_kept(header: str) -> bool:
    return header in _KEPT_HEADERS or header.startswith(_KEPT_HEADER_FAMILIES)


def _shortened(text: str, length: int = 200) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _not_found(payload: Payload) -> NotFound:
    return NotFound(f"{payload.source} has nothing at {_shortened(payload.request)}")


# -- one exchange --------------------------------------------------------------------------------


class _Lane:
    """The way to one base URL: its session and its limiter."""

    def __init__(self, base_url: str, limiter: _Limiter, silence_s: float) -> None:
        self.base_url = base_url
        self.limiter = limiter
        self.session = requests.Session()
        # Set, so that no user name and password from ~/.netrc are sent along.
        self.session.auth = lambda prepared: prepared
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Adapter())
        self._silence_s = silence_s

    def send(
        self,
        method: str,
        url: str,
        form: str | None,
        headers: Mapping[str, str],
        question: _Question,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name and decoded body of one reply, read to its end."""
        headers = dict(headers)
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        name = question.source.name
        # The errors caught quote the address with its key, so they are not chained.
        try:
            prepared = self.session.prepare_request(
                requests.Request(method, url, headers=headers, data=form)
            )
            environment = self.session.merge_environment_settings(url, {}, True, True, None)
            # Past Session.send, which would look after redirects and cookies in ways of its own.
            response = self.session.get_adapter(url).send(
                prepared,
                timeout=(min(10.0, self._silence_s), self._silence_s),
                **environment,  # type: ignore[arg-type]
            )
            with response:
                found = {key.lower(): value for key, value in response.headers.items()}
                body = _read(response.raw, found.get("content-encoding", ""))
                return response.status_code, found, body
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise _Failure(
                SourceUnavailable(f"{name} did not answer {question.in_short} in time")
            ) from None
        except (requests.ConnectionError, urllib3.exceptions.HTTPError, zlib.error) as error:
            raise _Failure(
                SourceUnavailable(
                    f"the connection to {name} at {_host(self.base_url)} failed or broke off "
                    f"during {question.in_short}: {type(error).__name__}"
                )
            ) from None
        except _Unusable as error:
            raise SourceRejected(f"{name} answered {question.in_short} with {error}") from None
        except requests.RequestException as error:
            raise SourceRejected(
                f"{name} cannot be asked {question.in_short}: {type(error).__name__}"
            ) from None


class _Unusable(Exception):
    """A body that is not read on."""


def _read(raw: urllib3.BaseHTTPResponse, encoding: str) -> bytes:
    """The body, decoded. Never holds more than `LARGEST_BODY_BYTES` and a piece, whatever arrives.

    Raises zlib.error for a compressed body that is damaged or ends early.
    """
    pieces = iter(lambda: raw.read(2**16, decode_content=False), b"")
    if encoding.strip().lower() in ("gzip", "x-gzip"):
        pieces = _gunzipped(pieces)
    elif encoding.strip().lower() not in ("", "identity"):
        raise _Unusable(f"a body in the encoding {encoding[:40]!r}, which was not asked for")
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > LARGEST_BODY_BYTES:
            raise _Unusable(f"a body of more than {LARGEST_BODY_BYTES / 2**20:g} MiB")
    return bytes(body)


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decoder = None
    for piece in pieces:
        while piece:
            if decoder is None or decoder.eof:
                decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            yield decoder.decompress(piece, 2**20)
            piece = decoder.unconsumed_tail or decoder.unused_data
    if decoder and not decoder.eof:
        raise zlib.error("the compressed body ends early")


class _TimedSocket(io.RawIOBase):
    """Reads from a socket until a moment in time, however little arrives at once.

    A socket's own timeout starts anew with every byte.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._silence_s = sock.gettimeout() or 0.0
        self._until = time.monotonic() + WHOLE_REPLY_TIMEOUTS * self._silence_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the reply took too long as a whole")
        self._sock.settimeout(min(left_s, self._silence_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedSocket(sock))


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """Sends as requests does, over connections that bound the time a whole reply may take."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
