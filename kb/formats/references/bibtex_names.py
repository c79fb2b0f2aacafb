"""Names as BibTeX takes them apart: "First von Last", "von Last, First", "von Last, Jr, First".

The rules are those of "BibTeXing" (O. Patashnik, 1988) and "Tame the BeaST" (N. Markey, 2009). Two
things are taken as they are meant: a name all in braces is one of a group, and a word in small
letters is a particle only where it is one that names have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from kb.formats.references.latex import latex_of, unicode_of
from kb.formats.references.names import CJK_NAME
from kb.formats.references.values import is_suffix, one_line
from kb.models.records import AuthorClaim

_AND = re.compile(r"[{}]|(?<=[\s}])and(?=[\s{])|^and(?=\s)", re.I)
_MARK = re.compile(r"\\[{}]|[{}]|[,;]|[\s~]+")
_WORDS: Final = (
    "von van vom zum zur zu de der den des del della dello degli dei delle di da dal dalla du das "
    "dos do la le lo los las les el al af av ten ter te tot op het 't in y e i und bin ibn ben bar "
    "abu abd ap am an auf aus d' d’ dell' dall' l' s' st. ste. san santa mac o' under upp uit "
    "onder over vander vande aan bij"
)
_PARTICLES: Final = frozenset(_WORDS.split(" "))
_AND_OTHERS = re.compile(r"(?:^|(?<=[\s,]))\{?(?:others|et\.? al\.?)\}?$")
_FAMILY_INITIALS = re.compile(r"([^,{}]*[^\W\d_]{2}[^,{}]*)[ \t\n]+([A-Z]{1,3})")


def people_of(written: str, warnings: list[str]) -> tuple[tuple[AuthorClaim, ...], bool | None]:
    """(the people and groups of a list of names in LaTeX, False where it ends in "and others")."""
    names = [name for name in _split_at_and(written) if name.strip("{}, \t\n")]
    if len(names) == 1:
        names = _otherwise_separated(names[0], warnings)
    complete: bool | None = None
    if names and (ended := _AND_OTHERS.search(names[-1])):
        complete = False
        last = names[-1][: ended.start()].rstrip(", \n")
        names[-1:] = [last] if last else []
    if len(names) > 1 and all(
        len(name) < 100 and _FAMILY_INITIALS.fullmatch(name) for name in names
    ):
        warnings.append('names as "Family AB", without commas')
        names = [_FAMILY_INITIALS.sub(r"\1, \2", name) for name in names]
    people = (_person(name, warnings) for name in names)
    return tuple(person for person in people if person is not None), complete


def _split_at_and(written: str) -> list[str]:
    if "and" not in written.lower():
        return [written.strip()]
    parts: list[str] = []
    depth = start = 0
    for match in _AND.finditer(written):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
        elif depth <= 0:
            parts.append(written[start : match.start()].strip())
            start = match.end()
    return [*parts, written[start:].strip()]


def _otherwise_separated(name: str, warnings: list[str]) -> list[str]:
    """The names of a list that is none to BibTeX: in braces as a whole, separated by semicolons,
    or by commas between whole names."""
    inner = _inside_braces(name)
    if inner is not None:
        within = _split_at_and(inner)
        if len(within) > 1 and all("," in part for part in within):
            warnings.append("the list of names stands in braces as a whole; read as single names")
            return within
        return [name]
    by_semicolon = [part for part in _parts(name, ";") if part]
    if len(by_semicolon) > 1:
        warnings.append('names separated by semicolons, not by "and"')
        return by_semicolon
    by_comma = [part for part in _parts(name, ",") if part]
    if len(by_comma) > 2 and not any(is_suffix(part) for part in by_comma):
        if all(" " in part.strip() for part in by_comma):
            warnings.append('names separated by commas, not by "and"')
            return by_comma
        if len(by_comma) % 2 == 0 and len(by_comma) > 3:
            warnings.append('names separated by commas, not by "and"')
            pairs = zip(by_comma[::2], by_comma[1::2], strict=True)
            return [f"{family}, {given}" for family, given in pairs]
    return [name]


def _inside_braces(text: str) -> str | None:
    """What stands in braces, where one pair of braces holds it all."""
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if depth == 0 and at < len(text) - 1:
            return None
    return text[1:-1]


def _parts(text: str, mark: str) -> list[str]:
    """The parts between marks that stand outside of braces."""
    return ["".join(part).strip() for part in _pieces(text, mark)]


def _pieces(text: str, marks: str) -> Iterator[list[str]]:
    piece: list[str] = []
    depth = at = 0
    for match in _MARK.finditer(text):
        piece.append(text[at : match.start()])
        at = match.end()
        mark = match[0]
        depth += (mark == "{") - (mark == "}")
        is_space = mark[0] in " \t\r\n~"
        if depth <= 0 and (mark in marks or (is_space and marks == " ")):
            yield piece
            piece = []
        else:
            piece.append(mark)
    yield [*piece, text[at:]]


def _person(name: str, warnings: list[str]) -> AuthorClaim | None:
    inner = _inside_braces(name)
    if inner is not None and not inner.startswith("\\"):
        whole = _plain(inner)
        return AuthorClaim(collective=whole) if whole else None
    parts = _parts(name, ",")
    if _NAME_PART.match(parts[0]):
        return _by_parts(parts)
    if len(parts) == 1:
        return _first_von_last(parts[0])
    if len(parts) > 3:
        warnings.append(f"more than two commas in the name {_plain(name)[:80]!r}")
        parts = (
            [parts[0], *parts[1:-1], parts[-1]]
            if is_suffix(parts[1])
            else [parts[0], "", ", ".join(parts[1:])]
        )
    suffix = parts[1] if len(parts) > 2 else ""
    given = parts[-1]
    if len(parts) == 3 and is_suffix(given) and not is_suffix(suffix):
        suffix, given = given, suffix  # "Last, First, Jr", as programs write it
    return _made(parts[0], given, suffix)


# The extended format of BibLaTeX (manual, section 3.4): "family=Last, given=First, prefix=von".
_NAME_PART = re.compile(r"(family|given|prefix|suffix)\s*=\s*(.*)", re.S)


def _by_parts(parts: list[str]) -> AuthorClaim | None:
    given = {m[1]: m[2].strip('"') for part in parts if (m := _NAME_PART.fullmatch(part))}
    family = f"{given.get('prefix', '')} {given.get('family', '')}".strip()
    return _made(family, given.get("given", ""), given.get("suffix", ""))


def _first_von_last(name: str) -> AuthorClaim | None:
    words = ["".join(piece) for piece in _pieces(name, " ")]
    words = [word for word in words if word]
    if len(words) > 2 and re.fullmatch(r"\d{4}", words[-1]):
        words.pop()  # "Wei Wang 0001": DBLP's number of the namesake
    if len(words) > 1 and is_suffix(_plain(words[-1])) and len(words) > 2:
        suffix = words.pop()
    else:
        suffix = ""
    if len(words) < 2 and not suffix and CJK_NAME.fullmatch(_plain(name)):
        return AuthorClaim(name=_plain(name))
    if len(words) < 2:
        return _made(name if not suffix else words[0], "", suffix)
    first = next((at for at, word in enumerate(words[:-1]) if _is_particle(word)), None)
    if first is None or (first == 0 and len(words) == 2 and not _is_particle(words[0])):
        first = len(words) - 1
    return _made(" ".join(words[first:]), " ".join(words[:first]), suffix)


def _is_particle(word: str) -> bool:
    return _plain(word) in _PARTICLES


def _made(family: str, given: str, suffix: str) -> AuthorClaim | None:
    made = AuthorClaim(
        family=_plain(family) or None, given=_plain(given) or None, suffix=_plain(suffix) or None
    )
    return made if made != AuthorClaim() else None


def _plain(text: str) -> str:
    # "J.~K." is tied for the line only; a space that must not break stands as such.
    return one_line(unicode_of(text.replace("~", " ") if "\\~" not in text else text))


# -- writing -------------------------------------------------------------------------------------


def names_text(people: tuple[AuthorClaim, ...], *, and_others: bool = False) -> str:
    """The list in LaTeX, as `people_of` reads it."""
    written = [_written(person) for person in people]
    return " and ".join([name for name in written if name] + (["others"] if and_others else []))


def _written(person: AuthorClaim) -> str:
    if person.collective:
        return "{" + _latex(person.collective) + "}"
    if person.name:
        return _latex(person.name)
    family = _part(person.family or "")
    if person.suffix:
        return f"{family}, {_part(person.suffix)}, {_part(person.given or '')}".rstrip(" ")
    if person.given:
        return f"{family}, {_part(person.given)}"
    # A name alone, of several words or in braces, needs its comma to stay that of a person.
    return f"{family}," if " " in family or "{" in family else family


def _part(text: str) -> str:
    written = _latex(text)
    if "," in text or ";" in text or re.search(r"(?:^|\s)and(?:\s|$)", text, re.I):
        return "{" + written + "}"
    return written


def _latex(text: str) -> str:
    return latex_of(text).replace("~", "\u00a0")
