"""`manage.py demo`: load the demo city Riverton with its staff, tips, stories and events. A second run changes nothing.

`manage.py demo code officer` prints the code that the officer's authenticator app shows now.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

import crimemap.demo.load
import outreach.demo.events
import outreach.demo.stories
from core.sign_in.factors import app_codes
from tipportal.demo import tips


class Command(BaseCommand):
    help = "Fill the portal with a demo city, demo staff and demo tips. Works only with DEMO=1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", choices=["load", "code"], default="load")
        parser.add_argument("user", nargs="?", choices=list(tips.ACCOUNTS), help="whose code to print")
        parser.add_argument("--json", action="store_true", help="print accounts and receipt as one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "The demo city has accounts and a receipt that anyone can know, so it can't be loaded into a real portal. "
                "Set DEMO=1 only on a test machine."
            )
        if not settings.ROLE.serves_staff:
            raise CommandError("The demo needs the rights and keys of the staff role. Run it with PORTAL_ROLE=all.")
        if options["what"] == "code":
            self._print_code(options["user"])
            return
        crimemap.demo.load.load()
        tips.make_accounts()
        tips.make_tips()
        outreach.demo.stories.load()
        outreach.demo.events.load()
        accounts = [_describe(user) for user in tips.ACCOUNTS]
        if options["json"]:
            self.stdout.write(json.dumps({"staff": accounts, "receipt": tips.RECEIPT}))
            return
        for account in accounts:
            self.stdout.write(
                f"Staff: {settings.STAFF_URL}/admin/ {account['user']} {account['password']} {account['code']}"
            )
        for account in accounts:
            self.stdout.write(f"Authenticator key: {account['user']} {account['key']}")
        self.stdout.write(f"Demo receipt: {tips.RECEIPT}")

    def _print_code(self, user: str | None) -> None:
        if user is None:
            raise CommandError("Name the account, for example: manage.py demo code officer")
        self.stdout.write(app_codes.current_code(tips.derive_app_secret(user)))


def _describe(user: str) -> dict[str, str]:
    key = tips.derive_app_secret(user)
    return {
        "user": user,
        "password": tips.derive_password(user),
        "role": tips.ACCOUNTS[user][0],
        "key": key,
        "code": app_codes.current_code(key),
    }
