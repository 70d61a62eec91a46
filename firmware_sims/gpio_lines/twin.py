# SPDX-License-Identifier: Apache-2.0
"""A microcontroller that speaks lines about its pins: `hello`, `input`, `output`, `start`, `set`, `get`, and edges by itself.

Contacts that bounce are debounced as the Linux kernel does it: a level counts when it has lasted for the debounce time (chardev.rst, debounce_period_us).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from firmware_sims.engine.twin import Twin

_PINS = 28


@dataclass
class _Input:
    pin: str
    is_low_active: bool
    debounce_s: float
    level: bool = False
    edges: int = 0
    changes_at_s: float | None = None


@dataclass
class _Output:
    pin: str
    is_low_active: bool
    on: bool


class GpioBoxTwin(Twin):
    """`voltages` by pin (True: high), `outputs` by number. Stimuli: pin (somebody opens or closes a contact), miss (edges get lost), deny (an output), busy."""

    def __init__(self, clock: str = "own") -> None:
        self.voltages = {str(pin): False for pin in range(_PINS)}
        self._clock = clock
        self._inputs: dict[str, _Input] = {}
        self._outputs: dict[str, _Output] = {}
        self._denied: set[str] = set()
        self._busy: set[str] = set()
        self._wired: set[str] = set()
        self._pending = b""
        self._running = False

    @property
    def outputs(self) -> dict[int, bool]:
        """Which outputs are on."""
        return {int(number): output.on for number, output in self._outputs.items()}

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending, self._running = b"", False
        self._inputs, self._outputs = {}, {}
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._pending += data
        if b"\n" not in self._pending and len(self._pending) > 512:
            self._pending = b""
        *lines, self._pending = self._pending.split(b"\n")
        return "".join(self._obey([unquote(word) for word in text.decode("ascii", "replace").split(" ")]) for text in lines).encode("ascii", "replace")

    def _obey(self, words: list[str]) -> str:
        match words:
            case ["hello"]:
                return f"chip box {_PINS} {self._clock}\n"
            case ["input" | "output" as kind, number, pin, "low" | "high" as active, how, last] if number.isdigit() and last.isdigit():
                return self._set_up(kind, number, pin, active == "low", how, int(last))
            case ["start"]:
                self._running = True
                return "started\n"
            case ["set", number, "0" | "1" as level] if number in self._outputs:
                return self._switch(number, level == "1")
            case ["get"]:
                return "".join(f"level {number} {int(each.level)}\n" for number, each in self._inputs.items()) + "levels\n"
            case _:
                return f"error {words[1] if len(words) > 1 and words[1] else '-'} EINVAL\n"

    def _set_up(self, kind: str, number: str, pin: str, is_low_active: bool, how: str, last: int) -> str:
        pin = pin.removeprefix("GPIO")
        if pin not in self.voltages or pin in self._busy:
            return f"error {number} {'EBUSY' if pin in self._busy else 'ENOENT'}\n"
        if kind == "input":
            if how in ("up", "down") and pin not in self._wired:
                self.voltages[pin] = how == "up"
            self._inputs[number] = _Input(pin, is_low_active, last / 1000, self.voltages[pin] is not is_low_active)
        else:
            self._outputs[number] = _Output(pin, is_low_active, bool(last))
            self.voltages[pin] = bool(last) is not is_low_active
        return f"{kind} {number}\n"

    def _switch(self, number: str, on: bool) -> str:
        if number in self._denied:
            return f"error {number} EPERM\n"
        output = self._outputs[number]
        output.on = on
        self.voltages[output.pin] = on is not output.is_low_active
        return f"set {number} {int(on)}\n"

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`: what has lasted for its debounce time counts."""
        said = ""
        for number, each in self._inputs.items():
            if each.changes_at_s is not None and each.changes_at_s <= now_s:
                at_ns = round(each.changes_at_s * 1e9)
                each.level, each.changes_at_s, each.edges = not each.level, None, each.edges + 1
                said += f"edge {number} {int(each.level)} {at_ns} {each.edges}\n" if self._running else ""
        return said.encode("ascii")

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return min((each.changes_at_s for each in self._inputs.values() if each.changes_at_s is not None), default=None)

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def on_pin(self, pin: int, high: bool = True, now_s: float = 0.0) -> bytes:
        """The voltage at a pin changes."""
        self.voltages[str(pin)] = high
        self._wired.add(str(pin))
        for each in self._inputs.values():
            if each.pin == str(pin):
                changes = (high is not each.is_low_active) is not each.level
                each.changes_at_s = now_s + each.debounce_s if changes else None
        return self.advance_to(now_s)

    def on_miss(self, number: int, edges: int = 1, now_s: float = 0.0) -> bytes:
        """Edges of an input get lost: too many came at once. With an odd number its level is another one."""
        each = self._inputs[str(number)]
        each.edges += edges
        each.level = each.level is not bool(edges % 2)
        return b""

    def on_deny(self, number: int, now_s: float = 0.0) -> bytes:
        """An output may not be switched any more."""
        self._denied.add(str(number))
        return b""

    def on_busy(self, pin: int, now_s: float = 0.0) -> bytes:
        """Something else uses a pin."""
        self._busy.add(str(pin))
        return b""
