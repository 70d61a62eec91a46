# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

from drivers.base.config import DeviceConfig
from drivers.gpio_lines.config import GpioLinesConfig, InputTable
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_onewire.config import SensorOnewireConfig
from gateway.config import GatewayTable
from gateway.doctor.command import examine
from gateway.doctor.findings import _sentences, codes, finding, in_order, line_of
from gateway.doctor.machine import Machine, holder_of
from gateway.doctor.network import check_brokers, check_certificate, check_device
from gateway.doctor.running import ask_health, check_files, check_health, check_outbox

pytestmark = pytest.mark.requirement("E17")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

HEALTH = {
    "gateway": "gw-1",
    "version": "1",
    "devices_up": 1,
    "devices_down": 2,
    "uplink": False,
    "oldest_pending_s": 7500.0,
    "lanes": {"movements": {"pending": 7}, "telemetry": {"pending": 3}},
    "safe_mode": False,
    "card_life_days": 90.0,
    "config_fault": "reader-9 is unknown",
    "devices": {
        "a": {"up": True, "reason": ""},
        "b": {"up": False, "reason": "b: gone", "given_up": False, "serial": "", "expected_serial": ""},
        "c": {"up": False, "reason": "c: gone again", "given_up": True, "serial": "", "expected_serial": ""},
        "d": {"up": False, "reason": "d: x", "given_up": True, "serial": "2", "expected_serial": "1"},
    },
}


def table(folder: Path, **fields: object) -> GatewayTable:
    return GatewayTable(id="gw-1", site="s-1", data_dir=str(folder), **fields)  # type: ignore[arg-type]


def machine(root: Path, **files: str) -> Machine:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "localtime").touch()
    return Machine(root, is_synced=True, now=NOW)


@pytest.mark.parametrize("code", codes())
def test_every_finding_says_what_and_what_to_do_in_both_languages_with_the_same_values(code: str) -> None:
    entry = _sentences()[code]
    values = {
        language: {name for key in (language, f"{language}_do") for _, name, _, _ in Formatter().parse(entry.get(key, "")) if name} for language in ("en", "zh")
    }

    assert values["en"] == values["zh"]
    assert ("en_do" in entry) == ("zh_do" in entry)
    assert entry["level"] in ("red", "yellow", "ok")
    assert any("\u4e00" <= character <= "\u9fff" for character in entry["zh"])


def test_most_important_comes_first() -> None:
    given = [
        finding("broker_takes", "broker", endpoint="b:1"),
        finding("clock_unsynced", "clock"),
        finding("safe_mode", "gateway"),
        finding("disk_read_only", "disk", path="/x"),
    ]

    assert [each.code for each in in_order(given)] == ["disk_read_only", "safe_mode", "clock_unsynced", "broker_takes"]
    assert line_of(given[2], "en").startswith("RED    gateway: the gateway runs in safe mode")
    assert line_of(given[2], "zh").startswith("严重 gateway: 网关处于安全模式")


def test_sound_machine_gives_no_findings(tmp_path: Path) -> None:
    found = machine(tmp_path, **{"proc/meminfo": "MemAvailable:  400000 kB\n"}).check(table(tmp_path))

    assert [each.code for each in found if each.code not in ("disk_short", "disk_full", "inodes_few")] == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/meminfo": "MemTotal: 500000 kB\nMemAvailable:  20000 kB\n"}, ["memory_short"]),
        ({"sys/block/mmcblk0/device/life_time": "0x01 0x0b\n"}, ["card_worn"]),
        ({"sys/block/mmcblk0/device/life_time": "0x01 0x09\n"}, ["card_wears"]),
        ({"sys/block/mmcblk0/device/pre_eol_info": "0x03\n"}, ["card_worn"]),
        ({"sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n"}, ["undervoltage", "throttled"]),
        ({"sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n"}, ["undervoltage_before"]),
    ],
)
def test_machine_in_trouble_is_seen(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    found = machine(tmp_path, **files)

    assert [each.code for part in (found.memory(), found.cards(), found.voltage()) for each in part] == expected


def test_clock_without_a_battery_is_seen(tmp_path: Path) -> None:
    lost = Machine(tmp_path, is_synced=False, now=datetime(1970, 1, 1, tzinfo=UTC))

    assert [each.code for each in lost.clock()][:2] == ["clock_wrong", "clock_unsynced"]


def test_missing_folder_and_watchdog_are_seen(tmp_path: Path) -> None:
    found = machine(tmp_path, **{"dev/watchdog1": "a file"})

    assert [each.code for each in found.disk(tmp_path / "none")] == ["data_dir_missing"]
    assert [each.values["reason"] for path in ("/dev/watchdog", "/dev/watchdog1") for each in found.watchdog(path)] == [
        "No such file or directory",
        "it is no device",
    ]


def test_what_a_gateway_says_of_itself_becomes_findings() -> None:
    found = {(each.code, each.where) for each in check_health(HEALTH)}

    assert found == {
        ("gateway_answers", "gateway"),
        ("uplink_down", "uplink"),
        ("outbox_old", "outbox"),
        ("configuration_fault", "configuration"),
        ("card_life", "card"),
        ("device_down", "b"),
        ("device_given_up", "c"),
        ("wrong_serial", "d"),
    }
    assert "10 events, the oldest 2 h 5 min old" in next(each.sentence() for each in check_health(HEALTH) if each.code == "outbox_old")


def test_outbox_that_was_harmed_before_the_start_is_seen_although_the_file_is_whole_again() -> None:
    harm = "outbox.db was damaged (3 commits in its log cannot be read): 7 events were saved"

    (told,) = (each for each in check_health({**HEALTH, "outbox_harm": harm}) if each.where == "outbox" and each.code != "outbox_old")

    assert (told.code, told.level) == ("outbox_harmed", "red")
    assert harm in told.sentence()


def test_fault_of_the_last_run_is_shown_with_the_place_where_it_stood(tmp_path: Path) -> None:
    words = 'Fatal Python error: Aborted\\n\\n  File \\"/usr/lib/asyncio/base.py\\", line 1 in run\\n  File \\"gateway/floor.py\\", line 88 in _turn'
    (tmp_path / "run.json").write_text(f'{{"restarted": "watchdog", "failed_starts": 3, "last_words": "{words}"}}')

    found = list(check_files(tmp_path))

    assert [each.code for each in found] == ["restarted_by_fault", "starts_fail"]
    assert 'watchdog, last seen at File "gateway/floor.py", line 88 in _turn' in found[0].sentence()


def test_power_cut_and_swapped_hardware_are_shown(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"restarted": "power"}')
    (tmp_path / "bindings.toml").write_text('[reader-3]\nserial = "37-11-22"\n')

    assert [each.code for each in check_files(tmp_path)] == ["restarted_by_power", "swapped"]
    (tmp_path / "bindings.toml").write_text("torn = ")
    assert [each.code for each in check_files(tmp_path)] == ["restarted_by_power", "bindings_unreadable"]


def test_address_that_a_power_cut_took_does_not_stop_the_doctor(tmp_path: Path) -> None:
    (tmp_path / "listen").write_text("")

    assert ask_health(table(tmp_path)) == (None, str(tmp_path / "listen"))


@contextmanager
def broker(*answers: bytes) -> Iterator[int]:
    """Takes so many connections one after the other and answers each CONNECT."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            for answer in answers:
                line, _ = door.accept()
                with line:
                    line.recv(1000)
                    line.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        yield door.getsockname()[1]
        serving.join(20)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((b"\x20\x03\x00\x00\x00",), ["broker_takes"]),
        ((b"\x20\x81\x01\x00\x00",), ["broker_takes"]),
        ((b"\x20\x03\x00\x87\x00",), ["broker_refuses"]),
        ((b"\x20\x03\x00\x84\x00", b"\x20\x02\x00\x00"), ["broker_takes"]),
        ((b"", b"\x20\x02\x00\x05"), ["broker_refuses"]),
        ((b"HTTP/1.1 400", b"HTTP/1.1 400"), ["broker_refuses"]),
    ],
)
def test_broker_is_asked_as_the_gateway_would(tmp_path: Path, answers: tuple[bytes, ...], expected: list[str]) -> None:
    with broker(*answers) as port:
        assert [each.code for each in check_brokers(table(tmp_path, broker=f"mqtt://127.0.0.1:{port}"), NOW)] == expected


def test_broker_that_is_not_there_and_name_that_is_not_known_are_told_apart(tmp_path: Path) -> None:
    found = check_brokers(table(tmp_path, broker="mqtt://127.0.0.1:1", brokers_more=["mqtt://no..name"]), NOW)

    assert [each.code for each in found] == ["broker_unreachable", "name_unknown"]


def test_certificate_that_ends_is_seen_in_time(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gw-1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - timedelta(days=80), NOW + timedelta(days=10)).sign(key, hashes.SHA256())
    path = tmp_path / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    assert [[each.code for each in check_certificate(str(path), NOW + timedelta(days=days))] for days in (-15, 0, 11)] == [
        [],
        ["certificate_ends"],
        ["certificate_ended"],
    ]


def test_serial_line_that_is_missing_or_held_is_told_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "ttyUSB0"
    assert [each.code for each in check_device("s-1", ScannerSerialConfig(path=str(path)))] == ["serial_line_missing"]
    path.touch()
    assert list(check_device("s-1", ScannerSerialConfig(path=str(path)))) == []
    with path.open("rb"):
        assert f"(process {os.getpid()})" in holder_of(str(path))
        assert [each.code for each in check_device("s-1", ScannerSerialConfig(path=str(path)))] == ["serial_line_held"]
        assert list(check_device("s-1", ScannerSerialConfig(path=str(path)), gateway_process=os.getpid())) == []  # it waits for an answer there


def test_wrong_configuration_does_not_keep_the_doctor_from_looking_at_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(f'[gateway]\nid = "gw-1"\nsite = "s-1"\nbroker = "mqtt://127.0.0.1:1"\ndata_dir = "{tmp_path}"\n[[device]]\nid = "x"\ndriver = "none"\n')

    found = [(each.code, each.level) for each in examine(file, machine(tmp_path))]

    assert found[0] == ("config_wrong", "red")
    assert {("gateway_silent", "red"), ("broker_unreachable", "red")} <= set(found)


def test_outbox_that_cannot_be_read_is_told_and_a_sound_one_is_not_even_when_it_is_written(tmp_path: Path) -> None:
    assert list(check_outbox(tmp_path)) == []
    path = tmp_path / "outbox.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE t (a)")
        file.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
        file.execute("BEGIN IMMEDIATE")
        assert list(check_outbox(tmp_path)) == []
        file.execute("ROLLBACK")
    torn = bytearray(path.read_bytes())
    torn[4096 : 4096 * 5] = b"\x00" * 4096 * 4
    path.write_bytes(bytes(torn))

    assert [each.code for each in check_outbox(tmp_path)] == ["outbox_damaged"]


@pytest.mark.parametrize(
    "config",
    [SensorBleConfig(adapter="hci0"), GpioLinesConfig(chip="pinctrl-rp1", inputs=[InputTable(input=1, line=17)]), SensorOnewireConfig()],
    ids=["bluetooth", "pins", "one-wire"],
)
def test_device_without_an_address_is_not_looked_for_in_the_network(config: DeviceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("nothing is to be connected to"))

    assert list(check_device("s-1", config)) == []
