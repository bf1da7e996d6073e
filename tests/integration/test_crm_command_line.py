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
"""By how much a month may differ: Salesforce keeps a rate as units per company currency, to six decimals."""
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

    def zeven(*arguments: str) -> str:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "orchestration.cli",
                "--settings",
                str(tmp_path / "zeven.toml"),
                *arguments,
            ],
            cwd=PROJECT_ROOT,
            env={**os.environ, **shown.secrets},
            capture_output=True,
            text=True,
            check=False,
        )
        said.append(done.stdout + done.stderr)
        assert done.returncode == 0, said[-1]
        return said[-1]

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
