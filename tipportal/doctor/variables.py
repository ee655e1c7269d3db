"""Checks of the variables, before there are settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

from core.roles import Role
from tipportal.deploy import processes, start_requirements
from tipportal.doctor.findings import fault


def require_readable_settings(arguments: Sequence[str]) -> None:
    """Exit with a fault for each variable that is missing or can't be used: without them there is nothing to examine.

    A role that the command's arguments name takes the place of PORTAL_ROLE, and gets its own variables alone: they may stand in
    one file with those of others.
    """
    if arguments and arguments[0] in list(Role) and arguments[0] != os.environ.get("PORTAL_ROLE"):
        os.environ["PORTAL_ROLE"] = arguments[0]
        for other in set(processes.VARIABLES) - processes.variables_of(Role(arguments[0])):
            os.environ.pop(other, None)
    name = os.environ.get("PORTAL_ROLE", "")
    faults = start_requirements.find_missing_variables(Role(name), os.environ) if name in list(Role) else []
    try:
        if not faults:
            settings.ROLE  # noqa: B018  (reads the settings)
    except (EnvError, ImproperlyConfigured) as error:
        faults = [str(error)]
    if faults:
        print(*(fault(sentence) for sentence in faults), sep="\n")
        sys.exit(1)
