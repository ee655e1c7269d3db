"""The periods of files: which days their rows are of, and on which an incident that a file lacks is withdrawn."""
