"""Style sheets follow the rules of the visual language, and form templates the order of label, hint and control."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from crispy_forms.utils import render_crispy_form
from django import forms
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage

from core.web import contrast

STYLES = settings.BASE_DIR / "static" / "css"
SHEETS = sorted(STYLES.glob("*.css"))
PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border)-(?:left|right|top|bottom)|left|right|top|bottom|width|height|(?:min|max)-(?:width|height))\s*:"
)


class SampleForm(forms.Form):
    kind = forms.ChoiceField(
        label="Kind", help_text="The closest", choices=[("a", "Apple"), ("b", "Bear")], widget=forms.RadioSelect
    )
    text = forms.CharField(label="Text", help_text="Your <own> words", widget=forms.Textarea)
    plate = forms.CharField(label="Plate", required=False)
    sure = forms.BooleanField(label="Sure")


def rules(css: str) -> str:
    """Return the style sheet without comments and media query conditions, which have no logical properties."""
    return re.sub(r"/\*.*?\*/|@media[^{]*", "", css, flags=re.DOTALL)


def test_style_sheets_use_logical_properties() -> None:
    for sheet in SHEETS:
        assert PHYSICAL.findall(rules(sheet.read_text())) == [], (
            f"{sheet.name}: right-to-left needs inline-start, inline-size and the like"
        )


def test_colors_appear_only_in_the_tokens() -> None:
    for sheet in SHEETS:
        css = re.sub(r"@layer tokens \{.*?\n\}", "", rules(sheet.read_text()), flags=re.DOTALL)
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*[;}])|rgba?\(|hsla?\(", css) == [], sheet.name


def test_the_portals_colors_have_enough_contrast() -> None:
    assert list(contrast.find_faint_pairs(contrast.STYLES.read_text())) == []


@pytest.mark.parametrize(
    ("token", "color", "pair"),
    [
        ("--action: #1450a0", "#7fb0e6", "--on-action on --action"),
        ("--gold: #f2b632", "#6b5200", "--gold-ink on --gold"),
        ("--navy2: #163260", "#8aa4d0", "--on-navy on --navy2"),
    ],
)
def test_refuses_a_brand_color_without_enough_contrast(
    token: str, color: str, pair: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    css = contrast.STYLES.read_text()
    assert token in css
    changed = tmp_path / "common.css"
    changed.write_text(css.replace(token, f"{token.split(':', maxsplit=1)[0]}: {color}", 1))
    monkeypatch.setattr(contrast, "STYLES", changed)
    assert any(pair in message.msg for message in contrast.check_contrast())


def test_contrast_follows_wcag() -> None:
    assert contrast.contrast_ratio("#000", "#ffffff") == pytest.approx(21)
    assert contrast.contrast_ratio("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


def test_style_sheets_of_a_tip_page_stay_under_nine_kilobytes() -> None:
    sheets = [STYLES / name for name in ("common.css", "portal.css", "forms.css", "tips.css")]
    assert sum(len(gzip.compress(sheet.read_bytes(), 9)) for sheet in sheets) < 9_000


def test_every_page_loads_the_files_that_any_page_for_sources_needs() -> None:
    """A browser's cache must not tell who has sent a tip; the files of the map and of the home page tell of visits there."""
    templates = settings.BASE_DIR / "templates"
    needed = {
        name
        for folder in ("tips", "pages", "partials", "outreach")
        for page in [*(templates / folder).rglob("*.html"), *templates.glob("*.html")]
        for name in re.findall(r"{% static '((?:js|css)/[^']+)' %}", page.read_text())
    }
    same = (templates / "partials" / "same_files.html").read_text()
    assert {name for name in needed if f"'{name}'" not in same} == {
        "css/common.css",
        "css/portal.css",
        "css/map.css",
        "css/front.css",
        "css/place-search.css",
        "js/place-suggestions.js",
    }


def test_hint_and_error_are_between_label_and_control() -> None:
    page = render_crispy_form(SampleForm({"plate": "x"}))
    field = page[page.index('id="div_id_text"') : page.index('id="div_id_plate"')]
    places = [field.index(part) for part in ("<label", "id_text_helptext", "id_text_error", "<textarea")]
    assert places == sorted(places)
    assert 'aria-describedby="id_text_helptext id_text_error"' in field
    assert 'aria-invalid="true"' in field
    assert "Your &lt;own&gt; words" in field


def test_a_group_is_described_as_a_whole() -> None:
    page = render_crispy_form(SampleForm({}))
    group = page[page.index("<fieldset") : page.index("</fieldset>")]
    assert 'aria-describedby="id_kind_helptext id_kind_error"' in group
    assert group.index("<legend") < group.index('id="id_kind_error"') < group.index('type="radio"')


def test_only_optional_fields_are_marked() -> None:
    page = render_crispy_form(SampleForm())
    assert page.count("(optional)") == 1
    assert "*" not in page
    assert "style=" not in page


def test_the_summary_links_each_field_with_an_error() -> None:
    page = render_crispy_form(SampleForm({}))
    summary = page[: page.index("</section>")]
    targets = re.findall(r'href="#([\w]+)"', summary)
    assert targets == ["id_kind_0", "id_text", "id_sure"]
    assert all(f'id="{target}"' in page for target in targets)
    assert 'role="alert"' in summary


def test_a_correct_form_has_no_summary() -> None:
    assert "There is a problem" not in render_crispy_form(SampleForm())


def test_modules_import_each_other_under_hashed_names() -> None:
    collected = Path(staticfiles_storage.path(staticfiles_storage.stored_name("js/leave.js"))).read_text()
    assert re.search(r'from "\./clear-fields\.[0-9a-f]{12}\.js"', collected)
