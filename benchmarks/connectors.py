"""`make bench-connectors`: how fast each CRM is read, and how much of the time is the made-up CRM's.

Belongs here: the runs, what is measured of them, the table. Does not belong here: the made-up CRMs
(`tests/fakecrm`), or whether what was read is right (`tests/integration`).

The CRM is one process and each run another, so that the CPU time of both can be told apart; they share the
machine's cores. A company of the demo's kind is shown by each CRM: leads, deals, their history, activities.
Four runs: the first, one without changes, one after 1 % of the records changed, one after all changed. Only
the load is timed, not the start of the process.
"""

# ruff: noqa: S608 -- numbers and marks of its own

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from benchmarks.served import TICK
from demo.ledger import Ledger
from demo.simulate import simulate
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse
from tests.fakecrm import vendors
from tests.fakecrm.faults import Plan
from tests.fakecrm.server import serving
from tests.fakecrm.vendors import SOURCE, Vendor
from tests.proof.database_servers import NoServer, postgresql

RECORDS = 20_000
_RECORDS_OF_SCALE_1 = 40_000
"""About; of one year."""
CRMS: dict[str, Callable[[Ledger], Vendor]] = {
    "salesforce": vendors.of_salesforce,
    "hubspot": vendors.of_hubspot,
    "pipedrive": vendors.of_pipedrive,
}
READINGS = {
    "Salesforce, REST": ("salesforce", 10**9),
    "Salesforce, Bulk API": ("salesforce", 1),
    "HubSpot": ("hubspot", 0),
    "Pipedrive": ("pipedrive", 0),
}
"""With the number of records from which Salesforce is asked by a job."""
RUNS = {"first": 0.0, "nothing changed": 0.0, "1 % changed": 0.01, "all changed": 1.0}
"""With the part of the records that is changed before."""
DEALS = """
[sources.crm.tables.opportunities]
table = "deal"
key = "id"
cursor = "changed_at"
[sources.crm.tables.opportunities.columns]
opportunity_id = "id"
created_at = "made_at"
updated_at = "changed_at"
"""


@dataclass
class Measured:
    reading: str
    run: str
    rows: int
    seconds: float
    own: float
    """CPU seconds of the connector."""
    theirs: float | None
    """CPU seconds of the CRM; none where it is in the connector's process."""
    calls: int | None

    def written(self) -> str:
        rate, busy = (f"{self.rows / spent:,.0f}" if self.rows else "" for spent in (self.seconds, self.own))
        theirs = "" if self.theirs is None else f"{self.theirs:.1f}"
        share = "" if self.theirs is None else f"{self.theirs / ((self.own + self.theirs) or 1):.0%}"
        calls = "" if self.calls is None else f"{self.calls:,}"
        cells = (self.reading, self.run, f"{self.rows:,}", f"{self.seconds:.1f}", rate)
        return "| " + " | ".join((*cells, f"{self.own:.1f}", busy, theirs, share, calls)) + " |"


@dataclass
class Crm:
    """A CRM in a process of its own, told what to do line by line."""

    process: subprocess.Popen[str]
    address: str
    environment: dict[str, str] = field(default_factory=dict)
    section: str = ""

    def tell(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def calls(self) -> int:
        return int(self.tell("calls"))


@contextmanager
def crm(name: str, ledger: Path) -> Iterator[Crm]:
    command = [sys.executable, "-m", "benchmarks.connectors", "--serve", name, "--ledger", str(ledger)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Crm(process, told["address"], told["environment"], told["section"])
    finally:
        process.kill()
        process.wait()


def serve(name: str, ledger: Path) -> None:
    """Until standard input ends. `edit PART` changes that part of the records, `calls` counts questions."""
    vendor = CRMS[name](pickle.loads(ledger.read_bytes()))  # noqa: S301 -- written by this program
    plan, rng = Plan(), Random(1)
    with serving(vendor.routes, plan) as address:
        told = {"address": address, "environment": vendor.environment, "section": vendor.section(address)}
        print(json.dumps(told), flush=True)
        for line in sys.stdin:
            match line.split():
                case ["edit", part]:
                    count = 0
                    for object_ in vendor.main:
                        keys = sorted(vendor.store.objects[object_])
                        for key in rng.sample(keys, round(len(keys) * float(part))):
                            vendor.edit(object_, key, rng)
                            count += 1
                    print(count, flush=True)
                case ["calls"]:
                    print(len(plan.asked), flush=True)


def load(settings: Settings, bulk_from: int) -> None:
    """All tables of the one source, as the raw assets do; prints rows, seconds and CPU seconds."""
    from orchestration.ingest.crm import salesforce_reader

    if bulk_from:
        salesforce_reader.SalesforceReader.__init__.__defaults__ = (bulk_from,)
    [(name, source)] = settings.sources.items()
    kind, at, rows = KINDS[source.kind], datetime.now(UTC), 0
    with Warehouse(settings).connect() as con:
        kind.prepare(con)
        started, cpu = time.monotonic(), time.process_time()
        for table in kind.TABLES:
            rows += kind.load_table(con, settings, name, table, at).rows_loaded
        print(json.dumps([rows, time.monotonic() - started, time.process_time() - cpu]))


def run(settings: Settings, environment: dict[str, str], bulk_from: int = 0) -> tuple[int, float, float]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.connectors", "--load", str(settings.file)]
    done = subprocess.run(
        [*command, "--bulk-from", str(bulk_from)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    rows, seconds, cpu = json.loads(done.stdout.splitlines()[-1])
    return rows, seconds, cpu


def measure_crm(reading: str, ledger: Path, folder: Path) -> Iterator[Measured]:
    name, bulk_from = READINGS[reading]
    with crm(name, ledger) as one:
        settings = written(folder, one.section)
        for title, part in RUNS.items():
            if part:
                one.tell(f"edit {part}")
            calls, cpu = one.calls(), _cpu(one.process.pid)
            rows, seconds, own = run(settings, one.environment, bulk_from)
            theirs = _cpu(one.process.pid) - cpu
            yield Measured(reading, title, rows, seconds, own, theirs, one.calls() - calls)


def measure_sql(reading: str, records: int, folder: Path) -> Iterator[Measured]:
    """The same four runs over one table of deals."""
    settings = written(folder, f'kind = "sql"\n{DEALS}')
    if reading == "SQLite":
        yield from _of_database(reading, f"sqlite:///{folder / 'crm.sqlite'}", records, settings, None)
        return
    with tempfile.TemporaryDirectory(prefix="zeven-") as name:
        Path(name).chmod(0o755)
        for server in postgresql(Path(name)):
            first = int((Path(name) / "data" / "postmaster.pid").read_text().split()[0])
            yield from _of_database(reading, server.admin, records, settings, first)


def _of_database(
    reading: str, address: str, records: int, settings: Settings, pid: int | None
) -> Iterator[Measured]:
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    columns = "stage text, amount numeric(12, 2), currency text, owner_id int, probability double precision"
    with engine.begin() as con:
        con.exec_driver_sql(
            f"create table deal (id integer primary key, made_at timestamp, changed_at timestamp, {columns})"
        )
        rows = [
            (n, "2026-01-01 10:00:00", f"2026-03-{1 + n % 28:02} 10:00:00", "Proposal", n, "EUR", n % 50, 0.5)
            for n in range(1, records + 1)
        ]
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        con.exec_driver_sql(f"insert into deal values ({', '.join([mark] * 8)})", rows)
    plain = address.replace("+psycopg", "")
    for number, (title, part) in enumerate(RUNS.items()):
        if part:
            with engine.begin() as con:
                con.exec_driver_sql(
                    f"update deal set amount = amount + 1, changed_at = '2026-04-0{number} 10:00:00'"
                    f" where id - id / {round(1 / part)} * {round(1 / part)} = 0"
                )
        cpu = _cpu(pid) if pid else 0.0
        rows_loaded, seconds, own = run(settings, {"ZEVEN_CRM_URL": plain})
        yield Measured(reading, title, rows_loaded, seconds, own, _cpu(pid) - cpu if pid else None, None)


def written(folder: Path, section: str) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "warehouse").mkdir(exist_ok=True)
    file = folder / "zeven.toml"
    file.write_text(f'[company]\nname = "Measured"\n[sources.{SOURCE}]\n{section}')
    return load_settings(file)


def _cpu(pid: int) -> float:
    """Seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def report(found: Iterator[Measured], records: int) -> None:
    """The table, line by line as it is measured."""
    print(f"About {records:,} records, {os.cpu_count()} cores.\n")
    print(
        "| reading | run | rows loaded | s | rows/s | CPU s | rows per CPU s | CPU s of the CRM | its share |"
        " calls |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for one in found:
        print(one.written(), flush=True)


def measure(records: int, wanted: list[str]) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(prefix="zeven-bench-") as name:
        folder = Path(name)
        ledger = folder / "ledger"
        made = simulate(seed=5, scale=records / _RECORDS_OF_SCALE_1, until=date(2026, 3, 31), years=1)
        ledger.write_bytes(pickle.dumps(made))
        for number, reading in enumerate([*READINGS, "SQLite", "PostgreSQL"]):
            if wanted and not any(word.casefold() in reading.casefold() for word in wanted):
                continue
            place = folder / str(number)
            try:
                if reading in READINGS:
                    yield from measure_crm(reading, ledger, place)
                else:
                    yield from measure_sql(reading, records, place)
            except NoServer as missing:
                print(missing, file=sys.stderr)


def main(arguments: Any = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="about so many, in all objects together")
    parser.add_argument("--only", nargs="*", default=[], help="readings by a part of their name")
    parser.add_argument("--serve", choices=CRMS, help=argparse.SUPPRESS)
    parser.add_argument("--ledger", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--bulk-from", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        serve(given.serve, given.ledger)
    elif given.load:
        load(load_settings(given.load), given.bulk_from)
    else:
        report(measure(given.records, given.only), given.records)


if __name__ == "__main__":
    main()
