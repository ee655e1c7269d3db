"""Checks of the portal's own state: settings, tables, receipts' salt, base map and feeds."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import run_checks

from core.agency import current_settings
from core.ephemeral_store import StoreDownError
from core.roles import Role
from crimemap.city_map import tile_file
from crimemap.importing.arrival import feed_monitor
from crimemap.models import Source
from crimemap.places import base_map
from tipportal import health, stalled_work
from tipportal.backup import records as backup_records
from tipportal.deploy import processes
from tipportal.doctor.findings import Finding, summarize
from tipportal.heartbeats import records, signs
from tips import receipt_salt

# Advice for the proxy, which may have been taken: it stays as long as the address has a port.
_ADVICE = "tipportal.W008"
_AGENCY = {"name": "AGENCY_NAME", "city": "CITY_NAME", "contact": "CONTACT"}


def check_settings() -> list[Finding]:
    """Run the system checks of a deployment, and look for names of the agency that nobody has set."""
    messages = run_checks(
        include_deployment_checks=True, databases=["default"] if settings.ROLE.database_user else None
    )
    ours = [message for message in messages if (message.id or "").startswith("tipportal.") and message.id != _ADVICE]
    faults = [f"{message.msg} {message.hint or ''}".strip() for message in ours if not message.is_silenced()]
    if settings.ROLE not in (Role.BEAT, Role.MEDIA, Role.OWNER):
        faults += [
            f"{_AGENCY[name]} isn't set, so pages and mails don't say whose they are. Set it, or fill in the agency settings on the desk."
            for name in current_settings.list_missing()
        ]
    return summarize(faults, "The settings are those of a deployment.")


def check_migrations() -> list[Finding]:
    """Look for migrations that were not run. DatabaseError if the database doesn't answer."""
    faults = (
        ["The database is older than this version. Run manage.py migrate as the owner (PORTAL_ROLE=owner)."]
        if "migrations" in health.find_missing_database()
        else []
    )
    return summarize(faults, "All migrations were run.")


def check_gate() -> list[Finding]:
    """Look whether an upgrade has closed the database, and was interrupted. DatabaseError if the database doesn't answer."""
    faults = (
        []
        if health.is_database_open()
        else [
            "The database is closed for an upgrade, so no tip can be sent. If the upgrade was interrupted, it is undone or"
            " completed within a minute; if not, run sudo ./install again."
        ]
    )
    return summarize(faults, "The database is open, so no upgrade is going on.")


def check_salt() -> list[Finding]:
    """Compare the salt of receipts with the database's fingerprint."""
    try:
        receipt_salt.read_salt()
    except receipt_salt.KeyMissingError as error:
        return summarize([str(error)], "")
    return summarize([], "The salt is the one that this database's receipts were made with.")


def check_backups() -> list[Finding]:
    """Look for a backup and a proof that one restores, both recent enough."""
    return summarize(
        backup_records.describe_for_operator(), "There is a recent backup, and one was restored as a test."
    )


def check_base_map() -> list[Finding]:
    """Look for the tiles that the map's pages name."""
    build = base_map.current_build()
    faults = []
    if build is None or settings.BASE_MAP is None:
        setting = "" if settings.BASE_MAP else "Set BASE_MAP. "
        faults = [
            f"There is no base map, so maps show neither streets' names nor buildings. {setting}As the staff role, run manage.py"
            " base_map build with an extract of OpenStreetMap (docs/incidents.md)."
        ]
    elif tile_file.path_of(build.tiles) is None:
        faults = [
            f"The base map's file isn't in {settings.BASE_MAP}, so maps stay empty. Copy the folder from the staff node, or run"
            " manage.py base_map build again."
        ]
    return summarize(faults, "The base map is here.")


def check_feeds() -> list[Finding]:
    """Look for sources of incidents whose next file is overdue."""
    late = [str(source) for source in Source.objects.order_by("pk") if feed_monitor.is_late(source)]
    faults = [
        f"The feed “{name}” is late: residents see older incidents. Check the agency's export, then the list of imports."
        for name in late
    ]
    return summarize(faults, "No feed of incidents is late.")


def check_queues() -> list[Finding]:
    """Look for work that waits for longer than it ever takes: mail, imports, the map's publication, posts and stories."""
    return summarize(stalled_work.describe_for_operator(), "No work waits for longer than it ever takes.")


def check_heartbeats() -> list[Finding]:
    """Look for processes that give no sign of life. Without the store workers alone can be told."""
    living, late = records.list_living(), records.list_late()
    expected = [process.name for process in processes.WORKERS]
    try:
        living += signs.list_fresh()
        expected += [processes.BEAT.name, *signs.WEB]
    except StoreDownError:
        pass
    faults = [
        f"{name} gives no sign of life. Look at its log, and start it again."
        if name in late
        else f"{name} has never run with this database. Start it."
        for name in expected
        if name not in living
    ]
    return summarize(faults, "All processes give signs of life.")
