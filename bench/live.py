"""Measures how soon a tip is on an officer's open queue, and what asking for it costs: see bench/README.md."""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.journey import Visitor
from tests.stack import Stack

LIST = "/admin/tips/tip/"
FIRST_TIPS, TIPS, REQUESTS = 60, 40, 200


def sign_in(page: Page, stack: Stack, user: str) -> None:
    page.goto(stack.staff_url + "/admin/")
    page.get_by_label("Username:").fill(user)
    page.get_by_label("Password:").fill(stack.staff[user])
    page.keyboard.press("Enter")
    page.get_by_label("Code").fill(stack.next_code(user))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your desk").wait_for()


def measure_arrivals(stack: Stack, page: Page, count: int) -> list[float]:
    """Return for each of `count` tips the seconds from Send to the bar that says so on the open page."""
    seconds = []
    for number in range(count):
        visitor = Visitor(stack.public_url)
        fields = visitor.tip(f"Somebody sells bicycles behind shed {number}")
        page.wait_for_timeout(100 * (number % 30))  # not in step with the polls
        began = time.perf_counter()
        visitor.open("/tips/", fields)
        page.locator(".fresh").wait_for()
        seconds.append(time.perf_counter() - began)
        page.keyboard.press(".")
        page.locator(".fresh").wait_for(state="detached")
    return seconds


def measure_requests(page: Page, address: str, count: int) -> tuple[list[float], int]:
    """Return the seconds of `count` requests one after the other, and the bytes of the last."""
    seconds, size = [], 0
    for _number in range(count):
        began = time.perf_counter()
        answer = page.request.get(
            address, headers={"Accept": "application/json" if "/live/" in address else "text/html"}
        )
        size = len(answer.body())
        seconds.append(time.perf_counter() - began)
    return seconds, size


def measure_empty_polls(page: Page, first: str, count: int) -> list[float]:
    """Return the seconds of `count` polls that were answered with 204. Each minute one is told of rows."""
    seconds: list[float] = []
    address = first
    while len(seconds) < count:
        began = time.perf_counter()
        answer = page.request.get(address, headers={"Accept": "application/json"})
        if answer.status == 204:
            seconds.append(time.perf_counter() - began)
        else:
            told = answer.json()
            for name in ("rows", "people"):
                address = re.sub(rf"\b{name}=\w*", f"{name}={told[name]}", address) if name in told else address
    return seconds


def describe(name: str, seconds: list[float], unit: str = "ms", more: str = "") -> None:
    factor = 1000 if unit == "ms" else 1
    ordered = sorted(seconds)
    p95 = ordered[int(0.95 * len(ordered))]
    print(f"{name:<52} median {factor * statistics.median(ordered):6.2f} {unit}, p95 {factor * p95:6.2f} {unit}{more}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    count = 10 if parser.parse_args().quick else 1
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), web=["all"], demo=True) as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        polls: list[str] = []
        sign_in(page, stack, "officer")
        for number in range(FIRST_TIPS // count):
            Visitor(stack.public_url).send(f"Loud engines by the canal, night {number}")
        page.on("request", lambda request: "/live/" in request.url and polls.append(request.url))
        page.goto(stack.staff_url + LIST)
        page.locator(".people").first.wait_for()
        describe("From Send to the open queue", measure_arrivals(stack, page, TIPS // count), "s")
        page.goto("about:blank")
        # A page that asks for itself, again and again, would cost this; the script's question when nothing has changed costs that.
        reloads, size = measure_requests(page, stack.staff_url + LIST, REQUESTS // count)
        first = polls[-1].split("rows=")[0] + "rows=&people=&" + polls[-1].split("&", 2)[2]
        parts, part_size = measure_requests(page, first, REQUESTS // count)
        empty = measure_empty_polls(page, first, REQUESTS // count)
        describe("Reload of the whole queue", reloads, more=f", {size:,} bytes of HTML")
        describe("Poll that is told of changed rows", parts, more=f", {part_size:,} bytes")
        describe("Poll with nothing new", empty, more=", nothing")
        browser.close()


if __name__ == "__main__":
    main()
