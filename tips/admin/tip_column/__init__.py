"""The tip column of the desk: facts, time line, acts, and its place in the queue."""
