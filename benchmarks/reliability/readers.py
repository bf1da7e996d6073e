"""Many readers in processes of their own while releases are published one after the other.

Belongs here: the readers, the publications, what the readers saw. Does not belong here: runs of the pipeline;
the tables are made up, so that a publication takes a second and every row says which one it is of.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import duckdb

from orchestration import marts
from orchestration.checks.contracts import Column, Contract
from orchestration.publish import catalogue
from orchestration.publish.release import publish
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse, make_private_folder

ROWS = 20_000
AS_OF = datetime(2026, 3, 31, 22, tzinfo=UTC)
CONTRACTS = {
    name: Contract(
        name,
        "Rows of one publication.",
        (
            Column("row_id", "bigint", "Number of the row.", required=True),
            Column("generation", "bigint", "Which publication.", required=True),
        ),
        ("row_id",),
    )
    for name in ("kpi_first", "kpi_second")
}
KINDS = ("new connection", "old connection", "gateway")
PAUSE = 2.0
"""Longest pause of a reader between two questions, in seconds; with 0.05 fifty of them starved two cores."""


@dataclass
class Seen:
    """Of one reader. `seconds` per kind of connection; `again` are questions to the gateway asked twice."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    releases: set[int] = field(default_factory=set)
    again: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Watched:
    """`calm` and `busy` are the seconds of all answers by kind, without and with publications going on."""

    publications: int
    wall: float
    calm: Mapping[str, list[float]]
    busy: Mapping[str, list[float]]
    releases_seen: int
    again: int
    wrong: tuple[str, ...]


def watch(folder: Path, *, people: int, publications: int, calm_seconds: float = 10.0) -> Watched:
    folder.mkdir(parents=True)
    file = folder / "zeven.toml"
    file.write_text(
        '[company]\nname = "Read"\n[release]\nkeep = 3\n[sources.made]\nkind = "files"\nfolder = "made"\n',
        encoding="utf-8",
    )
    settings = load_settings(file, environ={})
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; create schema zeven")
        make_private_folder(settings.paths.warehouse)
        marts.start_afresh(file := Warehouse(settings).marts_file)
        marts.attach(con, file)
        con.execute(
            "create table zeven.build_result as select 'run' as run_id, $1::timestamptz as as_of, "
            "$1::timestamptz as finished_at, true as passed, true as is_whole, '[]'::json as checks",
            [AS_OF],
        )
        _publish(con, settings, 0)
        calm = _observe(settings, people, lambda: time.sleep(calm_seconds))
        began = time.monotonic()

        def publish_all() -> None:
            for generation in range(1, publications + 1):
                _publish(con, settings, generation)

        busy = _observe(settings, people, publish_all)
    return Watched(
        publications,
        time.monotonic() - began,
        _together(calm),
        _together(busy),
        len(set().union(*(seen.releases for seen in busy))),
        sum(seen.again for seen in busy),
        tuple(wrong for seen in (*calm, *busy) for wrong in seen.wrong),
    )


def _publish(con: duckdb.DuckDBPyConnection, settings: Settings, generation: int) -> None:
    for number, name in enumerate(CONTRACTS):
        con.execute(
            f"create or replace table marts.{name} as select row_id, $1::bigint as generation "  # noqa: S608
            "from range($2::bigint) as made(row_id)",
            [generation, ROWS + number + generation % 7],
        )
    publish(
        con,
        settings,
        run_id=f"run-{generation}",
        as_of=AS_OF,
        code_version="0",
        contracts=CONTRACTS,
        created_at=datetime(2026, 4, 1, tzinfo=UTC) + timedelta(seconds=generation),
    )


def _observe(settings: Settings, people: int, meanwhile: Any) -> list[Seen]:
    """Start the readers, wait until all of them read, do something, stop them."""
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    readers = [
        context.Process(target=_read, args=(str(settings.file), number, stop, told), daemon=True)
        for number in range(people)
    ]
    for reader in readers:
        reader.start()
    for _ in readers:
        assert told.get(timeout=300) == "ready"
    meanwhile()
    stop.set()
    found = [told.get(timeout=300) for _ in readers]
    for reader in readers:
        reader.join(timeout=60)
    return found


def _read(file: str, number: int, stop: Event, told: Any) -> None:
    settings = load_settings(Path(file), environ={})
    seen, rng = Seen(), random.Random(number)
    old = catalogue.open_release(settings)
    gateway = duckdb.connect(str(settings.paths.published / "gateway.duckdb"), read_only=True)
    kept = _ask(old)
    told.put("ready")
    turn = 0
    while not stop.is_set():
        kind = KINDS[turn % len(KINDS)]
        turn += 1
        began = time.perf_counter()
        try:
            if kind == "new connection":
                with catalogue.open_release(settings) as con:
                    answer = _ask(con)
            elif kind == "old connection":
                answer = _ask(old)
                if answer != kept:
                    seen.wrong.append(f"an open connection went from release {kept} to {answer}")
            else:
                answer = _ask_gateway(gateway, seen)
        except Exception as error:
            seen.wrong.append(f"{kind}: {error}")
            continue
        seen.seconds[kind].append(time.perf_counter() - began)
        if answer is None:
            seen.wrong.append(f"{kind}: an answer of two releases")
        else:
            seen.releases.add(answer)
        if turn % 60 == 0:
            old.close()
            old = catalogue.open_release(settings)
            kept = _ask(old)
        time.sleep(rng.uniform(0, PAUSE))
    told.put(seen)


def _ask(con: duckdb.DuckDBPyConnection) -> int | None:
    """The publication of which both tables are, whole; None where they are not."""
    generations = [_of(con, name, number) for number, name in enumerate(CONTRACTS)]
    return generations[0] if generations[0] == generations[1] else None


def _of(con: duckdb.DuckDBPyConnection, name: str, number: int) -> int | None:
    found = con.execute(f"select generation, count(*) from {name} group by all").fetchall()  # noqa: S608
    if len(found) != 1 or found[0][1] != ROWS + number + found[0][0] % 7:
        return None
    return int(found[0][0])


def _ask_gateway(con: duckdb.DuckDBPyConnection, seen: Seen) -> int | None:
    """One view, as two could be of two releases. A switch within the question refuses it: ask again."""
    for _ in range(5):
        try:
            return _of(con, "kpi_first", 0)
        except duckdb.IOException as error:
            if "Cannot open file" not in str(error) and "No files found" not in str(error):
                raise
            seen.again += 1
    raise RuntimeError("five times in a row no file was there")


def _together(found: list[Seen]) -> dict[str, list[float]]:
    return {kind: sorted(value for seen in found for value in seen.seconds[kind]) for kind in KINDS}
