"""The made-up HubSpot is judged by the vendor's own client: it reads every object to the end."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import hubspot as vendor
import pytest
from hubspot.crm.associations.v4.models import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.objects.models import BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest

from demo.render_hubspot import Face, render_hubspot
from demo.simulate import simulate
from tests.fakecrm.hubspot import TOKEN, TYPES, modified_by
from tests.fakecrm.hubspot_scene import Scene, scene


@cache
def _face() -> Face:
    return render_hubspot(simulate(seed=12, scale=0.03, until=date(2026, 3, 31), years=1), leads="leads")


@pytest.fixture
def hubspot(tmp_path: Path) -> Iterator[Scene]:
    with scene(copy.deepcopy(_face()), tmp_path, "leads") as made:
        yield made


def client_of(made: Scene, part: Any) -> Any:
    """One API of the vendor's client, sent to the made-up HubSpot."""
    part.api_client.configuration.host = made.api
    return part


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("name", TYPES)
def test_a_list_is_read_to_its_end(hubspot: Scene, name: str, archived: bool) -> None:
    client = vendor.Client.create(access_token=TOKEN)
    api, after, found = client_of(hubspot, client.crm.objects.basic_api), None, {}
    while True:
        page = api.get_page(name, limit=100, archived=archived, after=after, properties=["hs_object_id"])
        found |= {one.id: one for one in page.results}
        if page.paging is None:
            break
        after = page.paging.next.after
    expected = {
        one["id"] for one in hubspot.hubspot.store.objects[name].values() if one["archived"] == archived
    }
    assert found.keys() == expected
    assert all(one.properties["hs_object_id"] == one_id for one_id, one in found.items())
    assert all((one.archived_at is not None) == archived for one in found.values())


@pytest.mark.parametrize("name", ["deals", "contacts"])
def test_a_search_and_a_batch_give_what_the_store_holds(hubspot: Scene, name: str) -> None:
    client = vendor.Client.create(access_token=TOKEN)
    records = hubspot.hubspot.store.objects[name]
    alive = sorted((one["id"] for one in records.values() if not one["archived"]), key=int)
    wanted = PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": modified_by(name), "operator": "GTE", "value": "0"}]}],
        sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        properties=["hs_object_id"],
        limit=200,
        after="0",
    )
    told = client_of(hubspot, client.crm.objects.search_api).do_search(name, wanted)
    assert told.total == len(alive)
    assert [one.id for one in told.results] == alive[:200]
    body = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": one} for one in alive[:50]],
        properties=["hs_object_id"],
        properties_with_history=["dealstage", "hs_lead_status"],
    )
    read = client_of(hubspot, client.crm.objects.batch_api).read(name, body)
    assert sorted((one.id for one in read.results), key=int) == alive[:50]
    for one in read.results:
        history = records[one.id]["propertiesWithHistory"]
        for property_name, changes in one.properties_with_history.items():
            expected = [change["value"] for change in history.get(property_name, [])]
            assert [change.value for change in changes] == expected


def test_owners_pipelines_properties_and_links_are_read(hubspot: Scene) -> None:
    client = vendor.Client.create(access_token=TOKEN)
    objects = hubspot.hubspot.store.objects
    owners = client_of(hubspot, client.crm.owners.owners_api)
    found = [*owners.get_page(limit=100).results, *owners.get_page(limit=100, archived=True).results]
    assert {one.id for one in found} == objects["owners"].keys()
    assert any(one.teams for one in found)
    [pipeline] = client_of(hubspot, client.crm.pipelines.pipelines_api).get_all("deals").results
    stages = objects["pipelines/deals"]["default"]["stages"]
    assert {one.id: one.metadata for one in pipeline.stages} == {one["id"]: one["metadata"] for one in stages}
    names = client_of(hubspot, client.crm.properties.core_api).get_all("deals").results
    assert {one.name for one in names} == hubspot.hubspot.properties("deals")
    links = objects["links/deals/contacts"]
    alive = [one for one in links if not objects["deals"][one]["archived"]]
    body = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": one} for one in alive])
    told = client_of(hubspot, client.crm.associations.v4.batch_api).get_page("deals", "contacts", body)
    assert {one._from.id: {str(other.to_object_id) for other in one.to} for one in told.results} == {
        one: set(links[one]) for one in alive
    }


def test_a_wrong_token_is_refused_in_the_vendors_words(hubspot: Scene) -> None:
    from hubspot.crm.objects.exceptions import ApiException

    client = vendor.Client.create(access_token="nobody's")
    with pytest.raises(ApiException, match="EXPIRED_AUTHENTICATION"):
        client_of(hubspot, client.crm.objects.basic_api).get_page("deals")
