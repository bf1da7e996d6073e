"""Who may see what, where a company's sign-in proxy stands before the pages.

Belongs here: turning the proxy's user header into a reader, and what a reader may open. Does not belong here:
signing in (the proxy's), or serving.

Without `dashboard.user_header` everybody who reaches the port sees everything; it is bound to this machine.
With it nobody does, but the users whom the settings name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.setting_sections import Dashboard


@dataclass(frozen=True)
class Reader:
    """Somebody who looks. `rep_id` is the one rep whose page they may see; None for all pages."""

    user: str
    rep_id: str | None = None

    def may_open(self, path: tuple[str, ...]) -> bool:
        return self.rep_id is None or path == ("rep", self.rep_id)

    def home(self) -> tuple[str, ...]:
        return () if self.rep_id is None else ("rep", self.rep_id)


class NotAdmittedError(Exception):
    """The header names nobody whom the settings know. The text is that user, or empty."""


def reader(headers: Mapping[str, str], settings: Dashboard) -> Reader:
    """The reader of a request; `NotAdmittedError` where the settings know no such user."""
    if not settings.user_header:
        return Reader("")
    wanted = settings.user_header.lower()
    user = next((value for name, value in headers.items() if name.lower() == wanted), "").strip()
    if user in settings.managers:
        return Reader(user)
    if user in settings.reps:
        return Reader(user, settings.reps[user])
    raise NotAdmittedError(user)
