# SPDX-License-Identifier: Apache-2.0
"""What a label printer is apart from its language: a roll, a head, a ribbon, a motor that moves so many millimetres a second. Time comes as `dt_s`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_HOT_C, _COLD_C = 65.0, 5.0
"""Beyond these a head does not print (guessed from data sheets of desktop printers: 5 to 40 C around it, 65 C at the head)."""
_LOW_LABELS = 20


@dataclass
class Format:
    """A label as it was described, and how many of it are still to be printed."""

    zpl: str
    remaining: int
    length_mm: float
    size_bytes: int


@dataclass(frozen=True)
class Printed:
    """A label that left the printer."""

    zpl: str
    at_s: float


@dataclass
class PrinterBody:
    """The machine. `paper_labels`: labels left on the roll. A label that is stopped in its middle is printed again from its beginning (^JZY)."""

    speed_mm_s: float = 100.0
    paper_labels: int = 1000
    head_open: bool = False
    ribbon_out: bool = False
    thermal_transfer: bool = False
    paused: bool = False
    cutter_fault: bool = False
    head_fault: bool = False
    temperature_c: float = 30.0
    counted: int = 0
    queue: deque[Format] = field(default_factory=deque)
    printed: list[Printed] = field(default_factory=list)
    now_s: float = 0.0
    _done_mm: float = 0.0

    @property
    def paper_out(self) -> bool:
        """Whether the roll is at its end."""
        return self.paper_labels <= 0

    @property
    def paper_low(self) -> bool:
        """Whether the roll is nearly at its end."""
        return self.paper_labels < _LOW_LABELS

    @property
    def too_hot(self) -> bool:
        """Whether the head must cool down."""
        return self.temperature_c > _HOT_C

    @property
    def too_cold(self) -> bool:
        """Whether the head must warm up."""
        return self.temperature_c < _COLD_C

    @property
    def stopped(self) -> bool:
        """Whether anything keeps it from printing."""
        return self.paused or self.faulty

    @property
    def faulty(self) -> bool:
        """Whether something is wrong that spoils the label at work."""
        ribbon = self.ribbon_out and self.thermal_transfer
        return self.paper_out or self.head_open or ribbon or self.cutter_fault or self.head_fault or self.too_hot or self.too_cold

    @property
    def remaining(self) -> int:
        """Labels of the batch at work that are still to come."""
        return self.queue[0].remaining if self.queue else 0

    def advance(self, dt_s: float) -> None:
        """Let time pass."""
        end_s = self.now_s + dt_s
        while self.queue and not self.stopped:
            format_ = self.queue[0]
            needs_s = (format_.length_mm - self._done_mm) / self.speed_mm_s
            if self.now_s + needs_s > end_s + 1e-9:
                self._done_mm += (end_s - self.now_s) * self.speed_mm_s
                break
            self.now_s += needs_s
            self._label_done(format_)
        if self.faulty:
            self._done_mm = 0.0
        self.now_s = end_s

    def forget_jobs(self) -> None:
        """What waits is gone, and so is the label at work."""
        self.queue.clear()
        self._done_mm = 0.0

    def _label_done(self, format_: Format) -> None:
        self._done_mm = 0.0
        self.printed.append(Printed(format_.zpl, self.now_s))
        self.counted += 1
        self.paper_labels -= 1
        format_.remaining -= 1
        if not format_.remaining:
            self.queue.popleft()

    def next_label_s(self) -> float | None:
        """When the label at work is done; None: nothing is printed."""
        if not self.queue or self.stopped:
            return None
        return self.now_s + (self.queue[0].length_mm - self._done_mm) / self.speed_mm_s
