"""Storage of static files: names with a hash of the content, compressed in advance, our own without their comments."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

# A fifth of what a compressed script weighs over Tor. Only whole lines go: a "//" or "/*" further right may be part of a text.
_COMMENTS = {
    ".js": re.compile(r"^[ \t]*(?://.*|/\*(?s:.*?)\*/[ \t]*)\n", re.MULTILINE),
    ".css": re.compile(r"[ \t]*/\*.*?\*/", re.DOTALL),
}


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Also rewrite `import` lines of our ES modules to hashed names, so that a module never imports another version.

    Other projects' files (`admin/`, `leaflet/`) keep their comments, which have their licenses.
    """

    support_js_module_import_aggregation = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._addresses: dict[str, str] = {}

    def url(self, name: str, force: bool = False) -> str:
        """Return a file's address, which stays the same while the process runs: a page names dozens, a tenth of its cost."""
        if force:
            return str(super().url(name, force))
        address = self._addresses.get(name)
        if address is None:
            address = self._addresses[name] = super().url(name)
        return address

    def _save(self, name: str, content: Any) -> str:
        folder, _, file_name = name.partition("/")
        comments = _COMMENTS.get("." + file_name.rpartition(".")[2])
        if comments and folder in {"js", "css"}:
            content.seek(0)
            content = ContentFile(comments.sub("", content.read().decode()).encode())
        saved: str = super()._save(name, content)
        return saved

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Hash what was saved, not the sources: a file's name changes with the bytes that browsers get."""
        return super().post_process({path: (self, path) for path in paths}, *args, **options)
