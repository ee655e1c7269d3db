# One image for all processes of the portal; docker-compose.yml chooses the process of each container.
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /portal

# libseccomp2 blocks the network for the process that opens untrusted files (file_cleaning/). Backups need pg_dump and pg_restore of
# the server's version (docker-compose.yml), which the PostgreSQL project's own packages have.
RUN apt-get update && apt-get install -y --no-install-recommends libseccomp2 postgresql-common ca-certificates \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install -y --no-install-recommends postgresql-client-18 && rm -rf /var/lib/apt/lists/*

COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -c constraints.txt

COPY manage.py SECURITY.md ./
COPY locale locale
COPY static static
COPY templates templates
COPY tipportal tipportal
COPY tips tips
COPY crimemap crimemap
COPY outreach outreach
COPY file_cleaning file_cleaning
COPY core core

# Beat needs neither a database nor keys, so its role can collect static files here.
RUN PORTAL_ROLE=beat REDIS_URL=redis://none python manage.py collectstatic --noinput --verbosity=0

# Volumes get their owner from these folders.
RUN install -d -o 10001 -g 10001 /media /snapshots /base-map /incidents /uploads /search /backups

# A user id without an account; the keys on the host belong to it (portal.env.example).
USER 10001:10001
