# SPDX-License-Identifier: Apache-2.0
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_ssi import frames
from drivers.scanner_ssi.config import ScannerSsiConfig
from drivers.scanner_ssi.frames import Packet
from drivers.scanner_ssi.framing import PacketStream
from drivers.scanner_ssi.session import SsiSession
from firmware_sims.scanner_ssi.twin import SsiScannerTwin


class Line:
    """A session and a twin on a line that can lose what the host says; no time but the one that is told."""

    def __init__(self, twin: SsiScannerTwin, **fields: Any) -> None:
        self.twin, self.session = twin, SsiSession(ScannerSsiConfig(path="/dev/null", **fields))
        self.events: list[SessionEvent] = []
        self.loses = 0
        self.from_host: list[bytes] = []
        self.exchange(twin.connected(0.0), 0.0)
        self.pass_to(0.0)

    def exchange(self, said: bytes, now_s: float) -> None:
        while said or (asked := self.session.bytes_to_send()):
            if said:
                self.events += self.session.receive_bytes(said, now_s)
                said = b""
                continue
            self.from_host.append(asked)
            if self.loses:
                self.loses -= 1
            else:
                said = self.twin.receive_bytes(asked, now_s)

    def pass_to(self, now_s: float) -> None:
        self.exchange(self.twin.advance_to(now_s), now_s)
        self.events += self.session.advance_to(now_s)
        self.exchange(b"", now_s)

    def happens(self, name: str, now_s: float, **arguments: Any) -> None:
        self.exchange(self.twin.stimulate(name, arguments, now_s), now_s)

    def command(self, name: str, now_s: float, **arguments: Argument) -> int:
        token = self.session.start_command(name, arguments, now_s)
        self.pass_to(now_s)
        return token

    @property
    def texts(self) -> list[str]:
        return [f"!{event.reason}" if isinstance(event, FrameRejected) else str(getattr(event, "text", type(event).__name__)) for event in self.events]


def test_packets_are_those_of_the_guide() -> None:
    assert Packet(frames.CMD_ACK).encode() == bytes.fromhex("04 d0 04 00 ff 28")
    assert Packet(frames.START_SESSION).encode() == bytes.fromhex("04 e4 04 00 ff 14")
    assert Packet(frames.CMD_NAK, bytes((frames.RESEND,))).encode() == bytes.fromhex("05 d1 04 00 01 ff 25")
    assert Packet(frames.REQUEST_REVISION).encode() == bytes.fromhex("04 a3 04 00 ff 55")
    assert Packet.decode(bytes.fromhex("08 f3 00 00 03 41 42 43 fe 3c")) == Packet(frames.DECODE_DATA, b"\x03ABC", source=frames.DECODER)
    assert Packet.decode(bytes.fromhex("07 f3 00 00 01 4e 52 fe 65")) == Packet(frames.DECODE_DATA, b"\x01NR", source=frames.DECODER)


@pytest.mark.parametrize("frame", ["04d0040028ff00", "04d00400ff29", "03d00400ff", ""])
def test_damaged_packet_is_refused(frame: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Packet.decode(bytes.fromhex(frame))


@given(body=st.binary(min_size=0, max_size=60), flip=st.integers(0, 400))
def test_any_single_wrong_bit_is_noticed(body: bytes, flip: int) -> None:
    frame = bytearray(Packet(frames.DECODE_DATA, body, source=frames.DECODER).encode())
    at, bit = divmod(flip % (8 * len(frame)), 8)
    frame[at] ^= 1 << bit

    with pytest.raises(RemoteProtocolError):
        Packet.decode(bytes(frame))


@pytest.mark.requirement("E6")
def test_scan_whose_acknowledgement_was_lost_is_one_scan() -> None:
    line = Line(SsiScannerTwin())
    line.loses = 2

    line.happens("scan", 1.0, text="ABC", symbology="]C0")
    for now_s in (3.0, 5.0, 7.0):
        line.pass_to(now_s)

    assert line.texts == ["SessionReady", "ABC", "!repeated", "!repeated"]


def test_same_code_scanned_twice_is_two_scans_where_no_window_is_set() -> None:
    line = Line(SsiScannerTwin(), duplicate_window_s=0)

    line.happens("scan", 1.0, text="ABC")
    line.happens("scan", 2.0, text="ABC")

    assert line.texts == ["SessionReady", "ABC", "ABC"]


def test_damaged_packet_is_asked_for_again_at_once() -> None:
    line = Line(SsiScannerTwin())
    line.happens("damage", 1.0)

    line.happens("scan", 1.0, text="ABC")

    assert line.texts == ["SessionReady", "!damaged", "ABC"]
    assert Packet(frames.CMD_NAK, b"\x01").encode() in line.from_host


def test_scanner_gives_up_a_code_after_three_sendings_and_says_the_next() -> None:
    line = Line(SsiScannerTwin())
    line.loses = 3
    line.happens("scan", 1.0, text="ABC")
    for now_s in (3.0, 5.0, 7.0):
        line.pass_to(now_s)

    line.happens("scan", 8.0, text="DEF")

    assert [text for text in line.texts if not text.startswith("!")] == ["SessionReady", "ABC", "DEF"]


@pytest.mark.parametrize("packet_data_max", [4, 12, 251])
def test_long_code_comes_whole_in_several_packets(packet_data_max: int) -> None:
    line = Line(SsiScannerTwin(packet_data_max=packet_data_max))
    text = "".join(chr(33 + place % 90) for place in range(700))

    line.happens("scan", 1.0, text=text, symbology="]Q1")

    assert line.texts == ["SessionReady", text]


def test_part_of_a_long_code_that_comes_twice_is_put_in_once() -> None:
    line = Line(SsiScannerTwin(packet_data_max=4))
    line.loses = 1

    line.happens("scan", 1.0, text="AAABBBCCC")
    line.pass_to(3.0)

    assert line.texts == ["SessionReady", "!repeated", "AAABBBCCC"]


@pytest.mark.parametrize(
    ("symbology", "text", "read", "gs1_types"),
    [
        ("]C1", "00106141412345678908", "]C1", False),
        ("]E0", "6901234567892", "]E0", False),
        ("]E0", "614141000012", "]E0", False),
        ("]E0", "04252614", "]E0", False),
        ("]E4", "02345673", "]E4", False),
        ("]d2", "010950600013435210A\x1d21B", "]d2", False),
        ("]d2", "010950600013435210A\x1d21B", "]d2", True),
        ("]d1", "hello", "]d1", False),
        ("]Q1", "https://id.gs1.org/01/09506000134352", "]Q1", False),
        ("]I1", "10614141000415", "]I1", False),
        ("]I1", "10614141000416", "]I0", False),
        ("]A0", "0109506000134352", "]A0", False),
        ("]X0", "what is this", None, False),
    ],
)
def test_code_type_becomes_the_symbology_that_it_tells(symbology: str, text: str, read: str | None, gs1_types: bool) -> None:
    line = Line(SsiScannerTwin(gs1_types=gs1_types))

    line.happens("scan", 1.0, text=text, symbology=symbology)

    scanned: Any = line.events[-1]
    assert (scanned.symbology, scanned.text, scanned.error) == (read, text, None)


def test_identifier_that_the_scanner_sends_itself_counts_more_than_the_type() -> None:
    line = Line(SsiScannerTwin(sends_aim=True))

    line.happens("scan", 1.0, text="10A", symbology="]d2")

    scanned: Any = line.events[-1]
    assert (scanned.symbology, scanned.elements) == ("]d2", {"10": "A"})


def test_commands_are_carried_out_and_answered() -> None:
    line = Line(SsiScannerTwin())
    for place, (name, arguments) in enumerate(
        [("beep", {"sound": 3}), ("aim_on", {}), ("led_on", {"leds": 2}), ("trigger", {}), ("stop", {}), ("disable", {}), ("enable", {})]
    ):
        assert CommandDone(line.command(name, 1.0 + place, **arguments), {}) in line.events

    assert line.twin.heard == ["beep 3", "aim on", "led on 2", "start", "stop", "disable", "enable"]
    revision, capabilities = line.command("revision", 20.0), line.command("capabilities", 21.0)
    done = {event.token: event.result for event in line.events if isinstance(event, CommandDone)}
    assert done[revision] == {"revision": "PAABLS00-005-R03 DS2208 3ENGINE 15"}
    assert str(done[capabilities]["capabilities"]).startswith("03 ff")


def test_command_is_sent_again_and_late_answers_are_nobodys() -> None:
    session = SsiSession(ScannerSsiConfig(path="/dev/null", reply_timeout_s=1))
    session.advance_to(0.0)
    session.receive_bytes(Packet(frames.REPLY_REVISION, b"X", source=frames.DECODER).encode(), 0.0)
    session.bytes_to_send()
    session.start_command("aim_on", {}, 1.0)
    session.start_command("aim_off", {}, 1.0)
    session.advance_to(1.0)
    assert session.bytes_to_send() == Packet(frames.AIM_ON).encode()
    session.advance_to(2.0)
    assert session.bytes_to_send() == b"\x00" + Packet(frames.AIM_ON, status=frames.RETRANSMITTED).encode()

    ack = Packet(frames.CMD_ACK, source=frames.DECODER).encode()
    events = [*session.receive_bytes(ack, 2.1), *session.receive_bytes(ack, 2.2)]
    assert events == [CommandDone(1, {}), FrameRejected("unexpected", ack)]
    assert session.bytes_to_send() == b""
    session.advance_to(session.next_deadline_s() or 0.0)
    assert session.bytes_to_send() == Packet(frames.AIM_OFF).encode()


def test_command_that_is_never_answered_fails_and_silence_after_it_is_told() -> None:
    line = Line(SsiScannerTwin())
    line.loses = 99
    token = line.command("aim_on", 1.0)
    for now_s in (3.0, 5.0, 7.0):
        line.pass_to(now_s)

    failed: Any = line.events[-1]
    assert isinstance(failed, CommandFailed)
    assert (failed.token, type(failed.error)) == (token, ReplyTimeout)
    for now_s in (30.0, 32.0, 34.0):
        line.pass_to(now_s)
    with pytest.raises(ReplyTimeout, match="identify"):
        line.pass_to(36.0)


def test_refusal_tells_its_cause() -> None:
    line = Line(SsiScannerTwin())
    line.happens("menu", 1.0)

    line.command("trigger", 1.0)

    failed: Any = line.events[-1]
    assert isinstance(failed.error, DeviceFault)
    assert failed.error.code == "02"


@pytest.mark.parametrize(("name", "arguments"), [("dance", {}), ("beep", {"sound": 300})])
def test_impossible_command_is_refused_before_it_is_sent(name: str, arguments: dict[str, Argument]) -> None:
    with pytest.raises(LocalProtocolError):
        SsiSession(ScannerSsiConfig(path="/dev/null")).start_command(name, arguments, 0.0)


def test_echo_of_the_line_is_not_taken_for_an_answer() -> None:
    session = SsiSession(ScannerSsiConfig(path="/dev/null"))
    session.advance_to(0.0)
    asked = session.bytes_to_send()

    assert session.receive_bytes(asked, 0.1) == [FrameRejected("echo", asked)]
    (ready,) = session.receive_bytes(Packet(frames.REPLY_REVISION, b"X", source=frames.DECODER).encode(), 0.2)
    assert ready == SessionReady("X")


def test_reading_begun_is_ended_before_leaving() -> None:
    line = Line(SsiScannerTwin())
    assert line.session.farewell() == b""
    line.command("trigger", 1.0)

    assert line.session.farewell() == Packet(frames.STOP_SESSION).encode()


@given(noise=st.binary(max_size=30), cuts=st.lists(st.integers(0, 120), max_size=6))
def test_stream_is_in_step_again_after_a_pause_at_the_latest(noise: bytes, cuts: list[int]) -> None:
    good = Packet(frames.DECODE_DATA, b"\x03ABC", source=frames.DECODER).encode()
    data, stream, found = noise + good, PacketStream(), list[Packet | FrameRejected]()
    for start, stop in itertools.pairwise(sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})):
        found += stream.receive(data[start:stop], 1.0)
    found += stream.advance_to(2.0)

    assert Packet(frames.DECODE_DATA, b"\x03ABC", source=frames.DECODER) in found
    assert list(stream.receive(good, 3.0)) == [Packet(frames.DECODE_DATA, b"\x03ABC", source=frames.DECODER)]
