"""The example settings handle the traps of their data sets, on a few made-up rows of the same shape."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from export_folder import LOADED_AT

from orchestration.ingest import files
from orchestration.settings import PROJECT_ROOT, Settings, load_settings


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def example(tmp_path: Path, name: str, variable: str) -> Settings:
    """The example as it is, but working in a folder of the test."""
    path = PROJECT_ROOT / "docs" / "examples" / f"{name}.toml"
    settings = load_settings(path, environ={variable: str(tmp_path / "data")})
    paths = settings.paths.model_copy(update={"warehouse": tmp_path / "warehouse"})
    return settings.model_copy(update={"paths": paths})


def load_all(con: duckdb.DuckDBPyConnection, settings: Settings, source: str) -> dict[str, int]:
    """Rows loaded, by table."""
    files.prepare(con)
    loads = [files.load_table(con, settings, source, table, LOADED_AT) for table in files.TABLES]
    assert [finding for load in loads for finding in load.findings] == []
    assert files.scan(con, settings) == []
    return {load.table: load.rows_loaded for load in loads if load.batches_seen}


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return con.execute(query).fetchall()


def test_maven(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    texts = {
        "sales_pipeline.csv": "opportunity_id,sales_agent,product,account,deal_stage,engage_date,"
        "close_date,close_value\n"
        "D1,Ann,GTXPro,Acme,Won,2017-01-02,2017-03-01,1054\n"
        "D2,Bob,MG,Acme,Lost,2017-01-02,2017-03-02,0\n"
        "D3,Ann,MG,,Engaging,2017-11-01,,\n"
        "D4,Ann,MG,,Prospecting,,,\n",
        "sales_teams.csv": "sales_agent,manager,regional_office\nAnn,M,West\nBob,M,East\nCas,M,East\n",
        "accounts.csv": "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
        "Acme,technolgy,1996,1100.04,2822,Philipines,\n",
        "products.csv": "product,series,sales_price\nGTX Pro,GTX,4821\nMG,MG,55\n",
        "data_dictionary.csv": "Table,Field,Description\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load_all(con, example(tmp_path, "maven", "MAVEN_CRM"), "maven")
    assert loaded == {"teams": 3, "reps": 3, "accounts": 1, "opportunities": 4, "products": 2}
    columns = "opportunity_id, product_id, account_id, stage, is_won, created_on, closed_on, amount"
    assert rows(con, f"SELECT {columns} FROM raw_files.opportunities ORDER BY 1") == [
        ("D1", "GTX Pro", "Acme", "Won", True, date(2017, 1, 2), date(2017, 3, 1), Decimal("1054.00")),
        ("D2", "MG", "Acme", "Lost", False, date(2017, 1, 2), date(2017, 3, 2), Decimal("0.00")),
        ("D3", "MG", None, "Engaging", None, date(2017, 11, 1), None, None),
        ("D4", "MG", None, "Prospecting", None, date(2017, 12, 31), None, None),
    ]
    assert rows(con, "SELECT industry, country FROM raw_files.accounts") == [("technology", "Philippines")]
    assert rows(con, "SELECT rep_id, team_id FROM raw_files.reps ORDER BY 1")[2] == ("Cas", "East")


def test_leadforge(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    folder = tmp_path / "data" / "tables"
    folder.mkdir(parents=True)
    tables = {
        "leads": "SELECT 'L1' AS lead_id, 'C1' AS contact_id, 'A1' AS account_id,"
        " '2024-01-02' AS lead_created_at, 'inbound' AS lead_source, 'x' AS first_touch_channel,"
        " 'closed_won' AS current_stage, 'R1' AS owner_rep_id, false AS is_sql,"
        " true AS converted_within_90_days, '2024-03-01' AS conversion_timestamp"
        " UNION ALL SELECT 'L2', 'C2', 'A1', '2024-01-03', 'outbound', 'x', 'closed_lost', 'R1', false,"
        " false, NULL",
        "opportunities": "SELECT 'O1' AS opportunity_id, 'L1' AS lead_id, '2024-01-20' AS created_at,"
        " 'closed_won' AS stage, 5000 AS estimated_acv, 'closed_won' AS close_outcome,"
        " '2024-03-01' AS closed_at",
        "sales_activities": "SELECT 'X1' AS activity_id, 'L1' AS lead_id, 'R1' AS rep_id,"
        " '2024-01-05' AS activity_timestamp, 'demo' AS activity_type, 'connected' AS activity_outcome",
        "accounts": "SELECT 'A1' AS account_id, 'Acme' AS company_name, 'retail' AS industry, 'US' AS region",
    }
    for name, query in tables.items():
        con.execute(f"COPY ({query}) TO '{folder / name}.parquet'")
    loaded = load_all(con, example(tmp_path, "leadforge", "LEADFORGE"), "leadforge")
    assert loaded == {"reps": 2, "accounts": 1, "leads": 2, "opportunities": 1, "activities": 1}
    assert rows(
        con, "SELECT lead_id, account_id, created_on, owner_id, source, status FROM raw_files.leads"
    ) == [
        ("L1", "A1", date(2024, 1, 2), "R1", "inbound", "converted"),
        ("L2", "A1", date(2024, 1, 3), "R1", "outbound", "disqualified"),
    ]
    assert rows(con, "SELECT lead_id, stage, amount, is_won, closed_on FROM raw_files.opportunities") == [
        ("L1", "closed_won", Decimal("5000.00"), True, date(2024, 3, 1))
    ]
    assert rows(con, "SELECT activity_type, occurred_on, owner_id FROM raw_files.activities") == [
        ("meeting", date(2024, 1, 5), "R1")
    ]
