"""The part of SOQL that the made-up Salesforce understands.

Belongs here: reading a query and asking records. Does not belong here: HTTP. What it does not understand is
`Malformed`, as it is to Salesforce.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

Record = dict[str, Any]
Test = Callable[[Record], bool]
_WORD = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<day>\d{4}-\d\d-\d\d)|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*)"
    r"|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,))"
)
_WORDS = {
    "select",
    "from",
    "where",
    "order",
    "by",
    "limit",
    "and",
    "or",
    "not",
    "in",
    "like",
    "asc",
    "desc",
    "nulls",
}


class Malformed(Exception):  # noqa: N818 -- as Salesforce says it
    """`code` is Salesforce's."""

    def __init__(self, message: str, code: str = "MALFORMED_QUERY") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Query:
    fields: list[str]
    object: str
    where: Test
    order: list[tuple[str, bool]]
    limit: int | None
    counts: bool

    def run(self, records: Mapping[str, Record]) -> list[str]:
        """The ids of the records that it finds, in its order."""
        found = [record for record in records.values() if self.where(record)]
        for name, is_downward in reversed(self.order):
            found.sort(key=lambda one: _sortable(one.get(name)), reverse=is_downward)
        return [one["Id"] for one in found[: self.limit]]


def moment(text: str) -> datetime:
    text = re.sub(r"([+-]\d\d):?(\d\d)$", r"\1:\2", text.replace("Z", "+00:00"))
    return datetime.fromisoformat(text).astimezone(UTC)


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, "" if value is None else value)


class Reader:
    """`fields`: object -> its visible fields and their types; `objects`: what relations lead to."""

    def __init__(
        self, text: str, fields: Mapping[str, Mapping[str, str]], objects: Mapping[str, Mapping[str, Record]]
    ) -> None:
        self._fields, self._objects = fields, objects
        self._words: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            found = _WORD.match(text, position)
            if not found:
                raise Malformed(f"unexpected token: '{text[position : position + 10]}'")
            assert found.lastgroup
            self._words.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def query(self) -> Query:
        self._expect("select")
        names = self._names()
        counts = names == ["COUNT"] and self._takes("(") and self._expect(")")
        self._expect("from")
        self._object = self._name()
        if self._object not in self._fields:
            raise Malformed(f"sObject type '{self._object}' is not supported.", "INVALID_TYPE")
        for name in [] if counts else names:
            self._type(name)
        where = self._either() if self._takes("where") else lambda record: True
        order: list[tuple[str, bool]] = []
        if self._takes("order"):
            self._expect("by")
            while True:
                name = self._name()
                self._type(name)
                order.append((name, self._takes("desc")))
                self._takes("asc")
                if not self._takes(","):
                    break
        limit = int(self._next("number")) if self._takes("limit") else None
        if self._words:
            raise Malformed(f"unexpected token: '{self._words[0][1]}'")
        return Query(names, self._object, where, order, limit, bool(counts))

    def _names(self) -> list[str]:
        names = [self._name()]
        while self._takes(","):
            names.append(self._name())
        return names

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def _one(self) -> Test:
        if self._takes("not"):
            inner = self._one()
            return lambda record: not inner(record)
        if self._takes("("):
            inner = self._either()
            self._expect(")")
            return inner
        name = self._name()
        kind = self._type(name)
        if self._takes("in"):
            self._expect("(")
            values = [self._value(kind)]
            while self._takes(","):
                values.append(self._value(kind))
            self._expect(")")
            return lambda record: self._of(record, name, kind) in values
        if self._takes("like"):
            shape = re.escape(str(self._value("string"))).replace("%", ".*").replace("_", ".")
            return lambda record: (
                re.fullmatch(shape, str(self._of(record, name, kind) or ""), re.IGNORECASE) is not None
            )
        sign, value = self._next("sign"), self._value(kind)
        compare: dict[str, Callable[[Any], bool]] = {
            "=": lambda own: own == value,
            "!=": lambda own: own != value,
            "<>": lambda own: own != value,
            "<": lambda own: own is not None and own < value,
            ">": lambda own: own is not None and own > value,
            "<=": lambda own: own is not None and own <= value,
            ">=": lambda own: own is not None and own >= value,
        }
        if sign not in compare:
            raise Malformed(f"unexpected token: '{sign}'")
        return lambda record: compare[sign](self._of(record, name, kind))

    def _of(self, record: Record, name: str, kind: str) -> Any:
        relation, _, field = name.rpartition(".")
        if relation:
            record = self._objects[relation].get(record.get(f"{relation}Id") or "", {})
        value = record.get(field)
        if value is None:
            return False if kind == "boolean" else None
        return moment(value) if kind == "datetime" else value

    def _type(self, name: str) -> str:
        relation, _, field = name.rpartition(".")
        if relation and f"{relation}Id" not in self._fields[self._object]:
            raise Malformed(f"Didn't understand relationship '{relation}' in field path.", "INVALID_FIELD")
        fields = self._fields.get(relation or self._object, {})
        if field not in fields:
            raise Malformed(
                f"No such column '{field}' on entity '{relation or self._object}'.", "INVALID_FIELD"
            )
        return fields[field]

    def _value(self, kind: str) -> Any:
        if not self._words:
            raise Malformed("unexpected end of query")
        given, word = self._words.pop(0)
        if given == "name" and word.lower() in ("true", "false", "null"):
            return {"true": True, "false": False}.get(word.lower())
        if (given == "moment") != (kind == "datetime") or (given == "day") != (kind == "date"):
            raise Malformed(f"value of filter criterion must be of type {kind}", "INVALID_FIELD")
        if given == "moment":
            return moment(word)
        if given == "day":
            date.fromisoformat(word)
            return word
        if given == "number":
            return float(word)
        if given == "text":
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        raise Malformed(f"unexpected token: '{word}'")

    def _takes(self, word: str) -> bool:
        if self._words and self._words[0][1].lower() == word:
            self._words.pop(0)
            return True
        return False

    def _expect(self, word: str) -> bool:
        if not self._takes(word):
            raise Malformed(f"expecting '{word}'")
        return True

    def _name(self) -> str:
        word = self._next("name")
        if word.lower() in _WORDS:
            raise Malformed(f"unexpected token: '{word}'")
        return word

    def _next(self, kind: str) -> str:
        if not self._words or self._words[0][0] != kind:
            raise Malformed(f"unexpected token: '{self._words[0][1] if self._words else ''}'")
        return self._words.pop(0)[1]
