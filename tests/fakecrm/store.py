"""What a made-up CRM holds.

Belongs here: records by object, changing them while somebody reads. Does not belong here: how a CRM shows
them.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

Record = dict[str, Any]


class Store:
    """Records by object and id, in the CRM's own shape, as a renderer of `demo/` gives them.

    `lock` is held while a question is answered and while a test edits, so that an edit lies between two
    answers.
    """

    def __init__(self, objects: Mapping[str, Mapping[str, Record]] | None = None) -> None:
        self.lock = threading.RLock()
        self.objects: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        for name, records in (objects or {}).items():
            self.objects[name] = {key: dict(record) for key, record in records.items()}

    def put(self, name: str, key: str, record: Record) -> None:
        with self.lock:
            self.objects[name][key] = record

    def remove(self, name: str, key: str) -> None:
        """Without a trace, as what was deleted for good."""
        with self.lock:
            self.objects[name].pop(key, None)

    def edit(self, name: str, key: str, change: Callable[[Record], None]) -> None:
        with self.lock:
            change(self.objects[name][key])
