"""Subscribers' addresses: what is taken for one, what the database holds of it, and who alone can read it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mail import subscriber_addresses
from core.mail.subscriber_addresses import Contact, EmailAddressError, KeyMissingError, SealError
from core.roles import Role
from tipportal.deploy import processes

SECRET = bytes(range(32))
CONTACT = Contact("maria.lopez@example.org", SECRET)
# The private half of a pair, and CONTACT sealed to it.
PRIVATE = "6846779755e884ab17637435bac06937155ff978cb2d2081030147535989f97d"
SEALED = (
    "0141af452b806fbbb5b02b02a9ad4161d2b4667fb9edbbf5afee95482881bc59bc2e04cebbc397d77c3ed33d12f7ce0674d3acef2dfe2c"
    "055e8ec2d173da8bd89add87ae4c7d5ca5a70019f1d324867c7d845f6892425c5bf9226e0d3b95ac72700742354bd298b2b6b895683ee7"
    "e51c4df4fa2f9cf25f3cf3c6b22845f0133bf1b84ce4924287bbb8acf6d579fce05d5086465b672f0547c16b07d97369986bb2ef924125"
    "25c2206ee5486bd52a9dd70bcca3215fe94d5db4e01ff2c6c8fac4d2a8b8ad7c1bb32fd2cd62ceff7c41761293be12bdae0521a3286bf7"
    "9a82e5a7f6248ba7c6b069a14bec65c90482e70eb6a14f9e8b6cf885e133df04af2314165b55c1fb4b53ef4a263c2d6625c67a51d38d6b"
    "0aa6d7104e72c8a22e3e0320e29ceb310e5c0235a6d18a6c457477a5453ead2dd8b924791df271987b68876f3f918e3f63038bfdb3cdd3"
    "61cb8527b590530492d99b095e90b0"
)


@pytest.fixture
def folders(tmp_path: Path, settings: Any) -> tuple[Path, Path]:
    """A pair of their own, as the bulk worker has it."""
    settings.ADDRESS_PUBLIC_KEYS, settings.ADDRESS_PRIVATE_KEYS = tmp_path / "public", tmp_path / "private"
    subscriber_addresses.create_key_pair()
    return tmp_path / "public", tmp_path / "private"


# Input


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("maria@example.org", "maria@example.org"),
        ("  Maria.Lopez@Example.ORG\n", "Maria.Lopez@example.org"),
        ("m+map@example.org", "m+map@example.org"),
        ("maria@münchen.example", "maria@xn--mnchen-3ya.example"),
        ("maria@example.org.", "maria@example.org"),
        # IDNA 2008: by IDNA 2003 each of these is a stranger's domain.
        ("maria@straße.example", "maria@xn--strae-oqa.example"),
        ("maria@STRAẞE.example", "maria@xn--strae-oqa.example"),
        ("maria@βόλος.example", "maria@xn--nxasmm1c.example"),
        ("maria@ｅｘａｍｐｌｅ。org", "maria@example.org"),
    ],
)
def test_spellings_of_an_address_are_normalized(typed: str, address: str) -> None:
    assert subscriber_addresses.normalize_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "a@[127.0.0.1]",
        "",
        "maria",
        "@example.org",
        "maria@",
        "maria@example",
        "maria@example.org\nBcc: all@example.org",
        "maria@example.org, other@example.org",
        "Maria <maria@example.org>",
        '"maria lopez"@example.org',
        "märia@example.org",
        "maria@☃.example",
        "maria@a_b.example",
        "maria@-a.example",
        "a" * 250 + "@example.org",
        "maria@" + "a" * 64 + ".org",
        "maria@" + ".".join(["a" * 60] * 5) + ".org",
        "x" * 100_000,
    ],
)
def test_invalid_addresses_are_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(EmailAddressError, match="We can't send to this email address"):
        subscriber_addresses.normalize_address(typed)


@given(st.text(max_size=300))
def test_any_text_gives_a_one_line_address_or_an_error(text: str) -> None:
    try:
        address = subscriber_addresses.normalize_address(text)
    except EmailAddressError:
        return
    assert address.isascii()
    assert len(address.split()) == 1
    assert subscriber_addresses.normalize_address(address) == address


# Sealing


def test_the_bulk_worker_opens_a_sealed_contact(folders: tuple[Path, Path]) -> None:
    sealed = subscriber_addresses.seal_contact(CONTACT)
    assert subscriber_addresses.open_contact(sealed) == CONTACT
    assert subscriber_addresses.open_contact(memoryview(sealed)) == CONTACT


def test_other_processes_cannot_open_a_contact(folders: tuple[Path, Path], settings: Any) -> None:
    sealed = subscriber_addresses.seal_contact(CONTACT)
    settings.ADDRESS_PRIVATE_KEYS = None
    with pytest.raises(KeyMissingError):
        subscriber_addresses.open_contact(sealed)
    with pytest.raises(KeyMissingError):
        subscriber_addresses.create_key_pair()


def test_the_seal_hides_address_and_length(folders: tuple[Path, Path]) -> None:
    longest = "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".org"
    seals = [
        subscriber_addresses.seal_contact(Contact(address, SECRET)) for address in ("a@b.cd", CONTACT.address, longest)
    ]
    assert {len(sealed) for sealed in seals} == {345}
    assert not any(b"example" in sealed or SECRET in sealed for sealed in seals)
    assert subscriber_addresses.seal_contact(CONTACT) != subscriber_addresses.seal_contact(CONTACT)
    assert subscriber_addresses.open_contact(seals[2]).address == longest


def test_a_changed_byte_is_detected(folders: tuple[Path, Path]) -> None:
    sealed = subscriber_addresses.seal_contact(CONTACT)
    for position in (9, 40, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealError):
            subscriber_addresses.open_contact(bytes(changed))
    for other in (b"", sealed[:9], b"\x02" + sealed[1:]):
        with pytest.raises(SealError):
            subscriber_addresses.open_contact(other)


def test_only_normalized_addresses_are_sealed(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError):
        subscriber_addresses.seal_contact(Contact("a" * 257, SECRET))
    with pytest.raises(ValueError):
        subscriber_addresses.seal_contact(Contact("märia@example.org", SECRET))
    with pytest.raises(ValueError):
        subscriber_addresses.seal_contact(Contact("maria@example.org", b"short"))


def test_without_a_public_key_sealing_fails(settings: Any, tmp_path: Path) -> None:
    settings.ADDRESS_PUBLIC_KEYS = tmp_path
    with pytest.raises(KeyMissingError):
        subscriber_addresses.seal_contact(CONTACT)


def test_the_format_is_stable(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "0001-41af452b806fbbb5.key").write_bytes(bytes.fromhex(PRIVATE))
    settings.ADDRESS_PRIVATE_KEYS = tmp_path
    assert subscriber_addresses.open_contact(bytes.fromhex(SEALED)) == CONTACT


def test_error_reports_do_not_show_a_contact() -> None:
    assert "maria" not in repr(CONTACT)
    assert "x01" not in repr(CONTACT)


# Finding again


def test_the_keyed_hash_is_the_same_for_the_same_address(settings: Any, tmp_path: Path) -> None:
    found = subscriber_addresses.hash_address("Maria@example.org")
    assert (
        found
        == subscriber_addresses.hash_address("maria@example.org")
        != subscriber_addresses.hash_address("mario@example.org")
    )
    assert len(found) == 32
    settings.ADDRESS_HASH_KEY = tmp_path / "other"
    settings.ADDRESS_HASH_KEY.write_bytes(os.urandom(32))
    assert subscriber_addresses.hash_address("maria@example.org") != found


def test_without_the_hash_key_hashing_fails(settings: Any, tmp_path: Path) -> None:
    settings.ADDRESS_HASH_KEY = None
    with pytest.raises(KeyMissingError, match="ADDRESS_HASH_KEY"):
        subscriber_addresses.hash_address("maria@example.org")
    for content in (None, b"short"):
        settings.ADDRESS_HASH_KEY = tmp_path / "key"
        if content:
            settings.ADDRESS_HASH_KEY.write_bytes(content)
        with pytest.raises(KeyMissingError, match="32 bytes"):
            subscriber_addresses.hash_address("maria@example.org")


# Links


def test_a_secret_survives_encoding_in_a_link() -> None:
    secret = subscriber_addresses.create_secret()
    assert subscriber_addresses.decode_secret(subscriber_addresses.encode_secret(secret)) == secret
    assert len(subscriber_addresses.encode_secret(secret)) == 43
    assert (
        subscriber_addresses.hash_secret(SECRET).hex()
        == "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"
    )


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "ä" * 43, "a" * 42 + "\n", "../" * 15])
def test_an_invalid_link_decodes_to_none(text: str) -> None:
    assert subscriber_addresses.decode_secret(text) is None


# The role


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.BULK])
def test_other_roles_refuse_to_start_with_the_private_key(role: Role, tmp_path: Path) -> None:
    given = dict.fromkeys(("REDIS_URL", "SECRET_KEY"), "x") | {"DATABASE_URL": "postgres://nobody@nowhere/none"}
    given = processes.environment_for(role, given) | {"PATH": "/bin", "ADDRESS_PRIVATE_KEYS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"], env=given, capture_output=True, text=True, check=False
    )
    assert "ADDRESS_PRIVATE_KEYS is set for the" in done.stderr
    assert done.returncode
