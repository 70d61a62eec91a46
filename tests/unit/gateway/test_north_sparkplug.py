# SPDX-License-Identifier: Apache-2.0
"""The edge node against the assertions of the Sparkplug 3.0 specification (their ids stand in `docs/how-to/north.md`), read by Eclipse Tahu."""

from __future__ import annotations

import json

import pytest

from gateway.config import SparkplugNorth
from gateway.north.side import Message, StartOverError
from gateway.north.sparkplug import EdgeNode
from tests.unit.gateway.north import DAY_MS, REBIRTH, Heard, Site, command, read

NCMD, STATE = "spBv1.0/hall/NCMD/hall_7.gw-1", "spBv1.0/STATE/scada"


class Node:
    """An edge node with its site. `numbers` are the bdSeq that its connections get."""

    def __init__(self, *, connected: bool = True, **table: object) -> None:
        self.site = Site()
        self.numbers = iter(range(7, 300))
        self.side = EdgeNode(SparkplugNorth(id="scada", group_id="hall", **table), self.site.around, lambda: next(self.numbers))  # type: ignore[arg-type]
        if connected:
            self.connect()

    def connect(self) -> Message:
        will = self.side.connecting(self.site.now())
        self.side.connected(self.site.now())
        return will

    def state(self, *, online: bool, at_ms: int = DAY_MS) -> None:
        self.side.heard(STATE, json.dumps({"online": online, "timestamp": at_ms}).encode(), retained=True)

    def ask(self, payload: bytes = REBIRTH, *, retained: bool = False) -> None:
        self.side.heard(NCMD, payload, retained=retained)

    def after(self, seconds: float = 1.0) -> list[Heard]:
        self.site.now_s += seconds
        return [read(message) for message in self.site.said(self.side)]

    def born(self) -> list[Heard]:
        self.site.link("sensor-1")
        self.site.measure(4.25)
        return self.after()


def verbs(heard: list[Heard]) -> list[str]:
    return [f"{each.verb} {each.device}".strip() for each in heard]


def test_nbirth_is_first_with_seq_0_and_everything_the_node_will_say() -> None:
    first = Node().born()[0]

    assert (first.message.topic, first.message.qos, first.message.retain) == ("spBv1.0/hall/NBIRTH/hall_7.gw-1", 0, False)
    assert (first.seq, first.payload.timestamp) == (0, DAY_MS + 1000)
    assert first.metrics["bdSeq"] == 7
    assert first.metric("bdSeq").datatype == 4
    assert first.metrics["Node Control/Rebirth"] is False
    assert first.metric("Node Control/Rebirth").datatype == 11
    assert (first.metrics["Alarms/room-1/high"], first.metrics["Health/uplink"], first.metrics["Health/pending_events"]) == ("normal", True, None)
    assert all(metric.name and metric.datatype and metric.timestamp for metric in first.payload.metrics)
    assert not any(metric.HasField("alias") for metric in first.payload.metrics)


def test_dbirth_follows_at_once_with_the_values_of_now() -> None:
    node = Node(connected=False)
    node.site.link("sensor-1")
    node.site.measure(4.25)
    node.connect()

    nbirth, dbirth = node.after()

    assert (nbirth.verb, dbirth.verb) == ("NBIRTH", "DBIRTH")
    assert (dbirth.message.topic, dbirth.message.qos, dbirth.message.retain) == ("spBv1.0/hall/DBIRTH/hall_7.gw-1/sensor-1", 0, False)
    assert (dbirth.seq, dbirth.payload.timestamp) == (1, DAY_MS + 1000)
    assert dbirth.metrics == {"temperature_c": 4.25, "Properties/Driver": "sensor_modbus"}
    assert (dbirth.metric("temperature_c").datatype, dbirth.metric("temperature_c").timestamp) == (10, DAY_MS)
    assert dbirth.metric("temperature_c").properties.values[0].string_value == "°C"


def test_will_has_the_bdseq_of_the_birth_and_no_seq() -> None:
    node = Node(connected=False)

    will = node.connect()

    death = read(will)
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/hall/NDEATH/hall_7.gw-1", 1, False)
    assert (death.metrics, death.metric("bdSeq").datatype, death.seq) == ({"bdSeq": 7}, 4, None)
    assert node.after()[0].metrics["bdSeq"] == 7


def test_bdseq_is_one_more_with_each_connection() -> None:
    node = Node()
    node.born()

    node.side.lost()
    node.connect()

    assert node.after()[0].metrics["bdSeq"] == 8


def test_ddata_is_sent_only_for_what_changed() -> None:
    node = Node()
    node.born()
    node.site.measure(4.25)
    assert node.after() == []

    node.site.measure(4.5)
    (heard,) = node.after()

    assert (heard.verb, heard.device, heard.metrics) == ("DDATA", "sensor-1", {"temperature_c": 4.5})
    assert (heard.message.qos, heard.message.retain, heard.metric("temperature_c").is_historical) == (0, False, False)
    assert (heard.message.topic, heard.seq) == ("spBv1.0/hall/DDATA/hall_7.gw-1/sensor-1", 2)
    assert heard.metric("temperature_c").timestamp == heard.payload.timestamp - 1000 == DAY_MS + 2000


def test_seq_counts_over_all_messages_and_is_0_after_255() -> None:
    node = Node()
    heard = node.born()
    for turn in range(300):
        node.site.measure(float(turn))
        node.site.has_uplink = bool(turn % 2)
        heard += node.after()

    assert [each.seq for each in heard] == [number % 256 for number in range(len(heard))]
    assert len(heard) > 512
    assert {each.verb for each in heard} == {"NBIRTH", "DBIRTH", "DDATA", "NDATA"}


def test_ndata_has_only_the_node_metrics_that_changed() -> None:
    node = Node()
    node.born()
    node.site.alarms = {"room-1.high": "unacknowledged"}

    (heard,) = node.after()

    assert (heard.message.topic, heard.metrics) == ("spBv1.0/hall/NDATA/hall_7.gw-1", {"Alarms/room-1/high": "unacknowledged"})
    assert (heard.message.qos, heard.message.retain, heard.seq, heard.payload.timestamp) == (0, False, 2, DAY_MS + 2000)


def test_rebirth_comes_before_any_data_with_the_same_bdseq() -> None:
    node = Node()
    node.born()
    node.site.measure(5.0)
    node.ask()

    nbirth, dbirth = node.after()

    assert (nbirth.verb, nbirth.seq, nbirth.metrics["bdSeq"]) == ("NBIRTH", 0, 7)
    assert (dbirth.verb, dbirth.metrics["temperature_c"]) == ("DBIRTH", 5.0)


@pytest.mark.parametrize(
    "payload",
    [command(**{"Node Control/Rebirth": False}), command(**{"Node Control/Reboot": True}), b"\xff\xff", b""],
    ids=["no rebirth", "reboot", "noise", "empty"],
)
def test_other_commands_are_left_alone(payload: bytes) -> None:
    node = Node()
    node.born()

    node.ask(payload)

    assert node.after() == []


def test_retained_command_is_an_old_one() -> None:
    node = Node()
    node.born()

    node.ask(retained=True)

    assert node.after() == []


def test_whoever_asks_all_the_time_gets_one_rebirth_a_second() -> None:
    node = Node()
    node.born()
    births = 0
    for _ in range(100):
        node.ask()
        births += verbs(node.after(0.1)).count("NBIRTH")

    assert 9 <= births <= 10


def test_ddeath_when_a_device_is_lost_and_dbirth_when_it_is_back() -> None:
    node = Node()
    node.born()

    node.site.link("sensor-1", up=False)
    (death,) = node.after()
    node.site.link("sensor-1")
    (birth,) = node.after()

    assert (death.message.topic, death.seq, list(death.payload.metrics)) == ("spBv1.0/hall/DDEATH/hall_7.gw-1/sensor-1", 2, [])
    assert (death.message.qos, death.message.retain, death.payload.timestamp) == (0, False, DAY_MS + 2000)
    assert (birth.verb, birth.seq) == ("DBIRTH", 3)


def test_quantity_that_was_not_born_is_announced_by_a_rebirth() -> None:
    node = Node()
    node.born()
    node.site.measure(51.0, quantity="humidity_pct")

    heard = node.after()

    assert verbs(heard)[:2] == ["NBIRTH", "DBIRTH sensor-1"]
    assert heard[1].metrics == {"temperature_c": 4.25, "humidity_pct": 51.0, "Properties/Driver": "sensor_modbus"}


def test_alarms_that_come_and_go_with_the_configuration_are_announced_by_a_rebirth() -> None:
    node = Node()
    node.born()
    node.site.alarms = {"room-2.high": "normal"}
    node.site.has_uplink = False

    soon, later = node.after(0.3), node.after(0.8)

    assert [each.metrics for each in soon] == [{"Health/uplink": False}]
    assert verbs(later) == ["NBIRTH", "DBIRTH sensor-1"]
    assert [name for name in later[0].metrics if name.startswith("Alarms/")] == ["Alarms/room-2/high"]


def test_device_taken_out_of_the_configuration_dies() -> None:
    node = Node()
    node.born()

    node.site.without("sensor-1")

    assert verbs(node.after()) == ["DDEATH sensor-1"]


def test_failed_sensor_is_null_and_bad_and_a_silent_one_stale() -> None:
    node = Node()
    node.born()
    node.site.fail()
    (failed,) = node.after()
    node.site.measure(4.0)
    node.after()
    (stale,) = node.after(31.0)

    assert (failed.metrics["temperature_c"], failed.metric("temperature_c").is_null) == (None, True)
    assert [(value.type, value.int_value) for value in failed.metric("temperature_c").properties.values] == [(3, 0)]
    assert stale.metrics["temperature_c"] == 4.0
    assert [(value.type, value.int_value) for value in stale.metric("temperature_c").properties.values] == [(3, 500)]


def test_birth_waits_for_the_primary_host() -> None:
    node = Node(primary_host_id="scada")
    assert (STATE, 1) in node.side.subscriptions
    assert node.born() == []

    node.state(online=False)
    assert node.after() == []
    node.state(online=True, at_ms=DAY_MS + 1)

    assert verbs(node.after())[:2] == ["NBIRTH", "DBIRTH sensor-1"]


def test_state_older_than_the_last_one_is_ignored() -> None:
    node = Node(primary_host_id="scada")
    node.state(online=True, at_ms=DAY_MS + 5)
    node.born()

    node.state(online=False, at_ms=DAY_MS + 4)

    node.site.measure(9.0)
    assert verbs(node.after()) == ["DDATA sensor-1"]


@pytest.mark.parametrize("payload", [b"ONLINE", b"{}", b'{"online": 1, "timestamp": 5}', b'{"online": true}', b"\xff"])
def test_state_that_is_none_is_ignored(payload: bytes) -> None:
    node = Node(primary_host_id="scada")

    node.side.heard(STATE, payload, retained=True)

    assert node.born() == []


def test_primary_host_that_goes_offline_ends_the_session_and_what_was_measured_then_is_history() -> None:
    node = Node(primary_host_id="scada")
    node.state(online=True)
    node.born()
    with pytest.raises(StartOverError):
        node.state(online=False, at_ms=DAY_MS + 60_000)
    farewell = read(node.side.farewell(node.site.now()))
    node.side.lost()
    for value in (5.0, 6.0, 7.0):
        node.site.measure(value)
        assert node.after() == []
    node.connect()
    node.state(online=True, at_ms=DAY_MS + 70_000)

    nbirth, dbirth, history = node.after()

    assert (farewell.verb, farewell.metrics) == ("NDEATH", {"bdSeq": 7})
    assert (nbirth.metrics["bdSeq"], dbirth.metrics["temperature_c"], dbirth.metric("temperature_c").is_historical) == (8, 7.0, False)
    assert history.verb == "DDATA"
    assert [(metric.double_value, metric.is_historical) for metric in history.payload.metrics] == [(5.0, True), (6.0, True)]
    assert [metric.timestamp for metric in history.payload.metrics] == [DAY_MS + 1000, DAY_MS + 2000]
    assert dbirth.metric("temperature_c").timestamp == DAY_MS + 3000


def test_history_is_bounded_and_loses_the_oldest() -> None:
    node = Node(connected=False, history_samples_max=150)
    node.site.link("sensor-1")
    for turn in range(500):
        node.site.measure(float(turn))
        node.after()
    node.connect()

    heard = node.after()

    values = [metric.double_value for each in heard for metric in each.payload.metrics if metric.is_historical]
    assert values == [float(turn) for turn in range(350, 499)]
    assert heard[0].metrics["Health/history_lost"] == 350
    assert [len(each.payload.metrics) for each in heard if each.verb == "DDATA"] == [100, 49]


def test_live_values_go_ahead_of_history() -> None:
    node = Node(connected=False)
    node.site.link("sensor-1")
    for turn in range(250):
        node.site.measure(float(turn))
        node.after()
    node.connect()
    first = [read(message) for _ in range(3) if (message := node.side.next(node.site.now()))]
    node.site.measure(-1.0)

    heard = node.after()

    assert verbs(first) == ["NBIRTH", "DBIRTH sensor-1", "DDATA sensor-1"]
    assert (heard[0].metrics, heard[0].metric("temperature_c").is_historical) == ({"temperature_c": -1.0}, False)
    assert all(metric.is_historical for each in heard[1:] for metric in each.payload.metrics)


def test_only_what_the_configuration_names_is_told() -> None:
    node = Node(devices=["sensor-2"], quantities=["temperature_c"])
    for device in ("sensor-1", "sensor-2"):
        node.site.link(device)
        node.site.measure(1.0, device)
        node.site.measure(50.0, device, "humidity_pct")

    heard = node.after()

    assert verbs(heard) == ["NBIRTH", "DBIRTH sensor-2"]
    assert set(heard[1].metrics) == {"temperature_c", "Properties/Driver"}
