# SPDX-License-Identifier: Apache-2.0
"""What a client can set at the simulated reader and ask of it: events, keepalive, inputs, outputs, held reports.

Source: LLRP 1.0.1, chapter 12 and 16.2.6 (configuration).
"""

from __future__ import annotations

import struct

from firmware_sims.rfid_llrp import capabilities
from firmware_sims.rfid_llrp.codec import Node, encode, parse

OK, PARAMETER_ERROR, FIELD_ERROR, OVERFLOW = 0, 100, 101, 105  # status codes: LLRP 1.0.1, chapter 14
UNSUPPORTED_MESSAGE, UNSUPPORTED_VERSION, UNSUPPORTED_PARAMETER, PARAMETER_FIELD_ERROR, DEVICE_ERROR = 109, 110, 111, 201, 401
_ANTENNA_PROPERTIES, _ANTENNA_CONFIGURATION, _INPUTS, _OUTPUTS = 2, 3, 9, 10  # RequestedData of GET_READER_CONFIG
_READER_ID = bytes.fromhex("0200000000004C52")  # an EUI-64 of the locally administered kind


class RefusedError(Exception):
    """The request gets a status other than success."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class ReaderSettings:
    """The reader's ports and its configuration. Ports are real things: a factory reset does not change the level of an input."""

    def __init__(self, antennas: int, inputs: int, outputs: int) -> None:
        self.antennas = antennas
        self.inputs = dict.fromkeys(range(1, inputs + 1), False)
        self.outputs = dict.fromkeys(range(1, outputs + 1), False)
        self.unplugged: set[int] = set()
        self.broken_outputs: set[int] = set()
        self.refuses: frozenset[str] = frozenset()
        self.reset()

    def reset(self) -> None:
        """Back to what the factory set."""
        self.events: set[int] = set()
        self.input_enabled = dict.fromkeys(self.inputs, False)
        self.keepalive_s = 0.0
        self.holds_after_reconnect = False
        self.report: Node | None = None

    def switch_all_off(self) -> None:
        """What a power failure does to the outputs."""
        self.outputs.update(dict.fromkeys(self.outputs, False))

    def apply(self, body: bytes) -> bool:
        """SET_READER_CONFIG; whether the keepalive was set. Raises: RefusedError, MalformedError: then nothing of it is set (12.2.3)."""
        nodes = parse(body[1:])
        for name in self.refuses & {node.name for node in nodes}:
            raise RefusedError(UNSUPPORTED_PARAMETER, f"{name} is not supported")
        for node in nodes:
            self._check(node)
        if body[:1] and body[0] & 0x80:
            self.reset()
        for node in nodes:
            self._set(node)
        return any(node.name == "KeepaliveSpec" for node in nodes)

    def _check(self, node: Node) -> None:
        if node.name == "GPIPortCurrentState":
            _known(node.fields[0], self.inputs, "GPI")
        elif node.name == "GPOWriteData" and _known(node.fields[0], self.outputs, "GPO") in self.broken_outputs:
            raise RefusedError(DEVICE_ERROR, f"GPO {node.fields[0]} does not respond")

    def _set(self, node: Node) -> None:
        match node.name, *node.fields:
            case "KeepaliveSpec", kind, period_ms:
                self.keepalive_s = period_ms / 1000 if kind == 1 else 0.0
            case "EventsAndReports", flags:
                self.holds_after_reconnect = bool(flags & 0x80)
            case "ROReportSpec", _, _:
                self.report = node
            case "GPOWriteData", port, flags:
                self.outputs[port] = bool(flags & 0x80)
            case "GPIPortCurrentState", port, flags, _:
                self.input_enabled[port] = bool(flags & 0x80)
            case ("ReaderEventNotificationSpec",):
                for event in node.find_all("EventNotificationState"):
                    (self.events.add if event.fields[1] & 0x80 else self.events.discard)(event.fields[0])

    def _shown_report(self) -> bytes:
        selector = self.report.find("TagReportContentSelector") if self.report else None
        trigger, every_n = self.report.fields if self.report else (2, 0)
        return encode("ROReportSpec", trigger, every_n, inner=encode("TagReportContentSelector", selector.fields[0] if selector else 0x1F80))

    def shown(self, body: bytes) -> bytes:
        """GET_READER_CONFIG: one part, or all (0), of one antenna, input and output, or of all (0). Raises: RefusedError: there is no such part."""
        antenna, wanted, input_port, output_port = struct.unpack_from("!HBHH", body)
        events = b"".join(encode("EventNotificationState", event, 0x80 * (event in self.events)) for event in range(9))
        radio = encode("RFReceiver", 1) + encode("RFTransmitter", 0, 1, len(capabilities.POWER_DBM))
        antennas = dict.fromkeys(range(1, self.antennas + 1), False)
        ports = _asked(antenna, antennas, "antenna", is_all=wanted not in (_ANTENNA_PROPERTIES, _ANTENNA_CONFIGURATION))
        inputs = _asked(input_port, self.inputs, "GPI", is_all=wanted != _INPUTS)
        outputs = _asked(output_port, self.outputs, "GPO", is_all=wanted != _OUTPUTS)
        parts = (
            encode("Identification", 0, _READER_ID),
            b"".join(encode("AntennaProperties", 0x80 * (port not in self.unplugged), port, 0) for port in ports),
            b"".join(encode("AntennaConfiguration", port, inner=radio) for port in ports),
            self._shown_report(),
            encode("ReaderEventNotificationSpec", inner=events),
            encode("AccessReportSpec", 0),
            encode("LLRPConfigurationStateValue", 0),
            encode("KeepaliveSpec", int(self.keepalive_s > 0), round(self.keepalive_s * 1000)),
            b"".join(encode("GPIPortCurrentState", port, 0x80 * self.input_enabled[port], int(self.inputs[port])) for port in inputs),
            b"".join(encode("GPOWriteData", port, 0x80 * self.outputs[port]) for port in outputs),
            encode("EventsAndReports", 0x80 * self.holds_after_reconnect),
        )
        return selected(parts, wanted)


def selected(parts: tuple[bytes, ...], wanted: int) -> bytes:
    """The wanted part, counted from 1, or all (0). Raises: RefusedError: there is no such part."""
    if wanted > len(parts):
        raise RefusedError(FIELD_ERROR, f"RequestedData {wanted}")
    return parts[wanted - 1] if wanted else b"".join(parts)


def _asked(port: int, ports: dict[int, bool], kind: str, *, is_all: bool) -> list[int]:
    """The ports that a client asks for: where it wants only these, one or all (0), else all. Raises: RefusedError: there is none."""
    if is_all or (ports and not port):
        return list(ports)
    return [_known(port, ports, kind)]


def _known(port: int, ports: dict[int, bool], kind: str) -> int:
    if port not in ports:
        raise RefusedError(FIELD_ERROR, f"there is no {kind} {port}")
    return port
