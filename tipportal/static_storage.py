"""Storage of static files: names with a hash of the content, compressed in advance."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Also rewrite `import` lines of our ES modules to hashed names, so that a module never imports another version."""

    support_js_module_import_aggregation = True
