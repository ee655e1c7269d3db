"""Acts on the chosen tips of the queue."""
