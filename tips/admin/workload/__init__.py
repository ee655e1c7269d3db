"""The pages of supervisors: who has what, moving an officer's tips, second looks."""

from __future__ import annotations

from tips.admin.workload.pages import urls

__all__ = ["urls"]
