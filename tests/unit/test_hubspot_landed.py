"""HubSpot's tables as Fivetran, Airbyte and dlt leave them: what is odd, absent, merged, back or forgotten.

That whole accounts come out right is shown in `tests/integration/test_landed_hubspot.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import SourceError
from orchestration.ingest import tombstones
from orchestration.ingest.crm import hubspot_landed, raw_schema
from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.landed_by_others import LandedReader
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.tombstones import Tombstone, hash_of_record
from orchestration.setting_sources import HubspotLandedSource
from tests.fakecrm.hubspot_scene import newest

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OBJECTS = {one.name: one for one in objects.OBJECTS}


class Lake:
    def __init__(self, root: Path, *statements: str) -> None:
        self.root, self.place, self.runs = root, root / "lake.duckdb", 0
        self.con = duckdb.connect()
        raw_schema.prepare(self.con, "raw_hubspot", OBJECTS)
        self.tool(*statements)

    def tool(self, *statements: str) -> None:
        with duckdb.connect(str(self.place)) as con:
            con.execute("set TimeZone = 'UTC'")
            for statement in statements:
                con.execute(statement)

    def read(self, *which: Object) -> Landing:
        self.runs += 1
        into = Landing(self.con, "raw_hubspot", "hs", AT + timedelta(days=self.runs), self.root)
        source = HubspotLandedSource(kind="hubspot_landed", place=self.place)
        reader = LandedReader("hs", source, hubspot_landed.Hubspot(source, "hs"))
        for one in which:
            reader.read(one, into)
        return into

    def of(self, one: Object, *names: str) -> set[Any]:
        places = [[field.name for field in one.fields].index(name) for name in names]
        return {tuple(row[place] for place in places) for row in newest(self.con, one)}


FIVETRAN = (
    "create table deal (deal_id bigint, deal_pipeline_id varchar, deal_pipeline_stage_id varchar, owner_id"
    " bigint, property_amount double, property_closedate timestamptz, property_createdate timestamptz,"
    " _fivetran_deleted boolean, _fivetran_synced timestamptz)",
    "insert into deal values (9007199254740993, 'p', 's', 7, 12.5, '2026-04-01 12:00:00+02',"
    " '2026-01-02', false, '2026-02-01'), (2, 'p', 's', 7, 1, null, '2026-01-02', true, '2026-02-05')",
)


def test_a_deleted_record_is_archived_since_the_tool_saw_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path, *FIVETRAN)
    lake.read(objects.DEALS)
    found = lake.of(
        objects.DEALS, "id", "hubspot_owner_id", "dealstage", "closedate", "archived", "archivedAt"
    )
    assert found == {
        ("9007199254740993", "7", "s", datetime(2026, 4, 1, 10), False, None),  # noqa: DTZ001
        ("2", "7", "s", None, True, datetime(2026, 2, 5)),  # noqa: DTZ001
    }


def test_what_is_absent_is_told_with_what_it_costs(tmp_path: Path) -> None:
    lake = Lake(tmp_path, *FIVETRAN, "create table engagement_call (engagement_id bigint, status varchar)")
    told = lake.read(objects.DEALS, objects.LINE_ITEMS, objects.TASKS, objects.LEADS).findings
    assert told[0].startswith("deals has no column for deal_currency_code, hs_deal_stage_probability, ")
    assert told[1].endswith("without it, no sale belongs to a product.")
    assert "tasks is not in " in told[2]
    assert len(told) == 3, "nobody misses lead objects, which no tool loads as a whole"
    with pytest.raises(SourceError, match="hs_timestamp of calls is not among the columns"):
        lake.read(objects.CALLS)
    with pytest.raises(SourceError, match="has no table for contacts, and no number can do without it"):
        lake.read(objects.CONTACTS)
    lake.tool("alter table deal drop column property_amount")
    with pytest.raises(SourceError, match="amount of deals is not among the columns"):
        lake.read(objects.DEALS)
    lake.tool("drop table deal")
    with pytest.raises(SourceError, match=r"hs: neither 'deal' \(Fivetran\) nor 'deals' \(Airbyte, dlt\)"):
        lake.read(objects.DEALS)


def test_a_link_counts_when_its_call_comes_later(tmp_path: Path) -> None:
    lake = Lake(
        tmp_path,
        *FIVETRAN,
        "create table engagement_contact (engagement_id bigint, contact_id bigint, type_id bigint,"
        " _fivetran_synced timestamptz)",
        "insert into engagement_contact values (31, 1, 194, '2026-02-01'), (31, 1, 9, '2026-02-01')",
        "create table engagement_call (engagement_id bigint, property_hs_timestamp timestamptz,"
        " _fivetran_synced timestamptz)",
        "insert into engagement_call values (30, '2026-02-01', '2026-02-01')",
    )
    lake.read(objects.CALLS, objects.ASSOCIATIONS)
    assert lake.of(objects.ASSOCIATIONS, "parent") == set()
    lake.tool("insert into engagement_call values (31, '2026-02-01', '2026-02-02')")
    lake.read(objects.CALLS, objects.ASSOCIATIONS)
    found = lake.of(objects.ASSOCIATIONS, "parent", "to_id", "from_type", "contact_id", "types")
    assert found == {("calls/31/contacts", "1", "calls", "1", ",194,9,")}


def test_an_older_stage_table_tells_by_the_probability_what_is_closed(tmp_path: Path) -> None:
    lake = Lake(
        tmp_path,
        *FIVETRAN,
        "create table deal_pipeline_stage (stage_id varchar, pipeline_id varchar, label varchar, probability"
        " double, closed_won boolean, active boolean, _fivetran_synced timestamptz)",
        "insert into deal_pipeline_stage values ('n', 'p', 'New', 0.2, false, true, now()), ('w', 'p', 'Won',"
        " 1, true, true, now()), ('l', 'p', 'Lost', 0, false, false, now())",
    )
    lake.read(objects.PIPELINE_STAGES)
    assert lake.of(objects.PIPELINE_STAGES, "id", "isClosed", "archived") == {
        ("n", False, False),
        ("w", True, False),
        ("l", True, True),
    }


AIRBYTE = (
    "create table deals (id varchar, archived boolean, properties json, contacts json,"
    " _airbyte_extracted_at timestamptz)",
    "create table deals_archived as from deals",
    """insert into deals values
    ('1', false, '{"amount": "5", "dealstage": "old", "createdate": "2026-01-02T10:00:00.000Z"}', '["7"]',
     '2026-02-01'),
    ('1', false, '{"amount": "6", "dealstage": "new", "createdate": "2026-01-02T10:00:00.000Z"}', '["8"]',
     '2026-02-02'),
    ('2', false, '{"amount": "7"}', '[]', '2026-02-01'),
    ('3', false, '{"amount": "8"}', null, '2026-02-09')""",
    """insert into deals_archived values
    ('2', true, '{"amount": "7"}', '[]', '2026-02-05'), ('3', true, '{"amount": "8"}', '[]', '2026-02-05')""",
)


def test_of_several_versions_and_streams_the_last_one_counts(tmp_path: Path) -> None:
    """A deal that changed its stage and its contact, one that was deleted, and one that came back."""
    lake = Lake(tmp_path, *AIRBYTE)
    lake.read(objects.DEALS, objects.ASSOCIATIONS)
    assert lake.of(objects.DEALS, "id", "amount", "dealstage", "archived") == {
        ("1", 6, "new", False),
        ("2", 7, None, True),
        ("3", 8, None, False),
    }
    assert lake.of(objects.ASSOCIATIONS, "from_id", "to_id") == {("1", "8")}


def test_changes_are_those_of_a_few_properties(tmp_path: Path) -> None:
    lake = Lake(
        tmp_path,
        *AIRBYTE,
        'create table deals_property_history ("dealId" double, property varchar, timestamp double,'
        " value varchar, _airbyte_extracted_at timestamptz)",
        "insert into deals_property_history values (9000000007, 'closedate', 1767225600000, '1767268800000',"
        " now()), (9000000007, 'description', 1767225600000, 'a secret', now()),"
        " (9000000007, 'amount', 1767225600000, '', now())",
    )
    lake.read(objects.DEAL_HISTORY)
    at = datetime(2026, 1, 1)  # noqa: DTZ001 -- raw keeps instants in UTC without saying so
    assert lake.of(objects.DEAL_HISTORY, "id", "property", "timestamp", "value") == {
        ("9000000007", "closedate", at, "2026-01-01T12:00:00.000Z"),
        ("9000000007", "amount", at, None),
    }
    lake.tool("delete from deals_property_history where property = 'amount'")
    lake.read(objects.DEAL_HISTORY)
    assert len(newest(lake.con, objects.DEAL_HISTORY)) == 2, "what was, was"


CONTACTS = (
    "create table contact (id bigint, property_createdate timestamptz, property_email varchar,"
    " property_hs_merged_object_ids varchar, property_hs_calculated_merged_vids varchar,"
    " _fivetran_synced timestamptz)",
    "insert into contact values (7, '2026-01-02', 'Ann@example.com', '5', '4:1577840461000;5:1577840461000',"
    " '2026-02-01'), (8, '2026-01-02', null, null, null, '2026-02-01')",
    "create table deal_contact (deal_id bigint, contact_id bigint, type_id bigint, _fivetran_synced"
    " timestamptz)",
    "insert into deal_contact values (2, 7, 3, '2026-02-01'), (2, 8, 3, '2026-02-01')",
)


def test_merged_contacts_are_told_by_what_is_left(tmp_path: Path) -> None:
    lake = Lake(tmp_path, *FIVETRAN, *CONTACTS)
    lake.read(objects.CONTACTS, objects.MERGED_CONTACTS)
    assert lake.of(objects.MERGED_CONTACTS, "id", "into_id") == {("4", "7"), ("5", "7")}


def test_a_forgotten_contact_stays_out_however_long_the_tool_keeps_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path, *FIVETRAN, *CONTACTS)
    grave = Tombstone("contact", "hs", hash_of_record("hs", "7"), "2026-03-01T00:00:00Z", "asked")
    tombstones.write_file(tmp_path, [grave])
    landed = lake.read(objects.CONTACTS, objects.MERGED_CONTACTS, objects.ASSOCIATIONS).landed
    assert landed["contacts"].rows_withheld == 1
    assert lake.of(objects.CONTACTS, "id") == {("8",)}
    assert lake.of(objects.MERGED_CONTACTS, "id") == set()
    assert lake.of(objects.ASSOCIATIONS, "to_id", "deal_id") == {("8", "2")}
    with duckdb.connect() as con:  # what somebody wrote of the person on the deal goes too
        buried = {(one.kind, one.record_hash) for one in tombstones.read(con, tmp_path)}
    assert ("opportunity", hash_of_record("hs", "2")) in buried
    lake.tool("update contact set _fivetran_synced = '2026-02-09'")
    lake.read(objects.CONTACTS)
    assert lake.of(objects.CONTACTS, "id") == {("8",)}
