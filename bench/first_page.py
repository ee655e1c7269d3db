"""Measures how long it takes until the crime map is usable on a slow phone, and its transfer size.

    .venv/bin/python -m bench.first_page [--runs 5] [--url http://127.0.0.1:8000]

Chromium at 390 x 844 points, with a CPU slowed down four times, 1.6 Mbit/s down, 0.75 up, 150 ms round trip, and an empty
cache. "Usable" is the moment when incidents, base map and controls of the live map have loaded. Also measured: the first paint,
which shows the server's drawing, and the same page without script. Without --url the script starts a portal with the demo city
and its incidents.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests import chromium
from tests.stack import Stack

PHONE = {"width": 390, "height": 844}
CPU_SLOWDOWN = 4
NETWORK = {
    "offline": False,
    "latency": 150,  # ms
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
# The page sets an attribute once the live map has replaced the drawing.
USABLE_OBSERVER = """
new MutationObserver((_changes, observer) => {
  if (!document.querySelector("#crime-map[data-ready]")) return;
  observer.disconnect();
  window.usableAfter = performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@dataclass
class Visit:
    """Milliseconds since navigation; bytes transferred, by kind of resource (`weights`) and of the largest map data (`data`)."""

    painted: float = 0
    usable: float = 0
    loaded: float = 0
    weights: dict[str, int] = field(default_factory=dict)
    data: int = 0


@contextmanager
def portal(url: str | None) -> Iterator[str]:
    """Yield the URL of a portal with Riverton's 56,000 incidents."""
    if url:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Stack(Path(folder), web=["all"], demo=True) as stack:
        stack.run_manage("demo_incidents", role="bulk")
        yield stack.public_url


def visit(browser: Browser, url: str, *, script: bool = True) -> Visit:
    measured = Visit()
    context = browser.new_context(viewport=PHONE, device_scale_factor=3, is_mobile=True, java_script_enabled=script)
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", NETWORK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
        kinds: dict[str, tuple[str, str]] = {}
        session.on(
            "Network.responseReceived",
            lambda event: kinds.update({event["requestId"]: (event["type"], event["response"]["url"])}),
        )

        def weigh(event: dict[str, object]) -> None:
            kind, address = kinds.get(str(event["requestId"]), ("Other", ""))
            size = int(str(event["encodedDataLength"]))
            measured.weights[kind] = measured.weights.get(kind, 0) + size
            if "/data/" in address:
                measured.data = max(measured.data, size)

        session.on("Network.loadingFinished", weigh)
        if script:
            page.add_init_script(USABLE_OBSERVER)
            page.goto(url)
            page.wait_for_function("() => window.usableAfter")
            measured.usable = page.evaluate("window.usableAfter")
            page.wait_for_selector("#crime-map[data-equipped]")
            page.wait_for_load_state("networkidle")
            measured.painted = page.evaluate(FIRST_PAINT)
        else:
            page.goto(url, wait_until="load")
        timing = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
        measured.loaded = page.evaluate(timing)
    finally:
        context.close()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--url")
    options = parser.parse_args()
    with portal(options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=["--no-sandbox"])
        visit(browser, url + "/map/")  # so that the server has drawn the city once
        with_script = [visit(browser, url + "/map/") for _ in range(options.runs)]
        without = [visit(browser, url + "/map/", script=False) for _ in range(options.runs)]
        browser.close()

    def median(name: str, visits: list[Visit]) -> str:
        values = [getattr(each, name) for each in visits]
        return f"{statistics.median(values):6.0f} ms  ({min(values):.0f} to {max(values):.0f})"

    print(f"The map on a slow phone, median of {options.runs}")
    print(f"  something is shown   {median('painted', with_script)}")
    print(f"  usable               {median('usable', with_script)}")
    print(f"  without script       {median('loaded', without)}")
    weights = with_script[-1].weights
    print("kB over the wire: " + ", ".join(f"{kind} {size / 1000:.1f}" for kind, size in sorted(weights.items())))
    print(f"  the largest answer of map data {with_script[-1].data / 1000:.1f} kB")


if __name__ == "__main__":
    main()
