# SPDX-License-Identifier: Apache-2.0
"""Listening to advertisements, without any input or output: find the reports in the stream, find whose they are, tell each thing once, miss who is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady
from drivers.sensor_ble import atc, bthome, ruuvi
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.frames import Report, decode, is_head, manufacturer, services, size_of
from drivers.sensor_ble.heard import Heard
from drivers.sensor_ble.tags import Tag

LOCKED_AGAIN_S = 60.0  # chosen: how often it is said that a tag cannot be understood
UNNAMED_TAGS_MAX = 200  # chosen: more at once are not remembered where no tags are named
NOISE_BYTES_MAX = 64
EVENT_BYTES_MAX = 258
CLOCK_STEP_S = 1e-9


@dataclass(frozen=True)
class TagMeasured(SessionEvent):
    """A tag told a value; `quantity` begins with the tag's name."""

    quantity: str
    value: float


@dataclass(frozen=True)
class TagFailed(SessionEvent):
    """A tag told no value. `code`: of the maker's document, or KEY, MIC (encryption), SILENT."""

    quantity: str
    code: str
    reason: str


@dataclass(frozen=True)
class InputSeen(SessionEvent):
    """A contact or button of a tag has this level now."""

    input: int
    level: bool


@dataclass(frozen=True)
class TagsChanged(SessionEvent):
    """The tags of which a condition (battery_low, tag_silent) is true now."""

    condition: str
    tags: tuple[str, ...]


class SensorBleSession:
    """One receiver. `keys` by tag name, for those whose key stands in a file.

    `told`: the tags of each condition as they were told last, shared with the driver: it outlives the connection, so that a battery that was changed
    meanwhile is told too.
    """

    def __init__(self, config: SensorBleConfig, keys: Mapping[str, bytes], told: dict[str, tuple[str, ...]]) -> None:
        self._config = config
        self._tags = {
            table.mac.lower(): Tag(name, keys.get(name) or bytes.fromhex(table.bindkey), table.contact_input, table.button_input)
            for name, table in config.tags.items()
        }
        self._began_s: float | None = None
        self._told = told
        self._incoming = bytearray()
        self._noise = bytearray()
        self._events: list[SessionEvent] = []

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Never raises: what is no report is passed over."""
        self._incoming += data
        while self._incoming and (size := self._whole()) is not None:
            if size == 0 or (reports := self._decoded(bytes(self._incoming[:size]))) is None:
                self._pass_over()
                continue
            del self._incoming[:size]
            self._tell_noise()
            for report in reports:
                self._take(report, now_s)
        return self._reported()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        if self._began_s is None:
            self._began_s = now_s
            names = ", ".join(self._config.tags)
            self._events.append(SessionReady(f"listening for {names}" if names else "listening for all tags"))
        for tag in self._tags.values():
            if not tag.is_silent and (due_s := self._silent_at_s(tag)) is not None and now_s >= due_s:
                self._miss(tag)
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """Nothing: this is only listened to."""
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        dues = (self._silent_at_s(tag) for tag in self._tags.values() if not tag.is_silent)
        return min((due_s for due_s in dues if due_s is not None), default=None)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. There are none."""
        raise LocalProtocolError(f"tags are only listened to; there is no command {name!r}")

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

    # -- the stream -----------------------------------------------------------------------------------------------------------------------

    def _whole(self) -> int | None:
        """Length of the event at the beginning; 0: none begins there; None: more bytes are needed to tell."""
        if not is_head(bytes(self._incoming[:EVENT_BYTES_MAX])):
            return 0
        size = size_of(bytes(self._incoming[:3]))
        return size if size is not None and len(self._incoming) >= size else None

    def _decoded(self, packet: bytes) -> tuple[Report, ...] | None:
        try:
            return decode(packet)
        except RemoteProtocolError:
            return None

    def _pass_over(self) -> None:
        self._noise += self._incoming[:1]
        del self._incoming[:1]
        if len(self._noise) >= NOISE_BYTES_MAX:
            self._tell_noise()

    def _tell_noise(self) -> None:
        if self._noise:
            self._events.append(FrameRejected("no_event", bytes(self._noise)))
            self._noise.clear()

    # -- tags -----------------------------------------------------------------------------------------------------------------------------

    def _take(self, report: Report, now_s: float) -> None:
        for company, data in manufacturer(report.data):
            if company == ruuvi.COMPANY:
                self._hear(report, ruuvi.decode(data), data, now_s, "ruuvi")
        for service, data in services(report.data):
            if service == atc.SERVICE:
                self._hear(report, atc.decode(data), data, now_s, "atc")
            elif service == bthome.SERVICE:
                self._hear_bthome(report, data, now_s)

    def _tag(self, report: Report, identity: str) -> Tag | None:
        """The tag of that address, or of the address in its data, which a receiver in between does not change. None: nobody's business."""
        tag = self._tags.get(report.address) or self._tags.get(identity)
        if tag is None and not self._config.tags and self._has_place():
            address = identity or report.address
            tag = self._tags[address] = Tag(address.replace(":", ""), is_named=False)
        if tag is None:
            self._events.append(FrameRejected("unknown_tag", bytes.fromhex(report.address.replace(":", "")) + report.data))
        return tag

    def _has_place(self) -> bool:
        """Whether one more tag can be remembered; who passed by and is silent makes place."""
        if len(self._tags) < UNNAMED_TAGS_MAX:
            return True
        gone = min((address for address, tag in self._tags.items() if tag.is_silent), key=lambda address: self._tags[address].heard_at_s or 0.0, default=None)
        if gone is not None:
            del self._tags[gone]
        return gone is not None

    def _hear_bthome(self, report: Report, data: bytes, now_s: float) -> None:
        tag = self._tag(report, bthome.address_in(data))
        if tag is None:
            return
        try:
            inside = bthome.opened(data, report.address, tag.key)
        except bthome.Locked as locked:
            self._tell_locked(tag, locked, now_s)
            return
        if inside is None:
            self._events.append(FrameRejected("not_bthome_2", data))
        elif tag.key and inside.counter is None:
            self._events.append(FrameRejected("not_encrypted", data))  # a tag with a key does not begin to speak in the clear; somebody else may
        elif inside.counter is not None and tag.is_replayed(inside.counter):
            self._events.append(FrameRejected("replayed", data))
        else:
            self._hear(report, bthome.decode(inside.objects, inside.identity, sleepy=inside.sleepy), data, now_s, "bthome")

    def _tell_locked(self, tag: Tag, locked: bthome.Locked, now_s: float) -> None:
        if tag.told_locked_at_s is None or now_s - tag.told_locked_at_s >= LOCKED_AGAIN_S:
            tag.told_locked_at_s = now_s
            self._events.append(TagFailed(f"{tag.name}_temperature_c", locked.code, locked.reason))

    def _hear(self, report: Report, heard: Heard | None, data: bytes, now_s: float, kind: str) -> None:
        tag = self._tag(report, heard.identity if heard is not None else "")
        if tag is None:
            return
        if heard is None:
            self._events.append(FrameRejected(f"not_{kind}", data))
            return
        if tag.is_repeated(heard, data, now_s):
            return
        tag.hear(now_s)
        tag.is_sleepy, tag.is_silent = heard.sleepy, False
        self._tell_condition("tag_silent")
        self._tell_inputs(tag, heard)
        self._tell_values(tag, heard, report.rssi_dbm, now_s)
        tag.judge_battery(heard, self._config.battery_low_pct)
        self._tell_condition("battery_low")

    def _tell_inputs(self, tag: Tag, heard: Heard) -> None:
        for name, level in heard.contacts:
            if tag.contact_input and tag.contacts.get(name) != level:
                self._events.append(InputSeen(tag.contact_input, level))
            tag.contacts[name] = level
        if heard.buttons and tag.button_input:
            self._events += [InputSeen(tag.button_input, level=True), InputSeen(tag.button_input, level=False)]

    def _tell_values(self, tag: Tag, heard: Heard, rssi_dbm: int | None, now_s: float) -> None:
        if tag.sampled_at_s is not None and now_s - tag.sampled_at_s < self._config.sample_interval_s - CLOCK_STEP_S:
            return
        tag.sampled_at_s = now_s
        tag.quantities.update(dict.fromkeys(quantity for quantity, _ in heard.values))
        values = [*heard.values, *([("rssi_dbm", float(rssi_dbm))] if rssi_dbm is not None else [])]
        self._events += [TagMeasured(f"{tag.name}_{quantity}", value) for quantity, value in values]
        self._events += [TagFailed(f"{tag.name}_{quantity}", code, reason) for quantity, code, reason in heard.failed]

    # -- silence --------------------------------------------------------------------------------------------------------------------------

    def _silent_at_s(self, tag: Tag) -> float | None:
        """When the tag's values count as lost if it says nothing. None: it need not say anything."""
        if tag.heard_at_s is None:
            return None if self._began_s is None else self._began_s + self._config.first_heard_s
        if tag.is_sleepy:
            return None
        return tag.heard_at_s + max(self._config.stale_s_min, self._config.stale_intervals * tag.interval_s(self._config.interval_s))

    def _miss(self, tag: Tag) -> None:
        tag.is_silent = True
        reason = "the tag is not heard any more" if tag.heard_at_s is not None else "the tag was never heard"
        self._events += [
            TagFailed(f"{tag.name}_{quantity}", "SILENT", f"{reason}; check its battery and how far the receiver is")
            for quantity in tag.quantities or ("temperature_c",)
        ]
        self._tell_condition("tag_silent")

    def _tell_condition(self, condition: str) -> None:
        """A tag of which nothing is known yet on this connection counts as it did before."""
        before = self._told.get(condition, ())
        states = ((tag.name, tag.battery_low if condition == "battery_low" else tag.silence) for tag in self._tags.values())
        tags = tuple(sorted(name for name, state in states if (name in before if state is None else state)))
        if tags != before:
            self._told[condition] = tags
            self._events.append(TagsChanged(condition, tags))
