"""Asking a CRM that is slow, busy, broken or somebody else: what is asked again, waited for and said."""

from __future__ import annotations

import contextlib
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm.session import CrmSession, Patience, Verdict, judge
from tests.fakecrm.faults import Fault, Plan
from tests.fakecrm.server import serving

SECRET = "s3cr3t-Wolfeschlegelstein"
RECORDS = [{"id": str(number), "name": "x" * 50} for number in range(300)]


class Crm:
    """A CRM of two paths: pages of records, and an echo; it takes the newest token only."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.url = ""
        self.good = f"{SECRET}-1"
        self.tokens = 0
        self.given: list[str | None] = []
        self.bodies: list[bytes] = []
        self.waits: list[float] = []
        self.next = "{url}/records?page={page}"

    def token(self) -> dict[str, str]:
        self.tokens += 1
        return {"Authorization": f"Bearer {SECRET}-{self.tokens}"}

    def session(self, **options: Any) -> CrmSession:
        options = {"sleep": self.waits.append, "patience": Patience(first=1, timeout=20), **options}
        return CrmSession("crm", self.token, **options)

    def routes(self) -> list[Route]:
        async def records(request: Request) -> Response:
            if refused := self._refused(request):
                return refused
            page = int(request.query_params.get("page", "0"))
            rest = {"next": self.next.format(url=self.url, page=page + 1)} if page < 2 else {}
            return JSONResponse({"records": RECORDS[page * 100 : (page + 1) * 100], **rest})

        async def echo(request: Request) -> Response:
            body = await request.body()
            self.bodies.append(body)
            return self._refused(request) or JSONResponse({"length": len(body)})

        async def text(request: Request) -> Response:
            return PlainTextResponse("id\n1\n" * 1000)

        async def half(request: Request) -> Response:
            return Response(b'{"name": "cut \\ud83d"}', media_type="application/json")

        async def query(request: Request) -> Response:
            if refused := self._refused(request):
                return refused
            found = [{"Id": "1", "attributes": {"type": "Lead"}}, {"Id": "2", "attributes": {"type": "Lead"}}]
            if request.url.path.endswith("/query/more"):
                return JSONResponse({"records": found[1:], "done": True, "totalSize": 2})
            more = f"{request.url.path}more"
            return JSONResponse({"records": found[:1], "done": False, "totalSize": 2, "nextRecordsUrl": more})

        return [
            Route("/records", records),
            Route("/echo", echo, methods=["POST"]),
            Route("/text", text),
            Route("/half", half),
            Route("/services/data/v62.0/query/", query),
            Route("/services/data/v62.0/query/more", query),
        ]

    def _refused(self, request: Request) -> Response | None:
        self.given.append(request.headers.get("authorization"))
        if request.headers.get("authorization") != f"Bearer {self.good}":
            return JSONResponse({"message": f"{request.headers.get('authorization')} is no token"}, 401)
        return None


@pytest.fixture
def crm() -> Iterator[Crm]:
    crm = Crm()
    with serving(crm.routes(), crm.plan) as url:
        crm.url = url
        yield crm


def refusal(ask: Callable[[], object]) -> str:
    """What is said, in one line; nothing of the credential stands in it or in what hangs on it."""
    with pytest.raises(SourceError) as caught:
        ask()
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert "Authorization" not in told
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_named_in_seconds_is_kept(crm: Crm, status: int) -> None:
    crm.plan.faults = [Fault("GET /records", status, at=(1, 2), after=7)]
    session = crm.session()
    assert session.get(f"{crm.url}/records").json()["records"] == RECORDS[:100]
    assert crm.waits == [7.0, 7.0]
    assert (session.calls.sent, session.calls.repeated, session.calls.waited) == (3, 2, 14.0)


def test_calls_are_counted_by_their_kind_however_many_ids_there_are(crm: Crm) -> None:
    session = crm.session()
    for path in ("api/v1/deals/4711/changelog", "api/v1/deals/4712/changelog", "data/v62.0/query/01g9-200"):
        with contextlib.suppress(SourceError):
            session.get(f"{crm.url}/{path}")
    assert session.calls.by_path == {"/api/v1/deals/*/changelog": 2, "/data/v62.0/query/*": 1}


def test_a_wait_that_is_named_as_a_date_is_kept(crm: Crm) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    crm.plan.faults = [Fault("GET /records", 429, headers={"Retry-After": until})]
    assert crm.session().get(f"{crm.url}/records").ok
    assert len(crm.waits) == 1
    assert 80 < crm.waits[0] <= 90


@pytest.mark.parametrize("told", ["soon", "nan", "inf", "-5", "0", "Thu, 01 Jan 1970 00:00:00 GMT", ""])
def test_a_wait_that_says_nothing_is_ours(crm: Crm, told: str) -> None:
    crm.plan.faults = [Fault("GET /records", 429, at=(1, 2, 3), headers={"Retry-After": told})]
    assert crm.session().get(f"{crm.url}/records").ok
    assert crm.waits == [1.0, 2.0, 4.0]


def test_a_wait_that_is_too_long_is_not_begun(crm: Crm) -> None:
    crm.plan.faults = [Fault("GET /records", 429, at=(1,), after=3600)]
    said = refusal(lambda: crm.session().get(f"{crm.url}/records"))
    assert said.startswith("crm: GET /records of 127.0.0.1 was asked once and gave no answer with 429.")
    assert crm.waits == []


@pytest.mark.parametrize("kind", [408, 500, 502, 503, 504, "drop", "truncate"])
def test_a_hiccup_is_asked_again(crm: Crm, kind: int | str) -> None:
    crm.plan.faults = [Fault("GET /records", kind, at=(1, 2))]
    assert crm.session().get(f"{crm.url}/records").json()["records"] == RECORDS[:100]
    assert crm.waits == [1.0, 2.0]
    assert crm.plan.count("GET /records") == 3


def test_a_body_of_text_that_breaks_off_is_asked_again(crm: Crm) -> None:
    crm.plan.faults = [Fault("GET /text", "drop")]
    assert crm.session().get(f"{crm.url}/text").text == "id\n1\n" * 1000
    assert len(crm.waits) == 1


def test_half_an_emoji_is_no_broken_answer(crm: Crm) -> None:
    assert crm.session().get(f"{crm.url}/half").json() == {"name": "cut \ud83d"}
    assert crm.waits == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (500, "was asked 4 times and gave no answer with 500"),
        (429, "was asked 4 times and gave no answer with 429"),
        ("drop", "was asked 4 times and gave no answer (the connection broke off)"),
        ("truncate", "gave no answer with 200 (the answer broke off in the middle)"),
    ],
)
def test_what_does_not_end_ends_the_asking(crm: Crm, kind: int | str, said: str) -> None:
    crm.plan.faults = [Fault("GET /records", kind, at=tuple(range(1, 50)))]
    session = crm.session(patience=Patience(attempts=4, first=1))
    told = refusal(lambda: session.get(f"{crm.url}/records?email=jan@example.com"))
    assert said in told
    assert "jan@" not in told, "a query may hold what nobody should read"
    assert told.endswith("What was read is kept; run again later.")
    assert crm.plan.count("GET /records") == 4
    assert crm.waits == [1.0, 2.0, 4.0]


def test_a_slow_answer_is_given_up_and_asked_again(crm: Crm) -> None:
    crm.plan.faults = [Fault("GET /records", "slow", after=3)]
    began = time.monotonic()
    assert crm.session(patience=Patience(timeout=0.5)).get(f"{crm.url}/records").ok
    assert time.monotonic() - began < 2.5
    assert len(crm.waits) == 1
    crm.plan.faults = [Fault("GET /records", "slow", at=(1, 2), after=3)]
    session = crm.session(patience=Patience(timeout=0.3, attempts=2))
    assert "(no answer in time)" in refusal(lambda: session.get(f"{crm.url}/records"))


def test_nobody_at_the_address(crm: Crm) -> None:
    session = crm.session(patience=Patience(attempts=2))
    said = refusal(lambda: session.get("http://127.0.0.1:9/records?key=1"))
    assert "GET /records of 127.0.0.1 was asked 2 times and gave no answer" in said
    assert "key" not in said


def test_a_token_that_expires_is_asked_for_once_and_serves_on(crm: Crm) -> None:
    session = crm.session()
    assert session.get(f"{crm.url}/records").ok
    crm.good = f"{SECRET}-2"
    assert session.get(f"{crm.url}/records").ok
    assert session.get(f"{crm.url}/records").ok
    assert crm.tokens == 2
    assert [given and given[-1] for given in crm.given] == ["1", "1", "2", "2"]
    assert crm.waits == [], "a new token needs no waiting"


def test_a_token_that_never_serves_is_a_matter_for_a_person(crm: Crm) -> None:
    crm.good = "another"
    said = refusal(
        lambda: crm.session(explain=lambda answer: answer.json()["message"]).get(f"{crm.url}/records")
    )
    assert crm.tokens == 2
    assert crm.plan.count("GET") == 2
    assert said == (
        "crm: the CRM takes neither the credential nor a new token for GET /records of 127.0.0.1 (*** is no"
        " token). Renew it in the environment; `zeven doctor` tests it."
    )


def test_a_token_that_cannot_be_had_says_its_own(crm: Crm) -> None:
    def none() -> dict[str, str]:
        raise SourceError("crm: ZEVEN_CRM_TOKEN is not set.")

    assert refusal(lambda: CrmSession("crm", none).get(f"{crm.url}/records")).endswith("is not set.")
    assert crm.plan.asked == []


def test_what_may_not_be_read_is_said_at_once(crm: Crm) -> None:
    crm.plan.faults = [Fault("GET /records", 403, body=b'{"message": "no scope crm.deals.read"}')]
    session = crm.session(explain=lambda answer: answer.json()["message"])
    assert refusal(lambda: session.get(f"{crm.url}/records")) == (
        "crm: GET /records of 127.0.0.1 was refused with 403 (no scope crm.deals.read)."
        " `zeven doctor` tests what the credential may read."
    )
    assert (crm.plan.count("GET"), crm.waits) == (1, [])


def spent(answer: requests.Response) -> Verdict:
    if answer.status_code == 403 and answer.json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED":
        return "spent"
    return judge(answer)


def test_a_budget_that_is_used_up_is_not_waited_for(crm: Crm) -> None:
    body = b'[{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]'
    crm.plan.faults = [Fault("GET /records", 403, body=body, after=5)]
    session = crm.session(judge_answer=spent, explain=lambda answer: answer.json()[0]["errorCode"])
    assert refusal(lambda: session.get(f"{crm.url}/records")) == (
        "crm: the CRM's budget of calls is used up (REQUEST_LIMIT_EXCEEDED). What was read is kept;"
        " run again when it is renewed."
    )
    assert (crm.plan.count("GET"), crm.waits) == (1, [])


@pytest.mark.parametrize("status", [403, 502])
def test_a_page_of_a_proxy_in_the_place_of_an_answer(crm: Crm, status: int) -> None:
    crm.plan.faults = [Fault("GET /records", status, at=tuple(range(1, 9)), body=b"<html>Blocked")]
    session = crm.session(judge_answer=spent, explain=lambda answer: answer.json()["message"])
    assert f"with {status}" in refusal(lambda: session.get(f"{crm.url}/records"))


def test_a_redirect_is_not_followed_with_the_token(crm: Crm) -> None:
    other = Crm()
    with serving(other.routes(), other.plan) as url:
        crm.plan.faults = [Fault("GET /records", 302, headers={"Location": f"{url}/records?token=x"})]
        said = refusal(lambda: crm.session().get(f"{crm.url}/records"))
    assert f"was refused with 302 (it points to {url}, which is not followed)" in said
    assert other.plan.asked == []


def test_a_next_page_of_another_host_is_not_asked(crm: Crm) -> None:
    other = Crm()
    with serving(other.routes(), other.plan) as url:
        session = crm.session()
        assert session.get(f"{crm.url}/records").ok
        said = refusal(lambda: session.get(f"{url}/records?page=1"))
    assert said.startswith(f"crm: the CRM of {crm.url} points to {url}, which was not asked")
    assert other.plan.asked == []


def test_no_token_goes_unencrypted_over_a_network(crm: Crm) -> None:
    with pytest.raises(SettingsError, match=r"crm: http://crm.example.com is no address of https"):
        crm.session().get("http://crm.example.com/records?key=1")
    assert crm.tokens == 0


def test_the_certificates_of_the_company_count_also_for_a_client_that_sends_itself(
    crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "company.pem"
    bundle.touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    session, adapter = crm.session(), _Noting()
    session.mount("http://", adapter)
    assert session.send(session.prepare_request(requests.Request("GET", f"{crm.url}/records"))).ok
    assert session.get(f"{crm.url}/records").ok
    assert adapter.verified_by == [str(bundle)] * 2


def test_a_body_is_sent_whole_each_time(crm: Crm) -> None:
    crm.plan.faults = [Fault("POST /echo", "drop"), Fault("POST /echo", "truncate", at=(2,))]
    question = {"filters": ["x" * 200_000]}
    crm.good = f"{SECRET}-2"
    length = crm.session().post(f"{crm.url}/echo", json=question).json()["length"]
    assert [len(body) for body in crm.bodies] == [length] * 3
    assert len(set(crm.bodies)) == 1
    assert length > 200_000


def test_no_credential_of_another_file_is_sent(
    crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password not-yours\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    session = crm.session()
    session._token = lambda: {"x-api-token": "t"}
    session.get(f"{crm.url}/text")
    prepared = session.prepare_request(requests.Request("GET", f"{crm.url}/text"))
    assert "Authorization" not in prepared.headers


def test_no_log_holds_the_token(
    crm: Crm, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # another test's library may have switched these off for the whole process
    for name in ("urllib3", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "propagate", True)
        monkeypatch.setattr(logger, "level", logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").manager._clear_cache()  # type: ignore[attr-defined]
    monkeypatch.setattr(logging.root.manager, "disable", 0)
    crm.plan.faults = [Fault("GET /records", kind, at=(1,)) for kind in (429, "drop", 503)]
    crm.good = f"{SECRET}-2"
    with caplog.at_level(logging.DEBUG):
        crm.session().get(f"{crm.url}/records")
    assert "GET /records" in caplog.text, "or nothing was logged that could hold it"
    assert SECRET not in caplog.text


def test_dlt_reads_page_by_page_over_it(crm: Crm) -> None:
    from dlt.sources.helpers.rest_client.client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    crm.plan.faults = [
        Fault("GET", 429, at=(2,), after=3),
        Fault("GET", "truncate", at=(3,)),
        Fault("GET", "drop", at=(4,)),
        Fault("GET", 500, at=(6,)),
    ]
    client = RESTClient(
        base_url=crm.url,
        session=crm.session(),
        paginator=JSONLinkPaginator(next_url_path="next"),
        data_selector="records",
    )
    found = [record for page in client.paginate("/records") for record in page]
    assert found == RECORDS
    assert crm.waits[0] == 3.0
    assert len(crm.waits) == 4


def test_dlt_follows_no_page_to_another_host(crm: Crm) -> None:
    from dlt.sources.helpers.rest_client.client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    crm.next = "http://localhost:1/records?page={page}"
    client = RESTClient(
        base_url=crm.url, session=crm.session(), paginator=JSONLinkPaginator(next_url_path="next")
    )
    pages = client.paginate("/records", data_selector="records")
    assert next(pages) == RECORDS[:100]
    assert "points to http://localhost:1" in refusal(lambda: next(pages))


def test_simple_salesforce_asks_over_it(crm: Crm) -> None:
    from simple_salesforce.api import Salesforce

    crm.good = f"{SECRET}-2"
    session = crm.session()
    session.mount("https://127.0.0.1", _Plain())
    crm.plan.faults = [Fault("GET /services", 503, at=(1,)), Fault("GET /services", "drop", at=(3,))]
    sf = Salesforce(
        instance_url=crm.url.replace("http:", "https:"), session_id="none", version="62.0", session=session
    )
    found = [row["Id"] for row in sf.query_all_iter("select Id from Lead")]
    assert found == ["1", "2"]
    assert crm.tokens == 2
    assert len(crm.waits) == 2


class _Noting(requests.adapters.HTTPAdapter):
    """With what each certificate would be verified."""

    def __init__(self) -> None:
        super().__init__()
        self.verified_by: list[object] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.verified_by.append(options["verify"])
        return super().send(request, *args, **options)


class _Plain(requests.adapters.HTTPAdapter):
    """The made-up CRM speaks no TLS, and simple-salesforce nothing else."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = re.sub("^https:", "http:", request.url or "")
        return super().send(request, *args, **options)
