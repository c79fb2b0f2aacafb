"""Items cited together: numbered, told apart, printed as references and as cites in the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kb.citing import distinctions
from kb.citing.items import DATE_VARIABLES, NAME_VARIABLES, NUMBER_VARIABLES, Item
from kb.citing.locales import CSL, Locale
from kb.citing.names import sort_parts
from kb.citing.rendering import (
    Distinction,
    Dress,
    Element,
    Rendering,
    StyleOptions,
    address_of,
    check_counts,
    compiled,
    rendered,
    sortable,
)  # fmt: skip
from kb.citing.text import Node, Run, Span, Text, joined, plain, read_marked, runs_of
from kb.errors import InvalidInput


@dataclass(eq=False)
class SortKey:
    variable: str
    macro: str
    descending: bool
    area: dict[str, str]  # the style's name options with what the key says of et al.


class Layout:
    """cs:citation or cs:bibliography."""

    def __init__(self, element: Any, style: StyleOptions) -> None:
        check_counts(element)
        self.options: dict[str, str] = dict(element.attrib)
        layout = element.find(f"{CSL}layout")
        self.elements: list[Element] = compiled(layout, style)
        self.delimiter: str = layout.get("delimiter", "")
        self.dress = Dress(layout)
        self.keys = []
        for key in element.findall(f"{CSL}sort/{CSL}key"):
            check_counts(key)
            area = dict(self.options)
            for ours, theirs in (
                ("et-al-min", "names-min"),
                ("et-al-use-first", "names-use-first"),
                ("et-al-use-last", "names-use-last"),
            ):
                if key.get(theirs):
                    area[ours] = key.get(theirs)
            self.keys.append(
                SortKey(
                    key.get("variable", ""),
                    key.get("macro", ""),
                    key.get("sort") == "descending",
                    area,
                )
            )


class Style:
    """A style in one language, ready to print; the same object prints any number of documents."""

    def __init__(
        self,
        root: Any,
        locales: Sequence[Any],
        language: str,
        *,
        as_pandoc: bool = False,
    ) -> None:
        """From the tree of a style and its locale elements, the most specific first."""
        self.options = StyleOptions(
            Locale(locales),
            language,
            dict(root.attrib),
            as_pandoc=as_pandoc,
        )
        check_counts(root)
        _check_macros(root)
        # Macros call one another in any order, so the table is there before it is filled.
        for macro in root.findall(f"{CSL}macro"):
            self.options.macros.setdefault(macro.get("name"), [])
        for macro in root.findall(f"{CSL}macro"):
            self.options.macros[macro.get("name")][:] = compiled(macro, self.options)
        self.citation = Layout(root.find(f"{CSL}citation"), self.options)
        bibliography = root.find(f"{CSL}bibliography")
        self.bibliography = Layout(bibliography, self.options) if bibliography is not None else None
        self.is_note_style = root.get("class") == "note"

    def finished(self, nodes: Text) -> list[Run]:
        return runs_of(nodes, self.options.locale.quotes)


# Written out in full, the largest macro of the published styles (Chicago) has 976,872 elements.
_MOST_ELEMENTS = 10_000_000


def _check_macros(root: Any) -> None:
    """Raises InvalidInput for a macro that calls itself, by however many others, and for macros
    that multiply without end."""
    macros = {macro.get("name"): macro for macro in root.findall(f"{CSL}macro")}
    sizes: dict[str, int] = {}

    def size(name: str, callers: tuple[str, ...]) -> int:
        if name in callers:
            raise InvalidInput(f"its macro {name!r} calls itself")
        if name not in sizes:
            called = [text.get("macro") for text in macros[name].iter(f"{CSL}text")]
            sizes[name] = sum(1 for _ in macros[name].iter()) + sum(
                size(other, (*callers, name)) for other in called if other in macros
            )
        return sizes[name]

    if any(size(name, ()) > _MOST_ELEMENTS for name in macros):
        raise InvalidInput("its macros call one another too often")


@dataclass(frozen=True)
class Cite:
    """One item in a cluster of cites."""

    item: Item
    locator: tuple[str, str] | None = None  # (label, text)
    prefix: str = ""
    suffix: str = ""
    positions: frozenset[str] = frozenset(("first",))
    is_author_only: bool = False
    is_author_hidden: bool = False


class Document:
    """Items that are cited in one text, in the order they are cited.

    Numbers follow the order of the bibliography where `is_sorted` says so, else the order given.
    """

    def __init__(self, style: Style, items: Sequence[Item], *, is_sorted: bool = False) -> None:
        self.style = style
        self.items = list(items)
        self.is_sorted = is_sorted
        self.numbers = {id(item): number for number, item in enumerate(self.items, start=1)}
        self.distinctions: dict[int, Distinction] = {}
        ordered = self._in_bibliography_order()
        if is_sorted:
            self.items = ordered
            self.numbers = {id(item): number for number, item in enumerate(ordered, start=1)}
        self.distinctions = distinctions.between(
            ordered, self._as_cited, style.citation.options, style.options
        )

    def _in_bibliography_order(self) -> list[Item]:
        layout = self.style.bibliography
        return self._sorted(self.items, layout) if layout is not None else list(self.items)

    # --- references ---

    def references(self) -> Iterator[list[Run]]:
        """One reference per item; cites stand in where the style has no bibliography."""
        layout = self.style.bibliography
        options = layout.options if layout is not None else {}
        dash = options.get("subsequent-author-substitute")
        before: list[Span] = []
        for item in self.items:
            nodes = self._reference(item)
            _link_title(nodes, item)
            if dash is not None and self.is_sorted:
                # Only in a sorted list does a dash have the authors it stands for above it.
                authors = _find(nodes, lambda span: span.role == "names")
                names = _names_of(authors)
                if authors and before:
                    rule = options.get("subsequent-author-substitute-rule", "complete-all")
                    _put_dashes(authors, names, before, dash, rule)
                before = names
            yield self.style.finished(nodes)

    def _reference(self, item: Item) -> Text:
        layout = self.style.bibliography
        if layout is None:
            return self.cluster([Cite(item)])
        at = self._rendering(item, layout.options, in_bibliography=True)
        if "second-field-align" in layout.options and len(layout.elements) > 1:
            first = layout.elements[0].render(at)
            rest = rendered(layout.elements[1:], at)
            nodes: Text = [
                *([Span(first, block="left-margin")] if first else []),
                *([Span(_with_suffix(rest, layout), block="right-inline")] if rest else []),
            ]
            if layout.dress.prefix:
                nodes.insert(0, layout.dress.prefix)
            return [Span(nodes, layout.dress.form)] if layout.dress.form else nodes
        return layout.dress.on(rendered(layout.elements, at), at)

    # --- cites ---

    def parenthetical(self, item: Item) -> list[Run]:
        """The item as it is cited in brackets or by its number."""
        return self.style.finished(self.cluster([Cite(item)]))

    def narrative(self, item: Item) -> list[Run]:
        """The item cited with its authors as part of the sentence; as in brackets where the cites
        of the style name nobody."""
        author = self._author_of(item)
        if not author:
            return self.parenthetical(item)
        rest = self.cluster([Cite(item, is_author_hidden=True)])
        return self.style.finished([*author, *([" "] if rest else []), *rest])

    def cluster(self, cites: Sequence[Cite]) -> Text:
        """Cites in one place, sorted, grouped and collapsed as the style wants."""
        layout = self.style.citation
        if layout.keys:
            # What the keys leave equal goes by its letters: 2020a before 2020b.
            lettered = sorted(cites, key=lambda cite: self._distinction(cite.item).year_suffix)
            order = self._sorted([cite.item for cite in lettered], layout)
            place = {id(item): at for at, item in enumerate(order)}
            cites = sorted(cites, key=lambda cite: place[id(cite.item)])
        nodes = self._collapsed([one for cite in cites if (one := self._printed(cite)).nodes])
        at = self._rendering(cites[0].item, layout.options) if cites else None
        if not nodes or at is None:
            return []
        dress = layout.dress
        whole: Text = [*([dress.prefix] if dress.prefix else []), *nodes]
        if dress.suffix:
            whole.append(dress.suffix)
        return [Span(whole, dress.form)] if dress.form else whole

    def _printed(self, cite: Cite) -> _Printed:
        at = self._rendering(cite.item, self.style.citation.options)
        at.locator, at.positions = cite.locator, cite.positions
        at.hide_author = cite.is_author_hidden
        nodes = rendered(self.style.citation.elements, at)
        if cite.is_author_only:
            nodes = _names_in(nodes) or nodes
        return _Printed(cite, nodes)

    def _author_of(self, item: Item) -> Text:
        at = self._rendering(item, self.style.citation.options)
        return _names_in(rendered(self.style.citation.elements, at))

    def _as_cited(self, item: Item, distinction: Distinction) -> distinctions.AsCited:
        at = self._rendering(item, self.style.citation.options)
        at.distinction = distinction
        nodes = rendered(self.style.citation.elements, at)
        return distinctions.AsCited(plain(_without(nodes, "number")), at.names_printed)

    def _distinction(self, item: Item) -> Distinction:
        return self.distinctions.get(id(item), _NOTHING)

    def _rendering(
        self, item: Item, area: Mapping[str, str], in_bibliography: bool = False
    ) -> Rendering:
        return Rendering(
            item,
            self.style.options,
            area,
            number=self.numbers.get(id(item), 0),
            positions=frozenset(("first",)),
            distinction=self._distinction(item),
            in_bibliography=in_bibliography,
        )

    # --- collapsing (CSL 1.0.2, "Cite Collapsing") ---

    def _collapsed(self, cites: list[_Printed]) -> Text:
        layout = self.style.citation
        how = layout.options.get("collapse", "")
        if how == "citation-number":
            return self._collapsed_numbers(cites)
        if not how and "cite-group-delimiter" not in layout.options:
            return joined([one.dressed() for one in cites], layout.delimiter)
        between = layout.options.get("cite-group-delimiter", ", ")
        groups: dict[str, list[_Printed]] = {}
        for one in cites:
            # Without names only cites that differ by nothing but a year suffix belong together.
            key = plain(_names_in(one.nodes)) or "\0" + plain(_without(one.nodes, "year-suffix"))
            groups.setdefault(key, []).append(one)
        after = layout.options.get("after-collapse-delimiter", layout.delimiter)
        out: Text = []
        previous: list[_Printed] = []
        for group in groups.values():
            if previous:
                out.append(after if len(previous) > 1 else layout.delimiter)
            out.extend(self._group(group, how, between))
            previous = group
        return out

    def _group(self, group: list[_Printed], how: str, between: str) -> Text:
        """Cites of the same names: the names once, then years, then suffixes alone where asked."""
        if len(group) == 1 or not how:
            return joined([one.dressed() for one in group], between)
        parts: list[tuple[Text, str]] = []  # nodes and the delimiter before them
        options = self.style.citation.options
        suffix_delimiter = options.get(
            "year-suffix-delimiter",
            options.get("cite-group-delimiter", self.style.citation.delimiter),
        )
        last_year = ""
        for at, one in enumerate(group):
            nodes = self._printed(replace(one.cite, is_author_hidden=True)).nodes
            year = plain(_roles_in(one.nodes, "year"))
            suffix = _roles_in(one.nodes, "year-suffix")
            if at and how.startswith("year-suffix") and year == last_year and suffix:
                tail = _after_year_suffix(nodes)
                parts.append((replace(one, nodes=[*suffix, *tail]).dressed(), suffix_delimiter))
            else:
                parts.append((replace(one, nodes=nodes if at else one.nodes).dressed(), between))
            last_year = year
        if how == "year-suffix-ranged":
            parts = self._ranged_suffixes(group, parts)
        out: Text = []
        for at, (nodes, delimiter) in enumerate(parts):
            out.extend([delimiter, *nodes] if at else nodes)
        return out

    def _ranged_suffixes(
        self, group: list[_Printed], parts: list[tuple[Text, str]]
    ) -> list[tuple[Text, str]]:
        letters = [self._distinction(one.cite.item).year_suffix for one in group]
        years = [plain(_roles_in(one.nodes, "year")) for one in group]
        out: list[tuple[Text, str]] = []
        at = 0
        while at < len(parts):
            end = at
            while (
                end + 1 < len(parts)
                and years[end + 1] == years[at]
                and letters[end + 1] == letters[end] + 1
                and not group[end + 1].cite.locator
                and not group[end].cite.locator
            ):
                end += 1
            if end - at >= 2:
                out.append(([*parts[at][0], "–", *parts[end][0]], parts[at][1]))
            else:
                out.extend(parts[at : end + 1])
            at = end + 1
        return out

    def _collapsed_numbers(self, cites: list[_Printed]) -> Text:
        layout = self.style.citation
        out: list[Text] = []
        at = 0
        while at < len(cites):
            end = at
            while (
                end + 1 < len(cites)
                and self._number(cites[end + 1]) == self._number(cites[end]) + 1
                and cites[end + 1].is_bare
                and cites[end].is_bare
            ):
                end += 1
            if end - at >= 2:
                out.append([*cites[at].dressed(), "–", *cites[end].dressed()])
            else:
                out.extend(one.dressed() for one in cites[at : end + 1])
            at = end + 1
        return joined(out, layout.delimiter)

    def _number(self, one: _Printed) -> int:
        return self.numbers.get(id(one.cite.item), 0)

    # --- sorting ---

    def _sorted(self, items: Sequence[Item], layout: Layout) -> list[Item]:
        """In the order of the keys; items without one come last, whichever way it sorts."""
        ordered = list(items)
        for key in reversed(layout.keys):
            found = {id(item): self._key(item, key) for item in ordered}
            filled = [item for item in ordered if found[id(item)]]
            filled.sort(key=lambda item: found[id(item)], reverse=key.descending)
            ordered = filled + [item for item in ordered if not found[id(item)]]
        return ordered

    def _key(self, item: Item, key: SortKey) -> tuple[Any, ...]:
        if key.variable == "citation-number":
            return (self.numbers.get(id(item), 0),)
        if key.variable in DATE_VARIABLES:
            date = item.dates.get(key.variable)
            return (sortable(date),) if date else ()
        if key.variable in NAME_VARIABLES:
            demote = self.style.options.options.get(
                "demote-non-dropping-particle", "display-and-sort"
            )
            names = item.names.get(key.variable, ())
            return tuple(collated(part) for name in names for part in sort_parts(name, demote))
        if key.variable:
            text = plain(item.marked(key.variable))
            if key.variable in NUMBER_VARIABLES and text.isdecimal():
                return (collated(text.zfill(10)),)
            return (collated(text),) if text else ()
        at = self._rendering(item, key.area)
        at.in_sort = True
        text = plain(rendered(self.style.options.macros.get(key.macro, []), at)).strip()
        return (collated(text),) if text else ()


def collated(text: str) -> tuple[str, str]:
    """What text sorts by: letters without accents and case first, then as it is.

    Close to the Unicode collation of Latin scripts without its tables; punctuation does not count.
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return re.sub(r"[^\w\s-]|_", "", letters).strip(), folded


_NOTHING = Distinction()


@dataclass(frozen=True, eq=False)
class _Printed:
    cite: Cite
    nodes: Text

    @property
    def is_bare(self) -> bool:
        return not (self.cite.locator or self.cite.prefix or self.cite.suffix)

    def dressed(self) -> Text:
        return [*read_marked(self.cite.prefix), *self.nodes, *read_marked(self.cite.suffix)]


def _with_suffix(nodes: Text, layout: Layout) -> Text:
    return [*nodes, layout.dress.suffix] if layout.dress.suffix else nodes


def _find(nodes: Sequence[Node], test: Callable[[Span], bool]) -> Span | None:
    for node in nodes:
        if isinstance(node, Span):
            if test(node):
                return node
            if found := _find(node.nodes, test):
                return found
    return None


def _link_title(nodes: Text, item: Item) -> None:
    """A reference that prints no address has its title lead to one (CSL 1.0.2, "Links")."""
    title = _find(nodes, lambda span: span.role == "title")
    if title is not None and _find(nodes, lambda span: span.link is not None) is None:
        title.link = address_of(item)


def _names_of(authors: Span | None) -> list[Span]:
    """The single names, or the whole where something else stands in for names; as they were."""
    if authors is None:
        return []
    found = list(_all(authors.nodes, "name")) or [authors]
    return [Span(list(span.nodes), span.form, role=span.role) for span in found]


def _all(nodes: Sequence[Node], role: str) -> Iterator[Span]:
    for node in nodes:
        if isinstance(node, Span):
            if node.role == role:
                yield node
            else:
                yield from _all(node.nodes, role)


def _put_dashes(authors: Span, names: list[Span], before: list[Span], dash: str, rule: str) -> None:
    """The substitute for names that are those of the entry before (CSL 1.0.2, "Reference
    Grouping")."""
    same = 0
    for ours, theirs in zip(names, before, strict=False):
        if plain(ours.nodes) != plain(theirs.nodes):
            break
        same += 1
    is_same = same == len(names) == len(before)
    if rule in ("partial-each", "partial-first") or (rule == "complete-each" and is_same):
        spans = list(_all(authors.nodes, "name"))
        for span in spans[: min(same, 1) if rule == "partial-first" else same]:
            span.nodes[:] = [dash] if dash else []
    elif is_same and rule == "complete-all":
        rest = _after_names(authors.nodes)
        authors.nodes[:] = [*([dash] if dash else []), *rest]


def _after_names(nodes: Text) -> Text:
    """What stands behind the last name: a label, as a rule."""
    for at in range(len(nodes) - 1, -1, -1):
        node = nodes[at]
        if isinstance(node, Span):
            if node.role == "name":
                return nodes[at + 1 :]
            if list(_all(node.nodes, "name")):
                return [*_after_names(node.nodes), *nodes[at + 1 :]]
    return []


def _names_in(nodes: Text) -> Text:
    found = _find(nodes, lambda span: span.role == "names")
    return found.nodes if found else []


def _roles_in(nodes: Text, role: str) -> Text:
    found = _find(nodes, lambda span: span.role == role)
    return [found] if found else []


def _without(nodes: Text, role: str) -> Text:
    return [
        node
        if isinstance(node, str)
        else Span(_without(node.nodes, role), node.form, quoted=node.quoted, role=node.role)
        for node in nodes
        if isinstance(node, str) or node.role != role
    ]


def _after_year_suffix(nodes: Text) -> Text:
    """What a cite prints after its year suffix: a locator, as a rule."""
    for at, node in enumerate(nodes):
        if isinstance(node, Span):
            if node.role == "year-suffix":
                return nodes[at + 1 :]
            if _roles_in([node], "year-suffix"):
                return [*_after_year_suffix(node.nodes), *nodes[at + 1 :]]
    return []
