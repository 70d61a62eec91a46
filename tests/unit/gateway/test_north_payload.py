# SPDX-License-Identifier: Apache-2.0
"""Our Sparkplug payloads, read by Eclipse Tahu, the implementation of reference; and its commands, read by us."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tahutils.parse import parse_metric_value
from tahutils.tahu import sparkplug_b as tahu

from gateway.north.sparkplug_payload import Datatype, Metric, PayloadError, decode_flags, encode
from tests.unit.gateway.north import DAY_MS, REBIRTH, command

VALUES = {
    Datatype.INT64: st.integers(0, 2**63 - 1),
    Datatype.DOUBLE: st.floats(allow_nan=False),
    Datatype.BOOLEAN: st.booleans(),
    Datatype.STRING: st.text(st.characters(exclude_categories=["Cs"])),
}


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    datatype = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.none() | VALUES[datatype])
    properties = draw(st.dictionaries(st.sampled_from(["engUnit", "x"]), st.sampled_from(["°C", ""])) | st.just({"Quality": 500}))
    return Metric(draw(st.text(min_size=1, max_size=20)), datatype, value, draw(st.integers(0, 2**53)), draw(st.booleans()), properties)


@given(st.integers(0, 2**53), st.lists(metrics(), max_size=5), st.none() | st.integers(0, 255))
def test_what_we_encode_is_what_tahu_decodes(at_ms: int, sent: list[Metric], seq: int | None) -> None:
    payload = tahu.Payload()
    payload.ParseFromString(encode(at_ms, sent, seq))

    assert (payload.timestamp, payload.seq if payload.HasField("seq") else None) == (at_ms, seq)
    for metric, got in zip(sent, payload.metrics, strict=True):
        assert (got.name, got.datatype, got.timestamp, got.is_historical) == (metric.name, metric.datatype, metric.at_ms, metric.is_historical)
        assert (parse_metric_value(got), got.is_null, got.WhichOneof("value") is None) == (metric.value, metric.value is None, metric.value is None)
        assert list(got.properties.keys) == list(metric.properties)
        assert [value.string_value or value.int_value or "" for value in got.properties.values] == list(metric.properties.values())
        assert [value.type for value in got.properties.values] == [12 if isinstance(value, str) else 3 for value in metric.properties.values()]


def test_negative_numbers_travel_as_their_bits() -> None:
    payload = tahu.Payload()
    payload.ParseFromString(encode(0, [Metric("a", Datatype.INT64, -2, 0), Metric("b", Datatype.INT32, -2, 0)], 0))

    assert [payload.metrics[0].long_value, payload.metrics[1].int_value] == [2**64 - 2, 2**32 - 2]


def test_commands_of_tahu_are_understood() -> None:
    assert decode_flags(REBIRTH) == {"Node Control/Rebirth": True}
    assert decode_flags(command(**{"Node Control/Rebirth": False, "a": True})) == {"Node Control/Rebirth": False, "a": True}


def test_metrics_of_other_types_are_left_out() -> None:
    payload = tahu.Payload()
    for name, datatype, value in (("f", tahu.MetricDataType.Float, 1.5), ("d", tahu.MetricDataType.Double, 1.5), ("s", tahu.MetricDataType.String, "x")):
        tahu.addMetric(payload, name, None, datatype, value)

    assert decode_flags(payload.SerializeToString()) == {}


@given(st.binary(max_size=60))
def test_garbage_raises_only_the_error_that_is_told(data: bytes) -> None:
    with contextlib.suppress(PayloadError):
        decode_flags(data)


@pytest.mark.parametrize("data", [b"\x12\x05ab", b"\xff" * 11, b"\x13", b"\x09\x00"])
def test_cut_or_broken_payload_is_told(data: bytes) -> None:
    with pytest.raises(PayloadError):
        decode_flags(data)


def test_payload_begins_with_its_timestamp() -> None:
    assert encode(DAY_MS, [], 3)[0] == 1 << 3
