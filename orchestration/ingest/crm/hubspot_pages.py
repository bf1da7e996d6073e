"""Pages of HubSpot's lists, searches and batches, by dlt's client.

Belongs here: how one goes from a page to the next, and what ends it. Does not belong here: what is done with
the records (`hubspot.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import requests
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    JSONResponseCursorPaginator,
    SinglePagePaginator,
)

from orchestration.errors import SourceError
from orchestration.ingest.crm.session import CrmSession

SEARCH_LIMIT, LIST_LIMIT = 200, 100
_SAME_PAGES = 5
_OWN_JUDGEMENT: Any = {"response": []}
"""Without it dlt raises at every bad status before the session may judge it."""
Record = dict[str, Any]


class KeysetPaginator(BasePaginator):
    """The next search asks for higher numbers: `after` ends at 10,000 results, and a time may be that of
    any number of records."""

    def __init__(self, last: str) -> None:
        super().__init__()
        self.last = int(last)

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        found = data or []
        self.last = max([self.last, *(int(one["id"]) for one in found)])
        self._has_next_page = bool(found) and int(response.json()["total"]) > len(found)

    def update_request(self, request: requests.Request) -> None:
        body: Any = request.json
        body["filterGroups"][0]["filters"][-1]["value"] = str(self.last)


class Pages:
    def __init__(self, api: str, session: CrmSession) -> None:
        self._name = session.name
        self._client = RESTClient(base_url=api, session=session, data_selector="results")

    def get(self, path: str) -> Record:
        return dict(self._client.get(path, hooks=_OWN_JUDGEMENT).json())

    def listed(
        self, path: str, options: dict[str, str], *, after: str | None = None
    ) -> Iterator[tuple[list[Record], str | None]]:
        """(records, where the next page begins)."""
        paginator = JSONResponseCursorPaginator(cursor_path="paging.next.after", cursor_param="after")
        params = {"limit": str(LIST_LIMIT)} | options | ({"after": after} if after else {})
        before, same = after, 0
        for page in self._client.paginate(path, params=params, paginator=paginator, hooks=_OWN_JUDGEMENT):
            following = paginator._next_reference if paginator.has_next_page else None
            same = same + 1 if following is not None and following == before else 0
            self._refuse_a_circle(path, same)
            before = following
            yield list(page), following

    def search(
        self, object_type: str, window: tuple[str, int, int], properties: Sequence[str], last: str
    ) -> Iterator[list[Record]]:
        """The records that were modified from one instant to another, by number after `last`."""
        name, since, until = window
        filters = [
            {"propertyName": name, "operator": "GTE", "value": str(since)},
            {"propertyName": name, "operator": "LTE", "value": str(until)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": last},
        ]
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": SEARCH_LIMIT,
            "after": "0",
        }
        paginator, same, before = KeysetPaginator(last), 0, int(last)
        path = f"crm/v3/objects/{object_type}/search"
        for page in self._client.paginate(
            path, method="POST", json=body, paginator=paginator, hooks=_OWN_JUDGEMENT
        ):
            same = same + 1 if paginator.last == before and page else 0
            self._refuse_a_circle(path, same)
            before = paginator.last
            yield list(page)

    def batch(
        self, object_type: str, ids: Sequence[str], body: Record, *, archived: bool = False
    ) -> list[Record]:
        """Those of some records that are there."""
        asked: Record = {"propertiesWithHistory": []} | body | {"inputs": [{"id": one} for one in ids]}
        path = f"crm/v3/objects/{object_type}/batch/read"
        return self._one(path, {"archived": "true" if archived else "false"}, asked)

    def links(self, from_type: str, to_type: str, ids: Sequence[str]) -> Iterator[Record]:
        """The links of some records, of each as often as it has pages of them."""
        inputs: list[Record] = [{"id": one} for one in ids]
        asked = 0
        while inputs:
            asked += 1
            self._refuse_a_circle(f"{from_type} to {to_type}", asked - 1_000)
            found = self._one(f"crm/v4/associations/{from_type}/{to_type}/batch/read", {}, {"inputs": inputs})
            yield from found
            inputs = [
                {"id": str(one["from"]["id"]), "after": one["paging"]["next"]["after"]}
                for one in found
                if (one.get("paging") or {}).get("next")
            ]

    def properties(self, object_type: str) -> set[str]:
        """The properties that the account has of an object."""
        path = f"crm/v3/properties/{object_type}"
        return {one["name"] for one in self._one(path, {"archived": "false"}, None)}

    def _one(self, path: str, params: dict[str, str], body: Record | None) -> list[Record]:
        pages = self._client.paginate(
            path,
            method="GET" if body is None else "POST",
            params=params,
            json=body,
            paginator=SinglePagePaginator(),
            hooks=_OWN_JUDGEMENT,
        )
        return [one for page in pages for one in page]

    def _refuse_a_circle(self, path: str, same: int) -> None:
        if same > _SAME_PAGES:
            raise SourceError(
                f"{self._name}: HubSpot gives the same page of {path} again and again. What was read is kept;"
                " run again later."
            )
