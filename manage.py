#!/usr/bin/env python
"""Django's command line. Beside a running `make run` it uses the same servers (tipportal/dev_stack/environment.py)."""

from __future__ import annotations

import gc
import os
import sys

from tipportal.dev_stack import environment


def main() -> None:
    gc.disable()  # until all apps are loaded (tipportal/apps.py)
    environment.load(sys.argv[1] if len(sys.argv) > 1 else "")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tipportal.settings")
    if sys.argv[1:2] == ["doctor"]:
        from tipportal.doctor import variables

        variables.require_readable_settings(sys.argv[2:])
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
