"""`make theft-test`: what would a thief find? Starts a portal of its own, lets made-up sources use it, takes everything, searches.

Prints counts alone, never content. Exits with 1 if anything of a source is left a minute after the last response, or if the
search did not find what it must find. `--long` also looks after ten minutes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.theft import blind_receipts
from tests.theft.instance import ControlProcess, Findings, Instance
from tests.theft.memory_search import MemorySearch
from tests.theft.search import Finder

SECONDS = (5, 60)
SECONDS_LONG = (5, 60, 600)
SOURCES, SOURCES_LONG = 6, 20
# What a live portal's processes have in their environment.
LIVE = ("DATABASE_URL", "REDIS_URL", "RECEIPT_SALT", "AGENCY_PRIVATE_KEYS", "MEDIA_STORE", "PORTAL_ROLE")
# Named exceptions, each in SECURITY.md: process and kind.
EXCEPTIONS: set[tuple[str, str]] = set()


def main() -> None:
    is_long = "--long" in sys.argv[1:]
    if sys.platform != "linux" or not Path("/proc/self/maps").exists():
        sys.exit(
            "The theft test reads /proc, which only Linux has. Run it on Linux, for example in the project's container."
        )
    if live := [name for name in LIVE if name in os.environ]:
        sys.exit(f"{live[0]} is set: this could be a live portal. Run the theft test in a shell without its variables.")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="theft-test-", dir=memory))
    try:
        sys.exit(_run(folder, SOURCES_LONG if is_long else SOURCES, SECONDS_LONG if is_long else SECONDS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, source_count: int, moments: tuple[int, ...]) -> int:
    print("Starting a portal of its own, with made-up sources ...", flush=True)
    with Instance(folder, source_count) as instance:
        instance.act()
        left_at = time.monotonic()
        finder = Finder(instance.secrets() | {"digest": instance.digests()})
        search = MemorySearch(finder)
        problems = _check_control(instance, finder)
        by_moment: dict[int, Findings] = {}
        opened: dict[int, int] = {}
        for seconds in moments:
            time.sleep(max(0.0, left_at + seconds - time.monotonic()))
            by_moment[seconds] = found = instance.search_memory(search)
            print(
                f"Searched {found.searched_bytes / 1e6:,.0f} MB of memory {seconds} s after the last response.",
                flush=True,
            )
            opened[seconds] = instance.open_blindly(found.candidates)
            problems += [f"The memory of {name} could not be read." for name in found.uncontrolled]
        remains = instance.search_remains(finder)
        print(f"Searched {remains.searched_bytes / 1e6:,.0f} MB of what is stored.\n", flush=True)
        _print_memory(by_moment)
        _print_remains(remains)
        print(f"\nTips opened by the blind search, of {source_count}: " + _join({s: str(n) for s, n in opened.items()}))
        problems += _judge(by_moment, opened, remains)
    for problem in problems:
        print(problem)
    print("The thief found something." if problems else "The thief found nothing.")
    return 1 if problems else 0


def _check_control(instance: Instance, finder: Finder) -> list[str]:
    source = instance.sources[0]
    control = ControlProcess([source.text, source.receipt, source.agent, source.address, instance.subscriber])
    try:
        content = control.read_memory()
    finally:
        control.stop()
    counts = finder.count(content)
    problems = [
        f"The search does not find the control's {kind}."
        for kind in ("text", "receipt", "user agent", "address", "subscriber")
        if not counts[kind]
    ]
    if instance.open_blindly(blind_receipts.find_candidates(content)) != 1:
        problems.append("The blind search does not find the control's receipt.")
    return problems


def _print_memory(by_moment: dict[int, Findings]) -> None:
    header = " | ".join(f"{seconds} s" for seconds in by_moment)
    print(f"Copies in memory, seconds after the last response\n\n| process | kind | {header} |")
    print("|---|---|" + "---|" * len(by_moment))
    for name in next(iter(by_moment.values())).counts:
        kinds = sorted({kind for found in by_moment.values() for kind in found.counts[name]})
        for kind in kinds:
            print(
                f"| {name} | {kind} | "
                + " | ".join(str(found.counts[name][kind]) for found in by_moment.values())
                + " |"
            )
        if not kinds:
            print(f"| {name} | everything | " + " | ".join("0" for _ in by_moment) + " |")


def _print_remains(remains: Findings) -> None:
    print("\nCopies in what is stored\n\n| place | found |\n|---|---|")
    for place, counts in remains.counts.items():
        print(f"| {place} | {_join(counts) if counts else 0} |")


def _judge(by_moment: dict[int, Findings], opened: dict[int, int], remains: Findings) -> list[str]:
    problems = []
    for seconds, found in by_moment.items():
        left = Counter(
            {(name, kind): count for name, counts in found.counts.items() for kind, count in counts.items() if count}
        )
        for name, kind in sorted(set(left) - EXCEPTIONS):
            if seconds >= 60:
                problems.append(f"{seconds} s after the last response {name} still has {left[name, kind]} x {kind}.")
        if seconds >= 60 and opened[seconds]:
            problems.append(f"{seconds} s after the last response the blind search opens {opened[seconds]} tips.")
    problems += [f"{place} has {_join(counts)}." for place, counts in remains.counts.items() if counts]
    return problems


def _join(counts: object) -> str:
    return ", ".join(f"{kind}: {count}" for kind, count in dict(counts).items())  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
