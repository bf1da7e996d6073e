"""From a file as it lies there to text that can be read line by line, or a refusal.

Belongs here: the fingerprint, recognising files that are not what their name says (a workbook, an archive, a
web page), compression, character encoding and line ends, and counting lines. Does not belong here: columns
and values.

A file is read where it lies if it is plain UTF-8 with one kind of line end. Otherwise a private copy is
made: UTF-8, uncompressed, every line end a line feed, so that every reader after it sees the same lines.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from orchestration.errors import SourceError
from orchestration.ingest.file_discovery import TableFile

CHUNK = 1 << 20
SETTLED_SECONDS = 2.0
"""A file touched less than this before it was fingerprinted may be touched again without a visible change of
time."""

UNPACKED_FACTOR = 200
UNPACKED_ANYWAY = 100 << 20
"""A compressed file of more than this many bytes may not unpack to more than so many times its size. Exports
of a CRM come to 5 to 40 times, the most that gzip can do is 1,032: a bomb."""

_GLOB_CHARACTERS = re.compile(r"[*?\[\]{}]")
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "is a zip archive or an Excel workbook (.xlsx) by its content; save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook (.xls) by its content; save it as CSV"),
    (b"\x1f\x8b", "is compressed with gzip by its content; unpack it or let its name end with .csv.gz"),
    (b"%PDF", "is a PDF document by its content; export it as CSV"),
    (b"PAR1", "is a Parquet file by its content; let its name end with .parquet"),
)
_UNPRINTED_LATIN_1 = re.compile("[\x80-\x9f]")
_CONTROL = re.compile("[\x00\x01]")


@dataclass(frozen=True)
class Fingerprint:
    """Content and identity of a file at one moment."""

    sha256: str
    size: int
    state: str
    identity: str


@dataclass(frozen=True)
class PlainFile:
    """UTF-8 text that DuckDB can read. `lines` counts physical lines, an unfinished last one included."""

    path: Path
    name: str
    lines: int
    line_end_bytes: int
    bom_bytes: int
    is_blank: bool
    has_odd_blanks: bool
    """Whether there is a tab or a no-break space anywhere."""


@dataclass
class _Census:
    lines_fed: int = 0
    returns: int = 0
    pairs: int = 0
    last: str = ""
    blank: bool = True
    odd_blanks: bool = False
    has_bom: bool = False

    @property
    def line_ends(self) -> int:
        return self.lines_fed + self.returns - self.pairs


def state_of(path: Path) -> str:
    """What the file system tells of a file without reading it: device, inode, size, both times."""
    stat = path.stat()
    return f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def identity_of(path: Path) -> str:
    """The state of a file by which it can be recognised as untouched.

    The time of the last change of the inode is part of it. No program can set that time back, unlike the
    time of modification, which copying tools restore; so new content under an old size and date is seen. A
    file that was touched within the last two seconds has no identity yet (""): it is read again next time.
    """
    return state_of(path) if abs(time.time() - path.stat().st_ctime) >= SETTLED_SECONDS else ""


def fingerprint(file: TableFile) -> Fingerprint:
    """Hash a file's bytes; `SourceError` when it cannot be read."""
    digest = hashlib.sha256()
    try:
        state, identity = state_of(file.path), identity_of(file.path)
        size = 0
        with file.path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise SourceError(
            f"{file.path}: cannot be read ({error.strerror or error}); check its permissions."
        ) from None
    return Fingerprint(digest.hexdigest(), size, state, identity)


@contextmanager
def plain_text(file: TableFile, encoding: str, workplace: Path) -> Iterator[PlainFile]:
    """Check the file and give its text as UTF-8 for the length of the block.

    `encoding` is the declared one, `workplace` an own folder for a copy where one is needed. Raises
    `SourceError` for anything that is no text in this encoding.
    """
    _refuse_wrong_kind(file, encoding)
    census = _take_census(file, encoding)
    regular = census.returns == 0 or census.lines_fed == census.returns == census.pairs
    lines = census.line_ends + (1 if census.last not in ("", "\n", "\r") else 0)
    if (
        regular
        and encoding == "utf-8"
        and not file.is_compressed
        and not _GLOB_CHARACTERS.search(str(file.path))
    ):
        bom_bytes = len(codecs.BOM_UTF8) if census.has_bom else 0
        width = 2 if census.returns else 1
        yield PlainFile(file.path, file.name, lines, width, bom_bytes, census.blank, census.odd_blanks)
        return
    copy = workplace / f"copy.{file.format}"
    try:
        _copy(file, encoding, copy)
        yield PlainFile(copy, file.name, lines, 1, 0, census.blank, census.odd_blanks)
    finally:
        copy.unlink(missing_ok=True)


def _copy(file: TableFile, encoding: str, copy: Path) -> None:
    try:
        with (
            _open(file) as stream,
            io.TextIOWrapper(stream, encoding=encoding, newline=None) as text,
            copy.open("w", encoding="utf-8", newline="\n") as target,
        ):
            if text.read(1) not in ("\ufeff", ""):  # a mark that the codec left in
                text.seek(0)
            shutil.copyfileobj(text, target, CHUNK)
    except (*_UNREADABLE, UnicodeError) as error:
        raise SourceError(
            f"{file.path}: could not be copied as UTF-8 into {copy.parent} ({error}); is the disk full,"
            " or was"
            " the file changed while it was read? Run again."
        ) from None


_UNREADABLE = (OSError, EOFError, zlib.error)


def _open(file: TableFile) -> BinaryIO:
    return cast(BinaryIO, gzip.open(file.path, "rb")) if file.is_compressed else file.path.open("rb")


def _refuse_wrong_kind(file: TableFile, encoding: str) -> None:
    try:
        with _open(file) as stream:
            start = stream.read(1024)
    except _UNREADABLE as error:
        raise SourceError(f"{file.path}: cannot be read ({error}); export the file again.") from None
    for magic, sentence in _MAGIC:
        if start.startswith(magic):
            raise SourceError(f"{file.path}: {sentence}.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and file.format == "jsonl":
        raise SourceError(f"{file.path}: is encoded in UTF-16, but JSON lines are UTF-8; export it so.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and encoding != "utf-16":
        raise SourceError(
            f'{file.path}: is encoded in UTF-16, but {encoding} is declared; set encoding = "utf-16" for the'
            f" source."
        )
    if start.startswith(codecs.BOM_UTF8) and encoding != "utf-8":
        raise SourceError(
            f'{file.path}: is encoded in UTF-8, but {encoding} is declared; set encoding = "utf-8" for the'
            f" source."
        )
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", start, re.IGNORECASE):
        raise SourceError(
            f"{file.path}: is a web page or XML by its content, perhaps an error page of the system it came"
            " from; open it, mend the export and fetch it again."
        )


def _take_census(file: TableFile, encoding: str) -> _Census:
    """Decode the whole file once: count line ends, refuse what is no text."""
    census = _Census()
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    unpacked = 0
    try:
        size = file.path.stat().st_size
        with _open(file) as stream:
            while chunk := stream.read(CHUNK):
                unpacked += len(chunk)
                if file.is_compressed and unpacked > max(UNPACKED_ANYWAY, UNPACKED_FACTOR * size):
                    raise SourceError(
                        f"{file.path}: unpacks to more than {UNPACKED_FACTOR} times its {size:,} bytes, as no"
                        " export does, so it is not read; look at what it holds, and unpack it yourself if it"
                        " is one."
                    )
                _count(file, encoding, census, _decode(file, encoding, census, decoder, chunk))
            _count(file, encoding, census, _decode(file, encoding, census, decoder, b"", final=True))
    except _UNREADABLE as error:
        raise SourceError(f"{file.path}: is damaged or cut off ({error}); export the file again.") from None
    return census


def _decode(
    file: TableFile,
    encoding: str,
    census: _Census,
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    *,
    final: bool = False,
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = census.line_ends + 1 + error.object[: error.start].count(b"\n")
        byte = error.object[error.start : error.start + 1].hex()
        raise SourceError(
            f"{file.path}:{line}: holds the byte 0x{byte}, which is no {encoding} text; set the source's"
            " encoding to the one that the file was written in (utf-8, windows-1252, latin-1 or utf-16)."
        ) from None
    except UnicodeError as error:  # UTF-16 without a mark says no more than that
        raise SourceError(
            f"{file.path}: is no {encoding} text with a byte order mark ({error}); export it again, as UTF-8"
            " if you can."
        ) from None


def _count(file: TableFile, encoding: str, census: _Census, text: str) -> None:
    if not text:
        return
    if census.line_ends == 0 and not census.last and text.startswith("\ufeff"):
        census.has_bom = True
        text = text[1:]
    if found := _CONTROL.search(text):
        line = census.line_ends + 1 + text[: found.start()].count("\n")
        raise SourceError(
            f"{file.path}:{line}: holds control characters that no text has, so it is a binary file or text"
            f" in another encoding than {encoding}; export it as text, or declare its encoding."
        )
    if encoding == "latin-1" and (found := _UNPRINTED_LATIN_1.search(text)):
        line = census.line_ends + 1 + text[: found.start()].count("\n")
        raise SourceError(
            f"{file.path}:{line}: holds the byte 0x{ord(found.group()):02x}, a character in Windows-1252"
            f" (such as the"
            ' euro sign) and none in Latin-1; set encoding = "windows-1252" for the source.'
        )
    if census.last == "\r" and text.startswith("\n"):
        census.pairs += 1
    census.lines_fed += text.count("\n")
    census.returns += text.count("\r")
    census.pairs += text.count("\r\n")
    if census.blank and text and not text.isspace():
        census.blank = False
    census.odd_blanks = census.odd_blanks or "\t" in text or "\xa0" in text
    census.last = text[-1:] or census.last
