"""nginx before the portal: its configuration, and the page that it shows while the portal doesn't answer.

docker/nginx.conf is what this module writes for an example. docs/installation.md ("The proxy") says why each line stands there.
"""

from __future__ import annotations

import gettext
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_YEAR = 31536000


@dataclass(frozen=True, slots=True)
class Site:
    """A host of the portal: its names, where its certificate is (fullchain.pem and privkey.pem), and its process's port."""

    hosts: tuple[str, ...]
    certificate: Path
    port: int


@dataclass(frozen=True, slots=True)
class Proxy:
    """All that the configuration says of a server.

    `web_root` holds the folder static/, if nginx serves it. `challenges` is certbot's folder, `closed_page` the page's file.
    `staff_networks` may reach the staff side; all may if there are none.
    """

    public: Site
    staff: Site
    base_map: Path
    has_ipv6: bool = False
    web_root: Path | None = None
    challenges: Path | None = None
    closed_page: Path | None = None
    staff_networks: tuple[str, ...] = ()


def write(proxy: Proxy) -> str:
    """Return the configuration. Start nginx with `-e stderr`: until it has read the file, errors go elsewhere."""
    return f"""\
# nginx before the portal, with two hosts, their certificates and the folder of the base map. docs/installation.md ("The proxy")
# says why each line stands here. Check it with `nginx -t`.
user www-data;
worker_processes auto;
worker_rlimit_nofile 65536;
pid /run/portal-proxy.pid;
# Lines about requests carry addresses of residents, in the error log too: only problems of nginx itself are kept.
error_log stderr emerg;
events {{ worker_connections 8192; }}

http {{
    access_log off;
    log_not_found off;
    server_tokens off;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    large_client_header_buffers 4 32k;
    ssl_protocols TLSv1.2 TLSv1.3;
    # For TLS 1.2: forward secrecy and authenticated encryption alone. Browsers without them lack more than that.
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    # A ticket would tell the network that the same browser is back.
    ssl_session_tickets off;
    upstream portal_public {{ server 127.0.0.1:{proxy.public.port}; keepalive 32; }}
    upstream portal_staff {{ server 127.0.0.1:{proxy.staff.port}; keepalive 8; }}

    # Files of residents are never written to this machine's disk, and pages about a place are never kept.
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_cache off;
    proxy_http_version 1.1;
    proxy_read_timeout 120s;
    client_max_body_size 0;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto https;

    server {{
{_listen(80, proxy, "default_server")}
{_challenges(proxy)}        location / {{ return 301 https://$host$request_uri; }}
    }}

    # Residents. No address of theirs is passed on.
    server {{
{_listen(443, proxy, "ssl default_server")}
        server_name {" ".join(proxy.public.hosts)};
{_certificate(proxy.public)}
        # Tiles of the base map, straight from the folder BASE_MAP: single ranges of a file whose name changes with its content.
        location ~ "^/map/base/(?<digest>[0-9a-f]{{16}})\\.pmtiles$" {{
            root {proxy.base_map};
            try_files /$digest.pmtiles @portal;
            types {{ }}
            default_type application/vnd.pmtiles;
            gzip off;
            max_ranges 1;
            add_header Cache-Control "public, max-age={_YEAR}, immutable";
            add_header X-Content-Type-Options nosniff;
            add_header Cross-Origin-Resource-Policy same-origin;
        }}

{_static(proxy, "        ")}{_closed(proxy)}        location / {{ proxy_pass http://portal_public; }}
        location @portal {{ proxy_pass http://portal_public; }}
    }}

    # Staff. Failed sign-ins are counted by address, and only here.
    server {{
{_listen(443, proxy, "ssl")}
        server_name {" ".join(proxy.staff.hosts)};
{_certificate(proxy.staff)}{_networks(proxy)}        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
{_static(proxy, "        ")}{_closed(proxy)}        location / {{ proxy_pass http://portal_staff; }}
        location @portal {{ proxy_pass http://portal_staff; }}
    }}
}}
"""


def _listen(port: int, proxy: Proxy, options: str) -> str:
    addresses = (str(port), f"[::]:{port}") if proxy.has_ipv6 else (str(port),)
    return "\n".join(f"        listen {address} {options};" for address in addresses)


def _certificate(site: Site) -> str:
    return (
        f"        ssl_certificate {site.certificate}/fullchain.pem;\n"
        f"        ssl_certificate_key {site.certificate}/privkey.pem;\n"
    )


def _challenges(proxy: Proxy) -> str:
    return f"        location /.well-known/acme-challenge/ {{ root {proxy.challenges}; }}\n" if proxy.challenges else ""


def _networks(proxy: Proxy) -> str:
    if not proxy.staff_networks:
        return ""
    return "".join(f"        allow {network};\n" for network in proxy.staff_networks) + "        deny all;\n"


def _static(proxy: Proxy, indent: str) -> str:
    """Return the location of style sheets and scripts: each has a digest in its name and lies there compressed, too."""
    if proxy.web_root is None:
        return ""
    lines = (
        "location /static/ {",
        f"    root {proxy.web_root};",
        "    try_files $uri @portal;",
        "    gzip_static on;",
        "    charset utf-8;",
        f'    add_header Cache-Control "public, max-age={_YEAR}, immutable";',
        "    add_header X-Content-Type-Options nosniff;",
        '    add_header Strict-Transport-Security "max-age=63072000; includeSubDomains";',
        "}",
    )
    return "".join(f"{indent}{line}\n" for line in lines)


def _closed(proxy: Proxy) -> str:
    if proxy.closed_page is None:
        return ""
    return f"""\
        error_page 502 503 504 @closed;
        location @closed {{
            root {proxy.closed_page.parent};
            try_files /{proxy.closed_page.name} =503;
            default_type text/html;
            add_header Cache-Control no-store always;
            add_header Retry-After 30 always;
            add_header Content-Security-Policy "default-src 'none'; frame-ancestors 'none'" always;
            add_header Referrer-Policy same-origin always;
            add_header X-Content-Type-Options nosniff always;
            add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;
        }}
"""


def write_closed_page(answers: Mapping[str, str], locale: Path) -> str:
    """Return the page that residents and staff see while the portal doesn't answer, in the agency's language if `locale` has it."""
    language = answers.get("LANGUAGE_CODE") or "en-us"
    _ = _load_translation(language, locale)
    danger = _("If anyone is in danger, call %(number)s.") % {"number": answers["EMERGENCY_NUMBER"]}
    advice = _(
        "What you were sending may not have arrived. Wait a minute, go back, and send it again. Your receipt, if you have"
        " one, stays valid."
    )
    title, heading = _("Back in a moment"), _("This site is closed for a moment")
    agency = f"{answers['AGENCY_NAME']}. {answers['CONTACT']}"
    language, title, heading, danger, advice, agency = map(
        html.escape, (language, title, heading, danger, advice, agency)
    )
    return f"""\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1 dir="auto">{heading}</h1>
<p dir="auto">{danger}
<p dir="auto">{advice}
<p dir="auto">{agency}
</html>
"""


def _load_translation(language: str, locale: Path) -> Callable[[str], str]:
    """Return the function that translates into a language such as "pt-br"; without its file, the text stays as it is."""
    name, _dash, region = language.lower().partition("-")
    region = region.title() if len(region) > 2 else region.upper()  # scripts: zh_Hans
    folder = f"{name}_{region}" if region else name
    return gettext.translation("django", locale, [folder, name], fallback=True).gettext
