"""Kill -9 while a CRM is asked: nothing is lost or there twice, and no cursor is ahead of its rows.

The process that is killed loads the raw tables as the asset does, with pages and batches as small as the
company. It is killed some moment after a question of which the number is drawn by lot: of a first load half
of the time, of a load of changes otherwise. Then runs go on until one brings nothing new, and raw must be
what an undisturbed load of the same CRM makes: in a new warehouse, by another process.

`ZEVEN_CRM_KILLS` kills per CRM (3). Records are older than any overlap, so that a cursor ahead of its rows
would lose them for good.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pytest

from demo.ledger import Ledger
from demo.simulate import simulate
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings
from tests.fakecrm import vendors
from tests.fakecrm.faults import Plan
from tests.fakecrm.server import serving
from tests.fakecrm.vendors import Vendor

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crm_kill")]

KILLS = int(os.environ.get("ZEVEN_CRM_KILLS", "3"))
EDITED = 40
RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from orchestration.ingest.crm import hubspot, pipedrive, salesforce_reader
from orchestration.ingest.registry import KINDS
from orchestration.settings import load_settings
from orchestration.warehouse import Warehouse
hubspot.HubspotReader.__init__.__kwdefaults__["piece"] = 2
pipedrive._BATCH, pipedrive._DEALS_AT_ONCE = 150, 10
pipedrive.cursor_pages.__globals__["PAGE"] = 50
salesforce_reader.SalesforceReader.__init__.__defaults__ = (int(sys.argv[2]),)
settings, at = load_settings(Path(sys.argv[1])), datetime.now(UTC)
[(name, source)] = settings.sources.items()
kind, changed = KINDS[source.kind], 0
with Warehouse(settings).connect() as con:
    kind.prepare(con)
    for table in kind.TABLES:
        changed += kind.load_table(con, settings, name, table, at).batches_new
print(changed)
"""
CASES: dict[str, tuple[Callable[[Ledger], Vendor], int]] = {
    "salesforce by REST": (lambda ledger: vendors.of_salesforce(ledger, page=50), 10**6),
    "salesforce by jobs": (lambda ledger: vendors.of_salesforce(ledger, page=50, job_page=60), 100),
    "hubspot": (vendors.of_hubspot, 10**6),
    "pipedrive": (vendors.of_pipedrive, 10**6),
}
"""With the number of records from which Salesforce is asked by a job."""


@dataclass
class Kill9:
    """A CRM that is served, and the processes that read it."""

    vendor: Vendor
    plan: Plan
    address: str
    bulk_from: int
    folder: Path
    rng: random.Random
    died: list[str] = field(default_factory=list)

    @property
    def kind(self) -> CrmKind:
        kind = KINDS[self.vendor.name]
        assert isinstance(kind, CrmKind)
        return kind

    def warehouse(self, name: str) -> Settings:
        return self.vendor.settings(self.folder / name, self.address)

    def start(self, settings: Settings) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-c", RUN, str(settings.file), str(self.bulk_from)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | self.vendor.environment,
        )

    def run(self, settings: Settings) -> int:
        """To its end; how many batches brought something new."""
        process = self.start(settings)
        said, wrong = process.communicate(timeout=120)
        assert process.returncode == 0, wrong
        return int(said.split()[-1])

    def until_quiet(self, settings: Settings) -> None:
        for _ in range(5):
            if self.run(settings) == 0:
                return
        raise AssertionError("every run brings something new")

    def kill(self, settings: Settings, questions: int, seconds: float) -> bool:
        """Kill it after one of so many questions; whether it was still alive."""
        number, before = self.rng.randint(1, questions), len(self.plan.asked)
        # some questions are followed by nothing, others by a batch or two that is landed
        pause = self.rng.uniform(0, 3 * seconds / questions)
        process = self.start(settings)
        while len(self.plan.asked) < before + number and process.poll() is None:
            time.sleep(0.001)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            asked = self.plan.asked[before:]
            self.died.append(f"after {len(asked)} of {questions}: {asked[-1].partition('?')[0]}")
            return True
        assert process.returncode == 0
        return False

    def edit(self) -> None:
        for _ in range(EDITED):
            name = self.rng.choice(self.vendor.main)
            self.vendor.edit(name, self.rng.choice(sorted(self.vendor.store.objects[name])), self.rng)

    @contextmanager
    def opened(self, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(settings.paths.warehouse / "work.duckdb"), read_only=True) as con:
            yield con

    def rows(self, settings: Settings) -> dict[str, list[tuple[object, ...]]]:
        """What is there now, of every object."""
        found = {}
        with self.opened(settings) as con:
            for name, one in self.kind.TABLES.items():
                if name == "deals_followed":  # the reader's own notes
                    continue
                columns = ", ".join(f'"{column.name}"' for column in one.fields)
                key = ", ".join(f'"{column}"' for column in one.key)
                found[name] = con.execute(
                    f'select {columns} from {self.kind.schema}."{name}" qualify row_number() over (partition'
                    f" by {key} order by _batch_number desc, _source_row desc) = 1 and not _is_deleted"
                    " order by all"
                ).fetchall()
        return found

    def assert_sound(self, settings: Settings) -> None:
        """No version is there twice, and the ledger accounts for every row."""
        with self.opened(settings) as con:
            told = dict(
                con.execute(
                    "select table_name, sum(rows_loaded + rows_deleted) from"
                    f" {self.kind.schema}.load_ledger group by all"
                ).fetchall()
            )
            odd = con.execute(
                f"select * from {self.kind.schema}.load_ledger where rows_in <> rows_loaded + rows_unchanged"
                " + rows_repeated + rows_quarantined + rows_withheld"
            ).fetchall()
            assert odd == []
            for name, one in self.kind.TABLES.items():
                key = ", ".join(f'"{column}"' for column in one.key)
                [(rows, twice)] = con.execute(
                    "select count(*), count(*) filter (is_twice) from (select"
                    " _record_hash = lag(_record_hash) over versions"
                    " and not _is_deleted and not lag(_is_deleted) over versions as is_twice"
                    f' from {self.kind.schema}."{name}" window versions as (partition by {key}'
                    " order by _batch_number, _source_row))"
                ).fetchall()
                assert twice == 0, f"{name}: {twice} of {rows} rows are there twice"
                assert rows == told.get(name, 0), name


def assert_equal(killed: Kill9, found: Settings, expected: Settings) -> None:
    ours, theirs = killed.rows(found), killed.rows(expected)
    for name in theirs:
        assert ours[name] == theirs[name], name
    for name in killed.vendor.main:
        one = killed.kind.TABLES[name]
        key = [column.name for column in one.fields].index(one.key[0])
        assert sorted(str(row[key]) for row in ours[name]) == sorted(killed.vendor.shown(name)), name
    killed.assert_sound(found)


@pytest.mark.parametrize("case", CASES)
def test_a_load_is_killed_at_any_moment(case: str, tmp_path: Path) -> None:
    make, bulk_from = CASES[case]
    vendor = make(simulate(seed=5, scale=0.05, until=date(2026, 3, 31), years=1))
    plan = Plan()
    with serving(vendor.routes, plan) as address:
        made = Kill9(vendor, plan, address, bulk_from, tmp_path, random.Random(case))
        calm = made.warehouse("calm")
        started = time.monotonic()
        made.run(calm)
        first, seconds = len(plan.asked), time.monotonic() - started
        made.edit()
        made.run(calm)
        changes = len(plan.asked) - first
        turn, killed = 0, made.warehouse("killed 0")
        while len(made.died) < KILLS:
            turn += 1
            assert turn < 4 * KILLS + 4, "the machine is too fast for this test to mean anything"
            if turn % 2:
                killed, questions = made.warehouse(f"killed {turn}"), first
            else:
                made.edit()
                questions = changes
            for _ in range(2):  # and again where it went on
                made.kill(killed, questions, seconds * questions / first)
            made.until_quiet(killed)
            fresh = made.warehouse(f"fresh {turn}")
            made.run(fresh)
            assert_equal(made, killed, fresh)
    print(f"{case}: {len(made.died)} kills, {first} questions of a first load, {changes} of changes")
    print("\n".join(made.died))
