"""`manage.py addresses create-key | rotate | status`: the pair that subscribers' addresses are sealed to (PORTAL_ROLE=bulk)."""

from __future__ import annotations

from collections.abc import Callable

from core.mail import subscriber_addresses, subscriber_keys
from core.mail.subscriber_addresses import KeyStatus
from core.management.key_command import KeyCommand


class Command(KeyCommand):
    help = "Create, rotate or list the keys that subscribers' email addresses are sealed to."
    created = "New addresses are now sealed to key {key_id}."
    moved = "{count} addresses moved"
    rotated = "All addresses are now sealed to key {key_id}. The older keys are destroyed."
    none_yet = "There is no key yet, so nobody can subscribe. Run `manage.py addresses create-key`."
    seals = "addresses"
    copied_to = "each public and staff node"

    def create_key(self) -> str:
        return subscriber_addresses.create_key_pair()

    def rotate_keys(self, report_moved: Callable[[int], None]) -> str:
        return subscriber_keys.rotate(report_moved)

    def list_keys(self) -> list[KeyStatus]:
        return subscriber_keys.list_keys()
