"""Make `.venv` what the lock files say, and do nothing where it is that already.

Belongs here: the virtual environment. Does not belong here: anything of Zeven itself; this file runs before
its packages exist, with the standard library alone.

Every package is checked against the hashes of `.ci/uv.lock` (the installer) and `requirements.lock` (the
rest). A stamp, written last, says what the environment was made from: an interrupted or outdated one is done
again.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "zeven-setup.stamp"
MADE_FROM = (
    ROOT / ".ci" / "uv.lock",
    ROOT / ".ci" / "environment.py",
    ROOT / "requirements.lock",
    ROOT / "pyproject.toml",
)


def fingerprint() -> str:
    """The files the environment follows from, the folder (scripts hold its path) and the Python."""
    digest = hashlib.sha256(f"{ROOT}\n{sysconfig.get_python_version()}\n".encode())
    for file in MADE_FROM:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_ready(wanted: str) -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted


def usable() -> bool:
    """Whether the present environment can be refreshed in place: same Python, same folder, with pip."""
    if not PYTHON.exists():
        return False
    question = "import pip, sys; print(sys.version_info[:2], sys.prefix)"
    answer = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == f"{sys.version_info[:2]} {VENV}"


def step(what: str, *command: str | Path) -> None:
    """Run one command; its own words are shown only when it fails."""
    print(f"setup: {what}", flush=True)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        sys.exit(f"error: setup stopped at '{what}' (see above); `make setup` starts it again.")


def make() -> None:
    STAMP.unlink(missing_ok=True)
    if not usable():
        step("making .venv (on Debian and Ubuntu this needs the package python3-venv)",
             sys.executable, "-m", "venv", "--clear", VENV)  # fmt: skip
    uv = (PYTHON, "-m", "uv", "--quiet", "pip")
    pip = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check")
    step("installing the installer", *pip, "install", "--require-hashes", "-r", ".ci/uv.lock")
    step(
        "installing the packages of requirements.lock (takes a moment)",
        *uv, "sync", "--python", PYTHON, "--require-hashes", "--compile-bytecode", "requirements.lock",
    )  # fmt: skip
    step(
        "installing zeven itself",
        *uv, "install", "--python", PYTHON, "--no-deps", "--no-build-isolation", "--editable", ".",
    )  # fmt: skip
    step("reading the models, so that no first run has to", PYTHON, "-m", "orchestration.transform.manifest")


def main() -> None:
    wanted = fingerprint()
    if is_ready(wanted):
        return
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two setups at once: the second waits, then finds everything done
        if not is_ready(wanted):
            make()
            STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
