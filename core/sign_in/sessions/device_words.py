"""Names a browser for the list of one's sessions, such as "Firefox on Windows". Only these words are stored."""

from __future__ import annotations

from django.utils.translation import gettext as _

# The first mark found in the user agent counts: Edge and Opera also claim to be Chrome, and Chrome to be Safari.
_BROWSERS = (
    ("Firefox", ("Firefox/", "FxiOS/")),
    ("Edge", ("Edg/", "EdgA/", "EdgiOS/")),
    ("Opera", ("OPR/", "OPiOS/")),
    ("Samsung Internet", ("SamsungBrowser/",)),
    ("Chrome", ("Chrome/", "CriOS/", "HeadlessChrome/")),
    ("Safari", ("Version/",)),
)
# Android's user agents also name Linux; those of an iPhone name Mac OS X.
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("ChromeOS", "CrOS"),
    ("Mac", "Mac OS X"),
    ("Linux", "Linux"),
)


def describe_device(user_agent: str) -> str:
    """Return browser and system in words of 60 characters at most."""
    browser = next((name for name, marks in _BROWSERS if any(mark in user_agent for mark in marks)), "")
    system = next((name for name, mark in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")
