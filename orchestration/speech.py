"""What may be said aloud: no secret of the environment, and nothing that a terminal obeys.

Belongs here: taking both out of a text. Does not belong here: where texts go (`errors.py`, `console.py`,
`resources.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|PASS|SECRET|TOKEN|CREDENTIALS?|(API|ACCESS|PRIVATE|SECRET)_?KEY)(_|$)",
    re.IGNORECASE,
)
"""How an environment variable is named whose value nobody may read."""
HIDDEN = "***"
SHORTEST = 6
"""A shorter value stands in too many words that are no secret."""

_PASSWORD_IN_ADDRESS = (
    re.compile(r"://[^:/@\s]*:([^@\s]+)@"),
    re.compile(r"://[^:/@\s]*:(\S+)@"),  # where an @ of the password is not written as %40
    re.compile(r"[?&]password=([^&#\s]+)", re.IGNORECASE),
)

_UNSPEAKABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but the line feed, marks that turn the direction of writing, halves of characters."""


def is_unspeakable(name: str) -> bool:
    """Whether a name, which is one line, holds what a terminal would obey or cannot show."""
    return "\n" in name or _UNSPEAKABLE.search(name) is not None


def speakable(text: str, environ: Mapping[str, str] | None = None) -> str:
    """The text with `***` for secrets, and `\\x1b` and the like for what a terminal would obey."""
    return _UNSPEAKABLE.sub(_escaped, without_secrets(text, environ))


def without_secrets(text: str, environ: Mapping[str, str] | None = None) -> str:
    """The text with `***` for every secret of the environment, as it is or as it stands in an address.

    Secret is the value of a variable that is named like one, and a password within an address, whatever the
    variable's name: `ZEVEN_CRM_URL`, `HTTPS_PROXY`.
    """
    for name, value in (os.environ if environ is None else environ).items():
        if len(value) >= SHORTEST and SECRET_NAME.search(name):
            text = _hidden(text, value)
        for password in passwords_in(value):
            text = text.replace(f":{password}@", f":{HIDDEN}@")
            if len(password) >= SHORTEST:
                text = _hidden(_hidden(text, password), unquote(password))
    return text


def passwords_in(value: str) -> list[str]:
    """The passwords of an address (`postgresql://user:password@host`), as they are written in it.

    The longest first: where one can be read in two ways, one is a part of the other.
    """
    if "://" not in value:
        return []
    found = {one for pattern in _PASSWORD_IN_ADDRESS for one in pattern.findall(value)}
    return sorted(found, key=len, reverse=True)


def _hidden(text: str, secret: str) -> str:
    for written in {secret, quote(secret), quote(secret, safe="")}:
        text = text.replace(written, HIDDEN)
    return text


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "surrogatepass").decode()
