"""One company in a folder of its own, and everything that is measured of it.

Belongs here: the commands, and the state of the folder that each of them is to find. Does not belong here:
measuring one (`measure.py`), how often, and what is made of it (`bench.py`).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date
from pathlib import Path

import duckdb

from benchmarks.company import Size, daily_batch, make_company
from benchmarks.floor import compare
from benchmarks.floor.script import write_script
from benchmarks.measure import Cost, cost_of, cpu_of_groups
from orchestration import marts
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT, load_settings
from orchestration.spark.cluster import running
from orchestration.transform.dbt_command import dbt_folder
from orchestration.transform.dbt_vars import dbt_vars

SOURCE = "crm"
SPARK_MEMORY = "3g"
"""Of each worker, and of the server before them."""


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
        compiled = dbt_folder(settings) / "build" / "compiled"
        script.write_text(write_script(settings, SOURCE, compiled), encoding="utf-8")
        database.unlink(missing_ok=True)
        floor = [sys.executable, "-m", "benchmarks.floor", str(script), str(database), self.memory]
        return cost_of(floor, self._log("floor"))

    def differences(self) -> list[str]:
        """Between the floor's tables and the release's, both of the same files."""
        # in a process of its own: Linux counts the memory of who starts a command as the command's, too
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return process.submit(compare.differences, self.folder / "floor.duckdb", self.release).result()

    def run_on_spark(self, workers: int) -> Cost:
        """The same files by an installation of its own, on a cluster of this machine that runs already,
        with so many workers of one core.

        CPU is that of the run and of all processes of the cluster; memory is the run's alone.
        """
        remove(self.on_spark)
        (self.on_spark / "export").mkdir(parents=True)
        for file in (self.folder / "export").glob("*.parquet"):
            os.link(file, self.on_spark / "export" / file.name)
        with running(self.on_spark / "cluster", workers=workers, memory=SPARK_MEMORY) as cluster:
            file = self.on_spark / "zeven.toml"
            text = self.settings_file.read_text(encoding="utf-8")
            file.write_text(f'target = "spark"\n{text}[spark]\nport = {cluster.port}\n', encoding="utf-8")
            zeven = [sys.executable, "-m", "orchestration.cli", "--settings", str(file), "run"]
            before = cpu_of_groups(cluster.processes.values())
            cost = cost_of(zeven, self._log("spark"))
            of_cluster = cpu_of_groups(cluster.processes.values()) - before
        return replace(cost, cpu=cost.cpu + of_cluster)

    @property
    def on_spark(self) -> Path:
        return self.folder / "on_spark"

    def differences_of_spark(self) -> list[str]:
        """Between what the two engines published."""
        other = self.on_spark / "published" / "current" / "zeven.duckdb"
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return process.submit(compare.differences, other, self.release).result()

    def add_a_day(self, fraction: float, days: int) -> None:
        """The files of a day, `days` after the last one; it becomes the day that a run describes."""
        day = daily_batch(self.folder / "export", self.size, fraction, days)
        self._write_settings(day)

    def dbt_alone(self) -> Cost:
        """`dbt build` and nothing around it, on raw tables that are there; wants a full run before."""
        settings = load_settings(self.settings_file, environ={})
        copy, target = self.folder / "dbt_alone.duckdb", self.folder / "dbt_target"
        copy.unlink(missing_ok=True)
        marts.start_afresh(marts.file_beside(copy))
        shutil.rmtree(target, ignore_errors=True)
        copy_landed(self.warehouse, copy)
        dbt = _dbt("build", target, json.dumps(dbt_vars(settings)))
        environment = {
            "ZEVEN_WAREHOUSE_FILE": str(copy),
            "ZEVEN_MEMORY_LIMIT": self.memory,
            "ZEVEN_THREADS": str(os.cpu_count()),
        }
        return cost_of(dbt, self._log("dbt_alone"), environment)

    def run_peer(self, packages: Path) -> Cost:
        """The peer over the same files; `packages` holds pandas, which Zeven does without."""
        settings = load_settings(self.settings_file, environ={})
        folder = self.folder / "peer"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "dagster").mkdir(parents=True)
        (folder / "dagster" / "dagster.yaml").touch()
        choices = json.dumps(dbt_vars(settings))
        environment = {
            "DAGSTER_HOME": str(folder / "dagster"),
            "ZEVEN_WAREHOUSE_FILE": str(folder / "work.duckdb"),
            "ZEVEN_MEMORY_LIMIT": self.memory,
            "ZEVEN_THREADS": str(os.cpu_count()),
            "PEER_EXPORT": str(self.folder / "export"),
            "PEER_MANIFEST": str(folder / "dbt" / "manifest.json"),
            "PEER_VARS": choices,
            "PEER_AS_OF": settings.as_of().astimezone(UTC).replace(tzinfo=None).isoformat(sep=" "),
            "PEER_SOURCE": SOURCE,
            "PYTHONPATH": f"{PROJECT_ROOT}{os.pathsep}{packages}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        # the project is parsed beforehand, as it is where it is deployed
        cost_of(_dbt("parse", folder / "dbt", choices), self._log("peer_parse"), environment)
        definitions = str(PROJECT_ROOT / "benchmarks" / "peer" / "definitions.py")
        dagster = [str(Path(sys.executable).parent / "dagster"), "job", "execute", "-j", "everything"]
        return cost_of([*dagster, "-f", definitions], self._log("peer"), environment)

    def _write_settings(self, as_of: date) -> None:
        self.settings_file.write_text(
            '[company]\nname = "Benchmark Company"\n'
            f'[run]\nas_of = "{as_of}"\nmemory_limit = "{self.memory}"\n'
            f'[sources.{SOURCE}]\nkind = "files"\nfolder = "export"\n',
            encoding="utf-8",
        )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _dbt(command: str, target: Path, choices: str) -> list[str]:
    return [
        *(str(Path(sys.executable).parent / "dbt"), command, "--vars", choices),
        *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]


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
