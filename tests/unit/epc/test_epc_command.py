# SPDX-License-Identifier: Apache-2.0
import io
import json
from pathlib import Path

import pytest

from dockline import main
from gateway import epc_command

pytestmark = pytest.mark.requirement("E5")

TAG = "3074257BF7194E4000001A85"


def test_one_epc_is_shown_in_all_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["epc", "decode", TAG]) == 0

    shown = capsys.readouterr().out
    for form in ("urn:epc:tag:sgtin-96:3.0614141.812345.6789", "urn:epc:raw:96.x" + TAG, "(01)80614141123458(21)6789", "/01/80614141123458/21/6789"):
        assert form in shown


def test_wrong_epc_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["epc", "decode", "307C257BF7194E4000001A85"]) == 1

    assert "partition 7 is reserved" in capsys.readouterr().err


def test_many_are_answered_in_order_with_errors_in_their_place(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(f"{TAG}\r\n\n\xff\nurn:epc:id:sscc:952012.03456789123\n{'30' * 9000}\n(00)095201234567891235".encode("latin-1")))
    monkeypatch.setattr("sys.stdin", stream)

    assert main(["epc", "decode", "-", "--json"]) == 1

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["line"] for answer in answers] == [1, 3, 4, 5, 6]
    assert [answer.get("scheme") for answer in answers] == ["sgtin-96", None, "sscc-96", None, "sscc+"]
    assert answers[0]["uri"] == "urn:epc:id:sgtin:0614141.812345.6789"
    assert "error" in answers[1]


def test_file_is_answered_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tags = tmp_path / "tags.txt"
    tags.write_text(f"\ufeff{TAG}\nE28011606000020000000000\n", encoding="utf-8")

    assert main(["epc", "decode", "--file", str(tags)]) == 1

    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t")[:4] == [TAG, "sgtin-96", "3", "urn:epc:id:sgtin:0614141.812345.6789"]
    assert second.startswith("error\tline 2: ")
    assert "TID" in second


def test_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["epc", "decode", "--file", str(tmp_path / "none")]) == 2

    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "epc_hex"),
    [
        (["(01)80614141123458(21)6789", "--prefix-length", "7", "--scheme", "SGTIN-96", "--filter", "3"], TAG),
        ([TAG, "--scheme", "sgtin+"], "F7380614141123458046A14"),
        (["https://example.org/00/095201234567891235", "--scheme", "sscc++"], None),
    ],
)
def test_epc_is_written_from_any_form(arguments: list[str], epc_hex: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["epc", "encode", *arguments, "--json"]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert epc_hex is None or answer["hex"].startswith(epc_hex.rstrip("0"))
    assert epc_hex is not None or answer["digital_link"] == "https://example.org/00/095201234567891235"


def test_reader_of_the_output_who_has_enough_is_no_wrong_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = tmp_path / "tags.txt"
    tags.write_text(f"{TAG}\n", encoding="utf-8")

    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())

    with pytest.raises(BrokenPipeError):
        epc_command.main(["decode", "--file", str(tags)])
