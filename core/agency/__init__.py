"""The agency's own settings: its name, numbers, colors and limits, which staff change in the admin."""
