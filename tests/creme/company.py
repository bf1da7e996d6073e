"""A Creme of its own: programs, server, database; nothing of it outlives the proof but the programs.

Belongs here: installing, starting, setting up, asking Creme's Python. Does not belong here: what people do in
it (`inside.py`), or any comparison.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from orchestration.settings import PROJECT_ROOT
from tests.proof.database_servers import postgresql

CREME = "2.8.6"
NEEDED = (f"creme-crm[pgsql]=={CREME}", "psycopg[binary]~=3.1.18")
PROGRAMS = PROJECT_ROOT / ".creme"
"""Kept from one proof to the next: a virtual environment apart from ours, as Creme wants other versions."""
VIEWS = PROJECT_ROOT / "docs" / "examples" / "creme_views.sql"
SETTINGS = """
from datetime import UTC, datetime, timedelta
from creme.settings import *
from django.utils import timezone

class Clock:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=300)

timezone.now = lambda: Clock.at  # before Creme's models take it for a default

DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'creme', 'USER': 'admin',
                           'HOST': '127.0.0.1', 'PORT': '{port}'}}}}
SECRET_KEY = 'made-up-for-one-proof-and-for-nothing-else-at-all'
SITE_DOMAIN = 'http://127.0.0.1'
LANGUAGE_CODE = 'en'
MEDIA_ROOT = '{folder}/media'
"""
"""Creme stamps what it writes by a clock that is moved, so that a year takes a minute."""


@dataclass
class Creme:
    folder: Path
    admin: str
    reader: str
    """Addresses of the database: of Creme's own user, and of one who may read the views."""

    @property
    def diary(self) -> Path:
        """A line per change of an opportunity, by who made it."""
        return self.folder / "diary.jsonl"

    def python(self, *arguments: str) -> None:
        self.ask(PROGRAMS / "bin" / "python", "-W", "ignore", *arguments)

    def ask(self, program: Path, *arguments: str) -> None:
        """A program of Creme's. Raises `RuntimeError` with the end of what it said."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "proof_settings",
        }
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, env=environment, cwd=self.folder
        )
        if done.returncode:
            raise RuntimeError(f"{program.name} {' '.join(arguments)}: {done.stderr[-2_000:]}")

    def inside(self, what: str) -> None:
        """`fill` or `edit`."""
        self.python(str(Path(__file__).parent / "inside.py"), what, str(self.diary))

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """What Creme says now."""
        file = self.folder / "told.json"
        self.python(str(Path(__file__).parent / "inside.py"), "tell", str(file))
        found: dict[str, list[dict[str, Any]]] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def changes(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.diary.read_text(encoding="utf-8").splitlines()]


def install() -> None:
    """Into `PROGRAMS`, once per version."""
    stamp = PROGRAMS / "needed.txt"
    if stamp.is_file() and stamp.read_text() == "\n".join(NEEDED):
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", PROGRAMS], check=True)
    subprocess.run([PROGRAMS / "bin" / "pip", "install", "--quiet", *NEEDED], check=True)
    stamp.write_text("\n".join(NEEDED))


@contextmanager
def creme() -> Iterator[Creme]:
    """A new Creme that nobody has used yet, with our views. Raises `NoServer`."""
    with tempfile.TemporaryDirectory(prefix="zeven-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "server").mkdir()
        with closing(postgresql(folder / "server")) as servers:
            server = next(servers)
            with psycopg.connect(_plain(server.admin), autocommit=True) as connection:
                connection.execute("create database creme")
            made = Creme(folder, _plain(server.admin, "creme"), _plain(server.reader, "creme"))
            port = server.admin.rpartition(":")[2].partition("/")[0]
            settings = SETTINGS.format(port=port, folder=folder)
            (folder / "proof_settings.py").write_text(settings, encoding="utf-8")
            for command in ("migrate", "creme_populate"):
                made.ask(PROGRAMS / "bin" / "creme", command, "--verbosity", "0")
            with psycopg.connect(made.admin) as connection:
                connection.execute(VIEWS.read_text(encoding="utf-8").encode())
                connection.execute("grant usage on schema zeven to reader")
                connection.execute("grant select on all tables in schema zeven to reader")
            yield made


def _plain(address: str, database: str = "postgres") -> str:
    """As PostgreSQL's own library writes an address."""
    return f"postgresql{address[address.index('://') :]}".removesuffix("postgres") + database
