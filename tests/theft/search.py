"""Find secrets in bytes: as they are, encoded, hashed and keyed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import ipaddress
import json
import socket
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

import numpy as np

# The search looks up windows of this many bytes, so nothing shorter can be searched for.
WINDOW_BYTES = 8
# Windows are looked up by 20 bits of their product with an odd number near 2^64 / golden ratio (Knuth, TAOCP 6.4).
_MULTIPLIER, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(44)
# Windows looked up at once: what fits the processor's cache.
_BLOCK = 32 * 1024


def spell_text(text: str) -> set[bytes]:
    """Return the text as Python, JSON, HTML, URLs, forms and mails hold it."""
    plain = text.encode()
    forms = {plain, text.encode("utf-16-le"), text.encode("utf-32-le"), plain.upper()}
    forms |= {form(text).encode() for form in (quote, quote_plus, html.escape, lambda text: json.dumps(text)[1:-1])}
    return forms | spell_bytes(plain)


def spell_bytes(content: bytes) -> set[bytes]:
    """Return the bytes themselves, in hexadecimal, and in Base64 wherever they begin in the encoded text."""
    forms = {content, content.hex().encode(), content.hex().upper().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            encoded = encode(b"\0" * shift + content)
            whole = (shift + len(content)) // 3 * 4  # the characters that depend on these bytes alone
            forms.add(encoded[(0, 2, 3)[shift] : whole])
    return {form for form in forms if len(form) >= WINDOW_BYTES}


def spell_packed_address(address: str) -> set[bytes]:
    """Return an IPv4 address as sockets and Python's integers hold it. Its four bytes alone are in memory by chance."""
    packed, number = socket.inet_aton(address), int(ipaddress.IPv4Address(address))
    end_of_ipv6 = b"\0\0\xff\xff" + packed
    # struct sockaddr_in ends with eight zeros; an int has digits of 30 bits.
    return {packed + bytes(8), end_of_ipv6, struct.pack("<2I", number & (2**30 - 1), number >> 30)}


def spell_receipt(words: str) -> set[bytes]:
    """Return the receipt with all usual separators, and without."""
    return {form for separator in (" ", "-", "\n", ",", ", ", "") for form in spell_text(words.replace(" ", separator))}


def spell_digests(text: str, keys: Iterable[bytes]) -> set[bytes]:
    """Return the hashes of a text under each key, plain ones included (`b""`), cut to 16 bytes, with their encodings."""
    plain = text.encode()
    digests: set[bytes] = set()
    for key in keys:
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            digests.add(hmac.new(key, plain, algorithm).digest()[:16])
            digests.add(hashlib.new(algorithm, key + plain).digest()[:16])
        for size in (16, 32, 64):
            digests.add(hashlib.blake2b(plain, key=key[:64], digest_size=size).digest()[:16])
    return {
        form
        for digest in digests
        for form in (
            digest,
            digest.hex().encode(),
            base64.b64encode(digest)[:20],
            base64.urlsafe_b64encode(digest)[:20],
        )
    }


class Finder:
    """Counts occurrences of many secrets in one pass. `secrets` maps the name of each kind to its spellings."""

    def __init__(self, secrets: Mapping[str, Iterable[bytes]]) -> None:
        self.kinds = list(secrets)
        self._spellings: dict[bytes, list[tuple[str, bytes]]] = {}
        for kind, spellings in secrets.items():
            for spelling in set(spellings):
                if len(spelling) < WINDOW_BYTES or not spelling[:WINDOW_BYTES].strip(b"\0"):
                    raise ValueError(f"too short, or begins with what memory is full of: {spelling!r}")
                self._spellings.setdefault(spelling[:WINDOW_BYTES], []).append((kind, spelling))
        self._begins = np.unique(np.array([int.from_bytes(begin, "little") for begin in self._spellings], "<u8"))
        self._may_begin = np.zeros(2**20, bool)
        self._may_begin[(self._begins * _MULTIPLIER) >> _SHIFT] = True

    def count(self, content: bytes) -> Counter[str]:
        """Return how often each kind of secret occurs in `content`."""
        return Counter(kind for kind, _offset in self.find(content))

    def find(self, content: bytes) -> Iterator[tuple[str, int]]:
        """Yield the kind and offset of each occurrence."""
        for shift in range(min(WINDOW_BYTES, max(0, len(content) - WINDOW_BYTES + 1))):
            windows = np.frombuffer(content, "<u8", (len(content) - shift) // WINDOW_BYTES, shift)
            for offset in self._list_begins(windows, shift):
                for kind, spelling in self._spellings[content[offset : offset + WINDOW_BYTES]]:
                    if content.startswith(spelling, offset):
                        yield kind, offset

    def _list_begins(self, windows: np.ndarray, shift: int) -> Iterator[int]:
        """Yield the offsets of windows that a spelling begins with."""
        for first in range(0, len(windows), _BLOCK):
            block = windows[first : first + _BLOCK]
            at = np.flatnonzero(self._may_begin[(block * _MULTIPLIER) >> _SHIFT])
            if len(at):
                place = np.searchsorted(self._begins, block[at])
                at = at[self._begins[np.minimum(place, len(self._begins) - 1)] == block[at]]
                yield from ((first + at) * WINDOW_BYTES + shift).tolist()
