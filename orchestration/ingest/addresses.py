"""E-mail addresses in texts, and the hash that is all that is kept of one.

Belongs here: what counts as an address and how it is written before it is hashed, as SQL. Does not belong
here: whose address it is (`tombstones.py`), or which columns hold any.
"""

from __future__ import annotations

from orchestration.sql_text import literal

_ADDRESS = r"[^\s\"<>(),;:\\\[\]{}|=]+@[^\s\"<>(),;:\\\[\]{}|=]+"
"""Generous, because what it finds must also have the right hash."""
_JSON_ESCAPE = r"\\[nrtbf/\"]"
"""Ends a word in the text of a JSON value: `\\njan@...` is a new line and an address."""
_ONLY_ADDRESS = r"[^\s@\"<>(),;:]+@[^\s@\"<>(),;:]+"
_HASHED = "[0-9a-fA-F]{64}"


def addresses(text: str) -> str:
    """SQL: the e-mail addresses in a text, normalised, as a list."""
    plain = f"regexp_replace(lower(cast({text} as varchar)), {literal(_JSON_ESCAPE)}, ' ', 'g')"
    return f"list_transform(regexp_extract_all({plain}, {literal(_ADDRESS)}), lambda x: trim(x, '''.!?'))"


def address_hashes(text: str) -> str:
    """SQL: the hashes of the e-mail addresses in a text."""
    return f"list_transform({addresses(text)}, lambda x: sha256(x))"


def email_hash(text: str) -> str:
    """SQL: the hash of the address that a text without blanks around it is, else of the first one in it.

    Null where there is none. What is 64 hex digits was hashed by whoever exported it, and stays.
    """
    return (
        f"case when regexp_full_match({text}, {literal(_HASHED)}) then lower({text})"
        f" when regexp_full_match({text}, {literal(_ONLY_ADDRESS)}) then sha256(lower({text}))"
        f" when contains({text}, '@') then sha256({addresses(text)}[1]) end"
    )
