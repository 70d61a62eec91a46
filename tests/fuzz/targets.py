# SPDX-License-Identifier: Apache-2.0
"""Every parser there is: the sessions and frames of all registered drivers, the twins, and what reads codes and messages. New drivers come by themselves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from contracts import wire
from contracts.epc import forms, tags
from contracts.epc.digits import IdentifierError
from contracts.gs1 import elements
from drivers import registry
from drivers.base.driver import StreamDriver
from drivers.base.errors import ProtocolError, ReplyTimeout
from drivers.base.rfc2217 import ComPortClient
from drivers.light_ablepick.config import LightAblepickConfig
from firmware_sims.registry import TWINS, make
from tests.conformance.entries import captures, driver, entry, settings_of
from tests.conformance.sample import RoundTrip
from tests.conformance.transcripts import read_transcript

Feed = Callable[[bytes], None]
_PAUSES_S = (0.0, 0.0, 0.0, 0.0, 0.001, 0.0, 0.06, 0.0, 0.0, 0.4, 0.0, 0.0, 1.2, 0.0, 0.0, 6.0)
_EXAMPLES = 60


@dataclass(frozen=True)
class Target:
    """A parser. `begin` gives something that takes one input after the other; it may end by one of `ends`, which is right, and by nothing else.

    `seeds` are inputs that mean something to it. `answers`: it does as it is told, so that a large input is much work, and being slow is no fault.
    """

    name: str
    begin: Callable[[], Feed]
    seeds: Callable[[], list[bytes]]
    ends: tuple[type[Exception], ...] = ()
    answers: bool = False


def names() -> list[str]:
    """Of all targets."""
    return sorted(_targets())


def target(name: str) -> Target:
    """Raises: KeyError: there is none of that name."""
    return _targets()[name]


def _targets() -> dict[str, Target]:
    return {each.name: each for each in (*_sessions(), *_frames(), *_twins(), *_texts())}


def _sessions() -> Iterator[Target]:
    for name in registry.BUILT_IN:
        yield Target(f"session {name}", _session_of(name), lambda name=name: _said(name, "from_device"), (ProtocolError, ReplyTimeout))


def _session_of(name: str) -> Callable[[], Feed]:
    """Sessions set up as in one capture after the other."""
    drivers_in_turn = cycle(_drivers(name))

    def begin() -> Feed:
        talk, now_s, pauses = next(drivers_in_turn).new_session(), 100.0, cycle(_PAUSES_S)
        talk.advance_to(now_s)

        def feed(data: bytes) -> None:
            nonlocal now_s
            now_s += next(pauses)
            if data:
                talk.receive_bytes(data, now_s)
            talk.bytes_to_send()
            talk.advance_to(now_s)
            talk.bytes_to_send()
            talk.next_deadline_s()

        return feed

    return begin


def _drivers(name: str) -> Iterator[StreamDriver[Any]]:
    """One for each way in which a capture of it is set up."""
    for capture in captures(name):
        config = settings_of(capture).config
        yield driver(registry.load(name), config or entry(name).fields)


def _said(name: str, kind: str) -> list[bytes]:
    return [step.data for capture in captures(name) for step in read_transcript(capture) if step.kind == kind]


def _frames() -> Iterator[Target]:
    for name in registry.BUILT_IN:
        for trip in entry(name).round_trips:
            yield Target(f"frames {name} {trip.name}", lambda trip=trip: _dropped(_of_bytes(trip)), lambda trip=trip: _raw(_examples(trip)), (ProtocolError,))


def _dropped(decode: Callable[[bytes], object]) -> Feed:
    def feed(data: bytes) -> None:
        decode(data)

    return feed


def _of_bytes(trip: RoundTrip) -> Callable[[bytes], object]:
    """A decoder of bytes; some frames are text."""
    if isinstance(_examples(trip)[0], str):
        return lambda data: trip.decode(data.decode("latin-1"))  # type: ignore[arg-type]  # then it takes text
    return trip.decode


def _raw(examples: list[Any]) -> list[bytes]:
    return [example.encode("latin-1", "replace") if isinstance(example, str) else example for example in examples]


@cache
def _examples(trip: RoundTrip) -> list[Any]:
    """Frames that hypothesis makes up, as the driver writes them: bytes, or text."""
    found: list[Any] = []

    @settings(max_examples=_EXAMPLES, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(trip.frames)
    def collect(frame: Any) -> None:
        found.append(trip.encode(frame))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collect()
    return found


def _twins() -> Iterator[Target]:
    for name in TWINS:
        yield Target(f"twin {name}", lambda name=name: _twin_feed(name), lambda name=name: _to_twin(name), answers=True)


def _to_twin(name: str) -> list[bytes]:
    return _said(name, "to_device") if name in registry.BUILT_IN else [b"\x00"]


def _twin_feed(name: str) -> Feed:
    twin, now_s, pauses = make(name, {}), 100.0, cycle(_PAUSES_S)
    twin.connected(now_s)

    def feed(data: bytes) -> None:
        nonlocal now_s
        now_s += next(pauses)
        twin.receive_bytes(data, now_s)
        twin.advance_to(now_s)
        twin.next_deadline_s()
        if twin.wants_close:
            twin.disconnected(now_s)
            twin.connected(now_s)

    return feed


def _texts() -> Iterator[Target]:
    """What is parsed beyond the wires of devices: messages, codes of tags and labels."""
    messages = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "unit" / "golden").rglob("*.json"))]
    for name, decode in (("batch", wire.decode_batch), ("ack", wire.decode_ack), ("command", wire.decode_command), ("state", wire.decode_gateway_state)):
        yield Target(f"wire {name}", lambda decode=decode: _dropped(decode), lambda: messages, (wire.WireError,))
    yield Target("serial server", _serial_server, lambda: _OF_SERIAL_SERVERS, (ProtocolError,))
    hexes = [text.encode() for text in ("3074257BF7194E4000001A85", "3114257BF4499602D2000000", "F7950614134352", "E2801160600002054CC2096F")]
    yield Target("epc binary", lambda: _dropped(lambda data: tags.decode(data.decode("latin-1"))), lambda: hexes, (IdentifierError,))
    yield Target("gs1 elements", lambda: _dropped(lambda data: elements.parse_elements(data.decode("latin-1"))), lambda: _ELEMENTS, (elements.ElementError,))
    yield Target("gs1 link", lambda: _dropped(lambda data: elements.parse_digital_link(data.decode("latin-1"))), lambda: _CODES, (elements.ElementError,))
    yield Target("epc any form", lambda: _dropped(lambda data: forms.parse(data.decode("latin-1"))), lambda: [*hexes, *_CODES], (IdentifierError,))


def _serial_server() -> Feed:
    client = ComPortClient(LightAblepickConfig(host="server", serial_server="rfc2217"))

    def feed(data: bytes) -> None:
        client.receive_bytes(data)
        client.send(data)
        client.bytes_to_send()

    return feed


_OF_SERIAL_SERVERS = [bytes.fromhex(text) for text in ("fffd2cfffb00fffd03", "fffa2c6500002580fff041ffff42fffa2c6b30fff0", "fffa2c6cfff0fffa2c6dfff0fffb18")]
_ELEMENTS = [
    text.encode()
    for text in (
        "00106141412345678908",
        "010950600013435217250100310300019510LOT\x1d21S1",
        "0010614141234567890802095060001343523710",
        "010950600013435221ABC/-_\x1d70032512311430",
        "8006095060001343520102\x1d80131987654Ad4X4bL5ttr2310c2K",
    )
]
_CODES = [
    text.encode()
    for text in (
        "00106141412345678908",
        "0109506000134352\x1d10ABC",
        "(01)09506000134352(10)ABC(17)251231",
        "https://id.gs1.org/01/09506000134352/10/ABC?17=141120",
        "urn:epc:id:sgtin:0614141.812345.6789",
        "urn:epc:tag:sscc-96:3.0614141.1234567890",
        "https://example.com/some%2Fthing/414/9506000134352/254/1%2F2",
    )
]
