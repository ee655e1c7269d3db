"""Draw docs/img/floors.svg from the imports: floors, packages, their folders, and how many modules import across.

.venv/bin/python -m docs.draw_floors
"""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

import grimp

FLOORS = (("tipportal",), ("outreach", "tips", "crimemap"), ("file_cleaning", "core"))
PURPOSE = {
    "tipportal": "roof: settings, addresses, deployment, demo",
    "outreach": "stories, guides, events",
    "tips": "anonymous tips",
    "crimemap": "incidents, map, alerts",
    "file_cleaning": "a stranger's file in, a clean file out",
    "core": "accounts, audit, mail, queue",
}
NOT_DRAWN = {"migrations", "management", "templatetags"}
TARGET = Path(__file__).resolve().parent / "img" / "floors.svg"
WIDTH, MARGIN, GAP, LINE, PAD = 1000, 36, 16, 19, 12
FLOOR_GAP = 64


def main() -> None:
    graph = grimp.build_graph(*PURPOSE, cache_dir=None)
    TARGET.write_text(_svg(graph), encoding="utf-8")
    print(f"{TARGET.relative_to(TARGET.parents[2])} shows {len(graph.modules)} modules.")


def _folders(graph: grimp.ImportGraph, package: str) -> list[tuple[str, int]]:
    """Names of a package's folders with their number of modules; modules of no folder come first, under "modules"."""
    counts: Counter[str] = Counter()
    for module in graph.find_descendants(package):
        parts = module.split(".")[1:]
        is_folder = bool(graph.find_children(module))
        if parts[0] in NOT_DRAWN or is_folder:
            continue
        counts[parts[0] if len(parts) > 1 else "modules"] += 1
    return sorted(counts.items(), key=lambda item: (item[0] != "modules", item[0]))


def _imports_between(graph: grimp.ImportGraph) -> Counter[tuple[str, str]]:
    """Count the modules of each package that import another, by pairs of packages."""
    counts: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        package = module.split(".")[0]
        others = {other.split(".")[0] for other in graph.find_modules_directly_imported_by(module)} - {package}
        counts.update((package, other) for other in others)
    return counts


def _svg(graph: grimp.ImportGraph) -> str:
    boxes: dict[str, tuple[float, float, float, float]] = {}
    drawn: list[str] = []
    top: float = MARGIN
    for floor in FLOORS:
        width = (WIDTH - 2 * MARGIN - GAP * (len(floor) - 1)) / len(floor)
        columns = max(1, int(width // 135))
        rows = max(-(-len(_folders(graph, package)) // columns) for package in floor)
        height = PAD * 2 + LINE * (rows + 2)
        for number, package in enumerate(floor):
            left = MARGIN + number * (width + GAP)
            boxes[package] = (left, top, width, height)
            drawn += _box(package, _folders(graph, package), boxes[package], columns)
        top += height + FLOOR_GAP
    arrows = [
        _arrow(boxes[importer], boxes[imported], count)
        for (importer, imported), count in sorted(_imports_between(graph).items())
        if boxes[imported][1] > boxes[importer][1]
    ]
    height = top - FLOOR_GAP + MARGIN
    style = (
        "text{font:14px system-ui,sans-serif;fill:#1b2430}.name{font-weight:700;font-size:16px}.small{fill:#4a5663}"
        "rect{fill:#f4f6f8;stroke:#5b6b7b}line{stroke:#5b6b7b;stroke-width:1.5;marker-end:url(#head)}"
        ".count{font-size:12px;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        ' aria-label="Floors of the project and how many modules import across them">'
        f'<style>{style}</style><rect width="100%" height="100%" style="fill:#fff;stroke:none"/>'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#5b6b7b"/></marker></defs>' + "".join(arrows) + "".join(drawn) + "</svg>\n"
    )


def _box(
    package: str, folders: list[tuple[str, int]], box: tuple[float, float, float, float], columns: int
) -> list[str]:
    left, top, width, height = box
    lines = [f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8"/>']
    lines.append(_text(left + PAD, top + PAD + 14, package + "/", "name"))
    lines.append(_text(left + PAD, top + PAD + 14 + LINE, PURPOSE[package], "small"))
    column_width = (width - 2 * PAD) / columns
    for number, (folder, count) in enumerate(folders):
        row, column = divmod(number, columns)
        name = f"{count} modules" if folder == "modules" else f"{folder}/ {count}"
        lines.append(_text(left + PAD + column * column_width, top + PAD + 14 + LINE * (2 + row), name))
    return lines


def _arrow(start: tuple[float, float, float, float], end: tuple[float, float, float, float], count: int) -> str:
    """An arrow from the lower edge of one box to the upper edge of another, with its count beside the middle."""
    top, bottom = start[1] + start[3], end[1]
    x2 = end[0] + end[2] / 2
    x1 = start[0] + start[2] / 2
    x1 = min(max(x1 + (x2 - x1) * 0.3, start[0] + PAD), start[0] + start[2] - PAD)
    if bottom - top > FLOOR_GAP:  # past a floor: beside it
        x1 = x2 = MARGIN / 2 if x2 < WIDTH / 2 else WIDTH - MARGIN / 2
        top, bottom = start[1] + start[3] / 2, end[1] + end[3] / 2
    label = _text((x1 + x2) / 2 + 4, (top + bottom) / 2, str(count), "count")
    return f'<line x1="{x1:.0f}" y1="{top:.0f}" x2="{x2:.0f}" y2="{bottom - 2:.0f}"/>{label}'


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(words)}</text>'


if __name__ == "__main__":
    main()
