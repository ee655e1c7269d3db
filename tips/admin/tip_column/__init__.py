"""What the tip column of the desk shows: facts, time line, acts, and its place in the queue."""
