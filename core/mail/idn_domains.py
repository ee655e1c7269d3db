"""International domain names in mail addresses, as mail servers read them (IDNA 2008).

Python's own codec and Django are of IDNA 2003, which turns "straße.example" into another domain, "strasse.example": mail would
go to a stranger. Imports no settings, because the settings use it.
"""

from __future__ import annotations

from email.utils import parseaddr

import idna


def encode_domain(domain: str) -> str:
    """Return the domain in lower-case ASCII: "straße.example" is "xn--strae-oqa.example". Raises ValueError."""
    return idna.encode(domain.rstrip("."), uts46=True).decode("ascii")


def encode_sender(sender: str) -> str:
    """Return "Name <address>" or "address" with its domain in ASCII. Raises ValueError."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return sender.replace(f"@{domain}", f"@{encode_domain(domain)}")
