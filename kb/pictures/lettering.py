"""How wide text is, and which characters can be shown. matplotlib is imported when first asked: it
takes longer than many commands do."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

# Comes with matplotlib, so that a picture is laid out alike on every machine.
FAMILY = "DejaVu Sans"
# For writing systems that the first family lacks, where a machine has one of these.
_OTHERS = (
    "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC",
    "Noto Sans JP", "Noto Sans KR", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "Droid Sans Fallback", "Microsoft YaHei", "PingFang SC",
    "Hiragino Sans", "Yu Gothic", "MS Gothic", "Malgun Gothic", "Apple SD Gothic Neo",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Nirmala UI", "Noto Sans Thai",
    "Leelawadee UI", "Arial Unicode MS", "Unifont",
)  # fmt: skip


@cache
def families() -> tuple[str, ...]:
    """The families that are looked through, in this order, for each character."""
    from matplotlib.font_manager import fontManager

    known = set(fontManager.get_font_names())
    return (FAMILY, *(name for name in _OTHERS if name in known))


@cache
def lettering(*, is_bold: bool = False) -> Any:
    """The lettering as matplotlib knows it."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(family=list(families()), weight="bold" if is_bold else "normal")


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Width of one line in points."""
    if not text:
        return 0.0
    from matplotlib.textpath import text_to_path

    # Measured large: in small sizes the outlines are rounded.
    properties = lettering(is_bold=is_bold).copy()
    properties.set_size(100)
    width, _, _ = text_to_path.get_text_width_height_descent(shown(text), properties, False)
    return float(width) * size / 100


def wrapped(text: str, width: float, size: float, *, is_bold: bool = False) -> list[str]:
    """The text in lines no wider than `width`, broken at plain spaces. A word that is wider is
    broken too."""
    lines: list[str] = []
    line = ""
    for word in filter(None, text.split(" ")):
        joined = f"{line} {word}".strip()
        if text_width(joined, size, is_bold=is_bold) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while text_width(line, size, is_bold=is_bold) > width and len(line) > 1:
            fits = len(line) - 1
            while fits > 1 and text_width(line[:fits], size, is_bold=is_bold) > width:
                fits -= 1
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line] if line or not lines else lines


@cache
def _has_font(character: str) -> bool:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = (findfont(FontProperties(family=[name])) for name in families())
    return any(ord(character) in get_font(font).get_charmap() for font in fonts)


def without_font(text: str) -> str:
    """The characters that no family on this machine can show, each once. An SVG keeps them as text,
    for the reader's own fonts; a PNG or PDF made here cannot."""
    return "".join(dict.fromkeys(c for c in text if not c.isascii() and not _has_font(c)))


def shown(text: str) -> str:
    """The text as a PNG or PDF made on this machine can show it: a box for what has no font."""
    missing = set(without_font(text)) if not text.isascii() else set()
    return "".join("□" if c in missing else c for c in text) if missing else text
