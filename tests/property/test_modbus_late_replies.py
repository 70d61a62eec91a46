# SPDX-License-Identifier: Apache-2.0
"""The drain rule, in virtual time: a slave that answers in order but as late as it likes never makes the driver take one register for another."""

import os
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.lights import TagAnswered
from drivers.base.modbus.exchange import Exchange
from drivers.base.modbus.frames import encode_rtu
from drivers.base.session import FrameRejected
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.maps import load_map
from drivers.light_modbus.session import LightModbusSession
from drivers.light_modbus.states import Memory
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.maps import Block, MappedValue, ModbusMap
from drivers.sensor_modbus.session import SensorModbusSession, ValueRead
from firmware_sims.light_modbus.twin import PickTag
from firmware_sims.sensor_modbus.bus import BusTwin
from firmware_sims.sensor_modbus.device import ModbusTwin
from tests.modbus_line import VirtualLine

REPLY_TIMEOUT_S = 0.25
WORST_REPLY_S = 2 * REPLY_TIMEOUT_S
REQUESTS = int(os.environ.get("DOCKLINE_LATE_REPLIES", "20000"))
"""The suite tries a share. The whole, 100,000 late replies:
DOCKLINE_LATE_REPLIES=200000 python -m pytest tests/property/test_modbus_late_replies.py --timeout 300
"""


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
    """Register n holds 1000 * n plus the number of the request that reads it, so that every reply is known by what it says; `shift` tells units apart."""

    def __init__(self, unit_id=1, shift=0):
        super().__init__(framing="rtu", unit_id=unit_id)
        self.shift = shift
        self.holding = self.input_registers = self
        self.truth = {}

    def __contains__(self, address):
        return address < 10

    def __getitem__(self, address):
        return self.shift + 1000 * address + self.requests_served % 1000


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


class LateBus(BusTwin):
    """Two sensors and three pick tags on one line; whoever is asked answers in the order of the requests, up to twice the time-out late."""

    def __init__(self, chance):
        self.chance = chance
        self.sensors = {unit: OddSlave(unit, shift=20_000 * unit) for unit in (1, 2)}
        self.tags = {node: PickTag(node + 10, 0.0) for node in (1, 2, 3)}
        super().__init__((*self.sensors.values(), *self.tags.values()))

    def receive_bytes(self, data, now_s):
        for unit in self.units.values():
            unit.reply_delay_s = self.chance.uniform(0.0, WORST_REPLY_S)
        return super().receive_bytes(data, now_s)


class SharedLine:
    """Two sensors of one driver and the tags of another on a line; every value that is accepted is compared with the truth."""

    def __init__(self, chance, noisy=False):
        self.chance = chance
        self.bus = LateBus(chance)
        blocks = (Block(function=3, address=0, count=1, values=(_value(0),)), Block(function=4, address=1, count=1, values=(_value(1),)))
        register_map = ModbusMap(title="odd slave", source="this test", worst_reply_s=WORST_REPLY_S, blocks=blocks)
        times = {"reply_timeout_s": REPLY_TIMEOUT_S, "worst_reply_s": WORST_REPLY_S, "path": "/dev/null"}
        configs = [SensorModbusConfig(map="own", framing="rtu", unit_id=unit, interval_s=0.1, silent_polls_max=1000, **times) for unit in self.bus.sensors]
        sessions = [SensorModbusSession(config, register_map) for config in configs]
        self.units = {id(session): config.unit_id for session, config in zip(sessions, configs, strict=True)}
        light_map = moved_map("generic_tag", unit_first=11)
        lights = LightModbusConfig(map="generic_tag", nodes=3, tries_max=100, **times)
        self.memory = Memory()
        self.lights = LightModbusSession(lights, light_map, self.memory)
        self.asked = b""
        self.right = self.wrong = self.late = self.pressed = 0
        self.expected = {}
        self.line = VirtualLine([*sessions, self.lights], self.bus, self.damage if noisy else lambda said: said)
        self.line.on_event = self.judge
        self.line.on_request = self.remember

    def remember(self, at_s, request):
        self.asked = request

    def damage(self, said):
        """A bit flips, bytes get lost, noise or our own echo comes before: each in one reply of thirty."""
        kind, at = self.chance.randrange(30), self.chance.randrange(len(said))
        if kind == 0:
            return said[:at] + bytes([said[at] ^ 1 << self.chance.randrange(8)]) + said[at + 1 :]
        if kind == 1:
            return said[:at] or said
        return {2: self.chance.randbytes(at + 1) + said, 3: self.asked + said}.get(kind, said)

    def judge(self, at_s, session, event):
        if isinstance(event, ValueRead):
            sensor = self.bus.sensors[self.units[id(session)]]
            is_right = event.value == sensor.shift + 1000 * int(event.quantity.removeprefix("register_")) + sensor.requests_served % 1000
            self.right += is_right
            self.wrong += not is_right
        elif isinstance(event, TagAnswered):
            self.wrong += self.expected.pop(event.node, None) != event.quantity
            self.pressed += 1
        elif isinstance(event, FrameRejected):
            self.late += event.reason == "late"

    def run(self, requests):
        while self.line.requests < requests:
            self.line.step()
            if self.chance.random() < 0.005:
                self.press()

    def press(self):
        node = self.chance.choice(list(self.bus.tags))
        # else the display is, or may be, about to be written, over what somebody counts it to
        is_quiet = node not in self.lights._dirty and self.bus.tags[node].number is None
        if is_quiet and node not in self.expected and self.memory.active.get(node) == frozenset():
            quantity = self.expected[node] = 1000 * node + self.chance.randrange(1000)
            self.bus.tags[node].count_to(quantity)
            self.bus.tags[node].press(1)


def moved_map(name, unit_first):
    """A shipped map whose tags are at other units."""
    shipped = load_map(name)
    parts = {part: msgspec.structs.replace(getattr(shipped, part), unit_first=unit_first) for part in ("keys", "display", "lamp", "buzzer", "clear")}
    return msgspec.structs.replace(shipped, **parts)


@pytest.mark.slow
@pytest.mark.requirement("E9")
@pytest.mark.parametrize("noisy", [False, True], ids=["late", "late and damaged"])
def test_units_of_two_drivers_on_one_line_never_take_each_others_late_replies(noisy, record_property):
    seed = random.randrange(2**32)
    shared = SharedLine(random.Random(seed), noisy)

    shared.run(REQUESTS // 2)

    record_property("late_replies", shared.late)
    assert shared.wrong == 0, f"seed {seed}"
    assert shared.bus.crowded == 0, f"seed {seed}: asked while another answer was under way"
    assert shared.right > REQUESTS / 20, f"seed {seed}: only {shared.right} values were read"
    assert shared.pressed > REQUESTS / 2000, f"seed {seed}: only {shared.pressed} presses came"


def test_harness_of_the_shared_line_sees_the_fault_when_the_rule_is_broken(monkeypatch):
    """Without draining units take each other's replies, or their own to another question: the test above can fail."""
    monkeypatch.setattr(Exchange, "_drained_at_s", lambda self: float("-inf"))
    shared = SharedLine(random.Random(1))

    shared.run(2000)

    assert shared.wrong + shared.bus.crowded > 0
