"""Asking a CRM over HTTP so that a hiccup of the network or of the CRM is no failed run.

Belongs here: trying again, waiting as told, a new token, the daily budget, what is said when none of it
helps. Does not belong here: any CRM's addresses, pages or fields.

It is a `requests.Session`, so the clients that know a CRM (dlt's `RESTClient` with its paginators,
simple-salesforce) take it as theirs. Theirs give up where this one does not: dlt's retries end after 15
seconds of 429 and at a truncated body, simple-salesforce has none (measured against both).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
import requests

from orchestration.errors import SourceError

Verdict = Literal["good", "again", "wait", "expired", "spent", "refused"]
"""What an answer means: take it; ask again; ask again when the time it names is over; the token is no longer
good; the budget of the day is used up; a person has to do something."""

_AGAIN = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Patience:
    """`attempts` of one question; `longest` and `first` seconds of a wait that the CRM does not name;
    `total` seconds of waits that one question may cost."""

    attempts: int = 8
    first: float = 1.0
    longest: float = 60.0
    total: float = 900.0
    timeout: float = 60.0


def judge(response: requests.Response) -> Verdict:
    """What an answer means where the CRM has no words of its own for it."""
    if response.status_code == 429:
        return "wait"
    if response.status_code == 401:
        return "expired"
    if response.status_code in _AGAIN:
        return "again"
    return "good" if response.ok else "refused"


@dataclass
class Calls:
    """What a session did: how many questions were sent, and how long it waited."""

    sent: int = 0
    repeated: int = 0
    waited: float = 0.0
    by_path: dict[str, int] = field(default_factory=dict)


class CrmSession(requests.Session):
    """`name` is the source's; `token` gives the headers that authorise, and is called again when one expired.

    `judge_answer` may know more than `judge`; `explain` turns an answer that nobody can mend by waiting into
    the reason for a person (`refused` and `spent`). Raises `SourceError` when an answer cannot be had.
    """

    def __init__(
        self,
        name: str,
        token: Callable[[], dict[str, str]],
        *,
        judge_answer: Callable[[requests.Response], Verdict] = judge,
        explain: Callable[[requests.Response], str] = lambda response: "",
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.name, self.calls = name, Calls()
        self._token, self._judge, self._explain = token, judge_answer, explain
        self._patience, self._sleep = patience or Patience(), sleep
        self._authorised: dict[str, str] | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send until there is an answer that says something; whole, and JSON where it says so."""
        # a body is read here, where it can be asked for again; and there is no redirect to another host,
        # which would be given the token
        options |= {"stream": False, "allow_redirects": False}
        options["timeout"] = options.get("timeout") or self._patience.timeout
        attempts, waited, is_new_token = 0, 0.0, False
        while True:
            attempts += 1
            request.headers.update(self._headers())
            response, verdict, reason = self._ask(request, options)
            if verdict == "good":
                assert response is not None
                return response
            if verdict == "expired" and not is_new_token:
                is_new_token, self._authorised = True, None
                continue
            pause = self._pause(response, attempts)
            is_hopeless = verdict in ("expired", "spent", "refused")
            if is_hopeless or attempts >= self._patience.attempts or waited + pause > self._patience.total:
                raise SourceError(self._sentence(request, response, verdict, reason, attempts))
            waited += pause
            self.calls.repeated += 1
            self.calls.waited += pause
            self._sleep(pause)

    def _headers(self) -> dict[str, str]:
        if self._authorised is None:
            self._authorised = self._token()
        return self._authorised

    def _ask(
        self, request: requests.PreparedRequest, options: dict[str, Any]
    ) -> tuple[requests.Response | None, Verdict, str]:
        self.calls.sent += 1
        path = urlsplit(request.url or "").path
        self.calls.by_path[path] = self.calls.by_path.get(path, 0) + 1
        try:
            response = super().send(request, **options)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            return None, "again", _first_words(error)
        verdict = self._judge(response)
        if verdict == "good" and response.content and "json" in response.headers.get("Content-Type", ""):
            try:
                orjson.loads(response.content)
            except orjson.JSONDecodeError:
                return response, "again", "the answer broke off in the middle"
        return response, verdict, ""

    def _pause(self, response: requests.Response | None, attempts: int) -> float:
        told = _told_wait(response) if response is not None else None
        if told is not None:
            return told
        return float(min(self._patience.first * 2 ** (attempts - 1), self._patience.longest))

    def _sentence(
        self,
        request: requests.PreparedRequest,
        response: requests.Response | None,
        verdict: Verdict,
        reason: str,
        attempts: int,
    ) -> str:
        parts = urlsplit(request.url or "")
        asked = (
            f"{request.method} {parts.path} of {parts.hostname}"  # the query may hold what nobody should read
        )
        said = (self._explain(response) if response is not None else "") or reason
        said = f" ({said})" if said else ""
        status = f" with {response.status_code}" if response is not None else ""
        match verdict:
            case "spent":
                return (
                    f"{self.name}: the CRM's budget of calls is used up{said}. What was read is kept; run"
                    " again when it is renewed."
                )
            case "expired":
                return (
                    f"{self.name}: the CRM takes neither the credential nor a new token for {asked}{said}."
                    " Renew it in the environment; `zeven doctor` tests it."
                )
            case "refused":
                return (
                    f"{self.name}: {asked} was refused{status}{said}. `zeven doctor` tests what the"
                    " credential may read."
                )
        tried = "once" if attempts == 1 else f"{attempts} times"
        return (
            f"{self.name}: {asked} was asked {tried} and gave no answer{status}{said}. What was read is"
            " kept; run again later."
        )


def _told_wait(response: requests.Response) -> float | None:
    """Seconds that `Retry-After` asks for: a number or a date."""
    told = response.headers.get("Retry-After", "").strip()
    if not told:
        return None
    try:
        return max(float(told), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def _first_words(error: Exception) -> str:
    """The kind of the failure: what the library says besides holds the address with its query."""
    return {"ReadTimeout": "no answer in time", "ConnectTimeout": "no connection in time"}.get(
        type(error).__name__, "the connection broke off"
    )
