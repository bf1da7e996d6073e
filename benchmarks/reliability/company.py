"""A small company with a release and a further batch of export files waiting, and digests of its content.

Belongs here: making it, copying it, running the pipeline in it, comparing. Does not belong here: any fault.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from demo.render_export import make_export
from orchestration.publish import catalogue
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

FIRST, SECOND = date(2026, 3, 4), date(2026, 3, 11)
"""Days of the two exports; the second one is what a disturbed run is about."""
ABOUT_ITSELF = ("release_info", "restatements")
"""Tables that say which release they are of, and which came before."""
LEFTOVERS = (".candidate-*", ".new-*", "releases/.*")
LONGEST_RUN = 900
Digest = Mapping[str, tuple[int, int]]
"""Table -> (rows, sum of the hashes of its rows)."""


@dataclass(frozen=True)
class Ended:
    """How a command ended; `code` is negative for a signal."""

    code: int
    said: str
    seconds: float

    @property
    def sentence(self) -> str:
        """The first line that is not progress."""
        progress = ("reading ", "building ", "testing ", "checking ", "publishing ")
        lines = [line for line in self.said.splitlines() if line.strip() and not line.startswith(progress)]
        return lines[0].strip() if lines else ""


@dataclass(frozen=True)
class Company:
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "zeven.toml"

    @property
    def settings(self) -> Settings:
        return load_settings(self.file, environ={})

    def start(self, *before: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """`zeven run` as a process group of its own; `before` is a command that starts it."""
        command = [*before, sys.executable, "-m", "orchestration.cli", "--settings", str(self.file)]
        return subprocess.Popen(
            # the second export tells another story than the first, which the sieve would rightly refuse
            [*command, "run", "--as-of", SECOND.isoformat(), "--accept", "made-up exports"],
            cwd=PROJECT_ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *before: str, environment: Mapping[str, str] | None = None) -> Ended:
        began = time.monotonic()
        process = self.start(*before, environment=environment)
        said, _ = process.communicate(timeout=LONGEST_RUN)
        return Ended(process.returncode, said, time.monotonic() - began)

    def published(self) -> Digest:
        """Of the release that serves."""
        with catalogue.open_release(self.settings) as con:
            found = con.execute(
                "select table_name from duckdb_tables() where database_name = 'release'"
            ).fetchall()
            names = [f'"{name}"' for (name,) in found if name not in ABOUT_ITSELF]
            return digest(con, names)

    def loaded(self) -> Digest:
        """Of the raw tables, but for when and by which batch a row came; opens the warehouse."""
        file = self.settings.paths.warehouse / "work.duckdb"
        with duckdb.connect(str(file), read_only=True) as con:
            found = con.execute(
                "select schema_name, table_name from duckdb_tables() "
                "where schema_name like 'raw\\_%' escape '\\' and table_name <> 'load_ledger'"
            ).fetchall()
            return digest(
                con, [f'"{schema}"."{table}"' for schema, table in found], "_loaded_at", "_batch_id"
            )

    def leftovers(self) -> list[str]:
        root = self.settings.paths.published
        return [path.name for pattern in LEFTOVERS for path in root.glob(pattern)]

    def copy(self, folder: Path) -> Company:
        shutil.copytree(self.folder, folder, symlinks=True)
        return Company(folder)

    def remove(self) -> None:
        subprocess.run(["chmod", "-R", "u+w", str(self.folder)], check=True)
        shutil.rmtree(self.folder)


def digest(
    con: duckdb.DuckDBPyConnection, tables: Sequence[str], *without: str
) -> dict[str, tuple[int, int]]:
    found = {}
    for table in tables:
        columns = [name for (name, *_) in con.execute(f"describe {table}").fetchall() if name not in without]
        row = ", ".join(f'"{name}"' for name in columns)
        text = f"select count(*), coalesce(sum(hash(row({row}))::hugeint), 0) from {table}"  # noqa: S608 (own names)
        [(rows, total)] = con.execute(text).fetchall()
        found[table] = (rows, total)
    return found


def waiting_company(folder: Path) -> Company:
    """A company whose first export is published, and whose second lies there to be loaded."""
    folder.mkdir(parents=True)
    made = Company(folder)
    made.file.write_text(
        '[company]\nname = "Disturbed"\n[release]\nkeep = 3\n'
        '[sources.demo]\nkind = "files"\nfolder = "demo_data"\n',
        encoding="utf-8",
    )
    make_export(folder / "demo_data", until=FIRST, seed=5, scale=0.05, years=1, clean=False)
    ended = made.run()
    assert ended.code == 0, ended.said
    shutil.rmtree(folder / "demo_data")
    make_export(folder / "demo_data", until=SECOND, seed=5, scale=0.05, years=1, clean=False)
    return made
