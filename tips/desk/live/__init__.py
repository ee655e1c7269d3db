"""Keeps the pages of the desk live: who is at which tip, and whether something that an officer may see has changed.

- sightings.py: where each officer's tabs are. In memory alone, and for as long as the tabs ask.
- exchange.py: the staff processes tell each other, sealed, through the memory-only store.
- fingerprints.py: one hash of all that the desk shows an account.
- desk_watch.py: keeps for each account that asks what it would see, and answers polls from memory.
- live_thread.py: looks again when the database says that something has changed.
"""
