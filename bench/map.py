"""Measures the map under load with 8,000,000 incidents: see bench/README.md."""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
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

from bench.queries import bubbles_query, load_sql, measure_publication, store_incidents
from tests.stack import Stack

MAX_AGE_SECONDS = 61  # of what a web process remembers of the areas (core/web/page_cache.py)
SCREENS = ((390, 700), (820, 1100), (1280, 800), (1920, 1080))
# Each request has another URL, in the order of the file, so that no cache answers.
SCRIPT = """
local paths, next = {}, 0
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
request = function()
  next = next % #paths + 1
  return wrk.format("GET", paths[next], {["Accept-Encoding"] = "gzip"})
end
"""


class RequestMaker:
    """Makes distinct requests: any part of the city at any zoom, any range of days, sometimes three categories."""

    def __init__(self, published: Any, seed: int = 5) -> None:
        self.published = published
        self.random = np.random.default_rng(seed)
        mapped = published.meta["mapped_places"]
        columns = published.columns
        self.points = np.stack([columns["latitude"][:mapped], columns["longitude"][:mapped]], axis=1) / 100_000
        self.days = (published.until - published.since).days

    def random_filter(self) -> str:
        first, last = sorted(self.random.integers(0, self.days + 1, 2).tolist())
        since = self.published.since
        text = f"from={since + timedelta(first)}&to={since + timedelta(last)}"
        if self.random.random() < 0.3:
            few = self.random.choice(list(self.published.families), 3, replace=False)
            text += f"&category={','.join(sorted(few))}"
        return text

    def random_view(self) -> str:
        zoom = int(self.random.integers(10, 18))
        width, height = SCREENS[int(self.random.integers(len(SCREENS)))]
        north, east = self.points[int(self.random.integers(len(self.points)))]
        degree_pixels = 256 * 2**zoom / 360  # pixels per degree of longitude
        half_width, half_height = width / degree_pixels / 2, height / degree_pixels * np.cos(np.radians(north)) / 2
        return f"view={north - half_height:.5f},{east - half_width:.5f},{north + half_height:.5f},{east + half_width:.5f}&z={zoom}"

    def bubbles_path(self) -> str:
        return f"/map/data/bubbles.json?{self.random_filter()}&{self.random_view()}"

    def areas_path(self) -> str:
        """Shade the city for a month, or for any range of days."""
        if self.random.random() < 0.5:
            return f"/map/data/areas.json?{self.random_filter()}"
        last = self.published.until - timedelta(int(self.random.integers(self.days - 30)))
        return f"/map/data/areas.json?from={last - timedelta(29)}&to={last}"

    def points_path(self) -> str:
        """Look at a few streets for a month or a year."""
        north, east = self.points[int(self.random.integers(len(self.points)))]
        view = f"view={north - 0.004:.5f},{east - 0.008:.5f},{north + 0.004:.5f},{east + 0.008:.5f}"
        last = self.published.until - timedelta(int(self.random.integers(self.days - 365)))
        days = 30 if self.random.random() < 0.5 else 365
        return f"/map/data/points.json?from={last - timedelta(days - 1)}&to={last}&{view}"

    def map_path(self) -> str:
        return f"/map/?{self.random_filter()}"

    def list_path(self) -> str:
        """List the first page or, three times in ten, one of the first twenty that there are."""
        query = self.random_filter()
        if self.random.random() >= 0.3:
            return f"/map/list/?{query}"
        from django.http import QueryDict

        from crimemap.pages.incident_list import PAGE_ROWS
        from crimemap.snapshot.filters import Filter

        count = self.published.count(Filter.parse(QueryDict(query), self.published))
        pages = min(20, max(1, -(-count // PAGE_ROWS)))
        return f"/map/list/?{query}&page={1 + int(self.random.integers(pages))}"

    def charts_path(self) -> str:
        return f"/map/charts/?{self.random_filter()}"


class PacedLoad:
    """Sends requests at a constant rate, whether or not the last is answered: a slow response does not slow the load down."""

    def __init__(self, url: str, paths: list[str], rate: float) -> None:
        self.host = url.removeprefix("http://")
        self.paths, self.rate = paths, rate
        self.milliseconds: list[float] = []
        self.sizes: list[int] = []
        self.failures: list[tuple[int, str]] = []
        self.queue, self.lock = iter(enumerate(paths)), threading.Lock()
        self.start = 0.0

    def run(self) -> PacedLoad:
        threads = [threading.Thread(target=self._send_requests) for _ in range(8)]
        self.start = time.perf_counter() + 0.2
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def _send_requests(self) -> None:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        while True:
            with self.lock:
                number, path = next(self.queue, (0, ""))
            if not path:
                return
            due = self.start + number / self.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            response = connection.getresponse()
            body = response.read()
            duration_ms = 1000 * (time.perf_counter() - due)
            with self.lock:
                self.milliseconds.append(duration_ms)
                self.sizes.append(len(body))
                if response.status != 200:
                    self.failures.append((response.status, path))

    def table_row(self, name: str, target: float) -> str:
        cuts = statistics.quantiles(self.milliseconds, n=100)
        row = f"{name:<34} {cuts[49]:7.1f} {cuts[94]:7.1f} (target {target:.0f}) {cuts[98]:7.1f} {max(self.sizes) / 1000:8.1f} kB"
        return row + (f"  NOT 200: {len(self.failures)}, {self.failures[0]}" if self.failures else "")


def measure_throughput(url: str, paths: list[str], seconds: int) -> str:
    """Send as fast as eight connections allow: with wrk if it is installed, else with a client that uses more of the cores itself."""
    if not shutil.which("wrk"):
        client = PacedLoad(url, paths, 1e9)
        start = time.perf_counter()
        client.run()
        return f"{len(paths) / (time.perf_counter() - start):.0f} requests a second (our own client)"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "paths").write_text("\n".join(paths))
        script = Path(folder) / "script.lua"
        script.write_text(SCRIPT)
        command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency", "-s", str(script), url]
        environment = os.environ | {"PATHS": str(Path(folder) / "paths")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    requested = int(re.search(r"(\d+) requests in", done.stdout)[1])  # type: ignore[index]
    assert requested <= len(paths), "some were asked for twice: give wrk more paths"
    lines = [line.strip() for line in done.stdout.splitlines() if re.search(r"Requests/sec|50%|99%|Non-2xx", line)]
    return f"wrk, {requested:,} distinct requests: {'; '.join(lines)}"


def measure_sql(published: Any, cursor: Any, paths: list[str]) -> list[float]:
    """Return the milliseconds that PostgreSQL takes for the same views, one after another."""
    from django.http import QueryDict

    from crimemap.snapshot import bubbles
    from crimemap.snapshot.filters import Filter

    durations = []
    slugs = list(published.families)
    for path in paths:
        parameters = QueryDict(path.partition("?")[2])
        chosen = Filter.parse(parameters, published)
        box = tuple(map(float, parameters["view"].split(",")))
        view = bubbles.view_of(box, int(parameters["z"]))  # type: ignore[arg-type]
        numbers = [slugs.index(slug) for slug in chosen.categories] or None
        start = time.perf_counter()
        cursor.execute(*_split_query(bubbles_query(view, chosen, numbers)))
        cursor.fetchall()
        durations.append(1000 * (time.perf_counter() - start))
    return durations


def _split_query(query: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    return query[0], query[1:]


def find_slowest(url: str, paths: list[str], limit: int = 5) -> Iterator[str]:
    """Yield a line for each of the requests that take longest when nothing else runs."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    durations = []
    for path in paths:
        start = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        size = len(connection.getresponse().read())
        durations.append((1000 * (time.perf_counter() - start), size, path))
    for milliseconds, size, path in sorted(durations, reverse=True)[:limit]:
        yield f"  {milliseconds:6.1f} ms {size / 1000:6.1f} kB {path}"


def store_outlines(stack: Stack) -> None:
    """Store the squares that bench.queries calls neighborhoods and districts, each with 64 corners as real outlines have."""
    with stack.connect("owner") as connection, connection.cursor() as cursor:
        for layer, per_side, cells, width in (("neighbourhood", 9, 45, 1), ("district", 5, 80, 3)):
            for row, column in itertools.product(range(per_side), repeat=2):
                south, west, size = 41.6195 + row * cells / 1000, -87.9305 + column * cells / 1000, cells / 1000
                code = str(row * per_side + column).zfill(width)
                outline = json.dumps({"type": "Polygon", "coordinates": [_square_ring(south, west, size)]})
                cursor.execute(
                    "INSERT INTO crimemap_area (layer, code, name, key, outline, latitude, longitude, contact)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, '')",
                    [layer, code, f"Part {code}", f"part {code}", outline, south + size / 2, west + size / 2],
                )


def _square_ring(south: float, west: float, size: float) -> list[list[float]]:
    """Return a closed ring of 64 points along a square, every other one 40 meters within it."""
    along = np.arange(16) / 16 * size
    inside = np.arange(16) % 2 * 0.0004
    sides = [
        (along, inside), (size - inside, along), (size - along, size - inside), (inside, size - along)
    ]  # fmt: skip
    points = np.concatenate([np.stack([west + x, south + y], axis=1) for x, y in sides])
    return [*points.round(5).tolist(), points[0].round(5).tolist()]


@contextmanager
def city(rows: int, keep: Path | None) -> Iterator[Stack]:
    """Run a portal's public web server with `rows` published incidents; reuse those in `keep` if there are any."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = keep or Path(temporary) / "published"
        folder.mkdir(parents=True, exist_ok=True)
        variables = {"INCIDENT_SNAPSHOTS": str(folder.resolve())}
        with Stack(Path(temporary), web=["public"], workers=[], variables=variables) as stack:
            if not (folder / "current").exists():
                store_incidents(stack, rows)
                measure_publication(stack, f"{rows:,} stored incidents published", None)
            store_outlines(stack)
            time.sleep(MAX_AGE_SECONDS)
            yield stack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--keep", type=Path, help="a folder for what is published, used again by the next run")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--no-sql", action="store_true")
    options = parser.parse_args()
    with city(options.rows, options.keep) as stack:
        os.environ |= stack.environment("public")
        import django

        django.setup()
        from crimemap.snapshot import reader

        published = reader.current()
        requests, url = RequestMaker(published), stack.public_url
        many: Callable[[Callable[[], str], float], list[str]] = lambda one, number: [one() for _ in range(int(number))]  # noqa: E731
        PacedLoad(
            url, [*many(requests.bubbles_path, 200), *many(requests.list_path, 20), *many(requests.charts_path, 20)], 50
        ).run()  # warm up
        print(f"{published.meta['rows']:,} incidents shown, load of the machine {os.getloadavg()[0]:.1f}")
        print(f"{'':<34} {'p50 ms':>7} {'p95 ms':>7} {'':>11} {'p99 ms':>7} {'largest':>11}")
        views = many(requests.bubbles_path, 50 * options.seconds)
        print(PacedLoad(url, views, 50).run().table_row("bubbles, 50 a second", 15), flush=True)
        for name, one, target in (
            ("areas", requests.areas_path, 25),
            ("points of streets", requests.points_path, 15),
            ("map page", requests.map_path, 40),
        ):
            load = PacedLoad(url, many(one, 10 * options.seconds), 10).run()
            print(load.table_row(f"{name}, 10 a second", target), flush=True)
        print(
            PacedLoad(url, many(requests.list_path, 10 * options.seconds), 10).run().table_row("list, 10 a second", 25),
            flush=True,
        )
        print(
            PacedLoad(url, many(requests.charts_path, 10 * options.seconds), 10)
            .run()
            .table_row("charts, 10 a second", 40),
            flush=True,
        )
        print(
            "bubbles, flat out:",
            measure_throughput(url, many(requests.bubbles_path, 2000 * options.seconds), options.seconds),
            flush=True,
        )
        for name, one in (
            ("bubbles", requests.bubbles_path),
            ("list", requests.list_path),
            ("charts", requests.charts_path),
        ):
            print(f"slowest of 300 {name}, one after another", *find_slowest(url, many(one, 300)), sep="\n", flush=True)
        if not options.no_sql:
            cuts = statistics.quantiles(measure_sql(published, load_sql(stack, published), views[:100]), n=100)
            print(
                f"{'the same views in SQL, one at a time':<34} {cuts[49]:7.1f} {cuts[94]:7.1f} {'':>11} {cuts[98]:7.1f}"
            )


if __name__ == "__main__":
    main()
