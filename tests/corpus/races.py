"""Files that change while they are read.

Belongs here: what somebody else does to the folder meanwhile. Does not belong here: two runs of Zeven at
once.
"""

from __future__ import annotations

from pathlib import Path

from tests.corpus.case import LEADS, Case, Refused, Rows, lead


def one(folder: Path) -> None:
    (folder / "leads.csv").write_text(LEADS + lead(1))


def vanish(folder: Path) -> None:
    (folder / "leads.csv").unlink()


def grow(folder: Path) -> None:
    with (folder / "leads.csv").open("a") as stream:
        stream.write(lead(2))


def shrink(folder: Path) -> None:
    (folder / "leads.csv").write_text("")


def become_a_folder(folder: Path) -> None:
    vanish(folder)
    (folder / "leads.csv").mkdir()


def quoted(folder: Path) -> None:
    (folder / "leads.csv").write_text(LEADS + 'L1,2026-03-01,"a\nb",s\n')


CHANGED = Refused("was changed while it was read")

CASES: tuple[Case, ...] = (
    Case("a file that vanishes before it is read", one, Refused("cannot be read"), after_listing=vanish),
    Case("a file that vanishes while it is read", one, Refused("leads.csv: "), after_hashing=vanish),
    Case("a file that grows while it is read", one, CHANGED, after_hashing=grow),
    Case("a file that grows while its lines are counted", quoted, CHANGED, after_hashing=grow),
    Case("a file that is emptied while it is read", one, CHANGED, after_hashing=shrink),
    Case("a file that becomes a folder", one, Refused("cannot be read"), after_hashing=become_a_folder),
    Case("a file that grows before it is read", one, Rows(2), after_listing=grow),
)
