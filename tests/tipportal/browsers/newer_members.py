"""Print newer_members.txt: members of the web platform that at least one browser of .browserslistrc lacks.

    npm pack @mdn/browser-compat-data && tar xzf mdn-*.tgz
    python -m tests.tipportal.browsers.newer_members package/data.json > tests/tipportal/browsers/newer_members.txt

A name that an interface of the list below had before counts as old: the name alone does not tell the interface.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
# Interfaces whose objects our scripts handle.
INTERFACES = re.compile(
    "AbortController|AbortSignal|Array|Blob|CSSStyleDeclaration|Clipboard|Crypto|DOMParser|DOMRect|DOMTokenList|Document"
    "|DocumentFragment|Element|Event|EventTarget|File|FileList|FormData|HTML.*|Headers|History|ImageBitmap|InputEvent"
    "|IntersectionObserver|JSON|KeyboardEvent|Location|Map|Math|MediaQueryList|MouseEvent|MutationObserver|Navigator|Node|NodeList"
    "|Number|Object|PointerEvent|Promise|RadioNodeList|Range|RegExp|Request|ResizeObserver|Response|SVG.*|Selection|Set"
    "|ShadowRoot|Storage|String|SubmitEvent|Text|TouchEvent|URL|URLSearchParams|UIEvent|WeakMap|WeakSet|WheelEvent|Window"
    "|XMLHttpRequest|XMLHttpRequestUpload"
)


def oldest_versions() -> dict[str, tuple[int, ...]]:
    lines = (ROOT / ".browserslistrc").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" >= ") for line in lines if ">=" in line and not line.startswith("#"))
    return {name: _parse_version(version) for name, version in pairs}


def _parse_version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.strip().lstrip("≤").split("."))


def find_newer_members(data: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of members that are new wherever they occur, each with its interfaces."""
    found: dict[str, list[tuple[bool, str]]] = {}
    for interface, name, support in _members(data):
        found.setdefault(name, []).append((_is_missing_somewhere(support), interface))
    return {
        name: sorted({interface for _, interface in places})
        for name, places in found.items()
        if all(is_new for is_new, _ in places)
    }


def _members(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for interface, members in {**data["api"], **data["javascript"]["builtins"]}.items():
        if INTERFACES.fullmatch(interface):
            for key, member in members.items():
                name = key.removesuffix("_static")
                if re.fullmatch(r"[A-Za-z]\w*", name) and not name.endswith("_event") and "__compat" in member:
                    yield interface, name, member["__compat"]["support"]


def _is_missing_somewhere(support: dict[str, Any]) -> bool:
    for browser in ("chrome", "firefox", "safari"):  # the others share an engine with these
        statements = support.get(browser, {})
        first = statements[0] if isinstance(statements, list) else statements
        added = first.get("version_added")
        if not added or added == "preview" or first.keys() & {"flags", "prefix", "alternative_name"}:
            return True
        if _parse_version(added) > oldest_versions()[browser]:
            return True
    return False


if __name__ == "__main__":
    print("# Made by newer_members.py from @mdn/browser-compat-data (CC0 1.0): name, then the interfaces that have it.")
    for name, interfaces in sorted(find_newer_members(json.loads(Path(sys.argv[1]).read_text())).items()):
        print(name, *interfaces)
