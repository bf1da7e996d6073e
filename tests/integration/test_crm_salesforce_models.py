"""The staging of Salesforce on an empty company: unit tests, data tests, and the canonical columns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

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
    dbt = DbtCommand(
        settings, "build", "--select", f"staging.{crm}", "value_mappings", target=folder / "target"
    )
    dbt.run()
    assert dbt.result is not None, dbt.exception
    return settings, {
        outcome.node.unique_id: f"{outcome.status} {outcome.message or ''}".strip()
        for outcome in dbt.result.results
    }


def columns(settings: Settings, crm: str) -> dict[str, list[tuple[str, str]]]:
    with Warehouse(settings).connect() as con:
        return {
            entity: [
                (name, sql_type)
                for name, sql_type, *_ in con.execute(f"describe staging.stg_{crm}__{entity}").fetchall()
            ]
            for entity in ENTITIES
        }


def test_an_empty_company_passes_and_has_the_canonical_columns(tmp_path: Path) -> None:
    org = 'kind = "salesforce"\ninstance = "https://acme.my.salesforce.com"'
    settings, outcomes = built(tmp_path / "s", "salesforce", org)
    bad = {
        name: status
        for name, status in outcomes.items()
        if not status.lower().startswith(("pass", "success", "ok", "create", "insert"))
    }
    assert not bad, "\n".join(f"{name}: {status}" for name, status in bad.items())
    own = [name for name in outcomes if name.startswith("unit_test.") and "stg_salesforce" in name]
    assert len(own) >= 3
    files, _ = built(tmp_path / "f", "files", 'kind = "files"\nfolder = "in"')
    assert columns(settings, "salesforce") == columns(files, "files")
