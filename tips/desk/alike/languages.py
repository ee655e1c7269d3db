"""Guesses the language of a text by its script, and in Latin script by its most frequent words.

It is worked out from an opened report and kept in memory: a language in the database would tell two sources apart who are alike
in everything else. Trained models name more languages from less text, but py3langid 0.4 takes 105 MB of each process and
three seconds to load; what an officer needs to know is whether they can read a report.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, str | Promise] = {
    "am": _("Amharic"),
    "ar": _("Arabic"),
    "bn": _("Bengali"),
    "zh": _("Chinese"),
    "en": _("English"),
    "fr": _("French"),
    "de": _("German"),
    "el": _("Greek"),
    "gu": _("Gujarati"),
    "ht": _("Haitian Creole"),
    "he": _("Hebrew"),
    "hi": _("Hindi"),
    "hy": _("Armenian"),
    "it": _("Italian"),
    "ja": _("Japanese"),
    "km": _("Khmer"),
    "ko": _("Korean"),
    "lo": _("Lao"),
    "my": _("Burmese"),
    "fa": _("Persian"),
    "pl": _("Polish"),
    "pt": _("Portuguese"),
    "pa": _("Punjabi"),
    "ru": _("Russian"),
    "so": _("Somali"),
    "es": _("Spanish"),
    "tl": _("Tagalog"),
    "ta": _("Tamil"),
    "te": _("Telugu"),
    "th": _("Thai"),
    "uk": _("Ukrainian"),
    "ur": _("Urdu"),
    "vi": _("Vietnamese"),
}
# Unicode names of letters begin with their script.
_SCRIPTS = {
    "ETHIOPIC": "am",
    "ARABIC": "ar",
    "BENGALI": "bn",
    "CJK": "zh",
    "GREEK": "el",
    "GUJARATI": "gu",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "ARMENIAN": "hy",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "KHMER": "km",
    "HANGUL": "ko",
    "LAO": "lo",
    "MYANMAR": "my",
    "GURMUKHI": "pa",
    "CYRILLIC": "ru",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
# Letters that one language of a script has and the others don't.
_LETTERS = {"ru": (("uk", "іїєґ"),), "ar": (("ur", "ٹڈڑے"), ("fa", "پچژگ"))}
_WORDS = {
    "en": "the and is are was a of to in on he she they his her with from at my this that there it has have for by who you "
    "been near every man men someone not but out car house",
    "es": "el la los las un una de del que y en es está están con por para su sus se no lo al como más pero hay muy mi hombre dos hombres mujer "
    "calle casa tiene vende droga unos desde cada anda",
    "fr": "le la les un une des du de et est sont dans avec pour par sur il elle ils qui que pas ce cette au aux je mon sa "
    "ses rue homme hommes chez tous",
    "pt": "o a os as um uma de do da dos das que e em no na nos com por para não está estão seu sua ele ela eles mas tem "
    "muito homem rua vende carro uns",
    "it": "il lo la gli le un una di del della che e è sono in con per non si nel nella da suo sua loro ma ha uomo strada "
    "ogni vicino",
    "de": "der die das und ist sind ein eine einen mit von vor auf in im den dem des er sie es nicht zu bei auch jeden mein "
    "haus straße mann männer hat",
    "pl": "i w na z że jest są to nie się do od po przy za jego jej ma mężczyzna ulicy dom przed ale który",
    "tl": "ang ng mga sa na ay si may at ko niya sila siya po hindi kay nila lalaki bahay dito doon nagbebenta",
    "ht": "yon nan ap ak pou li yo mwen gen se ki sou pa te moun kay lari nèg nou de",
    "so": "waa iyo ka ku in oo uu ay nin waxaa guriga la laakiin wuxuu ayaa leh kula",
    "vi": "có là và của trong người ông một những ở nhà đang không bán cho với này tôi đường xe",
}
_WORDS_OF = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_MAX_WORDS = 80
_LEAST_KNOWN = 2


def guess(text: str) -> str:
    """Return the code of a text's language, a key of NAMES; "" for one that is too short or mixed to say."""
    words = _WORD.findall(text[: 10 * _MAX_WORDS].lower())[:_MAX_WORDS]
    scripts = Counter(filter(None, (_find_script(letter) for word in words for letter in word)))
    if not scripts:
        return ""
    script = scripts.most_common(1)[0][0]
    if "ja" in scripts:
        return "ja"
    if script != "latin":
        found = set("".join(words))
        return next((code for code, letters in _LETTERS.get(script, ()) if found & set(letters)), script)
    known = Counter({code: sum(word in its_words for word in words) for code, its_words in _WORDS_OF.items()})
    (first, most), (_second, second_most) = known.most_common(2)
    return first if most >= _LEAST_KNOWN and most > second_most else ""


def own_language() -> str:
    """Return the code of the desk's own language; English if that isn't one of NAMES."""
    code = settings.LANGUAGE_CODE.partition("-")[0]
    return code if code in NAMES else "en"


def describe_foreign(code: str) -> str:
    """Return a language in words, "" for the desk's own and an unknown one."""
    return "" if code in ("", own_language()) else str(NAMES[code])


def _find_script(letter: str) -> str:
    if letter.isascii():
        return "latin"
    script = unicodedata.name(letter, "").partition(" ")[0]
    return "latin" if script == "LATIN" else _SCRIPTS.get(script, "")
