"""What an erasure has still to look for, kept until it is finished.

Belongs here: that one file. Does not belong here: what is in it (`people.py`).

Once the rows are gone, nobody knows any more under which ids and addresses the person stands in logs and in
older releases. So an erasure notes them before it removes anything, and a killed one is finished by the next.
The note holds personal values: it lies in the warehouse folder, which only its owner may enter, and its end
is the last step.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from orchestration.erasure.people import Person
from orchestration.errors import ZevenError
from orchestration.settings import Settings


def file_of(settings: Settings) -> Path:
    return settings.paths.warehouse / ".forgetting.json"


def read(settings: Settings) -> Person:
    """Who is not yet forgotten everywhere; nobody where there is no note."""
    file = file_of(settings)
    try:
        return Person.from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Person()
    except (OSError, ValueError, AttributeError, TypeError):
        raise ZevenError(
            f"{file}: the note of an unfinished erasure cannot be read. Remove it, and run `zeven forget` "
            "for that person again."
        ) from None


def write(settings: Settings, person: Person) -> None:
    file = file_of(settings)
    temporary = file.with_name(f"{file.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(person.to_json(), stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)


def remove(settings: Settings) -> None:
    file = file_of(settings)
    file.with_name(f"{file.name}.new").unlink(missing_ok=True)
    file.unlink(missing_ok=True)
