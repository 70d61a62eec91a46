# SPDX-License-Identifier: Apache-2.0
"""A gateway that somebody has to live with: hardware is swapped, devices misbehave, starts fail, and the doctor says what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.commands import GATEWAY as ITSELF
from contracts.commands import LampTest, SwapDevice
from contracts.events import CommandAnswered, DeviceSwapped
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from gateway.app import Gateway, PartEndedError
from gateway.command import main
from gateway.config_file import load_config
from gateway.doctor.command import examine
from gateway.restarts import SAFE_AFTER_STARTS, read_run
from gateway.starting import load_start
from tests.integration.gateway_bench import eventually, gateway_file, running_broker, running_central, running_gateway

pytestmark = [pytest.mark.requirement("E17"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands set up logging for a program of their own; here they run within the tests' one."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)


READER_ID = "02-00-00-00-00-00-4C-52"


@asynccontextmanager
async def serving(twin: Twin) -> AsyncIterator[int]:
    server = TcpTwinServer(twin)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


def scale(port: int, serial: str = "") -> str:
    return f'[[device]]\nid = "scale-1"\ndriver = "scale_sics"\nhost = "127.0.0.1"\nport = {port}\nserial_number = "{serial}"\n'


def reader(port: int, serial: str = "") -> str:
    return f'[[device]]\nid = "reader-3"\ndriver = "rfid_llrp"\nhost = "127.0.0.1"\nport = {port}\nserial_number = "{serial}"\n'


async def test_swap_by_command_binds_the_new_scale_restarts_only_it_and_is_told_once(tmp_path: Path) -> None:
    async with serving(SicsScaleTwin(serial="B2")) as port, serving(LlrpReaderTwin()) as other:
        with running_broker() as broker:
            body = scale(port, "B1") + reader(other)
            async with running_central(broker) as central, running_gateway(tmp_path, broker, body) as gateway:
                devices = gateway.supervisor.devices
                await eventually(
                    lambda: "has serial B2, expected B1" in devices["scale-1"].reason and devices["reader-3"].up is True and gateway.uplink.connected
                )
                deadline_at = datetime.now(UTC) + timedelta(minutes=5)
                for _ in range(2):
                    await central.command(SwapDevice(command_id="swap-1", station=ITSELF, deadline_at=deadline_at, device="scale-1", serial="B2", actor="li"))
                await eventually(lambda: gateway.supervisor.devices["scale-1"].up is True)
                await central.until(lambda: len(central.of(CommandAnswered)) == 2)

                assert gateway.supervisor.devices["reader-3"] is devices["reader-3"]
                assert devices["reader-3"].reconnects == 0
                (said,) = central.of(DeviceSwapped)
                assert isinstance(said, DeviceSwapped)
                assert (said.device, said.old_serial, said.new_serial, said.actor) == ("scale-1", "B1", "B2", "li")
            async with running_gateway(tmp_path, broker, body) as gateway:  # it outlives a restart; the file was not touched
                await eventually(lambda: gateway.supervisor.devices["scale-1"].up is True)
                assert gateway.supervisor.devices["scale-1"].expected_serial == "B2"


async def test_reader_is_known_by_its_id_and_another_one_is_a_fault(tmp_path: Path) -> None:
    async with serving(LlrpReaderTwin()) as port:
        async with running_gateway(tmp_path, 1, reader(port, READER_ID)) as gateway:
            await eventually(lambda: gateway.supervisor.devices["reader-3"].up is True)
            assert gateway.supervisor.devices["reader-3"].serial == READER_ID
        async with running_gateway(tmp_path, 1, reader(port, "02-00-00-00-00-00-00-01")) as gateway:
            await eventually(lambda: f"has serial {READER_ID}, expected" in gateway.supervisor.devices["reader-3"].reason)
            file = tmp_path / "gateway.toml"
            findings = await asyncio.to_thread(examine, file)
            assert [each.where for each in findings if each.code == "wrong_serial"] == ["reader-3"]
            status = await asyncio.to_thread(main, ["swap", str(file), "reader-3"])  # whatever stands there now
            await eventually(lambda: gateway.supervisor.devices["reader-3"].up is True)
            assert status == 0


async def test_swap_while_the_gateway_does_not_run_counts_and_is_told_at_the_next_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(SicsScaleTwin(serial="B2")) as port:
        with running_broker() as broker:
            file = gateway_file(tmp_path, broker, scale(port, "B1"))
            assert main(["swap", str(file), "scale-1"]) == 1
            assert main(["swap", str(file), "scale-9", "--serial", "x"]) == 1
            assert main(["swap", str(file), "scale-1", "--serial", "B2"]) == 0
            said = capsys.readouterr()
            assert ("give --serial" in said.err, "there is no device 'scale-9'" in said.err) == (True, True)
            async with running_central(broker) as central:
                for _ in range(2):
                    async with running_gateway(tmp_path, broker, scale(port, "B1")) as gateway:
                        await eventually(lambda gateway=gateway: gateway.supervisor.devices["scale-1"].up is True)  # type: ignore[misc]
                        await central.until(lambda: len(central.of(DeviceSwapped)) == 1)


async def test_tap_of_the_running_gateway_can_be_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = SicsScaleTwin()
    async with serving(twin) as port, running_gateway(tmp_path, 1, scale(port)) as gateway:
        await eventually(lambda: gateway.supervisor.devices["scale-1"].up is True)
        file, out = tmp_path / "gateway.toml", tmp_path / "tape.txt"
        kept = await asyncio.to_thread(main, ["tap", str(file), "scale-1", "--out", str(out)])
        fresh = await asyncio.to_thread(main, ["tap", str(file), "scale-1", "--for", "500ms", "--reconnect", "--out", str(out)])
        wrong = await asyncio.to_thread(main, ["tap", str(file), "scale-9"])

    assert (kept, fresh, wrong) == (0, 0, 1)
    assert "there is no device 'scale-9'; there are: scale-1" in capsys.readouterr().err
    from gateway.device_command import main as device_main

    assert device_main(["replay", str(out)]) == 0
    said = capsys.readouterr().err
    assert "0 differences" in said
    assert not said.startswith("dockline device: 0 readings now")


async def test_safe_mode_touches_no_device_says_so_and_ends_with_a_clean_stop(tmp_path: Path) -> None:
    async with serving(SicsScaleTwin()) as port:
        with running_broker() as broker:
            body = scale(port) + '[[station]]\nid = "weigh-1"\nkind = "weigh_point"\nscale = "scale-1"\n'
            file = gateway_file(tmp_path, broker, body)
            async with running_central(broker) as central:
                gateway = Gateway(load_config(file), safe=True)
                running = asyncio.create_task(gateway.run())
                await central.until(lambda: any(state.online for state in central.states))
                await central.command(LampTest(command_id="c-1", station="weigh-1", deadline_at=datetime.now(UTC) + timedelta(minutes=1)))
                await central.until(lambda: bool(central.of(CommandAnswered)))
                health = await gateway.reporter.health()
                gateway.stop()
                await running

                (answer,) = central.of(CommandAnswered)
                assert isinstance(answer, CommandAnswered)
                assert (answer.outcome, "safe mode" in answer.reason) == ("refused", True)
                assert (central.states[0].safe_mode, central.states[0].restarted) == (True, "first")
                assert (health.safe_mode, health.devices) == (True, {})
    async with running_gateway(tmp_path, 1, body) as again:
        assert (again.safe, again.restarts.restarted) == (False, "clean")


async def test_starts_that_come_to_nothing_lead_to_safe_mode_by_itself(tmp_path: Path) -> None:
    file = gateway_file(tmp_path, 1, scale(1))
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    file.write_text(file.read_text().replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{port}"'))
    for _ in range(SAFE_AFTER_STARTS):
        with pytest.raises(OSError, match="in use"):
            await Gateway(load_config(file)).run()
    taken.close()
    await taken.wait_closed()

    gateway = Gateway(load_config(file))
    running = asyncio.create_task(gateway.run())
    await eventually(gateway.started.is_set)
    findings = await asyncio.to_thread(examine, file)
    gateway.stop()
    await running

    assert (gateway.safe, gateway.restarts.restarted.startswith("crash: OSError")) == (True, True)
    assert {"safe_mode", "restarted_by_fault"} <= {each.code for each in findings if each.level == "red"}


async def test_part_that_ends_by_itself_ends_the_process_and_the_next_start_knows_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(load_config(gateway_file(tmp_path, 1, "")))

    async def over() -> None:
        await gateway.started.wait()

    monkeypatch.setattr("gateway.floor.Floor.run", lambda self: over())
    with pytest.raises(PartEndedError, match="the floor ended by itself"):
        await gateway.run()

    kept = read_run(tmp_path / "run.json")
    assert kept is not None
    assert kept.ended.startswith("crash: PartEndedError")


async def test_doctor_on_a_sound_gateway_finds_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(SicsScaleTwin()) as port:
        with running_broker() as broker:
            async with running_central(broker), running_gateway(tmp_path, broker, scale(port)) as gateway:
                await eventually(lambda: gateway.supervisor.devices["scale-1"].up is True and gateway.uplink.connected)
                status = await asyncio.to_thread(main, ["doctor", str(tmp_path / "gateway.toml"), "--json"])
                codes = {each["code"] for each in json.loads(capsys.readouterr().out) if each["level"] != "yellow"}  # this machine may have no NTP

    assert (status, codes) == (0, {"gateway_answers", "broker_takes"})


async def test_line_that_floods_with_garbage_is_cut_off_and_its_driver_decodes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.base.driver._BYTES_PER_S_MAX", 200_000)

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"\xff" * 60_000 + b"\r")
                await writer.drain()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    body = f'[[device]]\nid = "scanner-1"\ndriver = "scanner_serial"\nhost = "127.0.0.1"\nport = {port}\n'
    async with running_gateway(tmp_path, 1, body) as gateway:
        await eventually(lambda: "bytes came in a second" in gateway.supervisor.devices["scanner-1"].reason)
    server.close()


async def test_gateway_starts_with_a_disk_that_takes_nothing_and_with_swaps_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(SicsScaleTwin()) as port:
        async with running_gateway(tmp_path, 1, scale(port)):
            pass
        data_dir = Path(load_config(tmp_path / "gateway.toml").gateway.data_dir)
        (data_dir / "bindings.toml").write_text("torn = ")

        def full(path: Path, content: bytes) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("gateway.app.write_durably", full)
        async with running_gateway(tmp_path, 1, scale(port)) as gateway:
            await eventually(lambda: gateway.supervisor.devices["scale-1"].up is True)

            assert "bindings.toml" in (await gateway.reporter.health()).config_fault


@asynccontextmanager
async def begun(file: Path) -> AsyncIterator[Gateway]:
    """As `dockline gateway run` begins."""
    start = load_start(file, safe=False)
    gateway = Gateway(start.own, own_file=file, own_fault=start.fault)
    running = asyncio.create_task(gateway.run())
    try:
        await eventually(lambda: gateway.started.is_set() or running.done())
        yield gateway
    finally:
        gateway.stop()
        await running


async def test_file_that_somebody_broke_does_not_keep_the_gateway_from_starting(tmp_path: Path) -> None:
    async with serving(SicsScaleTwin()) as port:
        file = gateway_file(tmp_path, 1, f"configuration_health_s = 8.0\n{scale(port)}")
        good = file.read_text()
        async with begun(file):
            await eventually((tmp_path / "configurations" / "0.toml").exists)
        file.write_text(good.replace("scale_sics", "scale_sicks"))
        async with begun(file) as gateway:
            await eventually(lambda: gateway.supervisor.devices["scale-1"].up is True)
            assert "'scale_sics'" in (await gateway.reporter.health()).config_fault
            assert await gateway.configurator.reload("li") != ""
            file.write_text(good)

            assert await gateway.configurator.reload("li") == ""
            assert (await gateway.reporter.report()).config_fault == ""
