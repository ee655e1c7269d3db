"""The supervisors' board: who has how many open tips, moving them to others, legal holds, and second looks at closed ones.

No sensitive or walled tip is in any number or list of it, not even for the people who may see these tips.
"""

from __future__ import annotations

from tips.desk.workload.board import Board, OfficerLoad, load_board
from tips.desk.workload.duty_gaps import DutyGaps, find_gaps
from tips.desk.workload.handovers import Handover, find_next
from tips.desk.workload.holds import list_holds
from tips.desk.workload.moves import Moves, list_receivers, move_tips
from tips.desk.workload.reminders import list_reminded, remind
from tips.desk.workload.second_looks import draw_last_week, give_verdict, list_looks
from tips.desk.workload.target_results import TargetResult, measure_results

__all__ = [
    "Board",
    "DutyGaps",
    "Handover",
    "Moves",
    "OfficerLoad",
    "TargetResult",
    "draw_last_week",
    "find_gaps",
    "find_next",
    "give_verdict",
    "list_holds",
    "list_looks",
    "list_receivers",
    "list_reminded",
    "load_board",
    "measure_results",
    "move_tips",
    "remind",
]
