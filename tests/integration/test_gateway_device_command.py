# SPDX-License-Identifier: Apache-2.0
"""`dockline device` as an integrator uses it: a program of its own against a twin."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from decimal import Decimal

import pytest

from contracts.quantities import milligrams
from drivers import registry
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.scale_sics.twin import SicsScaleTwin
from gateway.device_command import UsageError, main, parse_duration_s, parse_fields

pytestmark = pytest.mark.slow


async def dockline(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dockline", "device", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_try_prints_json_lines_with_type_time_and_units() -> None:
    server = TcpTwinServer(SicsScaleTwin())
    await server.start()
    server.stimulate("place", weight_g=1520.0)
    status, out, err = await dockline("try", "scale_sics", "host=127.0.0.1", f"port={server.port}", "--for", "1s", "--json")
    await server.stop()

    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0, err
    assert (lines[0]["type"], lines[0]["state"]) == ("LinkChanged", "connected")
    weights = [line for line in lines if line["type"] == "Weight" and line["state"] == "stable"]
    assert weights
    assert milligrams(Decimal(weights[-1]["value"]), weights[-1]["unit"]) == 1_520_000
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines)


async def test_try_says_once_why_nothing_is_there_and_fails() -> None:
    status, out, err = await dockline("try", "scale_sics", "host=127.0.0.1", "port=1", "--for=1200ms", "--json")

    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [line["state"] for line in lines] == ["lost"]
    assert "127.0.0.1:1" in lines[0]["reason"]
    assert "never connected" in err


async def test_send_carries_out_a_command_and_prints_its_result() -> None:
    twin = SicsScaleTwin()
    server = TcpTwinServer(twin)
    await server.start()
    server.stimulate("place", weight_g=250.0)
    status, out, err = await dockline("send", "scale_sics", "host=127.0.0.1", f"port={server.port}", "--json", "--", "weigh")
    await server.stop()

    assert status == 0, err
    assert any(str(value) in ("250", "250.0", "0.25", "0.250") for value in json.loads(out).values()), out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["try", "scale_sicks", "host=x"], 2, "no driver 'scale_sicks'"),
        (["try", "scale_sics", "host=x", "port=1", "speed=5"], 2, "unknown field `speed`"),
        (["try", "scale_sics", "host=x", "port=many"], 2, "Expected `int`"),
        (["try", "scale_sics", "host"], 2, "'host' is not key=value"),
        (["try", "scale_sics", "host=x", "port=1", "--for", "soon"], 2, "duration 'soon'"),
        (["send", "scale_sics", "host=x", "port=1"], 2, "say what to send after --"),
        (["send", "scale_sics", "host=x", "port=1", "--", "dance"], 2, "has no command 'dance'"),
        (["send", "light_ablepick", "host=x", "--", "show", "1", "2", "red", "on", "5"], 2, "takes 4 arguments"),
        (["send", "scale_sics", "host=127.0.0.1", "port=1", "--", "zero"], 1, "cannot connect to 127.0.0.1:1"),
    ],
)
def test_mistake_on_the_command_line_is_explained(words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == status
    assert said in capsys.readouterr().err


def test_list_names_every_driver_with_keys_units_and_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0

    drivers = {driver["driver"]: driver for driver in json.loads(capsys.readouterr().out)}
    assert set(drivers) == set(registry.names())
    assert all(key["unit"] and key["description"] for driver in drivers.values() for key in driver["configuration"])
    assert [argument["unit"] for argument in drivers["rfid_llrp"]["commands"][0]["arguments"]] == ["count", "flag"]


def test_plain_list_has_a_line_for_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0

    assert "port                 integer [count" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("5s", 5.0), ("500ms", 0.5), ("2m", 120.0), ("1.5h", 5400.0)])
def test_duration_takes_the_usual_units(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


def test_key_given_twice_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="host is given twice"):
        parse_fields(["host=a", "host=b"])
