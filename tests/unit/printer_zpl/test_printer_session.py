# SPDX-License-Identifier: Apache-2.0
"""A printer and its session in virtual time: what is told of jobs is what is known, and nothing is printed twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import LocalProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, SessionEvent, SessionReady
from drivers.printer_zpl.config import PrinterZplConfig
from drivers.printer_zpl.jobs import Memory
from drivers.printer_zpl.session import ConditionTold, JobTold, LabelsTold, PrinterZplSession
from firmware_sims.printer_zpl.twin import ZplPrinterTwin

pytestmark = pytest.mark.requirement("E11")

LABEL = "^XA^LL400^FO20,20^A0N,40,40^FDA-01-02^FS^XZ"  # 400 dots of 203 dpi are 50 mm: half a second


class Rig:
    """Driver's session and twin on one line; `cut` loses the line, `step` lets time pass in steps of 50 ms."""

    def __init__(self, twin: ZplPrinterTwin | None = None, **fields: Any) -> None:
        self.twin = twin or ZplPrinterTwin()
        given = {"host": "printer-1", "poll_interval_s": 1.0, "job_poll_interval_s": 0.2, "settle_s": 0.5, "reply_timeout_s": 1.0, "busy_timeout_s": 3.0}
        self.config = parse_config(PrinterZplConfig, {"driver": "printer_zpl", **given, **fields})
        self.memory = Memory()
        self.now_s = 0.0
        self.events: list[SessionEvent] = []
        self.lost: list[bytes] = []
        self.connect()

    def connect(self) -> None:
        self.session = PrinterZplSession(self.config, self.memory)
        self.line_is_cut = False
        self.events += self.session.advance_to(self.now_s)
        self.pump()

    def pump(self) -> None:
        while said := self.session.bytes_to_send():
            if self.line_is_cut:
                self.lost.append(said)
                return
            if heard := self.twin.receive_bytes(said, self.now_s):
                self.events += self.session.receive_bytes(heard, self.now_s)

    def run(self, for_s: float) -> None:
        for _ in range(round(for_s / 0.05)):
            self.now_s = round(self.now_s + 0.05, 6)
            self.twin.advance_to(self.now_s)
            deadline_s = self.session.next_deadline_s()
            if deadline_s is not None and self.now_s >= deadline_s:
                self.events += self.session.advance_to(self.now_s)
                self.pump()

    def command(self, name: str, **arguments: Any) -> None:
        self.session.start_command(name, arguments, self.now_s)
        self.events += self.session.advance_to(self.now_s)
        self.pump()

    def send_job(self, job: str = "j1", data: str = LABEL, **more: Any) -> None:
        self.command("print", job=job, data=data, **more)

    def cut(self, for_s: float = 1.0) -> None:
        """The link is lost, the printer lives on, the driver connects again."""
        self.twin.disconnected(self.now_s)
        self.line_is_cut = True
        self.now_s = round(self.now_s + for_s, 6)
        self.twin.advance_to(self.now_s)
        self.connect()

    def of(self, kind: type[Any]) -> Sequence[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def jobs(self) -> list[tuple[str, str, int | None]]:
        return [(event.job, event.state, event.labels) for event in self.of(JobTold)]

    @property
    def conditions(self) -> list[tuple[str, bool]]:
        return [(event.condition, event.active) for event in self.of(ConditionTold)]


def test_job_is_printed_when_the_printer_has_nothing_left_and_counted_it() -> None:
    rig = Rig()
    rig.run(0.5)

    rig.send_job(data=LABEL.replace("^XZ", "^PQ3^XZ"))
    rig.run(1.0)
    before = rig.jobs[:]
    rig.run(3.0)

    assert before == []
    assert rig.jobs == [("j1", "printed", 3)]
    assert len(rig.twin.labels) == 3


def test_session_tells_model_serial_and_counter_when_it_begins() -> None:
    rig = Rig()

    assert rig.of(SessionReady) == [SessionReady("ZT411-203dpi V92.21.17Z")]
    assert rig.session.serial == "99J204501782"
    assert rig.of(LabelsTold) == [LabelsTold(0)]


def test_job_waits_in_the_printer_and_says_why_when_the_roll_ends() -> None:
    rig = Rig()
    rig.twin.set_paper("1", now_s=0.0)

    rig.send_job(data=LABEL.replace("^XZ", "^PQ2^XZ"))
    rig.run(4.0)
    waiting = rig.jobs[:]
    rig.twin.set_paper("in", now_s=rig.now_s)
    rig.run(4.0)

    assert waiting == [("j1", "waiting", None)]
    assert rig.jobs[1:] == [("j1", "printed", 2)]
    assert rig.conditions[-2:] == [("paper_out", True), ("paper_out", False)]
    assert len(rig.twin.labels) == 2


@pytest.mark.parametrize(
    ("name", "wrong", "right", "condition"),
    [
        ("head", "open", "closed", "head_open"),
        ("ribbon", "out", "in", "ribbon_out"),
        ("pause", "on", "off", "paused"),
        ("temperature", "80C", "30C", "over_temperature"),
        ("temperature", "-10C", "30C", "under_temperature"),
        ("cutter", "stuck", "ok", "cutter_fault"),
        ("printhead", "broken", "ok", "printhead_fault"),
    ],
)
def test_condition_is_told_once_when_it_begins_and_once_when_it_ends(name: str, wrong: str, right: str, condition: str) -> None:
    rig = Rig(ZplPrinterTwin(thermal_transfer=True))
    rig.twin.change(name, wrong, rig.now_s)
    rig.run(3.0)
    begun = [event for event in rig.of(ConditionTold) if event.condition == condition]
    rig.twin.change(name, right, rig.now_s)
    rig.run(3.0)

    assert [event.active for event in begun] == [True]
    assert begun[0].reason
    assert begun[0].code.startswith("~H")
    assert rig.conditions == [(condition, True), (condition, False)]


def test_printer_that_does_not_answer_status_without_paper_is_asked_otherwise() -> None:
    rig = Rig(ZplPrinterTwin(silent_when_stopped=True))
    rig.twin.set_paper("out", now_s=rig.now_s)

    rig.run(4.0)
    rig.send_job()
    rig.run(8.0)
    rig.twin.set_paper("in", now_s=rig.now_s)
    rig.run(8.0)

    assert rig.conditions == [("paper_out", True), ("paper_out", False)]
    assert [state for _, state, _ in rig.jobs] == ["waiting", "printed"]


def test_job_survives_a_lost_link_when_the_printer_has_it() -> None:
    rig = Rig()
    rig.twin.set_pause("on", now_s=0.0)
    rig.send_job()
    rig.run(1.0)

    rig.cut()
    rig.twin.set_pause("off", now_s=rig.now_s)
    rig.run(4.0)

    assert rig.jobs[-1] == ("j1", "printed", 1)
    assert len(rig.twin.labels) == 1


def test_job_that_never_reached_the_printer_is_sent_again_when_the_counter_proves_it() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job()
    rig.twin.body.queue.clear()

    rig.cut()
    rig.run(6.0)

    assert rig.jobs == [("j1", "printed", 1)]
    assert len(rig.twin.labels) == 1


def test_job_is_unknown_and_not_sent_again_when_the_link_is_lost_and_nothing_counts() -> None:
    rig = Rig(ZplPrinterTwin(counts=False), counter="none")
    rig.run(0.5)
    rig.send_job()
    rig.run(0.3)

    rig.cut()
    rig.run(4.0)
    rig.send_job()
    rig.run(2.0)

    assert [(job, state) for job, state, _ in rig.jobs] == [("j1", "unknown"), ("j1", "unknown")]
    assert len(rig.twin.labels) == 1


def test_job_is_failed_when_the_printer_was_switched_off_and_counted_less() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job(data=LABEL.replace("^XZ", "^PQ8^XZ"))
    rig.run(1.2)

    rig.twin.on_reboot(now_s=rig.now_s)
    rig.cut()
    rig.run(5.0)

    assert rig.jobs == [("j1", "failed", 2)]
    assert len(rig.twin.labels) == 2


def test_same_job_given_twice_is_printed_once_and_told_twice() -> None:
    rig = Rig()
    rig.send_job()
    rig.send_job()
    rig.run(3.0)

    rig.send_job()
    rig.run(2.0)

    assert rig.jobs == [("j1", "printed", 1), ("j1", "printed", 1)]
    assert len(rig.twin.labels) == 1


def test_resumed_job_is_not_printed_again_when_the_counter_says_it_was() -> None:
    rig = Rig()
    rig.send_job("before")
    rig.run(3.0)
    rig.memory = Memory()
    rig.connect()

    rig.send_job("before", resume=True, count_before=0)
    rig.run(3.0)

    assert rig.jobs[-1] == ("before", "printed", 1)
    assert len(rig.twin.labels) == 1


def test_resumed_job_is_printed_when_nothing_of_it_was() -> None:
    rig = Rig()
    rig.send_job("lost", resume=True, count_before=0)
    rig.run(6.0)

    assert rig.jobs == [("lost", "printed", 1)]
    assert len(rig.twin.labels) == 1


def test_cancel_ends_every_job_and_says_how_many_labels_were_printed() -> None:
    rig = Rig()
    rig.send_job(data=LABEL.replace("^XZ", "^PQ9^XZ"))
    rig.send_job("j2")
    rig.run(1.2)

    rig.command("cancel")
    rig.run(4.0)

    assert rig.jobs == [("j2", "failed", 0), ("j1", "failed", 2)]


def test_counter_is_told_before_each_job_also_when_it_did_not_change() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job()
    rig.twin.body.queue.clear()
    rig.run(4.0)
    rig.send_job("j2")
    rig.run(3.0)

    assert rig.jobs == [("j1", "failed", 0), ("j2", "printed", 1)]
    assert [told.count for told in rig.of(LabelsTold)] == [0, 0, 0, 1]


def test_two_jobs_are_printed_one_after_the_other() -> None:
    rig = Rig()
    rig.send_job("a", copies=2)
    rig.send_job("b", data=LABEL.replace("A-01-02", "B"))
    rig.run(6.0)

    assert rig.jobs == [("a", "printed", 2), ("b", "printed", 1)]
    assert ["B" in label.zpl for label in rig.twin.labels] == [False, False, True]


def test_printer_that_answers_nothing_takes_jobs_when_it_is_configured_so() -> None:
    rig = Rig(ZplPrinterTwin(answers=False), status="none")
    rig.send_job()
    rig.run(1.0)

    assert rig.jobs == [("j1", "taken", None)]
    with pytest.raises(LocalProtocolError, match="status = none"):
        rig.command("status")


def test_printer_that_answers_nothing_is_lost_and_the_way_out_is_named() -> None:
    rig = Rig(ZplPrinterTwin(answers=False))

    with pytest.raises(ReplyTimeout, match='status = "none"'):
        rig.run(8.0)


def test_format_left_open_is_told_and_nothing_more_is_sent() -> None:
    rig = Rig()
    rig.twin.receive_bytes(b"^XA^FO10,10^FDhalf", rig.now_s)
    rig.run(2.0)
    rig.send_job()
    rig.run(2.0)

    assert ("incomplete_label", True) in rig.conditions
    assert rig.twin.labels == []
    rig.command("cancel")
    rig.run(2.0)
    assert ("incomplete_label", False) in rig.conditions


def test_settings_that_print_nothing_are_done_when_the_printer_has_read_them() -> None:
    rig = Rig()
    rig.send_job(data="^XA^PW812^JUS^XZ")
    rig.run(3.0)

    assert rig.jobs == [("j1", "printed", 0)]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"data": "  "}, "1 to"),
        ({"data": "@@@", "encoding": "base64"}, "no base64"),
        ({"data": LABEL, "encoding": "utf-16"}, "text or base64"),
        ({"data": LABEL, "copies": 0}, "1 to 999"),
    ],
)
def test_job_is_refused_when_it_cannot_be_understood(arguments: dict[str, Any], why: str) -> None:
    rig = Rig()

    with pytest.raises(LocalProtocolError, match=why):
        rig.command("print", job="x", **arguments)


class TerseTwin(ZplPrinterTwin):
    """A clone whose ~HS has two strings only, or lines without STX and ETX."""

    def __init__(self, *, strings: int, framed: bool) -> None:
        super().__init__(counts=False)
        self._strings, self._framed = strings, framed

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        said = super().receive_bytes(data, now_s)
        if data != b"~HS":
            return b""
        kept = b"".join(part + b"\x03\r\n" for part in said.split(b"\x03\r\n")[: self._strings])
        return kept if self._framed else kept.replace(b"\x02", b"").replace(b"\x03", b"")


@pytest.mark.parametrize(("strings", "framed"), [(2, True), (3, False)])
def test_clone_that_says_its_status_otherwise_is_understood(strings: int, framed: bool) -> None:
    rig = Rig(TerseTwin(strings=strings, framed=framed), counter="none", job_poll_interval_s=0.1)
    rig.run(8.0)
    rig.twin.set_paper("out", now_s=rig.now_s)
    rig.run(6.0)
    rig.twin.set_paper("in", now_s=rig.now_s)
    rig.send_job()
    rig.run(14.0)

    assert rig.conditions == [("paper_out", True), ("paper_out", False)]
    assert rig.jobs[-1] == ("j1", "printed", None)


def test_status_command_answers_with_what_the_printer_says_now() -> None:
    rig = Rig()
    rig.twin.set_head("open", now_s=0.0)

    rig.command("status")
    rig.run(1.0)

    done = [event for event in rig.of(CommandDone) if event.result]
    assert done[0].result["conditions"] == "head_open"
    assert done[0].result["labels_counted"] == 0


def count_other_labels(rig: Rig, labels: int) -> None:
    """Somebody else prints so many on it."""
    rig.twin.body.counted += labels


def test_job_that_was_cut_off_is_unknown_when_more_labels_came_out_than_it_has() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job()
    rig.twin.body.queue.clear()

    count_other_labels(rig, 2)
    rig.cut()
    rig.run(4.0)

    assert rig.jobs == [("j1", "unknown", None)]
    assert "somebody else prints on it" in rig.of(JobTold)[0].reason
    assert rig.twin.labels == []


def test_job_is_printed_without_a_number_when_somebody_else_printed_meanwhile() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job()

    count_other_labels(rig, 2)
    rig.run(3.0)

    assert rig.jobs == [("j1", "printed", None)]


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "whole"])
def test_job_is_unknown_when_the_counter_went_back(is_cut: bool) -> None:
    rig = Rig()
    rig.twin.body.counted = 500
    rig.run(2.5)
    rig.send_job()

    rig.twin.body.queue.clear()
    rig.twin.body.counted = 3
    if is_cut:
        rig.cut()
    rig.run(4.0)

    assert rig.jobs == [("j1", "unknown", None)]


def test_settings_that_were_cut_off_are_unknown_since_no_label_tells_of_them() -> None:
    rig = Rig()
    rig.send_job(data="^XA^MNY^JUS^XZ", resume=True, count_before=0)
    rig.run(4.0)

    assert rig.jobs == [("j1", "unknown", None)]


def test_job_is_not_sent_again_while_the_counter_may_come_behind_its_labels() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job()
    rig.run(0.55)
    rig.twin.body.counted -= 1

    rig.cut()
    rig.run(1.0)
    count_other_labels(rig, 1)
    rig.run(3.0)

    assert rig.jobs == [("j1", "printed", 1)]
    assert len(rig.twin.labels) == 1


def test_job_whose_labels_all_came_out_before_it_was_cancelled_is_printed() -> None:
    rig = Rig()
    rig.run(0.5)
    rig.send_job()
    rig.run(0.55)

    rig.command("cancel")
    rig.run(4.0)

    assert rig.jobs == [("j1", "printed", 1)]


class SlowCounter(Rig):
    """Its answer to one question for the counter comes so late that it is there together with the next."""

    is_slow = False
    held = b""

    def pump(self) -> None:
        while said := self.session.bytes_to_send():
            heard = self.twin.receive_bytes(said, self.now_s)
            if b"total_label_count" in said and self.is_slow and not self.held:
                self.held, heard = heard, b""
            elif b"total_label_count" in said and self.held:
                self.is_slow, self.held, heard = False, b"", self.held + heard
            if heard:
                self.events += self.session.receive_bytes(heard, self.now_s)


def test_late_count_is_not_taken_for_the_answer_to_the_next_question() -> None:
    rig = SlowCounter()
    rig.run(0.5)
    rig.is_slow = True
    rig.run(1.0)  # asked while nothing is printed: 0, which comes after the label
    held = rig.held
    rig.send_job(resume=True, count_before=0)
    rig.twin.receive_bytes(LABEL.encode(), rig.now_s)
    rig.run(8.0)

    assert held == b'"0"'
    assert not rig.is_slow
    assert rig.jobs == [("j1", "printed", 1)]
    assert len(rig.twin.labels) == 1


def test_late_status_is_not_taken_for_the_answer_to_the_next_question() -> None:
    idle = ZplPrinterTwin().receive_bytes(b"~HS", 0.0)
    session = PrinterZplSession(parse_config(PrinterZplConfig, {"driver": "printer_zpl", "host": "p", "counter": "none"}), Memory())
    session.advance_to(0.0)
    session.receive_bytes(b"\x02ZT411,V1,8\x03\r\n", 0.0)
    for at_s in (3.1, 3.2, 8.3):  # ~HS is not answered; ~HQES is
        session.advance_to(at_s)
        said = session.bytes_to_send()
        if said.endswith(b"~HQES"):
            session.receive_bytes(b"\x02ERRORS: 0 00000000 00000000\x03", at_s)
    asked_again = session.receive_bytes(idle, 8.4) or session.advance_to(8.4)

    assert said == b"~HS"
    assert session.bytes_to_send() == b"~HS"
    assert not [event for event in asked_again if isinstance(event, SessionReady)]
