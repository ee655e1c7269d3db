"""The map under load at 8,000,000 incidents: see bench/README.md."""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.queries import bubbles_in_sql, fill, load_sql, publish
from tests.stack import Stack

SCREENS = ((390, 700), (820, 1100), (1280, 800), (1920, 1080))
# Each request another address, in the order of the file: what a cache holds is never asked for twice.
SCRIPT = """
local paths, next = {}, 0
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
request = function()
  next = next % #paths + 1
  return wrk.format("GET", paths[next], {["Accept-Encoding"] = "gzip"})
end
"""


class Asking:
    """Questions that nobody asks twice: any part of the city at any zoom, any range of days, at times a few categories."""

    def __init__(self, published: Any, seed: int = 5) -> None:
        self.published = published
        self.random = np.random.default_rng(seed)
        mapped = published.meta["mapped_places"]
        columns = published.columns
        self.points = np.stack([columns["latitude"][:mapped], columns["longitude"][:mapped]], axis=1) / 100_000
        self.days = (published.until - published.since).days

    def filter(self) -> str:
        first, last = sorted(self.random.integers(0, self.days + 1, 2).tolist())
        since = self.published.since
        text = f"from={since + timedelta(first)}&to={since + timedelta(last)}"
        if self.random.random() < 0.3:
            few = self.random.choice(list(self.published.families), 3, replace=False)
            text += f"&category={','.join(sorted(few))}"
        return text

    def view(self) -> str:
        zoom = int(self.random.integers(10, 18))
        width, height = SCREENS[int(self.random.integers(len(SCREENS)))]
        north, east = self.points[int(self.random.integers(len(self.points)))]
        degree = 256 * 2**zoom / 360  # pixels of a degree of longitude
        across, down = width / degree / 2, height / degree * np.cos(np.radians(north)) / 2
        return f"view={north - down:.5f},{east - across:.5f},{north + down:.5f},{east + across:.5f}&z={zoom}"

    def bubbles(self) -> str:
        return f"/map/data/bubbles.json?{self.filter()}&{self.view()}"

    def list(self) -> str:
        page = 1 + int(self.random.integers(20))
        return (
            f"/map/list/?{self.filter()}&page={page}" if self.random.random() < 0.3 else f"/map/list/?{self.filter()}"
        )

    def charts(self) -> str:
        return f"/map/charts/?{self.filter()}"


class Paced:
    """So many requests a second, whether or not the last is answered: a slow answer makes none that follows look quick."""

    def __init__(self, url: str, paths: list[str], rate: float) -> None:
        self.host = url.removeprefix("http://")
        self.paths, self.rate = paths, rate
        self.milliseconds: list[float] = []
        self.sizes: list[int] = []
        self.wrong: list[tuple[int, str]] = []
        self.turn, self.lock = iter(enumerate(paths)), threading.Lock()
        self.start = 0.0

    def run(self) -> Paced:
        threads = [threading.Thread(target=self._ask) for _ in range(8)]
        self.start = time.perf_counter() + 0.2
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        while True:
            with self.lock:
                number, path = next(self.turn, (0, ""))
            if not path:
                return
            due = self.start + number / self.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
            took = 1000 * (time.perf_counter() - due)
            with self.lock:
                self.milliseconds.append(took)
                self.sizes.append(len(body))
                if answer.status != 200:
                    self.wrong.append((answer.status, path))

    def told(self, name: str, target: float) -> str:
        cuts = statistics.quantiles(self.milliseconds, n=100)
        words = f"{name:<34} {cuts[49]:7.1f} {cuts[94]:7.1f} (target {target:.0f}) {cuts[98]:7.1f} {max(self.sizes) / 1000:8.1f} kB"
        return words + (f"  NOT 200: {len(self.wrong)}, {self.wrong[0]}" if self.wrong else "")


def flat_out(url: str, paths: list[str], seconds: int) -> str:
    """As many as eight connections can have: by wrk where it is installed, else by our own client, which takes more of the cores."""
    if not shutil.which("wrk"):
        half = Paced(url, paths, 1e9)
        start = time.perf_counter()
        half.run()
        return f"{len(paths) / (time.perf_counter() - start):.0f} requests a second (our own client)"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "paths").write_text("\n".join(paths))
        script = Path(folder) / "script.lua"
        script.write_text(SCRIPT)
        command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency", "-s", str(script), url]
        environment = os.environ | {"PATHS": str(Path(folder) / "paths")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    asked = int(re.search(r"(\d+) requests in", done.stdout)[1])  # type: ignore[index]
    assert asked <= len(paths), "some were asked for twice: give wrk more paths"
    lines = [line.strip() for line in done.stdout.splitlines() if re.search(r"Requests/sec|50%|99%|Non-2xx", line)]
    return f"wrk, {asked:,} distinct requests: {'; '.join(lines)}"


def in_sql(published: Any, cursor: Any, paths: list[str]) -> list[float]:
    """Milliseconds of the same views asked of PostgreSQL, one after another."""
    from django.http import QueryDict

    from crimemap.snapshot import bubbles
    from crimemap.snapshot.filters import Filter

    taken = []
    slugs = list(published.families)
    for path in paths:
        given = QueryDict(path.partition("?")[2])
        chosen = Filter.parse(given, published)
        box = tuple(map(float, given["view"].split(",")))
        view = bubbles.view_of(box, int(given["z"]))  # type: ignore[arg-type]
        numbers = [slugs.index(slug) for slug in chosen.categories] or None
        start = time.perf_counter()
        cursor.execute(*_two(bubbles_in_sql(view, chosen, numbers)))
        cursor.fetchall()
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def _two(question: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    return question[0], question[1:]


def slowest(url: str, paths: list[str], most: int = 5) -> Iterator[str]:
    """Which requests take longest when nothing else runs."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    taken = []
    for path in paths:
        start = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        size = len(connection.getresponse().read())
        taken.append((1000 * (time.perf_counter() - start), size, path))
    for milliseconds, size, path in sorted(taken, reverse=True)[:most]:
        yield f"  {milliseconds:6.1f} ms {size / 1000:6.1f} kB {path}"


@contextmanager
def city(rows: int, keep: Path | None) -> Iterator[Stack]:
    """A portal's public web server over so many published incidents; those in `keep` where there are any."""
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = keep or Path(made) / "published"
        folder.mkdir(parents=True, exist_ok=True)
        variables = {"INCIDENT_SNAPSHOTS": str(folder.resolve())}
        with Stack(Path(made), web=["public"], workers=[], variables=variables) as stack:
            if not (folder / "current").exists():
                fill(stack, rows)
                publish(stack, f"{rows:,} stored incidents published", None)
            yield stack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--keep", type=Path, help="a folder for what is published, used again by the next run")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--no-sql", action="store_true")
    asked = parser.parse_args()
    with city(asked.rows, asked.keep) as stack:
        os.environ |= stack.environment("public")
        import django

        django.setup()
        from crimemap.snapshot import reader

        published = reader.current()
        asking, url = Asking(published), stack.public_url
        many: Callable[[Callable[[], str], float], list[str]] = lambda one, number: [one() for _ in range(int(number))]  # noqa: E731
        Paced(url, [*many(asking.bubbles, 200), *many(asking.list, 20), *many(asking.charts, 20)], 50).run()  # warm up
        print(f"{published.meta['rows']:,} incidents shown, load of the machine {os.getloadavg()[0]:.1f}")
        print(f"{'':<34} {'p50 ms':>7} {'p95 ms':>7} {'':>11} {'p99 ms':>7} {'largest':>11}")
        views = many(asking.bubbles, 50 * asked.seconds)
        print(Paced(url, views, 50).run().told("bubbles, 50 a second", 15), flush=True)
        print(Paced(url, many(asking.list, 10 * asked.seconds), 10).run().told("list, 10 a second", 40), flush=True)
        print(Paced(url, many(asking.charts, 10 * asked.seconds), 10).run().told("charts, 10 a second", 40), flush=True)
        print(
            "bubbles, flat out:", flat_out(url, many(asking.bubbles, 2000 * asked.seconds), asked.seconds), flush=True
        )
        for name, one in (("bubbles", asking.bubbles), ("list", asking.list), ("charts", asking.charts)):
            print(f"slowest of 300 {name}, one after another", *slowest(url, many(one, 300)), sep="\n", flush=True)
        if not asked.no_sql:
            cuts = statistics.quantiles(in_sql(published, load_sql(stack, published), views[:100]), n=100)
            print(
                f"{'the same views in SQL, one at a time':<34} {cuts[49]:7.1f} {cuts[94]:7.1f} {'':>11} {cuts[98]:7.1f}"
            )


if __name__ == "__main__":
    main()
