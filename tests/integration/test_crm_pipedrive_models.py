"""The staging of Pipedrive on an empty company: unit tests, data tests, and the canonical columns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration import run_record
from orchestration.ingest.registry import KINDS
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.transform.dbt_command import DbtCommand
from orchestration.warehouse import Warehouse

ENTITIES = sorted(
    path.stem.removeprefix("stg_files__") for path in (PROJECT_ROOT / "models/staging/files").glob("*.sql")
)


def built(folder: Path, crm: str, source: str) -> tuple[Settings, dict[str, str]]:
    """An empty company with one source, and the outcome of every node that dbt built or tested."""
    folder.mkdir()
    file = folder / "zeven.toml"
    file.write_text(f'[company]\nname = "Empty"\n[sources.crm]\n{source}\n')
    settings = load_settings(file)
    with Warehouse(settings).connect() as con:
        for kind in KINDS.values():
            kind.prepare(con)
        run_record.prepare(con)
        instant = datetime(2026, 3, 31, 12, tzinfo=UTC)
        run_record.begin(con, "empty", instant, instant)
    dbt = DbtCommand(settings, "build", "--select", f"staging.{crm}", target=folder / "target")
    dbt.run()
    assert dbt.result is not None, dbt.exception
    return settings, {
        outcome.node.unique_id: f"{outcome.status} {outcome.message or ''}".strip()
        for outcome in dbt.result.results
    }


def columns(con: duckdb.DuckDBPyConnection, crm: str, entity: str) -> list[tuple[str, str]]:
    found = con.execute(f"describe staging.stg_{crm}__{entity}").fetchall()
    return [(name, sql_type) for name, sql_type, *_ in found]


def test_an_empty_company_passes_and_has_the_canonical_columns(tmp_path: Path) -> None:
    settings, outcomes = built(
        tmp_path / "p", "pipedrive", 'kind = "pipedrive"\napi = "https://a.pipedrive.com"'
    )
    bad = {
        name: status
        for name, status in outcomes.items()
        if not status.lower().startswith(("pass", "success", "ok"))
    }
    assert not bad
    own = [name for name in outcomes if name.startswith("unit_test.") and "stg_pipedrive" in name]
    assert len(own) >= 3
    files, _ = built(tmp_path / "f", "files", 'kind = "files"\nfolder = "in"')
    with Warehouse(settings).connect() as ours, Warehouse(files).connect() as theirs:
        for entity in ENTITIES:
            assert columns(ours, "pipedrive", entity) == columns(theirs, "files", entity), entity
