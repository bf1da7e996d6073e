"""The models on an empty company: every unit test of the project, every data test, every contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.audit import audit
from orchestration.checks.contracts import load_contracts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.dbt_command import DbtCommand
from orchestration.warehouse import Warehouse
from tests.proof.empty_company import empty_company

pytestmark = pytest.mark.xdist_group("models")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A company that has loaded nothing yet; the values that the unit tests are written for."""
    return empty_company(tmp_path_factory.mktemp("empty_company"))


@pytest.fixture(scope="module")
def results(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Of everything that dbt builds and tests."""
    dbt = DbtCommand(settings, "build", target=tmp_path_factory.mktemp("target"))
    dbt.run()
    assert dbt.result is not None, dbt.exception
    return list(dbt.result.results)


@pytest.fixture(scope="module")
def outcomes(results: list[Any]) -> dict[str, str]:
    """Status by node."""
    return {
        outcome.node.unique_id: f"{outcome.status} {outcome.message or ''}".strip() for outcome in results
    }


@pytest.mark.parametrize(
    ("kind", "good", "at_least"),
    [("unit_test", "pass", 25), ("test", "pass", 90), ("model", "success", 59), ("seed", "success", 4)],
)
def test_everything_passes(outcomes: dict[str, str], kind: str, good: str, at_least: int) -> None:
    found = {name: status for name, status in outcomes.items() if name.startswith(f"{kind}.")}
    assert len(found) >= at_least, "fewer than before: was something left out of the selection?"
    bad = {name: status for name, status in found.items() if not status.lower().startswith((good, "ok"))}
    assert not bad


def test_every_contract_holds_for_an_empty_company(settings: Settings, outcomes: dict[str, str]) -> None:
    assert outcomes
    with Warehouse(settings).connect(read_only=True) as con:
        con.execute("use marts")
        verdicts = audit(con, load_contracts(Path(PROJECT_ROOT / "models")), schema="main")
    assert len(verdicts) > 600
    assert [verdict.message for verdict in verdicts if not verdict.passed] == []


def test_a_key_that_is_doubled_or_missing_is_found(settings: Settings, results: list[Any]) -> None:
    [test] = [outcome.node for outcome in results if outcome.node.name == "is_key_stage_map_stage"]
    with Warehouse(settings).connect() as con:
        con.begin()
        assert con.execute(test.compiled_code).fetchall() == []
        [(stage,)] = con.execute("select stage from seeds.stage_map limit 1").fetchall()
        con.execute("insert into seeds.stage_map (stage) values (?), (null), ('a third one')", [stage])
        found = dict(con.execute(test.compiled_code).fetchall())
        con.rollback()
    assert found == {stage: 2, None: 1}
