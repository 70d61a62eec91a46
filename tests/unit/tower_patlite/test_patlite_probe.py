# SPDX-License-Identifier: Apache-2.0
"""Which answers prove a Patlite tower, and which do not."""

from __future__ import annotations

import pytest

from drivers.base.probe import Recognised
from drivers.tower_patlite.probe import PROBES
from firmware_sims.tower_patlite.twin import PatliteTwin

MANUAL_E = (  # LA6-POE 5.1.9, example 1 (page 43); its second tier is printed as off, but described as on
    "8039e5001a2f 0100010100010000 00 00000000 01ff0000 01ffcc00 0200ff00 010033ff 02ffffff 01"
)
MANUAL_E_SMART = "8039e5001a2f 0001000100010001 01 00000000 0a01000501 020033ff 020033ff 02000000 02cc00dd 02ff00cc 00"  # example 2


def _recognised(answers: list[bytes]) -> Recognised | None:
    """What comes of a device that answers the questions so, one after the other."""
    found = (probe.recognise(said) for probe, said in zip(PROBES, answers, strict=True))
    return next((each for each in found if each is not None), None)


@pytest.mark.requirement("R98")
@pytest.mark.parametrize("model", ["la6", "lr5", "nh"])
def test_every_model_is_recognised_by_what_it_answers(model: str) -> None:
    twin = PatliteTwin(model)  # type: ignore[arg-type]
    twin.tower.lamps[0], twin.tower.buzzer = 1, 1

    found = _recognised([twin.receive_bytes(probe.asks, 1.0) for probe in PROBES])

    assert found is not None
    assert found.fields == {"model": model}
    assert ("MAC address 80:39:e5:00:1a:2f" in found.about) == (model == "la6")
    assert (twin.tower.lamps, twin.tower.buzzer) == ([1, 0, 0, 0, 0], 1)


@pytest.mark.parametrize("answer", [MANUAL_E, MANUAL_E_SMART])
def test_examples_of_the_manual_are_recognised(answer: str) -> None:
    found = PROBES[0].recognise(bytes.fromhex(answer))

    assert found is not None
    assert found.about == "Patlite LA6-POE, MAC address 80:39:e5:00:1a:2f"


def test_twin_answers_as_the_example_of_the_manual() -> None:
    twin = PatliteTwin("la6")
    twin.tower.inputs[:] = [True, False, True, True, False, True, False, False]
    twin.receive_bytes(bytes.fromhex("41425300000601010201020 1".replace(" ", "")), 1.0)

    assert twin.receive_bytes(b"ABE\x00\x00\x00", 1.0) == bytes.fromhex(MANUAL_E)


def test_tower_without_the_long_status_is_recognised_by_the_short_one() -> None:
    found = _recognised([b"\x15", bytes(8) + b"\x00\x02\x00\x00\x00\x00\x0b", b""])

    assert found == Recognised("Patlite LA6-POE", {"model": "la6"})


@pytest.mark.parametrize(
    "answers",
    [
        [probe.asks for probe in PROBES],
        [b"\x15", b"\x15", b"\x15"],
        [b"NAK", b"ACK", b""],
        [bytes(41), bytes(16), bytes(7)],
        [b"220 mail ready\r\n"] * 3,
        [bytes(14) + b"\x02" + bytes(25), b"\x02" + bytes(14), b"\x00\x00\x00\x00\x04\x00"],
        [b"\x00\x01\x00\x00\x00\x03\x01\x83\x02"] * 3,
    ],
    ids=["echo", "refused", "words", "too long", "mail", "beyond", "modbus"],
)
def test_what_is_no_tower_is_not_named(answers: list[bytes]) -> None:
    assert [probe.recognise(said) for probe, said in zip(PROBES, answers, strict=True)] == [None, None, None]
