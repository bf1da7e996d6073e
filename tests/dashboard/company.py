"""A company with a release of the real pipeline, changed copies of it, and a browser's requests to its pages.

Belongs here: making those quickly, for the tests of this folder. Does not belong here: the tests.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from dash import Dash

from dashboard import app, data, view
from dashboard.pages.page import Source
from dashboard.releases import Release
from dashboard.words import Words
from orchestration import marts
from orchestration.checks.contracts import Column, Contract, load_contracts
from orchestration.publish.manifest import ReleaseInfo, parse_instant, read_manifest
from orchestration.publish.release import MODELS_DIR, publish
from orchestration.publish.store import Store
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.warehouse import Warehouse, make_private_folder

COMPANY = '[company]\nname = "Shown"\n[sources.demo]\nkind = "files"\nfolder = "demo_data"\n'
LAST_DAY = "2026-03-11"
"""The day that the release describes: a Wednesday, with every type of period running."""


@dataclass(frozen=True)
class Company:
    """A folder with settings and releases."""

    folder: Path

    def settings(self, more: str = "") -> Settings:
        """The settings, with `more` lines of TOML."""
        file = self.folder / "zeven.toml"
        file.write_text(COMPANY + more, encoding="utf-8")
        return load_settings(file, environ={})

    @property
    def store(self) -> Store:
        return Store.of(self.settings())

    @property
    def serving(self) -> str:
        found = self.store.current_id()
        assert found is not None
        return found

    def release(self) -> Release:
        return Release(self.settings(), self.serving)


def run_pipeline_in(folder: Path) -> Company:
    """A small demo company, published by the commands that anybody would type."""
    company = Company(folder)
    file = company.settings().file
    for arguments in (("demo", "--scale", "0.05", "--until", LAST_DAY), ("run", "--as-of", LAST_DAY)):
        command = [sys.executable, "-m", "orchestration.cli", *arguments, "--settings", str(file)]
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return company


def copy_of(company: Company, folder: Path) -> Company:
    """The same releases elsewhere, free to be changed."""
    shutil.copytree(company.folder / "published", folder / "published", symlinks=True)
    return Company(folder)


def publish_changed(
    company: Company, *statements: str, tables: Mapping[str, Contract] | None = None
) -> ReleaseInfo:
    """A new release of the tables that serve, after `statements` changed them in the marts.

    Nothing asks whether they make sense: what is published here is made up. `tables` come besides.
    """
    settings = company.settings()
    serving = company.store.releases / company.serving
    manifest = read_manifest(serving)
    as_of = parse_instant(manifest["as_of"])
    contracts = {**_shown_tables(), **(tables or {})}
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; create schema zeven")
        make_private_folder(settings.paths.warehouse)
        marts.start_afresh(file := Warehouse(settings).marts_file)
        marts.attach(con, file)
        con.execute(f"attach '{serving / 'zeven.duckdb'}' as serving (read_only)")
        for name in _shown_tables():
            con.execute(f"create table marts.{name} as from serving.{name}")
        for statement in statements:
            con.execute(statement)
        con.execute("detach serving")
        con.execute(
            "create table zeven.build_result as select 'run-2' as run_id, $1::timestamptz as as_of, "
            "$1::timestamptz as finished_at, true as passed, true as is_whole, '[]'::json as checks",
            [as_of],
        )
        return publish(
            con,
            settings,
            run_id="run-2",
            as_of=as_of,
            code_version="0.0.0",
            contracts=contracts,
            reconciliations=(),
            accept="made up",
            created_at=parse_instant(manifest["created_at"]) + timedelta(minutes=1),
        )


@cache
def _shown_tables() -> Mapping[str, Contract]:
    """The tables that the pages read, with contracts that ask for columns and keys only."""
    return {
        name: _lenient(contract)
        for name, contract in load_contracts(MODELS_DIR).items()
        if name not in ("data_warnings", "dim_accounts", "fct_contact_moments", "fct_opportunity_history")
    }


def _lenient(contract: Contract) -> Contract:
    plain = tuple(Column(column.name, column.data_type, column.description) for column in contract.columns)
    return Contract(contract.table, contract.description, plain, contract.key)


ODD_REP = 'crm:R/2 50%41 "é"'
"""A rep id that every step of an address gets wrong that decodes too often, too seldom or too early."""
FORMULAS = {"rep": '=HYPERLINK("http://evil.example")', "stage": "@SUM(1+1)", "deal": "+", "source": "-1+1"}
MARKUP = "<img src=x onerror=alert(1)>"
EIGHTH = "renewals_30d"
"""A metric of which the dashboard knows nothing; its unit neither."""
_MEMBER = (
    "period_type, period_start, period_end, is_complete, level, team_id, rep_id, breakdown, breakdown_value"
)
_TYPES = {"period_start": "date", "period_end": "date", "is_complete": "boolean", "renewals": "double"}


def publish_oddities(company: Company) -> ReleaseInfo:
    """A release with an eighth metric, and with names and ids that try to be something else."""
    with_rep = ("dim_reps", "fct_leads", "fct_opportunities", "fct_targets", "kpi_scorecard", "kpi_signals")
    metrics = [name for name in _shown_tables() if name.startswith("kpi_")]
    renamed = [
        f"update marts.{table} set rep_id = '{ODD_REP}' where rep_id = 'demo:R002'"
        for table in dict.fromkeys((*with_rep, *metrics))
    ]
    eighth = Contract(
        f"kpi_{EIGHTH}",
        "One row per period and member.",
        tuple(Column(name, _TYPES.get(name, "varchar"), "-") for name in (*_MEMBER.split(", "), "renewals")),
        tuple(_MEMBER.split(", ")),
    )
    return publish_changed(
        company,
        *renamed,
        f"update marts.dim_reps set rep_name = '{FORMULAS['rep']}' where rep_id = '{ODD_REP}'",
        f"update marts.dim_teams set team_name = '{MARKUP}' where team_id = 'demo:T01'",
        f"update marts.fct_opportunities set opportunity_id = '{FORMULAS['deal']}' || opportunity_id",
        f"update marts.kpi_open_pipeline set breakdown_value = '{FORMULAS['stage']}' "
        "where breakdown = 'stage' and breakdown_value = "
        "(select min(breakdown_value) from marts.kpi_open_pipeline where breakdown = 'stage' "
        "and level = 'company' and period_type = 'month' "
        "and period_start = (select max(period_start) from marts.kpi_open_pipeline "
        "where period_type = 'month'))",
        *(
            f"update marts.{table} set breakdown_value = '{FORMULAS['source']}' "
            "where breakdown = 'source' and breakdown_value = 'website'"
            for table in metrics
            if table not in ("kpi_scorecard", "kpi_signals")
        ),
        f"update marts.kpi_signals set text_en = '{MARKUP}' where level = 'company'",
        f"create table marts.kpi_{EIGHTH} as select {_MEMBER}, won_opportunities * 1.5::double as renewals "
        "from marts.kpi_closed_sales",
        f"insert into marts.metric_catalog select '{EIGHTH}', 8, 'Renewals', 'Verlengingen', 'hugs', "
        "direction, 'renewals', 'What was renewed.', 'Wat verlengd is.', 'Who stays?', 'Wie blijft?', owner "
        "from marts.metric_catalog where slug = 'closed_sales'",
        "insert into marts.kpi_scorecard (kpi, period_type, period_start, level, team_id, rep_id, value, "
        f"unit, previous_value, direction, sort_order) select '{EIGHTH}', period_type, period_start, level, "
        "team_id, rep_id, renewals, 'hugs', 4, 'higher_is_better', 8 "
        f"from marts.kpi_{EIGHTH} where breakdown = 'total'",
        tables={f"kpi_{EIGHTH}": eighth},
    )


def just_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def source_of(release: Release, pathname: str = "/", **query: Any) -> Source:
    """What a page at an address reads."""
    outline = data.outline(release)
    asked = view.Asked(tuple(part for part in pathname.split("/") if part), **query)
    shown = view.resolve(asked, outline, "en")
    assert shown is not None
    words = Words(shown.language, release.currency, release.time_zone)
    return Source(release, shown, outline, words, data.catalog(release))


@dataclass(frozen=True)
class Page:
    """What a browser got for an address: the components as nested JSON, and what it must know of them."""

    root: Any
    state: Mapping[str, str]

    @property
    def json(self) -> str:
        return json.dumps(self.root, ensure_ascii=False)

    @property
    def texts(self) -> list[str]:
        """Every text that is drawn, in the order of the page."""
        return list(_texts(self.root))

    @property
    def text(self) -> str:
        return " ".join(self.texts).replace("\xa0", " ")

    def links(self, start: str) -> list[str]:
        """Addresses that the page names and that start like this."""
        found = re.findall(r'"(?:href|data-rows)": "([^"]*)"', self.json)
        return sorted({link for link in found if link.startswith(start)})

    def panels(self) -> list[str]:
        return sorted(set(re.findall(r'"id": "panel-([^"]+)"', self.json)))

    def cards(self) -> list[str]:
        return sorted(set(re.findall(r'"id": "card-([^"]+)"', self.json)))


def _texts(node: Any) -> list[str]:
    """Of a packed page, where a node is a text, a component or a list of nodes."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        props = node["props"]
        if node["type"] == "Static":
            return [text for inner in props["nodes"] for text in _static_texts(inner)]
        return _texts(props.get("children"))
    if isinstance(node, list):
        return [text for inner in node for text in _texts(inner)]
    return []


def _static_texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, list):
        return [text for inner in (node[2] if len(node) > 2 else ()) for text in _static_texts(inner)]
    return []


@dataclass(frozen=True)
class Browser:
    """Asks an application for pages and files, as one reader."""

    dash: Dash
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, **headers: str) -> Browser:
        return cls(app.create_app(settings), {name.replace("_", "-"): to for name, to in headers.items()})

    def as_user(self, user: str) -> Browser:
        return Browser(self.dash, {"X-Zeven-User": user})

    def get(self, address: str) -> Any:
        with self.dash.server.test_client() as client:
            return client.get(address, headers=dict(self.headers))

    def post(self, pathname: Any, search: Any = "") -> Any:
        asked = {
            "output": "..root.children...state.data..",
            "outputs": [{"id": "root", "property": "children"}, {"id": "state", "property": "data"}],
            "inputs": [
                {"id": "url", "property": "pathname", "value": pathname},
                {"id": "url", "property": "search", "value": search},
            ],
            "changedPropIds": ["url.pathname", "url.search"],
        }
        with self.dash.server.test_client() as client:
            return client.post("/_dash-update-component", json=asked, headers=dict(self.headers))

    def page(self, pathname: Any = "/", search: Any = "") -> Page:
        answer = self.post(pathname, search)
        assert answer.status_code == 200, answer.text
        response = json.loads(answer.text)["response"]
        return Page(response["root"]["children"], response["state"]["data"])
