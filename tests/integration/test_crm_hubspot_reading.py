"""The reader of HubSpot against a made-up one: everything, once, with what changes, and few calls."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from demo.render_hubspot import Face, render_hubspot
from demo.simulate import simulate
from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.hubspot_session import HubspotSession
from tests.fakecrm.faults import Fault
from tests.fakecrm.hubspot import TOKEN
from tests.fakecrm.hubspot_scene import Scene, newest, scene


@cache
def _face() -> Face:
    return render_hubspot(simulate(seed=11, scale=0.05, until=date(2026, 3, 31), years=1), leads="leads")


@pytest.fixture
def hubspot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", TOKEN)
    with scene(copy.deepcopy(_face()), tmp_path, "leads") as made:
        yield made


def ids(hubspot: Scene, kind: str) -> list[str]:
    records = hubspot.hubspot.store.objects[kind].values()
    return sorted((one["id"] for one in records if not one["archived"]), key=int)


def test_everything_is_read_and_a_second_run_asks_for_the_overlap_only(hubspot: Scene) -> None:
    hubspot.run()
    assert hubspot.differences() == []
    assert len(newest(hubspot.con, objects.DEALS)) == len(hubspot.hubspot.store.objects["deals"]) > 40
    hubspot.plan.asked.clear()
    landing = hubspot.run(1)
    assert not any(one.changed for one in landing.landed.values())
    # a search and the first page of the archive for each kind of record; account, pipelines, owners
    assert hubspot.plan.count("^POST .*/search") == len(objects.RECORDS)
    assert hubspot.plan.count("archived=true") == len(objects.RECORDS) + 1
    assert len(hubspot.plan.asked) == 2 * len(objects.RECORDS) + 1 + 2 + 2


def test_contacts_are_leads_where_the_account_has_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", TOKEN)
    with scene(copy.deepcopy(_face()), tmp_path) as made:
        made.run()
        assert made.differences() == []
        assert made.plan.count("leads") == 0
        assert newest(made.con, objects.LEADS) == set()


def test_what_people_do_meanwhile_is_seen(hubspot: Scene) -> None:
    hubspot.run()
    fake, at = hubspot.hubspot, hubspot.at(1)
    deals, contacts, calls = ids(hubspot, "deals"), ids(hubspot, "contacts"), ids(hubspot, "calls")
    fake.edit("deals", deals[0], at, amount="1234.50", dealstage="closedlost")
    fake.archive("deals", deals[1], at)
    fake.archive("calls", calls[0], at)
    merged = fake.merge("contacts", contacts[0], contacts[1], at)
    hubspot.plan.asked.clear()
    hubspot.run(1)
    told = [line for line in hubspot.differences() if not line.startswith(("associations", "contacts"))]
    assert told == []
    assert {(contacts[0], merged), (contacts[1], merged)} <= newest(hubspot.con, objects.MERGED_CONTACTS)
    assert (
        hubspot.plan.count("deals/batch/read") == 2
    )  # one for the deal that moved, one for the one archived
    # deleted for good and links without a moved record: once a week
    fake.store.remove("companies", ids(hubspot, "companies")[0])
    hubspot.run(2)
    assert hubspot.differences() != []
    hubspot.run(9)
    assert hubspot.differences() == []


def test_ten_thousand_records_of_one_instant_are_all_found(hubspot: Scene) -> None:
    hubspot.run()
    template = hubspot.hubspot.store.objects["tasks"][ids(hubspot, "tasks")[0]]
    for number in range(36_000_000_000, 36_000_012_000):
        task = copy.deepcopy(template) | {"id": str(number)}
        task["properties"]["hs_object_id"] = str(number)
        task["properties"]["hs_lastmodifieddate"] = hubspot.at(1)
        hubspot.hubspot.store.put("tasks", str(number), task)
    hubspot.plan.asked.clear()
    hubspot.piece = 50
    hubspot.run(1)
    assert hubspot.differences() == []
    assert 60 <= hubspot.plan.count("tasks/search") <= 62


def test_one_record_in_a_hundred_costs_about_a_hundredth(hubspot: Scene) -> None:
    for name in ("emails", "calls"):
        template = copy.deepcopy(hubspot.hubspot.store.objects[name][ids(hubspot, name)[0]])
        for number in range(90_000_000_000, 90_000_008_000):
            record = copy.deepcopy(template) | {"id": str(number)}
            record["properties"]["hs_object_id"] = str(number)
            hubspot.hubspot.store.put(name, str(number), record)
    hubspot.piece = 50
    hubspot.run()
    whole = len(hubspot.plan.asked)
    hubspot.plan.asked.clear()
    hubspot.run(1)
    overlap = len(hubspot.plan.asked)
    for name in ("emails", "calls"):
        for number in range(90_000_000_000, 90_000_008_000, 100):
            hubspot.hubspot.edit(name, str(number), hubspot.at(2), hubspot_owner_id="7100007")
    hubspot.plan.asked.clear()
    hubspot.run(2)
    assert hubspot.differences() == []
    assert len(hubspot.plan.asked) - overlap <= 0.05 * whole


def test_a_budget_that_is_used_up_ends_the_run_and_keeps_what_was_read(hubspot: Scene) -> None:
    hubspot.hubspot.limits.daily = 40
    with pytest.raises(SourceError, match=r"budget of calls is used up .the calls that the account may make"):
        hubspot.run()
    assert newest(hubspot.con, objects.CONTACTS) != set()
    assert hubspot.hubspot.used == 40
    hubspot.hubspot.limits.daily = 10_000
    hubspot.run(1)
    assert hubspot.differences() == []


def test_the_limits_are_kept_without_being_refused(hubspot: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the sum of what was waited, so a pace that is too fast is refused at once."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        hubspot.waited.append(seconds)
        now[0] += seconds

    limits = hubspot.hubspot.limits
    limits.rolling, limits.searches, limits.clock = 30, 5, lambda: now[0]
    session = HubspotSession("hs", sleep=sleep, clock=lambda: now[0])
    reader = hubspot.reader()
    monkeypatch.setattr(reader, "_session", session)
    reader = type(reader)(reader._source, session, piece=3)
    monkeypatch.setattr(hubspot, "reader", lambda: reader)
    hubspot.run()
    hubspot.run(1)
    assert hubspot.differences() == []
    assert hubspot.hubspot.refused == 0
    asked = len(hubspot.plan.asked) - hubspot.plan.count("/search")
    assert now[0] >= (asked // 30 - 1) * 10


def test_a_token_that_is_missing_or_no_good_is_said(hubspot: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", "pat-eu1-a-secret-of-yesterday")
    with pytest.raises(SourceError, match="takes neither the credential") as told:
        hubspot.run()
    assert "secret" not in str(told.value)
    monkeypatch.delenv("ZEVEN_HS_TOKEN")
    with pytest.raises(SettingsError, match="ZEVEN_HS_TOKEN is not in the environment"):
        hubspot.run()


def test_a_scope_that_lacks_is_named(hubspot: Scene) -> None:
    body = (
        b'{"status":"error","category":"MISSING_SCOPES","message":"for a@example.com",'
        b'"errors":[{"message":"x","context":{"requiredGranularScopes":["crm.objects.deals.read"]}}]}'
    )
    hubspot.plan.faults.append(Fault("properties/deals", 403, body=body))
    with pytest.raises(SourceError, match=r"lacks crm.objects.deals.read") as told:
        hubspot.run()
    assert "example.com" not in str(told.value)


def test_a_property_that_the_account_has_not_is_told(hubspot: Scene) -> None:
    for record in hubspot.hubspot.store.objects["products"].values():
        del record["properties"]["product_family"]
    landing = hubspot.run()
    assert landing.findings == [
        "HubSpot has no property product_family of products, which the settings name as product_family; it"
        " stays empty.",
    ]
