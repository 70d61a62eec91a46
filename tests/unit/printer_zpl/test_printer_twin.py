# SPDX-License-Identifier: Apache-2.0
"""The printer's twin by the maker's guide: what it reads, prints, says, and what it forgets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer_zpl import frames
from firmware_sims.engine.twin import UnknownStimulusError
from firmware_sims.printer_zpl.language import Instruction, Reader
from firmware_sims.printer_zpl.twin import ZplPrinterTwin

pytestmark = pytest.mark.requirement("E15", "E11")

LABEL = b"^XA^LL400^FO20,20^A0N,40,40^FDA-01^FS^XZ"
JOB = LABEL + b'~HS\r\n! U1 getvar "odometer.total_label_count"\r\n^XA^FO1,1^FDa~HQESb^FS^PQ3^XZ~PP'


@given(st.lists(st.integers(0, len(JOB)), max_size=12))
def test_job_reads_the_same_however_it_is_cut(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(JOB)]
    reader = Reader()

    read = [each for start, end in pairwise(bounds) for each in reader.take(JOB[start:end])]

    kinds = [(each.kind, each.text) for each in read]
    assert kinds[1:3] == [("control", "~HS"), ("sgd", "getvar odometer.total_label_count")]
    assert kinds[3:] == [("control", "~HQES"), ("format", "^FO1,1^FDab^FS^PQ3"), ("control", "~PP")]


def test_download_of_a_graphic_is_no_label_and_hides_no_command() -> None:
    read = list(Reader().take(b"~DGR:LOGO.GRF,8,1,FF00FF00FF00FF00~HS^XA^FO1,1^XGR:LOGO.GRF^FS^XZ"))

    assert [each.text for each in read] == ["~HS", "^FO1,1^XGR:LOGO.GRF^FS"]


def test_format_without_an_end_is_dropped_when_the_line_is_cut_and_not_before() -> None:
    twin = ZplPrinterTwin()
    twin.receive_bytes(b"^XA^FO1,1^FDhalf", 0.0)
    partial = twin.receive_bytes(b"~HS", 0.0)
    twin.disconnected(0.0)

    assert frames.decode_block(partial.split(b"\x03")[0].strip(b"\r\n\x02")) == frames.Status1(label_length_dots=400, partial_format=True)
    assert frames.Status1.decode(twin.receive_bytes(b"~HS", 0.0).split(b"\x03")[0][1:]).partial_format is False


def test_labels_come_one_after_the_other_at_the_speed_of_the_motor() -> None:
    twin = ZplPrinterTwin(speed_mm_s=50)
    twin.receive_bytes(LABEL.replace(b"^XZ", b"^PQ3^XZ"), 0.0)
    seen = []
    for now_s in (0.9, 1.1, 2.1, 3.1):
        twin.advance_to(now_s)
        seen.append(len(twin.labels))

    assert seen == [0, 1, 2, 3]
    assert twin.next_deadline_s() is None
    assert [round(label.at_s, 1) for label in twin.labels] == [1.0, 2.0, 3.0]


def test_label_that_is_stopped_in_its_middle_is_printed_whole_afterwards() -> None:
    twin = ZplPrinterTwin(speed_mm_s=50)
    twin.receive_bytes(LABEL, 0.0)
    twin.set_head("open", now_s=0.8)
    twin.set_head("closed", now_s=2.0)
    twin.advance_to(2.9)
    before = len(twin.labels)
    twin.advance_to(3.1)

    assert (before, len(twin.labels)) == (0, 1)


def test_paused_label_goes_on_where_it_stood() -> None:
    twin = ZplPrinterTwin(speed_mm_s=50)
    twin.receive_bytes(LABEL + b"~PP", 0.0)
    twin.receive_bytes(b"~PS", 5.0)
    twin.set_pause("on", now_s=5.9)
    twin.receive_bytes(b"~PS", 9.0)
    twin.advance_to(9.2)

    assert len(twin.labels) == 1


def test_printer_that_was_switched_off_forgets_its_jobs_and_keeps_its_count() -> None:
    twin = ZplPrinterTwin()
    twin.receive_bytes(LABEL, 0.0)
    twin.advance_to(2.0)
    twin.receive_bytes(LABEL, 2.0)
    twin.on_reboot(now_s=2.1)
    twin.advance_to(9.0)

    assert twin.receive_bytes(b'! U1 getvar "odometer.total_label_count"\r\n', 9.0) == b'"1"'
    assert len(twin.labels) == 1


def test_label_after_one_that_was_cancelled_in_its_middle_takes_its_whole_time() -> None:
    twin = ZplPrinterTwin()
    twin.receive_bytes(b"^XA^LL400^FO9,9^FDa^FS^XZ", 0.0)
    twin.receive_bytes(b"~JA^XA^LL400^FO9,9^FDb^FS^XZ", 0.4)  # half a second each

    twin.advance_to(0.8)
    early = len(twin.labels)
    twin.advance_to(1.0)

    assert (early, len(twin.labels)) == (0, 1)


def test_faults_are_bits_of_the_guide() -> None:
    twin = ZplPrinterTwin(thermal_transfer=True)
    for name, text in (("paper", "out"), ("ribbon", "out"), ("head", "open"), ("cutter", "stuck"), ("temperature", "90C"), ("pause", "on")):
        twin.change(name, text, 0.0)

    said = frames.Faults.decode(twin.receive_bytes(b"~HQES", 0.0))

    assert said == frames.Faults(errors=0x1001F, warnings=0)
    assert ZplPrinterTwin(labels_on_roll=3).receive_bytes(b"~HQES", 0.0).count(b"00000008") == 1


def test_printer_with_a_full_buffer_says_so() -> None:
    twin = ZplPrinterTwin(buffer_bytes=100)
    twin.set_pause("on", now_s=0.0)
    twin.receive_bytes(LABEL * 5, 0.0)

    status = frames.Status1.decode(twin.receive_bytes(b"~HS", 0.0).split(b"\x03")[0][1:])

    assert (status.buffer_full, status.formats) == (True, 5)


def test_settings_and_stored_formats_print_nothing() -> None:
    twin = ZplPrinterTwin()
    twin.receive_bytes(b"^XA^PW812^JUS^XZ^XA^DFR:FORM.ZPL^FO1,1^FN1^FS^XZ", 0.0)
    twin.advance_to(5.0)

    assert twin.labels == []
    assert frames.labels_in(b"^XA^PW812^JUS^XZ^XA^DFR:FORM.ZPL^FO1,1^FN1^FS^XZ" + LABEL + LABEL.replace(b"^XZ", b"^PQ4^XZ")) == 5


def test_configuration_and_identity_are_told() -> None:
    twin = ZplPrinterTwin()

    assert b"LABEL LENGTH" in twin.receive_bytes(b"^XA^HH^XZ", 0.0)
    assert b"99J204501782" in twin.receive_bytes(b"~HQSN", 0.0)
    assert twin.receive_bytes(b'! U1 getvar "no.such.thing"\r\n', 0.0) == b'"?"'


@pytest.mark.parametrize(("name", "text"), [("paper", "maybe"), ("head", "ajar"), ("temperature", "warm")])
def test_condition_that_is_not_understood_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="got"):
        ZplPrinterTwin().change(name, text, 0.0)


def test_condition_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(UnknownStimulusError, match="paper"):
        ZplPrinterTwin().change("ink", "out", 0.0)


def test_instruction_says_how_much_it_takes_of_the_memory() -> None:
    (made,) = Reader().take(LABEL)

    assert made == Instruction("format", LABEL[3:-3].decode(), len(LABEL))
