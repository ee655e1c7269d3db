"""Riverton, the demo city: drawn by hand in plan.py, grown from it in riverton.py, put into the database by load.py."""
