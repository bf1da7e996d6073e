"""A made-up Pipedrive: its addresses, pages, token costs and errors.

Belongs here: how Pipedrive answers. Does not belong here: what the company holds
(`demo/render_pipedrive.py`), or what goes wrong on the way (`faults.py`).

What Pipedrive does not say in public is here as the harder case: deleted organizations, people, products and
activities vanish from the lists, and a cursor is only good for the question it was given with.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakecrm.store import Record, Store

TOKEN = "made-up-token-2c1f"
_COSTS = {"stages": 5, "pipelines": 5}


class Pipedrive:
    """`tokens` are those of the day, `token` the one that is good now. `most` is the longest page."""

    def __init__(self, store: Store, *, tokens: int = 10**9, most: int = 500) -> None:
        self.store, self.tokens, self.most = store, tokens, most
        self.token, self.spent = TOKEN, 0
        self.repeats = self.expiries = 0
        """Of the next pages of v2 so many are given twice, and so many cursors are not known any more."""

    def routes(self) -> list[Route]:
        def of(path: str, cost: int, answer: Callable[[Request], Response]) -> Route:
            async def endpoint(request: Request) -> Response:
                with self.store.lock:
                    return self._guarded(request, cost, answer)

            return Route(f"/api{path}", endpoint)

        lists = ("organizations", "persons", "activities", "products", "stages", "pipelines")
        fields = ("dealFields", "organizationFields", "productFields")
        return [
            of("/v1/leads/archived", 20, lambda request: self._leads(request, is_archived=True)),
            of("/v1/leads", 20, lambda request: self._leads(request, is_archived=False)),
            of("/v1/users/me", 2, lambda request: _good({"id": 1, "name": "Reader"})),
            of("/v1/users", 20, lambda request: self._all("users")),
            of("/v1/currencies", 20, lambda request: self._all("currencies")),
            of("/v1/legacyTeams", 20, lambda request: self._all("teams")),
            of("/v1/goals/find", 20, self._goals),
            of("/v1/deals/{id:int}/changelog", 20, self._changelog),
            of("/v2/deals/archived", 10, lambda request: self._deals(request, is_archived=True)),
            of("/v2/deals/products", 10, self._deal_products),
            of("/v2/deals", 10, lambda request: self._deals(request, is_archived=False)),
            *(of(f"/v2/{name}", _COSTS.get(name, 10), self._of(name)) for name in lists),
            *(of(f"/v2/{name}", 10, self._of(name, "field_code")) for name in fields),
        ]

    def _guarded(self, request: Request, cost: int, answer: Callable[[Request], Response]) -> Response:
        if request.headers.get("x-api-token") != self.token:
            return _bad(401, "unauthorized access")
        if self.spent + cost > self.tokens:
            return _bad(429, "Daily API token limit exceeded")
        self.spent += cost
        response = answer(request)
        response.headers["x-ratelimit-limit"] = "40"
        response.headers["x-ratelimit-remaining"] = "39"
        response.headers["x-daily-ratelimit-token-remaining"] = str(self.tokens - self.spent)
        return response

    def _records(self, name: str) -> Iterator[Record]:
        return iter(self.store.objects[name].values())

    def _all(self, name: str) -> Response:
        found = sorted(self._records(name), key=lambda record: record["id"])
        return _good(found)

    def _goals(self, request: Request) -> Response:
        wanted = request.query_params.get("type.name")
        if not wanted:
            return _bad(400, "type.name is required")
        return _good({"goals": [one for one in self._records("goals") if one["type"]["name"] == wanted]})

    def _of(self, name: str, key: str = "id") -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            found = [one for one in self._records(name) if not one.get("is_deleted")]
            return self._paged(request, found, key)

        return answer

    def _deals(self, request: Request, *, is_archived: bool) -> Response:
        wanted = request.query_params.get("status", "open,won,lost").split(",")
        found = [
            one
            for one in self._records("deals")
            if bool(one.get("is_archived")) is is_archived and one["status"] in wanted
        ]
        return self._paged(request, found)

    def _deal_products(self, request: Request) -> Response:
        ids = request.query_params.get("deal_ids", "").split(",")
        if not 1 <= len(ids) <= 100 or not all(one.isdigit() for one in ids):
            return _bad(400, "deal_ids must be 1 to 100 numbers")
        wanted = {int(one) for one in ids}
        return self._paged(
            request, [one for one in self._records("deal_products") if one["deal_id"] in wanted]
        )

    def _changelog(self, request: Request) -> Response:
        deal_id = str(request.path_params["id"])
        if deal_id not in self.store.objects["deals"]:
            return _bad(404, "Deal not found")
        log = self.store.objects["changelog"].get(deal_id, {"entries": []})
        numbered = [
            {**one, "number": number} for number, one in enumerate(log["entries"])
        ]  # newest first, as they stand
        return self._paged(request, numbered, "number", hidden=("number",))

    def _paged(
        self, request: Request, found: list[Record], key: str = "id", hidden: tuple[str, ...] = ()
    ) -> Response:
        """A page of v2: by key, from a cursor that names the last key and the question it belongs to."""
        asked = request.query_params
        if bad := self._refused_limit(request):
            return bad
        since, until = asked.get("updated_since"), asked.get("updated_until")
        found = [
            one
            for one in found
            if (not since or _instant(one) >= since) and (not until or _instant(one) < until)
        ]
        found.sort(key=lambda one: one[key])
        question = {name: value for name, value in asked.items() if name != "cursor"}
        if cursor := asked.get("cursor"):
            try:
                told = json.loads(base64.urlsafe_b64decode(cursor))
                if told["of"] != question or self.expiries > 0:
                    self.expiries = max(self.expiries - 1, 0)
                    raise ValueError
            except (ValueError, KeyError, TypeError):
                return _bad(400, "Invalid cursor")
            found = [one for one in found if one[key] > told["after"]]
        limit = min(int(asked.get("limit", 100)), self.most)
        page, more = found[:limit], len(found) > limit
        last = page[-1][key] if more else None
        if more and cursor and self.repeats > 0:
            self.repeats -= 1
            last = told["after"]
        after = json.dumps({"after": last, "of": question}) if more else ""
        shown = [{name: value for name, value in one.items() if name not in hidden} for one in page]
        next_cursor = base64.urlsafe_b64encode(after.encode()).decode() if more else None
        return _good(shown, {"next_cursor": next_cursor})

    def _leads(self, request: Request, *, is_archived: bool) -> Response:
        asked = request.query_params
        if bad := self._refused_limit(request):
            return bad
        since = None if is_archived else asked.get("updated_since")
        found = [
            one
            for one in self._records("leads")
            if bool(one.get("is_archived")) is is_archived and (not since or _instant(one) >= since)
        ]
        name, _, direction = asked.get("sort", "id ASC").partition(" ")
        found.sort(key=lambda one: one["id"])
        found.sort(key=lambda one: str(one[name]), reverse=direction == "DESC")
        start, limit = int(asked.get("start", 0)), min(int(asked.get("limit", 100)), self.most)
        page, more = found[start : start + limit], len(found) > start + limit
        pagination: Record = {"start": start, "limit": limit, "more_items_in_collection": more}
        if more:
            pagination["next_start"] = start + limit
        return _good(page, {"pagination": pagination})

    def _refused_limit(self, request: Request) -> Response | None:
        limit = request.query_params.get("limit", "100")
        if not limit.isdigit() or not 1 <= int(limit) <= 500:
            return _bad(400, "limit must be 1 to 500")
        return None


def _instant(record: Record) -> str:
    """Comparable as text with `updated_since`: to the second, with a Z."""
    return str(record.get("update_time", ""))[:19] + "Z"


def _good(data: Any, more: Record | None = None) -> Response:
    # v1 says null where there is nothing
    return JSONResponse({"success": True, "data": data or None, "additional_data": more})


def _bad(status: int, error: str) -> Response:
    return JSONResponse(
        {"success": False, "error": error, "error_info": "Please check developers.pipedrive.com"},
        status_code=status,
    )
