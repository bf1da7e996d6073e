"""One person in several sources, from export files to the published tables.

Belongs here: what the sources together publish, and what it says of who was not counted. Does not belong
here: which lead another one is counted as (`models/intermediate/_matching__unit_tests.yml`,
`test_second_opinion.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest import files
from orchestration.settings import load_settings
from tests.proof.asked import Row, company, compiled, find, needed
from tests.proof.compiled import Compiled
from tests.proof.in_memory import built, failing_tests, published_tables, rows_of
from tests.proof.worlds import make_world
from tests.reference.world import Rules, World
from tests.unit.reference_cases import JANUARY, utc

pytestmark = pytest.mark.xdist_group("asked")

AS_OF = utc("2026-01-31T12:00")
EXPORTS = {
    # Jan and Max came in here first, Kim in `shop`; Lee is deleted here; nobody knows whether Bo is 6
    "erp": {
        "reps.csv": "rep_id,rep_name,team_id\nR1,Noor,T1\n",
        "leads.csv": """lead_id,created_at,owner_id,source,email,status,duplicate_of,is_deleted
jan,2026-01-05T09:00:00Z,,fair,Jan@Example.com,disqualified,,
kim,2026-01-09T09:00:00Z,R1,fair,kim@example.com,working,,
lee,2026-01-05T09:00:00Z,R1,fair,lee@example.com,new,,true
max,2026-01-05T09:00:00Z,R1,fair,max@example.com,new,,
max2,2026-01-06T09:00:00Z,R1,fair,max@example.com,new,max,
max3,2026-01-07T09:00:00Z,R1,fair,max@example.com,new,,
bo,2026-01-05T09:00:00Z,R1,fair,none,new,,
""",
    },
    "shop": {
        "reps.csv": "rep_id,rep_name,team_id\nR7,Cato,T7\n",
        "leads.csv": """lead_id,created_at,owner_id,source,email,status,duplicate_of,is_deleted
1,2026-01-06T09:00:00Z,R7,web, jan@example.com ,qualified,,
2,2026-01-08T09:00:00Z,R7,web,KIM@example.com,new,,
3,2026-01-08T09:00:00Z,R7,web,lee@example.com,new,,
4,2026-01-20T09:00:00Z,R7,web,max@example.com,new,5,
5,2026-01-21T09:00:00Z,R7,web,max@example.com,new,,
6,2026-01-05T09:00:00Z,R7,web,none,new,,
""",
        "opportunities.csv": """opportunity_id,created_at,stage,lead_id,owner_id,amount,closed_on,is_won
D1,2026-01-10T09:00:00Z,Won,1,R7,100,2026-01-12,true
""",
        "activities.csv": """activity_id,activity_type,occurred_at,owner_id,lead_id
A1,call,2026-01-06T10:00:00Z,R7,1
A4,call,2026-01-22T10:00:00Z,R7,4
""",
    },
}


def settings_text(leads_by: str) -> str:
    text = f'[company]\nname = "Two"\n[matching]\nleads_by = "{leads_by}"\n'
    return text + "".join(f'[sources.{name}]\nkind = "files"\nfolder = "{name}"\n' for name in EXPORTS)


def exports_in(folder: Path) -> Callable[[duckdb.DuckDBPyConnection], None]:
    """What loads both folders into raw."""
    (folder / "zeven.toml").write_text(settings_text("email"), encoding="utf-8")
    settings = load_settings(folder / "zeven.toml", environ={})
    settings.paths.warehouse.mkdir()
    for name, exports in EXPORTS.items():
        (folder / name).mkdir()
        for file, content in exports.items():
            (folder / name / file).write_text(content, encoding="utf-8")

    def land(con: duckdb.DuckDBPyConnection) -> None:
        for name in settings.sources:
            for table in files.TABLES:
                files.load_table(con, settings, name, table, AS_OF.replace(tzinfo=UTC))

    return land


def matching_off(some: Compiled) -> Compiled:
    """The same where the settings say so; that they do is held by `test_second_opinion.py`, rules 2."""
    models = tuple(
        replace(model, sql=model.sql.replace("and true", "and false"))
        if model.name == "int_lead_matches"
        else model
        for model in some.models
    )
    assert models != some.models
    return replace(some, models=models)


@contextmanager
def of_both(folder: Path, by: Compiled) -> Iterator[duckdb.DuckDBPyConnection]:
    with built(by, World({}, AS_OF, AS_OF), exports_in(folder)) as con:
        yield con


def left_out(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    warnings: list[Row] = rows_of(con, "data_warnings")
    return {row["value"]: row["records"] for row in warnings if row["code"] == "leads_left_out"}


def test_a_person_in_two_sources_counts_once_and_with_what_both_know(tmp_path: Path) -> None:
    with of_both(tmp_path, compiled()) as con:
        facts: list[Row] = rows_of(con, "fct_leads")
        assert sorted(row["lead_id"] for row in facts) == [
            "erp:bo",
            "erp:jan",
            "erp:max",
            "erp:max3",
            "shop:2",
            "shop:3",
            "shop:6",
        ]
        assert left_out(con) == {"deleted": 1, "merged": 2, "matched to another source": 3}
        assert company(rows_of(con, "kpi_number_of_leads"), JANUARY)["leads"] == 7
        # disqualified in one CRM, a customer of the other: not disqualified, and the rep is who has the lead
        jan = find(facts, lead_id="erp:jan")
        assert (jan["rep_id"], jan["source"], jan["status"]) == ("shop:R7", "fair", "qualified")
        assert (jan["is_customer"], jan["is_disqualified"], jan["end_reason"]) == (True, False, "won")
        assert (jan["contact_moments"], jan["response_minutes"]) == (1, 25 * 60)
        # the call with the duplicate in the other CRM is one with the last lead before it
        assert find(facts, lead_id="erp:max3")["contact_moments"] == 1
        assert find(facts, lead_id="shop:2")["status"] == "working"
        assert [(row["opportunity_id"], row["lead_id"]) for row in rows_of(con, "fct_opportunities")] == [
            ("shop:D1", "erp:jan")
        ]
        assert failing_tests(con, compiled()) == {}
        everything = "\n".join(str(rows_of(con, table)) for table in published_tables(con)).lower()
        hashes = con.execute("select distinct email_hash from raw_files.leads").fetchall()
        assert len(hashes) == 5
        assert not [one for (one,) in hashes if one and one in everything]
        assert "example.com" not in everything
        raw = con.execute("select * from raw_files.leads").fetchall()
        assert "example.com" not in str(raw).lower()


def test_nobody_is_matched_where_matching_is_off(tmp_path: Path) -> None:
    with of_both(tmp_path, matching_off(needed("fct_leads", "data_warnings"))) as con:
        assert len(rows_of(con, "fct_leads")) == 10
        assert left_out(con) == {"deleted": 1, "merged": 2}


@pytest.mark.parametrize("seed", [1, 7])
def test_with_one_source_matching_changes_nothing(seed: int) -> None:
    world = make_world(Rules(), seed)
    addresses = ("jan@example.com", "kim@example.com")
    leads = [row | {"email": addresses[number % 2]} for number, row in enumerate(world.tables["leads"])]
    assert len(leads) > 5
    world = replace(world, tables=world.tables | {"leads": leads})
    published = []
    for by in (compiled(), matching_off(compiled())):
        with built(by, world) as con:
            published.append(
                {table: sorted(map(str, rows_of(con, table))) for table in published_tables(con)}
            )
    assert published[0] == published[1]
    assert published[0]["fct_leads"]
