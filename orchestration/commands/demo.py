"""`zeven demo`: the export files of the made-up company.

Belongs here: choosing folder, size and last day, and saying what came of it. Does not belong here: the
company itself, or how it is written (`demo/`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.settings import Settings
from orchestration.warehouse import Warehouse

SOURCE = "demo"
"""The source of the settings whose folder the company goes to."""


def make(
    settings: Settings,
    folder: Path | None,
    *,
    scale: float | None = None,
    seed: int | None = None,
    until: date | None = None,
    clean: bool | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Write the company's files, or say that they are there.

    What is not given is as in the company that the folder shows, else the default: seed 7, scale 1, with
    dirt, until yesterday in company time (`now` is the clock, given by tests). `SourceError` for a folder
    with somebody else's tables.
    """
    from demo.render_export import make_export, read_report

    source = settings.file_sources.get(SOURCE)
    target = folder.resolve() if folder else source.folder if source else None
    if target is None:
        return {
            "made": False,
            "folder": None,
            "sentence": f"{settings.file} has no source named '{SOURCE}', so no demo company is made; "
            "name a folder with --folder to make one anyway.",
        }
    there = read_report(target)
    today = (now or datetime.now(UTC)).astimezone(ZoneInfo(settings.company.time_zone)).date()
    wanted: dict[str, Any] = {
        "seed": there.seed if there else 7,
        "scale": there.scale if there else 1.0,
        "until": there.until if there else today - timedelta(days=1),
        "clean": there.clean if there else False,
    }
    given = {"seed": seed, "scale": scale, "until": until, "clean": clean}
    wanted |= {name: value for name, value in given.items() if value is not None}
    report = make_export(target, **wanted)
    size = f"seed {wanted['seed']}, scale {wanted['scale']:g}, until {wanted['until']}"
    rows = sum(report.rows.values())
    said = "is there already" if report.nothing_new else "is made"
    sentence = f"The demo company {said}: {rows:,} rows in {target} ({size})."
    if there is not None and not report.nothing_new and Warehouse(settings).file.exists():
        sentence += (
            f" The warehouse and the releases still hold the one before; remove {settings.paths.warehouse} "
            f"and {settings.paths.published} to begin afresh."
        )
    return {
        "made": not report.nothing_new,
        "folder": target,
        **wanted,
        "rows": report.rows,
        "sentence": sentence,
    }
