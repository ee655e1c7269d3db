"""The columns of a table, by what they say: times, places, counts."""
