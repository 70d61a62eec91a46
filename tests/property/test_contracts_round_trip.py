# SPDX-License-Identifier: Apache-2.0
"""Whatever fits the contract survives the wire; whatever does not is refused with WireError, never another error."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import schema, topics, wire
from contracts.commands import AnyCommand, Command
from contracts.events import AnyEvent, Event
from contracts.naming import wire_name

names = st.from_regex(re.compile(r"\A[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z", re.ASCII))
instants = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


def _strategy(info: Any) -> st.SearchStrategy[Any]:
    """A strategy for one msgspec type description, bounds kept."""
    kind = type(info).__name__
    match kind:
        case "IntType":
            return st.integers(min_value=info.ge if info.ge is not None else -(2**53), max_value=info.le if info.le is not None else 2**53)
        case "FloatType":
            lowest = next((bound for bound in (info.ge, info.gt) if bound is not None), -1e9)
            highest = info.le if info.le is not None else 1e9
            return st.floats(min_value=lowest, max_value=highest, exclude_min=info.gt is not None, allow_nan=False)
        case "ListType":
            return st.lists(_strategy(info.item_type), min_size=info.min_length or 0, max_size=3)
        case "DictType":
            return st.dictionaries(_strategy(info.key_type), _strategy(info.value_type), min_size=info.min_length or 0, max_size=3)
        case "StrType":
            return st.text(min_size=info.min_length or 0, max_size=20)
        case "UnionType":
            return st.one_of([_strategy(member) for member in info.types])
        case "LiteralType":
            return st.sampled_from(info.values)
        case "StructType":
            return st.builds(info.cls, **{field.name: _strategy(field.type) for field in info.fields})
        case _:
            return {"BoolType": st.booleans(), "DateTimeType": instants, "NoneType": st.none()}[kind]


events = st.one_of([_strategy(msgspec.inspect.type_info(event)) for event in schema.members(AnyEvent)])
commands = st.one_of([_strategy(msgspec.inspect.type_info(command)) for command in schema.members(AnyCommand)])


@given(events)
def test_any_event_survives_the_wire(event: Event) -> None:
    assert wire.decode_event(wire.encode(event)) == event


@given(commands)
def test_any_command_survives_the_wire(command: Command) -> None:
    assert wire.decode_command(wire.encode(command)) == command


@given(st.lists(events, max_size=5))
def test_any_batch_survives_compression(content: list[Event]) -> None:
    raw = [msgspec.Raw(wire.encode(event)) for event in content]
    batch = wire.Batch(gateway="dock-1", epoch="e", lane="movements", first_seq=1, events=raw)

    arrived = wire.decode_batch(wire.compress(wire.encode(batch)))

    assert [wire.decode_event(bytes(event)) for event in arrived.events] == content


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=50).map(lambda tail: b"\x28\xb5\x2f\xfd" + tail)))
@pytest.mark.parametrize("decode", [wire.decode_batch, wire.decode_event, wire.decode_ack, wire.decode_command, wire.decode_gateway_state])
def test_garbage_raises_only_wire_error(decode: Any, payload: bytes) -> None:
    with contextlib.suppress(wire.WireError):
        decode(payload)


@given(st.integers(min_value=0, max_value=topics.PARTITIONS - 1), names, names, st.sampled_from(["ack", "down", "state", "up/movements", "up/telemetry"]))
def test_topic_parses_to_the_address_that_made_it(partition: int, site: str, gateway: str, leaf: str) -> None:
    address = topics.GatewayAddress(partition, topics.check_name(site), topics.check_name(gateway))

    assert topics.parse_topic(address.topic(leaf)) == (address, leaf)


topic_parts = st.one_of(names, st.from_regex(r"\A[0-9]{1,3}\Z"), st.text(max_size=8))


@given(st.lists(topic_parts, max_size=6).map(lambda parts: "/".join(["dockline", "v1", *parts])))
def test_any_text_is_a_topic_of_a_gateway_or_none(topic: str) -> None:
    parsed = topics.parse_topic(topic)

    assert parsed is None or parsed[0].topic(parsed[1]) == topic


@pytest.mark.parametrize("partition", ["07", "64", "-1", "٣", "", "9" * 5000])
def test_topic_with_an_odd_partition_belongs_to_no_gateway(partition: str) -> None:
    assert topics.parse_topic(f"dockline/v1/{partition}/shanghai-1/dock-1/state") is None


@given(names)
def test_partition_of_any_site_is_in_range(site: str) -> None:
    assert 0 <= topics.partition_of(site) < topics.PARTITIONS


@pytest.mark.parametrize("structs", [schema.members(AnyEvent), schema.members(AnyCommand), schema.WIRE_MESSAGES], ids=["events", "commands", "wire"])
def test_wire_names_are_unique_within_each_struct(structs: tuple[type[msgspec.Struct], ...]) -> None:
    for struct in structs:
        assert len({wire_name(field) for field in struct.__struct_fields__}) == len(struct.__struct_fields__), struct.__name__
