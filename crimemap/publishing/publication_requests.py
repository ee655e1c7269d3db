"""Requests to the bulk worker to publish the stored incidents."""

from __future__ import annotations

from core import queue


def request_publication() -> None:
    """Request a publication when the transaction commits; the hourly one makes up for a lost message."""
    queue.send_on_commit("crimemap.bulk.publish")
