"""The folder that this machine and Spark's workers share (`spark.folder`).

Belongs here: what lies where in it, and emptying it. Does not belong here: what is written to it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestration.errors import ZevenError
from orchestration.settings import Settings


def landed_folder(settings: Settings) -> Path:
    """Where the files lie that the models read, a folder for each schema and table."""
    return settings.spark.folder / "landed"


def tables_folder(settings: Settings) -> Path:
    """Where the tables lie that the models make, a folder for each schema and table."""
    return settings.spark.folder / "tables"


def remove_files(settings: Settings) -> None:
    """Remove all rows from the shared folder, as an erasure has to; the next run writes them again.

    `ZevenError` where something stays.
    """
    for folder in (landed_folder(settings), tables_folder(settings)):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ZevenError(
                f"{folder}: cannot be removed ({error.strerror}), and rows of people who are to be forgotten "
                "stand in it; give it to the user who runs Zeven, and run the same command again."
            ) from error
