-- One PostgreSQL user per role (core/roles.py), created once, when the data volume is empty. `manage.py migrate` grants their
-- rights. None can create databases, users or superusers.
\getenv owner PORTAL_OWNER_PASSWORD
\getenv public PORTAL_PUBLIC_PASSWORD
\getenv staff PORTAL_STAFF_PASSWORD
\getenv alerts PORTAL_ALERTS_PASSWORD
\getenv bulk PORTAL_BULK_PASSWORD
\getenv media PORTAL_MEDIA_PASSWORD
SET log_min_error_statement = panic;
CREATE ROLE portal_owner LOGIN PASSWORD :'owner';
CREATE ROLE portal_public LOGIN PASSWORD :'public';
CREATE ROLE portal_staff LOGIN PASSWORD :'staff';
CREATE ROLE portal_alerts LOGIN PASSWORD :'alerts';
CREATE ROLE portal_bulk LOGIN PASSWORD :'bulk';
CREATE ROLE portal_media LOGIN PASSWORD :'media';
-- Only `make run` serves residents and staff from one process: here this role cannot log in.
CREATE ROLE portal_all NOLOGIN;
GRANT portal_public, portal_staff TO portal_all;
ALTER DATABASE portal OWNER TO portal_owner;
-- For drills of backups, which restore into it and empty it again.
CREATE DATABASE portal_drill OWNER portal_owner;
REVOKE ALL ON DATABASE portal_drill FROM PUBLIC;
