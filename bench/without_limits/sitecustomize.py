"""Lift the limits against floods in every Python process that has this folder on its PYTHONPATH.

For benchmarks that measure how many tips the portal can accept and how fast it mails officers. Python imports a module of
this name when it starts.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tips.officer_alerts import message_budget
from tips.source import throttle

throttle.CALM_POSTS = sys.maxsize
message_budget.SINGLE_MAILS = sys.maxsize
