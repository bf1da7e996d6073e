"""Pages of Pipedrive, old and new, and the tokens that they cost.

Belongs here: the session with the daily budget, cursor pages of v2, offset pages of v1 that notice when the
list shifts under them. Does not belong here: which lists are read, and what for (`pipedrive.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator, JSONResponseCursorPaginator

from orchestration.errors import SourceError
from orchestration.ingest.crm.pipedrive_objects import cost
from orchestration.ingest.crm.session import CrmSession, Patience, Verdict, judge

PAGE = 500
"""Records of a page: the most that Pipedrive gives."""
_LONG = 900.0
"""Seconds: a wait that is longer is not for the two-second limit but for tomorrow."""
_OPTIONAL = re.compile(r"/v1/(legacyTeams|goals/find)$")
"""Lists that a plan may lack or a user may not see."""


class SpentError(SourceError):
    """The tokens of the day are used up, the company's or those that the settings allow."""


class ShiftedError(Exception):
    """A record went from a page that was read already, so one of the next page moved into it."""


@dataclass
class Budget:
    """Tokens used on `day` (UTC), by this source; `allowed` is what the settings give it."""

    allowed: int
    day: str = ""
    spent: int = 0

    def on(self, now: datetime) -> Budget:
        """Another day, another budget."""
        today = f"{now.astimezone(UTC):%Y-%m-%d}"
        if today != self.day:
            self.day, self.spent = today, 0
        return self

    @property
    def left(self) -> int:
        return self.allowed - self.spent


class PipedriveSession(CrmSession):
    """Counts the tokens of every question, the repeated ones too, and stops before there are none left."""

    def __init__(
        self,
        name: str,
        token: str,
        budget: Budget,
        *,
        now: Callable[[], datetime],
        patience: Patience | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        options: dict[str, Any] = {} if sleep is None else {"sleep": sleep}
        super().__init__(
            name,
            lambda: {"x-api-token": token},
            judge_answer=_judge,
            explain=_explain,
            patience=patience,
            **options,
        )
        self.budget, self._now = budget, now

    def _ask(
        self, request: requests.PreparedRequest, options: dict[str, Any]
    ) -> tuple[requests.Response | None, Verdict, str]:
        tokens = cost(urlsplit(request.url or "").path)
        if self.budget.on(self._now()).left < tokens:
            raise SpentError(
                f"{self.name}: the {self.budget.allowed:,} tokens that the settings give a day (daily_tokens)"
                " are used up. What was read is kept; the next run after midnight UTC goes on."
            )
        self.budget.spent += tokens
        response, verdict, reason = super()._ask(request, options)
        if verdict == "spent" and response is not None:
            raise SpentError(self._sentence(request, response, verdict, reason, 1))
        return response, verdict, reason


def _judge(response: requests.Response) -> Verdict:
    if response.status_code == 429:
        told = response.headers.get("Retry-After", "")
        is_long = told.replace(".", "", 1).isdigit() and float(told) > _LONG
        return "spent" if is_long or b"daily" in response.content.lower() else "wait"
    path = urlsplit(response.url or "").path
    if response.status_code in (402, 403, 404) and _OPTIONAL.search(path):
        return "good"
    if response.status_code in (404, 410) and path.endswith("/changelog"):
        return "good"  # the deal is gone since it was listed
    if response.status_code in (400, 410) and "cursor=" in (response.url or ""):
        return "good"  # a cursor that is too old: asked anew without it
    return judge(response)


def _explain(response: requests.Response) -> str:
    """Pipedrive's own word for it, cut short; it says nothing of a record."""
    try:
        told = response.json()
    except ValueError:
        return ""
    said = told.get("error") if isinstance(told, dict) else None
    return said[:120] if isinstance(said, str) else ""


@dataclass(frozen=True)
class Page:
    """`after` is where the next page begins, None after the last one."""

    rows: list[dict[str, Any]]
    after: Any


def whole_list(client: RESTClient, path: str, **params: Any) -> list[dict[str, Any]] | None:
    """A short list of v1 that has one page; None where the plan or the user has none of it."""
    response = client.get(path, params=params)
    if not response.ok:
        return None
    found = response.json().get("data")
    if isinstance(found, dict):
        found = found.get("goals")
    return [_unwrapped(one) for one in found or () if isinstance(one, dict)]


def _unwrapped(record: dict[str, Any]) -> dict[str, Any]:
    """Goals come each in an object of its own."""
    inner = record.get("goal")
    return inner if isinstance(inner, dict) else record


def cursor_pages(
    client: RESTClient, path: str, params: dict[str, Any], after: str | None = None
) -> Iterator[Page]:
    """Pages of v2 (and of a changelog), from a cursor on or from the start."""
    asked = {"limit": PAGE, **params, **({"cursor": after} if after else {})}
    is_restarted = False
    while True:
        paginator = JSONResponseCursorPaginator(
            cursor_path="additional_data.next_cursor", cursor_param="cursor"
        )
        for page in client.paginate(
            path, params=dict(asked), paginator=paginator, data_selector="$", hooks={"response": []}
        ):
            if not page.response.ok:
                break
            told = page.response.json().get("additional_data") or {}
            yield Page(_records(page.response), told.get("next_cursor"))
        else:
            return
        if is_restarted or page.response.status_code == 404:
            if page.response.status_code in (404, 410) and path.endswith("/changelog"):
                return
            raise SourceError(f"The cursor of {path} is refused again and again; run again later.")
        is_restarted = True
        asked.pop("cursor", None)


class _Overlapping(BasePaginator):
    """Offset pages that share a record with the one before: where it is another one, the list shifted."""

    def __init__(self, start: int, last: str | None) -> None:
        super().__init__()
        self.start, self.last = start, last

    def init_request(self, request: requests.Request) -> None:
        self.update_request(request)

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        rows = _records(response)
        if self.last is not None and (not rows or str(rows[0].get("id")) != self.last):
            raise ShiftedError
        told = (response.json().get("additional_data") or {}).get("pagination") or {}
        self._has_next_page = bool(told.get("more_items_in_collection")) and len(rows) > 1
        if self._has_next_page:
            self.start, self.last = self.start + len(rows) - 1, str(rows[-1].get("id"))

    def update_request(self, request: requests.Request) -> None:
        request.params = {**dict(request.params or {}), "start": self.start}  # type: ignore[arg-type]


def offset_pages(client: RESTClient, path: str, params: dict[str, Any], after: Any = None) -> Iterator[Page]:
    """Pages of v1. Raises `ShiftedError`; what was given until then is no less true."""
    start, last = after or (0, None)
    paginator = _Overlapping(start, last)
    for page in client.paginate(
        path, params={"limit": PAGE, **params}, paginator=paginator, data_selector="$"
    ):
        yield Page(
            _records(page.response), [paginator.start, paginator.last] if paginator.has_next_page else None
        )


def _records(response: requests.Response) -> list[dict[str, Any]]:
    """Read here: where there is nothing v1 says null, at which dlt warns each time."""
    return [one for one in response.json().get("data") or () if isinstance(one, dict)]
