"""Who may write, and what a browser may do with an answer."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

TOKEN = "a-long-secret-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def write(client: TestClient, **headers: str) -> int:
    """Try to write at an address of the test's own; 200 where the guard let it through."""

    def nothing() -> None:
        pass

    if not any(getattr(r, "path", "") == "/try" for r in client.app.routes):  # type: ignore[attr-defined]
        client.app.add_api_route("/try", nothing, methods=["POST"])  # type: ignore[attr-defined]
    return client.post("/try", headers=headers).status_code


def test_without_tokens_this_machine_may_write(client_of: Callable[..., TestClient]):
    assert write(client_of()) == 200
    assert write(client_of(client=("::1", 1))) == 200
    assert write(client_of(client=("::ffff:127.0.0.1", 1))) == 200


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "testclient", "::ffff:192.0.2.7"])
def test_without_tokens_no_other_machine_may_write(client_of: Callable[..., TestClient], address):
    assert write(client_of(client=(address, 1))) == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_what_a_proxy_on_this_machine_passes_on_is_no_client_of_this_machine(
    client_of: Callable[..., TestClient], header
):
    assert write(client_of(), **{header: "127.0.0.1"}) == 403
    assert write(client_of(api_tokens=TOKEN), **{header: "192.0.2.7"}, **BEARER) == 200


def test_with_tokens_only_who_knows_one_may_write(client_of: Callable[..., TestClient]):
    client = client_of(api_tokens=f"another,{TOKEN}")
    assert write(client) == 401
    assert write(client, Authorization="Bearer wrong") == 401
    assert write(client, Authorization=f"Basic {TOKEN}") == 401
    assert write(client, Authorization="Bearer") == 401
    assert write(client, **BEARER) == 200
    assert write(client_of(api_tokens=TOKEN, client=("192.0.2.7", 1)), **BEARER) == 200


def test_a_wrong_token_is_told_how_to_come_back(client_of: Callable[..., TestClient]):
    answer = client_of(api_tokens=TOKEN).delete("/works")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("localhost:8000", 200, id="name"),
        pytest.param("127.0.0.1:8000", 200, id="address"),
        pytest.param("[::1]:8000", 200, id="ipv6"),
        pytest.param("LOCALHOST", 200, id="capitals"),
        pytest.param("attacker.example:8000", 403, id="a name pointed at this machine"),
        pytest.param("localhost.attacker.example", 403, id="a name that begins alike"),
        pytest.param("", 403, id="none"),
        pytest.param("[::1", 403, id="malformed"),
    ],
)
@pytest.mark.parametrize("tokens", ["", TOKEN])
def test_a_foreign_host_is_refused_with_or_without_a_token(
    client_of: Callable[..., TestClient], host, status, tokens
):
    assert write(client_of(api_tokens=tokens), Host=host, **BEARER) == status


def test_the_configured_host_may_be_written_to(client_of: Callable[..., TestClient]):
    assert write(client_of(host="kb.example.org"), Host="kb.example.org") == 200


def test_a_server_open_to_a_network_takes_any_host_only_with_a_token(
    client_of: Callable[..., TestClient],
):
    there = {"Host": "kb.example.org"}
    assert write(client_of(host="0.0.0.0", api_tokens=TOKEN), **there, **BEARER) == 200
    assert write(client_of(host="0.0.0.0", api_tokens=TOKEN), **there) == 401
    assert write(client_of(host="0.0.0.0"), **there) == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param("http://localhost:8000", 200, id="our own page"),
        pytest.param("http://attacker.example", 403, id="another site"),
        pytest.param("http://localhost:9999", 403, id="another port"),
        pytest.param("null", 403, id="hidden"),
    ],
)
def test_a_page_of_another_origin_may_not_write(
    client_of: Callable[..., TestClient], origin, status
):
    assert write(client_of(), Origin=origin) == status
    assert write(client_of(api_tokens=TOKEN), Origin=origin, **BEARER) == status


def test_reading_needs_no_token(client_of: Callable[..., TestClient]):
    client = client_of(api_tokens=TOKEN, client=("192.0.2.7", 1))
    assert client.get("/works", headers={"Host": "anything.example"}).status_code == 200


def test_a_body_beyond_16_mib_is_refused(client_of: Callable[..., TestClient]):
    answer = client_of().post(
        "/evidence",
        content=b"{" + b" " * (16 * 1024 * 1024),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_beyond_16_mib_is_refused_also_when_its_length_is_not_told(
    client_of: Callable[..., TestClient],
):
    chunks = (b" " * 1024 * 1024 for _ in range(17))
    answer = client_of().post(
        "/evidence", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/works", "/nowhere", "/static/style.css"])
def test_every_answer_tells_browsers_to_load_nothing_from_elsewhere(
    client_of: Callable[..., TestClient], path
):
    headers = client_of().get(path, headers={"Accept": "text/html"}).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", ["/synthesis", "/summary-of-findings"])
def test_what_only_computes_needs_no_token_and_serves_no_page_of_another_site(
    client_of: Callable[..., TestClient], path
):
    client = client_of(api_tokens=TOKEN, client=("192.0.2.7", 1))
    assert client.post(path, json=[]).status_code == 422  # let through, and nothing to compute
    foreign = client.post(path, json=[], headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
