"""The pages of officers who write tips for callers and visitors."""

from __future__ import annotations

from tips.admin.callers.pages import urls

__all__ = ["urls"]
