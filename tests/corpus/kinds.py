"""What is no file to read: links, pipes, devices, folders, archives and bombs.

Belongs here: kinds of files and compression. Does not belong here: what their names are (`names.py`).
"""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from tests.corpus.case import LEADS, Case, Refused, Rows, lead, text

PLAIN = (LEADS + lead(1)).encode()
PACKED = gzip.compress(PLAIN, mtime=0)
GLOB = '[sources.crm.tables.leads]\nfiles = "{}"\n'
ALL_MAY_FAIL = "max_quarantine_ratio = 1\n"


def beside(folder: Path) -> Path:
    """A good file, and the path of another one."""
    (folder / "leads.csv").write_bytes(PLAIN)
    return folder / "leads-2.csv"


def outside(folder: Path) -> Path:
    other = folder.parent / "elsewhere"
    other.mkdir()
    (other / "leads.csv").write_bytes(PLAIN)
    return other


def bomb(folder: Path) -> None:
    """Half a gigabyte of line ends in half a megabyte, written by pieces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with (folder / "leads.csv.gz").open("wb") as stream:
        stream.write(packer.compress(LEADS.encode()))
        for _ in range(128):
            stream.write(packer.compress(b"\n" * (4 << 20)))
        stream.write(packer.flush())


CASES: tuple[Case, ...] = (
    Case("a link to a file beside it", lambda f: beside(f).symlink_to("leads.csv"), Rows(1)),
    Case(
        "a link out of the folder",
        lambda f: beside(f).symlink_to(outside(f) / "leads.csv"),
        Refused("outside the source's folder"),
    ),
    Case(
        "a link to a device",
        lambda f: beside(f).symlink_to("/dev/zero"),
        Refused("a pipe, a socket or a device"),
    ),
    Case(
        "a link to the memory of a process",
        lambda f: beside(f).symlink_to("/proc/self/environ"),
        Refused("outside the source's folder"),
    ),
    Case(
        "a link that leads nowhere",
        lambda f: beside(f).symlink_to("gone.csv"),
        Refused("a link that leads nowhere"),
    ),
    Case(
        "a link to itself",
        lambda f: beside(f).symlink_to("leads-2.csv"),
        Refused("where it leads if it is a link"),
    ),
    Case(
        "a folder that is a link to itself",
        lambda f: (beside(f), (f / "sub").symlink_to(".")),
        Rows(1),
        keys=ALL_MAY_FAIL + GLOB.format("**/*.csv"),
    ),
    Case(
        "a folder that is a link out of the folder",
        lambda f: (beside(f), (f / "sub").symlink_to(outside(f))),
        Refused("outside the source's folder"),
        keys=ALL_MAY_FAIL + GLOB.format("*/*.csv"),
    ),
    Case("a pipe", lambda f: os.mkfifo(beside(f)), Refused("a pipe, a socket or a device")),
    Case(
        "a folder named like a file",
        lambda f: beside(f).mkdir(),
        Refused("is a folder with the name of an export"),
    ),
    text("gzip", PACKED, Rows(1), file="leads.csv.gz"),
    text("gzip in two parts", PACKED + gzip.compress(lead(2).encode()), Rows(2), file="leads.csv.gz"),
    text("gzip of nothing", gzip.compress(b""), Rows(0), file="leads.csv.gz"),
    text("gzip cut off", PACKED[:-9], Refused("leads.csv.gz: "), file="leads.csv.gz"),
    text("gzip with a wrong sum", PACKED[:-8] + bytes(8), Refused("CRC check failed"), file="leads.csv.gz"),
    text("gzip overwritten", PACKED[:10] + b"\xff" * 40, Refused("while decompressing"), file="leads.csv.gz"),
    text("gzip with rubbish behind it", PACKED + b"rubbish", Refused("cannot be read"), file="leads.csv.gz"),
    text("gzip in gzip", gzip.compress(PACKED), Refused("is compressed with gzip"), file="leads.csv.gz"),
    text("gzip by its name alone", PLAIN, Refused("Not a gzipped file"), file="leads.csv.gz"),
    text("gzip by its content alone", PACKED, Refused("is compressed with gzip by its content")),
    Case("a bomb", bomb, Refused("unpacks to more than 200 times its")),
    text("a workbook", b"PK\x03\x04" + bytes(40), Refused("Excel workbook")),
    text("a web page", "<!DOCTYPE html><html>Sign in</html>", Refused("is a web page or XML")),
)
