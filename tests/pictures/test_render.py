"""One drawing, three formats: readable, described and the same every time."""

from __future__ import annotations

import io

import pytest
from lxml import etree
from PIL import Image

from kb.errors import InvalidInput
from kb.pictures.drawing import Drawing, Sheet, fitted, plain
from kb.pictures.lettering import text_width, wrapped
from kb.pictures.render import characters_without_font, render

SVG = "{http://www.w3.org/2000/svg}"


def a_drawing(*labels: str, width: float = 200, height: float = 100) -> Drawing:
    sheet = Sheet()
    for place, label in enumerate(labels or ("Iacobaeus 2019",)):
        sheet.text(10, 20 + 12 * place, label)
    sheet.line((10, 60), (190, 60), dash=(2, 2))
    sheet.box(20, 64, 10, 10, fill="#35618f", stroke="#000000")
    sheet.disc(60, 70, 5, stroke="#000000", dash=(1, 1))
    return sheet.drawn(width, height, title="Relapse", description="One study: 0.5.")


def svg_of(drawing: Drawing) -> etree._Element:
    return etree.fromstring(render(drawing, "svg"))


@pytest.mark.parametrize("format", ["svg", "pdf", "png"])
def test_the_same_drawing_gives_the_same_bytes(format):
    assert render(a_drawing(), format) == render(a_drawing(), format)


@pytest.mark.parametrize(
    ("format", "magic"),
    [("svg", b"<svg "), ("pdf", b"%PDF-"), ("png", b"\x89PNG\r\n")],
)
def test_each_format_is_what_it_says(format, magic):
    assert render(a_drawing(), format).startswith(magic)


def test_an_svg_is_an_image_with_a_title_and_a_description():
    root = svg_of(a_drawing())
    named = (root.get("aria-labelledby") or "").split()
    assert root.get("role") == "img"
    assert [root[0].get("id"), root[1].get("id")] == named
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
    assert root.findtext(f"{SVG}title") == "Relapse"
    assert root.findtext(f"{SVG}desc") == "One study: 0.5."


def test_two_svgs_in_one_page_have_different_ids():
    first, second = svg_of(a_drawing("A")), svg_of(a_drawing("B"))
    assert first.get("aria-labelledby") != second.get("aria-labelledby")


def test_text_of_an_svg_stays_text_whatever_it_holds():
    labels = ["Ωmega <b> & 'x' $y$", "研究 2020", "עברית", "J\u00f8rgensen"]
    root = svg_of(a_drawing(*labels))
    assert [element.text for element in root.iter(f"{SVG}text")] == labels


def test_an_svg_shows_in_pages_that_forbid_inline_styles_and_fetches_nothing():
    body = render(a_drawing(), "svg").decode()
    assert "style" not in body
    assert body.count("http") == 1  # the namespace


def test_what_no_xml_can_hold_becomes_a_space():
    assert plain("a\x00b\ud800c\nd  e") == "a b c d e"
    svg_of(a_drawing("a\x00\x0b\ufffe\ud800b"))


def test_a_pdf_embeds_its_letters_and_says_what_it_shows():
    body = render(a_drawing(), "pdf")
    assert b"/FontFile2" in body  # TrueType, so that text can be searched and copied
    assert b"/Title (Relapse)" in body
    assert b"/Subject (One study: 0.5.)" in body
    assert b"CreationDate" not in body
    assert b"[ 0 0 200 100 ]" in body


@pytest.mark.parametrize(("dpi", "size"), [(300, (833, 416)), (72, (200, 100))])
def test_a_png_has_the_dots_asked_for_and_says_what_it_shows(dpi, size):
    image = Image.open(io.BytesIO(render(a_drawing(), "png", dpi=dpi)))
    assert image.size == size
    assert image.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
    assert image.info["Title"] == "Relapse"
    assert image.info["Description"] == "One study: 0.5."


def test_the_description_of_a_png_is_unicode_text():
    sheet = Sheet()
    sheet.text(10, 20, "x")
    drawing = sheet.drawn(50, 50, title="τ²", description="I² = 92%; 研究")
    body = render(drawing, "png")
    assert b"iTXt" in body
    assert Image.open(io.BytesIO(body)).info["Description"] == "I² = 92%; 研究"


def test_a_letter_without_a_font_is_told_and_never_stops_the_picture():
    drawing = a_drawing("\U00012000 \U00012001 tablets")  # cuneiform
    missing = characters_without_font(drawing)
    assert missing in ("", "\U00012000\U00012001")  # some machines have it
    for format in ("png", "pdf"):
        render(drawing, format)


@pytest.mark.parametrize(
    ("format", "height", "dpi", "says"),
    [
        pytest.param("png", 20_000, 300, "SVG or PDF would do", id="too many dots"),
        pytest.param("pdf", 20_000, 300, "SVG would do", id="page too long"),
        pytest.param("png", 100, 5, "expected 50 to 1200", id="too coarse"),
        pytest.param("gif", 100, 300, "known: svg, pdf, png", id="no such format"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_can(format, height, dpi, says):
    with pytest.raises(InvalidInput, match=says):
        render(a_drawing(height=height), format, dpi=dpi)


def test_a_persons_own_matplotlib_settings_change_nothing(monkeypatch):
    import matplotlib

    before = render(a_drawing(), "png", dpi=100)
    with matplotlib.rc_context({"font.size": 30, "text.color": "red", "lines.linewidth": 9}):
        assert render(a_drawing(), "png", dpi=100) == before


def test_lines_break_at_spaces_and_words_only_where_they_must():
    lines = wrapped("Uccelli 2021 mesenchymal stromal cells", 80, 8)
    assert " ".join(lines) == "Uccelli 2021 mesenchymal stromal cells"
    assert all(text_width(line, 8) <= 80 for line in lines)
    broken = wrapped("x" * 100, 80, 8)
    assert "".join(broken) == "x" * 100
    assert len(broken) > 1


def test_a_no_break_space_holds():
    assert wrapped("Records (n\u00a0=\u00a03)", 40, 8)[-1] == "(n\u00a0=\u00a03)"


def test_what_does_not_fit_ends_with_an_ellipsis():
    assert fitted("short", 100, 8) == "short"
    cut = fitted("a very long name of an outcome", 60, 8)
    assert cut.endswith("…")
    assert text_width(cut, 8) <= 60
