"""From a drawing to bytes: SVG, PDF or PNG. The same drawing gives the same bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, Literal
from xml.sax.saxutils import escape, quoteattr

from kb.errors import InvalidInput
from kb.pictures.drawing import Anchor, Disc, Drawing, Line, Mark, Shape, Text
from kb.pictures.lettering import FAMILY, lettering, shown, without_font

Format = Literal["svg", "pdf", "png"]
MEDIA_TYPES: Final[dict[str, str]] = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
}
PRINT_DPI: Final = 300
# Verdana has nearly the widths of DejaVu Sans and is there where that is not.
_SVG_FAMILIES: Final = f"{FAMILY}, Verdana, Geneva, sans-serif"
# A page of PDF is at most 200 inches long (ISO 32000-1, annex C), and an image that takes more
# memory than this is no use to a reader.
_LONGEST_PDF: Final = 14_400
_MOST_PIXELS: Final = 120_000_000


def render(drawing: Drawing, format: Format, *, dpi: int = PRINT_DPI) -> bytes:
    """The drawing as a file. `dpi` is that of a PNG; SVG and PDF have none.

    Raises InvalidInput for a format there is not, and for a drawing too long for the one asked.
    """
    if format not in _WRITERS:
        raise InvalidInput(f"no picture format {format!r} (known: {', '.join(MEDIA_TYPES)})")
    return _WRITERS[format](drawing, dpi)


def characters_without_font(drawing: Drawing) -> str:
    """What a PDF or PNG of it made on this machine shows as boxes; see `lettering.without_font`."""
    return without_font("".join(m.text for m in drawing.marks if isinstance(m, Text)))


# -- SVG -----------------------------------------------------------------------------------------


def _svg(drawing: Drawing, _: int) -> bytes:
    # Attributes, not styles: a page that forbids inline styles still shows it in colour. Ids are
    # made from the content, so that two pictures can stand in one page.
    body = "\n".join(map(_svg_mark, drawing.marks))
    tag = hashlib.sha256((drawing.title + drawing.description + body).encode()).hexdigest()[:10]
    width, height = _number(drawing.width), _number(drawing.height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="title-{tag} description-{tag}">\n'
        f'<title id="title-{tag}">{escape(drawing.title)}</title>\n'
        f'<desc id="description-{tag}">{escape(drawing.description)}</desc>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        f'<g font-family="{_SVG_FAMILIES}" stroke-linejoin="miter">\n{body}\n</g>\n</svg>\n'
    ).encode()


def _svg_mark(mark: Mark) -> str:
    if isinstance(mark, Text):
        return _svg_text(mark)
    if isinstance(mark, Line):
        return (
            f'<polyline points="{_points(mark.points)}" fill="none"'
            f"{_stroke(mark.colour, mark.width, mark.dash)}/>"
        )
    if isinstance(mark, Shape):
        return (
            f'<polygon points="{_points(mark.points)}" fill="{mark.fill or "none"}"'
            f"{_stroke(mark.stroke, mark.width)}/>"
        )
    return (
        f'<circle cx="{_number(mark.x)}" cy="{_number(mark.y)}" r="{_number(mark.radius)}" '
        f'fill="{mark.fill or "none"}"{_stroke(mark.stroke, mark.width, mark.dash)}/>'
    )


def _svg_text(mark: Text) -> str:
    x, y = _number(mark.x), _number(mark.y)
    return (
        f'<text x="{x}" y="{y}" font-size="{_number(mark.size)}" fill={quoteattr(mark.colour)}'
        + (f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else "")
        + (' font-weight="bold"' if mark.is_bold else "")
        + (f' transform="rotate({_number(-mark.angle)} {x} {y})"' if mark.angle else "")
        + f">{escape(mark.text)}</text>"
    )


def _stroke(colour: str | None, width: float, dash: tuple[float, float] | None = None) -> str:
    if colour is None:
        return ""
    dashes = f' stroke-dasharray="{_number(dash[0])} {_number(dash[1])}"' if dash else ""
    return f' stroke="{colour}" stroke-width="{_number(width)}"{dashes}'


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    said = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if said == "-0" else said


# -- PDF and PNG ---------------------------------------------------------------------------------


@cache
def _prepared() -> None:
    """A person's own matplotlib settings must not change the picture."""
    import matplotlib

    matplotlib.rcdefaults()
    matplotlib.rcParams["pdf.fonttype"] = 42  # embedded TrueType: text stays text
    matplotlib.rcParams["text.hinting"] = "none"  # letters as wide as they were measured


def _figure(drawing: Drawing, dpi: int) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

    _prepared()
    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), dpi=dpi, facecolor="white")
    to_inches = Affine2D().scale(1 / 72, -1 / 72).translate(0, drawing.height / 72)
    place = to_inches + figure.dpi_scale_trans
    for number, mark in enumerate(drawing.marks):
        artist = _artist(mark)
        artist.set_transform(place)
        artist.set_zorder(number)
        figure.add_artist(artist)
    return figure


_ALIGNMENT: Final[dict[Anchor, Literal["left", "center", "right"]]] = {
    "start": "left",
    "middle": "center",
    "end": "right",
}


def _artist(mark: Mark) -> Any:
    from matplotlib import lines, patches, text

    if isinstance(mark, Text):
        properties = lettering(is_bold=mark.is_bold).copy()
        properties.set_size(mark.size)
        return text.Text(
            mark.x,
            mark.y,
            shown(mark.text),
            color=mark.colour,
            fontproperties=properties,
            horizontalalignment=_ALIGNMENT[mark.anchor],
            verticalalignment="baseline",
            rotation=mark.angle,
            rotation_mode="anchor",
            parse_math=False,  # a dollar sign in a label is a dollar sign
        )
    if isinstance(mark, Line):
        xs, ys = zip(*mark.points, strict=True)
        return lines.Line2D(
            xs,
            ys,
            color=mark.colour,
            linewidth=mark.width,
            linestyle=_dashes(mark.dash, mark.width),
            solid_capstyle="butt",
            dash_capstyle="butt",
            solid_joinstyle="miter",
        )
    paint = {
        "facecolor": mark.fill or "none",
        "edgecolor": mark.stroke or "none",
        "linewidth": mark.width if mark.stroke else 0,
    }
    if isinstance(mark, Disc):
        dashes = _dashes(mark.dash, mark.width)
        return patches.Circle((mark.x, mark.y), mark.radius, linestyle=dashes, **paint)
    return patches.Polygon(mark.points, closed=True, joinstyle="miter", **paint)


def _dashes(dash: tuple[float, float] | None, width: float) -> Any:
    # matplotlib counts dashes in line widths.
    return (0, (dash[0] / width, dash[1] / width)) if dash else "solid"


def _pdf(drawing: Drawing, dpi: int) -> bytes:
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    if max(drawing.width, drawing.height) > _LONGEST_PDF:
        raise InvalidInput(
            f"a PDF page is at most {_LONGEST_PDF / 72:.0f} inches long and this picture needs "
            f"{max(drawing.width, drawing.height) / 72:.0f}; SVG would do"
        )
    written = io.BytesIO()
    canvas: Any = FigureCanvasPdf(_figure(drawing, 72))
    canvas.print_pdf(
        written,
        metadata={
            "Title": drawing.title,
            "Subject": drawing.description,
            "Creator": None,
            "Producer": None,
            "CreationDate": None,
        },
    )
    return written.getvalue()


def _png(drawing: Drawing, dpi: int) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if not 50 <= dpi <= 1200:
        raise InvalidInput(f"{dpi} dots per inch is no use (expected 50 to 1200, 300 for print)")
    pixels = drawing.width * drawing.height * (dpi / 72) ** 2
    longest = max(drawing.width, drawing.height) * dpi / 72
    if pixels > _MOST_PIXELS or longest >= 2**16:
        raise InvalidInput(
            f"too large for a PNG at {dpi} dots per inch: {pixels / 1e6:.0f} megapixels; "
            "SVG or PDF would do, or fewer dots"
        )
    canvas: Any = FigureCanvasAgg(_figure(drawing, dpi))
    canvas.draw()
    width, height = canvas.get_width_height()
    image = Image.frombuffer("RGBA", (width, height), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    about = PngInfo()
    about.add_itxt("Title", drawing.title, lang="en")
    about.add_itxt("Description", drawing.description, lang="en")
    written = io.BytesIO()
    image.convert("RGB").save(written, "PNG", dpi=(dpi, dpi), pnginfo=about)
    return written.getvalue()


_WRITERS: Final[dict[str, Callable[[Drawing, int], bytes]]] = {
    "svg": _svg,
    "pdf": _pdf,
    "png": _png,
}
