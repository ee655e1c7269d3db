from __future__ import annotations

import pytest

from core.mail.idn_domains import encode_sender


@pytest.mark.parametrize(
    ("sender", "ascii_sender"),
    [
        ("portal@localhost", "portal@localhost"),
        ("Riverton Police <portal@Straße.example>", "Riverton Police <portal@xn--strae-oqa.example>"),
        ("Ströbel Police <portal@example.org>", "Ströbel Police <portal@example.org>"),
    ],
)
def test_the_senders_domain_is_written_as_mail_servers_read_it(sender: str, ascii_sender: str) -> None:
    assert encode_sender(sender) == ascii_sender
