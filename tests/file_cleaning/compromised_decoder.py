"""A compromised decoder: code of a test that runs in the real sandbox in place of the decoder."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

import file_cleaning
from file_cleaning import launcher

PHOTO = b"\xff\xd8\xff\xe0 a photo by its first bytes"
_IMPORTS = launcher._BOOTSTRAP.removesuffix("main()\n")


def take_over(monkeypatch: pytest.MonkeyPatch, attack: str, *, module: str = "images") -> None:
    """Run `attack` as the decoder's `rebuild`, with `source`, `into`, `progress` and `attempt(name, function)`.

    `report` maps the name of each attempt to its result or to the name of its exception.
    """
    start = f"""
{_IMPORTS}
import json, os, socket, subprocess, ctypes, signal
from pathlib import Path
from file_cleaning import {module}
report = {{}}
def attempt(name, function):
    try:
        report[name] = repr(function())
    except BaseException as error:
        report[name] = type(error).__name__
def attack(source, found, into, progress):
{indent(dedent(attack), "    ")}
    (into / "report.json").write_text(json.dumps(report))
    raise ValueError
{module}.rebuild = attack
main()
"""
    monkeypatch.setattr(launcher, "_BOOTSTRAP", start)


def run_and_read_report(folder: Path, kind: bytes = PHOTO) -> dict[str, Any]:
    """Rebuild a file and return the report of the attack."""
    into = folder / "into"
    into.mkdir(mode=0o700)
    source = folder / "source"
    source.write_bytes(kind)
    with pytest.raises(file_cleaning.FileRefusedError) as refused:
        file_cleaning.rebuild(source, into)
    assert refused.value.reason is file_cleaning.RefusalReason.DAMAGED
    found: dict[str, Any] = json.loads((into / "report.json").read_text())
    return found
