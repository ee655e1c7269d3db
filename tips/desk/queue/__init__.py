"""The officers' queue: its views, its order, its rows and the time each tip has left."""

from tips.desk.queue.loading import Queue, load

__all__ = ["Queue", "load"]
