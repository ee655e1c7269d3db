"""Measures the build of a base map for a city of 50,000 streets: python -m bench.base_map [--streets 50000]

The city is made up: a grid of streets with a name between two crossings each, houses on them, parks and a river, written as an
extract of OpenStreetMap. Building stores everything in a database of its own. Beside it: what tippecanoe alone takes.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import osmium
from osmium.osm import mutable

from tests.stack import ROOT, Stack

WEST, SOUTH, STEP = -38.7, 41.3, 0.0012  # degrees
BUILD = """
import sys, time, resource
import django; django.setup()
from pathlib import Path
from crimemap.city_map import build, tiles
drawn = []
write_tiles = tiles.write_tiles
def timed(*given):
    began = time.perf_counter(); path = write_tiles(*given); drawn.append(time.perf_counter() - began); return path
tiles.write_tiles = timed
began = time.perf_counter()
report = build.build_base_map(Path(sys.argv[1]), None, attribution="", replaces_blocks=True)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{report.streets:,} streets, {report.blocks:,} blocks, {report.crossings:,} crossings: "
      f"{time.perf_counter() - began:.1f} s (target 120), of which tiles {drawn[0]:.1f} s; {memory} MB; "
      f"tiles {report.tile_bytes / 1e6:.1f} MB")
"""


def write_city(path: Path, streets: int) -> None:
    size = math.isqrt(streets // 2) + 1
    chance = random.Random(1)
    header = osmium.io.Header()
    north, east = SOUTH + size * STEP, WEST + size * STEP
    header.add_box(osmium.osm.Box(osmium.osm.Location(WEST, SOUTH), osmium.osm.Location(east, north)))
    with osmium.SimpleWriter(str(path), header=header) as writer:
        grid = {(x, y): 1 + x * size + y for x in range(size) for y in range(size)}
        for (x, y), number in grid.items():
            place = (
                WEST + x * STEP + chance.uniform(-0.0002, 0.0002),
                SOUTH + y * STEP + chance.uniform(-0.0002, 0.0002),
            )
            writer.add_node(mutable.Node(id=number, location=place))
        house, ways = size * size, []
        for (x, y), number in grid.items():
            for dx, dy in ((1, 0), (0, 1)):
                if (x + dx, y + dy) in grid and len(ways) < streets:
                    name = f"{'Avenue' if dx else 'Street'} {len(ways) + 1}"
                    kind = "primary" if (y if dx else x) % 20 == 0 else "residential"
                    ways.append(([number, grid[x + dx, y + dy]], {"highway": kind, "name": name}))
                    for at, numbered in ((0.3, "12"), (0.7, "88")):
                        house += 1
                        place = WEST + (x + dx * at) * STEP + dy * 2e-4, SOUTH + (y + dy * at) * STEP + dx * 2e-4
                        tags = {"addr:housenumber": numbered, "addr:street": name}
                        writer.add_node(mutable.Node(id=house, location=place, tags=tags))
        for number, (nodes, tags) in enumerate(ways, 1):
            writer.add_way(mutable.Way(id=number, nodes=nodes, tags=tags))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streets", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=[]) as stack:
        extract = Path(folder) / "city.osm.pbf"
        write_city(extract, options.streets)
        print(f"extract of {extract.stat().st_size / 1e6:.1f} MB")
        variables = os.environ | stack.environment("all") | {"BASE_MAP": f"{folder}/tiles"}
        subprocess.run([sys.executable, "-c", BUILD, str(extract)], env=variables, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
