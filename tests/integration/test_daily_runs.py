"""Tables changed in place are those that would be made anew, cell by cell, after whatever a day brings.

Each day is built twice from the same warehouse: as a daily run does it, and with `full_refresh` on a copy.
The company is small, so what decides whether a table is worth changing in place is lifted here.
"""

from __future__ import annotations

import os
import shutil
from datetime import date, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest

from benchmarks.company import Size, make_company
from orchestration import patches
from orchestration.run import run_pipeline
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse
from tests.proof.batches import add_batch, meet_again, meet_at_fairs, send_again

pytestmark = pytest.mark.xdist_group("patches")

SIZE = Size(leads=300, reps=10, years=2)
SETTINGS = (
    '[company]\nname = "Daily"\n[run]\nas_of = "{day}"\n[matching]\nleads_by = "email"\n'
    '[sources.crm]\nkind = "files"\nfolder = "export"\n[sources.fair]\nkind = "files"\nfolder = "fair"\n'
)
KPIS = {
    "kpi_closed_sales",
    "kpi_conversion_ratio",
    "kpi_lead_response_time",
    "kpi_number_of_follow_ups",
    "kpi_number_of_leads",
    "kpi_open_pipeline",
}


def settings_of(folder: Path, day: date) -> Settings:
    (folder / "zeven.toml").write_text(SETTINGS.format(day=day))
    return load_settings(folder / "zeven.toml", environ={})


def query(settings: Settings, text: str) -> list[tuple[object, ...]]:
    with Warehouse(settings).connect(read_only=True) as con:
        return con.execute(text).fetchall()


def differences(one: Settings, other: Settings) -> dict[str, tuple[int, int]]:
    """Rows of each published table that only one of the two releases has; doubles to nine digits."""
    found = {}
    with duckdb.connect() as con:
        for name, settings in (("one", one), ("other", other)):
            file = settings.paths.published / "current" / "zeven.duckdb"
            con.execute(f"attach '{file}' as {name} (read_only)")
        tables = con.execute(
            "select table_name, string_agg("
            "case when data_type = 'DOUBLE' then 'round(' || column_name || ', 9)' else column_name end, "
            "', ' order by column_index) from duckdb_columns() "
            "where database_name = 'one' and table_name <> 'release_info' group by all"
        ).fetchall()
        for table, columns in tables:
            rows = [f"select {columns} from {name}.{table}" for name in ("one", "other")]
            counts = [
                con.execute(f"select count(*) from ({a} except all {b})").fetchall()[0][0]
                for a, b in (rows, rows[::-1])
            ]
            if any(counts):
                found[table] = tuple(counts)
    assert len(tables) > 20
    return found


def copy_of(folder: Path, name: str) -> Path:
    copy = folder.with_name(name)
    if copy.exists():
        for path in copy.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(copy)
    return shutil.copytree(folder, copy, symlinks=True)


def build_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, batches: int) -> None:
    monkeypatch.setattr(patches, "UP_TO", 10.0)
    monkeypatch.setattr(patches, "WORTHWHILE", 0)
    chance = Random(seed)
    folder, day = tmp_path / "daily", SIZE.until
    folder.mkdir()
    make_company(folder / "export", SIZE)
    meet_at_fairs(folder / "export", folder / "fair")
    run_pipeline(settings_of(folder, day))
    for batch in range(batches):
        # a day later, the same day once more, weeks later
        day += timedelta(days=chance.choice((1, 1, 1, 0, 20)) if batch else 1)
        moves_numbers = batch % 4 == 3
        name = f"{day}-{batch}"
        add_batch(folder / "export", chance, day, moves_numbers=moves_numbers, name=name)
        meet_again(folder / "fair", chance, day, name)
        if batch % 3 == 1:
            send_again(folder / "export", chance)
        anew, daily = settings_of(copy_of(folder, "anew"), day), settings_of(folder, day)
        run_pipeline(daily, accept="random")
        run_pipeline(anew, full_refresh=True, accept="random")
        assert differences(daily, anew) == {}, f"seed {seed}, batch {batch}"
        patched = {str(row[0]) for row in query(daily, "select table_name from zeven.patched")}
        assert moves_numbers or patched >= KPIS, "the days were not built as daily runs build them"
        assert query(anew, "select * from zeven.patched") == []


def test_what_a_day_changes_is_what_a_full_refresh_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_days(tmp_path, monkeypatch, seed=1, batches=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 10 + int(os.environ.get("ZEVEN_PATCH_SEEDS", "4"))))
def test_many_days_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    build_days(tmp_path, monkeypatch, seed, batches=8)
