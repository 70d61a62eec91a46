# SPDX-License-Identifier: Apache-2.0
"""A simulated fixed RFID reader that speaks LLRP 1.0.1, and 1.1 when it is built so.

Written from the standard, with its own tables; it shares no code with the driver. Simulated: connection events, capabilities, configuration,
ROSpecs of several AISpecs with immediate, periodic, GPI, duration and tag observation triggers, reports by number of tags or on request, keepalives,
inputs and outputs, held reports, AccessSpecs on tags with a memory, Impinj's and Zebra's search mode, phase and Doppler shift. Not simulated: RF physics,
block operations, RF surveys, priorities of ROSpecs (several that are active read side by side).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable

from firmware_sims.engine.twin import Twin
from firmware_sims.rfid_llrp import capabilities, extensions
from firmware_sims.rfid_llrp.access import AccessSpecs
from firmware_sims.rfid_llrp.codec import MalformedError, encode
from firmware_sims.rfid_llrp.inventory import Inventory
from firmware_sims.rfid_llrp.rospecs import Radio, RoSpec, Seen
from firmware_sims.rfid_llrp.settings import (
    FIELD_ERROR,
    OK,
    PARAMETER_ERROR,
    UNSUPPORTED_MESSAGE,
    UNSUPPORTED_VERSION,
    ReaderSettings,
    RefusedError,
    selected,
)
from firmware_sims.rfid_llrp.tags import Tag

UTC_AT_ZERO_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z at the clock's second 0: reproducible, and as wrong as clocks of readers are
_HEADER = struct.Struct("!HII")
_MESSAGE_BYTES_MAX = 1_048_576
_QUEUE_MESSAGES_MAX = 66_000  # what a Zebra FX reader keeps while nobody is connected; the oldest are dropped
_GET_SUPPORTED_VERSION, _SET_PROTOCOL_VERSION, _VERSION_1_1 = 46, 47, 2  # LLRP 1.1, 9.1: both always go by that version
_CLOSE_CONNECTION, _CLOSE_CONNECTION_RESPONSE = 14, 4
_RO_ACCESS_REPORT, _KEEPALIVE, _NOTIFICATION, _ERROR = 61, 62, 63, 100
_GPI_EVENTS, _BUFFER_EVENTS, _ANTENNA_EVENTS = 1, 3, 8  # event types that a client may switch on
_BUFFER_WARNING_PCT = 90
_ALREADY_CONNECTED = 2  # ConnectionAttemptEvent: a client initiated connection exists already


class LlrpReaderTwin(Twin):
    """The reader. `outputs` are the levels of its outputs, `keepalive_acks` how often a client answered; all but the connection outlives connections.

    `has_utc_clock` false: it reports uptime. `version_max` 2: it knows LLRP 1.1. `refuses`: parameters that it does not take in its configuration, as
    words (`KeepaliveSpec GPIPortCurrentState`). `ignores_version`: it says nothing to questions of 1.1. `tags`, by the EPC they were made with, get a
    memory with the first AccessSpec. Serve it with `exclusive=True` to have a second client refused as real readers do.
    """

    is_exclusive = True

    def __init__(
        self,
        *,
        antennas: int = 4,
        inputs: int = 4,
        outputs: int = 4,
        has_utc_clock: bool = True,
        utc_at_zero_us: int = UTC_AT_ZERO_US,
        version_max: int = 1,
        maker: int = capabilities.MAKER,
        refuses: str = "",
        ignores_version: bool = False,
    ) -> None:
        self.settings = ReaderSettings(antennas, inputs, outputs)
        self.settings.refuses = frozenset(refuses.split())
        self.tags: dict[bytes, Tag] = {}
        self.version = 1
        self.maker = maker
        self._version_max = version_max
        self._ignores_version = ignores_version
        self.outputs = self.settings.outputs
        self._inventory = Inventory(self.settings, maker, self._notify, self._report, self._clock_us if has_utc_clock else None)
        self.rospecs = self._inventory.specs
        self.keepalive_acks = 0
        self.is_connected = False
        self._has_utc_clock = has_utc_clock
        self._utc_at_zero_us = utc_at_zero_us
        self._booted_at_s = 0.0
        self._access_specs = AccessSpecs()
        self._buffer = bytearray()
        self._said = bytearray()
        self._queue: deque[tuple[int, bytes]] = deque(maxlen=_QUEUE_MESSAGES_MAX)
        self._last_id = 0
        self._wants_close = False
        self._held = False
        self._handlers = self._request_handlers()
        self._keepalive_at_s: float | None = None

    # ---- the line

    def connected(self, now_s: float) -> bytes:
        """The client is told that its attempt succeeded; then comes what was kept for it, unless it wants to ask first."""
        self.is_connected, self._wants_close = True, False
        self.version, self._inventory.has_extensions = 1, False
        self._buffer.clear()
        self._said += self._message(_NOTIFICATION, self._event(now_s, encode("ConnectionAttemptEvent", OK)))
        self._held = self.settings.holds_after_reconnect
        self._wind_keepalive(now_s)
        return self._spoken()

    def disconnected(self, now_s: float) -> None:
        """Reading goes on; reports are kept."""
        self.is_connected = False
        self._keepalive_at_s = None

    def turned_away(self, now_s: float) -> bytes:
        """What a second client hears before it is closed."""
        body = self._event(now_s, encode("ConnectionAttemptEvent", _ALREADY_CONNECTED))
        return _HEADER.pack(1 << 10 | _NOTIFICATION, _HEADER.size + len(body), 1) + body  # its first message, in the version that all know

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        if not self.is_connected:
            return b""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size and not self._wants_close:
            kind, length, message_id = _HEADER.unpack_from(self._buffer)
            if not _HEADER.size <= length <= _MESSAGE_BYTES_MAX:
                self._answer(_ERROR, message_id, FIELD_ERROR, f"message length {length}")
                self._wants_close = True
            elif len(self._buffer) < length:
                break
            else:
                body = bytes(self._buffer[_HEADER.size : length])
                del self._buffer[:length]
                self._take(kind >> 10 & 7, kind & 0x3FF, message_id, body, now_s)
        return self._spoken()

    @property
    def wants_close(self) -> bool:
        """See `Twin.wants_close`."""
        return self._wants_close

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        if self._keepalive_at_s is not None and now_s >= self._keepalive_at_s:
            self._said += self._message(_KEEPALIVE, b"")
            self._wind_keepalive(now_s)
        self._inventory.advance_to(now_s)
        return self._spoken()

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        deadlines_s = self._inventory.deadlines_s()
        if self._keepalive_at_s is not None:
            deadlines_s.append(self._keepalive_at_s)
        return min(deadlines_s, default=None)

    # ---- stimuli

    def on_read(
        self, epc: str, antenna: int, peak_rssi_dbm: float, channel: int = 1, phase_rad: float = 0.0, doppler_hz: float = 0.0, *, now_s: float
    ) -> bytes:
        """A tag answers before an antenna; it counts only while a ROSpec reads with that antenna. `epc` is hex, whole 16-bit words, of the tag as it was
        made; it answers with what was written to it since, or not at all when it was killed."""
        raw = bytes.fromhex(epc)
        if antenna not in self.settings.unplugged:
            radio = Radio(peak_rssi_dbm, channel, phase_rad, doppler_hz)
            for spec in self.rospecs.values():
                if spec.reads_with(antenna):
                    self._read(spec, raw, antenna, radio, now_s)
        return self._spoken()

    def read_all(self, reads: Iterable[tuple[bytes, int, float]], now_s: float) -> bytes:
        """Many tags answer at once: EPC, antenna and peak RSSI in dBm of each; what the reader then says. Faster than `on_read` for each."""
        unplugged = self.settings.unplugged
        for epc, antenna, peak_rssi_dbm in reads:
            if antenna not in unplugged:
                radio = Radio(peak_rssi_dbm)
                for spec in self.rospecs.values():
                    if spec.reads_with(antenna):
                        self._read(spec, epc, antenna, radio, now_s)
        return self._spoken()

    def _read(self, spec: RoSpec, raw: bytes, antenna: int, radio: Radio, now_s: float) -> None:
        """An AccessSpec that ends with this tag is reported at once, together with the read."""
        if raw not in self.tags and len(self._access_specs):
            self.tags[raw] = Tag.with_epc(raw)
        tag = self.tags.get(raw)
        if tag is not None and tag.is_dead:
            return
        epc, at_us = tag.epc if tag else raw, self._clock_us(now_s)
        if tag is not None and (access := self._access_specs.carry_out(tag, antenna, spec.rospec_id, self.version)):
            report = Seen(epc, antenna, radio, at_us, at_us, ai=spec.ai).encoded(
                spec.content, spec.rospec_id, self._has_utc_clock, spec.wanted, access, spec.memory
            )
            self._keep(report, now_s)
            return
        spec.collect(epc, antenna, radio, at_us, now_s)
        self._report_or_end(spec, now_s)

    def on_input(self, input: int, level: bool, *, now_s: float) -> bytes:  # noqa: A002 - the word of the trade, and of the reading
        """An input line changes."""
        if self.settings.inputs.get(input) != level:
            self.settings.inputs[input] = level
            if self.settings.input_enabled.get(input):
                self._notify(_GPI_EVENTS, now_s, encode("GPIEvent", input, 0x80 if level else 0))
                self._inventory.pull_triggers((input, level), now_s)
        return self._spoken()

    def on_antenna(self, antenna: int, connected: bool, *, now_s: float) -> bytes:
        """An antenna cable is pulled or plugged in."""
        (self.settings.unplugged.discard if connected else self.settings.unplugged.add)(antenna)
        self._notify(_ANTENNA_EVENTS, now_s, encode("AntennaEvent", int(connected), antenna))
        return self._spoken()

    def on_break_output(self, output: int, *, now_s: float) -> bytes:
        """The driver of an output burns out; from now on the reader refuses to switch it."""
        self.settings.broken_outputs.add(output)
        return b""

    def on_halt(self, *, now_s: float) -> bytes:
        """Somebody stops the reading by the reader's own web page."""
        for spec in self.rospecs.values():
            self._inventory.end(spec, now_s, for_good=True)
        return self._spoken()

    def on_clock(self, utc_us: int, *, now_s: float) -> bytes:
        """Somebody sets the reader's clock, or a time server does."""
        self._utc_at_zero_us = utc_us - round(now_s * 1e6)
        return b""

    def on_close(self, *, now_s: float) -> bytes:
        """The reader itself ends the connection, as it does before it restarts or hands itself to somebody else."""
        self._said += self._message(_NOTIFICATION, self._event(now_s, encode("ConnectionCloseEvent")))
        self._wants_close = True
        return self._spoken()

    def on_reboot(self, *, now_s: float) -> bytes:
        """Power was lost: ROSpecs, configuration, outputs and kept reports are gone; silent until the next connection."""
        self.is_connected, self._wants_close, self._booted_at_s = False, True, now_s
        self.rospecs.clear()
        self._access_specs.clear()
        self._queue.clear()
        self.settings.reset()
        self.settings.switch_all_off()
        self._keepalive_at_s = None
        return b""

    # ---- speaking

    def _clock_us(self, now_s: float) -> int:
        return self._utc_at_zero_us + round(now_s * 1e6) if self._has_utc_clock else round((now_s - self._booted_at_s) * 1e6)

    def _event(self, now_s: float, what: bytes) -> bytes:
        stamp = encode("UTCTimestamp" if self._has_utc_clock else "Uptime", self._clock_us(now_s))
        return encode("ReaderEventNotificationData", inner=stamp + what)

    def _notify(self, event: int, now_s: float, what: bytes) -> None:
        if event in self.settings.events:
            self._queue.append((_NOTIFICATION, self._event(now_s, what)))

    def _report_or_end(self, spec: RoSpec, now_s: float) -> None:
        if spec.has_seen_enough:
            self._inventory.end_item(spec, now_s)
        elif spec.report_is_due:
            self._report(spec, now_s)

    def _report(self, spec: RoSpec, now_s: float) -> None:
        if tags := spec.collected(self._has_utc_clock):
            self._keep(tags, now_s)

    def _keep(self, report: bytes, now_s: float) -> None:
        """For the client, now or when there is one; a buffer that gets full is told once."""
        self._queue.append((_RO_ACCESS_REPORT, report))
        if len(self._queue) == _QUEUE_MESSAGES_MAX * _BUFFER_WARNING_PCT // 100:
            self._notify(_BUFFER_EVENTS, now_s, encode("ReportBufferLevelWarningEvent", _BUFFER_WARNING_PCT))

    def _message(self, kind: int, body: bytes, message_id: int | None = None) -> bytes:
        if message_id is None:
            self._last_id = message_id = self._last_id % 0xFFFFFFFF + 1
        return _HEADER.pack(self.version << 10 | kind, _HEADER.size + len(body), message_id) + body

    def _answer(self, kind: int, message_id: int, code: int, text: str = "", inner: bytes = b"") -> None:
        self._said += self._message(kind, encode("LLRPStatus", code, text) + inner, message_id)

    def _spoken(self) -> bytes:
        if not self.is_connected:
            self._said.clear()
            return b""
        while self._queue and not self._held:
            self._said += self._message(*self._queue.popleft())
        said = bytes(self._said)
        self._said.clear()
        return said

    # ---- requests

    def _request_handlers(self) -> dict[int, Callable[[bytes, float], bytes]]:
        """What each request does; it returns the parameters of its response after LLRPStatus. The response to N is N + 10 (16.1)."""
        return {
            1: self._get_capabilities,
            2: lambda body, now_s: self.settings.shown(body),
            3: self._set_configuration,
            20: self._inventory.add,
            21: self._inventory.delete,
            22: self._inventory.start,
            23: self._inventory.stop,
            24: self._inventory.enable,
            25: self._inventory.disable,
            26: lambda body, now_s: b"".join(spec.encoded() for spec in self.rospecs.values()),
            40: self._change_access_specs(self._access_specs.add),
            41: self._change_access_specs(self._access_specs.delete),
            42: self._change_access_specs(self._access_specs.enable),
            43: self._change_access_specs(self._access_specs.disable),
            44: lambda body, now_s: self._access_specs.encoded(),
        }

    def _take(self, version: int, kind: int, message_id: int, body: bytes, now_s: float) -> None:
        if kind in (_GET_SUPPORTED_VERSION, _SET_PROTOCOL_VERSION) and self._ignores_version:
            return
        if kind in (_GET_SUPPORTED_VERSION, _SET_PROTOCOL_VERSION) and version == _VERSION_1_1 <= self._version_max:
            self._agree(kind, message_id, body)
        elif version != self.version:
            self._answer(_ERROR, message_id, UNSUPPORTED_VERSION, f"this reader speaks LLRP version {self.version}, not {version}")
        elif kind == extensions.CUSTOM_MESSAGE and self.maker == extensions.IMPINJ and body.startswith(extensions.ENABLE_EXTENSIONS):
            self._inventory.has_extensions = True
            self._said += self._message(extensions.CUSTOM_MESSAGE, extensions.EXTENSIONS_ENABLED + encode("LLRPStatus", OK, ""), message_id)
        elif kind in self._handlers:
            self._request(kind, message_id, body, now_s)
        elif kind == _CLOSE_CONNECTION:
            self._answer(_CLOSE_CONNECTION_RESPONSE, message_id, OK)
            self._wants_close = True
        elif kind == 60:  # GET_REPORT
            for spec in self.rospecs.values():
                self._report(spec, now_s)
        elif kind == 64:  # ENABLE_EVENTS_AND_REPORTS
            self._held = False
        elif kind == 72:  # KEEPALIVE_ACK
            self.keepalive_acks += 1
        else:
            self._answer(_ERROR, message_id, UNSUPPORTED_MESSAGE, f"message type {kind}")

    def _agree(self, kind: int, message_id: int, body: bytes) -> None:
        """The version that both speak from now on; answers about it always go by 1.1."""
        code, current = OK, self.version
        if kind == _SET_PROTOCOL_VERSION:
            wanted = body[0] if body else 0
            code = OK if 1 <= wanted <= self._version_max else UNSUPPORTED_VERSION
            current = wanted if code == OK else current
        versions = bytes([self.version, self._version_max]) if kind == _GET_SUPPORTED_VERSION else b""
        self.version = _VERSION_1_1
        self._said += self._message(kind + 10, versions + encode("LLRPStatus", code, ""), message_id)
        self.version = current

    def _request(self, kind: int, message_id: int, body: bytes, now_s: float) -> None:
        try:
            inner = self._handlers[kind](body, now_s)
        except RefusedError as error:
            self._answer(kind + 10, message_id, error.code, str(error))
        except (MalformedError, struct.error) as error:
            self._answer(kind + 10, message_id, PARAMETER_ERROR, str(error))
        else:
            self._answer(kind + 10, message_id, OK, inner=inner)

    def _get_capabilities(self, body: bytes, now_s: float) -> bytes:
        parts = (
            capabilities.general(self.settings.antennas, len(self.settings.inputs), len(self.settings.outputs), self._has_utc_clock, self.maker),
            capabilities.protocol(),
            capabilities.regulatory(),
            capabilities.air_protocol(),
        )
        return selected(parts, body[0] if body else 0)

    def _set_configuration(self, body: bytes, now_s: float) -> bytes:
        if self.settings.apply(body):
            self._wind_keepalive(now_s)
        self._inventory.default_report = self.settings.report
        return b""

    def _wind_keepalive(self, now_s: float) -> None:
        self._keepalive_at_s = now_s + self.settings.keepalive_s if self.settings.keepalive_s else None

    @staticmethod
    def _change_access_specs(change: Callable[[bytes], object]) -> Callable[[bytes, float], bytes]:
        def handler(body: bytes, now_s: float) -> bytes:
            change(body)
            return b""

        return handler
