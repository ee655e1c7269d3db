"""Addresses that mail gateways and networks have wrapped, or that carry tracking parameters, and the plain address within.

Published as they are, they tell the gateway who follows them, may stop working, and name the mailbox they came from.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"]+", re.IGNORECASE)
_AFTER_ADDRESS = ".,;:!?*_~'"
_MAX_LAYERS = 5

# Sites that hold the plain address in a parameter of the query: (host, path, names of the parameter).
_REDIRECTS = [
    (re.compile(host), re.compile(path), names)
    for host, path, names in (
        (r"(?:.+\.)?safelinks\.protection\.(?:outlook\.com|office365\.us)", r".*", ("url",)),
        (r"statics\.teams\.(?:cdn\.office\.net|microsoft\.com)", r"/evergreen-assets/safelinks/.*", ("url",)),
        (r"(?:www\.)?google\.[a-z.]+", r"/url", ("q", "url")),
        (r"l{1,2}m?\.(?:facebook|instagram|messenger|wl)\.(?:com|co)", r"/(?:l\.php)?", ("u",)),
        (r"(?:www\.)?facebook\.com", r"/(?:l\.php|flx/warn/?)", ("u",)),
        (r"(?:www\.)?linkedin\.com", r"/(?:redir/redirect|safety/go|redirect)/?", ("url",)),
        (r"(?:www\.)?youtube\.com", r"/redirect", ("q",)),
        (r"linkprotect\.cudasvc\.com", r"/url", ("a",)),
        (r"clicktime\.symantec\.com", r".*", ("u",)),
        (r"urldefense\.(?:proofpoint\.)?com", r"/v1/url", ("u",)),
        (r"out\.reddit\.com|steamcommunity\.com", r"/.*", ("url",)),
    )
]
# Gateways whose addresses say nothing of where they lead
_OPAQUE_HOST = re.compile(
    r"t\.co|lnkd\.in|(?:.+\.)?(?:protect(?:-[a-z]+)?|url)(?:-[a-z]+)?\.mimecast\.com|.+\.mimecastprotect\.com"
    r"|.+\.ct\.sendgrid\.net|.+\.list-manage\.com|click\.pstmrk\.it|.+\.awstrack\.me"
)
_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|gad_source|gad_campaignid|msclkid|twclid|ttclid|yclid|li_fat_id|epik|igshid"
    r"|igsh|mc_[ce]id|_hsenc|_hsmi|hsctatracking|mkt_tok|vero_id|vero_conv|oly_(?:enc|anon)_id|_ga|_gl|_gac|_openstat|wickedid"
    r"|rb_clickid|s_cid|ref_src|ref_url|srsltid|fb_(?:action_ids|action_types|source|ref)|__s|ml_subscriber(?:_hash)?|ss_(?:source|campaign_id|email_id)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WrappedLink:
    """An address as it is in a text, and the plain one; empty if the address doesn't tell it."""

    address: str
    plain: str


def find_wrapped_links(text: str) -> list[WrappedLink]:
    """Return the wrapped and tracking addresses of a text, each once."""
    addresses = dict.fromkeys(match[0].rstrip(_AFTER_ADDRESS) for match in _ADDRESS.finditer(text))
    found = [WrappedLink(address, find_plain_address(address)) for address in addresses]
    return [link for link in found if link.plain != link.address]


def unwrap_links(text: str) -> str:
    """Return the text with plain addresses in place of the wrapped ones that tell them."""

    def unwrap(match: re.Match[str]) -> str:
        address = match[0].rstrip(_AFTER_ADDRESS)
        plain = find_plain_address(address).replace("(", "%28").replace(")", "%29")
        return (plain or address) + match[0][len(address) :]

    return _ADDRESS.sub(unwrap, text)


def find_plain_address(address: str) -> str:
    """Return the address without wrappers and tracking parameters: itself if it has none, empty if it cannot be told."""
    for _layer in range(_MAX_LAYERS):
        inner = _unwrap_once(address)
        if inner is None:
            return _drop_tracking(address)
        if not _is_web_address(inner):
            return ""
        address = inner
    return ""


def _unwrap_once(address: str) -> str | None:
    """Return the address within, None if there is no wrapper, empty if the wrapper does not tell it."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if _OPAQUE_HOST.fullmatch(host):
        return ""
    for pattern, path, names in _REDIRECTS:
        if pattern.fullmatch(host) and path.fullmatch(parts.path):
            values = parse_qs(parts.query)
            return next((values[name][0] for name in names if name in values), None)
    return next((decode(address) for pattern, decode in _DECODERS if pattern.match(address)), None)


def _decode_proofpoint_2(address: str) -> str:
    coded = parse_qs(urlsplit(address).query).get("u", [""])[0]
    return unquote(coded.translate(str.maketrans("-_", "%/")))


def _decode_proofpoint_3(address: str) -> str:
    """The address with "*" or "**" and a letter in place of other characters, which follow in base64."""
    match = re.match(r"https?://[^/]+/v3/__(.+?)__;([\w-]*)!", address, re.IGNORECASE)
    if match is None:
        return ""
    # The browser's address bar leaves one slash of "https://".
    coded = re.sub(r"^(https?:/)(?=[^/])", r"\1/", match[1])
    try:
        replaced = base64.urlsafe_b64decode(match[2] + "=" * (-len(match[2]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    position = 0

    def put_back(run: re.Match[str]) -> str:
        nonlocal position
        length = _RUN_LENGTHS.index(run[1]) + 2 if run[1] else 1
        position += length
        return replaced[position - length : position]

    return re.sub(r"\*(?:\*([\w-]))?", put_back, coded)


_RUN_LENGTHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _decode_cisco(address: str) -> str:
    return unquote(address.rpartition("/")[2])


def _decode_sophos(address: str) -> str:
    coded = parse_qs(urlsplit(address).query).get("u", [""])[0]
    try:
        return base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


_DECODERS: list[tuple[re.Pattern[str], Callable[[str], str]]] = [
    (re.compile(r"https?://urldefense\.(?:proofpoint\.)?(?:com|us)/v2/url\?", re.IGNORECASE), _decode_proofpoint_2),
    (re.compile(r"https?://urldefense\.(?:proofpoint\.)?(?:com|us)/v3/", re.IGNORECASE), _decode_proofpoint_3),
    (re.compile(r"https?://secure-web\.cisco\.com/", re.IGNORECASE), _decode_cisco),
    (re.compile(r"https?://[\w.-]+\.protection\.sophos\.com/?\?", re.IGNORECASE), _decode_sophos),
]


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme.lower() in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        return False


def _drop_tracking(address: str) -> str:
    rest, hash_sign, fragment = address.partition("#")
    rest, question_mark, query = rest.partition("?")
    kept = [part for part in query.split("&") if not _TRACKING.fullmatch(unquote(part.partition("=")[0]))]
    if len(kept) == len(query.split("&")):
        return address
    return rest + (question_mark + "&".join(kept) if kept else "") + hash_sign + fragment
