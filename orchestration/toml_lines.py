"""On which line of a TOML text a key stands, which the library's own reader does not keep.

Belongs here: following the structure of a text that `tomllib` has accepted. Does not belong here: refusing a
text that is no TOML, or knowing what a key means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Keys, and positions in arrays: `("leads", "exclude", 0, "reason")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\r\n#]*")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\])*"'),
    re.compile(r"'[^']*'"),
)


def line_of(text: str, path: Path) -> int:
    """The line (from 1) of `path`, or of the deepest part of it that the text has; 1 where it has none."""
    lines: dict[Path, int] = {}
    for found, line in _Walk(text).paths():
        lines.setdefault(found, line)
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


class _Walk:
    """One pass through the text; `_at` is where it stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._table: Path = ()
        self._counts: dict[Path, int] = {}

    def paths(self) -> Iterator[tuple[Path, int]]:
        """Every key of the text with its line, tables on the way to it included."""
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                yield from self._header()
            else:
                yield from self._assignment(self._table)
            self._skip(_BLANK)

    def _header(self) -> Iterator[tuple[Path, int]]:
        line = self._line()
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        keys = self._dotted_key()
        self._at += brackets
        path: Path = ()
        for key in keys[:-1]:
            path = self._newest((*path, key))
            yield path, line
        path = (*path, keys[-1])
        yield path, line
        if brackets == 2:
            self._counts[path] = self._counts.get(path, -1) + 1
        self._table = self._newest(path)
        yield self._table, line

    def _newest(self, path: Path) -> Path:
        """Inside an array of tables, a header means its newest table."""
        return (*path, self._counts[path]) if path in self._counts else path

    def _assignment(self, table: Path) -> Iterator[tuple[Path, int]]:
        line = self._line()
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            yield path, line
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        yield from self._value(path)

    def _dotted_key(self) -> list[str]:
        """`a . "b c".d`, up to and without the sign that follows."""
        keys = []
        while True:
            self._skip(_SPACE)
            if bare := _BARE_KEY.match(self._text, self._at):
                keys.append(bare.group())
                self._at = bare.end()
            else:
                start = self._at
                self._string()
                keys.append(_unquoted(self._text[start : self._at]))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _value(self, path: Path) -> Iterator[tuple[Path, int]]:
        sign = self._text[self._at]
        if sign == "[":
            yield from self._array(path)
        elif sign == "{":
            yield from self._inline_table(path)
        elif not self._string():
            self._skip(_SCALAR)

    def _array(self, path: Path) -> Iterator[tuple[Path, int]]:
        self._at += 1
        position = 0
        while True:
            self._skip(_BLANK)
            if self._text[self._at] == "]":
                self._at += 1
                return
            yield (*path, position), self._line()
            yield from self._value((*path, position))
            position += 1
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1

    def _inline_table(self, path: Path) -> Iterator[tuple[Path, int]]:
        self._at += 1
        while True:
            self._skip(_BLANK)
            if self._text[self._at] == "}":
                self._at += 1
                return
            yield from self._assignment(path)
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1

    def _string(self) -> bool:
        """Step over a string of any of the four kinds; whether one stood here."""
        for pattern in _STRINGS:
            if match := pattern.match(self._text, self._at):
                self._at = match.end()
                return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1


def _unquoted(key: str) -> str:
    """A quoted key without its quotes; escapes are read by the library's own reader."""
    import tomllib

    return next(iter(tomllib.loads(f"{key} = 0")))
