"""The sign-in page: its weight with all that it loads, and the server's time without and with the password's hash.

    .venv/bin/python -m bench.sign_in

Goals: 60 kB compressed, 100 ms without the hash. The hash is meant to be slow; an unknown name costs one, too, and is posted four
times, since the fifth failure locks.
"""

from __future__ import annotations

import gzip
import re
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin

from tests.journey import Visitor
from tests.stack import Stack

ROUNDS, HASHED_ROUNDS = 100, 4
LOGIN = "/admin/login/"


def weigh(visitor: Visitor) -> int:
    """Return the bytes of the page and of all that it loads, compressed one by one: style sheets, scripts, fonts, icons, imports."""
    page = visitor.open(LOGIN)
    total, found = len(gzip.compress(page.encode())), re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    weighed: set[str] = set()
    while found:
        address = found.pop().partition("#")[0]
        if address in weighed:
            continue
        weighed.add(address)
        text = visitor.open(address)
        total += len(visitor.content) if address.endswith(".woff2") else len(gzip.compress(visitor.content))
        named = []
        if address.endswith(".css"):
            named = re.findall(r"""url\(["']?([^)"']+\.(?:woff2|css))|@import ["']([^"']+)""", text)
        elif address.endswith(".js"):
            named = re.findall(r"""(?:from|import)\s*["'](\.[^"']+)|import\(["'](\.[^"']+)""", text)
        found += [urljoin(address, name) for names in named for name in names if name]
    return total


def measure(visitor: Visitor, fields: dict[str, str] | None, rounds: int = ROUNDS) -> str:
    """Return the least, the median and the most, in milliseconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        visitor.open(LOGIN, fields)
        times.append((time.perf_counter() - began) * 1000)
    return f"least {min(times):.1f} ms, median {statistics.median(times):.1f} ms, most {max(times):.1f} ms"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=["public", "staff"]) as stack:
        visitor = Visitor(stack.staff_url)
        print(f"weight: {weigh(visitor) / 1000:.1f} kB")
        visitor.open(LOGIN)
        print(f"the page: {measure(visitor, None)}")
        fields = {"csrfmiddlewaretoken": visitor.field("csrfmiddlewaretoken"), "username": "officer"}
        print(f"an empty password, which is not hashed: {measure(visitor, fields | {'password': ''})}")
        hashed = fields | {"password": "four words of nobody"}
        print(f"a password of an unknown name, with the hash: {measure(visitor, hashed, HASHED_ROUNDS)}")


if __name__ == "__main__":
    main()
