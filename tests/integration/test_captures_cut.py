# SPDX-License-Identifier: Apache-2.0
"""`dockline capture`: nothing of what is nobody's business is left, and the driver still makes the same of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dockline
from contracts.readings import Scan, TagRead
from drivers.scanner_ssi.frames import Packet
from drivers.scanner_ssi.privacy import resealed
from drivers.sensor_ble.frames import Report
from drivers.sensor_ble.privacy import private_values
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from gateway.recordings import read_recording
from tests.conformance.entries import entry, twin
from tests.integration.test_recordings import driver_of, lines_of_driver, recorded

pytestmark = [pytest.mark.requirement("E16"), pytest.mark.slow]

EPC, SSCC, LOT = "3034257BF7194E4000001A85", "106141412345678908", "LOT4711"


async def _recording(name: str, device: Any, stimulus: str, arguments: dict[str, object], folder: Path) -> Path:
    driver, server = await driver_of(name, device)
    await recorded(driver, TagRead | Scan, lambda: server.stimulate(stimulus, **arguments))  # type: ignore[arg-type]
    await server.stop()
    path = folder / "recording.txt"
    path.write_text("\n".join(lines_of_driver(driver, name)))
    return path


async def test_capture_of_a_reader_has_other_tags_and_the_same_readings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = await _recording("rfid_llrp", LlrpReaderTwin(), "read", {"epc": EPC, "antenna": 2, "peak_rssi_dbm": -51.0}, tmp_path)
    out = tmp_path / "door.hex"

    assert dockline.main(["capture", str(recording), "--out", str(out), "--note", "door 3, a pallet"]) == 0

    text = out.read_text()
    assert EPC in recording.read_text()
    for trace in (EPC, EPC.lower(), bytes.fromhex(EPC).hex(" "), "127.0.0.1", "d-1"):
        assert trace not in text
    assert "door 3, a pallet" in text
    assert dockline.main(["replay", str(out)]) == 0
    assert "0 differences" in capsys.readouterr().err


async def test_capture_of_a_scanner_has_other_keys_with_right_check_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = f"00{SSCC}10{LOT}"
    recording = await _recording("scanner_serial", ScannerTwin(), "scan", {"text": code, "symbology": "]C1"}, tmp_path)
    out = tmp_path / "scan.hex"

    assert dockline.main(["capture", str(recording), "--out", str(out)]) == 0

    (reading,) = [each for each in read_recording(out.read_text().splitlines()).then if isinstance(each, Scan)]
    assert SSCC.encode().hex(" ") not in out.read_text()
    assert reading.error is None
    assert (len(reading.identifiers.sscc or ""), len(reading.identifiers.lot or "")) == (len(SSCC), len(LOT))
    assert (reading.identifiers.sscc, reading.identifiers.lot) != (SSCC, LOT)


@pytest.mark.parametrize(
    ("name", "private"),
    [
        ("scale_sics", ["B021002593"]),
        ("sensor_ble", ["CB:B8:33:4C:88:4F", "A4:C1:38:3E:B3:93"]),
        ("sensor_onewire", ["0316a2791e0b"]),
        ("sensor_modbus", []),
    ],
)
async def test_capture_has_no_serial_number_and_no_address_of_a_device(name: str, private: list[str], tmp_path: Path) -> None:
    sample = entry(name)
    driver, server = await driver_of(name, twin(name), **{key: value for key, value in sample.fields.items() if key not in ("host", "port")})
    assert sample.stimulus
    stimulus, arguments = sample.stimulus
    await recorded(driver, object, lambda: server.stimulate(stimulus, **arguments))
    await server.stop()
    recording, out = tmp_path / "r.txt", tmp_path / "c.hex"
    recording.write_text("\n".join(lines_of_driver(driver, name)))

    assert dockline.main(["capture", str(recording), "--out", str(out)]) == 0

    said = [step[2] for step in read_recording(out.read_text().splitlines()).steps if isinstance(step[2], bytes)]
    for value in private:
        plain = value.replace(":", "")
        for trace in (value, value.lower(), plain, plain.lower()):
            assert trace not in out.read_text()
            assert trace.encode() not in b"".join(said)
        if ":" in value:
            assert bytes.fromhex(plain) not in b"".join(said)
            assert bytes.fromhex(plain)[::-1] not in b"".join(said)
    assert dockline.main(["replay", str(out)]) == 0


async def test_capture_of_packets_with_checksums_has_right_ones(tmp_path: Path) -> None:
    recording = await _recording("scanner_ssi", twin("scanner_ssi"), "scan", {"text": "ORDER4711"}, tmp_path)
    out = tmp_path / "c.hex"

    assert dockline.main(["capture", str(recording), "--out", str(out)]) == 0

    made = read_recording(out.read_text().splitlines())
    assert [each.text for each in made.then if isinstance(each, Scan)] == ["XXXXX0001"]
    assert b"".join(step[2] for step in made.steps if isinstance(step[2], bytes)).count(b"XXXXX0001") == 1


def test_packet_that_was_damaged_stays_damaged() -> None:
    whole, damaged = Packet(0xF3, b"ABC", source=0).encode(), bytearray(Packet(0xF3, b"ABC", source=0).encode())
    damaged[5] ^= 1
    before = whole + bytes(damaged) + whole

    after = resealed(before, before.replace(b"ABC", b"XYZ"))

    assert after == Packet(0xF3, b"XYZ", source=0).encode() + bytes(damaged) + Packet(0xF3, b"XYZ", source=0).encode()


def test_names_and_addresses_of_telephones_that_are_near_are_private() -> None:
    telephone = Report("d4:f5:47:12:34:56", bytes([6, 0x09]) + b"Max's", -60).encode()

    assert list(private_values(b"\x00" + telephone + b"\x04")) == ["d4:f5:47:12:34:56", "Max's"]


def test_capture_that_cannot_be_redacted_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = tmp_path / "r.txt"
    recording.write_text(
        '# device {"id":"s","driver":"scanner_serial","host":"h","port":1}\n@0.0\n# opened\n@1.0\n<< 41 42 43 0d\n'
        '# reading {"type":"Scan","device":"s","atS":1.0,"text":"OTHER"}\n'
    )

    assert dockline.main(["capture", str(recording), "--out", str(tmp_path / "c.hex")]) == 2

    assert "--keep-values" in capsys.readouterr().err
    assert not (tmp_path / "c.hex").exists()


def test_cut_keeps_how_the_conversation_began(tmp_path: Path) -> None:
    recording, out = tmp_path / "r.txt", tmp_path / "c.hex"
    scans = "".join(f'@{at}.0\n<< 4{at % 10} 42 43 0d\n# reading {{"type":"Scan","device":"s","atS":{at}.0,"text":"ABC"}}\n' for at in range(10, 15))
    recording.write_text(f'# device {{"id":"s","driver":"scanner_serial","host":"h","port":1}}\n@0.0\n# opened\n{scans}')

    assert dockline.main(["capture", str(recording), "--out", str(out), "--from", "13.5", "--to", "14.5", "--keep-values"]) == 0

    made = read_recording(out.read_text().splitlines())
    assert [kind for _, kind, _ in made.steps] == ["open", "gap", "<<"]
    assert made.then_at_s == [14.0]


def test_capture_says_which_file_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("hello")

    assert dockline.main(["capture", str(wrong), "--out", str(tmp_path / "c.hex")]) == 2

    assert "wrong.txt" in capsys.readouterr().err
