# SPDX-License-Identifier: Apache-2.0
"""The drain rule, in virtual time: a slave that answers in order but as late as it likes never makes the driver take one register for another."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.modbus.exchange import Exchange
from drivers.base.modbus.frames import encode_rtu
from drivers.base.session import FrameRejected
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.maps import Block, MappedValue, ModbusMap
from drivers.sensor_modbus.session import SensorModbusSession, ValueRead
from firmware_sims.sensor_modbus.device import ModbusTwin

REPLY_TIMEOUT_S = 0.25
WORST_REPLY_S = 2 * REPLY_TIMEOUT_S
REQUESTS = 100_000


def _value(number):
    return MappedValue(quantity=f"register_{number}", type="uint16", low=0, high=65535)


# three blocks whose replies differ in length, and a fourth with the function changed, so that it has the length of the first
BLOCKS = (
    Block(function=3, address=0, count=1, values=(_value(0),)),
    Block(function=3, address=1, count=2, values=(_value(1),)),
    Block(function=3, address=3, count=3, values=(_value(3),)),
    Block(function=4, address=6, count=1, values=(_value(6),)),
)


class OddSlave(ModbusTwin):
    """Register n holds 1000 * n plus the number of the request that reads it, so that every reply is known by what it says."""

    def __init__(self):
        super().__init__(framing="rtu")
        self.holding = self.input_registers = self
        self.truth = {}

    def __contains__(self, address):
        return address < 10

    def __getitem__(self, address):
        return 1000 * address + self.requests_served % 1000


class Line:
    """Both sides and the delays between them, driven from one deadline to the next."""

    def __init__(self, blocks=BLOCKS, framing="rtu"):
        config = SensorModbusConfig(
            map="own", path="/dev/null", framing=framing, interval_s=0.1, reply_timeout_s=REPLY_TIMEOUT_S, worst_reply_s=WORST_REPLY_S, silent_polls_max=1000
        )
        register_map = ModbusMap(title="odd slave", source="this test", worst_reply_s=WORST_REPLY_S, blocks=blocks)
        self.session = SensorModbusSession(config, register_map)
        self.slave = OddSlave()
        self.now_s = 0.0
        self.asked = 0
        self.right = self.wrong = self.late = 0

    def step(self, delay_s, damage=None):
        """One exchange: to the next request, and to what comes of it."""
        asked = self.asked
        while self.asked == asked:
            self.now_s = max(self.now_s, min(due for due in (self.session.next_deadline_s(), self.slave.next_deadline_s()) if due is not None))
            self.hear(self.slave.advance_to(self.now_s), damage)
            self.judge(self.session.advance_to(self.now_s))
            if request := self.session.bytes_to_send():
                self.asked += 1
                self.slave.reply_delay_s = delay_s
                self.hear(self.slave.receive_bytes(request, self.now_s), damage)

    def hear(self, reply, damage):
        if reply:
            self.judge(self.session.receive_bytes(damage(reply) if damage else reply, self.now_s))

    def judge(self, events):
        for event in events:
            if isinstance(event, ValueRead):
                expected = 1000 * int(event.quantity.removeprefix("register_")) + self.slave.requests_served % 1000
                self.right += event.value == expected
                self.wrong += event.value != expected
            elif isinstance(event, FrameRejected):
                self.late += event.reason == "late"


@pytest.mark.slow
@pytest.mark.requirement("E9")
def test_no_wrong_value_is_accepted_when_replies_are_late(record_property):
    seed = random.randrange(2**32)
    chance, line = random.Random(seed), Line()

    for _ in range(REQUESTS):
        line.step(chance.uniform(0.0, WORST_REPLY_S))

    record_property("late_replies", line.late)
    assert line.wrong == 0, f"seed {seed}"
    assert line.late > REQUESTS / 3, f"seed {seed}: only {line.late} late replies were tried"
    assert line.right > REQUESTS / 3, f"seed {seed}: only {line.right} values were read"


@pytest.mark.slow
def test_no_wrong_value_is_accepted_when_replies_are_late_and_damaged():
    seed = random.randrange(2**32)
    chance, line = random.Random(seed), Line()

    def damage(reply):
        """A bit flips, bytes get lost, or noise comes before: each in one reply of ten."""
        kind, at = chance.randrange(30), chance.randrange(len(reply))
        if kind == 0:
            return reply[:at] + bytes([reply[at] ^ 1 << chance.randrange(8)]) + reply[at + 1 :]
        if kind == 1:
            return reply[:at] or reply
        return chance.randbytes(at) + reply if kind == 2 else reply

    for _ in range(REQUESTS // 4):
        line.step(chance.uniform(0.0, WORST_REPLY_S), damage)

    assert line.wrong == 0, f"seed {seed}"
    assert line.right > REQUESTS / 20, f"seed {seed}: only {line.right} values were read"


@given(delays=st.lists(st.floats(0.0, WORST_REPLY_S), min_size=1, max_size=60))
def test_any_order_of_delays_gives_no_wrong_value(delays):
    line = Line()

    for delay_s in delays:
        line.step(delay_s)

    assert line.wrong == 0


def test_harness_sees_the_fault_when_the_rule_is_broken(monkeypatch):
    """The same line with draining switched off takes wrong values: the test above can fail."""
    monkeypatch.setattr(Exchange, "_drained_at_s", lambda self: float("-inf"))
    chance, line = random.Random(1), Line(blocks=(BLOCKS[0],))

    for _ in range(300):
        line.step(chance.uniform(0.0, WORST_REPLY_S))

    assert line.wrong > 0


def test_frames_of_the_harness_are_real():
    slave = OddSlave()

    assert slave.receive_bytes(encode_rtu(1, bytes.fromhex("03 00 03 00 01")), 0.0) == encode_rtu(1, bytes.fromhex("03 02 0b b9"))
