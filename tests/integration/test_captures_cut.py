# SPDX-License-Identifier: Apache-2.0
"""`dockline capture`: nothing of what is nobody's business is left, and the driver still makes the same of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import dockline
from contracts.readings import Scan, TagRead
from firmware_sims.engine.twin import Twin
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from gateway.recordings import read_recording
from tests.integration.test_recordings import driver_of, lines_of_driver, recorded

pytestmark = [pytest.mark.requirement("E16"), pytest.mark.slow]

EPC, SSCC, LOT = "3034257BF7194E4000001A85", "106141412345678908", "LOT4711"


async def _recording(name: str, twin: Twin, stimulus: str, arguments: dict[str, object], folder: Path) -> Path:
    driver, server = await driver_of(name, twin)
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

    (reading,) = [each for each in read_recording(out.read_text().splitlines()).then if hasattr(each, "identifiers")]
    assert SSCC.encode().hex(" ") not in out.read_text()
    assert reading.error is None
    assert (len(reading.identifiers.sscc or ""), len(reading.identifiers.lot or "")) == (len(SSCC), len(LOT))
    assert (reading.identifiers.sscc, reading.identifiers.lot) != (SSCC, LOT)


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
