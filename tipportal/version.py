"""The version of the portal, as in pyproject.toml, which isn't part of an image."""

from __future__ import annotations

VERSION = "0.9.0"
