"""Whether time tells a walled tip from one that does not exist: the answers to an officer, in turn.

    .venv/bin/python -m bench.walled_answers

Starts a portal with the demo city, walls a tip about its officer, and asks for it and for an absent one 300 times each.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from tests.journey import Visitor
from tests.stack import Stack

ROUNDS = 300
NAMING = "Officer Lindholm takes money from the dealer on the corner"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=["all"], demo=True) as stack:
        Visitor(stack.url).send(NAMING)
        officer = Visitor(stack.staff_url)
        officer.sign_in("officer", stack.staff["officer"], stack.next_code("officer"))
        officer.open("/admin/tips/tip/")
        with stack.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT tip_id, number FROM tips_wall JOIN tips_tip ON id = tip_id")
            walled_id, number = cursor.fetchone()
        token = officer.field("csrfmiddlewaretoken")

        def open_page(walled: bool) -> None:
            officer.open(f"/admin/tips/tip/{walled_id if walled else uuid.uuid4()}/change/")

        def search(walled: bool) -> None:
            words = str(number if walled else random.randrange(10**5, 10**6))
            officer.open("/admin/tips/tip/search/", {"csrfmiddlewaretoken": token, "words": words})

        for name, ask in {"page": open_page, "search": search}.items():
            times: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(ROUNDS):
                for walled in random.sample([True, False], 2):
                    started = time.perf_counter()
                    ask(walled)
                    times[walled].append((time.perf_counter() - started) * 1000)
            for walled, label in ((True, "walled"), (False, "absent")):
                low, middle, high = statistics.quantiles(times[walled], n=4)
                print(f"{name}, {label}: median {middle:.2f} ms, quartiles {low:.2f} to {high:.2f} ms")


if __name__ == "__main__":
    main()
