"""Measures the comparison with staff's names: seconds for a text and 200 people, and the share of false walls.

    .venv/bin/python -m bench.name_matching

Texts: tests/tips/walls/sentences.toml, and the tips of the demo city with made-up people in them.
"""

from __future__ import annotations

import random
import time
import tomllib
from pathlib import Path

from tips.walls.name_matching import StaffIndex, StaffNames

ROOT = Path(__file__).parent.parent
SENTENCES = ROOT / "tests" / "tips" / "walls" / "sentences.toml"
DEMO = ROOT / "tipportal" / "demo" / "tips.toml"
FIRST = [
    "James",
    "Mary",
    "Robert",
    "Linda",
    "Maria",
    "Jose",
    "David",
    "Susan",
    "Carlos",
    "Aisha",
    "Kevin",
    "Mei",
    "Brian",
    "Karen",
    "Luis",
    "Dana",
    "Omar",
    "Priya",
    "Erik",
    "Nadia",
]
# Common surnames of the United States, and some that are ordinary words.
LAST = [
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "Garcia",
    "Miller",
    "Davis",
    "Rodriguez",
    "Martinez",
    "Hernandez",
    "Lopez",
    "Gonzalez",
    "Wilson",
    "Anderson",
    "Thomas",
    "Taylor",
    "Moore",
    "Jackson",
    "Martin",
    "Lee",
    "Perez",
    "Thompson",
    "White",
    "Harris",
    "Sanchez",
    "Clark",
    "Ramirez",
    "Lewis",
    "Robinson",
    "Walker",
    "Young",
    "Allen",
    "King",
    "Wright",
    "Scott",
    "Torres",
    "Nguyen",
    "Hill",
    "Flores",
    "Green",
    "Adams",
    "Nelson",
    "Baker",
    "Hall",
    "Rivera",
    "Campbell",
    "Mitchell",
    "Carter",
    "Roberts",
]
STAFF = 200
TIPS = 2000


def main() -> None:
    chance = random.Random(16)
    staff = [StaffNames(n, chance.choice(FIRST), chance.choice(LAST), (), f"{1000 + n}") for n in range(STAFF)]
    index = StaffIndex(staff)
    cases = tomllib.loads(SENTENCES.read_text(encoding="utf-8"))
    plain = [
        sentence for sentence in cases["nobody"]["sentences"] if "Garcia" not in sentence and "Smith" not in sentence
    ]
    plain += [tip["description"] for tip in tomllib.loads(DEMO.read_text(encoding="utf-8"))["tip"]]
    about_residents = [
        f"{chance.choice(FIRST)} {chance.choice(LAST)} sells pills at {chance.randrange(100, 9999)} {chance.choice(LAST)} Street."
        f" {chance.choice(plain)}"
        for _ in range(TIPS)
    ]
    print(f"{STAFF} people on the staff, with {len({person.last_name for person in staff})} surnames")
    for name, texts in (
        ("texts without names", plain),
        ("tips about residents with the same surnames", about_residents),
    ):
        walled = sum(bool(index.find_named(text)) for text in texts)
        print(f"{name}: {walled} of {len(texts)} walled")
    long_text = " ".join(plain * 10)[:10_000]
    started = time.perf_counter()
    for _ in range(20):
        index.find_named(long_text)
    print(f"a text of 10,000 characters: {(time.perf_counter() - started) / 20 * 1000:.1f} ms")
    started = time.perf_counter()
    for _ in range(20):
        StaffIndex(staff)
    print(f"the index of {STAFF} people: {(time.perf_counter() - started) / 20 * 1000:.1f} ms")


if __name__ == "__main__":
    main()
