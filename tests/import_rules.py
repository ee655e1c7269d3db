"""`make lint`: no circle of files, and no import inside a function to hide one.

import-linter knows the floors (pyproject.toml); this knows files. A line an offence, exit code 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tipportal", "outreach", "tips", "crimemap", "file_cleaning", "core")
# Imports of our own modules inside a function, each with what forces it.
LATE_IMPORTS = {
    ("core/apps.py", "ready"): "Django: models may be imported once all apps are loaded",
    ("tipportal/apps.py", "ready"): "Django: models may be imported once all apps are loaded",
}


def import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Groups of modules in which each imports, through others, itself (strongly connected components, Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            at = stack.index(module)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                found.append(sorted(component))

    for module in sorted(graph.modules):
        if module not in index:
            visit(module)
    return found


def late_imports() -> Iterator[str]:
    """Sentences about imports of our own modules that stand inside functions without a listed reason."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if (name, function.name) in LATE_IMPORTS:
                    continue
                for node in ast.walk(function):
                    if _names(node) & set(PACKAGES):
                        yield f"{name}:{node.lineno} imports inside {function.name}()."  # type: ignore[attr-defined]


def _names(node: ast.AST) -> set[str]:
    """The packages that an import statement names."""
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return set()


def main() -> None:
    offences = [f"These modules import each other: {', '.join(circle)}." for circle in circles(import_graph())]
    offences += late_imports()
    print("\n".join(offences) or "No circle of files, no import inside a function.")
    sys.exit(bool(offences))


if __name__ == "__main__":
    main()
