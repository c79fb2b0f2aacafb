"""Everything that differs between one installation and the next."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from kb.errors import InvalidInput


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, an IPv6 address without its bracket
        is_usable = False
    if not is_usable:
        raise ValueError("not an http or https address")
    if "@" in parts.netloc:
        raise ValueError("an address must not carry a user name or password")
    if parts.query or parts.fragment or any(c.isspace() for c in url):
        raise ValueError("a base address ends with its path")
    return url.rstrip("/")


def _key(key: Any) -> Any:
    """Without the spaces that come along when a key is copied; None if nothing is left."""
    if isinstance(key, SecretStr):
        key = key.get_secret_value()
    if not isinstance(key, str):
        return key
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("a key is printable ASCII without spaces")
    return key or None


def _tokens(tokens: Any) -> Any:
    if isinstance(tokens, str):
        return tuple(token for part in tokens.split(",") if (token := _key(part)))
    return tokens


def _folder(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # "~nobody-here/data", or "~" without a home
        raise ValueError("the home folder it starts from does not exist") from error


def _database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"  # the one driver that is installed
    if not separator or scheme not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("neither an SQLite nor a PostgreSQL address")
    place = re.split("[/?]", rest.rpartition("@")[2])[0]
    if not re.fullmatch(r"(?:\[[^\]]*\]|[^:]*)(?::[0-9]{1,5})?", place):
        raise ValueError("its port is not a number")
    return f"{scheme}://{rest}"


def _default_data_dir() -> Path:
    # The XDG Base Directory Specification says to ignore a path that is not absolute.
    home = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not home.is_absolute():
        home = _folder(Path("~/.local/share"))
    return home / "msc-evidence-base"


def _default_database_url(others: Mapping[str, Any]) -> str:
    return f"sqlite:///{others['data_dir'] / 'kb.sqlite3'}"


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Key = Annotated[SecretStr | None, BeforeValidator(_key)]


class Settings(BaseSettings):
    """Read from the environment as `KB_<NAME>`, else from a `.env` file in the working folder.

    An empty value counts as not set. `InvalidInput` names the variable that cannot be used. Keys,
    tokens, the contact and the database's address are left out of the text form.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="KB_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    data_dir: Annotated[Path, AfterValidator(_folder)] = Field(default_factory=_default_data_dir)
    # SQLite inside data_dir unless set. Not shown, since it may carry a password.
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default_factory=_default_database_url, repr=False
    )

    # Sent to sources that ask who is calling.
    contact_email: EmailStr | None = Field(default=None, repr=False)
    source_timeout_s: float = Field(default=30.0, gt=0, le=3600)  # silence borne from a source

    europepmc_url: BaseUrl = "https://www.ebi.ac.uk/europepmc/webservices/rest"
    eutils_url: BaseUrl = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    eutils_key: Key = None
    crossref_url: BaseUrl = "https://api.crossref.org"
    crossref_key: Key = None  # Metadata Plus token
    openalex_url: BaseUrl = "https://api.openalex.org"
    openalex_key: Key = None
    clinicaltrials_url: BaseUrl = "https://clinicaltrials.gov/api/v2"

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    # Who may write over the network; several are separated by commas.
    api_tokens: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_tokens)] = ()

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InvalidInput(_in_one_sentence(error)) from None  # the cause quotes secrets
        except SettingsError as error:
            raise InvalidInput(f"the settings cannot be read: {error}") from None


_EXPECTED = {
    "data_dir": "a folder, e.g. ~/msc-evidence-base",
    "database_url": "e.g. sqlite:////srv/kb/kb.sqlite3 or postgresql://kb@localhost/kb",
    "contact_email": "an address that is read, e.g. name@university.edu",
    "source_timeout_s": "seconds above 0 and up to 3600, e.g. 30",
    "host": "an address to serve on, e.g. 127.0.0.1",
    "port": "a number from 1 to 65535, e.g. 8000",
    "api_tokens": "tokens separated by commas, printable ASCII without spaces",
}
_SHOWN = frozenset({"data_dir", "contact_email", "source_timeout_s", "host", "port"})


def _in_one_sentence(error: ValidationError) -> str:
    # A database URL that was not set cannot be derived from a wrong data_dir: the first is the one.
    problem = error.errors(include_url=False)[0]
    name = str(problem["loc"][0])
    reason = problem["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    received = f", received {str(problem['input'])[:100]!r}" if name in _SHOWN else ""
    if name.endswith("_url") and name not in _EXPECTED:
        expected = f"e.g. {Settings.model_fields[name].default}"
    else:
        expected = _EXPECTED.get(name, "the key as the provider gave it")
    return f"KB_{name.upper()} cannot be used: {reason}{received} (expected {expected})"
