"""A stranger's file in, a clean file out. Knows no models; nothing else in the project opens such a file."""

from file_cleaning.detection import kind_of
from file_cleaning.formats import HEAD_BYTES, Kind
from file_cleaning.launcher import SandboxError, for_pages, limits_here, rebuild
from file_cleaning.refusals import Reason, RefusedError, sentence
from file_cleaning.results import Part, Rebuilt
from file_cleaning.sandbox import Held
from file_cleaning.workspace import NoRamFolderError, has_ram_folder, sweep, workspace

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
