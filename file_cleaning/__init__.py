"""Rebuild untrusted files without their hidden content, each in a confined process.

Knows no models and no settings of ours; no other package opens a file that a stranger or a camera made.
"""

from file_cleaning.confinement.sandbox import SandboxLayers
from file_cleaning.detection import detect_kind
from file_cleaning.formats import HEAD_BYTES, MediaKind
from file_cleaning.header_limits import check_header
from file_cleaning.launcher import SandboxError, make_backdrop, make_crest, make_web_images, probe_sandbox, rebuild
from file_cleaning.motion_photos import holds_clip
from file_cleaning.refusals import FileRefusedError, RefusalReason, explain_refusal
from file_cleaning.results import OutputPart, RebuiltFile
from file_cleaning.workspace import NoRamFolderError, has_ram_folder, open_workspace, remove_abandoned_workspaces

__all__ = [
    "HEAD_BYTES",
    "FileRefusedError",
    "MediaKind",
    "NoRamFolderError",
    "OutputPart",
    "RebuiltFile",
    "RefusalReason",
    "SandboxError",
    "SandboxLayers",
    "check_header",
    "detect_kind",
    "explain_refusal",
    "has_ram_folder",
    "holds_clip",
    "make_backdrop",
    "make_crest",
    "make_web_images",
    "open_workspace",
    "probe_sandbox",
    "rebuild",
    "remove_abandoned_workspaces",
]
