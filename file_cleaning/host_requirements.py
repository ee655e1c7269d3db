"""Requirements of a machine that opens untrusted files safely."""

from __future__ import annotations

from file_cleaning.launcher import SandboxError, probe_sandbox
from file_cleaning.workspace import has_ram_folder


def find_missing_requirements() -> list[str]:
    """Return a sentence for each missing requirement.

    In production the media worker refuses to start if there is one; `make run` prints them.
    """
    missing = []
    if not has_ram_folder():
        missing.append("There is no folder in memory for unencrypted files. Set RAM_FOLDER to a folder on a tmpfs.")
    try:
        if not probe_sandbox().is_network_blocked:
            missing.append(
                "The process that opens strangers' files could reach the network here. docs/media.md says how to prevent that."
            )
    except SandboxError as error:
        missing.append(str(error))
    return missing
