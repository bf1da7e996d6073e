"""The staging of every CRM on an empty company: unit tests, data tests, and the canonical columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings
from orchestration.transform.dbt_command import DbtCommand
from orchestration.warehouse import Warehouse
from tests.proof.crm_faces import ENTITIES
from tests.proof.empty_company import FILES, empty_company

pytestmark = pytest.mark.xdist_group("crm_models")

SOURCES = {
    "files": FILES,
    "hubspot": 'kind = "hubspot"',
    "pipedrive": 'kind = "pipedrive"\napi = "https://a.pipedrive.com"',
    "salesforce": 'kind = "salesforce"\ninstance = "https://acme.my.salesforce.com"',
}
UNIT_TESTS = {"hubspot": 2, "pipedrive": 3, "salesforce": 3}
"""As many as each CRM's staging has at least."""

Columns = dict[str, list[tuple[str, str]]]


def built(folder: Path, crm: str) -> tuple[Settings, dict[str, str]]:
    """An empty company with one source, and the outcome of every node that dbt built or tested."""
    settings = empty_company(folder, SOURCES[crm])
    dbt = DbtCommand(
        settings, "build", "--select", f"staging.{crm}", "value_mappings", target=folder / "target"
    )
    dbt.run()
    assert dbt.result is not None, dbt.exception
    return settings, {
        outcome.node.unique_id: f"{outcome.status} {outcome.message or ''}".strip()
        for outcome in dbt.result.results
    }


def columns(settings: Settings, crm: str) -> Columns:
    with Warehouse(settings).connect() as con:
        return {
            entity: [
                (name, sql_type)
                for name, sql_type, *_ in con.execute(f"describe staging.stg_{crm}__{entity}").fetchall()
            ]
            for entity in ENTITIES
        }


@pytest.fixture(scope="module")
def canonical(tmp_path_factory: pytest.TempPathFactory) -> Columns:
    settings, _ = built(tmp_path_factory.mktemp("files"), "files")
    return columns(settings, "files")


def test_every_crm_is_here() -> None:
    assert sorted(SOURCES) == sorted({kind.CRM for kind in KINDS.values()})


@pytest.mark.parametrize("crm", UNIT_TESTS)
def test_an_empty_company_passes_and_has_the_canonical_columns(
    crm: str, canonical: Columns, tmp_path: Path
) -> None:
    settings, outcomes = built(tmp_path, crm)
    bad = [
        f"{name}: {status}" for name, status in outcomes.items() if not status.startswith(("pass", "success"))
    ]
    assert not bad, "\n".join(bad)
    own = [name for name in outcomes if name.startswith("unit_test.") and f"stg_{crm}" in name]
    assert len(own) >= UNIT_TESTS[crm]
    assert columns(settings, crm) == canonical
