"""Links to share a story on other sites. They are plain links: nothing is loaded from another site.

There is no redirect, which would let anyone send people to another site through our address: the page for Mastodon shows
a link to the server that the reader typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext as _

from core.mail.idn_domains import encode_domain

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A DNS name (RFC 1035) that ends in a top-level domain: no IP address, port, path or user part.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")

# The path of a profile, on its server or as another server shows it: /@me, /@me@other.example, /web/@me, /users/me
_PROFILE_PATH = re.compile(r"/(?:(?:web/)?@[\w.-]+(?:@[\w.-]+)?|users/[\w.-]+)(?:/[\w/]*)?(?:\?[^/@\\]*)?$")


@dataclass(frozen=True, slots=True)
class ShareLink:
    name: str
    link: str


def absolute_url(path: str) -> str:
    """Return the absolute URL of one of our pages."""
    return settings.PORTAL_URL + path


def list_share_links(title: str, address: str) -> list[ShareLink]:
    """Return links to sites that accept a text and a link in a query string."""
    text = f"{title} {address}"
    return [
        ShareLink("Bluesky", "https://bsky.app/intent/compose?" + urlencode({"text": text})),
        ShareLink("X", "https://x.com/intent/post?" + urlencode({"text": title, "url": address})),
        ShareLink("Facebook", "https://www.facebook.com/sharer/sharer.php?" + urlencode({"u": address})),
        ShareLink("WhatsApp", "https://wa.me/?" + urlencode({"text": text})),
        ShareLink(_("Email"), "mailto:?" + urlencode({"subject": title, "body": text}).replace("+", "%20")),
    ]


def parse_mastodon_host(typed: str) -> str | None:
    """Read a server's name from "mastodon.social", "@me@mastodon.social" or a profile's address, "https://mastodon.social/@me".

    Returns None if the text names no server.
    """
    host = typed.strip()[:300].removeprefix("https://").removeprefix("http://").rstrip("/")
    if profile := _PROFILE_PATH.search(host):
        host = host[: profile.start()]
    elif host.startswith("@") or re.fullmatch(r"[\w.-]+@[^@]+", host):
        host = host.rpartition("@")[2]
    try:
        host = encode_domain(host)
    except ValueError:
        return None
    return host if len(host) <= 253 and _HOST.fullmatch(host) else None


def mastodon_share_url(host: str, title: str, address: str) -> str:
    """Return the share page of a Mastodon server. `host` is a result of `parse_mastodon_host`."""
    return f"https://{host}/share?" + urlencode({"text": f"{title} {address}"})
