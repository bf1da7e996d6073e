"""One company in a folder of its own, and everything that is measured of it.

Belongs here: the commands, and the state of the folder that each of them is to find. Does not belong here:
measuring one (`measure.py`), how often, and what is made of it (`bench.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.company import Size, daily_batch, make_company
from benchmarks.floor import compare
from benchmarks.floor.script import write_script
from benchmarks.measure import Cost, cost_of
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT, load_settings
from orchestration.transform.dbt_vars import dbt_vars

SOURCE = "crm"


@dataclass(frozen=True)
class Trial:
    """`export` is shared by all trials of a size; the rest of `folder` is this trial's."""

    folder: Path
    export: Path
    size: Size
    memory: str = "4GB"

    @property
    def settings_file(self) -> Path:
        return self.folder / "zeven.toml"

    @property
    def release(self) -> Path:
        """The database of the release that serves."""
        return self.folder / "published" / "current" / "zeven.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse" / "work.duckdb"

    def begin(self) -> None:
        """Make the folder anew, with nothing in it but the settings and links to the export's files."""
        remove(self.folder)
        (self.folder / "export").mkdir(parents=True)
        for file in self.export.glob("*.parquet"):
            os.link(file, self.folder / "export" / file.name)
        self._write_settings(self.size.until)

    def run(self) -> Cost:
        """`zeven run`, as a user calls it."""
        zeven = [sys.executable, "-m", "orchestration.cli", "--settings", str(self.settings_file), "run"]
        return cost_of(zeven, self._log("run"))

    def run_floor(self) -> Cost:
        """The floor over the same files; wants a full run before it, of which it takes some models' SQL."""
        settings = load_settings(self.settings_file, environ={})
        script, database = self.folder / "floor.sql", self.folder / "floor.duckdb"
        manifest = settings.paths.warehouse / "dbt" / "build" / "manifest.json"
        script.write_text(write_script(settings, SOURCE, manifest), encoding="utf-8")
        database.unlink(missing_ok=True)
        floor = [sys.executable, "-m", "benchmarks.floor", str(script), str(database), self.memory]
        return cost_of(floor, self._log("floor"))

    def differences(self) -> list[str]:
        """Between the floor's tables and the release's, both of the same files."""
        return compare.differences(self.folder / "floor.duckdb", self.release)

    def add_a_day(self, fraction: float, days: int) -> None:
        """The files of a day, `days` after the last one; it becomes the day that a run describes."""
        day = daily_batch(self.folder / "export", self.size, fraction, days)
        self._write_settings(day)

    def dbt_alone(self) -> Cost:
        """`dbt build` and nothing around it, on raw tables that are there; wants a full run before it."""
        settings = load_settings(self.settings_file, environ={})
        copy, target = self.folder / "dbt_alone.duckdb", self.folder / "dbt_target"
        copy.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        copy_landed(self.warehouse, copy)
        dbt = [
            *(str(Path(sys.executable).parent / "dbt"), "build", "--target-path", str(target)),
            *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
            *("--log-path", str(target), "--vars", json.dumps(dbt_vars(settings))),
        ]
        environment = {"ZEVEN_WAREHOUSE_FILE": str(copy), "ZEVEN_MEMORY_LIMIT": self.memory}
        return cost_of(dbt, self._log("dbt_alone"), environment)

    def _write_settings(self, as_of: date) -> None:
        self.settings_file.write_text(
            f'[company]\nname = "Benchmark Company"\n[run]\nas_of = "{as_of}"\nmemory_limit = "{self.memory}"\n'
            f'[sources.{SOURCE}]\nkind = "files"\nfolder = "export"\n',
            encoding="utf-8",
        )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def make_trial(folder: Path, size: Size) -> Trial:
    """A trial of a company of this size; its export is made where it is not there yet."""
    export = folder / "export"
    made = export / "size.json"
    shape = json.dumps({name: str(value) for name, value in vars(size).items()})
    if not made.exists() or made.read_text(encoding="utf-8") != shape:
        make_company(export, size)
        made.write_text(shape, encoding="utf-8")
    return Trial(folder / "trial", export, size)


def copy_landed(warehouse: Path, copy: Path) -> None:
    """What stands in `warehouse` before dbt has built anything: raw tables, and the run's instant."""
    with duckdb.connect(str(copy)) as con:
        con.execute(f"attach '{warehouse}' as landed (read_only)")
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = 'landed' and schema_name in ('raw_files', 'zeven')"
        ).fetchall()
        for schema in sorted({schema for schema, _ in tables}):
            con.execute(f'create schema "{schema}"')
        for schema, table in tables:
            name = f'"{schema}"."{table}"'
            con.execute(f"create table {name} as select * from landed.{name}")  # noqa: S608 (their own names)


def remove(folder: Path) -> None:
    """Releases are read-only, so they are made writable first."""
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True, cwd=PROJECT_ROOT)
        shutil.rmtree(folder)
