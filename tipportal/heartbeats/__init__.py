"""Signs of life of the workers and the scheduler, by the clock: a process that is killed, frozen or stuck is late within 90 seconds.

Each worker writes its own to the database. Beat has no database user: it leaves its own in the memory-only store, and the workers
copy it. The desk names late processes, and the alerts and bulk workers mail administrators about them.
"""
