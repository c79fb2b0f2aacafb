"""How sources are asked, and what is made of their answers and misbehaviour."""

import gzip
import logging
import re
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

import ingest.fetch
from ingest.fetch import MOST_TRIES, Fetch, Rate, Source, final_path
from kb.errors import NotFound, SourceRejected, SourceUnavailable
from kb.models.records import Payload
from kb.settings import Settings
from tests.ingest import replay
from tests.ingest.replay import Answer, Replay

CONTACT = "reader@example.org"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OK = Answer(b'{"status": "ok"}')

CROSSREF = Source(
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
EUTILS = Source(
    name="pubmed",
    url_setting="eutils_url",
    rate=Rate(3, 1),
    rate_with_key=Rate(10, 1),
    contact_parameter="email",
    key_setting="eutils_key",
    key_parameter="api_key",
    fixed_parameters=(("tool", "msc-evidence-base"),),
)
OPENALEX = Source(
    name="openalex",
    url_setting="openalex_url",
    rate=Rate(10, 1),
    key_setting="openalex_key",
    key_parameter="api_key",
    also_retried=frozenset({403}),
    has_daily_budget=True,
)


class Shelf:
    """Keeps payloads in a list, an equal answer to one request once."""

    def __init__(self) -> None:
        self.kept: list[Payload] = []

    def keep(self, payload: Payload) -> Payload:
        for kept in self.kept:
            if (kept.source, kept.request, kept.status, kept.body) == (
                payload.source, payload.request, payload.status, payload.body
            ):  # fmt: skip
                return kept
        self.kept.append(replace(payload, id=len(self.kept) + 1))
        return self.kept[-1]

    def find(self, source: str, request: str) -> Payload | None:
        final = (
            p
            for p in reversed(self.kept)
            if (p.source, p.request) == (source, request) and p.status in (200, 404, 410)
        )
        return next(final, None)


class Time:
    """Passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def clock(self) -> float:
        return sum(self.slept)

    def now(self) -> datetime:
        return NOON + timedelta(seconds=sum(self.slept))


@pytest.fixture
def server() -> Iterator[Replay]:
    with Replay() as server:
        yield server


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def passing() -> Time:
    return Time()


@pytest.fixture
def asking(server, shelf, passing, monkeypatch):
    """A Fetch for the server, with each source below a path of its own."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    opened: list[Fetch] = []

    def make(*, offline: bool = False, **settings) -> Fetch:
        paths = {name: server.url + "/" + name for name in ("crossref", "eutils", "openalex")}
        urls = {f"{name}_url": url for name, url in paths.items()}
        fetch = Fetch(
            Settings(_env_file=None, **(urls | settings)),
            shelf,
            offline=offline,
            sleep=passing.sleep,
            clock=passing.clock,
            now=passing.now,
        )
        opened.append(fetch)
        return fetch

    yield make
    for fetch in opened:
        fetch.close()


@pytest.fixture
def fetch(asking):
    return asking()


# -- what is asked and kept ----------------------------------------------------------------------


def test_an_answer_is_returned_as_kept_byte_for_byte(server, fetch, shelf):
    body = '{"title": "Iacobaeus é \\u00e9"}\r\n'.encode()
    server.answer("GET /works/10.3390%2Fjcm8122102", Answer(body), under="/crossref")
    payload = fetch.get(CROSSREF, "/works/10.3390%2Fjcm8122102")
    assert payload == shelf.kept[0]
    assert payload.id == 1
    assert payload.source == "crossref"
    assert payload.request == "GET /works/10.3390%2Fjcm8122102"
    assert (payload.status, payload.body, payload.fetched_at) == (200, body, NOON)
    assert payload.media_type == "application/json"


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(replay.mislabelled, id="wrong charset"),
        pytest.param(replay.zipped, id="gzip"),
        pytest.param(
            lambda body: Answer(
                gzip.compress(body[:3]) + gzip.compress(body[3:]),
                headers={"Content-Encoding": "gzip"},
            ),
            id="gzip in two members",
        ),
    ],
)
def test_a_body_is_kept_as_the_source_meant_it_whatever_the_label(server, fetch, label):
    body = "Nürnberg, 10⁶ cells".encode()
    server.answer("GET /works/x", label(body), under="/crossref")
    assert fetch.get(CROSSREF, "/works/x").body == body


def test_a_request_is_named_by_sorted_parameters_with_repeated_ones_in_order(server, fetch):
    server.otherwise(OK)
    payload = fetch.get(
        EUTILS, "/elink.fcgi", {"id": ["31810187", "2"], "db": "pubmed", "a": "b c"}
    )
    assert payload.request == "GET /elink.fcgi?a=b%20c&db=pubmed&id=31810187&id=2"
    assert server.names() == ["GET /eutils" + payload.request.removeprefix("GET ")]


@pytest.mark.parametrize("path", ["/works/x", "works/x"])
def test_a_request_has_one_name_with_and_without_the_first_slash(server, fetch, path):
    server.otherwise(OK)
    assert fetch.get(CROSSREF, path).request == "GET /works/x"


def test_posted_parameters_travel_in_the_body_and_are_part_of_the_name(server, asking):
    server.answer("POST /efetch.fcgi db=pubmed&id=1%2C2", OK, under="/eutils")
    payload = asking(eutils_key="k3y").get(
        EUTILS, "/efetch.fcgi", {"id": "1,2", "db": "pubmed"}, post=True
    )
    assert payload.request == "POST /efetch.fcgi db=pubmed&id=1%2C2"
    assert server.requests[0].parameters["api_key"] == ["k3y"]
    assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_key_contact_and_tool_are_sent_but_never_kept(server, asking, shelf):
    server.otherwise(OK)
    fetch = asking(eutils_key="k3y", crossref_key="plus", contact_email=CONTACT)
    fetch.get(EUTILS, "/esearch.fcgi", {"term": "msc"})
    fetch.get(CROSSREF, "/works/x")
    pubmed, crossref = server.requests
    sent = {"term": ["msc"], "api_key": ["k3y"], "email": [CONTACT], "tool": ["msc-evidence-base"]}
    assert pubmed.parameters == sent
    assert crossref.headers["crossref-plus-api-token"] == "Bearer plus"
    assert crossref.parameters == {"mailto": [CONTACT]}
    assert [p.request for p in shelf.kept] == ["GET /esearch.fcgi?term=msc", "GET /works/x"]
    for payload in shelf.kept:
        assert not {"k3y", "plus", CONTACT} & set(re.split(r"[ =&,]", repr(payload)))


def test_the_caller_is_named_with_an_address_only_where_one_is_configured(server, asking):
    server.otherwise(OK)
    asking().get(CROSSREF, "/works/x")
    asking(contact_email=CONTACT).get(CROSSREF, "/works/x")
    bare, named = (seen.headers["user-agent"] for seen in server.requests)
    assert re.fullmatch(r"msc-evidence-base/[\d.]+\S*", bare)
    assert named == f"{bare} (mailto:{CONTACT})"


def test_only_headers_that_say_something_about_the_answer_are_kept(server, fetch):
    headers = {
        "ETag": '"v1"',
        "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
        "X-Rate-Limit-Limit": "50",
        "Set-Cookie": "id=1",
        "Server": "x",
    }
    server.answer("GET /works/x", Answer(b"{}", headers=headers), under="/crossref")
    kept = dict(fetch.get(CROSSREF, "/works/x").headers)
    assert {"content-type", "date", "etag", "last-modified", "x-rate-limit-limit"} == set(kept)


def test_cookies_and_passwords_from_netrc_are_not_sent(server, fetch, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.otherwise(Answer(b"{}", headers={"Set-Cookie": "id=1; Path=/"}))
    for _ in range(2):
        fetch.get(CROSSREF, "/works/x")
    for seen in server.requests:
        assert not {"authorization", "cookie"} & set(seen.headers)


def test_a_proxy_from_the_environment_is_used(server, asking, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    server.otherwise(OK)
    asking(crossref_url="http://crossref.example").get(CROSSREF, "/works/x")
    assert server.names() == ["GET http://crossref.example/works/x"]


def test_nothing_secret_is_logged(server, asking, caplog):
    caplog.set_level(logging.DEBUG)
    server.answer("GET /a", OK, under="/eutils")
    server.answer("GET /b", replay.reset(), OK, under="/eutils")
    fetch = asking(eutils_key="k3y", contact_email=CONTACT)
    fetch.get(EUTILS, "/a")
    fetch.get(EUTILS, "/b")
    assert "pubmed GET /a: 200, 16 bytes" in caplog.text
    assert "k3y" not in caplog.text
    assert CONTACT not in caplog.text


@pytest.mark.parametrize(
    ("path", "params"),
    [
        pytest.param("/works?rows=1", {}, id="query in the path"),
        pytest.param("/works/../members", {}, id="way up"),
        pytest.param("/works/%2e%2e/members", {}, id="encoded way up"),
        pytest.param("/works/10.1/é", {}, id="not encoded"),
        pytest.param("/works", {"mailto": "someone@example.org"}, id="who asks"),
    ],
)
def test_a_request_that_could_leave_its_path_or_name_the_caller_is_a_mistake(fetch, path, params):
    with pytest.raises(ValueError, match=r"percent-encoded|added to"):
        fetch.get(CROSSREF, path, params)


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
def test_an_absent_work_is_not_found_and_kept_as_such(server, fetch, shelf, status):
    server.answer("GET /works/x", Answer(b"Resource not found.", status), under="/crossref")
    with pytest.raises(NotFound, match="crossref has nothing at GET /works/x"):
        fetch.get(CROSSREF, "/works/x")
    assert len(server.requests) == 1
    assert (shelf.kept[0].status, shelf.kept[0].body) == (status, b"Resource not found.")


@pytest.mark.parametrize("status", [400, 401, 403, 422, 202, 304])
def test_a_refusal_is_asked_once_and_quoted(server, fetch, passing, shelf, status):
    body = b"<html><p>Unknown filter:\n\x07  doy</p>" + b"x" * 10_000
    server.answer("GET /works", Answer(body, status), under="/crossref")
    with pytest.raises(SourceRejected) as raised:
        fetch.get(CROSSREF, "/works")
    message = str(raised.value)
    if status != 304:  # has no body
        assert message.startswith(
            f"crossref answered {status} to GET /works: Unknown filter: doy x"
        )
    assert len(message) < 300
    assert "<" not in message
    assert len(server.requests) == len(shelf.kept) == 1
    assert passing.slept == []


def test_a_refusal_that_repeats_key_and_address_is_quoted_without_them(server, asking):
    body = f'{{"error":"API key invalid","api-key":"k3y%","email":"{CONTACT}"}}'.encode()
    server.answer("GET /efetch.fcgi", Answer(body, 400), under="/eutils")
    with pytest.raises(SourceRejected, match="API key invalid") as raised:
        asking(eutils_key="k3y%", contact_email=CONTACT).get(EUTILS, "/efetch.fcgi")
    assert "k3y" not in str(raised.value)
    assert CONTACT not in str(raised.value)


def test_a_refused_key_is_named(server, asking):
    server.answer("GET /works/x", Answer(b"", 401), under="/crossref")
    with pytest.raises(SourceRejected, match="KB_CROSSREF_KEY"):
        asking(crossref_key="plus").get(CROSSREF, "/works/x")


# -- patience ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(replay.too_many(), id="429"),
        pytest.param(Answer(b"", 500), id="500"),
        pytest.param(Answer(b"", 502), id="502"),
        pytest.param(replay.unavailable(), id="503"),
        pytest.param(Answer(b"", 504), id="504"),
        pytest.param(replay.reset(), id="connection reset"),
        pytest.param(replay.truncated(b"x" * 1000), id="shorter than it says"),
        pytest.param(replay.broken_chunks(b"x" * 1000), id="last chunk missing"),
        pytest.param(
            Answer(gzip.compress(b"x" * 1000)[:-4], headers={"Content-Encoding": "gzip"}),
            id="gzip cut off",
        ),
        pytest.param(Answer(b"not gzip", headers={"Content-Encoding": "gzip"}), id="not gzip"),
    ],
)
def test_a_passing_trouble_is_waited_out(server, fetch, passing, failure):
    server.answer("GET /works/x", failure, failure, OK, under="/crossref")
    assert fetch.get(CROSSREF, "/works/x").body == OK.body
    first, second = passing.slept
    assert 0.5 <= first <= 1
    assert 1 <= second <= 2


def test_every_reply_is_kept_also_the_failed_ones(server, fetch, shelf):
    server.answer("GET /works/x", replay.unavailable(), replay.too_many(), OK, under="/crossref")
    fetch.get(CROSSREF, "/works/x")
    assert [p.status for p in shelf.kept] == [503, 429, 200]


def test_a_lasting_trouble_is_given_up_after_a_few_tries(server, fetch, passing):
    server.otherwise(replay.unavailable())
    with pytest.raises(SourceUnavailable, match=r"503 to GET /works/x \(tried 5 times\)"):
        fetch.get(CROSSREF, "/works/x")
    assert len(server.requests) == MOST_TRIES
    assert sum(passing.slept) <= 15


def test_an_unusual_server_error_is_not_tried_again(server, fetch):
    server.otherwise(Answer(b"", 501))
    with pytest.raises(SourceUnavailable, match="501"):
        fetch.get(CROSSREF, "/works/x")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        pytest.param("7", 7, id="seconds"),
        pytest.param(format_datetime(NOON + timedelta(seconds=9), usegmt=True), 9, id="date"),
        pytest.param(format_datetime(NOON - timedelta(days=1), usegmt=True), 0, id="date gone by"),
    ],
)
def test_the_pause_asked_for_is_kept(server, fetch, passing, retry_after, wait_s):
    server.answer("GET /works/x", replay.too_many(retry_after), OK, under="/crossref")
    fetch.get(CROSSREF, "/works/x")
    # Without a pause the usual interval remains: 5 requests a second.
    assert passing.slept == [pytest.approx(wait_s or 0.2)]


@pytest.mark.parametrize("retry_after", ["soon", "-5", "1e9", "Mon, 99 Foo 2026", "5; 6"])
def test_a_pause_that_cannot_be_read_is_a_usual_one(server, fetch, passing, retry_after):
    server.answer("GET /works/x", replay.too_many(retry_after), OK, under="/crossref")
    fetch.get(CROSSREF, "/works/x")
    assert 0.5 <= passing.slept[0] <= 1


def test_a_pause_is_the_one_asked_for_now_not_with_an_equal_answer_before(server, fetch, passing):
    server.answer("GET /works/x", replay.too_many("7"), replay.too_many("3"), OK, under="/crossref")
    fetch.get(CROSSREF, "/works/x")
    assert passing.slept == [7, 3]


def test_a_long_pause_is_not_waited_for_but_respected(server, fetch, passing):
    server.answer("GET /works/x", replay.too_many("3600"), under="/crossref")
    with pytest.raises(
        SourceUnavailable, match=r"nothing .* before 2026-11-22 13:00 UTC"
    ) as raised:
        fetch.get(CROSSREF, "/works/x")
    assert raised.value.retry_after_s == 3600
    assert passing.slept == []
    with pytest.raises(SourceUnavailable) as raised:
        fetch.get(CROSSREF, "/works/y")
    assert len(server.requests) == 1
    passing.sleep(3600)
    with pytest.raises(NotFound):
        fetch.get(CROSSREF, "/works/y")


def test_repeated_pauses_are_bounded_together(server, fetch, passing):
    server.otherwise(replay.unavailable("50"))
    with pytest.raises(SourceUnavailable) as raised:
        fetch.get(CROSSREF, "/works/x")
    assert raised.value.retry_after_s == 50
    assert sum(passing.slept) == 100


def test_trouble_at_one_source_does_not_delay_another(server, fetch, passing):
    server.answer("GET /works/x", replay.too_many("3600"), under="/crossref")
    server.answer("GET /works/x", OK, under="/openalex")
    with pytest.raises(SourceUnavailable):
        fetch.get(CROSSREF, "/works/x")
    assert fetch.get(OPENALEX, "/works/x").status == 200
    assert passing.slept == []


@pytest.mark.parametrize("headers_too", [False, True], ids=["body", "headers"])
def test_a_reply_that_drips_does_not_hold_us(server, asking, headers_too):
    server.otherwise(replay.drip(0.02, headers_too=headers_too))
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match="did not answer GET /works/x in time"):
        asking(source_timeout_s=0.05).get(CROSSREF, "/works/x")
    assert len(server.requests) == MOST_TRIES
    assert time.monotonic() - started < 30  # 5 tries of 0.2 s, were this machine idle


def test_a_silent_source_is_given_up(server, asking):
    server.answer("GET /works/x", replay.hang(), OK, under="/crossref")
    server.answer("GET /works/y", replay.hang(), under="/crossref")
    fetch = asking(source_timeout_s=0.2)
    assert fetch.get(CROSSREF, "/works/x").body == OK.body
    with pytest.raises(SourceUnavailable, match="did not answer GET /works/y in time"):
        fetch.get(CROSSREF, "/works/y")


def test_a_source_that_is_not_there_is_unavailable(asking):
    with Replay() as gone:
        url = gone.url
    fetch = asking(eutils_url=url, eutils_key="k3y")
    with pytest.raises(SourceUnavailable, match=f"at {url} failed") as raised:
        fetch.get(EUTILS, "/efetch.fcgi")
    assert "k3y" not in "".join(traceback.format_exception(raised.value))


# -- a 200 that is a failure ---------------------------------------------------------------------


def refuse_error(payload: Payload) -> None:
    if b"limit" in payload.body:
        raise SourceUnavailable("pubmed says the rate limit is exceeded")
    if b"errCode" in payload.body:
        raise SourceRejected("an error instead of results")


def test_a_failure_under_200_is_kept_and_refused_once(server, fetch, shelf):
    server.otherwise(Answer(b'{"errCode": 404, "errMsg": "..."}'))
    with pytest.raises(SourceRejected, match="an error instead of results"):
        fetch.get(EUTILS, "/search", check=refuse_error)
    assert len(server.requests) == len(shelf.kept) == 1


def test_a_passing_failure_under_200_is_waited_out(server, fetch, shelf):
    busy = Answer(b'{"error": "API rate limit exceeded"}')
    server.answer("GET /esearch.fcgi", busy, OK, under="/eutils")
    assert fetch.get(EUTILS, "/esearch.fcgi", check=refuse_error).body == OK.body
    assert [p.body for p in shelf.kept] == [busy.body, OK.body]


def test_a_lasting_failure_under_200_is_told_in_its_own_words(server, fetch):
    server.otherwise(Answer(b"limit"))
    with pytest.raises(SourceUnavailable, match="pubmed says the rate limit is exceeded"):
        fetch.get(EUTILS, "/esearch.fcgi", check=refuse_error)
    assert len(server.requests) == MOST_TRIES


# -- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(replay.gzip_bomb(2**20 + 1), id="gzip bomb"),
        pytest.param(Answer(bytes(2**20 + 1)), id="plain"),
    ],
)
def test_a_body_too_large_is_refused_unread(server, fetch, shelf, monkeypatch, reply):
    monkeypatch.setattr(ingest.fetch, "LARGEST_BODY_BYTES", 2**20)
    server.otherwise(reply)
    with pytest.raises(SourceRejected, match="a body of more than 1 MiB"):
        fetch.get(CROSSREF, "/works/x")
    assert len(server.requests) == 1
    assert shelf.kept == []


def test_a_body_of_the_largest_size_is_read(server, fetch, monkeypatch):
    monkeypatch.setattr(ingest.fetch, "LARGEST_BODY_BYTES", 2**20)
    server.otherwise(replay.gzip_bomb(2**20))
    assert len(fetch.get(CROSSREF, "/works/x").body) == 2**20


def test_an_encoding_not_asked_for_is_refused(server, fetch):
    server.otherwise(Answer(b"x", headers={"Content-Encoding": "br"}))
    with pytest.raises(SourceRejected, match="'br'"):
        fetch.get(CROSSREF, "/works/x")
    assert server.requests[0].headers["accept-encoding"] == "gzip"


# -- redirects -----------------------------------------------------------------------------------


def test_a_merged_work_is_followed_and_its_new_path_told(server, asking):
    server.answer("GET /works/W1?select=id", replay.redirect("W2?select=id"), under="/openalex")
    server.answer("GET /works/W2?select=id", Answer(b'{"id": "W2"}'), under="/openalex")
    payload = asking(openalex_key="k3y").get(OPENALEX, "/works/W1", {"select": "id"})
    assert payload.body == b'{"id": "W2"}'
    assert payload.request == "GET /works/W1?select=id"
    assert final_path(payload) == "/works/W2"
    assert [seen.parameters["api_key"] for seen in server.requests] == [["k3y"], ["k3y"]]


def test_an_echoed_key_is_neither_doubled_nor_kept_after_a_redirect(server, asking):
    to = server.url + "/openalex/works/W2?api_key=k3y"
    server.answer("GET /works/W1", replay.redirect(to), under="/openalex")
    server.answer("GET /works/W2", OK, under="/openalex")
    payload = asking(openalex_key="k3y").get(OPENALEX, "/works/W1")
    assert server.requests[1].parameters == {"api_key": ["k3y"]}
    assert "k3y" not in repr(payload)


def test_an_answer_without_redirect_has_no_final_path(server, fetch):
    server.otherwise(Answer(b"{}", headers={"X-Final-Path": "/works/W9"}))
    assert final_path(fetch.get(OPENALEX, "/works/W1")) is None


def test_a_redirect_to_an_absent_work_is_not_found(server, fetch):
    server.answer("GET /works/W1", replay.redirect("W2"), under="/openalex")
    with pytest.raises(NotFound, match="GET /works/W1"):
        fetch.get(OPENALEX, "/works/W1")


@pytest.mark.parametrize(
    ("to", "named"),
    [
        pytest.param("http://elsewhere.example/works/W2", "elsewhere.example", id="host"),
        pytest.param("//elsewhere.example/works/W2", "elsewhere.example", id="no scheme"),
        pytest.param("https://127.0.0.1/works/W2", "https://127.0.0.1", id="scheme"),
        pytest.param("http://127.0.0.1:1/works/W2", "127.0.0.1:1", id="port"),
        pytest.param(
            "http://127.0.0.1@elsewhere.example/", "http://elsewhere.example", id="user name"
        ),
        pytest.param("file:///etc/passwd", "file://", id="file"),
        pytest.param("http://[half/", "unreadable", id="unreadable"),
    ],
)
def test_a_redirect_off_the_host_is_refused_and_kept(server, asking, shelf, to, named):
    server.otherwise(replay.redirect(to))
    with pytest.raises(SourceRejected, match=re.escape(named)):
        asking(openalex_key="k3y").get(OPENALEX, "/works/W1")
    assert len(server.requests) == 1
    assert [p.status for p in shelf.kept] == [301]


def test_redirects_in_a_circle_end(server, fetch):
    server.otherwise(replay.redirect("/openalex/works/W1", 302))
    with pytest.raises(SourceRejected, match="redirected more than 5 times"):
        fetch.get(OPENALEX, "/works/W1")
    assert len(server.requests) == 6


def test_a_posted_form_is_sent_again_or_not_at_all(server, fetch):
    server.answer("POST /a q=msc", replay.redirect("b", 307), under="/crossref")
    server.answer("POST /b q=msc", OK, under="/crossref")
    assert fetch.get(CROSSREF, "/a", {"q": "msc"}, post=True).body == OK.body
    server.answer("POST /c q=msc", replay.redirect("b", 302), under="/crossref")
    with pytest.raises(SourceRejected, match="lose what was posted"):
        fetch.get(CROSSREF, "/c", {"q": "msc"}, post=True)


# -- pace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "interval_s"),
    [
        pytest.param({}, 0.2, id="nobody"),
        pytest.param({"contact_email": CONTACT}, 0.1, id="contact"),
        pytest.param({"contact_email": CONTACT, "crossref_key": "plus"}, 1 / 150, id="key"),
    ],
)
def test_requests_keep_the_distance_the_source_grants_the_caller(
    server, asking, passing, settings, interval_s
):
    server.otherwise(OK)
    fetch = asking(**settings)
    for _ in range(3):
        fetch.get(CROSSREF, "/works/x")
    assert passing.slept == [pytest.approx(interval_s)] * 2


@pytest.mark.parametrize(
    ("limit", "interval", "interval_s"),
    [
        pytest.param("2", "1s", 0.5, id="slower"),
        pytest.param("50, 50", "1s, 1s", 0.02, id="doubled behind a proxy"),
        pytest.param("30", "1m", 2, id="per minute"),
        pytest.param("0", "1s", 0.2, id="nonsense"),
        pytest.param("many", "1s", 0.2, id="no number"),
        pytest.param("2", "", 0.2, id="half said"),
    ],
)
def test_the_pace_follows_what_replies_say(server, fetch, passing, limit, interval, interval_s):
    headers = {"X-Rate-Limit-Limit": limit, "X-Rate-Limit-Interval": interval}
    server.otherwise(Answer(b"{}", headers=headers))
    for _ in range(3):
        fetch.get(CROSSREF, "/works/x")
    # The second request was granted its place when the first began.
    assert passing.slept[-1] == pytest.approx(interval_s)


def most_together(fetch: Fetch, server: Replay, count: int) -> int:
    """How many of `count` requests, made by as many threads, met at the server."""
    lock = threading.Lock()
    under_way: list[int] = [0]

    def slowly(_: replay.Seen) -> Answer:
        with lock:
            under_way.append(under_way[-1] + 1)
        time.sleep(0.05)  # long enough to meet the others, if they were let through
        with lock:
            under_way.append(under_way[-1] - 1)
        return OK

    server.otherwise(slowly)
    with ThreadPoolExecutor(count) as pool:
        answers = pool.map(lambda n: fetch.get(CROSSREF, f"/works/{n}"), range(count))
        assert [answer.status for answer in answers] == [200] * count
    return max(under_way)


def test_no_more_requests_are_under_way_than_the_source_allows(server, asking):
    assert 1 <= most_together(asking(contact_email=CONTACT), server, 8) <= 3


def test_fewer_requests_are_under_way_once_a_reply_says_so(server, asking):
    fetch = asking(contact_email=CONTACT)
    server.otherwise(Answer(b"{}", headers={"X-Concurrency-Limit": "1"}))
    fetch.get(CROSSREF, "/works/x")
    assert most_together(fetch, server, 4) == 1


def test_two_sources_at_one_address_share_its_limit(server, fetch, passing):
    server.otherwise(OK)
    fetch.get(EUTILS, "/efetch.fcgi", {"db": "pubmed"})
    fetch.get(replace(EUTILS, name="pmc"), "/efetch.fcgi", {"db": "pmc"})
    assert passing.slept == [pytest.approx(1 / 3)]


def test_a_failed_check_frees_the_place_it_took(server, fetch):
    server.otherwise(Answer(b"errCode"))
    for _ in range(3):  # one at a time: a place kept would hold the next for ever
        with pytest.raises(SourceRejected):
            fetch.get(CROSSREF, "/works/x", check=refuse_error)


def test_threads_waiting_for_a_source_learn_that_it_closed(server, fetch):
    begun, go_on = threading.Event(), threading.Event()

    def too_many_later(_: replay.Seen) -> Answer:
        begun.set()
        assert go_on.wait(30)
        return replay.too_many("3600")

    server.otherwise(too_many_later)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fetch.get, CROSSREF, "/works/x")
        assert begun.wait(30)
        second = pool.submit(fetch.get, CROSSREF, "/works/y")
        go_on.set()
        for answer in (first, second):
            with pytest.raises(SourceUnavailable):
                answer.result(30)


# -- OpenAlex's budget ---------------------------------------------------------------------------


def budget(**headers: str) -> dict[str, str]:
    return {"X-RateLimit-" + name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing said"),
        pytest.param({"Retry-After": "43200"}, id="long pause"),
        pytest.param(budget(Remaining="0"), id="credits"),
        pytest.param(budget(Remaining_USD="0.0"), id="dollars"),
        pytest.param(budget(Remaining_USD="0.0005", Cost_Required_USD="0.001"), id="too little"),
    ],
)
def test_a_spent_budget_stops_all_requests_until_midnight_utc(server, fetch, passing, headers):
    server.answer("GET /works", Answer(b"{}", 429, headers), OK, under="/openalex")
    for path in ("/works", "/works/W1"):
        with pytest.raises(SourceUnavailable, match="budget at openalex is used up") as raised:
            fetch.get(OPENALEX, path)
        assert raised.value.retry_after_s == 12 * 3600
        assert "KB_OPENALEX_KEY" in str(raised.value)
    assert len(server.requests) == 1
    assert passing.slept == []
    passing.sleep(12 * 3600)
    assert fetch.get(OPENALEX, "/works").body == OK.body


def test_the_answer_that_spends_the_budget_still_counts(server, fetch):
    last = Answer(b"{}", headers=budget(Remaining_USD="0", Cost_USD="0.001"))
    server.otherwise(last)
    assert fetch.get(OPENALEX, "/works").status == 200
    with pytest.raises(SourceUnavailable, match="used up"):
        fetch.get(OPENALEX, "/works")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(budget(Remaining_USD="0", Cost_USD="0"), id="free answer"),
        pytest.param(budget(Remaining_USD="0", Prepaid_Remaining_USD="2.5"), id="prepaid"),
        pytest.param(budget(Remaining="12"), id="something left"),
        pytest.param({}, id="nothing said"),
    ],
)
def test_an_answer_that_leaves_something_to_ask_for_stops_nothing(server, fetch, headers):
    server.otherwise(Answer(b"{}", headers=headers))
    for _ in range(2):
        assert fetch.get(OPENALEX, "/works/W1").status == 200


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Answer(b"{}", 403), id="403"),
        pytest.param(replay.too_many("1"), id="429, short pause"),
        pytest.param(replay.too_many(X_RateLimit_Remaining="900"), id="429, budget left"),
    ],
)
def test_openalex_asked_too_fast_is_asked_again(server, fetch, reply):
    server.answer("GET /works", reply, OK, under="/openalex")
    assert fetch.get(OPENALEX, "/works").body == OK.body


# -- offline -------------------------------------------------------------------------------------


def test_offline_answers_are_those_kept_and_nothing_is_sent(server, asking, shelf):
    server.answer("GET /works/x", OK, under="/crossref")
    fetch = asking()
    kept = fetch.get(CROSSREF, "/works/x")
    with pytest.raises(NotFound):
        fetch.get(CROSSREF, "/works/y")
    asked = len(server.requests)
    offline = asking(offline=True)
    assert offline.get(CROSSREF, "/works/x") == kept
    with pytest.raises(NotFound):
        offline.get(CROSSREF, "/works/y")
    assert len(server.requests) == asked


def test_what_is_kept_is_found_under_another_address_key_and_contact(server, asking):
    server.otherwise(OK)
    asked = asking(eutils_key="k3y", contact_email=CONTACT)
    kept = asked.get(EUTILS, "/efetch.fcgi", {"id": "1", "db": "pubmed"})
    offline = asking(offline=True, eutils_url="https://mirror.example/entrez")
    assert offline.get(EUTILS, "/efetch.fcgi", {"db": "pubmed", "id": "1"}) == kept


def test_offline_without_a_kept_answer_says_how_to_get_one(asking):
    with pytest.raises(SourceUnavailable, match=r"never asked GET /works/x; .* without --offline"):
        asking(offline=True).get(CROSSREF, "/works/x")


def test_a_failed_request_is_no_kept_answer(server, asking):
    server.otherwise(replay.unavailable())
    with pytest.raises(SourceUnavailable):
        asking().get(CROSSREF, "/works/x")
    with pytest.raises(SourceUnavailable, match="never asked"):
        asking(offline=True).get(CROSSREF, "/works/x")


def test_a_kept_failure_under_200_is_refused_offline_as_well(server, asking):
    server.otherwise(Answer(b"errCode"))
    with pytest.raises(SourceRejected):
        asking().get(CROSSREF, "/works/x", check=refuse_error)
    with pytest.raises(SourceRejected):
        asking(offline=True).get(CROSSREF, "/works/x", check=refuse_error)
