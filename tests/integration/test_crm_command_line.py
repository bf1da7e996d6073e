"""A company with a CRM as a person runs it: a credential in the environment, a few settings, two runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.ledger import Ledger
from orchestration.settings import PROJECT_ROOT
from tests.fakecrm import vendors
from tests.fakecrm.faults import Plan
from tests.fakecrm.server import serving
from tests.proof import faces

CENTS = Decimal("0.05")
"""By how much a month may differ: Salesforce keeps rates as units per company currency, to six decimals."""
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("command_line")]


PLANS: dict[str, faces.Plan] = {"hubspot": faces.write_rates, "pipedrive": faces.write_rates}
"""What adds to a CRM that tells no rates."""


@pytest.mark.parametrize("show", [vendors.of_salesforce, vendors.of_hubspot, vendors.of_pipedrive])
def test_a_credential_and_a_few_lines_are_enough(
    show: Callable[[Ledger], vendors.Vendor], tmp_path: Path
) -> None:
    shown, asked = show(faces.ledger()), Plan()
    said: list[str] = []

    def zeven(*arguments: str) -> None:
        said.append(run(tmp_path, shown.environment, *arguments))

    with serving(shown.routes, asked) as api:
        text = (
            f'[company]\nname = "Shown"\n[run]\nas_of = "{faces.UNTIL}"\n[sources.crm]\n{shown.section(api)}'
        )
        if plan := PLANS.get(shown.name):
            plan(tmp_path / "plan")
            text += '[sources.plan]\nkind = "files"\nfolder = "plan"\nadds_to = "crm"\n'
        (tmp_path / "zeven.toml").write_text(text, encoding="utf-8")
        zeven("doctor")
        zeven("run")
        first = len(asked.asked)
        numbers = closed_sales(tmp_path)
        zeven("run")  # everything changed a short while ago, and is read again
        second = len(asked.asked) - first
    expected = expected_closed_sales()
    assert numbers == closed_sales(tmp_path)
    assert numbers.keys() == expected.keys()
    assert not {
        month: (amount, expected[month])
        for month, amount in numbers.items()
        if abs(amount - expected[month]) > CENTS
    }
    assert second < first
    assert "Nothing new" in said[-1], said[-1]
    assert not [secret for secret in shown.environment.values() if secret in "".join(said)]


def test_a_person_in_two_crms_is_counted_once(tmp_path: Path) -> None:
    """The same company in Salesforce and in HubSpot: each lead of one is a lead of the other."""
    shown = {"sf": vendors.of_salesforce(faces.ledger()), "hs": vendors.of_hubspot(faces.ledger())}
    secrets = {
        name.replace("_CRM_", f"_{source.upper()}_"): value
        for source, one in shown.items()
        for name, value in one.environment.items()
    }
    with serving(shown["sf"].routes) as salesforce_api, serving(shown["hs"].routes) as hubspot_api:
        faces.write_rates(tmp_path / "plan")
        (tmp_path / "zeven.toml").write_text(
            f'[company]\nname = "Shown"\n[sources.sf]\n{shown["sf"].section(salesforce_api)}'.replace(
                "sources.crm", "sources.sf"
            )
            + f"[sources.hs]\n{shown['hs'].section(hubspot_api)}"
            '[sources.plan]\nkind = "files"\nfolder = "plan"\nadds_to = "hs"\n',
            encoding="utf-8",
        )
        run(tmp_path, secrets, "run", "--as-of", str(faces.UNTIL))
    with duckdb.connect(str(tmp_path / "published/gateway.duckdb"), read_only=True) as con:
        [(leads,)] = con.execute("select count(*) from fct_leads").fetchall()
        left_out = dict(
            con.execute("select value, records from data_warnings where code = 'leads_left_out'").fetchall()
        )
        won = dict(
            con.execute(
                "select split_part(opportunity_id, ':', 1), count(*) from fct_opportunities"
                " where outcome = 'won' group by 1"
            ).fetchall()
        )
    expected = len(faces.of_export_files()["fct_leads"])
    assert leads == expected
    assert left_out["matched to another source"] == expected
    assert won["sf"] == won["hs"]  # deals are not matched: two CRMs are two books


def run(folder: Path, secrets: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "--settings", str(folder / "zeven.toml"), *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **secrets},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def closed_sales(folder: Path) -> dict[Any, Decimal]:
    with duckdb.connect(str(folder / "published/gateway.duckdb"), read_only=True) as con:
        return dict(
            con.execute(
                "select period_start, closed_amount from kpi_closed_sales where level = 'company'"
                " and breakdown = 'total' and period_type = 'month' and closed_amount > 0"
            ).fetchall()
        )


def expected_closed_sales() -> dict[Any, Decimal]:
    """Those of the export files: what a CRM cannot know changes no month of the company's sales."""
    return {
        row["period_start"]: row["closed_amount"]
        for row in faces.of_export_files()["kpi_closed_sales"]
        if (row["level"], row["breakdown"], row["period_type"]) == ("company", "total", "month")
        and row["closed_amount"] > 0
    }
