"""Turns the address that a sign-in comes from into a keyed hash, the only form of it that is ever kept.

Sign-in is the one place of the portal that reads an address. Half of the hash's key is in the memory-only store, where it is
replaced every day, the other half is this server's. So neither a backup nor the store alone tells an address, and tomorrow
not even both.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os

from django.conf import settings
from django.http import HttpRequest

from core import ephemeral_store

KEY_NAME = "sign-in:address-key"
KEY_SECONDS = 24 * 60 * 60
# A household or a phone has a whole network of this size (RFC 6177).
_IPV6_PREFIX = 64


def hash_address(request: HttpRequest) -> str | None:
    """Return a hash that is the same for all requests from an address (IPv6: from its /64 network) for up to a day.

    None if the server does not know the address. Raises StoreDownError.
    """
    network = _find_network(request)
    if network is None:
        return None
    key = ephemeral_store.put_once(KEY_NAME, os.urandom(32), KEY_SECONDS)
    both = hashlib.blake2b(key, key=settings.SECRET_KEY.encode()[:64], person=b"address key").digest()
    return hashlib.blake2b(network.encode(), key=both, digest_size=8, person=b"address").hexdigest()


def _find_network(request: HttpRequest) -> str | None:
    """Return the address in its shortest form, or an IPv6 address's network.

    Behind a proxy, the last entry of X-Forwarded-For is the proxy's own; a client can write those before it.
    """
    if settings.SECURE_PROXY_SSL_HEADER:
        written = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
    else:
        written = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(written.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)
