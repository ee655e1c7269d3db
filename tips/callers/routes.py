"""The ways on which a tip reaches the agency."""

from __future__ import annotations

import enum


class TipRoute(enum.IntEnum):
    """The way a tip came: its source wrote it, or an officer wrote it for a caller or for a visitor. The numbers are in tokens."""

    WEB = 0
    PHONE = 1
    COUNTER = 2

    @property
    def slug(self) -> str:
        """Return the name that a sealed report has for the route."""
        return self.name.lower()
