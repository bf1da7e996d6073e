"""The seven numbers from a Salesforce org are those of the export files of the same company."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import pytest

from demo.company import STAGES
from demo.ledger import Ledger, OpportunityState
from demo.render_export import render_export
from demo.render_salesforce import conversion_rate, render
from orchestration.ingest import files
from tests.proof import crm_faces, faces
from tests.proof.compiled import settings_for
from tests.reference.world import Rules

SECTION = {"kind": "salesforce", "instance": "https://acme.my.salesforce.com"}


def as_salesforce_knows(ledger: Ledger) -> Ledger:
    """The ledger without what an org cannot hold; the reasons are in DECISIONS.md."""
    first_deals: dict[str, str] = {}
    for deal in sorted(ledger.opportunities, key=lambda one: (one.created_at, one.opportunity_id)):
        if deal.lead_id:
            first_deals.setdefault(deal.lead_id, deal.opportunity_id)
    return replace(
        ledger,
        teams=[replace(team, region="") for team in ledger.teams],
        rates=[
            replace(rate, rate=round(1 / Decimal(str(conversion_rate(rate.rate))), 8))
            for rate in ledger.rates
        ],
        targets=[target for target in ledger.targets if target.period_type != "year"],
        leads=[
            replace(lead, account_id=lead.account_id if lead.now.converted_at else None)
            for lead in ledger.leads
        ],
        opportunities=[
            replace(
                deal,
                lead_id=deal.lead_id if first_deals.get(deal.lead_id or "") == deal.opportunity_id else None,
                states=[_with_one_date(state) for state in deal.states],
            )
            for deal in ledger.opportunities
        ],
    )


def _with_one_date(state: OpportunityState) -> OpportunityState:
    probability = STAGES[state.stage].probability if state.probability is None else state.probability
    return replace(
        state, expected_close_on=state.closed_on or state.expected_close_on, probability=probability
    )


def of_export_files(ledger: Ledger, folder: Path) -> faces.Tables:
    render_export(ledger, folder / "in", clean=True)
    settings = settings_for(Rules(), folder)

    def load(con: duckdb.DuckDBPyConnection, source: str, _: Path) -> None:
        settings.paths.warehouse.mkdir(exist_ok=True)
        for table in files.TABLES:
            files.load_table(con, settings, source, table, faces.LOADED_AT)

    return faces.of(load)


def test_the_numbers_are_those_of_the_export_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = of_export_files(as_salesforce_knows(faces.ledger()), tmp_path)
    monkeypatch.setattr(faces, "of_export_files", lambda: expected)
    face = render(faces.ledger())
    found = faces.of(partial(crm_faces.land_salesforce, face), SECTION)
    told = faces.differences(found, face.ids)
    assert not told, "\n".join(told)
