# SPDX-License-Identifier: Apache-2.0
"""The parameters of an events query (EPCIS 2.0, section 8.2.7.1; the query schema of its REST binding) as conditions on the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from central.database import micros
from central.trace import vocabulary
from central.trace.faults import QueryParameterError
from central.trace.indexing import HAS, SENSOR_TEXTS, as_number, field_kind, key_of, names_of
from central.trace.naming import HOST, canonical_or_same
from central.trace.shapes import instant_of
from central.trace.tables import epcis_attribute, epcis_event, epcis_number, epcis_term, epcis_within

PER_PAGE = 30
PER_PAGE_MAX = 1000
VALUES_MAX = 1000
_event = epcis_event.c
_SIZES: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "GT": lambda column, value: column > value,
    "GE": lambda column, value: column >= value,
    "LT": lambda column, value: column < value,
    "LE": lambda column, value: column <= value,
}
_TIMES = {
    "eventTime": _event.event_at,
    "recordTime": _event.recorded_at,
    "errorDeclarationTime": _event.declared_at,
    "errorDeclaration_Time": _event.declared_at,
}
_EPCS = {
    "epc": ("epc",),
    "parentID": ("parent",),
    "inputEPC": ("input",),
    "outputEPC": ("output",),
    "anyEPC": ("epc", "parent", "input", "output"),
    "epcClass": ("class",),
    "inputEPCClass": ("in_class",),
    "outputEPCClass": ("out_class",),
    "anyEPCClass": ("class", "in_class", "out_class"),
}
_SENSOR_NUMBER = re.compile(r"(EQ|GT|GE|LT|LE)_(value|minValue|maxValue|meanValue|sDev|percValue)_([A-Z0-9]{2,4})")
_QUANTITY = re.compile(r"(EQ|GT|GE|LT|LE)_quantity(?:_([A-Z0-9]{2,4}))?")
_SENSOR_TIME = re.compile(r"(GE|LT|GT|LE)_(time|startTime|endTime)")
_TYPED = re.compile(r"EQ_(bizTransaction|source|destination)(?:_(.+))?")
_OWN_FIELD = re.compile(
    r"(EQ|GT|GE|LT|LE|EXISTS)_(INNER_)?(?:(ILMD|ERROR_DECLARATION|SENSORELEMENT|SENSORMETADATA|SENSORREPORT|readPoint|bizLocation)_)?"
    r"((?:[^\s:_][^\s:]*):\S+)"
)
_MASTER_DATA = re.compile(r"(HASATTR|EQATTR)_(?:(readPoint|bizLocation)|(epc|epcClass|parentID|inputEPC|outputEPC|source|destination))(?:_(.+))?")
Values = Sequence[Any]


@dataclass
class Asked:
    """A query that is understood. `limit`: so many events at all; `most`: more are an error."""

    conditions: list[ColumnElement[bool]] = field(default_factory=list)
    order: Literal["", "eventTime", "recordTime"] = ""
    descending: bool = True
    limit: int | None = None
    most: int | None = None
    per_page: int = PER_PAGE
    token: str | None = None


def from_address(pairs: Sequence[tuple[str, str]]) -> dict[str, list[Any]]:
    """The parameters of an address: values of a list with a bar between, or the parameter again."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).extend(value.split("|"))
    return found


def from_body(query: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The parameters of a stored query. Raises: QueryParameterError."""
    found: dict[str, list[Any]] = {}
    for name, value in query.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(each, dict | list) for each in values):
            raise QueryParameterError(f"{name}: a value is a text, a number, or a list of them")
        found[name] = ["" if each is None else str(each).lower() if isinstance(each, bool) else each for each in values]
    found.pop("@context", None)
    return found


def understand(parameters: Mapping[str, Values], prefixes: Mapping[str, str]) -> Asked:
    """What a query asks for. `prefixes`: namespaces that the caller has declared for fields of its own.

    Raises: QueryParameterError: a parameter that is not known, or whose value does not fit it.
    """
    asked = Asked()
    for name, values in parameters.items():
        if len(values) > VALUES_MAX:
            raise QueryParameterError(f"{name}: {len(values)} values, at most {VALUES_MAX} are compared")
        if not _control(asked, name, values):
            asked.conditions.append(_condition(name, values, prefixes))
    if asked.limit is not None and asked.most is not None:
        raise QueryParameterError("eventCountLimit and maxEventCount exclude each other; give one of them")
    return asked


def _control(asked: Asked, name: str, values: Values) -> bool:
    if name == "orderBy":
        if _one(name, values) not in ("eventTime", "recordTime"):
            raise QueryParameterError(f"orderBy: {values[0]!r} is neither eventTime nor recordTime")
        asked.order = values[0]
    elif name == "orderDirection":
        if _one(name, values) not in ("ASC", "DESC"):
            raise QueryParameterError(f"orderDirection: {values[0]!r} is neither ASC nor DESC")
        asked.descending = values[0] == "DESC"
    elif name == "eventCountLimit":
        asked.limit = _count(name, values)
    elif name == "maxEventCount":
        asked.most = _count(name, values)
    elif name == "perPage":
        asked.per_page = min(_count(name, values), PER_PAGE_MAX)
    elif name == "nextPageToken":
        asked.token = str(_one(name, values))
    else:
        return False
    return True


def _one(name: str, values: Values) -> Any:
    if len(values) != 1:
        raise QueryParameterError(f"{name}: one value is wanted, {len(values)} are given")
    return values[0]


def _count(name: str, values: Values) -> int:
    text = str(_one(name, values))
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or int(text) < 1:
        raise QueryParameterError(f"{name}: {text!r} is no number from 1")
    return int(text)


def _condition(name: str, values: Values, prefixes: Mapping[str, str]) -> ColumnElement[bool]:
    if name in _PLAIN:
        return _PLAIN[name](name, values)
    if name.startswith("MATCH_") and name[6:] in _EPCS:
        return _matching(_EPCS[name[6:]], [str(each) for each in values])
    for pattern, make in _SHAPED:
        match = pattern.fullmatch(name)
        if match is not None:
            return make(name, match, values)
    match = _OWN_FIELD.fullmatch(name)
    if match is not None:
        return _own_field(name, match, values, prefixes)
    match = _MASTER_DATA.fullmatch(name)
    if match is not None and (match[4] is None) == (match[1] == "HASATTR"):
        return _by_attribute(match, values, prefixes)
    raise QueryParameterError(f"{name!r} is no parameter of an events query")


def _column(column: Any, shape: Callable[[str], str]) -> Callable[[str, Values], ColumnElement[bool]]:
    def make(_name: str, values: Values) -> ColumnElement[bool]:
        wanted = [key_of(shape(str(each))) for each in values]
        found: ColumnElement[bool] = column.in_(wanted)
        return found

    return make


def _word(kind: str) -> Callable[[str], str]:
    return lambda value: vocabulary.bare_word(kind, value)


def _kinds(*kinds: str, shape: Callable[[str], str] = canonical_or_same) -> Callable[[str, Values], ColumnElement[bool]]:
    return lambda _name, values: _has_term(kinds, [shape(str(each)) for each in values])


def _time(name: str, values: Values) -> ColumnElement[bool]:
    size, _, what = name.partition("_")
    found = _SIZES[size](_TIMES[what], _instant(name, values))
    # Declarations are few: found by their term first, whatever order is asked for.
    return and_(_has_term((HAS,), ["errorDeclaration"]), found) if what.startswith("errorDeclaration") else found


def _instant(name: str, values: Values) -> datetime:
    text = str(_one(name, values))
    # A plus sign of an offset in an address is a blank unless it was escaped.
    at = instant_of(text) or instant_of(text.replace(" ", "+"))
    if at is None:
        raise QueryParameterError(f"{name}: {text!r} is no date and time with a time zone, as 2026-11-21T08:00:00Z")
    return at


def _action(name: str, values: Values) -> ColumnElement[bool]:
    if wrong := [each for each in values if each not in vocabulary.ACTIONS]:
        raise QueryParameterError(f"{name}: {wrong[0]!r} is none of ADD, OBSERVE, DELETE")
    return _event.action.in_([str(each) for each in values])


def _within(column: Any) -> Callable[[str, Values], ColumnElement[bool]]:
    """A place and what lies in it: as master data tell it, and extensions of a GLN of it (a GLN's extension is a place in it)."""

    def make(_name: str, values: Values) -> ColumnElement[bool]:
        wanted = [key_of(canonical_or_same(str(each))) for each in values]
        inside = select(epcis_within.c.child.label("place")).where(epcis_within.c.parent.in_(wanted)).cte(recursive=True)
        inside = inside.union(select(epcis_within.c.child).join(inside, epcis_within.c.parent == inside.c.place))
        extended = [_beginning(column, f"{each}/254/") for each in wanted if re.fullmatch(rf"{HOST}/414/[0-9]{{13}}", each)]
        return or_(column.in_(wanted), column.in_(select(inside.c.place)), *extended)

    return make


def _beginning(column: Any, text: str) -> ColumnElement[bool]:
    """Texts that begin so."""
    found: ColumnElement[bool] = column.startswith(text, autoescape=True)
    return found


_PLAIN: Mapping[str, Callable[[str, Values], ColumnElement[bool]]] = {
    "eventType": _column(_event.type, str),
    "EQ_action": _action,
    "EQ_bizStep": _column(_event.biz_step, _word("bizStep")),
    "EQ_disposition": _column(_event.disposition, _word("disposition")),
    "EQ_readPoint": _column(_event.read_point, canonical_or_same),
    "EQ_bizLocation": _column(_event.biz_location, canonical_or_same),
    "WD_readPoint": _within(_event.read_point),
    "WD_bizLocation": _within(_event.biz_location),
    "EQ_transformationID": _column(_event.transformation, canonical_or_same),
    "EQ_eventID": _column(_event.event_id, str),
    "EQ_errorReason": _kinds("reason", shape=_word("reason")),
    "EQ_correctiveEventID": _kinds("corrective"),
    "EQ_persistentDisposition_set": _kinds("set", shape=_word("disposition")),
    "EQ_persistentDisposition_unset": _kinds("unset", shape=_word("disposition")),
    "EQ_type": _kinds("s:type", shape=_word("measurement")),
    "EQ_exception": _kinds("s:exception", shape=_word("alert")),
    "EQ_component": _kinds("s:component", shape=_word("component")),
    "EXISTS_errorDeclaration": lambda _name, _values: _has_term((HAS,), ["errorDeclaration"]),
    "EXISTS_sensorElementList": lambda _name, _values: _has_term((HAS,), ["sensorElementList"]),
    "EXISTS_ilmd": lambda _name, _values: _has_term((HAS,), ["ilmd"]),
    **{f"EQ_{name}": _kinds(f"s:{name}") for name in SENSOR_TEXTS},
    **{f"{size}_{name}": _time for size in _SIZES for name in _TIMES},
    **{f"{size}_percRank": lambda name, values: _has_number("percRank", name.partition("_")[0], _number(name, values)) for size in _SIZES},
}


def _has_term(kinds: Sequence[str], values: Sequence[str]) -> ColumnElement[bool]:
    term = epcis_term.c
    return _event.n.in_(select(term.event).where(term.kind.in_(kinds), term.value.in_([key_of(each) for each in values])))


def _matching(kinds: Sequence[str], values: Sequence[str]) -> ColumnElement[bool]:
    term = epcis_term.c
    plain = [key_of(canonical_or_same(each)) for each in values]
    patterns = [pattern for each in values for pattern in _patterns(each)]
    these = or_(term.value.in_(plain), *patterns) if patterns else term.value.in_(plain)
    return _event.n.in_(select(term.event).where(term.kind.in_(kinds), these))


def _patterns(uri: str) -> Iterator[ColumnElement[bool]]:
    """Instances of a class: urn:epc:idpat:sgtin:4012345.098765.*, urn:epc:class:lgtin:4012345.012345.*; of a whole company: urn:epc:idpat:sgtin:4012345.*.*"""
    value = epcis_term.c.value
    if re.fullmatch(r"urn:epc:class:lgtin:[0-9]+\.[0-9]+\.\*", uri):
        yield _beginning(value, canonical_or_same(uri.replace("class:lgtin", "idpat:sgtin")) + "/10/")
    elif re.fullmatch(r"urn:epc:idpat:(sgtin|itip):.*[0-9]\.\*", uri) and canonical_or_same(uri) != uri:
        yield _beginning(value, canonical_or_same(uri) + "/21/")
    elif re.fullmatch(r"urn:epc:idpat:cpi:.*[^*]\.\*", uri):
        yield _beginning(value, canonical_or_same(uri) + "/8011/")
    elif re.fullmatch(r"urn:epc:idpat:(grai|gdti|sgcn):[0-9]+\.[0-9]*\.\*", uri) and canonical_or_same(uri) != uri:
        yield value.like(canonical_or_same(uri) + "_%")
    elif match := re.fullmatch(r"urn:epc:idpat:(sgtin|sscc|sgln|grai|giai|gdti|gsrn):([0-9]{6,12})\.[.*]+", uri):
        ai = {"sgtin": "01/_", "sscc": "00/_", "sgln": "414/", "grai": "8003/0", "giai": "8004/", "gdti": "253/", "gsrn": "8018/"}[match[1]]
        yield value.like(f"{HOST}/{ai}{match[2]}%")


def _number(name: str, values: Values) -> float:
    found = _numbers(name, [_one(name, values)])
    return found[0]


def _numbers(name: str, values: Values) -> list[float]:
    try:
        numbers = [float(each) for each in values]
    except ValueError as error:
        raise QueryParameterError(f"{name}: {values[0]!r} is no number") from error
    if not all(abs(each) < 1e300 for each in numbers):
        raise QueryParameterError(f"{name}: a number is too large")
    return numbers


def _has_number(kind: str, size: str, value: float) -> ColumnElement[bool]:
    number = epcis_number.c
    return _event.n.in_(select(number.event).where(number.kind == kind, _SIZES[size](number.value, value)))


def _equal_number(kind: str, values: Sequence[float]) -> ColumnElement[bool]:
    number = epcis_number.c
    return _event.n.in_(select(number.event).where(number.kind == kind, number.value.in_(values)))


def _sized(kind: str, size: str, name: str, values: Values) -> ColumnElement[bool]:
    return _equal_number(kind, _numbers(name, values)) if size == "EQ" else _has_number(kind, size, _number(name, values))


def _quantity(name: str, match: re.Match[str], values: Values) -> ColumnElement[bool]:
    return _sized("quantity" if match[2] is None else f"quantity:{match[2]}", match[1], name, values)


def _sensor_number(name: str, match: re.Match[str], values: Values) -> ColumnElement[bool]:
    return _sized(f"{match[2]}:{match[3]}", match[1], name, values)


def _sensor_time(name: str, match: re.Match[str], values: Values) -> ColumnElement[bool]:
    return _has_number(match[2], match[1], float(micros(_instant(name, values))))


def _typed(name: str, match: re.Match[str], values: Values) -> ColumnElement[bool]:
    kind = {"bizTransaction": "bt", "source": "src", "destination": "dst"}[match[1]]
    if match[2] is None and kind != "bt":
        raise QueryParameterError(f"{name!r}: give the type, as EQ_{match[1]}_owning_party")
    said = vocabulary.bare_word("transaction" if kind == "bt" else "party", match[2] or "")
    return _has_term((f"{kind}:{said}",), [canonical_or_same(str(each)) for each in values])


_SHAPED: Sequence[tuple[re.Pattern[str], Callable[[str, re.Match[str], Values], ColumnElement[bool]]]] = (
    (_QUANTITY, _quantity),
    (_SENSOR_NUMBER, _sensor_number),
    (_SENSOR_TIME, _sensor_time),
    (_TYPED, _typed),
)


def _own_field(name: str, match: re.Match[str], values: Values, prefixes: Mapping[str, str]) -> ColumnElement[bool]:
    size, inner, where, own = match[1], bool(match[2]), match[3] or "", match[4]
    kinds = [field_kind(where, each, inner=inner) for each in sorted(names_of(own, prefixes))]
    if size == "EXISTS":
        return _has_term((HAS,), kinds)
    if size == "EQ":
        numbers = [number for each in values if (number := as_number(each)) is not None]
        return or_(_has_term(kinds, [canonical_or_same(str(each)) for each in values]), *(_equal_number(kind, numbers) for kind in kinds if numbers))
    number = as_number(_one(name, values))
    if number is None:
        raise QueryParameterError(f"{name}: {values[0]!r} is neither a number nor a time")
    return or_(false(), *(_has_number(kind, size, number) for kind in kinds))


def _by_attribute(match: re.Match[str], values: Values, prefixes: Mapping[str, str]) -> ColumnElement[bool]:
    """Events of which a place, goods or a party has an attribute in master data: one of these names, or one of these values of it."""
    attribute, known = epcis_attribute.c, {**vocabulary.CONTEXT_PREFIXES, **prefixes}
    asked = [str(each) for each in values] if match[4] is None else [match[4]]
    names = sorted({key_of(name) for each in asked for name in names_of(each, known)})
    described = select(attribute.id).where(attribute.name.in_(names))
    if match[4] is not None:
        described = described.where(attribute.value.in_([key_of(canonical_or_same(str(each))) for each in values]))
    if match[2] is not None:
        column: ColumnElement[str] = {"readPoint": _event.read_point, "bizLocation": _event.biz_location}[match[2]]
        return column.in_(described)
    term = epcis_term.c
    prefix = {"source": "src:", "destination": "dst:"}.get(match[3])
    kinds = term.kind.in_(_EPCS[match[3]]) if prefix is None else term.kind.in_([prefix + each for each in ("", *sorted(vocabulary.PARTY_TYPES))])
    return _event.n.in_(select(term.event).where(kinds, term.value.in_(described)))


def selection(asked: Asked) -> Select[Any]:
    """The events that a query asks for, without order and limit."""
    return select(epcis_event).where(*asked.conditions)
