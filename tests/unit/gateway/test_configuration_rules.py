# SPDX-License-Identifier: Apache-2.0
"""What a changed configuration means, and what counts after a start: the decisions without files, devices or time."""

from __future__ import annotations

import msgspec
import pytest

from drivers.scanner_serial.config import ScannerSerialConfig
from gateway.config import GatewayConfig, GatewayTable, ScanPoint
from gateway.configuration_rules import Change, HealthGate, Standing, Trial, at_start, compare, judge, proved, returned, tried


def config(ports: dict[str, int], points: dict[str, str], **gateway: object) -> GatewayConfig:
    return GatewayConfig(
        gateway=GatewayTable(id="g", site="s", **gateway),  # type: ignore[arg-type]
        devices={name: ScannerSerialConfig(host="127.0.0.1", port=port) for name, port in ports.items()},
        drivers=dict.fromkeys(ports, "scanner_serial"),
        stations={name: ScanPoint(id=name, scanner=scanner) for name, scanner in points.items()},
    )


OLD = config({"a": 1, "b": 2}, {"desk": "a"})


@pytest.mark.requirement("E14")
def test_only_devices_that_changed_begin_anew_and_those_of_stations_that_changed() -> None:
    assert compare(OLD, config({"a": 1, "b": 3, "c": 4}, {"desk": "a"})) == Change(new=("c",), anew=("b",))
    assert compare(OLD, config({"a": 1, "b": 2}, {"desk": "b"})) == Change(anew=("b",), stations_put=("desk",))
    assert compare(OLD, config({"a": 1}, {})) == Change(gone=("b",), stations_gone=("desk",))
    assert compare(OLD, OLD) == Change()


def test_keys_of_the_gateway_are_for_another_process_or_for_its_own_file_alone() -> None:
    assert compare(OLD, config({"a": 1, "b": 2}, {"desk": "a"}, outbox_bytes_max=70_000)).restart == ("outbox_bytes_max",)
    assert compare(OLD, config({"a": 1, "b": 2}, {"desk": "a"}, data_dir="/x")).forbidden == ("data_dir",)
    assert compare(OLD, config({"a": 1, "b": 2}, {"desk": "a"}, report_interval_s=5.0)) == Change()


@pytest.mark.requirement("E14")
def test_version_is_tried_once_and_never_one_below_the_highest() -> None:
    standing = proved(tried(Standing(), Trial(version=5)))
    assert (standing.in_force, standing.highest) == (5, 5)
    assert [judge(standing, version).action for version in (4, 5, 6)] == ["refuse", "done", "try"]

    bad = returned(tried(standing, Trial(version=6)), "reader away")
    assert (bad.in_force, bad.highest, bad.fault) == (5, 6, "version 6: reader away")
    assert [judge(bad, version).action for version in (4, 5, 6, 7)] == ["refuse", "done", "refuse", "try"]
    assert [(said.version, said.outcome, said.in_force) for said in bad.untold] == [(5, "applied", 5), (6, "returned", 5)]


def test_own_file_that_was_taken_over_stays_until_a_higher_version_comes() -> None:
    standing = proved(tried(proved(tried(Standing(), Trial(version=5))), Trial(version=0)))

    assert (standing.in_force, standing.highest, standing.overridden) == (0, 5, True)
    assert [judge(standing, version).action for version in (5, 6)] == ["refuse", "try"]
    assert not proved(tried(standing, Trial(version=6))).overridden


def test_new_data_folder_takes_the_highest_version_again_and_none_below_it() -> None:
    forgetful = Standing(highest=5)

    assert [judge(forgetful, version).action for version in (4, 5)] == ["refuse", "try"]


@pytest.mark.requirement("E14")
def test_trial_whose_process_ended_has_failed_at_the_next_start() -> None:
    standing = proved(tried(Standing(), Trial(version=5)))
    prepared = tried(standing, Trial(version=6))

    first = at_start(prepared)
    assert (first.running, first.trying and first.trying.starts) == (6, 1)
    second = at_start(first)
    assert (second.running, second.trying, "6" in second.bad) == (5, None, True)
    assert at_start(second) == second


def test_health_gate_waits_for_what_was_up_and_that_it_stays_so() -> None:
    gate = HealthGate(Trial(version=1, must=("a", "b"), must_uplink=True), 100.0, 60.0)

    assert gate.look(101.0, {"a"}, {}, uplink=True) is None
    assert gate.look(102.0, {"a", "b"}, {}, uplink=True) is None
    assert gate.look(104.0, {"a"}, {}, uplink=True) is None, "it went away again"
    assert gate.look(110.0, {"a", "b", "c"}, {}, uplink=True) is None
    assert gate.look(113.0, {"a", "b"}, {}, uplink=True) == ""


def test_health_gate_says_what_is_missing_when_time_is_over() -> None:
    gate = HealthGate(Trial(version=1, must=("a", "b"), must_uplink=True), 100.0, 60.0)

    assert gate.look(160.0, {"b"}, {"a": "connection refused"}, uplink=False) == (
        "a was connected before and is not now (connection refused); there is no way to central any more"
    )


def test_standing_survives_being_written() -> None:
    standing = returned(tried(Standing(in_force=2), Trial(version=3, must=("a",), actor="li")), "no")

    assert msgspec.json.decode(msgspec.json.encode(standing), type=Standing) == standing
