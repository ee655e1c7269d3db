"""Views of the crime map's pages and of the data that its scripts load."""
