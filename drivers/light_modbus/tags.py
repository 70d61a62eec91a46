# SPDX-License-Identifier: Apache-2.0
"""A map applied to tags by their numbers: which requests say what a tag shall show, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drivers.base.modbus.frames import READ_BITS, WRITE_COIL, WRITE_REGISTERS, Reply, Request
from drivers.light_modbus.maps import Button, LightMap, Place


@dataclass(frozen=True)
class LitTag:
    """What a tag shall show; `colour` one of red, green, orange, blue, pink, cyan."""

    quantity: int
    colour: str


@dataclass(frozen=True)
class Seen:
    """What the keys' block of a tag says. `pressed` and `down`: numbers of buttons of the map. `quantity` and `is_lit` None: it does not tell."""

    pressed: frozenset[int]
    down: frozenset[int]
    latches: tuple[tuple[int, int], ...]
    quantity: int | None = None
    tells_quantity: bool = False
    lamp: tuple[int, ...] | None = None


class Tags:
    """The tags of a line as its map has them."""

    def __init__(self, light_map: LightMap) -> None:
        self.map = light_map

    def units(self, node: int) -> frozenset[int]:
        """The units that make up a tag."""
        parts: tuple[Place | None, ...] = (self.map.keys, self.map.display, self.map.lamp, self.map.buzzer, self.map.clear)
        return frozenset(part.unit(node) for part in parts if part is not None)

    def poll(self, node: int) -> Request:
        """Asks for a tag's keys; the same request for all tags of a unit that share a block."""
        keys = self.map.keys
        return Request(keys.unit(node), keys.function, keys.at(node), keys.count)

    def requests(self, node: int) -> list[Request]:
        """One of each kind that a tag is ever sent, the longest of it."""
        lit = LitTag(0, next(iter(self.map.lamp.colours), "") if self.map.lamp is not None else "")
        return [self.poll(node), *self.writes(node, lit, buzzing=True, cleared=1), *self.checks(node)]

    def writes(self, node: int, wish: LitTag | None, *, buzzing: bool, cleared: int) -> list[Request]:
        """All that a tag shall show, and its latches (`cleared`, as bits) put back; what lies side by side goes in one request."""
        return list(_joined(self._parts(node, wish, buzzing=buzzing, cleared=cleared)))

    def _parts(self, node: int, wish: LitTag | None, *, buzzing: bool, cleared: int) -> Iterator[Request]:
        display, lamp, buzzer, clear = self.map.display, self.map.lamp, self.map.buzzer, self.map.clear
        if display is not None:
            yield _write(display, node, display.encode(wish.quantity) if wish else display.blank)
        if lamp is not None:
            yield _write(lamp, node, (lamp.encode(wish.colour) if wish else None) or lamp.off)
        if buzzer is not None:
            yield _write(buzzer, node, buzzer.on if buzzing else buzzer.off)
        if clear is not None and cleared:
            yield _write(clear, node, (clear.value if clear.value is not None else cleared,))

    def clearing(self, node: int, cleared: int) -> Request | None:
        """Puts a tag's latches back and changes nothing else; None: they go back by themselves when they are read."""
        clear = self.map.clear
        return None if clear is None else _write(clear, node, (clear.value if clear.value is not None else cleared,))

    def checks(self, node: int) -> list[Request]:
        """Read back what the keys' block does not tell."""
        display, lamp = self.map.display, self.map.lamp
        found = []
        if display is not None and display.read_function and display.shown_at < 0:
            found.append(Request(display.unit(node), display.read_function, display.at(node), display.size_words))
        if lamp is not None and lamp.read_function and lamp.shown_at < 0:
            found.append(Request(lamp.unit(node), lamp.read_function, lamp.at(node), len(lamp.off)))
        return found

    def is_as_wished(self, node: int, wish: LitTag | None, request: Request, reply: Reply) -> bool:
        """Whether what was read back by one of `checks` is what the tag shall show."""
        found = tuple(map(int, reply.bits[: request.count])) if request.function in READ_BITS else reply.registers
        display, lamp = self.map.display, self.map.lamp
        if display is not None and (request.unit_id, request.function, request.address) == (display.unit(node), display.read_function, display.at(node)):
            return found == (display.encode(wish.quantity) if wish else display.blank)
        assert lamp is not None
        return found == ((lamp.encode(wish.colour) if wish else None) or lamp.off)

    def lamp_of(self, wish: LitTag | None) -> tuple[int, ...] | None:
        """What the lamp of a tag is told for a wish; None: there is no lamp."""
        lamp = self.map.lamp
        return None if lamp is None else ((lamp.encode(wish.colour) if wish else None) or lamp.off)

    def seen(self, node: int, reply: Reply) -> Seen:
        """What a reply to `poll` says of a tag."""
        keys, display, lamp = self.map.keys, self.map.display, self.map.lamp
        active = frozenset(n for n, button in enumerate(keys.buttons) if self._is_active(node, button, reply))
        latches: dict[int, int] = {}
        for n in active:
            if keys.buttons[n].kind == "latch":
                latches[keys.buttons[n].offset] = latches.get(keys.buttons[n].offset, 0) | 1 << keys.buttons[n].bit
        tells = display is not None and display.shown_at >= 0
        shown = reply.registers[display.shown_at : display.shown_at + display.size_words] if tells and display is not None else ()
        return Seen(
            pressed=frozenset(n for n in active if keys.buttons[n].kind != "held"),
            down=frozenset(n for n in active if keys.buttons[n].kind != "latch"),
            latches=tuple(sorted(latches.items())),
            quantity=display.decode(shown) if tells and display is not None else None,
            tells_quantity=tells,
            lamp=tuple(reply.registers[lamp.shown_at : lamp.shown_at + len(lamp.off)]) if lamp is not None and lamp.shown_at >= 0 else None,
        )

    def _is_active(self, node: int, button: Button, reply: Reply) -> bool:
        offset = button.offset + self.map.keys.index(node) * button.offset_step
        if self.map.keys.function in READ_BITS:
            return reply.bits[offset] != button.inverted
        return bool(reply.registers[offset] >> button.bit & 1) != button.inverted


def _write(place: Place, node: int, values: Sequence[int]) -> Request:
    if place.function == WRITE_COIL:
        return Request(place.unit(node), WRITE_COIL, place.at(node), on=bool(values[0]))
    return Request(place.unit(node), place.function, place.at(node), values=tuple(values))


def _joined(requests: Iterable[Request]) -> Iterator[Request]:
    """Writes of registers of one unit that lie side by side, as one."""
    before: Request | None = None
    for request in requests:
        if before is None:
            before = request
        elif (
            before.function == request.function == WRITE_REGISTERS
            and before.unit_id == request.unit_id
            and before.address + len(before.values) == request.address
        ):
            before = Request(before.unit_id, WRITE_REGISTERS, before.address, values=before.values + request.values)
        else:
            yield before
            before = request
    if before is not None:
        yield before
