"""Asking a CRM over HTTP so that a hiccup of the network or of the CRM is no failed run.

Belongs here: trying again, waiting as told, a new token, the daily budget, what is said when none of it
helps. Does not belong here: any CRM's addresses, pages or fields.

It is a `requests.Session`, so the clients that know a CRM (dlt's `RESTClient` with its paginators,
simple-salesforce) take it as theirs. Theirs give up where this one does not: dlt's retries end after 15
seconds of 429 and at a truncated body, simple-salesforce has none (measured against both).
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import orjson
import requests
from requests.hooks import default_hooks, dispatch_hook

from orchestration.errors import SettingsError, SourceError

Verdict = Literal["good", "again", "wait", "expired", "spent", "refused"]
"""What an answer means: take it; ask again; ask again when the time it names is over; the token is no longer
good; the budget of the day is used up; a person has to do something."""

_ODD = (ValueError, LookupError, TypeError, AttributeError)
"""What a CRM's own reading of an answer fails with where a proxy answered in the CRM's place."""
_SHORTEST_SECRET = 6
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_VERSION = re.compile(r"(v|oauth)[0-9.]+")
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
    """By the path without what is different in every question, so that there are not more of them than
    kinds of questions: `/api/v1/deals/*/changelog`."""


class CrmSession(requests.Session):
    """`name` is the source's; `token` gives the headers that authorise, and is called again when one expired.

    `judge_answer` may know more than `judge`; `explain` turns an answer that nobody can mend by waiting into
    the reason for a person (`refused` and `spent`). Raises `SourceError` when an answer cannot be had.

    The address that is asked first is the CRM's: no other is asked, wherever a redirect or the link to a next
    page points. `token` asks with a session of its own.
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
        self._host: tuple[str, str] | None = None
        # or requests takes one from ~/.netrc besides ours; its proxies are wanted
        self.auth = lambda request: request

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send until there is an answer that says something; whole, and JSON where it says so."""
        self._refuse_other_hosts(request)
        # a body is read here, where it can be asked for again; and no redirect is followed, which would give
        # the token away
        options |= {"stream": False, "allow_redirects": False}
        # a client that sends what it prepared itself leaves out the company's own certificates
        options.setdefault(
            "verify", self.merge_environment_settings(request.url or "", {}, None, None, None)["verify"]
        )
        options["timeout"] = options.get("timeout") or self._patience.timeout
        # hooks may raise (dlt's does, at 429): they are for the answer that is given, not for those before it
        hooks, request.hooks = request.hooks, default_hooks()
        attempts, waited, is_new_token = 0, 0.0, False
        while True:
            attempts += 1
            request.headers.update(self._headers())
            response, verdict, reason = self._ask(request, options)
            if verdict == "good":
                assert response is not None
                request.hooks = hooks
                return dispatch_hook("response", hooks, response, **options)
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

    def _refuse_other_hosts(self, request: requests.PreparedRequest) -> None:
        host = _host_of(request.url)
        self._host = self._host or host
        if host != self._host:
            raise SourceError(
                f"{self.name}: the CRM of {'://'.join(self._host)} points to {'://'.join(host)}, which was"
                " not asked and was given no token. Is the address in the settings the right one?"
            )

        if host[0] != "https" and urlsplit(request.url or "").hostname not in _THIS_MACHINE:
            raise SettingsError(
                f"{self.name}: {'://'.join(host)} is no address of https, so that the token could be read on"
                " its way; nothing was sent. Correct the address in the settings."
            )

    def _headers(self) -> dict[str, str]:
        if self._authorised is None:
            self._authorised = self._token()
        return self._authorised

    def _ask(
        self, request: requests.PreparedRequest, options: dict[str, Any]
    ) -> tuple[requests.Response | None, Verdict, str]:
        self.calls.sent += 1
        path = _kind_of(urlsplit(request.url or "").path)
        self.calls.by_path[path] = self.calls.by_path.get(path, 0) + 1
        try:
            response = super().send(request, **options)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):  # which waiting does not mend
                return None, "refused", "its certificate is not trusted"
            return None, "again", _first_words(error)
        if 300 <= response.status_code < 400:
            scheme, host = _host_of(urljoin(response.url, response.headers.get("Location", "")))
            return response, "refused", f"it points to {scheme}://{host}, which is not followed"
        verdict = self._judged(response)
        if verdict == "good" and "json" in response.headers.get("Content-Type", "") and _is_cut(response):
            return response, "again", "the answer broke off in the middle"
        return response, verdict, ""

    def _judged(self, response: requests.Response) -> Verdict:
        try:
            return self._judge(response)
        except _ODD:
            return judge(response)

    def _explained(self, response: requests.Response | None) -> str:
        try:
            return self._explain(response) if response is not None else ""
        except _ODD:
            return ""

    def _pause(self, response: requests.Response | None, attempts: int) -> float:
        told = _told_wait(response) if response is not None else None
        if told:
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
        said = self._without_secrets(reason or self._explained(response))
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

    def _without_secrets(self, text: str) -> str:
        """A token that was asked for is in no environment variable, so nobody else knows that it is one."""
        for value in (self._authorised or {}).values():
            for part in (value, value.rpartition(" ")[2]):
                text = text.replace(part, "***") if len(part) >= _SHORTEST_SECRET else text
        return text


def _kind_of(path: str) -> str:
    """A path with `*` for ids and cursors: for every part with a digit that is not a version."""
    parts = path.split("/")
    return "/".join(
        "*" if any(map(str.isdigit, part)) and not _VERSION.fullmatch(part) else part for part in parts
    )


def _host_of(url: str | None) -> tuple[str, str]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _is_cut(response: requests.Response) -> bool:
    """Whether a body is no whole JSON."""
    try:
        if response.content:
            orjson.loads(response.content)
    except orjson.JSONDecodeError:
        # orjson refuses half of an emoji, which CRMs leave where they cut a text
        try:
            json.loads(response.content)
        except ValueError:
            return True
    return False


def _told_wait(response: requests.Response) -> float | None:
    """Seconds that `Retry-After` asks for: a number or a date."""
    told = response.headers.get("Retry-After", "").strip()
    if not told:
        return None
    try:
        seconds = float(told)
        return max(seconds, 0.0) if math.isfinite(seconds) else None
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
