"""How one is let into a Salesforce org: three OAuth flows, chosen by which variables are set.

Belongs here: asking for an access token. Does not belong here: using it (`salesforce_api.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm.session import CrmSession, Patience, Verdict, judge
from orchestration.setting_sources import SalesforceSource

_PATH = "/services/oauth2/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def variables(source_name: str) -> list[str]:
    """The variables of the flow that the environment shows; without any, those of client credentials."""
    front = f"ZEVEN_{source_name.upper()}_"
    if _given(front, "PRIVATE_KEY"):
        names = ["CLIENT_ID", "USERNAME", "PRIVATE_KEY"]
    elif _given(front, "PASSWORD"):
        names = ["CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD"]
    else:
        names = ["CLIENT_ID", "CLIENT_SECRET"]
    return [front + name for name in names]


def login(
    source_name: str, source: SalesforceSource, patience: Patience | None = None
) -> Callable[[], dict[str, str]]:
    """Gives the header that authorises, with a new token at every call.

    Raises `SettingsError` where a variable is missing.
    """
    names = variables(source_name)
    for name in names:
        if not os.environ.get(name, "").strip():
            raise SettingsError(
                f"sources.{source_name}: {name} is not in the environment; set it where the run is started"
                " (docs/sources/salesforce.md)."
            )
    session = CrmSession(source_name, dict, judge_answer=_judge, explain=_explain, patience=patience)
    address = source.instance.rstrip("/") + _PATH

    def token() -> dict[str, str]:
        try:
            answer = session.post(address, data=_question(source_name, source, names)).json()
        except requests.RequestException:
            raise SourceError(f"{source_name}: {address} is no address that can be asked.") from None
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise SourceError(
                f"{source_name}: {address} answered without an access token; is it the My Domain?"
            )
        return {"Authorization": f"Bearer {answer['access_token']}"}

    return token


def _question(source_name: str, source: SalesforceSource, names: list[str]) -> dict[str, str]:
    front = f"ZEVEN_{source_name.upper()}_"
    given = {name.removeprefix(front): os.environ[name].strip() for name in names}
    if "PRIVATE_KEY" in given:
        return {"grant_type": _GRANT, "assertion": _assertion(front, given, source)}
    question = {"client_id": given["CLIENT_ID"], "client_secret": given["CLIENT_SECRET"]}
    if "PASSWORD" not in given:
        return question | {"grant_type": "client_credentials"}
    password = given["PASSWORD"] + os.environ.get(f"{front}SECURITY_TOKEN", "").strip()
    return question | {"grant_type": "password", "username": given["USERNAME"], "password": password}


def _assertion(front: str, given: dict[str, str], source: SalesforceSource) -> str:
    """Signed with the key whose certificate the connected app knows; the variable may name a file."""
    import jwt  # only this flow needs it

    key = given["PRIVATE_KEY"].replace("\\n", "\n")
    if "-----BEGIN" not in key:
        try:
            key = Path(key).read_text(encoding="ascii")
        except (OSError, ValueError):
            raise SettingsError(
                f"{front}PRIVATE_KEY holds neither a key in PEM nor the name of a file with one."
            ) from None
    host = urlsplit(source.instance).hostname or ""
    audience = "https://test.salesforce.com" if ".sandbox." in host else "https://login.salesforce.com"
    claims = {
        "iss": given["CLIENT_ID"],
        "sub": given["USERNAME"],
        "aud": audience,
        "exp": int(time.time()) + 180,
    }
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.exceptions.PyJWTError):
        raise SettingsError(f"{front}PRIVATE_KEY is no RSA key in PEM.") from None


def _judge(response: requests.Response) -> Verdict:
    """Whoever is not let in is not let in a second later."""
    return "refused" if response.status_code in (400, 401, 403) else judge(response)


def _explain(response: requests.Response) -> str:
    """`invalid_client: invalid client credentials`; nothing that was sent."""
    try:
        answer = response.json()
        return f"{answer['error']}: {answer.get('error_description', '')}".rstrip(": ")[:200]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _given(front: str, name: str) -> bool:
    return bool(os.environ.get(front + name, "").strip())
