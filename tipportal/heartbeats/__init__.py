"""Signs of life of all processes, by the clock: one that is killed, frozen or stuck is late within 90 seconds.

Each worker writes its own to the database. Beat and web processes give theirs in the memory-only store (signs.py), and workers
copy them. The desk names late processes, and the alerts and bulk workers mail administrators about them.
"""
