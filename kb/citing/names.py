"""Names as a style prints them: order, particles, initials, et al., and what they sort by.

Corrects citeproc-py in: initials of hyphenated and of already abbreviated given names, particles
and their apostrophes, suffixes with and without comma, names in scripts that know no inversion,
delimiters before "and" and before "et al.", et-al-use-last, and the inheritance of name options
(CSL 1.0.2, "Names").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kb.citing.casing import recased
from kb.citing.items import Name
from kb.citing.text import Span, Text, joined, plain


@dataclass(frozen=True)
class PartFormat:
    """How the family or the given name is dressed: cs:name-part."""

    form: tuple[tuple[str, str], ...] = ()
    case: str = ""
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class NameOptions:
    """What cs:name asks for, inherited options filled in; `initialize_with` None: given names in
    full."""

    and_: str = ""
    delimiter: str = ", "
    precedes_et_al: str = "contextual"
    precedes_last: str = "contextual"
    et_al_min: int = 0
    et_al_use_first: int = 1
    et_al_use_last: bool = False
    form: str = "long"
    initialize: bool = True
    initialize_with: str | None = None
    as_sort_order: str = ""
    sort_separator: str = ", "
    demote: str = "display-and-sort"
    hyphen: bool = True
    family: PartFormat = PartFormat()
    given: PartFormat = PartFormat()
    prefix: str = ""
    suffix: str = ""
    format: tuple[tuple[str, str], ...] = ()


def sort_parts(name: Name, demote: str) -> tuple[str, ...]:
    """What a name is filed under, most important first (CSL 1.0.2, "Non-dropping Particles")."""
    if name.literal:
        # Articles do not count: "The University of X" stands under U.
        return (re.sub(r"^(?:the|a|an)\s+", "", name.literal, flags=re.IGNORECASE), "", "", "")
    if demote == "never":
        family, particles = _side_by_side(name.non_dropping, name.family), name.dropping
    else:
        family, particles = name.family, _side_by_side(name.dropping, name.non_dropping)
    return (family, particles, name.given, name.suffix)


_WORD = re.compile(
    r"(?P<initial>[^\s.\-]+)\.|(?P<word>[^\s.\-]+)|(?P<gap>[\s\u00a0]+)|(?P<hyphen>-)"
)


_HYPHENS = str.maketrans("–‐‑", "---")


def initials(given: str, options: NameOptions) -> str:
    """The given names with all but their first letters taken off.

    Lower-case words stay ("de"), initials that are there keep being ones, hyphens stay where the
    style keeps them and stand before a capital: "Jean-Pierre" is J.-P., "Ji-ping" is J.
    """
    mark = options.initialize_with or ""
    out: list[str] = []
    hyphen = False
    for token in _WORD.finditer(given.translate(_HYPHENS)):
        if token["hyphen"]:
            hyphen = True
            continue
        if token["gap"]:
            hyphen = False
            continue
        word = token["initial"] or token["word"]
        is_initial = bool(token["initial"]) or len(word) == 1
        lead = ""
        if hyphen and out:
            if not word[0].isupper():
                hyphen = False
                continue
            if options.hyphen:
                out[-1] = out[-1].rstrip()
                lead = "-"
        hyphen = False
        if is_initial:
            kept = word if len(word) <= 3 else word[0]
            out.append(lead + kept + mark)
        elif word[0].isupper():
            if not options.initialize:
                out.append(lead + word + " ")
            else:
                out.append(lead + _initial(word) + mark)
        elif word.islower():
            out.append((" " if out and not out[-1].endswith(" ") else "") + word + " ")
        else:
            out.append(word + " " if word[0].isalpha() else " " + word)
    return "".join(out).strip().replace(" -", "-")


def _initial(word: str) -> str:
    # "PHilippe" asks for Ph. (test-suite, name_LongAbbreviation).
    if len(word) > 2 and word[1].isupper() and word[2:].islower():
        return word[0] + word[1].lower()
    return word[0]


def displayed(name: Name, options: NameOptions, first: bool, english: bool) -> Text:
    """One name in the order and form the options ask for."""

    def dressed(text: str, part: PartFormat) -> Text:
        if not text:
            return []
        nodes: Text = [text]
        if part.case:
            nodes = recased(nodes, part.case, english)
        return [Span(nodes, part.form)] if part.form else nodes

    def affixed(nodes: Text, part: PartFormat) -> Text:
        if not nodes:
            return []
        out = list(nodes)
        if part.prefix:
            out.insert(0, part.prefix)
        if part.suffix:
            out.append(part.suffix)
        return out

    family_, given_ = options.family, options.given
    if name.literal:
        return affixed(dressed(name.literal, family_), family_)
    given_text = name.given
    if options.initialize_with is not None and given_text and name.is_inverted:
        given_text = initials(given_text, options)
    family = dressed(name.family, family_)
    given = dressed(given_text, given_)
    dropping = dressed(name.dropping, given_)
    particle = dressed(name.non_dropping, family_)
    suffix: Text = [name.suffix] if name.suffix else []
    if options.form == "short":
        if not name.is_inverted:
            return affixed(family, family_)
        return affixed(_beside(particle, family), family_)
    if not name.is_inverted:
        gap = " " if name.static else ""
        return joined([affixed(family, family_), affixed(given, given_)], gap)
    if options.as_sort_order == "all" or (options.as_sort_order == "first" and first):
        if options.demote in ("never", "sort-only"):
            parts = [
                affixed(_beside(particle, family), family_),
                affixed(_beside(given, dropping), given_),
                suffix,
            ]
        else:
            parts = [
                affixed(family, family_),
                affixed(_beside(given, _beside(dropping, particle)), given_),
                suffix,
            ]
        return joined(parts, options.sort_separator)
    whole = _beside(_beside(dropping, particle), family)
    if suffix:
        whole = joined([whole, suffix], ", " if name.comma_suffix else " ")
    return _beside(affixed(given, given_), affixed(whole, family_))


def _beside(left: Text, right: Text) -> Text:
    if not left or not right:
        return left or right
    return [*left, *([] if plain(left)[-1] in "’'-–\u00a0 " else [" "]), *right]


def _side_by_side(left: str, right: str) -> str:
    if not left or not right:
        return left or right
    return left + ("" if left[-1] in "’'-–" else " ") + right


def listed(
    names: Sequence[Name],
    options: NameOptions,
    *,
    english: bool,
    and_term: str,
    et_al: Text,
    shown_more: int = 0,
    expanded: Mapping[Name, str] | None = None,
    in_sort: bool = False,
) -> tuple[Text, int]:
    """The names of one variable, and how many of them are printed.

    `shown_more` prints that many names before "et al." where it is more than the style would,
    `expanded` gives single names initials or given names: both to tell works apart.
    """
    expanded = expanded or {}
    total = len(names)
    shown = total
    if options.et_al_min and total >= options.et_al_min and options.et_al_use_first < total:
        shown = min(max(options.et_al_use_first, shown_more), total)
    printed: list[Text] = []
    last_alone = options.et_al_use_last and shown < total and total - shown >= 2
    for at, name in enumerate(names):
        if at >= shown and not (last_alone and at == total - 1):
            continue
        form = options
        wanted = expanded.get(name)
        if wanted == "initials":
            form = replace(options, form="long")
        elif wanted == "given":
            form = replace(options, form="long", initialize_with=None)
        nodes = displayed(name, form, at == 0, english)
        if not nodes:
            continue
        if options.prefix:
            nodes = [options.prefix, *nodes]
        if options.suffix:
            nodes = [*nodes, options.suffix]
        printed.append([Span(nodes, options.format, role="name")])
    if in_sort:
        return joined(printed, "  "), shown
    if shown == total:
        return _all_of(printed, options, and_term), total
    if last_alone:
        head = joined(printed[:-1], options.delimiter)
        return [*head, options.delimiter, "… ", *printed[-1]], shown
    head = joined(printed, options.delimiter)
    if not head or not et_al:
        return head, shown
    inverted = options.as_sort_order == "all" or (options.as_sort_order == "first" and shown == 1)
    before = {
        "always": options.delimiter,
        "never": " ",
        "after-inverted-name": options.delimiter if inverted else " ",
    }.get(options.precedes_et_al, options.delimiter if shown > 1 else " ")
    return [*head, before, *et_al], shown


def _all_of(printed: list[Text], options: NameOptions, and_term: str) -> Text:
    if len(printed) < 2 or not and_term:
        return joined(printed, options.delimiter)
    inverted = options.as_sort_order == "all" or (
        options.as_sort_order == "first" and len(printed) == 2
    )
    has_delimiter = {
        "always": True,
        "never": False,
        "after-inverted-name": inverted,
    }.get(options.precedes_last, len(printed) > 2)
    head = joined(printed[:-1], options.delimiter)
    before = options.delimiter if has_delimiter else " "
    if not before.endswith(" "):
        before += " "
    return [*head, before, and_term + " ", *printed[-1]]
