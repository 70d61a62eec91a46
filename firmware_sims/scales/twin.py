# SPDX-License-Identifier: Apache-2.0
"""What all twins of scales share: a body that moves with the clock, and the hands and keys that act on it. The wire is the subclass's."""

from __future__ import annotations

import abc
from decimal import Decimal

from firmware_sims.engine.twin import Twin
from firmware_sims.engine.units import seconds, weight_mg
from firmware_sims.scales.body import ScaleBody

_S_PER_H = 3600


class ScaleTwin(Twin, abc.ABC):
    """A scale with an interface. A subclass says in `tell` what it sends by itself, and answers in `hear`; both find `body` at the present moment."""

    def __init__(self, body: ScaleBody) -> None:
        self.body = body
        self._body_at_s: float | None = None

    @abc.abstractmethod
    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`; time has been let pass."""

    def tell(self, now_s: float) -> bytes:
        """See `Twin.advance_to`; the body has been moved."""
        return b""

    def rebooted(self, now_s: float) -> bytes:
        """What it says after it was switched on again; forget here what a lost supply forgets."""
        return b""

    # Time

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        return self.advance_to(now_s) + self.hear(data, now_s)

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        self._move_body_to(now_s)
        return self.tell(now_s)

    def _move_body_to(self, now_s: float) -> None:
        if self._body_at_s is not None and now_s > self._body_at_s:
            self.body.advance(now_s - self._body_at_s)
        self._body_at_s = now_s if self._body_at_s is None else max(now_s, self._body_at_s)

    @property
    def present_s(self) -> float:
        """The moment that the body is at."""
        return self._body_at_s or 0.0

    # What happens to it

    def on_place(self, *, weight_g: float, now_s: float) -> bytes:
        """A load is put on (it replaces what lay there)."""
        return self._load(round(weight_g * 1000), now_s)

    def on_remove(self, *, now_s: float) -> bytes:
        """The load is taken off."""
        return self._load(0, now_s)

    def on_move(self, *, now_s: float, duration_s: float = 0.5) -> bytes:
        """Somebody touches the load: it moves for so long, then comes to rest at the same weight."""
        said = self.advance_to(now_s)
        self.body.touch(duration_s)
        return said

    def on_reboot(self, *, now_s: float) -> bytes:
        """The scale is switched off and on: zero where the load is, no tare."""
        self._move_body_to(now_s)
        self.body.switch_on()
        return self.rebooted(now_s)

    def on_zero(self, *, now_s: float) -> bytes:
        """Somebody presses the zero key."""
        said = self.advance_to(now_s)
        self.body.zero()
        return said

    def on_tare(self, *, now_s: float) -> bytes:
        """Somebody presses the tare key."""
        said = self.advance_to(now_s)
        self.body.take_tare()
        return said

    def _load(self, load_mg: int, now_s: float) -> bytes:
        said = self.advance_to(now_s)
        self.body.put(load_mg)
        return said

    # Conditions, as people write them

    def set_load(self, text: str, *, now_s: float) -> bytes:
        """What lies on it: `12.5kg`, `0`."""
        return self._load(weight_mg(text), now_s)

    def set_tare(self, text: str, *, now_s: float) -> bytes:
        """A tare keyed in, as a number in the unit shown: `1.5`; `0` clears it."""
        said = self.advance_to(now_s)
        try:
            tare = Decimal(text.strip())
        except ArithmeticError as error:
            raise ValueError(f"expected a tare like 1.5, in {self.body.unit}; got {text!r}") from error
        if not tare.is_finite() or self.body.preset_tare(tare):
            raise ValueError(f"a tare is from 0 to {self.body.capacity} {self.body.unit}; got {text!r}")
        return said

    def set_unit(self, text: str, *, now_s: float) -> bytes:
        """The unit key: `kg`, `g`, `lb`, `oz`, `t`, `mg`."""
        said = self.advance_to(now_s)
        self.body.show_in(text.strip())
        return said

    def set_moving(self, text: str, *, now_s: float) -> bytes:
        """Somebody moves the load about: `2s`."""
        return self.on_move(now_s=now_s, duration_s=seconds(text))

    def set_drift(self, text: str, *, now_s: float) -> bytes:
        """How much zero wanders off in an hour: `5g`, `-2g`, `0`."""
        said = self.advance_to(now_s)
        self.body.drift_mg_per_s = weight_mg(text) / _S_PER_H
        return said

    def set_vibration(self, text: str, *, now_s: float) -> bytes:
        """A shaking floor: standard deviation in divisions, `0` for none."""
        said = self.advance_to(now_s)
        try:
            divisions = float(text)
        except ValueError:
            divisions = -1.0
        if not 0 <= divisions <= 1000:
            raise ValueError(f"expected a number of divisions from 0 to 1000; got {text!r}")
        self.body.vibration_divisions = divisions
        return said
