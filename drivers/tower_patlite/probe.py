# SPDX-License-Identifier: Apache-2.0
"""A Patlite tower tells what it shows when asked for its status; nothing is lit or silenced.

LA6-POE tells its MAC address as well (5.1.9, command E: 40 bytes, or 45 in smart mode); an older one only what it shows (5.1.8, command G: 15 bytes).
LR5-LAN and the NH series answer G with six patterns: so little is proof only because each byte is within what a lamp or a buzzer can do, and the question,
sent back, is not.
"""

from __future__ import annotations

from drivers.base.probe import Probe, Recognised
from drivers.tower_patlite.config import TowerPatliteConfig
from drivers.tower_patlite.frames import INPUTS, LAMPS, PATTERN_MAX, PRODUCTS, SMART_MODE, STATUS_BYTES, Command, Identifier, Model, command

_WHOLE_STATUS = ord("E")
_MAC_BYTES, _OPEN_BYTES, _TIER_BYTES, _SMART_BYTES = 6, 4, 4, 5  # LA6-POE 5.1.9
_TIERS_AT = _MAC_BYTES + INPUTS + 1 + _OPEN_BYTES
_WHOLE_BYTES = _TIERS_AT + LAMPS * _TIER_BYTES + 1
_LA6_BUZZER_MAX = 11  # LA6-POE 5.1.8; command S says only three of them


def _by_address(said: bytes) -> Recognised | None:
    inputs, mode = said[_MAC_BYTES : _MAC_BYTES + INPUTS], said[_MAC_BYTES + INPUTS : _TIERS_AT]
    is_smart = mode == bytes([SMART_MODE, 0, 0, 0, 0])
    if len(said) != _WHOLE_BYTES + _SMART_BYTES * is_smart or not (is_smart or mode == bytes(5)) or max(inputs) > 1:
        return None
    states = said[_TIERS_AT + _SMART_BYTES * is_smart : -1 : _TIER_BYTES]
    if max(states) > PATTERN_MAX["la6"][0] or said[-1] > _LA6_BUZZER_MAX:
        return None
    return Recognised(f"Patlite LA6-POE, MAC address {said[:_MAC_BYTES].hex(':')}", {"model": "la6"})


def _by_status(said: bytes) -> Recognised | None:
    if len(said) == STATUS_BYTES["la6"] and max(said[: INPUTS + 1]) <= 1:
        is_smart = said[INPUTS] == SMART_MODE
        return Recognised("Patlite LA6-POE", {"model": "la6"}) if is_smart or _are_patterns(said[INPUTS + 1 :], 2, _LA6_BUZZER_MAX) else None
    return _six(said, "lr5", "Patlite LR5-LAN")


def _by_status_of_nh(said: bytes) -> Recognised | None:
    return _six(said, "nh", "Patlite tower of the NH series")


def _six(said: bytes, model: Model, about: str) -> Recognised | None:
    return Recognised(about, {"model": model}) if len(said) == STATUS_BYTES[model] and _are_patterns(said, *PATTERN_MAX[model]) else None


def _are_patterns(said: bytes, lamp_max: int, buzzer_max: int) -> bool:
    return max(said[:LAMPS]) <= lamp_max and said[LAMPS] <= buzzer_max


_PORTS = (TowerPatliteConfig(host="tower").port,)
PROBES = (
    Probe(_by_address, Command(PRODUCTS["la6"], _WHOLE_STATUS).encode(), ports=_PORTS),
    Probe(_by_status, command("la6", Identifier.STATUS).encode(), ports=_PORTS),
    Probe(_by_status_of_nh, command("nh", Identifier.STATUS).encode(), ports=_PORTS),
)
