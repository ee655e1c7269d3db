"""Clean text of characters that act instead of being read, and fold text for comparison.

Control characters can make a terminal, a printer or an export act. The embedding, override and isolate controls of
right-to-left text can show an officer something else than the text says ("Trojan Source", CVE-2021-42574). Each cleaning
function serves one kind of text: what people type, what staff publish, what officers read, and what goes into XML.
fold_text() serves every search, and every comparison of typed text with stored text.
"""

from __future__ import annotations

import re
import unicodedata

# Pieces of character classes. C0 keeps tab and line feed.
_C0_AND_C1 = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
_BYTE_ORDER_MARK = "\ufeff"
_NONCHARACTERS = "\ufffe\uffff"
_SURROGATES = "\ud800-\udfff"
_ANNOTATIONS_AND_TAGS = "\ufff9-\ufffb\U000e0000-\U000e007f"
# The plain marks of direction, and zero-width characters that join nothing (U+200C and U+200D do join).
_DIRECTION_MARKS = "\u200e\u200f"
_ZERO_WIDTH = "\u200b\u2060-\u2065\u206a-\u206f"

# Word's line break (VT), a page break (FF), NEL, and the separators of Unicode end a line; without them words would merge.
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Separators of old files; and C1 controls, which are Windows' dashes and quotation marks read in the wrong encoding. The other
# controls show nothing anywhere: a space in their place would cut a word in two.
_GAPS = re.compile("[\x1c-\x1f\x80-\x9f]")
_TYPED = re.compile(f"[{_C0_AND_C1}{_BIDI_CONTROLS}{_BYTE_ORDER_MARK}{_SURROGATES}{_NONCHARACTERS}]")
_PUBLISHED = re.compile(
    f"[{_C0_AND_C1}{_BIDI_CONTROLS}{_BYTE_ORDER_MARK}{_NONCHARACTERS}"
    f"{_DIRECTION_MARKS}{_ZERO_WIDTH}{_ANNOTATIONS_AND_TAGS}]"
)
_STEERING = re.compile(f"[{_C0_AND_C1}{_BIDI_CONTROLS}{_BYTE_ORDER_MARK}{_ANNOTATIONS_AND_TAGS}]")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Spacing accents that people type for an apostrophe or a quotation mark; NFKD would turn them into a space and a mark.
_SPACING_ACCENTS = {"\u00b4": "'", "\u0384": "'", "\u1fbd": "'", "\u1fbf": "'", "\u1ffd": "'", "\u02dd": '"'}
_SPACING_ACCENT = re.compile(f"[{''.join(_SPACING_ACCENTS)}]")
_APOSTROPHES = (
    "`\u02b9\u02bb-\u02bf\u02c8\u02ca\u02cb\u055a\u05f3\u07f4\u07f5\u2018-\u201b\u2032\u2035\u275b\u275c\ua78b\ua78c"
)
_QUOTES = "\u00ab\u00bb\u02ba\u05f4\u201c-\u201f\u2033\u2036\u275d\u275e\u300c-\u300f\u301d-\u301f"
_DASHES = "\u02d7\u2043\u2052\u2212\u2796"  # besides the category Pd
# Default-ignorable characters (Unicode 16, DerivedCoreProperties.txt) besides the category Cf: joiners, fillers, selectors.
_IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_LOOKALIKES = re.compile(
    f"(?P<apostrophe>[{_APOSTROPHES}])|(?P<quote>[{_QUOTES}])|(?P<dash>[{_DASHES}])|[{_IGNORABLE}]"
)
_PLAIN = {"apostrophe": "'", "quote": '"', "dash": "-", None: ""}
# Letters with a stroke or of two letters that Unicode does not decompose (CLDR, Latin-ASCII), after casefold().
_LETTERS = str.maketrans(
    {"æ": "ae", "ð": "d", "ø": "o", "þ": "th", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "œ": "oe", "ŧ": "t"}
)
_LETTER_MARKS = (
    0,
    7,
    8,
    9,
)  # combining classes whose marks make another letter: vowel signs, nukta, kana voicing, virama
# Runs of characters that may change. Most texts have few: str.translate() over the whole text would take three times as long.
_UNPLAIN = re.compile("[^ -_a-~]+")
_BY_CATEGORY = {"Cc": " ", "Cf": "", "Cs": "", "Me": "", "Pd": "-"}


def clean_typed_text(text: str) -> str:
    """Return `text` with "\\n" as its only line end and without control characters; never longer than before.

    What stood between words leaves a line end or a space, so that "ABC" and "123" never become one.

    For what residents and officers type, before anything else sees it. Direction marks (U+200E, U+200F) and joiners stay:
    Persian and Hebrew need them, and pages isolate every text with <bdi> or dir="auto".
    """
    return _TYPED.sub("", _GAPS.sub(" ", _LINE_ENDS.sub("\n", text)))


def clean_published_text(text: str) -> str:
    """Return `text` as clean_typed_text() does, and without anything invisible but joiners.

    For stories, events and guides, which go into pages, feeds and calendars.
    """
    return _PUBLISHED.sub("", _GAPS.sub(" ", _LINE_ENDS.sub("\n", text)))


def clean_published_line(text: str) -> str:
    """Return `text` as clean_published_text() does, on one line: for titles, names and summaries."""
    return clean_published_text(text).replace("\n", " ")


def show_steering(text: str) -> str:
    """Return `text` with each steering character written out, as [U+202E]; escaping is the template's.

    For what officers read: tips are cleaned on arrival, but text that was sealed by other means must not be able to show an
    officer something else than it says.
    """
    return _STEERING.sub(lambda match: f"[U+{ord(match[0]):04X}]", text.replace("\r\n", "\n"))


def replace_non_xml(text: str) -> str:
    """Return `text` with a space for each character that XML 1.0 cannot hold (its production 2, Char)."""
    return _NOT_IN_XML.sub(" ", text)


def fold_text(text: str) -> str:
    """Return `text` as searches and comparisons see it, however a phone, a word processor or a form wrote it.

    Without case (ß is ss), accents (é and ø are e and o), ligatures, full-width forms (NFKC) and invisible characters; every
    apostrophe is ', every quotation mark ", every dash -, and every run of spaces, line ends and controls one space, none at
    the ends. Fold both sides: the text and the query. The result is folded already: fold_text(fold_text(x)) == fold_text(x).
    """
    if text.isascii() and text.isprintable():  # 10 times as fast, for the million names of an import
        return " ".join(text.replace("`", "'").lower().split())
    text = _SPACING_ACCENT.sub(lambda match: _SPACING_ACCENTS[match[0]], text)
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = _UNPLAIN.sub(lambda match: match[0].translate(_FOLDS), text)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _fold_character(character: str) -> str:
    if " " <= character <= "~" and character != "`":
        return character
    if unicodedata.combining(character) not in _LETTER_MARKS:
        return ""
    if match := _LOOKALIKES.match(character):
        return _PLAIN[match.lastgroup]
    return _BY_CATEGORY.get(unicodedata.category(character), character).translate(_LETTERS)


class _Folds(dict[int, str]):
    """Table for str.translate(): the folded form of each character of decomposed, casefolded text, by its code.

    The characters of European languages are computed once: a text with a single typographic apostrophe folds five times as fast.
    All others are computed each time, so that a visitor's rare letters leave no trace in the memory of the process.
    """

    def __missing__(self, code: int) -> str:
        return _fold_character(chr(code))


_FOLDS = _Folds((code, _fold_character(chr(code))) for code in (*range(0x530), *range(0x2000, 0x2070)))
