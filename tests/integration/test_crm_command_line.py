"""A company with a CRM as a person runs it: a credential in the environment, a few settings, two runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.render_hubspot import render_hubspot
from demo.render_pipedrive import render_pipedrive
from demo.render_salesforce import render
from orchestration.settings import PROJECT_ROOT
from tests.fakecrm import hubspot, pipedrive, salesforce
from tests.fakecrm.faults import Plan
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store
from tests.proof import faces

CENTS = Decimal("0.05")
"""By how much a month may differ: Salesforce keeps rates as units per company currency, to six decimals."""
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("command_line")]


@dataclass(frozen=True)
class Shown:
    """A made-up CRM: the server, its secrets, its section of the settings but for the address, and what adds
    to it."""

    routes: Any
    secrets: dict[str, str]
    section: Callable[[str], str]
    plan: faces.Plan | None = None


def shown_salesforce() -> Shown:
    return Shown(
        salesforce.FakeSalesforce(Store(render(faces.ledger()).objects)).routes(),
        {
            "ZEVEN_CRM_CLIENT_ID": salesforce.CLIENT["client_id"],
            "ZEVEN_CRM_CLIENT_SECRET": salesforce.CLIENT["client_secret"],
        },
        lambda api: f'kind = "salesforce"\ninstance = "{api}"\n',
    )


def shown_hubspot() -> Shown:
    face = render_hubspot(faces.ledger())

    def plan(folder: Path) -> None:
        faces.write_rates(folder)
        faces.write_targets(folder, {ours: theirs for theirs, ours in face.ids.items()})

    return Shown(
        hubspot.Hubspot(Store(face.objects)).routes(),
        {"ZEVEN_CRM_TOKEN": hubspot.TOKEN},
        lambda api: f'kind = "hubspot"\napi = "{api}"\n',
        plan,
    )


def shown_pipedrive() -> Shown:
    return Shown(
        pipedrive.Pipedrive(Store(render_pipedrive(faces.ledger()).lists)).routes(),
        {"ZEVEN_CRM_API_TOKEN": pipedrive.TOKEN},
        lambda api: f'kind = "pipedrive"\napi = "{api}"\n',
        faces.write_rates,
    )


@pytest.mark.parametrize("show", [shown_salesforce, shown_hubspot, shown_pipedrive])
def test_a_credential_and_a_few_lines_are_enough(show: Callable[[], Shown], tmp_path: Path) -> None:
    shown, asked = show(), Plan()
    said: list[str] = []

    def zeven(*arguments: str) -> None:
        said.append(run(tmp_path, shown.secrets, *arguments))

    with serving(shown.routes, asked) as api:
        text = f'[company]\nname = "Shown"\n[sources.crm]\n{shown.section(api)}'
        if shown.plan:
            shown.plan(tmp_path / "plan")
            text += '[sources.plan]\nkind = "files"\nfolder = "plan"\nadds_to = "crm"\n'
        (tmp_path / "zeven.toml").write_text(text, encoding="utf-8")
        zeven("doctor")
        zeven("run", "--as-of", str(faces.UNTIL))
        first = len(asked.asked)
        numbers = closed_sales(tmp_path)
        zeven("run", "--as-of", str(faces.UNTIL))
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
    assert not [secret for secret in shown.secrets.values() if secret in "".join(said)]


def test_a_person_in_two_crms_is_counted_once(tmp_path: Path) -> None:
    """The same company in Salesforce and in HubSpot: each lead of one is a lead of the other."""
    shown = {"sf": shown_salesforce(), "hs": shown_hubspot()}
    secrets = {
        name.replace("_CRM_", f"_{source.upper()}_"): value
        for source, one in shown.items()
        for name, value in one.secrets.items()
    }
    with serving(shown["sf"].routes) as salesforce_api, serving(shown["hs"].routes) as hubspot_api:
        faces.write_rates(tmp_path / "plan")
        (tmp_path / "zeven.toml").write_text(
            '[company]\nname = "Shown"\n'
            f"[sources.sf]\n{shown['sf'].section(salesforce_api)}"
            f"[sources.hs]\n{shown['hs'].section(hubspot_api)}"
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
