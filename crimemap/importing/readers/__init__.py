"""From a file's bytes to tables of cells, and from cells to values. Knows nothing of profiles or the database."""
