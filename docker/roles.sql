-- One PostgreSQL user a role (core/roles.py), made once, when the data volume is empty. What each may is granted by
-- `manage.py migrate`. None may make databases, users or superusers.
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
-- Both sides in one process exist under `make run` only: here nobody signs in as that.
CREATE ROLE portal_all NOLOGIN;
GRANT portal_public, portal_staff TO portal_all;
ALTER DATABASE portal OWNER TO portal_owner;
