# SPDX-License-Identifier: Apache-2.0
"""sllurp's state machine without its threads and sockets: bytes go in, what it wants sent comes out, and time is watched from here.

Three things that sllurp does not do are done around it: silence ends the conversation, a refused connection is told, and a message that it cannot read costs
that message alone.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sllurp.llrp import LLRPClient, LLRPMessage, LLRPReaderConfig, LLRPReaderState
from sllurp.llrp_errors import LLRPError, ReaderConfigurationError

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady
from drivers.sllurp.config import SllurpConfig
from drivers.sllurp.frames import HEADER, Message, size_of

LOST_AFTER_KEEPALIVES = 2.2
MESSAGE_S_MAX = 30.0
"""A message that is not whole after so long has a wrong length."""
_PHASE_STEPS = 4096  # Impinj Octane LLRP: 0 to 4095 are a full circle
_DOPPLER_PER_HZ = 16  # the same document: sixteenths of a hertz
_UNREADABLE = (LLRPError, struct.error, ArithmeticError, LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError)
"""What sllurp's decoders, and its dictionaries, were seen to raise for bytes that are no message of theirs."""
_SHOWN_BYTES = 64

# What it complains of is counted and told here as rejected frames; its own words would come again with every one of them.
logging.getLogger("sllurp").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class TagSeen(SessionEvent):
    """One read as sllurp decoded it; units as in `contracts.readings.TagRead`."""

    epc: str
    antenna: int
    peak_rssi_dbm: float | None
    reader_time_us: int | None
    seen_count: int
    channel: int | None
    phase_rad: float | None
    doppler_hz: float | None


@dataclass(frozen=True)
class InputLevel(SessionEvent):
    """An input of the reader changed."""

    input: int
    level: bool


class SllurpSession:
    """One TCP connection to a reader."""

    def __init__(self, config: SllurpConfig) -> None:
        self._config = config
        self._unsent = bytearray()
        self._buffer = bytearray()
        self._unfinished_since_s: float | None = None
        self._client = LLRPClient(_settings_of(config), transport_tx_write=self._unsent.extend)
        self._opened_at_s: float | None = None
        self._heard_at_s = 0.0
        self._ready = False
        self._broken: RemoteProtocolError | None = None

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._heard_at_s = now_s
        self._buffer += data
        events: list[SessionEvent] = []
        taken = False
        try:
            while len(self._buffer) >= HEADER.size and len(self._buffer) >= (size := size_of(bytes(self._buffer[: HEADER.size]))):
                message = Message.decode(bytes(self._buffer[:size]))
                del self._buffer[:size]
                taken = True
                self._take(message, events)
        except RemoteProtocolError as error:
            if not events:
                raise
            self._broken = error  # what came before the damage is told first
        if not self._buffer:
            self._unfinished_since_s = None
        elif taken or self._unfinished_since_s is None:
            self._unfinished_since_s = now_s
        return events

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        if self._broken is not None:
            raise self._broken
        if self._opened_at_s is None:
            self._opened_at_s = self._heard_at_s = now_s
        if self._unfinished_since_s is not None and now_s >= self._unfinished_since_s + MESSAGE_S_MAX:
            raise RemoteProtocolError(f"a message is not whole after {MESSAGE_S_MAX:g} s; its length is probably wrong", bytes(self._buffer[: HEADER.size]))
        if not self._ready and now_s >= self._opened_at_s + self._config.reply_timeout_s:
            state = LLRPReaderState.getStateName(self._client.state)
            raise ReplyTimeout(f"answer during the set-up, in sllurp's state {state}", self._config.reply_timeout_s)
        if self._ready and now_s >= self._silent_at_s:
            raise ReplyTimeout("keepalive", round(now_s - self._heard_at_s, 3))
        return ()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._unsent)
        self._unsent.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._broken is not None or self._opened_at_s is None:
            return -math.inf
        due_s = self._silent_at_s if self._ready else self._opened_at_s + self._config.reply_timeout_s
        return due_s if self._unfinished_since_s is None else min(due_s, self._unfinished_since_s + MESSAGE_S_MAX)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Raises: LocalProtocolError: always; sllurp cannot switch outputs, and its access to tags is not offered here."""
        raise LocalProtocolError(f"through sllurp a reader takes no commands, so not {name!r} either; use the driver rfid_llrp")

    def farewell(self) -> bytes:
        """Stop reading, so that the antennas do not transmit for nobody, and close politely; sllurp does the second never."""
        if self._client.state <= LLRPReaderState.STATE_CONNECTED:
            return b""
        self._client.sendMessage({"DELETE_ROSPEC": {"ROSpecID": 0}})
        self._client.sendMessage({"CLOSE_CONNECTION": {}})
        return self.bytes_to_send()

    @property
    def _silent_at_s(self) -> float:
        return self._heard_at_s + self._config.keepalive_s * LOST_AFTER_KEEPALIVES

    def _take(self, message: Message, events: list[SessionEvent]) -> None:
        """Raises: RemoteProtocolError: the reader does not want us, or cannot do what is configured."""
        raw = message.encode()
        if not message.has_sound_parameters:
            events.append(FrameRejected("undecodable", raw[:_SHOWN_BYTES]))
            return
        try:
            decoded = LLRPMessage(msgbytes=raw)
            self._client.handleMessage(decoded)
            events += self._events_of(decoded)
        except ReaderConfigurationError as error:
            raise RemoteProtocolError(f"the reader cannot be set up as configured: {error}", raw) from error
        except _UNREADABLE:
            events.append(FrameRejected("undecodable", raw[:_SHOWN_BYTES]))
        if not self._ready and self._client.state == LLRPReaderState.STATE_INVENTORYING:
            self._ready = True
            events.append(SessionReady(self._about()))

    def _about(self) -> str:
        device = self._client.capabilities.get("GeneralDeviceCapabilities", {})
        maker, model = device.get("DeviceManufacturerName"), device.get("ModelName")
        return f"maker {maker} model {model}, {self._client.max_ant} antennas; LLRP 1.0.1 through sllurp"

    def _events_of(self, decoded: Any) -> list[SessionEvent]:
        """Raises: RemoteProtocolError: the reader refuses or closes the connection."""
        body = decoded.msgdict[decoded.getName()]
        if decoded.getName() == "RO_ACCESS_REPORT":
            return [_tag(tag) for tag in body.get("TagReportData") or ()]
        if decoded.getName() != "READER_EVENT_NOTIFICATION":
            return []
        told = body.get("ReaderEventNotificationData", {})
        attempt = told.get("ConnectionAttemptEvent", {}).get("Status", "Success")
        if attempt != "Success":
            raise RemoteProtocolError(f"the reader refuses the connection: {attempt}")
        if "ConnectionCloseEvent" in told:
            raise RemoteProtocolError("the reader closes the connection; it was restarted, or another client took it")
        change = told.get("GPIEvent")
        return [InputLevel(int(change["GPIPortNumber"]), bool(change["GPIEvent"]))] if change else []


def _settings_of(config: SllurpConfig) -> Any:
    selector = ("EnableAntennaID", "EnableChannelIndex", "EnablePeakRSSI", "EnableFirstSeenTimestamp", "EnableLastSeenTimestamp", "EnableTagSeenCount")
    unwanted = ("EnableROSpecID", "EnableSpecIndex", "EnableInventoryParameterSpecID", "EnableAccessSpecID")
    settings: dict[str, Any] = {
        "antennas": list(config.antennas),
        "tx_power_dbm": None if config.power_dbm is None else float(config.power_dbm),
        "session": config.session,
        "tag_population": config.tag_population,
        "mode_identifier": config.reader_mode,
        "report_every_n_tags": config.report_every_n_tags,
        "tag_content_selector": dict.fromkeys(selector, True) | dict.fromkeys(unwanted, False),
        "event_selector": {"GPIEvent": True, "ReaderExceptionEvent": True, "AntennaEvent": True},
        "gpi_ports_config": dict.fromkeys(config.inputs, True),
        "keepalive_interval": round(config.keepalive_s * 1000),
        "start_inventory": True,
        "reset_on_connect": True,
    }
    if config.report_phase:
        settings["impinj_tag_content_selector"] = {"EnableRFPhaseAngle": True, "EnablePeakRSSI": True, "EnableRFDopplerFrequency": True}
    try:
        return LLRPReaderConfig(settings)
    except LLRPError as error:
        raise LocalProtocolError(f"sllurp does not take this configuration: {error}") from error


def _tag(tag: Mapping[str, Any]) -> TagSeen:
    """sllurp gives an EPC as text in bytes, and the RSSI in dBm, or in hundredths from Impinj."""
    epc = tag.get("EPC-96") or tag.get("EPC") or tag["EPCData"]["EPC"]
    fine, phase, doppler = tag.get("ImpinjPeakRSSI"), tag.get("ImpinjRFPhaseAngle"), tag.get("ImpinjRFDopplerFrequency")
    times = (tag.get(name) for name in ("LastSeenTimestampUTC", "LastSeenTimestampUptime", "FirstSeenTimestampUTC", "FirstSeenTimestampUptime"))
    return TagSeen(
        epc=(epc.decode("ascii") if isinstance(epc, bytes) else str(epc)).upper(),
        antenna=int(tag.get("AntennaID", 0)),
        peak_rssi_dbm=fine / 100 if fine is not None else tag.get("PeakRSSI"),
        reader_time_us=next((each for each in times if each is not None), None),
        seen_count=int(tag.get("TagSeenCount", 1)),
        channel=tag.get("ChannelIndex"),
        phase_rad=phase * 2 * math.pi / _PHASE_STEPS if phase is not None else None,
        doppler_hz=doppler / _DOPPLER_PER_HZ if doppler is not None else None,
    )
