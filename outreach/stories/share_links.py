"""Where a story can be told on: plain links that the reader follows or not. Nothing of another site is on our page.

No link of ours sends a reader on by itself: the page for Mastodon shows a link to the server that was typed, so that our
address cannot be misused to send people elsewhere unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext as _

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A name as in DNS (RFC 1035) that ends in a top-level domain: no address in digits, no port, no path, no sign-in part.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")


@dataclass(frozen=True, slots=True)
class ShareLink:
    name: str
    link: str


def absolute_url(path: str) -> str:
    """The address of one of our pages as others write it."""
    return settings.PORTAL_URL + path


def list_share_links(title: str, address: str) -> list[ShareLink]:
    """The places that take a text and a link in an address."""
    both = f"{title} {address}"
    return [
        ShareLink("Bluesky", "https://bsky.app/intent/compose?" + urlencode({"text": both})),
        ShareLink("X", "https://x.com/intent/post?" + urlencode({"text": title, "url": address})),
        ShareLink("Facebook", "https://www.facebook.com/sharer/sharer.php?" + urlencode({"u": address})),
        ShareLink("WhatsApp", "https://wa.me/?" + urlencode({"text": both})),
        ShareLink(_("E-mail"), "mailto:?" + urlencode({"subject": title, "body": both}).replace("+", "%20")),
    ]


def parse_mastodon_host(typed: str) -> str | None:
    """The server somebody named: "mastodon.social", "https://mastodon.social/", "@me@mastodon.social". None if it is none."""
    host = typed.strip()[:300].removeprefix("https://").removeprefix("http://").rstrip("/")
    if host.startswith("@") or re.fullmatch(r"[\w.-]+@[^@]+", host):
        host = host.rpartition("@")[2]
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    return host if len(host) <= 253 and _HOST.fullmatch(host) else None


def mastodon_share_url(host: str, title: str, address: str) -> str:
    """Where a server of Mastodon's takes a text. `host` is what `mastodon_host` gave."""
    return f"https://{host}/share?" + urlencode({"text": f"{title} {address}"})
