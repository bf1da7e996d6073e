"""A made-up HubSpot: the addresses, pages, limits and errors of the real one over a store of records.

Belongs here: what the API answers, and what edits do to a record. Does not belong here: faults that any
service has (`faults.py`), or the records (`demo/render_hubspot.py`).

The store's objects are as `demo.render_hubspot.Face` has them.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakecrm.store import Record, Store

TOKEN = "pat-eu1-made-up"
WALL = 10_000
"""A search gives no result after these."""
TYPES = (
    "companies",
    "contacts",
    "leads",
    "products",
    "deals",
    "line_items",
    "calls",
    "emails",
    "meetings",
    "tasks",
    "communications",
)
STANDARD = {
    "contacts": (
        "email lifecyclestage hs_lead_status industry associatedcompanyid hubspot_owner_id createdate"
        " lastmodifieddate hs_v2_date_entered_opportunity hs_lifecyclestage_opportunity_date"
        " hs_v2_date_entered_customer hs_lifecyclestage_customer_date hs_merged_object_ids"
        " hs_analytics_source hs_analytics_source_data_1"
    ),
    "deals": (
        "dealname amount dealstage pipeline closedate createdate hs_lastmodifieddate hubspot_owner_id"
        " deal_currency_code hs_deal_stage_probability hs_forecast_probability closed_lost_reason"
        " hs_merged_object_ids hs_analytics_source"
    ),
    "leads": (
        "hs_lead_name hs_pipeline hs_pipeline_stage hs_createdate hs_lastmodifieddate hubspot_owner_id"
        " hs_merged_object_ids"
    ),
}
"""Properties that an account has though no record fills them."""


@dataclass
class Limits:
    """`rolling` questions in `interval` seconds, searches apart; `daily` in all."""

    rolling: int = 190
    interval: float = 10.0
    searches: int = 5
    daily: int = 1_000_000
    clock: Callable[[], float] = time.monotonic


@dataclass
class Hubspot:
    store: Store
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    limits: Limits = field(default_factory=Limits)
    extra_properties: dict[str, set[str]] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    """Cursors of lists that are no longer known."""
    repeated_at: set[int] = field(default_factory=set)
    """Numbers of the questions for a page of a list that are answered with the page before once more."""
    used: int = 0
    refused: int = 0
    _lists: int = 0
    _last: dict[str, Record] = field(default_factory=dict)
    _times: deque[float] = field(default_factory=deque)
    _searches: deque[float] = field(default_factory=deque)

    def routes(self) -> list[BaseRoute]:
        def route(path: str, answer: Callable[..., Response], method: str = "GET") -> Route:
            async def endpoint(request: Request) -> Response:
                body = await request.json() if method == "POST" else {}
                return await run_in_threadpool(self._answer, request, body, answer)

            return Route(path, endpoint, methods=[method])

        return [
            route("/account-info/v3/details", self._details),
            route("/account-info/v3/api-usage/daily/private-apps", self._usage),
            route("/crm/v3/owners", self._owners),
            route("/crm/v3/owners/", self._owners),
            route("/crm/v3/pipelines/{type}", self._pipelines),
            route("/crm/v3/properties/{type}", self._properties),
            route("/crm/v3/objects/{type}", self._list),
            route("/crm/v3/objects/{type}/search", self._search, "POST"),
            route("/crm/v3/objects/{type}/batch/read", self._batch, "POST"),
            route("/crm/v3/objects/{type}/{id}", self._one),
            route("/crm/v4/associations/{type}/{to}/batch/read", self._links, "POST"),
        ]

    def _answer(self, request: Request, body: Record, answer: Callable[..., Response]) -> Response:
        with self.store.lock:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.tokens:
                return _error(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired")
            limited = self._limit(request)
            if limited is not None:
                self.refused += 1
                return limited
            kind = request.path_params.get("type")
            if kind is not None and kind not in TYPES:
                return _error(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
            response = answer(request, body)
            if not request.url.path.endswith("/search"):
                left = self.limits.rolling - len(self._times)
                response.headers["X-HubSpot-RateLimit-Max"] = str(self.limits.rolling)
                response.headers["X-HubSpot-RateLimit-Remaining"] = str(left)
                interval = str(int(self.limits.interval * 1000))
                response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = interval
                response.headers["X-HubSpot-RateLimit-Daily"] = str(self.limits.daily)
                response.headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(self.limits.daily - self.used)
            return response

    def _limit(self, request: Request) -> Response | None:
        now = self.limits.clock()
        if self.used >= self.limits.daily:
            return too_many("DAILY")
        is_search = request.url.path.endswith("/search")
        times, most, span = (
            (self._searches, self.limits.searches, 1.0)
            if is_search
            else (self._times, self.limits.rolling, self.limits.interval)
        )
        while times and times[0] <= now - span:
            times.popleft()
        if len(times) >= most:
            return too_many("SECONDLY" if is_search else "TEN_SECONDLY_ROLLING")
        times.append(now)
        self.used += 1
        return None

    def _details(self, request: Request, body: Record) -> Response:
        [account] = self.store.objects["account"].values()
        return JSONResponse(account | {"accountType": "STANDARD", "uiDomain": "app.example.com"})

    def _usage(self, request: Request, body: Record) -> Response:
        usage = {"name": "private-apps-api-calls-daily", "usageLimit": self.limits.daily}
        return JSONResponse({"results": [usage | {"currentUsage": self.used}]})

    def _owners(self, request: Request, body: Record) -> Response:
        archived = _is_true(request.query_params.get("archived"))
        found = [
            one for one in self.store.objects["owners"].values() if one.get("archived", False) == archived
        ]
        return self._paged(request, sorted(found, key=lambda one: int(one["id"])), 500, lambda one: one)

    def _pipelines(self, request: Request, body: Record) -> Response:
        kind = request.path_params["type"]
        return JSONResponse({"results": list(self.store.objects[f"pipelines/{kind}"].values())})

    def properties(self, kind: str) -> set[str]:
        names = set(STANDARD.get(kind, "").split()) | self.extra_properties.get(kind, set())
        for record in self.store.objects[kind].values():
            names |= record["properties"].keys()
        return names | {"hs_object_id"}

    def _properties(self, request: Request, body: Record) -> Response:
        results = [
            {
                "name": name,
                "label": name,
                "type": "string",
                "fieldType": "text",
                "description": "",
                "groupName": "information",
                "options": [],
                "archived": False,
            }
            for name in sorted(self.properties(request.path_params["type"]))
        ]
        return JSONResponse({"results": results})

    def _list(self, request: Request, body: Record) -> Response:
        kind, asked = request.path_params["type"], request.query_params
        with_history = _names(asked.get("propertiesWithHistory"))
        archived = _is_true(asked.get("archived"))
        found = [one for one in self.store.objects[kind].values() if one["archived"] == archived]
        found.sort(key=lambda one: int(one["id"]))
        names = _names(asked.get("properties"))
        most = 50 if with_history else 100
        return self._paged(request, found, most, lambda one: shown(one, names, with_history))

    def _paged(
        self, request: Request, found: list[Record], most: int, show: Callable[[Record], Record]
    ) -> Response:
        """From `after` on, which is a number between two records."""
        limit = int(request.query_params.get("limit", "10"))
        if not 0 < limit <= most:
            return _error(400, "VALIDATION_ERROR", f"limit must be between 1 and {most}")
        after = request.query_params.get("after")
        if after is not None and (after in self.stale or not after.isdigit()):
            return _error(400, "VALIDATION_ERROR", "The after parameter is no longer valid")
        self._lists += 1
        if after is not None and self._lists in self.repeated_at and request.url.path in self._last:
            return JSONResponse(self._last[request.url.path])
        rest = [one for one in found if int(one["id"]) >= int(after or 0)]
        answer: Record = {"results": [show(one) for one in rest[:limit]]}
        if len(rest) > limit:
            following = str(int(rest[limit - 1]["id"]) + 1)
            answer["paging"] = {"next": {"after": following, "link": f"{request.url.path}?after={following}"}}
        self._last[request.url.path] = answer
        return JSONResponse(answer)

    def _one(self, request: Request, body: Record) -> Response:
        kind, asked = request.path_params["type"], request.query_params
        found = self._by_id(kind, request.path_params["id"])
        if found is None or found["archived"] != (_is_true(asked.get("archived"))):
            return _error(404, "OBJECT_NOT_FOUND", "Object not found.")
        names, history = _names(asked.get("properties")), _names(asked.get("propertiesWithHistory"))
        return JSONResponse(shown(found, names, history))

    def _by_id(self, kind: str, record_id: str) -> Record | None:
        """A merged record is found under its old number too."""
        records = self.store.objects[kind]
        if record_id in records:
            return records[record_id]
        for one in records.values():
            if record_id in (one["properties"].get("hs_merged_object_ids") or "").split(";"):
                return one
        return None

    def _batch(self, request: Request, body: Record) -> Response:
        kind = request.path_params["type"]
        if "properties" not in body or "propertiesWithHistory" not in body:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON: properties, propertiesWithHistory")
        history, inputs = body["propertiesWithHistory"], body["inputs"]
        if len(inputs) > (50 if history else 100):
            return _error(400, "VALIDATION_ERROR", "The maximum number of inputs supported was exceeded")
        archived = _is_true(request.query_params.get("archived"))
        found: dict[str, Record] = {}
        for one in inputs:
            record = self._by_id(kind, one["id"])
            if record is not None and record["archived"] == archived:
                found[record["id"]] = shown(record, body["properties"], history)
        answer: Record = {"status": "COMPLETE", "results": list(found.values()), **_TIMES}
        if len(found) == len({one["id"] for one in inputs}):
            return JSONResponse(answer)
        lacking = [one["id"] for one in inputs if one["id"] not in found]
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects"}
        return JSONResponse(
            answer | {"numErrors": 1, "errors": [error | {"context": {"ids": lacking}}]}, status_code=207
        )

    def _search(self, request: Request, body: Record) -> Response:
        kind = request.path_params["type"]
        lacking = {"filterGroups", "sorts", "properties", "limit", "after"} - body.keys()
        if lacking:
            return _error(400, "VALIDATION_ERROR", f"Invalid input JSON: {', '.join(sorted(lacking))}")
        limit, after = body["limit"], int(body["after"] or 0)
        if not 0 < limit <= 200:
            return _error(400, "VALIDATION_ERROR", "limit must be between 1 and 200")
        if after + limit > WALL:
            return _error(400, "VALIDATION_ERROR", "The after parameter must be at most 10000")
        filters = [one for group in body["filterGroups"] for one in group["filters"]]
        found = [
            one
            for one in self.store.objects[kind].values()
            if not one["archived"] and all(_passes(one, wanted) for wanted in filters)
        ]
        for sort in reversed(body["sorts"]):
            name = sort["propertyName"]
            found.sort(
                key=lambda one, name=name: _comparable(one, name),  # type: ignore[misc]
                reverse=sort["direction"] == "DESCENDING",
            )
        answer: Record = {
            "total": len(found),
            "results": [shown(one, body["properties"], []) for one in found[after : after + limit]],
        }
        if len(found) > after + limit:
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(answer)

    def _links(self, request: Request, body: Record) -> Response:
        kind, to = request.path_params["type"], request.path_params["to"]
        if len(body["inputs"]) > 1000:
            return _error(400, "VALIDATION_ERROR", "The maximum number of inputs supported was exceeded")
        results, errors = [], []
        for one in body["inputs"]:
            links = self.store.objects[f"links/{kind}/{to}"].get(one["id"])
            if not links or self.store.objects[kind].get(one["id"], {"archived": True})["archived"]:
                error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "No links found"}
                errors.append(error | {"context": {"fromObjectId": [one["id"]]}})
                continue
            after = int(one.get("after") or 0)
            chosen = sorted(links.items(), key=lambda pair: int(pair[0]))
            answer: Record = {
                "from": {"id": one["id"]},
                "to": [
                    {
                        "toObjectId": int(to_id),
                        "associationTypes": [
                            {"category": "HUBSPOT_DEFINED", "typeId": number, "label": None}
                            for number in types
                        ],
                    }
                    for to_id, types in chosen[after : after + 500]
                ],
            }
            if len(chosen) > after + 500:
                answer["paging"] = {"next": {"after": str(after + 500), "link": ""}}
            results.append(answer)
        told: Record = {"status": "COMPLETE", "results": results, **_TIMES}
        if errors:
            return JSONResponse(told | {"numErrors": len(errors), "errors": errors}, status_code=207)
        return JSONResponse(told)

    # what people do in HubSpot meanwhile

    def edit(self, kind: str, record_id: str, at: str, **properties: str | None) -> None:
        with self.store.lock:
            record = self.store.objects[kind][record_id]
            for name, value in properties.items():
                record["properties"][name] = value
                change = {"value": value or "", "timestamp": at, "sourceType": "CRM_UI"}
                record.setdefault("propertiesWithHistory", {}).setdefault(name, []).insert(0, change)
            self.touch(kind, record_id, at)

    def touch(self, kind: str, record_id: str, at: str) -> None:
        with self.store.lock:
            record = self.store.objects[kind][record_id]
            record["properties"][modified_by(kind)] = record["updatedAt"] = at

    def archive(self, kind: str, record_id: str, at: str) -> None:
        with self.store.lock:
            self.store.objects[kind][record_id] |= {"archived": True, "archivedAt": at, "updatedAt": at}

    def merge(self, kind: str, primary: str, other: str, at: str) -> str:
        """Both make a new record, with the values of the primary one, and are no records any more."""
        with self.store.lock:
            records = self.store.objects[kind]
            made, loser = copy.deepcopy(records.pop(primary)), records.pop(other)
            new_id = str(max(map(int, records)) + 1_000)
            swallowed = [primary, other]
            for one in (made, loser):
                swallowed += (one["properties"].get("hs_merged_object_ids") or "").split(";")
            made["id"] = made["properties"]["hs_object_id"] = new_id
            made["properties"]["hs_merged_object_ids"] = ";".join(sorted({*swallowed} - {""}))
            records[new_id] = made
            self.touch(kind, new_id, at)
            for name, links in self.store.objects.items():
                if name.startswith("links/") and name.endswith(f"/{kind}"):
                    for others in links.values():
                        for old in (primary, other):
                            if old in others:
                                others[new_id] = others.pop(old)
                if name.startswith(f"links/{kind}/"):
                    kept = {**links.pop(other, {}), **links.pop(primary, {})}
                    if kept:
                        links[new_id] = kept
            return new_id


_TIMES = {"startedAt": "2026-01-01T00:00:00.000Z", "completedAt": "2026-01-01T00:00:00.000Z"}


def modified_by(kind: str) -> str:
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def shown(record: Record, names: list[str], with_history: list[str]) -> Record:
    told = {key: record[key] for key in ("id", "createdAt", "updatedAt", "archived")}
    if "archivedAt" in record:
        told["archivedAt"] = record["archivedAt"]
    always = ["hs_object_id", modified_by(record_kind(record)), *names, *with_history]
    told["properties"] = {name: record["properties"].get(name) for name in always}
    if with_history:
        history = record.get("propertiesWithHistory", {})
        told["propertiesWithHistory"] = {name: history.get(name, []) for name in with_history}
    return told


def record_kind(record: Record) -> str:
    return "contacts" if "lastmodifieddate" in record["properties"] else ""


def too_many(policy: str) -> JSONResponse:
    return JSONResponse(
        {
            "status": "error",
            "message": f"You have reached your {policy.lower()} limit.",
            "errorType": "RATE_LIMIT",
            "correlationId": "made-up",
            "policyName": policy,
        },
        status_code=429,
    )


def _error(status: int, category: str, message: str) -> JSONResponse:
    body = {"status": "error", "message": message, "correlationId": "made-up", "category": category}
    return JSONResponse(body, status_code=status)


def _is_true(text: str | None) -> bool:
    """The vendor's own client writes True."""
    return (text or "").lower() == "true"


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]


def _passes(record: Record, wanted: Record) -> bool:
    value, bound = _comparable(record, wanted["propertyName"]), int(wanted["value"])
    match wanted["operator"]:
        case "GTE":
            return value >= bound
        case "LTE":
            return value <= bound
        case "GT":
            return value > bound
    raise ValueError(wanted["operator"])


def _comparable(record: Record, name: str) -> int:
    """A number, or the milliseconds of an instant; no value comes before all others."""
    value = record["properties"].get(name)
    if not value:
        return -1
    return int(value) if value.isdigit() else milliseconds(value)


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
