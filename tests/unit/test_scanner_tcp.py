# SPDX-License-Identifier: Apache-2.0
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_tcp.config import ScannerTcpConfig
from drivers.scanner_tcp.frames import DmccReply, dmcc_command
from drivers.scanner_tcp.session import TcpScannerSession
from drivers.scanner_tcp.telnet import TelnetFilter
from firmware_sims.engine.twin import Twin
from firmware_sims.scanner_tcp.twin import CognexTwin, DatalogicTwin, KeyenceTwin


class Line:
    """A session and a twin, and no time but the one that is told."""

    def __init__(self, twin: Twin, make: str, **fields: Any) -> None:
        self.twin = twin
        self.session = TcpScannerSession(ScannerTcpConfig(host="scanner", port=1, make=make, **fields))  # type: ignore[arg-type]
        self.events: list[SessionEvent] = []
        self._exchange(twin.connected(0.0), 0.0)
        self.pass_to(0.0)

    def _exchange(self, said: bytes, now_s: float) -> None:
        while said or (asked := self.session.bytes_to_send()):
            if said:
                self.events += self.session.receive_bytes(said, now_s)
                said = b""
            else:
                said = self.twin.receive_bytes(asked, now_s)

    def pass_to(self, now_s: float) -> None:
        self.events += self.session.advance_to(now_s)
        self._exchange(self.twin.advance_to(now_s), now_s)

    def happens(self, name: str, now_s: float, **arguments: Any) -> None:
        self._exchange(self.twin.stimulate(name, arguments, now_s), now_s)

    def command(self, name: str, now_s: float) -> int:
        token = self.session.start_command(name, {}, now_s)
        self.pass_to(now_s)
        return token

    @property
    def texts(self) -> list[str]:
        return [f"!{event.reason}" if isinstance(event, FrameRejected) else str(getattr(event, "text", type(event).__name__)) for event in self.events]


LINES: list[tuple[type[Twin], str, dict[str, Any]]] = [
    (KeyenceTwin, "keyence_sr", {}),
    (CognexTwin, "cognex_dmcc", {}),
    (CognexTwin, "cognex_dmcc", {"checksums": True}),
    (DatalogicTwin, "datalogic", {"trigger_text": "T", "stop_text": "U"}),
]


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(("kind", "make", "fields"), LINES)
def test_trigger_reads_the_label_before_the_window(kind: type[Twin], make: str, fields: dict[str, Any]) -> None:
    line = Line(kind(continuous=False), make, **fields)  # type: ignore[call-arg]
    line.happens("scan", 1.0, text="6901234567892")

    line.command("trigger", 2.0)
    line.pass_to(3.0)

    assert sorted(line.texts) == ["6901234567892", "CommandDone", "SessionReady"]


@pytest.mark.parametrize(("kind", "make", "fields"), LINES)
def test_reading_in_vain_is_no_scan(kind: type[Twin], make: str, fields: dict[str, Any]) -> None:
    line = Line(kind(continuous=False), make, **fields)  # type: ignore[call-arg]

    line.command("trigger", 1.0)
    line.command("stop", 2.0)
    line.pass_to(4.0)

    assert sorted(line.texts) == ["!no_read", "CommandDone", "CommandDone", "SessionReady"]


@pytest.mark.parametrize(("answers_basic", "timeout_s"), [(False, 0.05), (True, 0.05)])
def test_keyence_trigger_is_done_with_or_without_an_answer(answers_basic: bool, timeout_s: float) -> None:
    line = Line(KeyenceTwin(answers_basic=answers_basic, continuous=False, timeout_s=timeout_s), "keyence_sr")

    token = line.command("trigger", 1.0)
    line.pass_to(1.1)

    assert CommandDone(token, {"answer": ""}) in line.events
    assert line.texts.count("!no_read") == 1


def test_keyence_takes_its_command_between_stx_and_etx_as_well() -> None:
    twin = KeyenceTwin()
    twin.connected(0.0)

    assert twin.receive_bytes(b"\x02KEYENCE\x03", 1.0) == b"\x02OK,KEYENCE,SR-1000,2.10\x03"
    assert twin.receive_bytes(b"garb\x1bAMON\r", 1.0) == b"OK,AMON\r"
    assert twin.receive_bytes(b"XX\rLON,1\r", 1.0) == b"ER,XX,00\rER,LON,01\r"


def test_code_that_looks_like_an_unknown_answer_is_a_code() -> None:
    line = Line(KeyenceTwin(), "keyence_sr")

    line.happens("scan", 1.0, text="OK,GOODS,5")

    assert line.texts[-1] == "OK,GOODS,5"


def test_late_answer_is_not_taken_for_that_of_another_command() -> None:
    session = TcpScannerSession(ScannerTcpConfig(host="scanner", port=1, make="cognex_dmcc"))
    session.advance_to(0.0)
    session.receive_bytes(b"||0:1[0]DM302\r\n||0:2[0]S1\r\n", 0.1)
    session.start_command("beep", {}, 1.0)
    session.advance_to(1.0)
    events = [*session.advance_to(3.5)]
    token = session.start_command("trigger", {}, 4.0)
    session.advance_to(4.0)
    events += session.receive_bytes(b"||0:3[0]\r\n", 4.1)
    events += session.receive_bytes(b"||0:4[101]\r\n", 4.2)

    failed = [event for event in events if isinstance(event, CommandFailed)]
    assert [type(event.error).__name__ for event in failed] == ["ReplyTimeout", "DeviceFault"]
    assert failed[1].token == token
    assert FrameRejected("unexpected", b"||0:3[0]") in events


def test_cognex_tells_its_model_and_serial_number() -> None:
    line = Line(CognexTwin(negotiates=True), "cognex_dmcc")

    assert line.events == [SessionReady("DM302 1A1234PP000123")]
    assert line.session.serial == "1A1234PP000123"


def test_cognex_with_older_firmware_is_asked_the_older_way() -> None:
    line = Line(CognexTwin(knows_header_mode=False), "cognex_dmcc")
    line.pass_to(2.0)
    line.happens("scan", 3.0, text="10A\x1d21B", symbology="]d2")

    assert line.texts == ["SessionReady", "10A\x1d21B"]


@pytest.mark.parametrize("make", ["keyence_sr", "cognex_dmcc"])
def test_port_that_only_says_codes_is_listened_to(make: str) -> None:
    session = TcpScannerSession(ScannerTcpConfig(host="scanner", port=1, make=make))  # type: ignore[arg-type]
    session.advance_to(0.0)
    events: list[SessionEvent] = []
    while (due_s := session.next_deadline_s()) is not None and due_s < 100.0:
        events += session.advance_to(due_s)

    assert events == [SessionReady("")]
    assert session.next_deadline_s() is None


@pytest.mark.parametrize(("twin", "make"), [(KeyenceTwin(), "keyence_sr"), (CognexTwin(), "cognex_dmcc")])
def test_silent_line_is_asked_and_lost_when_it_does_not_answer(twin: Twin, make: str) -> None:
    line = Line(twin, make, keepalive_s=10)
    line.pass_to(10.0)
    assert line.session.next_deadline_s() == 20.0

    line.session.advance_to(20.0)
    assert line.session.bytes_to_send()
    with pytest.raises(ReplyTimeout):
        line.session.advance_to(22.0)


def test_heartbeat_is_no_code_and_its_absence_is_noticed() -> None:
    line = Line(DatalogicTwin(heartbeat="ALIVE", heartbeat_s=10), "datalogic", heartbeat="ALIVE", heartbeat_timeout_s=25)
    line.pass_to(10.0)
    assert line.texts == ["SessionReady", "!heartbeat"]

    with pytest.raises(ReplyTimeout, match="heartbeat"):
        line.session.advance_to(35.0)


@pytest.mark.parametrize(("make", "command"), [("keyence_sr", "beep"), ("cognex_dmcc", "aim_on"), ("datalogic", "beep"), ("datalogic", "trigger")])
def test_command_that_a_maker_lacks_is_refused_with_what_there_is(make: str, command: str) -> None:
    session = TcpScannerSession(ScannerTcpConfig(host="scanner", port=1, make=make))  # type: ignore[arg-type]

    with pytest.raises(LocalProtocolError, match=r"it takes|trigger_text"):
        session.start_command(command, {}, 0.0)


def test_reading_begun_is_ended_before_leaving() -> None:
    line = Line(KeyenceTwin(continuous=False), "keyence_sr")
    assert line.session.farewell() == b""

    line.command("trigger", 1.0)

    assert line.session.farewell() == b"LOFF\r"


def test_checksum_that_is_an_end_of_line_is_not_missed() -> None:
    replies = [DmccReply("0", bytes([letter]), 7, checksum=True) for letter in range(256)]
    ending = [reply for reply in replies if reply.encode()[-1:] in (b"\r", b"\n")]

    assert len(ending) == 2
    for reply in ending:
        assert DmccReply.decode(reply.encode()[:-1]) == reply


def test_damaged_checksum_is_told() -> None:
    frame = bytearray(DmccReply("0", b"DM302", 7, checksum=True).encode())
    frame[-3] ^= 4

    with pytest.raises(RemoteProtocolError, match="checksum"):
        DmccReply.decode(bytes(frame))


def test_commands_are_written_as_the_manual_has_them() -> None:
    assert dmcc_command("TRIGGER ON", 42, checksum=False) == b"||0:42;1>TRIGGER ON\r\n"
    assert dmcc_command("TRIGGER ON", 42, checksum=False, tells_mode=False) == b"||0:42>TRIGGER ON\r\n"
    assert DmccReply.decode(b"||[0]ON") == DmccReply("0", b"ON")
    assert DmccReply.decode(b"||0:123[101]") == DmccReply("101", b"", 123)


@given(data=st.binary(max_size=40), cuts=st.lists(st.integers(0, 80), max_size=6))
def test_telnet_takes_out_its_own_bytes_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    sent = b"\xff\xfb\x01" + data.replace(b"\xff", b"\xff\xff") + b"\xff\xfa\x18\x01\xff\xf0\xff\xf1"
    telnet, edges = TelnetFilter(), sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})

    assert b"".join(telnet.take(sent[start:stop]) for start, stop in itertools.pairwise(edges)) == data


@pytest.mark.parametrize("frame", ["stx-crlf", "stx-etx", "crlf", "cr"])
def test_datalogic_frames_are_taken_off(frame: str) -> None:
    line = Line(DatalogicTwin(frame=frame), "datalogic", suffix="etx" if frame == "stx-etx" else "line")

    line.happens("scan", 1.0, text="A B")

    assert line.texts == ["SessionReady", "A B"]
