"""The roles of processes: each has one PORTAL_ROLE, one PostgreSQL user, and only the keys it needs.

| role    | process                  | PostgreSQL user | may open tips |
|---------|--------------------------|-----------------|---------------|
| public  | residents' pages         | portal_public   | no            |
| staff   | the admin                | portal_staff    | yes           |
| all     | both, for `make run`     | portal_all      | yes           |
| alerts  | Celery: officers' alerts | portal_alerts   | no            |
| bulk    | Celery: everything slow  | portal_bulk     | no            |
| media   | Celery: strangers' files | portal_media    | no            |
| beat    | Celery's clock           | none            | no            |
| owner   | migrations and commands  | portal_owner    | no            |
"""

from __future__ import annotations

import enum


class Role(enum.StrEnum):
    PUBLIC = "public"
    STAFF = "staff"
    ALL = "all"
    ALERTS = "alerts"
    BULK = "bulk"
    MEDIA = "media"
    BEAT = "beat"
    OWNER = "owner"

    @property
    def serves_public(self) -> bool:
        return self in (Role.PUBLIC, Role.ALL)

    @property
    def serves_staff(self) -> bool:
        return self in (Role.STAFF, Role.ALL)

    @property
    def is_web(self) -> bool:
        return self.serves_public or self.serves_staff

    @property
    def database_user(self) -> str | None:
        return None if self is Role.BEAT else f"portal_{self.value}"

    @property
    def unix_user(self) -> str:
        """The Unix user of the role's processes: PostgreSQL knows a user of the same name by it, without a password."""
        return f"portal_{self.value}"
