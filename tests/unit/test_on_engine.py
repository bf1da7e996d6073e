"""A contract run where its table stands gives the verdicts that it gives in this process."""

from __future__ import annotations

import pytest

from orchestration.checks.contracts import Contract
from tests.proof.contract_gate import CONTRACTS, assert_gate_holds, fixture_contract
from tests.proof.engines import OnDuckdb, gate_on


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return fixture_contract(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def engine() -> OnDuckdb:
    return OnDuckdb()


def test_of_a_contract_with_every_kind_of_demand_each_check_fails_alone(
    engine: OnDuckdb, fixture: Contract
) -> None:
    assert_gate_holds(fixture, gate_on(engine))


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_check_of_a_published_table_holds(engine: OnDuckdb, table: str) -> None:
    assert_gate_holds(CONTRACTS[table], gate_on(engine))
