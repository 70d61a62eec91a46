# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite has to know of each registry entry: a sample configuration, its twin, and how its frames are written and read."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from drivers import registry
from drivers.base.config import parse_config
from drivers.base.driver import StreamDriver
from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from firmware_sims.engine.twin import StimulusValue, Twin
from tests.conformance.transcripts import CAPTURES, Settings, read_settings


@dataclass(frozen=True)
class RoundTrip:
    """Frames to try, and how the driver writes and reads them."""

    name: str
    frames: SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


@dataclass(frozen=True)
class Entry:
    """One driver. `fields` are those of its configuration beside the address; `stimulus` is something that makes its twin cause `reading`.

    `faults` names captures in which the device refuses something, with the code of the maker's document that has to come out.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    twin_arguments: Mapping[str, Any] = field(default_factory=dict)
    stimulus: tuple[str, Mapping[str, StimulusValue]] | None = None
    reading: str = ""
    round_trips: tuple[RoundTrip, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)


def _ablepick() -> Entry:
    from drivers.light_ablepick import frames

    blocks = st.one_of(
        st.builds(frames.Frame, st.integers(0, 255), st.none(), st.just(b""), st.sampled_from([0x60, 0x61])),
        st.builds(frames.Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=504), st.sampled_from([0x60, 0x61])),
    )
    return Entry(
        stimulus=("press", {"node": 3}),
        reading="ButtonPressed",
        round_trips=(RoundTrip("ccb", blocks, frames.Frame.encode, frames.decode),),
        faults={"at500_malfunction": "0B", "at500_busy_too_often": "64-01"},
    )


def _llrp() -> Entry:
    from drivers.rfid_llrp import frames

    u32 = st.integers(0, 0xFFFF_FFFF)
    messages = st.builds(frames.Message, st.integers(0, 1023), u32, st.binary(max_size=300), st.sampled_from(frames.VERSIONS_READ))
    return Entry(
        fields={"power_dbm": 27.0, "antennas": [1, 2, 3, 4]},
        stimulus=("read", {"epc": "3074257BF7194E4000001A85", "antenna": 2, "peak_rssi_dbm": -51.0}),
        reading="TagRead",
        round_trips=(RoundTrip("message", messages, frames.Message.encode, frames.Message.decode),),
        faults={"four_port_output_refused": "401", "four_port_tag_access": "2 memory_locked"},
    )


def _modbus() -> Entry:
    from drivers.sensor_modbus import frames

    words, unit = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125).map(tuple), st.integers(1, 247)
    bits = st.integers(1, 20).flatmap(lambda count: st.lists(st.booleans(), min_size=8 * count, max_size=8 * count)).map(tuple)
    replies = st.one_of(
        st.builds(frames.Reply, unit, st.sampled_from(frames.READ_REGISTERS), words),
        st.builds(lambda unit_id, function, states: frames.Reply(unit_id, function, bits=states), unit, st.sampled_from(frames.READ_BITS), bits),
        st.builds(lambda unit_id, address, on: frames.Reply(unit_id, 5, bits=(on,), address=address), unit, st.integers(0, 0xFFFF), st.booleans()),
        st.builds(lambda unit_id, function, code: frames.Reply(unit_id, function, exception_code=code), unit, st.integers(1, 5), st.integers(1, 255)),
    )

    def from_rtu(adu: bytes) -> frames.Reply:
        return frames.decode_reply(*frames.decode_rtu(adu))

    def from_tcp(adu: bytes) -> frames.Reply:
        _, unit_id, pdu = frames.decode_tcp(adu)
        return frames.decode_reply(unit_id, pdu)

    return Entry(
        fields={"map": "xy_md02", "interval_s": 0.1},
        stimulus=("set", {"quantity": "temperature_c", "value": 7.5}),
        reading="Measured",
        round_trips=(
            RoundTrip("rtu", replies, lambda reply: frames.encode_rtu(reply.unit_id, reply.pdu()), from_rtu),
            RoundTrip("tcp", replies, lambda reply: frames.encode_tcp(7, reply.unit_id, reply.pdu()), from_tcp),
        ),
        faults={"xy_md02_rtu_illegal_address": "02"},
    )


def _scale() -> Entry:
    from drivers.scale_sics import frames

    values = st.decimals(-99_999, 99_999, places=3, allow_nan=False, allow_infinity=False)
    replies = st.one_of(
        st.builds(frames.Reply, st.sampled_from(["S", "SI", "T", "TA"]), st.sampled_from("SDA"), values, st.sampled_from(["g", "kg", "lb"])),
        st.builds(frames.Reply, st.sampled_from(["S", "Z", "T", "TA"]), st.sampled_from("AIL+-")),
        st.builds(lambda serial: frames.Reply("I4", "A", detail=serial), st.text("0123456789ABC-", min_size=1, max_size=20)),
        st.builds(lambda code: frames.Reply(code, ""), st.sampled_from(sorted(frames.GLOBAL_ERRORS))),
    )
    return Entry(
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("line", replies, frames.Reply.encode, lambda line: frames.Reply.decode(line.removesuffix(b"\r\n"))),),
        faults={"bench_refusals": "Z +"},
    )


def _scanner() -> Entry:
    from drivers.scanner_serial import frames

    codes = st.builds(frames.CodeFrame, st.sampled_from(["]C1", "]E0", "]d2", "]Q3"]), st.binary(max_size=100))
    return Entry(
        stimulus=("scan", {"text": "00106141412345678908", "symbology": "]C1"}),
        reading="Scan",
        round_trips=(RoundTrip("code", codes, frames.CodeFrame.encode, frames.CodeFrame.decode),),
    )


_ENTRIES: dict[str, Callable[[], Entry]] = {
    "light_ablepick": _ablepick,
    "rfid_llrp": _llrp,
    "scale_sics": _scale,
    "scanner_serial": _scanner,
    "sensor_modbus": _modbus,
}


def entry(name: str) -> Entry:
    """Raises: KeyError: a registered driver without a line here; it has not been shown to conform."""
    return _ENTRIES[name]()


def driver(spec: DriverSpec, fields: Mapping[str, Any], *, host: str = "127.0.0.1", port: int = 9) -> StreamDriver[Any]:
    """A driver of that configuration; nothing listens at the default address."""
    config = parse_config(spec.config, {"driver": spec.name, **({} if "path" in fields else {"host": host, "port": port}), **fields})
    made = spec.factory("device-1", config)
    assert isinstance(made, StreamDriver)
    return made


def session(name: str, settings: Settings | None = None) -> Session:
    """A new session of that driver as the sample, or else the capture, configures it."""
    fields = entry(name).fields if settings is None or not settings.config else settings.config
    return driver(registry.load(name), fields).new_session()


def twin(name: str, settings: Settings | None = None) -> Twin:
    """A new twin of that driver as the sample, or else the capture, wants it."""
    module, _, kind = registry.load(name).twin.partition(":")
    arguments: Mapping[str, Any] = entry(name).twin_arguments
    if settings is not None and settings.twin:
        kind, arguments = settings.twin, settings.twin_arguments
    made = getattr(importlib.import_module(module), kind)(**arguments)
    assert isinstance(made, Twin)
    return made


def captures(name: str | None = None) -> list[Path]:
    """The transcripts of one driver, or of all."""
    return sorted(CAPTURES.glob(f"{name or '*'}/*.hex"))


def settings_of(capture: Path) -> Settings:
    """How the capture wants driver and twin to be set up."""
    return read_settings(capture)
