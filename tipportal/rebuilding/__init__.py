"""A stranger's file in, a clean file out. Knows no models; nothing else in the project opens such a file."""

from tipportal.rebuilding.kinds import HEAD_BYTES, Kind, kind_of
from tipportal.rebuilding.launch import SandboxError, for_pages, limits_here, rebuild
from tipportal.rebuilding.reasons import Reason, RefusedError, sentence
from tipportal.rebuilding.results import Part, Rebuilt
from tipportal.rebuilding.sandbox import Held
from tipportal.rebuilding.workspace import NoRamFolderError, has_ram_folder, sweep, workspace

__all__ = [
    "HEAD_BYTES",
    "Held",
    "Kind",
    "NoRamFolderError",
    "Part",
    "Reason",
    "Rebuilt",
    "RefusedError",
    "SandboxError",
    "for_pages",
    "has_ram_folder",
    "kind_of",
    "limits_here",
    "rebuild",
    "sentence",
    "sweep",
    "workspace",
]
