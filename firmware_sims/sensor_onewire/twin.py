# SPDX-License-Identifier: Apache-2.0
"""A one-wire bus that somebody passes on line by line, and the same bus as a folder of files like the kernel's.

The lines: `list`, `read`, `precision`, `trigger` and `pending` are answered as Linux's w1_therm would (Documentation/w1/slaves/w1_therm.rst): reading a probe
takes its conversion time unless all were triggered before; a file that is read while they measure is empty.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from firmware_sims.engine.twin import Twin
from firmware_sims.engine.units import amount
from firmware_sims.sensor_onewire.probes import Probe

MASTER = "w1_bus_master1"
_ROMS = ("28-0316a2791e0b", "28-0417c1a2ffe1")


class OneWireBusTwin(Twin):
    """`probes` by ROM id. Stimuli: set, unplug, plug, cut_power, damage, fail, short, mend, remove_bus. `hasty`: measuring takes no time."""

    def __init__(self, roms: str = ",".join(_ROMS), bulk: bool = True, hasty: bool = False) -> None:
        self.probes = {rom: Probe() for rom in roms.split(",")}
        self.has_bulk = bulk
        self._hasty = hasty
        self._has_bus = True
        self._triggered: set[str] = set()
        self._triggered_until_s = 0.0
        self._pending = b""
        self._said: tuple[float, str] | None = None

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending, self._said = b"", None
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._pending += data
        if len(self._pending) > 4096:
            self._pending = b""
        said = ""
        while b"\n" in self._pending and self._said is None:
            line, _, self._pending = self._pending.partition(b"\n")
            word, _, rest = line.decode("ascii", "replace").partition(" ")
            subject, _, text = rest.partition(" ")
            said += self._obey(word, subject, text, now_s) if text else "error - EINVAL\n"
        return said.encode("ascii", "replace")

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        if self._said is None or now_s < self._said[0]:
            return b""
        said = self._read(self._said[1])
        self._said = None
        return said.encode("ascii") + self.receive_bytes(b"", now_s)

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._said[0] if self._said is not None else None

    def _obey(self, word: str, subject: str, text: str, now_s: float) -> str:
        probe = self.probes.get(subject)
        if not self._has_bus:
            return f"error {subject} ENODEV\n"
        if word == "list":
            return f"bus {MASTER} {' '.join(['bulk' if self.has_bulk else 'single', *self.plugged()])}\n"
        if word == "trigger" and self.has_bulk:
            return self._trigger(now_s)
        if word == "pending" and self.has_bulk:
            return f"pending - {self.pending(now_s)}\n"
        if word not in ("read", "precision"):
            return f"error {subject} {'ENOENT' if word in ('trigger', 'pending') else 'EINVAL'}\n"
        if probe is None or not probe.is_plugged:
            return f"error {subject} ENOENT\n"
        if word == "precision":
            return self._set_precision(probe, subject, text)
        return self._begin_reading(probe, subject, now_s)

    def _set_precision(self, probe: Probe, rom: str, text: str) -> str:
        if text not in ("9", "10", "11", "12"):
            return f"error {rom} EINVAL\n"
        probe.bits = int(text)
        return f"precision {rom} {text}\n"

    def _trigger(self, now_s: float) -> str:
        self._triggered = set(self.plugged())
        longest_s = max((probe.conversion_s for probe in self.probes.values()), default=0.0)
        self._triggered_until_s = now_s + (0.0 if self._hasty else longest_s)
        for rom in self._triggered:
            self.probes[rom].measure()
        return "triggered - -\n"

    def pending(self, now_s: float) -> int:
        """What `therm_bulk_read` says."""
        if not self._triggered:
            return 0
        return -1 if now_s < self._triggered_until_s else 1

    def plugged(self) -> list[str]:
        """ROM ids on the bus."""
        return sorted(rom for rom, probe in self.probes.items() if probe.is_plugged)

    def _begin_reading(self, probe: Probe, rom: str, now_s: float) -> str:
        if rom in self._triggered and now_s < self._triggered_until_s:
            return f"slave {rom} \n"
        if rom in self._triggered or self._hasty or probe.errors:
            return self._read(rom)
        self._said = (now_s + probe.conversion_s, rom)
        return ""

    def _read(self, rom: str) -> str:
        probe = self.probes[rom]
        if probe.errors:
            probe.errors -= 1
            return f"error {rom} {probe.error}\n"
        if rom in self._triggered:
            self._triggered.discard(rom)
        else:
            probe.measure()
        text = probe.kernel_file().replace("\n", "\\n")
        return f"slave {rom} {text}\n"

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def _probe(self, rom: str) -> Probe:
        return self.probes[rom or next(iter(self.probes))]

    def on_set(self, temperature_c: float, rom: str = "", now_s: float = 0.0) -> bytes:
        """A probe (empty: the first) gets warmer or colder."""
        self._probe(rom).temperature_c = temperature_c
        return b""

    def on_plug(self, rom: str, temperature_c: float = 5.0, now_s: float = 0.0) -> bytes:
        """A probe, perhaps a new one, is plugged in."""
        self.probes[rom] = Probe(temperature_c)
        return b""

    def on_unplug(self, rom: str = "", now_s: float = 0.0) -> bytes:
        """A probe is pulled off."""
        self._probe(rom).is_plugged = False
        return b""

    def on_cut_power(self, rom: str = "", measurements: int = 1, now_s: float = 0.0) -> bytes:
        """Its power is cut during the next measurements."""
        self._probe(rom).resets = measurements
        return b""

    def on_damage(self, rom: str = "", answers: int = 1, now_s: float = 0.0) -> bytes:
        """A bit of its next answers is turned over on the way."""
        self._probe(rom).damaged = answers
        return b""

    def on_fail(self, rom: str = "", code: str = "EIO", answers: int = 1, now_s: float = 0.0) -> bytes:
        """The kernel cannot read it."""
        probe = self._probe(rom)
        probe.error, probe.errors = code, answers
        return b""

    def on_short(self, rom: str = "", now_s: float = 0.0) -> bytes:
        """The data wire is shorted to ground while this probe is read."""
        self._probe(rom).shorted = True
        return b""

    def on_mend(self, rom: str = "", now_s: float = 0.0) -> bytes:
        """Whatever was wrong with it is put right."""
        probe = self._probe(rom)
        self.probes[rom or next(iter(self.probes))] = Probe(probe.temperature_c, probe.bits)
        return b""

    def on_remove_bus(self, now_s: float = 0.0) -> bytes:
        """The adapter is pulled off."""
        self._has_bus = False
        return b""

    def set_temperature(self, text: str, now_s: float = 0.0) -> bytes:
        """`5.5C`, for the first probe, or `5.5C@28-0316a2791e0b`. Raises: ValueError: not understood."""
        value, _, rom = text.partition("@")
        if rom and rom not in self.probes:
            raise ValueError(f"there is no probe {rom!r}; there are: {', '.join(self.probes)}")
        return self.on_set(amount(value, "C")[0], rom)


def write_folder(twin: OneWireBusTwin, folder: Path) -> Path:
    """The bus as plain files below `folder`, as the kernel lays them out, each probe measured now; returns the bus's own folder.

    Plain files measure nothing by themselves: write again after a change.
    """
    bus = folder / MASTER
    bus.mkdir(parents=True, exist_ok=True)
    for old in bus.glob("[0-9a-f][0-9a-f]-*"):
        if old.name not in twin.plugged():
            shutil.rmtree(old)
            (folder / old.name).unlink()
    for rom in twin.plugged():
        place = bus / rom
        place.mkdir(exist_ok=True)
        twin.probes[rom].measure()
        (place / "w1_slave").write_text(twin.probes[rom].kernel_file())
        (place / "resolution").write_text(f"{twin.probes[rom].bits}\n")
        if not (folder / rom).exists():
            (folder / rom).symlink_to(place)
    (bus / "w1_master_slaves").write_text("".join(f"{rom}\n" for rom in twin.plugged()) or "not found.\n")
    if twin.has_bulk:
        (bus / "therm_bulk_read").write_text("0\n")
    return bus
