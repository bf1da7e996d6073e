"""The part of Salesforce's API that is used: describe, queryAll by REST, query jobs of Bulk API 2.0.

Belongs here: addresses, pages, limits and errors. Does not belong here: what is asked for and when
(`salesforce_reader.py`).

simple-salesforce is no part of it: over `CrmSession` it would add only an address that is always https and a
second opinion on errors; it judges the made-up Salesforce of the tests instead.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from orchestration.errors import SourceError
from orchestration.ingest.crm.session import CrmSession, Patience, Verdict, judge
from orchestration.setting_sources import SalesforceSource

RECORDS_OF_A_PAGE = 50_000
"""Of a query job."""

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_TRIES = 4


class Expired(Exception):  # noqa: N818 -- no error: asked anew
    """A query locator or a job that Salesforce no longer knows: to be asked anew."""


@dataclass(frozen=True)
class Page:
    """Rows of one answer of REST, and how many the whole query has."""

    rows: list[dict[str, Any]]
    total: int


class Api:
    """One org. `token` gives the headers that authorise. Raises `SourceError`."""

    def __init__(
        self,
        name: str,
        source: SalesforceSource,
        token: Callable[[], dict[str, str]],
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.name, self._share, self._sleep = name, source.api_share, sleep
        self.base = f"{source.instance.rstrip('/')}/services/data/v{source.api_version}/"
        self.patience = patience or Patience()
        self.session = CrmSession(
            name, token, judge_answer=self._judge, explain=explain, patience=self.patience, sleep=sleep
        )
        self._used = self._whole = 0
        self._clock, self._skew = clock, 0.0

    def now(self) -> datetime:
        """By Salesforce's own clock, which stamps the records."""
        if self._clock is not None:
            return self._clock()
        return datetime.fromtimestamp(time.time() + self._skew, UTC)

    def objects(self) -> set[str]:
        return {one["name"] for one in self._get("sobjects")["sobjects"]}

    def describe(self, object_name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"sobjects/{object_name}/describe")
        return found

    def budget(self) -> tuple[int, int]:
        """What is left of the calls of a day, and how many there are."""
        found = self._get("limits")["DailyApiRequests"]
        return int(found["Remaining"]), int(found["Max"])

    def pages(self, query: str) -> Iterator[Page]:
        """All pages of a query, deleted and archived records too. No page comes twice."""
        answer = self._get("queryAll", q=query)
        before: set[str] = set()
        while True:
            rows = answer["records"]
            yield Page(rows, int(answer["totalSize"]))
            before = {row["Id"] for row in rows}
            if answer["done"]:
                return
            path = answer["nextRecordsUrl"]
            for _ in range(_TRIES):
                answer = self._get(path)
                if not any(row["Id"] in before for row in answer["records"]):
                    break
            else:
                raise SourceError(f"{self.name}: Salesforce gives the same page of a query again and again.")

    def start_job(self, query: str) -> str:
        answer = self._json(self._ask("POST", "jobs/query", json={"operation": "queryAll", "query": query}))
        return str(answer["id"])

    def wait_for_job(self, job: str) -> int:
        """Until its results are there; how many records they are."""
        pause, waited = 1.0, 0.0
        while True:
            answer = self._get(f"jobs/query/{job}")
            match answer["state"]:
                case "JobComplete":
                    return int(answer["numberRecordsProcessed"])
                case "Failed" | "Aborted":
                    said = str(answer.get("errorMessage") or "no reason is given")[:200]
                    raise SourceError(
                        f"{self.name}: a query job of Salesforce ended as {answer['state']} ({said})."
                    )
            if waited > 4 * 3600:
                raise SourceError(
                    f"{self.name}: a query job of Salesforce was not done after four hours; run again."
                )
            self._sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, 30.0)

    def job_page(self, job: str, locator: str | None, file: Path) -> tuple[int, str | None]:
        """One page of results into a CSV file: how many records it has, and the locator of the next one."""
        asked: dict[str, Any] = {"maxRecords": RECORDS_OF_A_PAGE} | ({"locator": locator} if locator else {})
        response = self._ask("GET", f"jobs/query/{job}/results", params=asked, headers={"Accept": "text/csv"})
        file.write_bytes(response.content.replace(b"\x00", b""))
        following = response.headers.get("Sforce-Locator", "null")
        return int(response.headers["Sforce-NumberOfRecords"]), None if following in (
            "",
            "null",
        ) else following

    def _get(self, path: str, **parameters: str) -> Any:
        return self._json(self._ask("GET", path, params=parameters))

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        if self._whole and self._used >= self._share * self._whole:
            raise SourceError(
                f"{self.name}: {self._used:,} of the org's {self._whole:,} calls of a day are used up, and"
                f" api_share leaves the others to other programs. What was read is kept; run again tomorrow."
            )
        response = self.session.request(method, urljoin(self.base, path), **options)
        if response.status_code in (400, 404):  # let through by `_judge`: only what can be asked anew
            raise Expired
        if said := response.headers.get("Date"):
            self._skew = parsedate_to_datetime(said).timestamp() - time.time()
        return response

    def _json(self, response: requests.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise SourceError(
                f"{self.name}: {self.base} answers no JSON; is it the My Domain of an org?"
            ) from None

    def _judge(self, response: requests.Response) -> Verdict:
        if usage := _USAGE.search(response.headers.get("Sforce-Limit-Info", "")):
            self._used, self._whole = int(usage[1]), int(usage[2])
        codes = [code for code, _ in errors(response)] if not response.ok else []
        if "REQUEST_LIMIT_EXCEEDED" in codes:
            # too many at once is over in a moment, too many of a day is not
            return "again" if any("Concurrent" in message for _, message in errors(response)) else "spent"
        if response.status_code == 400 and "INVALID_QUERY_LOCATOR" in codes:
            return "good"
        if response.status_code == 404 and "/jobs/query/" in (response.url or ""):
            return "good"
        if {"QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"} & set(codes):
            return "again"
        if response.ok and "text/csv" in response.headers.get("Content-Type", ""):
            return "good" if response.content.endswith(b"\n") else "again"
        return judge(response)


def errors(response: requests.Response) -> list[tuple[str, str]]:
    """Code and message, of what Salesforce answers instead of rows."""
    try:
        found = response.json()
        return [(str(one["errorCode"]), str(one.get("message", ""))) for one in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def explain(response: requests.Response) -> str:
    """The code; a message may hold the query, whose conditions are nobody's secret, but it may be long."""
    return "; ".join(f"{code}: {' '.join(message.split())[:160]}" for code, message in errors(response))
