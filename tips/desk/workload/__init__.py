"""The supervisors' board: who has how many open tips, moving them to others, legal holds, and second looks at closed ones.

No sensitive or walled tip is in any number or list of it, not even for the people who may see these tips.
"""

from __future__ import annotations

from tips.desk.workload.board import Board, OfficerLoad, load_board
from tips.desk.workload.holds import list_holds
from tips.desk.workload.moves import Moves, list_receivers, move_tips
from tips.desk.workload.second_looks import draw_last_week, give_verdict, list_looks

__all__ = [
    "Board",
    "Moves",
    "OfficerLoad",
    "draw_last_week",
    "give_verdict",
    "list_holds",
    "list_looks",
    "list_receivers",
    "load_board",
    "move_tips",
]
