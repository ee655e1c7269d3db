"""`make lint`: find circular imports, imports inside functions that would hide one, and modules and folders that are too large.

import-linter checks the floors (pyproject.toml), this module checks files. Prints one line per violation; then the exit code
is 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tipportal", "outreach", "tips", "crimemap", "file_cleaning", "core")
MAX_MODULE_LINES = 450  # a module fits in the head
MAX_FOLDER_MODULES = 16  # a folder is taken in at a glance
# Imports of our own modules inside a function, each with its reason.
LATE_IMPORTS = {
    ("crimemap/layer_files/process.py", "main"): "what parses the file is imported once the process has its limits",
    ("core/apps.py", "ready"): "Django: models may be imported once all apps are loaded",
    ("tipportal/apps.py", "ready"): "Django: models may be imported once all apps are loaded",
    ("tipportal/deploy/processes.py", "main"): "the installer reads the list of processes before there are packages",
    ("tipportal/deploy/gunicorn.py", "post_worker_init"): "gunicorn reads its configuration before there are settings",
}


def build_import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def find_circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return groups of modules that import each other: strongly connected components (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

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
            start = stack.index(module)
            component = stack[start:]
            del stack[start:]
            if len(component) > 1:
                components.append(sorted(component))

    for module in sorted(graph.modules):
        if module not in index:
            visit(module)
    return components


def find_late_imports() -> Iterator[str]:
    """Yield a sentence for each import of our own modules inside a function without a listed reason."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if (name, function.name) in LATE_IMPORTS:
                    continue
                for node in ast.walk(function):
                    if _imported_packages(node) & set(PACKAGES):
                        yield f"{name}:{node.lineno} imports inside {function.name}()."  # type: ignore[attr-defined]


def _imported_packages(node: ast.AST) -> set[str]:
    """Return the top-level packages that an import statement names."""
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return set()


def find_oversized() -> Iterator[str]:
    """Yield sentences about modules and folders that want to be split by concept."""
    for package in PACKAGES:
        for folder in (ROOT / package, *sorted(path for path in (ROOT / package).rglob("*") if path.is_dir())):
            name = folder.relative_to(ROOT).as_posix()
            modules = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
            if folder.name == "migrations":
                continue
            if len(modules) > MAX_FOLDER_MODULES:
                yield f"{name}/ has {len(modules)} modules; {MAX_FOLDER_MODULES} is the limit."
            for path in modules:
                lines = len(path.read_text(encoding="utf-8").splitlines())
                if lines > MAX_MODULE_LINES:
                    yield f"{name}/{path.name} has {lines} lines; {MAX_MODULE_LINES} is the limit."


def main() -> None:
    violations = [
        f"These modules import each other: {', '.join(circle)}." for circle in find_circles(build_import_graph())
    ]
    violations += [*find_late_imports(), *find_oversized()]
    print("\n".join(violations) or "No circle of files, no import inside a function, nothing oversized.")
    sys.exit(bool(violations))


if __name__ == "__main__":
    main()
