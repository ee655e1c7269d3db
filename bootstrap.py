"""First steps of `make run` and `make test`: make `.venv` and install its packages, with the standard library alone.

    python3 bootstrap.py run   prepares `make run`, then becomes tipportal.dev_stack.launcher
    python3 bootstrap.py dev   prepares the tests

A failure ends in a sentence that says what to do, not in a traceback. Old versions of Python must be able to parse this file.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
VAR = os.path.join(ROOT, "var")
PYTHON = os.path.join(VENV, "bin", "python")
MIN_VERSION = (3, 11)
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
REQUIREMENT_FILES = {
    "run": ("requirements-run.txt", "requirements.txt", "constraints.txt"),
    "dev": ("requirements-dev.txt", "requirements-run.txt", "requirements.txt", "constraints.txt"),
}


class BootstrapError(Exception):
    """The message is a sentence that says what to do."""


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) == 2 else ""
    if kind not in REQUIREMENT_FILES:
        sys.exit("Run `make run` or `make test`.")
    try:
        switch_to_newer_python()
        os.makedirs(VAR, mode=0o700, exist_ok=True)
        if kind == "run":
            lock_folder()
        prepare(kind)
    except BootstrapError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(explain_os_error(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. The next start continues from here.")
    if kind == "run":
        os.chdir(ROOT)
        # The launcher unblocks them once it can stop cleanly.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        os.execv(PYTHON, [PYTHON, "-m", "tipportal.dev_stack.launcher"])  # noqa: S606


def switch_to_newer_python() -> None:
    """Re-execute this file in a newer Python if this one is too old. Raises BootstrapError if there is none."""
    if sys.version_info >= MIN_VERSION:
        return
    for minor in range(19, 10, -1):
        other = shutil.which(f"python3.{minor}")
        if other:
            os.execv(other, [other, os.path.abspath(__file__), *sys.argv[1:]])  # noqa: S606
    raise BootstrapError(
        f"The portal needs Python 3.11 or newer; python3 here is {VERSION}. Install a newer version, then start again."
    )


def lock_folder() -> None:
    """Allow one `make run` per folder. The lock survives exec and ends with the process, so that none is ever stale."""
    descriptor = os.open(os.path.join(VAR, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BootstrapError(
            "`make run` is already running in this folder. Use that one, or stop it with Ctrl-C first."
        ) from None


def prepare(kind: str) -> None:
    """Make `.venv` and install the requirements, if they have changed since the last complete installation."""
    if is_ready(kind):
        return
    with open(os.path.join(VAR, "install.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # wait if another `make` is installing
        if is_ready(kind):
            return
        if not pip_works():
            make_venv()
        print("Installing packages (the first time this takes a minute or two) ...", flush=True)
        install(kind)
        with open(stamp_file(kind), "w", encoding="utf-8") as stream:
            stream.write(fingerprint(kind))


def is_ready(kind: str) -> bool:
    """Return whether the packages are installed. Those for tests include those for `make run`."""
    for installed_kind in (kind, "dev"):
        try:
            with open(stamp_file(installed_kind), encoding="utf-8") as stream:
                if stream.read() == fingerprint(installed_kind) and os.access(PYTHON, os.X_OK):
                    return True
        except OSError:
            pass
    return False


def stamp_file(kind: str) -> str:
    return os.path.join(VENV, f".{kind}-ready")


def fingerprint(kind: str) -> str:
    """Hash the requirement files, the version of Python and the machine type."""
    digest = hashlib.sha256(repr((sys.version_info[:2], os.uname().machine)).encode())
    for name in REQUIREMENT_FILES[kind]:
        with open(os.path.join(ROOT, name), "rb") as stream:
            digest.update(stream.read())
    return digest.hexdigest()


def pip_works() -> bool:
    """Return False for an incomplete `.venv`, or one made by a Python that no longer exists."""
    code = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.call([PYTHON, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise BootstrapError(
            "This Python can't create virtual environments. On Debian and Ubuntu, install the missing part with: "
            f"sudo apt install python{VERSION}-venv, then start again."
        ) from None
    log = os.path.join(VAR, "install.log")
    with open(log, "wb") as stream:
        exit_code = subprocess.call([sys.executable, "-m", "venv", "--clear", VENV], stdout=stream, stderr=stream)
    if exit_code != 0:
        raise BootstrapError(explain_failure(log, "The virtual environment .venv can't be created"))


def install(kind: str) -> None:
    """Install the packages. Raises BootstrapError with the likely cause if pip fails; its output is in var/install.log."""
    log = os.path.join(VAR, "install.log")
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--requirement", REQUIREMENT_FILES[kind][0], "--constraint", "constraints.txt"]
    with open(log, "wb") as stream:
        exit_code = subprocess.call(command, cwd=ROOT, stdout=stream, stderr=stream)
    if exit_code != 0:
        raise BootstrapError(explain_failure(log, "The packages can't be installed"))


def explain_failure(log: str, problem: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as stream:
        output = stream.read()
    causes = (
        ("No space left on device", "the disk is full. Free some space, then start again"),
        ("Permission denied", "files in .venv belong to another user. Remove .venv, then start again"),
        ("No matching distribution", "a package isn't available for this machine or Python version, or the package index can't be reached. Check the network, then start again"),
        ("Could not find a version", "the package index can't be reached or doesn't have that version. Check the network, then start again"),
        ("Temporary failure in name resolution", "the network doesn't respond. Check it, then start again"),
        ("Connection", "the package index can't be reached. Check the network, then start again"),
    )  # fmt: skip
    found = [explanation for sign, explanation in causes if sign in output]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = found[0] if found else (lines[-1] if lines else "pip gave no reason")
    return f"{problem}: {reason}. The full output is in var/install.log."


def explain_os_error(error: OSError) -> str:
    if error.errno == 28:
        return "The disk is full. Free some space, then start again."
    return f"{error.filename or ROOT}: {error.strerror}. Fix that, then start again."


if __name__ == "__main__":
    main()
