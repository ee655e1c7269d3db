"""Refuses passwords made of words that anyone ties to the agency, as ASVS 6.1.2 asks: its name, the city's, "police"."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.agency import current_settings
from core.models import Account
from core.plain_text import fold_text

_WORDS = ("police", "policia", "department", "sheriff", "officer", "detective", "sergeant", "supervisor", "precinct", "station",
          "badge", "portal", "desk", "tips", "password", "welcome", "login", "admin")  # fmt: skip
_MIN_LETTERS = 8  # besides those words
_SHORTEST = 4  # letters of a word of the agency's name


class AgencyWordsValidator:
    """A password validator of Django: with such a word in it, a password needs eight letters more."""

    def validate(self, password: str, user: Account | None = None) -> None:  # noqa: ARG002
        """Raise ValidationError if the password is little more than such words."""
        folded = fold_text(password)
        rest = re.sub("|".join(map(re.escape, _list_words())), "", folded)
        if rest != folded and len(re.findall(r"[^\W\d_]", rest)) < _MIN_LETTERS:
            raise ValidationError(
                _(
                    "This password is mostly words that anyone can guess here, such as the city's name. Add other words."
                ),
                code="password_of_agency_words",
            )

    def get_help_text(self) -> str:
        return _("Your password can't be made of the agency's and the city's name and words like “police” alone.")


def _list_words() -> list[str]:
    """Return the words, folded, the longest first."""
    names = re.findall(r"[^\W\d_]+", fold_text(f"{current_settings.current().name} {current_settings.current().city}"))
    return sorted({*_WORDS, *(name for name in names if len(name) >= _SHORTEST)}, key=len, reverse=True)
