"""What is done to everything a person types, before anything else sees it.

Text keeps its letters, line ends and tabs. Control characters go: they do nothing for a reader, and some of them make a
terminal, a printer or an export do things. The embedding, override and isolate controls of right-to-left text go too:
with them a text can show an officer something else than it says ("Trojan Source", CVE-2021-42574). The plain marks
(U+200E, U+200F) and joiners stay, Persian and Hebrew need them; pages isolate every text with <bdi> or dir="auto".
"""

from __future__ import annotations

import re

_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")


def cleaned(text: str) -> str:
    """`text` with "\\n" as its only line end and without control characters; never longer than before."""
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
