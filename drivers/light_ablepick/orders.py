# SPDX-License-Identifier: Apache-2.0
"""Commands for one tag, checked and turned into what is sent."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.light_ablepick.events import LitTag
from drivers.light_ablepick.frames import COLOURS, QUANTITY_MAX, Sub

_CHOICES: dict[tuple[str, str], dict[str, dict[bool, Sub]]] = {
    ("keys", "key"): {
        "confirm": {True: Sub.CONFIRM_KEY_ON, False: Sub.CONFIRM_KEY_OFF},
        "shortage": {True: Sub.SHORTAGE_KEY_ON, False: Sub.SHORTAGE_KEY_OFF},
    },
    ("mode", "mode"): {"pick": {True: Sub.PICK_MODE}, "stock": {True: Sub.STOCK_MODE}},
    ("press", "key"): {"confirm": {True: Sub.PRESS_CONFIRM}, "shortage": {True: Sub.PRESS_SHORTAGE}},
}
_PLAIN = {"identify": Sub.SHOW_ADDRESS, "reset": Sub.RESET}


def wish_of(arguments: Mapping[str, Argument]) -> LitTag:
    """What `show` asks for. Raises: LocalProtocolError: no tag can show that."""
    quantity, colour = int(arguments["quantity"]), str(arguments.get("colour", "green"))
    if not 0 <= quantity <= QUANTITY_MAX:
        raise LocalProtocolError(f"quantity {quantity} does not fit a pick tag; it shows 0 to {QUANTITY_MAX}")
    if colour not in COLOURS:
        raise LocalProtocolError(f"colour {colour!r} is none of {', '.join(COLOURS)}")
    return LitTag(quantity, colour, bool(arguments.get("flash", False)))


def plain_orders(name: str, arguments: Mapping[str, Argument]) -> list[Sub]:
    """Sub-commands without data that a command stands for. Raises: LocalProtocolError: there is no such command or choice."""
    if name in _PLAIN:
        return [_PLAIN[name]]
    for (command, argument), choices in _CHOICES.items():
        if command == name:
            chosen = str(arguments[argument])
            if chosen not in choices:
                raise LocalProtocolError(f"{argument} {chosen!r} is none of {', '.join(choices)}")
            return [choices[chosen][bool(arguments.get("on", True))]]
    raise LocalProtocolError(f"ABLEPick has no command {name!r}; dockline device list names those it has")


def byte_of(arguments: Mapping[str, Argument], name: str) -> int:
    """Raises: LocalProtocolError: it is no byte."""
    value = int(arguments[name])
    if not 0 <= value <= 0xFF:
        raise LocalProtocolError(f"{name} {value} is not within 0 to 255")
    return value
