# SPDX-License-Identifier: Apache-2.0
"""A label printer with ZPL II, as Zebra's programming guide (P1099958) describes it: it prints over time, runs out of paper, and says how it is.

Unlike an emulator that answers "ready" for ever it keeps what it cannot print, prints a label again that was stopped in its middle, and forgets its
buffer, not its counter, when it is switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from firmware_sims.engine.twin import Twin
from firmware_sims.engine.units import amount
from firmware_sims.printer_zpl.body import Format, Printed, PrinterBody
from firmware_sims.printer_zpl.language import Instruction, Reader, labels_of, length_dots_of

if TYPE_CHECKING:
    from firmware_sims.printer_zpl.drawing import Drawn

_MM_PER_INCH = 25.4
_FORMATS_SHOWN_MAX = 999
_BUFFER_BYTES = 256 * 1024
_YES, _NO = ("on", "yes", "true", "1"), ("off", "no", "false", "0")


class ZplPrinterTwin(Twin):
    """The printer. `answers` false: a clone that takes ZPL and says nothing; `counts` false: one without SGD; `silent_when_stopped`: one that keeps
    to the letter of the guide and does not answer ~HS without paper, without ribbon, with an open head or a hot one.
    """

    def __init__(
        self,
        *,
        model: str = "ZT411-203dpi",
        firmware: str = "V92.21.17Z",
        serial: str = "99J204501782",
        dpi: int = 203,
        label_mm: float = 50.0,
        speed_mm_s: float = 100.0,
        labels_on_roll: int = 1000,
        thermal_transfer: bool = False,
        answers: bool = True,
        counts: bool = True,
        silent_when_stopped: bool = False,
        buffer_bytes: int = _BUFFER_BYTES,
    ) -> None:
        self.body = PrinterBody(speed_mm_s=speed_mm_s, paper_labels=labels_on_roll, thermal_transfer=thermal_transfer)
        self._model, self._firmware, self._serial, self._dpi = model, firmware, serial, dpi
        self._label_mm = label_mm
        self._answers, self._counts, self._silent = answers, counts, silent_when_stopped
        self._buffer_bytes = buffer_bytes
        self._reader = Reader()

    @property
    def labels(self) -> list[Printed]:
        """What left the printer, the oldest first."""
        return self.body.printed

    def drawn(self, label: int = -1) -> Drawn:
        """A printed label as a picture; needs Pillow."""
        from firmware_sims.printer_zpl.drawing import draw

        width_dots = round(100 / _MM_PER_INCH * self._dpi)
        return draw(self.labels[label].zpl, default_size=(width_dots, self._dots(self._label_mm)))

    # What happens to it

    def on_run_out_of_paper(self, *, now_s: float) -> bytes:
        """The roll ends."""
        return self.set_paper("out", now_s=now_s)

    def on_press_pause(self, *, now_s: float) -> bytes:
        """Somebody presses the pause key."""
        self.advance_to(now_s)
        self.body.paused = not self.body.paused
        return b""

    def on_press_cancel(self, *, now_s: float) -> bytes:
        """Somebody presses the cancel key: what waits is gone."""
        self.advance_to(now_s)
        self._cancel()
        return b""

    def on_reboot(self, *, now_s: float) -> bytes:
        """It is switched off and on: what was in its memory is lost, what it counted is not."""
        self.advance_to(now_s)
        self._cancel()
        self.body.paused = False
        return b""

    def set_paper(self, text: str, *, now_s: float) -> bytes:
        """`out`, `in` (a new roll), or so many labels (`12`)."""
        self.advance_to(now_s)
        word = text.strip().lower().removesuffix("labels").strip()
        if word not in ("out", "in") and not word.isdigit():
            raise ValueError(f"paper is out, in or a number of labels, got {text!r}")
        self.body.paper_labels = {"out": 0, "in": 1000}.get(word) if word in ("out", "in") else int(word)  # type: ignore[assignment]
        return b""

    def set_head(self, text: str, *, now_s: float) -> bytes:
        """`open` or `closed`."""
        return self._set("head_open", text, ("open",), ("closed",), now_s)

    def set_ribbon(self, text: str, *, now_s: float) -> bytes:
        """`out` or `in`; only a printer with thermal transfer minds."""
        return self._set("ribbon_out", text, ("out",), ("in",), now_s)

    def set_pause(self, text: str, *, now_s: float) -> bytes:
        """`on` or `off`."""
        return self._set("paused", text, _YES, _NO, now_s)

    def set_cutter(self, text: str, *, now_s: float) -> bytes:
        """`stuck` or `ok`."""
        return self._set("cutter_fault", text, ("stuck",), ("ok",), now_s)

    def set_printhead(self, text: str, *, now_s: float) -> bytes:
        """`broken` or `ok`."""
        return self._set("head_fault", text, ("broken",), ("ok",), now_s)

    def set_temperature(self, text: str, *, now_s: float) -> bytes:
        """Of the print head, in degrees Celsius: `70C`."""
        self.advance_to(now_s)
        self.body.temperature_c, _ = amount(text, "C")
        return b""

    def _set(self, name: str, text: str, yes: tuple[str, ...], no: tuple[str, ...], now_s: float) -> bytes:
        self.advance_to(now_s)
        word = text.strip().lower()
        if word not in yes + no:
            raise ValueError(f"expected {' or '.join([yes[0], no[0]])}, got {text!r}")
        setattr(self.body, name, word in yes)
        return b""

    # Time

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        if now_s > self.body.now_s:
            self.body.advance(now_s - self.body.now_s)
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`: the end of the label at work."""
        return self.body.next_label_s()

    def disconnected(self, now_s: float) -> None:
        """A format that was cut off is dropped; what was complete is printed."""
        self._reader.hang_up()

    # Conversation

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self.advance_to(now_s)
        said = b"".join(self._obey(instruction) for instruction in self._reader.take(data))
        return said if self._answers else b""

    def _obey(self, instruction: Instruction) -> bytes:
        if instruction.kind == "format":
            self._queue(instruction)
            return b""
        if instruction.kind == "sgd":
            return self._setting(instruction.text)
        if instruction.kind == "host":
            return self._configuration()
        answer = self._controls().get(instruction.text)
        return answer() if answer is not None else b""

    def _queue(self, instruction: Instruction) -> None:
        count = labels_of(instruction.text)
        dots = length_dots_of(instruction.text)
        if dots is not None:
            self._label_mm = max(1.0, dots * _MM_PER_INCH / self._dpi)
        if count:
            self.body.queue.append(Format(f"^XA{instruction.text}^XZ", count, self._label_mm, instruction.size_bytes))

    def _controls(self) -> dict[str, Callable[[], bytes]]:
        return {
            "~HS": self._host_status,
            "~HI": lambda: _block(f"{self._model},{self._firmware},{round(self._dpi / _MM_PER_INCH)},8176KB"),
            "~HM": lambda: b"1024,0780,0780\r\n",
            "~HQES": self._faults,
            "~HQSN": lambda: b"\x02\r\n  SERIAL NUMBER\r\n   " + self._serial.encode() + b"\r\n\x03\r\n",
            "~JA": self._cancel,
            "~JR": self._cancel,
            "~PP": lambda: self._pause(on=True),
            "~PS": lambda: self._pause(on=False),
        }

    def _cancel(self) -> bytes:
        self.body.forget_jobs()
        self._reader.forget()
        return b""

    def _pause(self, *, on: bool) -> bytes:
        self.body.paused = on
        return b""

    def _dots(self, length_mm: float) -> int:
        return round(length_mm / _MM_PER_INCH * self._dpi)

    def _host_status(self) -> bytes:
        body = self.body
        if self._silent and (body.paper_out or body.head_open or (body.ribbon_out and body.thermal_transfer) or body.too_hot):
            return b""
        size_bytes = sum(format_.size_bytes for format_ in body.queue) + self._reader.size_bytes
        formats = min(len(body.queue), _FORMATS_SHOWN_MAX)
        flags = [size_bytes >= self._buffer_bytes, False, self._reader.partial]
        first = f"030,{body.paper_out:d},{body.paused:d},{self._dots(self._label_mm):04},{formats:03},{','.join(str(int(flag)) for flag in flags)}"
        second = f"001,0,{body.head_open:d},{body.ribbon_out and body.thermal_transfer:d},{body.thermal_transfer:d},2,0,0,{body.remaining:08},1,000"
        return _block(f"{first},000,0,{body.too_cold:d},{body.too_hot:d}") + _block(second) + _block("1234,0")

    def _faults(self) -> bytes:
        body = self.body
        bits = {
            0x1: body.paper_out,
            0x2: body.ribbon_out and body.thermal_transfer,
            0x4: body.head_open,
            0x8: body.cutter_fault,
            0x10: body.too_hot,
            0x40: body.head_fault,
            0x10000: body.paused,
        }
        errors = sum(bit for bit, active in bits.items() if active)
        warnings = 0x8 if body.paper_low and not body.paper_out else 0
        lines = [f"   ERRORS:         {errors > 0:d} 00000000 {errors:08X}", f"   WARNINGS:       {warnings > 0:d} 00000000 {warnings:08X}"]
        return "\r\n".join(["\x02", "  PRINTER STATUS", *lines, "\x03", ""]).encode()

    def _setting(self, text: str) -> bytes:
        verb, _, name = text.partition(" ")
        if verb != "getvar" or not self._counts:
            return b""
        known = {
            "device.unique_id": self._serial,
            "appl.name": self._firmware,
            "odometer.total_label_count": str(self.body.counted),
            "media.status": "out" if self.body.paper_out else "ok",
            "head.latch": "open" if self.body.head_open else "ok",
            "device.languages": "zpl",
        }
        return f'"{known.get(name, "?")}"'.encode()

    def _configuration(self) -> bytes:
        rows = [
            ("10.0", "DARKNESS"),
            (f"{self.body.speed_mm_s / _MM_PER_INCH:.1f} IPS", "PRINT SPEED"),
            ("THERMAL-TRANS." if self.body.thermal_transfer else "DIRECT-THERMAL", "PRINT METHOD"),
            (f"{self._dots(self._label_mm)}", "LABEL LENGTH"),
            (self._firmware, "FIRMWARE"),
        ]
        return b"\x02" + "\r\n".join(f"  {value:<20}{name:<18}" for value, name in rows).encode() + b"\r\n\x03\r\n"


def _block(text: str) -> bytes:
    return b"\x02" + text.encode() + b"\x03\r\n"
