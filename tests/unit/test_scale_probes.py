# SPDX-License-Identifier: Apache-2.0
"""Each scale that can prove itself is recognised as what it is and as nothing else, whatever it was asked before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers import registry
from drivers.base.config import parse_config
from drivers.base.probe import Line, Probe, Recognised
from drivers.base.weighing import line_of
from firmware_sims.engine.twin import Twin
from firmware_sims.scale_8217.twin import Toledo8217Twin
from firmware_sims.scale_cas.twin import CasIndicatorTwin
from firmware_sims.scale_cas_pos.twin import CasCounterScaleTwin
from firmware_sims.scale_continuous.twin import ToledoContinuousTwin
from firmware_sims.scale_lines.twin import LineScaleTwin
from firmware_sims.scale_nci.twin import NciScaleTwin
from firmware_sims.scale_sics.twin import LookAlikeScaleTwin, RadwagScaleTwin, SicsScaleTwin
from firmware_sims.scale_sma.twin import SmaScaleTwin

pytestmark = pytest.mark.requirement("R98")

LINE: Line = (9600, "N", 8)
_FROM_S = 20.0
SCALES: dict[str, tuple[Callable[[], Twin], str, dict[str, object]]] = {
    "sics": (SicsScaleTwin, "scale_sics", {}),
    "sics_look_alike": (LookAlikeScaleTwin, "scale_sics", {}),
    "radwag": (RadwagScaleTwin, "scale_sics", {"dialect": "radwag"}),
    "8217": (Toledo8217Twin, "scale_8217", {}),
    "8217_with_unit": (lambda: Toledo8217Twin(with_unit=True), "scale_8217", {}),
    "8217_grams": (lambda: Toledo8217Twin(capacity=15_000, division=5, unit="g"), "scale_8217", {}),
    "8217_with_parity": (lambda: Toledo8217Twin(parity=True), "scale_8217", {"parity": "E", "data_bits": 7}),
    "continuous": (ToledoContinuousTwin, "scale_continuous", {"checksum": "on"}),
    "continuous_with_parity": (lambda: ToledoContinuousTwin(parity=True), "scale_continuous", {"checksum": "on", "parity": "E", "data_bits": 7}),
    "continuous_short": (lambda: ToledoContinuousTwin(layout="short", checksum=False), "scale_continuous", {}),
    "continuous_cardinal": (lambda: ToledoContinuousTwin(layout="cardinal"), "scale_continuous", {"checksum": "on"}),
    "nci": (NciScaleTwin, "scale_nci", {}),
    "nci_four_bytes": (lambda: NciScaleTwin(status_bytes=4, letter_s=True, unknown="swapped"), "scale_nci", {}),
    "nci_short_unknown": (lambda: NciScaleTwin(unknown="short"), "scale_nci", {}),
    "sma": (SmaScaleTwin, "scale_sma", {}),
    "sma_level_one": (lambda: SmaScaleTwin(level=1), "scale_sma", {}),
    "cas": (CasIndicatorTwin, "scale_cas", {}),
    "cas_with_relays": (lambda: CasIndicatorTwin(relays=0x8A, raw_id=True, device_number=10), "scale_cas", {}),
    "cas_pos": (CasCounterScaleTwin, "scale_cas_pos", {}),
    "cas_pos_head": (lambda: CasCounterScaleTwin(check="head"), "scale_cas_pos", {}),
}
NO_PROOF: dict[str, Callable[[], Twin]] = {
    "kern": lambda: LineScaleTwin(make="kern_gs"),
    "kern_talking": lambda: LineScaleTwin(make="kern_gs", mode="stream"),
    "ohaus": lambda: LineScaleTwin(make="ohaus_ranger"),
    "cas_18": lambda: CasIndicatorTwin(size=18),
    "cas_10": lambda: CasIndicatorTwin(size=10),
}


def look(twin: Twin) -> list[tuple[str, Recognised]]:
    """As discovery looks at one line: listen, then ask on until something proves itself; every probe of the line, whoever was recognised before."""
    probes = [(name, probe) for name, probe in registry.probes() if LINE in probe.lines]
    now_s, said = _FROM_S, bytearray(twin.connected(_FROM_S))
    while now_s < _FROM_S + 1.2:
        now_s += 0.05
        said += twin.advance_to(now_s)
    found = [_recognised(name, probe, bytes(said)) for name, probe in probes if not probe.asks]
    for name, probe in probes if not said else ():
        if not probe.asks:
            continue
        answer, until_s = bytearray(twin.receive_bytes(probe.asks, now_s)), now_s + probe.within_s
        while now_s < until_s:
            now_s += 0.05
            answer += twin.advance_to(now_s)
        found.append(_recognised(name, probe, bytes(answer)))
    return [each for each in found if each is not None]


def _recognised(name: str, probe: Probe, said: bytes) -> tuple[str, Recognised] | None:
    recognised = probe.recognise(said) if said else None
    return None if recognised is None else (name, recognised)


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("weight_g", [0, 1250])
def test_scale_is_recognised_as_what_it_is_and_as_nothing_else(name: str, weight_g: int) -> None:
    make, driver, fields = SCALES[name]
    twin = make()
    twin.advance_to(0.0)
    twin.stimulate("place", {"weight_g": weight_g}, 0.0)
    twin.advance_to(10.0)

    found = look(twin)

    assert {each[0] for each in found} == {driver}
    told = found[0][1].fields
    assert {key: told[key] for key in fields} == fields
    parse_config(registry.load(driver).config, {"driver": driver, "path": "/dev/null", **told})


@pytest.mark.parametrize("name", NO_PROOF)
def test_scale_whose_lines_others_send_too_is_not_named(name: str) -> None:
    assert look(NO_PROOF[name]()) == []


def test_scale_is_as_it_was_when_it_was_only_looked_at() -> None:
    for make, *_ in SCALES.values():
        twin = make()
        twin.advance_to(0.0)
        twin.stimulate("place", {"weight_g": 1250}, 0.0)
        twin.advance_to(10.0)
        body = twin.body  # type: ignore[attr-defined]
        before = (body.gross, body.tare_mg, body.unit, body.load_mg)

        look(twin)

        assert (body.gross, body.tare_mg, body.unit, body.load_mg) == before


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        (b"", {}),
        (b"W 1.250", {}),
        (bytes(byte | (byte.bit_count() % 2) << 7 for byte in b"W 1.250\r"), {"parity": "E", "data_bits": 7}),
        (bytes(byte | (1 - byte.bit_count() % 2) << 7 for byte in b"W 1.250\r"), {"parity": "O", "data_bits": 7}),
        (b"ab\xff", {}),
    ],
)
def test_parity_is_told_by_the_eighth_bits(said: bytes, fields: dict[str, object]) -> None:
    assert line_of(said) == fields
