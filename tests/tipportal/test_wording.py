"""Sentences on pages, in mails and in the admin use plain words (docs/style.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from django.conf import settings
from django.template import engines
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

PACKAGES = ("core", "tips", "crimemap", "outreach", "file_cleaning", "tipportal")
GETTEXT = re.compile(r"_|u?n?p?gettext(_lazy|_noop)?|np?gettext(_lazy)?")
# Words that readers stumble over, with plain ones for them.
PLAIN_WORDS = {
    r"await(s|ing)?": "is waiting",
    r"anew|afresh": "again",
    r"whoever|whosoever": "anyone who, the person who",
    r"somebody|anybody|everybody": "someone, anyone, everyone",
    r"of which|of whom|whom": "a sentence of its own",
    r"at this moment": "right now",
    r"in no number": "not counted",
    r"looks? (into|among)": "check",
    r"tells? of|told of|(is|are|be) told": "mentions; gets an email, sees",
    r"any more": "no longer",
    r"all the same": "anyway",
    r"beside": "next to",
    r"e-mails?": "email",
    r"becomes? of|became of": "happened with",
    r"cancelled|colou?red? of|colours?|centres?|offences?|metres?|neighbours?|licence": "American spelling",
    r"first page": "home page, or its name",
    r"(cannot|can't|could not|couldn't|was not|wasn't|not) (be )?taken": "accepted, processed, saved",
    r"takes? (it|this|them) only once": "it won't be sent twice",
    r"mend(s|ed|ing)?": "fix",
    r"slips?": "typo, mistake",
    r"leads? nowhere": "has expired",
    r"trousers|autumn|parcels?|holidays?|flats?": "American words: pants, fall, packages, vacation, apartments",
}
# Sentences that need such a word, by a part of them, with the reason.
EXCEPTIONS = {
    "slip of paper": "a piece of paper",
    "A slip with seven words": "a piece of paper",
}


def sentences_in_code() -> Iterator[tuple[str, str]]:
    """Yield each message passed to gettext, with its place."""
    for path in (path for package in PACKAGES for path in sorted((settings.BASE_DIR / package).rglob("*.py"))):
        code = path.read_text(encoding="utf-8")
        # Most modules say nothing, and to parse them all takes seconds.
        for node in ast.walk(ast.parse(code)) if "gettext" in code else ():
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if GETTEXT.fullmatch(name):
                for argument in node.args["pgettext" in name :]:  # without its context
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield f"{path.relative_to(settings.BASE_DIR)}:{argument.lineno}", argument.value


def sentences_in_templates() -> Iterator[tuple[str, str]]:
    """Yield each message of the templates' translation tags, with the template."""
    folder = settings.BASE_DIR / "templates"
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        nodes = engines["django"].get_template(name).template.nodelist
        for node in nodes.get_nodes_by_type(TranslateNode):
            yield name, str(node.filter_expression.var)
        for node in nodes.get_nodes_by_type(BlockTranslateNode):
            for tokens in (node.singular, node.plural):
                yield name, node.render_token_list(tokens)[0] if tokens else ""


def find_dropped_words(sentence: str) -> list[str]:
    if any(part in sentence for part in EXCEPTIONS):
        return []
    return [
        f"“{found[0]}” ({plain})"
        for pattern, plain in PLAIN_WORDS.items()
        if (found := re.search(rf"\b(?:{pattern})\b", sentence, re.IGNORECASE))
    ]


def test_sentences_use_plain_words() -> None:
    sentences = [*sentences_in_code(), *sentences_in_templates()]
    assert len(sentences) > 1500
    found = [f"{place}: {words} in: {text}" for place, text in sentences for words in find_dropped_words(text)]
    assert found == [], "\n".join(found)


def test_dialect_is_found() -> None:
    assert len(find_dropped_words("Whoever awaits an e-mail is told.")) == 4
    assert find_dropped_words("Anyone who is waiting gets an email.") == []
