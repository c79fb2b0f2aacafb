"""LaTeX in the fields of bibliographies to Unicode text and back.

What typesets a letter or a sign becomes it; what only sets it in another face goes; what is not
known stays as it is written. Written, letters of every script stay themselves in UTF-8
(as BibLaTeX and today's LaTeX read them), and only what LaTeX would take for a command is escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

_ACCENTS: Final[Mapping[str, str]] = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306",
    ".": "\u0307", '"': "\u0308", "h": "\u0309", "r": "\u030a", "H": "\u030b", "v": "\u030c",
    "U": "\u030e", "G": "\u030f", "f": "\u0311", "C": "\u030f", "d": "\u0323", "c": "\u0327",
    "k": "\u0328", "b": "\u0331", "t": "\u0361",
}  # fmt: skip
# What an accent is by itself, over nothing.
_SPACING: Final = {"`": "`", "'": "´", "^": "^", "~": "~", "=": "¯", '"': "¨", ".": "˙", "c": "¸"}

_SYMBOLS: Final[Mapping[str, str]] = {
    "ss": "ß", "SS": "ẞ", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å",
    "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "eth": "ð",
    "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ", "ij": "ĳ", "IJ": "Ĳ",
    "S": "§", "P": "¶", "copyright": "©", "pounds": "£", "euro": "€", "EUR": "€", "degree": "°",
    "dots": "…", "ldots": "…", "cdots": "⋯", "textellipsis": "…", "dag": "†", "ddag": "‡",
    "textasciitilde": "~", "textasciicircum": "^", "textasciigrave": "`", "textasciiacute": "´",
    "textbackslash": "\\", "backslash": "\\", "textbraceleft": "{", "textbraceright": "}",
    "lbrace": "{", "rbrace": "}", "textquotesingle": "'", "textquotedbl": '"', "textless": "<",
    "textgreater": ">", "textbar": "|", "textunderscore": "_", "textdollar": "$", "slash": "/",
    "textquoteleft": "‘", "textquoteright": "’", "textquotedblleft": "“",
    "textquotedblright": "”", "quotedblbase": "„", "quotesinglbase": "‚", "glqq": "„",
    "grqq": "“", "guillemotleft": "«", "guillemotright": "»", "flqq": "«", "frqq": "»",
    "guilsinglleft": "‹", "guilsinglright": "›", "textendash": "–", "textemdash": "—",
    "textmu": "µ", "textdegree": "°", "textperiodcentered": "·", "textbullet": "•",
    "textregistered": "®", "texttrademark": "™", "textonehalf": "½", "textpm": "±",
    "texttimes": "×", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠",
    "lt": "<", "gt": ">", "times": "×", "pm": "±", "cdot": "·", "circ": "∘",
    "to": "→", "mu": "μ", "epsilon": "ϵ", "varepsilon": "ε", "phi": "ϕ", "varphi": "φ",
    "prime": "′", "infty": "∞", "colon": ":", "TeX": "TeX", "LaTeX": "LaTeX", "BibTeX": "BibTeX",
    "quad": " ", "qquad": " ", "space": " ", "newline": " ", "linebreak": " ", "nobreakspace":
    "\u00a0", "thinspace": "\u2009", "aspostrophe": "'", "apostrophe": "’", "nolinebreak": "",
}  # fmt: skip
# Faces, sizes and hints to the typesetter.
_NOTHING: Final = frozenset(
    {"em", "it", "bf", "rm", "sc", "tt", "sl", "sf", "cal", "normalfont", "itshape", "bfseries"}
    | {"scshape", "slshape", "upshape", "rmfamily", "sffamily", "ttfamily", "mdseries", "small"}
    | {"large", "Large", "footnotesize", "scriptsize", "tiny", "normalsize", "displaystyle"}
    | {"textstyle", "scriptstyle", "relax", "null", "protect", "allowbreak", "hfill", "break"}
    | {"par", "left", "right", "big", "Big", "bigl", "bigr", "limits", "nolimits", "noindent"}
    | {"unskip", "ignorespaces", "boldmath", "unboldmath", "mathsurround", "/", "-", "@", "!"}
)
# Commands whose argument is the text.
_FACES: Final = frozenset(
    {"emph", "textit", "textbf", "textsc", "textrm", "texttt", "textsf", "textup", "textsl"}
    | {"textmd", "textnormal", "text", "mathrm", "mathit", "mathbf", "mathcal", "mathbb", "mathsf"}
    | {"mathfrak", "mathscr", "mathnormal", "boldsymbol", "bm", "mbox", "hbox", "fbox", "makebox"}
    | {"ensuremath", "uppercase", "lowercase", "MakeUppercase", "MakeLowercase", "NoCaseChange"}
    | {"mkbibemph", "mkbibbold", "mkbibitalic", "underline", "uline", "operatorname", "overline"}
    | {"textlatin", "textcyrillic", "textnormalfont", "texorpdfstring"}
    | {"ce", "rotatebox", "phantom", "hspace", "smash", "mathop", "bibstring", "textinit"}
)
_DROPPED: Final = frozenset({"noopsort", "selectlanguage", "phantom", "hspace", "vspace", "label"})
_QUOTED: Final = frozenset({"enquote", "mkbibquote"})
_SYMBOL_COMMANDS: Final[Mapping[str, str]] = {
    "\\": " ", " ": " ", "\n": " ", "\t": " ", ",": "\u2009", ";": " ", ":": " ", ">": " ",
}  # fmt: skip

_SUPERSCRIPTS: Final = dict(zip("0123456789+-=()ni−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ⁻", strict=True))
_SUBSCRIPTS: Final = dict(zip("0123456789+-=()−", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎₋", strict=True))
# Letters of the encoding of Greek in LaTeX (LGR).
_GREEK: Final = str.maketrans(
    "abgdezhjiklmnxoprsctufqywABGDEZHJIKLMNXOPRSTUFQYW",
    "αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
)

_MARKED = re.compile(r"[\\{}$~]|--|``|''|[?!]`")
_TOKEN = re.compile(
    r"\\[A-Za-z]+\*?|\\.|\\|[{}]|\$\$?|---|--|``|''|[?!]`|~|[\^_]|[^\\{}$~^_`'?!-]+|.", re.S
)
_LIGATURES: Final = {"---": "—", "--": "–", "``": "“", "''": "”", "?`": "¿", "!`": "¡"}
_SPACES = re.compile(r"[ \t\n]*")
_LOOKS_LIKE_MATH = re.compile(r"[\\^_=<>+*{}]|^\s*-?\s*[\w.]{0,3}\s*$|^[\d.,\s-]+$")
# No text nests as deep; what does is made to exhaust the reader.
_MAX_DEPTH: Final = 60


def unicode_of(text: str, *, is_verbatim: bool = False, keep_braces: bool = False) -> str:
    """The text as LaTeX would show it, in Unicode.

    In an address or identifier (`is_verbatim`) only commands and braces are undone, as programs
    write them there though they should not: "~", "--" and "$" stay. With `keep_braces`, groups that
    protect capitals keep their braces.
    """
    if not _MARKED.search(text):
        return text
    return _Reader(text, is_verbatim, keep_braces).read()


class _Reader:
    def __init__(self, text: str, is_verbatim: bool, keep_braces: bool) -> None:
        self._text = text
        self._at = 0
        self._is_verbatim = is_verbatim
        self._keeps_braces = keep_braces
        self._depth = 0
        self._in_math = False

    def read(self) -> str:
        return self._until(None)

    def _token(self) -> str | None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def _until(self, end: str | None) -> str:
        out: list[str] = []
        while (token := self._token()) is not None:
            if token == end:
                break
            self._one(token, out)
        return "".join(out)

    def _one(self, token: str, out: list[str]) -> None:
        if token[0] == "\\":
            out.append(self._command(token))
        elif token == "{":
            out.append(self._group())
        elif token == "}":
            pass  # closes nothing
        elif token[0] == "$":
            out.append(self._math(token))
        elif self._is_verbatim:
            out.append(token)
        elif token == "~":
            out.append("\u00a0")
        elif self._in_math and token in "^_" and token:
            out.append(self._shifted(token, "".join(out)))
        else:
            out.append(_LIGATURES.get(token, token))

    def _group(self) -> str:
        if self._depth >= _MAX_DEPTH:
            return ""
        self._depth += 1
        protects = self._keeps_braces and not self._text.startswith(("\\", "}"), self._at)
        inside = self._until("}")
        self._depth -= 1
        return "{" + inside + "}" if protects else inside

    def _argument(self) -> str:
        """What a command applies to: the next group, command or letter."""
        self._at = _SPACES.match(self._text, self._at).end()  # type: ignore[union-attr]
        if self._at >= len(self._text) or self._text[self._at] == "}":
            return ""
        if self._depth >= _MAX_DEPTH:
            return ""
        if self._text[self._at] == "{":
            self._at += 1
            kept, self._keeps_braces = self._keeps_braces, False
            inside = self._group()
            self._keeps_braces = kept
            return inside
        if self._text[self._at] == "\\":
            self._depth += 1
            shown = self._command(self._token() or "")
            self._depth -= 1
            return shown
        self._at += 1
        return self._text[self._at - 1]

    def _math(self, mark: str) -> str:
        end = self._text.find(mark, self._at)
        inside = self._text[self._at : end] if end >= 0 else ""
        is_math = inside.startswith("\\") if self._is_verbatim else _LOOKS_LIKE_MATH.search(inside)
        if end < 0 or not is_math or self._in_math or not inside:
            return mark
        self._in_math = True
        shown = self._until(mark).strip()
        self._in_math = False
        return shown

    def _shifted(self, mark: str, before: str) -> str:
        argument = self._argument().strip()
        if mark == "^" and argument in ("∘", "°"):
            return "°"
        if mark == "^" and argument in ("′", "'"):
            return "′"
        return _raised(argument, before) if mark == "^" else _lowered(argument)

    def _command(self, token: str) -> str:
        name = token[1:].rstrip("*") if len(token) > 2 else token[1:]
        if not name:
            return "\\"
        if name in _ACCENTS and not (name.isalpha() and self._is_word_argument()):
            return self._accented(name)
        is_word = name[0].isalpha()
        before_spaces = self._at
        if is_word:
            self._at = _SPACES.match(self._text, self._at).end()  # type: ignore[union-attr]
        if name in _NOTHING:
            return ""
        symbol = ("~" if self._is_verbatim else "∼") if name == "sim" else _SYMBOLS.get(name)
        if symbol is not None:
            # Space in formulas is none, but around signs it is read as if it were.
            if self._in_math and self._at > before_spaces and not symbol.isalpha():
                return f"{symbol} "
            return symbol
        if name in ("(", ")"):
            self._in_math = name == "("
            return ""
        if name in _SYMBOL_COMMANDS:
            return _SYMBOL_COMMANDS[name]
        if not is_word:
            return name  # \& \% \$ \# \_ \{ \}
        if self._depth >= _MAX_DEPTH:
            return ""
        self._depth += 1
        shown = self._word(name)
        self._depth -= 1
        if shown is None:
            self._at = before_spaces
            return token
        return shown

    def _is_word_argument(self) -> bool:
        """Whether an accent named by a letter stands there without one to stand on: "\\c" at an
        end."""
        return self._at >= len(self._text)

    def _word(self, name: str) -> str | None:
        """What a command with arguments shows, None where it is not known."""
        if name in _DROPPED:
            self._argument()
            return ""
        if name in _FACES:
            return self._argument()
        if name in ("url", "path", "nolinkurl"):
            return self._verbatim_argument()
        if name in _QUOTED:
            return f"“{self._argument()}”"
        if name == "textsuperscript":
            return _raised(self._argument(), self._text[: self._at])
        if name == "textsubscript":
            return _lowered(self._argument())
        if name == "textgreek":
            return self._argument().translate(_GREEK)
        if name == "href":
            address, shown = self._verbatim_argument(), self._argument()
            return shown if shown == address or not address else f"{shown} ({address})"
        if name == "frac":
            return f"{self._argument()}/{self._argument()}"
        if name == "sqrt":
            return f"√{self._argument()}"
        if name in ("foreignlanguage", "textcolor", "bibinfo"):
            self._argument()
            return self._argument()
        symbol = _library_symbols().get(name)
        if symbol is None and self._text.startswith("{", self._at):
            return f"\\{name}{{{self._argument()}}}"
        return symbol

    def _verbatim_argument(self) -> str:
        was, self._is_verbatim = self._is_verbatim, True
        argument = self._argument()
        self._is_verbatim = was
        return argument

    def _accented(self, name: str) -> str:
        argument = self._argument()
        if not argument:
            return _SPACING.get(name, "")
        first, rest = argument[0], argument[1:]
        first = {"ı": "i", "ȷ": "j"}.get(first, first)
        if not first.isalpha():
            return _SPACING.get(name, "") + argument
        if name == "t":
            return first + _ACCENTS[name] + rest
        return unicodedata.normalize("NFC", first + _ACCENTS[name]) + rest


def _raised(text: str, before: str) -> str:
    if text and all(letter in _SUPERSCRIPTS for letter in text):
        return "".join(_SUPERSCRIPTS[letter] for letter in text)
    # A power that Unicode has no letters for; "1st" and "TM" read well without.
    if before[-1:].isdigit() and text[:1].isdigit():
        return f"^{text}"
    return text


def _lowered(text: str) -> str:
    if text and all(letter in _SUBSCRIPTS for letter in text):
        return "".join(_SUBSCRIPTS[letter] for letter in text)
    return text


@cache
def _library_symbols() -> Mapping[str, str]:
    """Commands without arguments and the sign each stands for, as pylatexenc knows them."""
    from pylatexenc.latex2text import get_default_latex_context_db
    from pylatexenc.latexencode import get_builtin_uni2latex_dict

    found: dict[str, str] = {}
    single = re.compile(r"\{?(?:\\ensuremath\{)?\\([A-Za-z]+)\}?\}?")
    for code, written in get_builtin_uni2latex_dict().items():
        if code > 127 and (match := single.fullmatch(written)):
            found.setdefault(match[1], chr(code))
    for category in get_default_latex_context_db().d.values():
        for name, macro in category["macros"].items():
            shown = macro.simplify_repl
            if isinstance(shown, str) and 0 < len(shown) <= 6 and not {"%", "<"} & {*shown}:
                found.setdefault(name, shown)
    return found


# -- writing -------------------------------------------------------------------------------------

_ESCAPED: Final = str.maketrans(
    {
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        "`": r"{\textasciigrave}",
        "#": r"\#",
        "$": r"\$",
        "%": r"\%",
        "&": r"\&",
        "_": r"\_",
        "\u00a0": "~",
    }
)
_VERBATIM_ESCAPED: Final = str.maketrans(
    {
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
    }
)
_LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=')(?=')")
_AT_LINE_START = re.compile(r"^@", re.M)
_MARKED = re.compile(f"[{re.escape(''.join(map(chr, _ESCAPED)))}@]|--|''")


def latex_of(text: str, *, is_verbatim: bool = False) -> str:
    """The text so that LaTeX shows it and `unicode_of` gives it back."""
    if not _MARKED.search(text):
        return text
    if is_verbatim:
        return text.translate(_VERBATIM_ESCAPED)
    return _AT_LINE_START.sub("{@}", _LIGATURE.sub("{}", text.translate(_ESCAPED)))


_WORD = re.compile(r"\S+")
_CORE = re.compile(r"[^\W_](?:.*[^\W_])?", re.S)


def title_of(text: str) -> str:
    """A title as LaTeX, with the capitals in braces that must stay ones: styles of bibliographies
    set titles in lower case. A word with a capital after its first letter (MSC, mRNA, iPSC-derived)
    is such a one always; one with a capital at its beginning only where most words have none, since
    then the capital says that it is a name."""
    words = _WORD.findall(text)
    later = [w for w in words[1:] if w[:1].isalpha() and len(w) > 3]
    is_sentence = sum(w[0].isupper() for w in later) * 2 < len(later)
    begins = True
    out: list[str] = []
    at = 0
    for match in _WORD.finditer(text):
        out.append(latex_of(text[at : match.start()]))
        word = match[0]
        core = _CORE.search(word)
        has_capital = core is not None and any(c.isupper() for c in core[0][1:])
        is_name = core is not None and core[0][0].isupper() and is_sentence and not begins
        if core is not None and (has_capital or is_name):
            before, after = word[: core.start()], word[core.end() :]
            out += [latex_of(before), "{", _guarded(core[0]), "}", latex_of(after)]
        else:
            out.append(latex_of(word))
        begins = word[-1] in ":.?!–—"
        at = match.end()
    out.append(latex_of(text[at:]))
    # Hyphens of two words can meet only within one.
    return "".join(out)


def _guarded(text: str) -> str:
    written = latex_of(text)
    # A group that begins with a command is an accent to BibTeX, and protects nothing.
    return "{}" + written if written.startswith("\\") else written
