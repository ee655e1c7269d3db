"""`manage.py vault create-key | rotate | status`: the agency key. Runs where officers work (PORTAL_ROLE=staff)."""

from __future__ import annotations

from collections.abc import Callable

from core.management.key_command import KeyCommand
from tips import key_rotation
from tips.vault import KeyStatus


class Command(KeyCommand):
    help = "Create, rotate or list the agency keys that tips are sealed to."
    created = "New tips are now sealed to agency key {key_id}."
    moved = "{count} seals moved"
    rotated = "All tips are now sealed to agency key {key_id}. The older keys are destroyed."
    none_yet = "There is no agency key yet, so nobody can send a tip. Run `manage.py vault create-key`."
    newest = "newest, new tips are sealed to it"
    seals = "seals"

    def create_key(self) -> str:
        return key_rotation.create_key()

    def rotate_keys(self, report_moved: Callable[[int], None]) -> str:
        return key_rotation.rotate(report_moved)

    def list_keys(self) -> list[KeyStatus]:
        return key_rotation.list_keys()
