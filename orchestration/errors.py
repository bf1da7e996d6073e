"""The errors a person can cause, one class per exit code of the command line.

Belongs here: exceptions whose message is a finished sentence for the person who has to act (what, where,
what was expected, what to do). and the way from an error to what it
came from. Does not belong here: programming errors; those keep their traceback.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.speech import speakable


class ZevenError(Exception):
    """A failure the user can mend. `str(error)` is shown as it is, without a traceback."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(speakable(message))


class SettingsError(ZevenError):
    """The settings file, a command-line option or the environment is wrong (exit code 2)."""

    exit_code = 2


class SourceError(ZevenError):
    """A source cannot be read, or what it holds is refused (exit code 3)."""

    exit_code = 3


class GateError(ZevenError):
    """A model, a test or a contract failed: nothing was published (exit code 4)."""

    exit_code = 4


class BusyError(ZevenError):
    """Another run holds the warehouse (exit code 5)."""

    exit_code = 5


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, nearest first; Dagster and SQLAlchemy name theirs in their own way."""
    waiting, seen = [error], set[int]()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        own = (getattr(found, "user_exception", None), getattr(found, "orig", None))
        linked = (*own, found.__cause__, found.__context__)
        waiting += [one for one in linked if isinstance(one, BaseException)]
