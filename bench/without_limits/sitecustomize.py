"""Lift the limits against floods in every Python process that has this folder on its PYTHONPATH.

For benchmarks that measure how many tips the portal can accept and how fast it mails officers. Python imports a module of
this name when it starts, before Django is set up: the modules are loaded without their packages, which import models.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_module(name: str) -> ModuleType:
    """Load the module in place of the one that its package would import later."""
    spec = spec_from_file_location(name, ROOT.joinpath(*name.split(".")).with_suffix(".py"))
    assert spec
    assert spec.loader
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.path.insert(0, str(ROOT))
load_module("tips.source.throttle").CALM_POSTS = sys.maxsize
load_module("tips.officer_alerts.message_budget").SINGLE_MESSAGES = sys.maxsize
