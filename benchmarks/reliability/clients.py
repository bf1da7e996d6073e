"""The published files, read by older and newer DuckDB clients that are installed side by side.

Belongs here: installing them apart from ours, and asking each the same. Does not belong here: what should
come of it; our own client says that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSIONS = ("1.4.0", "1.4.5", "1.5.6", "2.0.1")
"""The oldest and the newest of what companies have; the pipeline writes with 1.5."""
ASK = """
import json, sys
import duckdb
root = sys.argv[1]
found = {"about": {"version": duckdb.__version__}}
for way, file in (("release", f"{root}/current/zeven.duckdb"), ("gateway", f"{root}/gateway.duckdb")):
    with duckdb.connect(file, read_only=True) as con:
        names = con.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'main' order by 1").fetchall()
        found[way] = {
            name: str(con.execute(f'select count(*) from "{name}"').fetchall()) for (name,) in names}
        found[way]["closed"] = str(con.execute(
            "select period_type, level, sum(closed_amount) from kpi_closed_sales "
            "group by all order by all").fetchall())
with duckdb.connect() as con:
    found["parquet"] = {
        name: str(con.execute(f"select count(*) from '{root}/current/parquet/{name}.parquet'").fetchall())
        for name in found["release"] if name != "closed"}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Client:
    """`tables` are those that it read by each of three ways; `wrong` is empty where all answers are alike."""

    version: str
    tables: int
    wrong: tuple[str, ...]


def clients(published: Path, folder: Path) -> list[Client]:
    expected = _ask(published, None)
    found = []
    for version in VERSIONS:
        place = folder / f"duckdb-{version}"
        if not place.exists():
            subprocess.run(
                [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable,
                 "--target", str(place), f"duckdb=={version}"],
                check=True,
            )  # fmt: skip
        answer = _ask(published, place)
        told = answer["about"]["version"]
        wrong = [] if told == version else [f"answered: {told}"]
        for way in ("release", "gateway", "parquet"):
            wrong += [
                f"{way} {name}: {answer[way].get(name)} for {value}"
                for name, value in expected[way].items()
                if answer[way].get(name) != value
            ]
        found.append(Client(version, len(answer["release"]) - 1, tuple(wrong)))
    return found


def _ask(published: Path, place: Path | None) -> dict[str, dict[str, str]]:
    environment = {**os.environ, **({"PYTHONPATH": str(place)} if place else {})}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, str(published)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return {
            "version": {},
            "release": {},
            "gateway": {},
            "parquet": {},
            "error": {"said": done.stderr[-300:]},
        }
    answer: dict[str, dict[str, str]] = json.loads(done.stdout)
    return answer
