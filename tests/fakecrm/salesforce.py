"""A made-up Salesforce org: its REST API, Bulk API 2.0 and token endpoint, over the records of a store.

Belongs here: addresses, pages, limits and errors in Salesforce's own shape. Does not belong here: the query
language (`soql.py`), records (`demo/render_salesforce.py`), faults of any server (`faults.py`).
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakecrm.soql import Malformed, Query, Reader, moment
from tests.fakecrm.store import Record, Store

_AUDIT = "CreatedDate SystemModstamp LastModifiedDate"
FIELDS: dict[str, str] = {
    "Organization": "Name DefaultCurrencyIsoCode",
    "UserRole": "Name ParentRoleId ForecastUserId",
    "User": "Name Email UserRoleId UserType IsActive Lead_Capacity__c Hired_On__c",
    "CurrencyType": "IsoCode ConversionRate DecimalPlaces IsActive IsCorporate",
    "DatedConversionRate": "IsoCode ConversionRate StartDate",
    "Period": "Type StartDate",
    "OpportunityStage": "MasterLabel ApiName IsActive SortOrder IsClosed IsWon DefaultProbability",
    "Product2": "IsDeleted Name Family IsActive",
    "Campaign": "IsDeleted Name",
    "CampaignMember": "IsDeleted CampaignId LeadId ContactId",
    "Account": "IsDeleted MasterRecordId Name Industry BillingCountry BillingCountryCode Phone"
    " IsPersonAccount PersonContactId",
    "Contact": "IsDeleted MasterRecordId AccountId Name Email",
    "Lead": "IsDeleted MasterRecordId Name Company Email Phone Description OwnerId Status LeadSource Industry"
    " IsConverted ConvertedDate ConvertedAccountId ConvertedContactId ConvertedOpportunityId",
    "LeadHistory": "IsDeleted LeadId Field OldValue NewValue",
    "Opportunity": "IsDeleted AccountId Name OwnerId StageName Amount CurrencyIsoCode Probability CloseDate"
    " IsClosed IsWon LeadSource Loss_Reason__c",
    "OpportunityHistory": "IsDeleted OpportunityId StageName Amount CurrencyIsoCode Probability CloseDate",
    "OpportunityFieldHistory": "IsDeleted OpportunityId Field OldValue NewValue",
    "OpportunityLineItem": "IsDeleted OpportunityId Product2Id Quantity UnitPrice TotalPrice",
    "Task": "IsDeleted WhoId WhatId OwnerId CreatedById Subject ActivityDate IsRecurrence Type TaskSubtype"
    " CallType Status IsClosed CompletedDateTime",
    "Event": "IsDeleted WhoId WhatId OwnerId CreatedById Subject ActivityDate IsRecurrence IsRecurrence2"
    " IsChild IsAllDayEvent Type StartDateTime",
    "EmailMessage": "IsDeleted ActivityId Incoming MessageDate",
    "ForecastingQuota": "QuotaOwnerId QuotaAmount CurrencyIsoCode StartDate PeriodId IsAmount",
}
"""By object, besides Id and the stamps."""

_TYPES = {
    "datetime": {"CreatedDate", "SystemModstamp", "LastModifiedDate", "CompletedDateTime", "StartDateTime",
                 "MessageDate"},
    "date": {"CloseDate", "ConvertedDate", "ActivityDate", "StartDate", "Hired_On__c"},
    "double": {"Amount", "Probability", "ConversionRate", "DefaultProbability", "Quantity", "UnitPrice",
               "TotalPrice", "QuotaAmount", "Lead_Capacity__c", "SortOrder", "DecimalPlaces"},
}  # fmt: skip
_NOT_FILTERABLE = {"OldValue", "NewValue"}
CLIENT = {"client_id": "3MVG9.made-up", "client_secret": "made-up-secret-of-the-client"}
USER = {"username": "zeven@acme.example", "password": "made-up-passwordAndToken"}
VERSION = "v62.0"


def type_of(name: str) -> str:
    for kind, names in _TYPES.items():
        if name in names:
            return kind
    if (re.match(r"Is[A-Z]", name) and name != "IsoCode") or name == "Incoming":
        return "boolean"
    return "id" if name == "Id" else "reference" if name.endswith("Id") else "string"


class FakeSalesforce:
    """`hidden`: names of objects, and `Object.Field`. `page` and `job_page` as small as a test likes.

    `clock` stamps answers and deletions. A query's ids are those of the moment it was asked, its values
    those of the moment a page is given, as in Salesforce.
    """

    def __init__(
        self,
        store: Store,
        *,
        page: int = 2000,
        job_page: int = 50_000,
        limit: int = 100_000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store, self.page, self.job_page, self.limit, self.clock = store, page, job_page, limit, clock
        self.hidden: set[str] = set()
        self.used, self.tokens, self.granted = 0, set[str](), 0
        self.repeats_pages_at: set[int] = set()
        self.shortens_pages_at: set[int] = set()
        """Pages, counted from 1 over all that follow a first one, and pages of results of jobs."""
        self.removed: list[tuple[str, str, datetime]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self._cursors: dict[str, tuple[Query, list[str], bool]] = {}
        self._numbers, self._given_pages = itertools.count(1), 0

    def routes(self) -> list[Route]:
        data = f"/services/data/{VERSION}"
        return [
            Route("/services/oauth2/token", self._token, methods=["POST"]),
            *(
                Route(f"{data}/{path}", self._guarded(answer), methods=methods)
                for path, answer, methods in (
                    ("limits", self._limits, ["GET"]),
                    ("sobjects", self._objects, ["GET"]),
                    ("sobjects/{name}/describe", self._describe, ["GET"]),
                    ("sobjects/{name}/deleted/", self._deleted, ["GET"]),
                    ("query", self._query, ["GET"]),
                    ("query/", self._query, ["GET"]),
                    ("queryAll", self._query, ["GET"]),
                    ("queryAll/", self._query, ["GET"]),
                    ("query/{locator}", self._more, ["GET"]),
                    ("queryAll/{locator}", self._more, ["GET"]),
                    ("jobs/query", self._start_job, ["POST"]),
                    ("jobs/query/{job}", self._job, ["GET", "DELETE", "PATCH"]),
                    ("jobs/query/{job}/results", self._results, ["GET"]),
                )
            ),
        ]

    def edit(self, name: str, key: str, **fields: Any) -> None:
        """As a user edits a record."""
        self.store.edit(name, key, lambda record: record.update(fields, SystemModstamp=self._now()))

    def put(self, name: str, key: str, **fields: Any) -> None:
        self.store.put(
            name, key, {"Id": key, "CreatedDate": self._now(), **fields, "SystemModstamp": self._now()}
        )

    def purge(self, name: str, key: str) -> None:
        """Deleted past the recycle bin."""
        self.store.remove(name, key)
        self.removed.append((name, key, self.clock()))

    def expire_tokens(self) -> None:
        self.tokens.clear()

    def _now(self) -> str:
        return f"{self.clock():%Y-%m-%dT%H:%M:%S}.000+0000"

    def _visible(self) -> dict[str, dict[str, str]]:
        return {
            name: {
                field: type_of(field)
                for field in ["Id", *fields.split(), *(one for one in _AUDIT.split() if one not in fields)]
                if f"{name}.{field}" not in self.hidden
            }
            for name, fields in FIELDS.items()
            if name not in self.hidden
        }

    async def _token(self, request: Request) -> Response:
        asked = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        grant = asked.get("grant_type")
        is_client = all(asked.get(name) == value for name, value in CLIENT.items())
        is_user = all(asked.get(name) == value for name, value in USER.items())
        if grant == "client_credentials" and not is_client:
            return _oauth_error("invalid_client", "invalid client credentials")
        if grant == "password" and not (is_client and is_user):
            return _oauth_error("invalid_grant", "authentication failure")
        if grant not in ("client_credentials", "password"):
            return _oauth_error("unsupported_grant_type", "grant type not supported")
        token = f"00D!made-up-token-{next(self._numbers)}"
        self.tokens.add(token)
        self.granted += 1
        return JSONResponse(
            {"access_token": token, "instance_url": str(request.base_url).rstrip("/"), "token_type": "Bearer"}
        )

    def _guarded(self, answer: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
        def locked(request: Request, body: bytes) -> Response:
            with self.store.lock:
                return answer(request, body)

        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
                return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
            if self.used >= self.limit:
                return self._told(_error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
            self.used += 1
            try:
                return self._told(await run_in_threadpool(locked, request, await request.body()))
            except Malformed as error:
                return self._told(_error(400, error.code, str(error)))

        return guarded

    def _told(self, response: Response) -> Response:
        response.headers["Sforce-Limit-Info"] = f"api-usage={self.used}/{self.limit}"
        return response

    def _limits(self, request: Request, body: bytes) -> Response:
        return JSONResponse({"DailyApiRequests": {"Max": self.limit, "Remaining": self.limit - self.used}})

    def _objects(self, request: Request, body: bytes) -> Response:
        return JSONResponse({"sobjects": [{"name": name, "queryable": True} for name in self._visible()]})

    def _describe(self, request: Request, body: bytes) -> Response:
        name = request.path_params["name"]
        fields = self._visible().get(name)
        if fields is None:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        described = [
            {
                "name": field,
                "type": kind,
                "filterable": field not in _NOT_FILTERABLE and f"{name}.{field}!" not in self.hidden,
                "calculated": False,
                "custom": field.endswith("__c"),
                "compoundFieldName": None,
            }
            for field, kind in fields.items()
        ]
        return JSONResponse({"name": name, "queryable": True, "replicateable": True, "fields": described})

    def _deleted(self, request: Request, body: bytes) -> Response:
        name = request.path_params["name"]
        start, end = (moment(request.query_params[one]) for one in ("start", "end"))
        gone = [(key, at) for object_, key, at in self.removed if object_ == name]
        gone += [
            (key, moment(record["SystemModstamp"]))
            for key, record in self.store.objects[name].items()
            if record.get("IsDeleted")
        ]
        rows = [{"id": key, "deletedDate": at.isoformat()} for key, at in gone if start <= at < end]
        return JSONResponse(
            {
                "deletedRecords": rows,
                "earliestDateAvailable": start.isoformat(),
                "latestDateCovered": end.isoformat(),
            }
        )

    def _understood(self, text: str, *, is_all: bool) -> tuple[Query, list[str]]:
        query = Reader(text, self._visible(), self.store.objects).query()
        found = query.run(self.store.objects[query.object])
        if not is_all:
            records = self.store.objects[query.object]
            found = [key for key in found if not records[key].get("IsDeleted")]
        return query, found

    def _query(self, request: Request, body: bytes) -> Response:
        query, ids = self._understood(
            request.query_params.get("q", ""), is_all="queryAll" in request.url.path
        )
        if query.counts:
            return JSONResponse({"totalSize": len(ids), "done": True, "records": []})
        locator = f"01g{next(self._numbers):012}"
        self._cursors[locator] = (query, ids, "queryAll" in request.url.path)
        return self._page(locator, 0)

    def _more(self, request: Request, body: bytes) -> Response:
        locator, _, start = request.path_params["locator"].partition("-")
        if locator not in self._cursors or not start.isdigit():
            return _error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        self._given_pages += 1
        if self._given_pages in self.repeats_pages_at:  # a proxy that has the page before in its cache
            return self._page(locator, int(start) - self.page)
        return self._page(locator, int(start), is_short=self._given_pages in self.shortens_pages_at)

    def _page(self, locator: str, start: int, *, is_short: bool = False) -> Response:
        query, ids, _ = self._cursors[locator]
        kept = self.store.objects[query.object]
        rows = [
            {"attributes": {"type": query.object}, **{name: kept[key].get(name) for name in query.fields}}
            for key in ids[start + is_short : start + self.page]
            if key in kept
        ]
        for row in rows:
            row.update(
                {name: False for name in query.fields if row[name] is None and type_of(name) == "boolean"}
            )
        answer: Record = {"totalSize": len(ids), "done": start + self.page >= len(ids), "records": rows}
        if not answer["done"]:
            answer["nextRecordsUrl"] = f"/services/data/{VERSION}/query/{locator}-{start + self.page}"
        return JSONResponse(answer)

    def _start_job(self, request: Request, body: bytes) -> Response:
        import orjson

        asked = orjson.loads(body)
        query, ids = self._understood(asked["query"], is_all=asked["operation"] == "queryAll")
        kept = self.store.objects[query.object]
        job = f"750{next(self._numbers):015}"
        rows = [[_csv_value(kept[key].get(name), name) for name in query.fields] for key in ids]
        self.jobs[job] = {
            "id": job,
            "asked": 0,
            "fields": query.fields,
            "rows": rows,
            **asked,
            "object": query.object,
        }
        return JSONResponse(self._state(job))

    def _state(self, job: str) -> Record:
        found = self.jobs[job]
        state = ("UploadComplete", "InProgress", "JobComplete")[min(found["asked"], 2)]
        return {
            "id": job,
            "operation": found["operation"],
            "object": found["object"],
            "state": state,
            "numberRecordsProcessed": len(found["rows"]) if state == "JobComplete" else 0,
        }

    def _job(self, request: Request, body: bytes) -> Response:
        job = request.path_params["job"]
        if job not in self.jobs:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        if request.method == "DELETE":
            del self.jobs[job]
            return Response(status_code=204)
        self.jobs[job]["asked"] += 1
        return JSONResponse(self._state(job))

    def _results(self, request: Request, body: bytes) -> Response:
        job = request.path_params["job"]
        if job not in self.jobs:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        start = int(request.query_params.get("locator", "0"))
        size = min(int(request.query_params.get("maxRecords", self.job_page)), self.job_page)
        rows = self.jobs[job]["rows"]
        self._given_pages += 1
        is_short = self._given_pages in self.shortens_pages_at
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([self.jobs[job]["fields"], *rows[start : start + size - is_short]])
        following = str(start + size) if start + size < len(rows) else "null"
        return Response(
            out.getvalue(),
            media_type="text/csv",
            headers={
                "Sforce-Locator": following,
                "Sforce-NumberOfRecords": str(len(rows[start : start + size])),
            },
        )


def _csv_value(value: Any, name: str) -> str:
    kind = type_of(name)
    if value is None:
        return "false" if kind == "boolean" else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("+0000", "Z") if kind == "datetime" else str(value)


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse([{"message": message, "errorCode": code}], status_code=status)


def _oauth_error(code: str, message: str) -> Response:
    return JSONResponse({"error": code, "error_description": message}, status_code=400)
