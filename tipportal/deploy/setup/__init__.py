"""The installer of one server: `sudo ./install`, or `python3 -m tipportal.deploy.setup`.

It runs before any package is installed, so this package and what it imports use the standard library alone. answers.py says what it
asks, plan.py lists its steps in order, steps.py has the kinds of steps, and the other modules have the files that it writes.
"""
