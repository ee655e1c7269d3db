"""`manage.py alert_channels create-key | rotate | status`: the pair that addresses of officers' channels are sealed to.

Runs where the alerts worker runs (PORTAL_ROLE=alerts).
"""

from __future__ import annotations

from collections.abc import Callable

from core.management.key_command import KeyCommand
from tips.officer_alerts import channel_addresses
from tips.vault import KeyStatus


class Command(KeyCommand):
    help = "Create, rotate or list the keys that addresses of officers' channels are sealed to."
    created = "Addresses of officers' channels are now sealed to key {key_id}."
    moved = "{count} addresses moved"
    rotated = "All addresses are now sealed to key {key_id}. The older keys are destroyed."
    none_yet = "There is no key yet, so nobody can add a channel. Run `manage.py alert_channels create-key`."
    seals = "addresses"
    copied_to = "each staff node"

    def create_key(self) -> str:
        return channel_addresses.create_key_pair()

    def rotate_keys(self, report_moved: Callable[[int], None]) -> str:
        return channel_addresses.rotate(report_moved)

    def list_keys(self) -> list[KeyStatus]:
        return channel_addresses.list_keys()
