"""Rules for texts and numbers that an agency shows on every page.

An account of an administrator may be stolen. These rules keep out what could lead sources elsewhere or mislead them: links and
addresses, markup, invisible characters, and numbers within names.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.plain_text import clean_published_text

# A dot between letters is part of a web or mail address; after the dot of an abbreviation comes a space or one letter.
_ADDRESS = re.compile(r"://|@|\bwww\.|[\w-]\.[^\W\d_]{2,}", re.IGNORECASE)
_MARKUP = re.compile(r"[<>{}\[\]\\`|]")
_NUMBER = re.compile(r"\+?[0-9](?:[0-9 ().-]*[0-9])?")
_MAX_DIGITS_OF_A_NAME = 4
_DIGITS_OF_A_NUMBER = range(3, 16)  # up to ITU-T E.164
MAX_CRISIS_LINES = 5


def check_text(text: str) -> str:
    """Return plain text with paragraphs. Raises ValidationError for links, markup and invisible characters."""
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in text.replace("\r\n", "\n").split("\n"))).strip()
    if clean_published_text(text) != text:
        raise ValidationError(_("This has invisible characters. Type it yourself instead of pasting it."))
    if _ADDRESS.search(text):
        raise ValidationError(
            _("Links and email addresses can't be shown here. Remove them, and put a space after each period.")
        )
    if _MARKUP.search(text):
        raise ValidationError(_("This is shown as plain text. Remove signs such as < and [."))
    return text


def check_line(text: str) -> str:
    """Return a text of one line. Raises ValidationError as check_text does."""
    return " ".join(check_text(text).split())


def check_name(text: str) -> str:
    """Return a name: a line with letters and too few digits for a telephone number. Raises ValidationError."""
    name = check_line(text)
    if name and not any(letter.isalpha() for letter in name):
        raise ValidationError(_("A name needs letters."))
    if sum(letter.isdigit() for letter in name) > _MAX_DIGITS_OF_A_NAME:
        raise ValidationError(_("A name can't hold a telephone number. Enter numbers in their own fields."))
    return name


def check_number(text: str) -> str:
    """Return a telephone number as it is shown. Raises ValidationError."""
    number = " ".join(text.split())
    if number and (
        not _NUMBER.fullmatch(number) or sum(letter.isdigit() for letter in number) not in _DIGITS_OF_A_NUMBER
    ):
        raise ValidationError(
            _("“%(number)s” isn't a telephone number. Enter 3 to 15 digits, such as 911 or (555) 555-0142.")
            % {"number": number}
        )
    return number


def check_crisis_lines(text: str) -> list[str]:
    """Return the lines as name=number. Raises ValidationError."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_CRISIS_LINES:
        raise ValidationError(_("Enter at most %(most)s lines.") % {"most": MAX_CRISIS_LINES})
    checked = []
    for line in lines:
        name, sign, number = line.partition("=")
        if not (name.strip() and sign and number.strip()):
            raise ValidationError(
                _("“%(line)s” needs a name, an equals sign and a number, such as Crisis line=988.") % {"line": line}
            )
        checked.append(f"{check_name(name)}={check_number(number)}")
    return checked
