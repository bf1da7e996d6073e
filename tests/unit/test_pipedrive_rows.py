"""Records of Pipedrive as rows: what their ids, logs and fields say."""

from __future__ import annotations

import pytest

from orchestration.ingest.crm import pipedrive_rows as rows
from orchestration.ingest.crm.pipedrive_objects import CHANGES_READ, OBJECTS, cost


@pytest.mark.parametrize(
    ("lead_id", "made_at"),
    [
        ("adf21080-0e10-11eb-879b-05d71fb426ec", "2020-10-14T11:30:36.552Z"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "2023-06-30T03:34:18.518Z"),
        ("3f0e4c1a-7c0e-4f6e-9a53-0d8f6f3c2b11", None),
        ("17", None),
        (None, None),
    ],
)
def test_a_lead_says_when_it_was_made(lead_id: str | None, made_at: str | None) -> None:
    assert rows.made_at(lead_id) == made_at


def entry(time: str, name: str, old: str | None, new: str | None) -> dict[str, str | None]:
    return {"time": time, "field_key": name, "old_value": old, "new_value": new}


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_changelog_is_numbered_from_the_oldest(newest_first: bool) -> None:
    log = [
        entry("2026-01-01 10:00:00", "stage_id", "1", "2"),
        entry("2026-01-01 10:00:00", "title", "a", "b"),
        entry("2026-01-02 10:00:00", "stage_id", "2", "3"),
        entry("2026-01-02 10:00:00", "stage_id", "3", "4"),
        entry("2026-01-03 10:00:00", "user_id", None, "9"),
        entry("2026-01-03 10:00:00", "user_id", None, "9"),
    ]
    found = list(rows.changes("5", log[::-1] if newest_first else log, CHANGES_READ))
    assert [(one["field_key"], one["new_value"]) for one in found] == [
        ("stage_id", "2"),
        ("stage_id", "3"),
        ("stage_id", "4"),
        ("owner_id", "9"),
    ]
    assert [one["number"] for one in found] == sorted(one["number"] for one in found)
    assert len({one["entry"] for one in found}) == 4
    assert {one["deal_id"] for one in found} == {"5"}


def test_a_field_of_the_company_stands_elsewhere_in_leads_and_deals() -> None:
    parts = {"source": "channel", "campaign": "a" * 40, "industry": "b" * 40}
    lead = rows.lead({"id": "x", "channel": 3, "origin": "API", "a" * 40: "May", "b" * 40: [7, 8]}, parts)
    assert (lead["part_source"], lead["part_campaign"], lead["part_industry"]) == (3, "May", 7)
    deal = rows.deal({"id": 1, "origin": "API", "custom_fields": {"a" * 40: {"value": "May"}}}, parts)
    assert (deal["part_source"], deal["part_campaign"], deal["part_industry"]) == ("API", "May", None)


def test_a_due_time_makes_an_instant() -> None:
    assert (
        rows.activity({"due_date": "2026-01-02", "due_time": "09:30:00"})["due_at"] == "2026-01-02T09:30:00Z"
    )
    assert rows.activity({"due_date": "2026-01-02", "due_time": None})["due_at"] is None


def test_calls_cost_what_pipedrive_says() -> None:
    paths = (
        "/api/v1/deals/5/changelog",
        "/api/v2/deals",
        "/api/v2/stages",
        "/api/v1/users/me",
        "/api/v9/new",
    )
    assert [cost(path) for path in paths] == [20, 10, 5, 2, 20]


def test_nothing_personal_is_declared() -> None:
    names = {field.name for one in OBJECTS if not one.of_employees for field in one.fields}
    assert not names & {
        "title",
        "subject",
        "note",
        "phones",
        "emails",
        "first_name",
        "last_name",
        "person_name",
    }
    assert {one.name for one in OBJECTS if "name" in {field.name for field in one.fields}} == {
        "users",
        "teams",
        "pipelines",
        "stages",
        "products",
        "organizations",
    }
