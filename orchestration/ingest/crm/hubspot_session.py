"""The way to HubSpot: its token, what its answers mean, and a pace that its limits allow.

Belongs here: everything about one question. Does not belong here: which questions are asked (`hubspot.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm.session import CrmSession, Patience, Verdict, judge

SEARCHES_A_SECOND = 4.0
"""HubSpot allows five; its answers to a search say nothing of a limit."""
_RESERVE = 0.1
"""Part of the questions of an interval that is left to the account's other programs."""


class CursorExpiredError(SourceError):
    """HubSpot no longer knows the place in a list at which it was to go on."""


def variable(source_name: str) -> str:
    return f"ZEVEN_{source_name.upper()}_TOKEN"


def token_of(source_name: str) -> Callable[[], dict[str, str]]:
    def headers() -> dict[str, str]:
        token = os.environ.get(variable(source_name), "").strip()
        if not token:
            raise SettingsError(
                f"{variable(source_name)} is not in the environment: it holds the access token of the private"
                f" app by which {source_name} reads HubSpot."
            )
        return {"Authorization": f"Bearer {token}"}

    return headers


class HubspotSession(CrmSession):
    """Asks at most so often that HubSpot need not refuse; `clock` and `sleep` are for tests."""

    def __init__(
        self,
        name: str,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            name,
            token_of(name),
            judge_answer=judge_answer,
            explain=explain,
            patience=patience,
            sleep=sleep,
        )
        self._clock = clock
        self._next_search = self._next_other = float("-inf")
        token_of(name)()  # a missing token is told before anything is asked

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        is_search = urlsplit(request.url or "").path.endswith("/search")
        pause = (self._next_search if is_search else self._next_other) - self._clock()
        if pause > 0:
            self.calls.waited += pause
            self._sleep(pause)
        if is_search:
            self._next_search = self._clock() + 1 / SEARCHES_A_SECOND
        response = super().send(request, **options)
        if not is_search:
            self._next_other = self._clock() + _pause_after(response)
        return response


def _pause_after(response: requests.Response) -> float:
    """When few questions of the interval are left, what is left of the interval is waited for in parts."""

    def number(name: str) -> float:
        try:
            return float(response.headers.get(f"X-HubSpot-RateLimit-{name}", ""))
        except ValueError:
            return -1.0

    left, allowed, interval = number("Remaining"), number("Max"), number("Interval-Milliseconds")
    if min(left, allowed, interval) < 0 or left > _RESERVE * allowed:
        return 0.0
    return interval / 1000 / max(left, 1.0)


def judge_answer(response: requests.Response) -> Verdict:
    if response.status_code == 429 and str(_body(response).get("policyName", "")).upper() == "DAILY":
        return "spent"
    request = response.request
    if response.status_code == 400 and request.method == "GET" and "after=" in (request.url or ""):
        raise CursorExpiredError(
            f"HubSpot no longer goes on with a list of {urlsplit(request.url or '').path}; run again."
        )
    return judge(response)


def explain(response: requests.Response) -> str:
    """The kind of the error and the scopes that are wanted; HubSpot's own sentence may hold values."""
    body = _body(response)
    if str(body.get("policyName", "")).upper() == "DAILY":
        return "the calls that the account may make in a day"
    scopes: set[str] = set()
    for error in body.get("errors") or ():
        for names in (error.get("context") or {}).values() if isinstance(error, dict) else ():
            scopes |= {str(name) for name in names} if isinstance(names, list) else set()
    wanted = {name for name in scopes if name.startswith(("crm.", "settings.", "sales-", "oauth"))}
    kind = str(body.get("category") or "").replace("_", " ").lower()
    return f"{kind}: the private app lacks {', '.join(sorted(wanted))}" if wanted else kind


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
