"""`manage.py addresses`: keys created, listed and rotated from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_folders(settings: Any, tmp_path: Path) -> None:
    settings.ADDRESS_PUBLIC_KEYS, settings.ADDRESS_PRIVATE_KEYS = tmp_path / "public", tmp_path / "private"


def test_without_a_key_status_names_the_command_that_creates_one() -> None:
    with pytest.raises(CommandError, match="so nobody can subscribe"):
        call_command("addresses", "status")


def test_without_folders_the_command_fails_with_a_sentence(settings: Any) -> None:
    settings.ADDRESS_PUBLIC_KEYS = None
    with pytest.raises(CommandError, match="must both be set"):
        call_command("addresses", "create-key")


def test_status_lists_each_key_and_rotation_leaves_the_newest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call_command("addresses", "create-key")
    call_command("addresses", "create-key")
    older, newest = [line.split()[-1].rstrip(".") for line in capsys.readouterr().out.splitlines()]
    next((tmp_path / "private").glob("0001-*")).rename(tmp_path / "elsewhere")
    call_command("addresses", "status")
    assert capsys.readouterr().out == f"{newest}  newest  private half here  0 addresses\n"
    (tmp_path / "elsewhere").rename(tmp_path / "private" / f"0001-{older}.key")
    call_command("addresses", "status")
    assert capsys.readouterr().out.splitlines()[0] == f"{older}  older  private half here  0 addresses"
    with pytest.raises(CommandError, match=f"Copy the .pub file of key {newest} to each public and staff node first"):
        call_command("addresses", "rotate")
    call_command("addresses", "rotate", "--copied")
    assert capsys.readouterr().out == f"All addresses are now sealed to key {newest}. The older keys are destroyed.\n"
    call_command("addresses", "status")
    assert capsys.readouterr().out.splitlines() == [f"{newest}  newest  private half here  0 addresses"]
