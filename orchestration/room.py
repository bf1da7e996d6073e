"""Whether the disks have room for a run, asked before it starts.

Belongs here: what a run will need, and the refusal. Does not belong here: what happens when a disk fills up
all the same (each writer says so itself).

A database that cannot write the page it needs ends its process: with 12 MiB free a run died of SIGABRT in the
middle of building, without a word. What serves was never touched, but nobody was told why.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

from orchestration.errors import ZevenError
from orchestration.publish.store import Store
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse

MEBIBYTE = 2**20


def refuse_a_full_disk(settings: Settings) -> None:
    """Raise `ZevenError` where a disk has less room than a run like the last one will write.

    That is a further release, the tables for it, and half of the working database anew. Before the first
    release nothing is known of the company's size, and nothing is asked.
    """
    store = Store.of(settings)
    serving = store.current_id()
    if serving is None:
        return
    release = _size(store.releases / serving)
    warehouse = Warehouse(settings)
    wanted: defaultdict[int, int] = defaultdict(int)
    places: dict[int, Path] = {}
    for folder, size in (
        (store.root, release),
        (settings.paths.warehouse, _size(warehouse.file) // 2 + _size(warehouse.marts_file)),
    ):
        device = folder.stat().st_dev if folder.exists() else None
        if device is not None:
            wanted[device] += size
            places.setdefault(device, folder)
    for device, folder in places.items():
        free = shutil.disk_usage(folder).free
        if free < wanted[device]:
            raise ZevenError(
                f"{folder}: the disk has {free // MEBIBYTE} MiB free, and a run will write about "
                f"{-(-wanted[device] // MEBIBYTE)} MiB (a release like {serving}, and half of the warehouse "
                "anew); free space and run again."
            )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where there is nothing."""
    if path.is_dir():
        return sum(_size(entry) for entry in path.iterdir() if not entry.is_symlink())
    return path.stat().st_size if path.is_file() else 0
