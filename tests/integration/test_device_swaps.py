# SPDX-License-Identifier: Apache-2.0
"""A reader is replaced at its place: asked for in central, told by the gateway, kept with the device."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from central.fleet.tables import command, device
from contracts import wire
from contracts.commands import GATEWAY, SwapDevice
from contracts.events import DeviceLinkChanged, DeviceSwapped
from tests.integration.test_areas_api import Http, got
from tests.integration.warehouse import NOW, Warehouse

pytestmark = pytest.mark.requirement("E17")


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    made = Warehouse(engine)
    made.happen(DeviceLinkChanged(event_time=NOW, device="reader-3", state="connected"))
    return made


def test_swap_is_sent_once_to_the_gateway_itself_whatever_the_caller_repeats(house: Warehouse) -> None:
    http = Http.of(house)
    headers = {"Idempotency-Key": "k-1"}

    answers = [http.post("gateways/gate-1/devices/reader-3/swap", json={"serial": "37-11-22", "actor": "li"}, headers=headers).json() for _ in range(2)]

    (row,) = house.rows(command)
    sent = wire.decode_command(row.body)
    assert isinstance(sent, SwapDevice)
    assert (sent.station, sent.device, sent.serial, sent.actor) == (GATEWAY, "reader-3", "37-11-22", "li")
    assert answers[0] == answers[1]
    assert (answers[0]["kind"], answers[0]["state"]) == ("SwapDevice", "pending")


def test_swap_of_a_device_that_never_spoke_is_refused(house: Warehouse) -> None:
    answer = Http.of(house).post("gateways/gate-1/devices/reader-9/swap", json={})

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_device")


def test_swapped_hardware_stays_with_the_device_when_its_link_changes(house: Warehouse) -> None:
    house.happen(DeviceSwapped(event_time=NOW, device="reader-3", old_serial="37-10-05", new_serial="37-11-22", actor="li"))
    house.happen(DeviceLinkChanged(event_time=NOW, device="reader-3", state="lost"))

    (shown,) = got(Http.of(house), "devices")["items"]
    assert (shown["state"], shown["serial"], shown["serial_before"], shown["swapped_by"]) == ("lost", "37-11-22", "37-10-05", "li")


def test_swap_of_a_device_that_was_silent_until_then_is_kept(house: Warehouse) -> None:
    house.happen(DeviceSwapped(event_time=NOW, device="scanner-1", new_serial="S-7"))

    assert {(row.device, row.serial) for row in house.rows(device)} == {("reader-3", ""), ("scanner-1", "S-7")}
