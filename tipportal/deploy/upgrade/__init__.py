"""The change from one release to the next: `sudo ./install` with other code than runs.

course.py has the order of its steps, journal.py what stands on the disk meanwhile, write_gate.py what keeps the database as it is,
schema_additions.py what is taken out of it again, services.py what runs. Like the installer, it uses the standard library alone.

Until the database is opened again nobody but its owner has written: till then an upgrade that fails, or is killed, is undone, and
from then on it is only completed. So no tip is lost, and the server is never left between two releases.
"""
