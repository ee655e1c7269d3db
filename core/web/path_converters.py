"""Writes codes that other people chose into paths: "North/South", "50% Hill" or "..", which browsers and proxies rewrite."""

from __future__ import annotations

import re

from django.urls import register_converter

_ESCAPED = re.compile(r"~([0-9A-F]{2})")
# Characters with a meaning in a path, even percent-encoded, to a server or proxy on the way; "~" because it escapes them.
_SPECIAL = re.compile(r"[/\\%?#;~]|^\.+$")


class CodeConverter:
    """Converts a code to one part of a path: "North/South" is "North~2FSouth". Codes of letters and digits stay unchanged."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)

    def to_url(self, value: str) -> str:
        return _SPECIAL.sub(lambda match: "".join(f"~{ord(character):02X}" for character in match[0]), value)


register_converter(CodeConverter, "code")
