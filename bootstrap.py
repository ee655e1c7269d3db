"""First steps of `make run` and `make test`, with nothing but Python's own library: `.venv` and its packages.

    python3 bootstrap.py run   makes them ready, then becomes tipportal.dev_stack.launcher
    python3 bootstrap.py dev   makes them ready for tests

Ends with a sentence that says what to do, never with a trace. Old Pythons must be able to read this file.
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
NEEDED = (3, 11)
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
FILES = {
    "run": ("requirements-run.txt", "requirements.txt", "constraints.txt"),
    "dev": ("requirements-dev.txt", "requirements-run.txt", "requirements.txt", "constraints.txt"),
}


class CannotGoOn(Exception):  # noqa: N818
    """The message is a sentence that says what to do."""


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) == 2 else ""
    if kind not in FILES:
        sys.exit("Type `make run` or `make test`.")
    try:
        find_newer_python()
        os.makedirs(VAR, mode=0o700, exist_ok=True)
        if kind == "run":
            lock_folder()
        make_ready(kind)
    except CannotGoOn as reason:
        sys.exit(str(reason))
    except OSError as error:
        sys.exit(sentence_of(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. The next start goes on from here.")
    if kind == "run":
        os.chdir(ROOT)
        # The launcher takes them once it can stop cleanly.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        os.execv(PYTHON, [PYTHON, "-m", "tipportal.dev_stack.launcher"])  # noqa: S606


def find_newer_python() -> None:
    """Go on in a newer Python of this machine when this one is too old."""
    if sys.version_info >= NEEDED:
        return
    for minor in range(19, 10, -1):
        other = shutil.which(f"python3.{minor}")
        if other:
            os.execv(other, [other, os.path.abspath(__file__), *sys.argv[1:]])  # noqa: S606
    raise CannotGoOn(
        f"The portal needs Python 3.11 or newer; python3 here is {VERSION}. Install a newer one and start again."
    )


def lock_folder() -> None:
    """One `make run` a folder. The lock goes with the process, through exec too, so none is left by a power cut."""
    descriptor = os.open(os.path.join(VAR, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CannotGoOn(
            "`make run` is already running in this folder. Use that one, or stop it with Ctrl-C first."
        ) from None


def make_ready(kind: str) -> None:
    """Make `.venv` and install what the requirement files name, if they changed since the last time it was finished."""
    if is_ready(kind):
        return
    with open(os.path.join(VAR, "install.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another `make` may be installing: wait for it
        if is_ready(kind):
            return
        if not pip_works():
            make_venv()
        print("Installing packages (the first time this takes a minute or two) ...", flush=True)
        install(kind)
        with open(stamp(kind), "w", encoding="utf-8") as stream:
            stream.write(fingerprint(kind))


def is_ready(kind: str) -> bool:
    """What tests need includes what `make run` needs."""
    for each in (kind, "dev"):
        try:
            with open(stamp(each), encoding="utf-8") as stream:
                if stream.read() == fingerprint(each) and os.access(PYTHON, os.X_OK):
                    return True
        except OSError:
            pass
    return False


def stamp(kind: str) -> str:
    return os.path.join(VENV, f".{kind}-ready")


def fingerprint(kind: str) -> str:
    content = hashlib.sha256(repr((sys.version_info[:2], os.uname().machine)).encode())
    for name in FILES[kind]:
        with open(os.path.join(ROOT, name), "rb") as stream:
            content.update(stream.read())
    return content.hexdigest()


def pip_works() -> bool:
    """False for a venv that is half made, or was made by a Python that is gone."""
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
        raise CannotGoOn(
            "This Python cannot make virtual environments. On Debian and Ubuntu install the missing part with: "
            f"sudo apt install python{VERSION}-venv, then start again."
        ) from None
    log = os.path.join(VAR, "install.log")
    with open(log, "wb") as stream:
        done = subprocess.call([sys.executable, "-m", "venv", "--clear", VENV], stdout=stream, stderr=stream)
    if done != 0:
        raise CannotGoOn(explain(log, "The virtual environment .venv cannot be made"))


def install(kind: str) -> None:
    """Raises CannotGoOn with the likely reason when pip fails; what it said is in var/install.log."""
    log = os.path.join(VAR, "install.log")
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--requirement", FILES[kind][0], "--constraint", "constraints.txt"]
    with open(log, "wb") as stream:
        done = subprocess.call(command, cwd=ROOT, stdout=stream, stderr=stream)
    if done != 0:
        raise CannotGoOn(explain(log, "The packages cannot be installed"))


def explain(log: str, what: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as stream:
        words = stream.read()
    known = (
        ("No space left on device", "the disk is full. Make room, then start again"),
        ("Permission denied", "files below .venv belong to somebody else. Remove .venv, then start again"),
        ("No matching distribution", "a package is not offered for this machine or Python, or the package index cannot be reached. Look at the network and start again"),
        ("Could not find a version", "the package index cannot be reached or lacks a version. Look at the network and start again"),
        ("Temporary failure in name resolution", "the network does not answer. Look at it and start again"),
        ("Connection", "the package index cannot be reached. Look at the network and start again"),
    )  # fmt: skip
    found = [meaning for sign, meaning in known if sign in words]
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    reason = found[0] if found else (lines[-1] if lines else "no reason was given")
    return f"{what}: {reason}. The whole answer is in var/install.log."


def sentence_of(error: OSError) -> str:
    if error.errno == 28:
        return "The disk is full. Make room, then start again."
    return f"{error.filename or ROOT}: {error.strerror}. Mend that, then start again."


if __name__ == "__main__":
    main()
