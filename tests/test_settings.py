"""What can be configured, and what is said about values that cannot be used."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kb.errors import InvalidInput
from kb.settings import Settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No KB_ variable of the machine's, a home and a working folder of the test's own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"KB_{name.upper()}", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_nothing_needs_to_be_configured(tmp_path):
    settings = Settings()
    assert settings.data_dir == tmp_path / ".local/share/msc-evidence-base"
    assert settings.database_url == f"sqlite:///{settings.data_dir}/kb.sqlite3"
    assert settings.crossref_url == "https://api.crossref.org"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.contact_email is None
    assert settings.openalex_key is None
    assert settings.api_tokens == ()
    assert not settings.data_dir.exists()


def test_the_data_folder_follows_the_desktop_convention(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert Settings().data_dir == Path("/srv/data/msc-evidence-base")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert Settings().data_dir == tmp_path / ".local/share/msc-evidence-base"


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        pytest.param("~/kb", "kb", id="home"),
        pytest.param("kb", "kb", id="relative"),
    ],
)
def test_the_data_folder_is_absolute_and_holds_the_database(monkeypatch, tmp_path, given, folder):
    monkeypatch.setenv("KB_DATA_DIR", given)
    assert Settings().data_dir == tmp_path / folder
    assert Settings().database_url == f"sqlite:///{tmp_path / folder}/kb.sqlite3"


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("KB_PORT=9000\nKB_HOST=0.0.0.0\nKB_UNKNOWN=1\nOTHER=2\n")
    monkeypatch.setenv("KB_PORT", "9001")
    assert (Settings().host, Settings().port) == ("0.0.0.0", 9001)


def test_an_empty_value_counts_as_not_set(monkeypatch):
    for name in ("KB_CONTACT_EMAIL", "KB_DATA_DIR", "KB_CROSSREF_URL", "KB_EUTILS_KEY"):
        monkeypatch.setenv(name, "")
    assert Settings() == Settings(_env_file=None)
    assert Settings().crossref_url == "https://api.crossref.org"
    assert Settings().eutils_key is None


@pytest.mark.parametrize(
    ("given", "used"),
    [
        pytest.param("postgres://kb@db/kb", "postgresql+psycopg://kb@db/kb", id="short"),
        pytest.param("postgresql://kb@db/kb", "postgresql+psycopg://kb@db/kb", id="no driver"),
        pytest.param("postgresql+psycopg://db/kb", "postgresql+psycopg://db/kb", id="driver"),
        pytest.param(
            "postgresql://kb:a:b/c@[::1]:5432/kb?sslmode=require",
            "postgresql+psycopg://kb:a:b/c@[::1]:5432/kb?sslmode=require",
            id="port, options and a password with a slash",
        ),
        pytest.param("sqlite:////srv/kb.sqlite3", "sqlite:////srv/kb.sqlite3", id="sqlite"),
    ],
)
def test_a_database_is_reached_through_the_installed_driver(monkeypatch, given, used):
    monkeypatch.setenv("KB_DATABASE_URL", given)
    assert Settings().database_url == used


def test_a_base_address_ends_without_slash(monkeypatch):
    monkeypatch.setenv("KB_EUTILS_URL", "https://mirror.example:8443/entrez/eutils//")
    assert Settings().eutils_url == "https://mirror.example:8443/entrez/eutils"


def test_tokens_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("KB_API_TOKENS", " one, two ,,")
    assert [token.get_secret_value() for token in Settings().api_tokens] == ["one", "two"]


def test_spaces_around_a_copied_key_are_dropped(monkeypatch):
    monkeypatch.setenv("KB_OPENALEX_KEY", " k3y\n")
    key = Settings().openalex_key
    assert key is not None
    assert key.get_secret_value() == "k3y"


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("KB_EUTILS_KEY", "k3y")
    monkeypatch.setenv("KB_API_TOKENS", "t0ken,other")
    monkeypatch.setenv("KB_DATABASE_URL", "postgresql://kb:passw0rd@db/kb")
    monkeypatch.setenv("KB_CONTACT_EMAIL", "reader@university.edu")
    for text in (repr(Settings()), str(Settings()), f"{Settings().api_tokens}"):
        assert not [secret for secret in ("k3y", "t0ken", "passw0rd", "reader") if secret in text]


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 9000  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param("KB_PORT", "70000", "received '70000' (expected a number", id="port"),
        pytest.param("KB_PORT", "http", "received 'http'", id="port not a number"),
        pytest.param("KB_SOURCE_TIMEOUT_S", "0", "received '0' (expected seconds", id="timeout"),
        pytest.param("KB_SOURCE_TIMEOUT_S", "nan", "received 'nan'", id="timeout nan"),
        pytest.param("KB_CONTACT_EMAIL", "nobody", "received 'nobody'", id="contact"),
        pytest.param("KB_DATA_DIR", "~no.such.user/kb", "home folder", id="home of nobody"),
        pytest.param("KB_CROSSREF_URL", "api.crossref.org", "e.g. https://api.", id="no scheme"),
        pytest.param("KB_CROSSREF_URL", "ftp://api.crossref.org", "http or", id="not http"),
        pytest.param("KB_CROSSREF_URL", "https://", "http or", id="no host"),
        pytest.param("KB_CROSSREF_URL", "https://h:x/", "http or", id="port in address"),
        pytest.param("KB_CROSSREF_URL", "https://h/?a=1", "ends with its path", id="query"),
        pytest.param("KB_DATABASE_URL", "kb.sqlite3", "e.g. sqlite:///", id="file name"),
        pytest.param(
            "KB_DATABASE_URL", "postgresql://u:a/b@db:x/kb", "its port", id="word as port"
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_named_in_one_sentence(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as raised:
        Settings()
    message = str(raised.value)
    assert message.startswith(f"{name} cannot be used: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("KB_EUTILS_KEY", "passw0rd x", id="key"),
        pytest.param("KB_EUTILS_KEY", "passw0rd\u00e9", id="key not ASCII"),
        pytest.param("KB_API_TOKENS", "good,passw0rd x", id="token"),
        pytest.param("KB_DATABASE_URL", "mysql://kb:passw0rd@db/kb", id="database"),
        pytest.param("KB_CROSSREF_URL", "https://me:passw0rd@mirror.example", id="address"),
    ],
)
def test_a_refused_secret_is_not_repeated(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=name) as raised:
        Settings()
    assert "passw0rd" not in str(raised.value)
