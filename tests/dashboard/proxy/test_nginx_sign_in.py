"""The site that ships for nginx, in a real nginx, before the real server: who gets in, and who sees what.

Belongs here: what only proxy and server together can show. Does not belong here: what the server makes of a
header that it gets (`tests/dashboard/test_access.py`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import duckdb
import pytest
from company import Company, copy_of

from orchestration.settings import PROJECT_ROOT

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
OPENSSL = shutil.which("openssl")
REQUIRED = os.environ.get("ZEVEN_REQUIRE_NGINX") == "1"
SITE = PROJECT_ROOT / "docs" / "examples" / "nginx_dashboard.conf"
PASSWORDS = {"director": "d-secret", "noor": "n-secret", "stranger": "s-secret"}
SECONDS = 60
"""Longest wait for a program to be there."""

pytestmark = [
    pytest.mark.xdist_group("dashboard_company"),
    pytest.mark.skipif(
        not (NGINX and OPENSSL) and not REQUIRED,
        reason="nginx or openssl is not installed; ZEVEN_REQUIRE_NGINX=1 makes that a failure",
    ),
]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8-sig")


@dataclass(frozen=True)
class Proxied:
    """A release, and the rep of it who may see the own page."""

    folder: Path
    own: str
    other: str

    @property
    def addresses(self) -> tuple[str, str]:
        """Both reps, as a path spells them."""
        return quote(self.own, safe=""), quote(self.other, safe="")

    @property
    def settings(self) -> Path:
        return self.folder / "zeven.toml"


@dataclass(frozen=True)
class Site:
    """nginx as it stands before the server. `direct` is the server's own port."""

    company: Proxied
    port: int
    direct: int
    trusted: ssl.SSLContext = field(repr=False)

    def ask(
        self,
        path: str,
        user: str | None,
        *,
        password: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request as a browser sends it."""
        sent = dict(headers or {})
        if user is not None:
            secret = PASSWORDS[user] if password is None else password
            sent["Authorization"] = "Basic " + b64encode(f"{user}:{secret}".encode()).decode()
        connection = HTTPSConnection("localhost", self.port, context=self.trusted, timeout=30)
        return _answer(connection, path, sent, body)

    def page(
        self, pathname: str, user: str, search: str = "", *, headers: Mapping[str, str] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """(the page that the browser would draw, as the text of its components; what it says of itself:
        language, title, release; the release is empty where no numbers are shown)."""
        asked = callback(pathname, search)
        answer = self.ask("/_dash-update-component", user, body=asked, headers=headers)
        assert answer.status == 200, answer
        response = json.loads(answer.body)["response"]
        return json.dumps(response["root"], ensure_ascii=False), response["state"]["data"]

    def csv_links(self, pathname: str, user: str) -> list[str]:
        return sorted(set(re.findall(r'"href": "(/csv[^"]*)"', self.page(pathname, user)[0])))


def _answer(connection: HTTPConnection, path: str, headers: Mapping[str, str], body: Any) -> Answer:
    try:
        if body is None:
            connection.request("GET", path, headers=dict(headers))
        else:
            connection.request(
                "POST", path, json.dumps(body), {**headers, "Content-Type": "application/json"}
            )
        response = connection.getresponse()
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()


def callback(pathname: str, search: str) -> dict[str, Any]:
    return {
        "output": "..root.children...state.data..",
        "outputs": [{"id": "root", "property": "children"}, {"id": "state", "property": "data"}],
        "inputs": [
            {"id": "url", "property": "pathname", "value": pathname},
            {"id": "url", "property": "search", "value": search},
        ],
        "changedPropIds": ["url.pathname", "url.search"],
        "parsedChangedPropsIds": ["url.pathname", "url.search"],
    }


@pytest.fixture(scope="module")
def proxied(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Proxied:
    """The folder's company, with settings that name who may see what."""
    copy = copy_of(company, tmp_path_factory.mktemp("proxied"))
    with duckdb.connect(str(copy.folder / "published" / "current" / "zeven.duckdb"), read_only=True) as con:
        reps = con.execute(
            "select rep_id from kpi_number_of_leads where level = 'rep' and breakdown = 'total' "
            "and rep_id <> 'unknown' group by rep_id order by count(*) desc, rep_id limit 2"
        ).fetchall()
    (own,), (other,) = reps
    copy.settings(
        '[dashboard]\nuser_header = "X-Zeven-User"\nmanagers = ["director"]\n'
        f'[dashboard.reps]\nnoor = "{own}"\n'
    )
    return Proxied(copy.folder, own, other)


@pytest.fixture(scope="module")
def site(proxied: Proxied, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert NGINX, "nginx is required here (ZEVEN_REQUIRE_NGINX=1) and not installed"
    assert OPENSSL, "openssl is required here (ZEVEN_REQUIRE_NGINX=1) and not installed"
    folder = tmp_path_factory.mktemp("nginx")
    direct, port = free_port(), free_port()
    configuration = configure(folder, server=direct, listen=port)
    started: list[subprocess.Popen[bytes]] = []
    dashboard = [sys.executable, "-m", "orchestration.cli", "dashboard", "--port", str(direct)]
    try:
        for command in (
            [*dashboard, "--settings", str(proxied.settings)],
            [NGINX, "-c", str(configuration), "-p", str(folder), "-e", "stderr"],
        ):
            started.append(subprocess.Popen(command, cwd=PROJECT_ROOT))
        found = Site(proxied, port, direct, ssl.create_default_context(cafile=str(folder / "site.crt")))
        wait_for(lambda: _answer(HTTPConnection("127.0.0.1", direct), "/healthz", {}, None).status == 200)
        wait_for(lambda: found.ask("/", None).status == 401)
        yield found
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(SECONDS)


def configure(folder: Path, *, server: int, listen: int) -> Path:
    """The shipped site with this test's ports and files, within the least that nginx wants around it."""
    assert OPENSSL
    subprocess.run(
        [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "site.key", "-out", "site.crt"],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    hashed = {
        user: subprocess.run(
            [OPENSSL, "passwd", "-apr1", password], capture_output=True, text=True, check=True
        ).stdout.strip()
        for user, password in PASSWORDS.items()
    }
    (folder / "htpasswd").write_text("".join(f"{user}:{value}\n" for user, value in hashed.items()))
    text = SITE.read_text(encoding="utf-8")
    for shipped, here in {
        "server 127.0.0.1:8050;": f"server 127.0.0.1:{server};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{listen} ssl http2;",
        "server_name sales.example.com;": "server_name localhost;",
        "/etc/nginx/zeven.crt;": f"{folder}/site.crt;",
        "/etc/nginx/zeven.key;": f"{folder}/site.key;",
        "auth_basic_user_file /etc/nginx/zeven.htpasswd;": f"auth_basic_user_file {folder}/htpasswd;",
    }.items():
        assert text.count(shipped) == 1, f"{SITE.name} says {shipped!r} once"
        text = text.replace(shipped, here)
    (folder / "site.conf").write_text(text)
    own = "user root;" if os.geteuid() == 0 else ""  # its workers read files of this test
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"{own} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; "
        f"events {{}} http {{ access_log off; {places} include {folder}/site.conf; }}\n"
    )
    return main


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(is_there: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            if is_there():
                return
        except OSError:
            pass
        assert time.monotonic() < end, "a program did not come up"
        time.sleep(0.1)


def test_nobody_gets_in_without_a_password(site: Site) -> None:
    forged = {"X-Zeven-User": "director"}
    for path in (
        "/",
        "/_dash-layout",
        "/_dash-dependencies",
        "/assets/zeven.js",
        "/assets/zeven.css",
        "/csv",
    ):
        assert site.ask(path, None).status == 401, path
        assert site.ask(path, "director", password="guessed").status == 401, path
        assert site.ask(path, None, headers=forged).status == 401, path
    asked = callback("/", "")
    assert site.ask("/_dash-update-component", None, body=asked, headers=forged).status == 401


def test_a_manager_sees_everything(site: Site) -> None:
    own, _ = site.company.addresses
    for pathname in ("/", "/findings", "/metric/open_pipeline", f"/rep/{own}"):
        _, shown = site.page(pathname, "director")
        assert shown["release"], pathname
        for link in site.csv_links(pathname, "director"):
            answer = site.ask(link, "director")
            assert answer.status == 200, link
            assert answer.headers["content-type"].startswith("text/csv")
            assert answer.headers["cache-control"] == "no-store"
    assert "card-closed_sales" in site.page("/", "director")[0]
    assert site.csv_links("/", "director")


def test_a_rep_sees_the_own_page_and_no_other(site: Site) -> None:
    own, other = site.company.addresses
    page, shown = site.page(f"/rep/{own}", "noor")
    assert "card-closed_sales" in page
    own_title = shown["title"]
    assert site.page(f"/rep/{other}", "director")[1]["title"] != own_title
    # a filter in the address names nobody else's numbers either
    for pathname in ("/", f"/rep/{own}"):
        for search in ("", f"?rep={other}", f"?rep={other}&team=x"):
            page, shown = site.page(pathname, "noor", search)
            assert shown["title"] == own_title, (pathname, search)
            assert site.company.own in unquote(page), (pathname, search)
            assert site.company.other not in unquote(page), (pathname, search)
    for pathname in (f"/rep/{other}", "/findings", "/metric/open_pipeline"):
        page, _ = site.page(pathname, "noor")
        assert "card-" not in page, pathname
        assert "panel-" not in page, pathname


def test_a_rep_gets_the_own_rows_and_no_others(site: Site) -> None:
    own, other = site.company.addresses
    links = site.csv_links(f"/rep/{own}", "noor")
    assert links
    for link in links:
        assert site.ask(link, "noor").status == 200, link
        elsewhere = link.replace(f"/csv/rep/{own}", f"/csv/rep/{other}")
        assert elsewhere != link
        assert site.ask(elsewhere, "director").status == 200, elsewhere
        assert site.ask(elsewhere, "noor").status == 403, elsewhere
    for link in site.csv_links("/metric/open_pipeline", "director"):
        assert site.ask(link, "noor").status == 403, link
    # the front page of a rep is the own one: a manager's link gives the own rows, where it has that panel
    at_home = {link.rpartition("panel=")[2].partition("&")[0]: link for link in links}
    for link in site.csv_links("/", "director"):
        answer = site.ask(link, "noor")
        panel = link.rpartition("panel=")[2].partition("&")[0]
        if panel in at_home:
            assert answer.body == site.ask(at_home[panel], "noor").body, link
        else:
            assert answer.status == 404, link


@pytest.mark.parametrize("name", ["X-Zeven-User", "x-zeven-user", "X_Zeven_User", "Remote-User"])
def test_a_forged_header_changes_nothing(site: Site, name: str) -> None:
    """`_` and `-` are one to a server of Python; the proxy and the server each drop such a header."""
    _, other = site.company.addresses
    forged = {name: "director"}
    for pathname in ("/", f"/rep/{other}", "/findings"):
        assert site.page(pathname, "noor", headers=forged)[0] == site.page(pathname, "noor")[0]
    link = site.csv_links("/metric/open_pipeline", "director")[0]
    assert site.ask(link, "director").status == 200
    assert site.ask(link, "noor", headers=forged).status == 403


def test_the_server_believes_no_header_that_is_only_spelt_alike(site: Site) -> None:
    """Also where a proxy lets names with `_` pass."""

    def direct(headers: Mapping[str, str]) -> Any:
        connection = HTTPConnection("127.0.0.1", site.direct)
        answer = _answer(connection, "/_dash-update-component", headers, callback("/findings", ""))
        return json.loads(answer.body)["response"]["root"]

    noor, forged = {"X-Zeven-User": "noor"}, {"X_Zeven_User": "director"}
    assert direct({"X-Zeven-User": "director"}) not in (direct(noor), direct({}))
    assert direct(noor | forged) == direct(forged | noor) == direct(noor)
    assert direct(forged) == direct({})


def test_who_has_a_password_and_no_place_in_the_settings_sees_nothing(site: Site) -> None:
    page, shown = site.page("/", "stranger")
    assert "card-" not in page
    assert shown["release"] == ""
    for link in site.csv_links("/", "director"):
        assert site.ask(link, "stranger").status == 403


def test_the_browser_gets_what_a_page_wants(site: Site) -> None:
    """The index, every script and style that it names, and no address of another host."""
    index = site.ask("/", "director")
    assert index.status == 200
    found = re.findall(r'(?:src|href)="([^"]+)"', index.text)
    assert [address for address in found if "//" in address] == []
    wanted = [address for address in found if address.startswith("/") and "." in address]
    assert any("zeven" in address for address in wanted)
    for address in wanted:
        assert site.ask(address, "director").status == 200, address
        assert site.ask(address, None).status == 401, address


def test_no_answer_names_another_scheme(site: Site) -> None:
    """The server does not know that the proxy speaks TLS: a redirect of its own would lead away from it."""
    for path in ("/", "/csv", "/csv/", "/findings", "/metric/", "/metric/open_pipeline/"):
        answer = site.ask(path, "director")
        assert "location" not in answer.headers, path


def test_pages_go_over_the_wire_compressed(site: Site) -> None:
    asked = callback("/", "")
    plain = site.ask("/_dash-update-component", "director", body=asked)
    packed = site.ask("/_dash-update-component", "director", body=asked, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 4


def test_the_outside_does_not_see_the_health_of_the_server(site: Site) -> None:
    for user in (None, "director"):
        assert site.ask("/healthz", user).status in (401, 404)
    assert _answer(HTTPConnection("127.0.0.1", site.direct), "/healthz", {}, None).status == 200


def test_the_server_listens_on_this_machine_only(site: Site) -> None:
    """What reaches its port is believed, so nothing from outside may."""
    listening = Path("/proc/net/tcp").read_text(encoding="ascii")
    places = re.findall(rf"^\s*\d+: ([0-9A-F]+):{site.direct:04X} \S+ 0A", listening, re.MULTILINE)
    assert set(places) == {"0100007F"}
