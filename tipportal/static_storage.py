"""Static files under names that carry their content's hash, compressed ahead of time."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites `import` lines of our ES modules to the hashed names, so that a module and what it imports never mix versions."""

    support_js_module_import_aggregation = True
