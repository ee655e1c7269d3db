"""The roof of the project: settings, URLs, processes and the demo city."""
