# SPDX-License-Identifier: Apache-2.0
"""Simulators as other people use them: in their tests, by a file, by commands, over HTTP."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from firmware_sims import command, registry, sims
from firmware_sims.rig import command as rig_command
from firmware_sims.rig.api import Control
from firmware_sims.rig.plan import PlanError, read_plan
from firmware_sims.rig.rig import Rig
from firmware_sims.rig.thread import SHARED
from firmware_sims.stack import free_port

FILE = """\
[[sim]]
id = "scale-1"
device = "scale_sics"
options = { capacity_g = 30000 }

[[sim]]
id = "scanner-1"
device = "scanner_serial"
"""


def _ask(host, port, question, end=b"\r\n"):
    with socket.create_connection((host, port), timeout=5) as line:
        line.sendall(question)
        answer = b""
        while not answer.endswith(end):
            got = line.recv(1024)
            assert got, answer
            answer += got
        return answer


def _until(holds, seconds=5.0):
    deadline_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


# As a library and as fixtures


@pytest.mark.requirement("E15")
def test_fixture_gives_other_peoples_tests_a_scale(dockline_scale):
    dockline_scale.do("place", weight_g=1250)

    assert _ask(dockline_scale.host, dockline_scale.port, b"SI\r\n").startswith(b"S ")
    _until(lambda: b"S S      1.250 kg" in _ask(dockline_scale.host, dockline_scale.port, b"SI\r\n"))


@pytest.mark.requirement("E15")
def test_fixture_gives_a_serial_line_too(dockline_sim, tmp_path):
    link = str(tmp_path / "ttyProbe")
    probe = dockline_sim("sensor_modbus", over="pty", link=link, map="xy_md02", framing="rtu")

    assert probe.path == link
    assert str(Path(link).readlink()).startswith("/dev/pts/")
    first = str(Path(link).readlink())
    probe.faults(hang_up="now")
    assert str(Path(link).readlink()).startswith("/dev/pts/"), f"plugged in again after {first}"


@pytest.mark.requirement("E15")
def test_fixtures_give_a_reader_and_a_light_controller(dockline_reader, dockline_lights, dockline_scanner):
    with socket.create_connection((dockline_reader.host, dockline_reader.port), timeout=5) as line:
        assert line.recv(100)[:2] == bytes([0x04, 0x3F])  # READER_EVENT_NOTIFICATION, LLRP 1.0.1: the attempt succeeded
    assert [device.kind for device in (dockline_lights, dockline_scanner)] == ["light_ablepick", "scanner_serial"]


def test_device_works_within_an_event_loop_and_without_one():
    async def within():
        async with sims.scanner_serial(suffix="crlf") as scanner:
            reader, writer = await asyncio.open_connection(scanner.host, scanner.port)
            while not scanner.has_client:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            scanner.do("scan", text="0012")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    assert asyncio.run(within()) == b"0012\r\n"
    with sims.scanner_serial() as scanner, sims.scale_sics(id="other"):
        assert scanner.port
    assert [thread for thread in threading.enumerate() if thread.name == "dockline-sims"] == [], "the thread ends with the last device"
    assert SHARED._users == 0


def test_device_that_is_switched_off_says_so():
    scanner = sims.scanner_serial()

    with pytest.raises(RuntimeError, match="scanner_serial is switched off"):
        scanner.do("scan", text="1")
    with scanner:
        pass
    scanner.stop()
    with scanner:
        assert scanner.shown()["has_client"] is False


def test_device_is_switched_off_by_what_switched_it_on():
    with sims.scanner_serial() as scanner, pytest.raises(RuntimeError, match="switched on already"):
        scanner.start()

    async def within():
        async with sims.scanner_serial() as guest:
            with pytest.raises(RuntimeError, match="'async with', which switches it off"):
                guest.stop()
            with pytest.raises(RuntimeError, match="switched on already"):
                await guest.__aenter__()
            assert guest.shown()["has_client"] is False

    asyncio.run(within())
    assert SHARED._users == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sims.device("scale"), "no simulator 'scale'; there are: "),
        (lambda: sims.scale_sics(colour="red"), "no option 'colour'"),
        (lambda: sims.sensor_modbus(map="abc"), "map takes one of xy_md02"),
        (lambda: sims.scale_sics(capacity_g="much"), "capacity_g takes a number, got 'much'"),
    ],
)
def test_library_says_what_there_is_instead(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_library_has_every_simulator_by_its_name():
    assert set(registry.TWINS) <= set(dir(sims))
    with pytest.raises(AttributeError, match="no simulator 'sclae'"):
        sims.sclae()


def test_stimulus_says_what_it_takes(dockline_scale):
    with pytest.raises(ValueError, match="weight_g is missing; it takes a number"):
        dockline_scale.do("place")
    with pytest.raises(ValueError, match="weight_g takes a number, got 'heavy'"):
        dockline_scale.do("place", weight_g="heavy")
    with pytest.raises(ValueError, match="no stimulus 'dance'; it has: "):
        dockline_scale.do("dance")
    with pytest.raises(ValueError, match="no condition 'colour'"):
        dockline_scale.set(colour="red")
    with pytest.raises(ValueError, match="no fault 'dorp'"):
        dockline_scale.faults(dorp=0.1)
    with pytest.raises(ValueError, match="drop: expected a probability"):
        dockline_scale.faults(drop=3)
    with pytest.raises(ValueError, match="no clock that could be wrong"):
        dockline_scale.faults(clock="2000")


def _scanned(seed):
    """What arrives of fifty scans on a bad line, and which bytes did not."""
    with sims.scanner_serial(suffix="crlf", seed=seed, faults={"drop": 0.1, "corrupt": "1%"}) as scanner:
        with socket.create_connection((scanner.host, scanner.port), timeout=5) as line:
            _until(lambda: scanner.has_client)
            for number in range(50):
                scanner.do("scan", text=f"40063813{number:05}")
            lost = scanner.shown()["lost_to_client"]
            arrived = b""
            while len(arrived) < 50 * 15 - len(lost):
                arrived += line.recv(4096)
        return arrived, lost


@pytest.mark.requirement("E15")
def test_same_seed_loses_the_same_bytes_again():
    first, again, other = _scanned(5), _scanned(5), _scanned(6)

    assert first == again
    assert first[1] != other[1]


def test_reader_with_a_lost_clock_lives_in_the_year_2000(dockline_reader):
    dockline_reader.faults(clock="2000")
    with socket.create_connection((dockline_reader.host, dockline_reader.port), timeout=5) as line:
        greeting = line.recv(100)

    seconds = int.from_bytes(greeting[18:26], "big") / 1e6  # UTCTimestamp within ReaderEventNotificationData
    assert 946_684_800 <= seconds < 946_684_800 + 3600


@pytest.mark.requirement("E15")
@pytest.mark.slow
def test_plugin_serves_a_project_that_has_folders_of_the_same_names(tmp_path):
    for name in ("drivers", "contracts", "gateway", "central"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("THEIRS = True\n")
    (tmp_path / "test_theirs.py").write_text(
        "import drivers\n"
        "def test_devices(dockline_scale, dockline_reader, dockline_lights):\n"
        "    assert drivers.THEIRS and dockline_scale.port and dockline_reader.port and dockline_lights.port\n"
        "def test_fails(dockline_scale):\n"
        "    dockline_scale.faults(drop=0.5)\n"
        "    assert False\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--dockline-seed", "77"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "the same faults again: pytest --dockline-seed=77 test_theirs.py::test_fails" in done.stdout
    assert "faults: drop=0.5" in done.stdout


# One device by one command


@pytest.mark.requirement("E15")
@pytest.mark.slow
def test_one_command_serves_a_device_and_obeys_its_standard_input():
    with subprocess.Popen(
        [sys.executable, "-m", "dockline", "sim", "scale_sics"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            greeting = process.stdout.readline()
            process.stdin.write("dance\nfaults chunk=1\n")
            process.stdin.flush()
            complaint = process.stderr.readline()
            port = int(greeting.split()[2].rstrip(";").rpartition(":")[2])
            answer = _ask("127.0.0.1", port, b"I4\r\n")
        finally:
            process.terminate()

    assert "stimuli: move, place" in greeting
    assert "no stimulus 'dance'" in complaint
    assert answer.startswith(b"I4 A ")


@pytest.mark.parametrize(
    ("argv", "words"),
    [(["scale"], "no simulator 'scale'"), (["scale_sics", "colour=red"], "no option 'colour'"), (["scale_sics", "red"], "'red' is not key=value")],
)
def test_sim_command_says_what_is_wrong(argv, words, capsys):
    assert command.main(argv) == 2
    assert words in capsys.readouterr().err


def test_every_twin_can_be_made_and_names_what_can_be_done_to_it():
    for name in registry.TWINS:
        twin = registry.make(name, {})
        assert twin.stimuli() + twin.conditions(), name


@pytest.mark.requirement("E15")
def test_every_simulator_is_switched_on_by_its_name_and_says_what_it_takes():
    for name in registry.names():
        with sims.device(name) as device:
            shown = device.shown()
            assert device.port or device.path, name
            assert all(takes for taken in shown["stimuli"].values() for takes in taken.values()), name
            with pytest.raises(ValueError, match=f"{name} has no condition 'nonsense'"):
                device.set(nonsense="1")


@pytest.mark.requirement("E15")
@pytest.mark.parametrize("name", sorted(registry.TWINS))
def test_every_condition_takes_what_its_own_words_say(name):
    twin = registry.twin_class(name)
    with sims.device(name) as device:
        for condition in twin.conditions():
            assert twin.examples(condition), f"set_{condition} of {name} shows no `example`"
            for example in twin.examples(condition):
                device.set(**{condition: example})


@pytest.mark.parametrize(
    ("kind", "conditions"),
    [
        ("scale_sics", {"load": ["12.5kg", "12.5 kg", "12,5 kg", "0.3 lb", 0]}),
        ("sensor_modbus", {"temperature": ["-18C", "5.5 C", "5.5°C", "5,5 °C", -18.5], "humidity": ["60%", "60 %", 60]}),
        ("sensor_ble", {"temperature": ["-18C", "5.5 C", "5.5°C"]}),
        ("sensor_onewire", {"temperature": ["-18C", "5.5 C", "5.5°C"]}),
        ("printer_zpl", {"temperature": ["70C", "70 °C"], "paper": [12]}),
        ("transmitter_modbus", {"temperature": ["41F", "5.5 °C"]}),
    ],
)
def test_amounts_are_taken_as_people_write_them(kind, conditions):
    with sims.device(kind) as device:
        for name, texts in conditions.items():
            for text in texts:
                device.set(**{name: text})


# Any set of devices by a file


def _file(tmp_path, text):
    path = tmp_path / "sims.toml"
    path.write_text(text)
    return path


def test_all_mistakes_of_a_file_are_told_at_once_with_their_place(tmp_path):
    path = _file(
        tmp_path,
        """\
seeed = 1
[[sim]]
id = "scale-1"
device = "scale_sisc"
[[sim]]                 # the second
id = "Scanner 1"
device = "scanner_serial"
port = 70000
pty = true
options = { sufix = "cr", sends_aim = 3 }
faults = { drop = 2, flicker = 1 }
[[sim]]
id = "probe-1"
device = "sensor_modbus"
room = "cold-9"
feels = "wind"
feeds = { nothing = "air_c" }
[[sim]]
id = "probe-1"
device = "sensor_modbus"
[world]
[[world.room]]
id = "cold-1"
goods_kg = "many"
""",
    )

    with pytest.raises(PlanError) as wrong:
        read_plan(path)

    told = [problem.removeprefix(str(path)) for problem in wrong.value.problems]
    expected = [
        ": there is no 'seeed', did you mean 'seed'?",
        ":22: [[world.room]] \"cold-1\" goods_kg: takes a number, got 'many'",
        ":2: [[sim]] \"scale-1\" device: no simulator 'scale_sisc', did you mean 'scale_sics'?",
        ":5: [[sim]] \"Scanner 1\" options: there is no 'sufix', did you mean 'suffix'?",
        ':5: [[sim]] "Scanner 1" options: sends_aim takes on or off, got 3',
        ":5: [[sim]] \"Scanner 1\" id: takes small letters, digits, '-', '_' and '.', got 'Scanner 1'",
        ':5: [[sim]] "Scanner 1": is reached by one of port, pty and pipe, not by tcp and pty',
        ':5: [[sim]] "Scanner 1" port: lies between 0 (a free one) and 65535, got 70000',
        ":5: [[sim]] \"Scanner 1\" faults: drop: expected a probability between 0 and 1, such as 0.01 or 1%, got '2'",
        ":12: [[sim]] \"probe-1\" room: there is no [[world.room]] 'cold-9'; there are: cold-1",
        ":12: [[sim]] \"probe-1\" feels: takes air or product, got 'wind'",
        ": 'probe-1' is the id of several; each needs its own",
    ]
    assert [line for line in expected if line not in told] == [], "\n".join(told)
    assert any("no fault 'flicker'; there are:" in line for line in told)
    assert any(":12:" in line and "feeds: there is no 'nothing'" in line for line in told)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "there is no [[sim]]"), ("[[sim", "this is no TOML"), ("sim = 3", "sim: is written as [[sim]]"), ("[[sim]]\nid = 3", "id: takes text")],
)
def test_file_that_says_nothing_sensible_is_refused(tmp_path, text, words):
    with pytest.raises(PlanError) as wrong:
        read_plan(_file(tmp_path, text))
    assert any(words in problem for problem in wrong.value.problems)


def test_taken_places_are_told_together_and_nothing_stays_on(tmp_path):
    (tmp_path / "ttyA").write_text("a file, not a link")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = _file(
            tmp_path,
            f'[[sim]]\nid = "a"\ndevice = "scanner_serial"\npty = "{tmp_path}/ttyA"\n'
            f'[[sim]]\nid = "b"\ndevice = "scale_sics"\nport = {port}\n[[sim]]\nid = "c"\ndevice = "scale_sics"\n',
        )

        with pytest.raises(PlanError) as wrong, sims.up(path):
            pass

    assert [f"a: cannot listen on {tmp_path}/ttyA" in wrong.value.problems[0], f"b: cannot listen on 127.0.0.1:{port}" in wrong.value.problems[1]] == [
        True,
        True,
    ]
    assert SHARED._users == 0


@pytest.mark.requirement("E18")
def test_world_of_a_file_feeds_its_sensors(tmp_path):
    path = _file(
        tmp_path,
        """\
[[sim]]
id = "air"
device = "sensor_modbus"
room = "cold-1"
[[sim]]
id = "product"
device = "sensor_modbus"
room = "cold-1"
feels = "product"
[world]
speed = 600
[[world.room]]
id = "cold-1"
temperature_c = 4
goods_kg = 4000
""",
    )

    def read(part):
        with socket.create_connection((part["host"], part["port"]), timeout=5) as line:
            line.sendall(bytes.fromhex("000100000006010400010001"))  # Modbus TCP: function 04, register 1
            answer = line.recv(64)
        return int.from_bytes(answer[9:11], "big", signed=True) / 10

    with sims.up(path) as rig:
        rig["cold-1"].set(door="open")
        air, product = rig["air"].shown(), rig["product"].shown()
        _until(lambda: read(air) > 9.0, seconds=20)
        assert read(product) < 6.0
        assert rig["cold-1"].shown()["state"]["door_is_open"] is True
        with pytest.raises(ValueError, match="has no line"):
            rig["cold-1"].faults(drop=0.1)
        with pytest.raises(ValueError, match="there is no 'cold-9'"):
            rig["cold-9"].set(door="open")


def test_room_cannot_feed_what_a_device_does_not_take(tmp_path):
    path = _file(
        tmp_path,
        '[[sim]]\nid = "p"\ndevice = "printer_zpl"\nroom = "r"\nfeeds = { paper = "air_c" }\n[world]\n[[world.room]]\nid = "r"\n',
    )

    with pytest.raises(PlanError, match="r: p does not take air_c of a room as its paper: "), sims.up(path):
        pass


@pytest.mark.requirement("E18")
@pytest.mark.slow
def test_pallet_that_passes_a_door_of_the_world_is_seen_by_its_reader_and_its_eyes(tmp_path):
    path = _file(tmp_path, '[[sim]]\nid = "reader-1"\ndevice = "rfid_llrp"\n[[world.door]]\nid = "door-1"\nreader = "reader-1"\neye_outer = 3\neye_inner = 4\n')

    with sims.up(path, seed=4) as rig:
        seen, epcs = [], set()
        twin = rig["reader-1"]._part.twin
        stimulate = twin.stimulate

        def watched(name, arguments, now_s):
            if name == "input":
                seen.append((arguments["input"], arguments["level"]))
            else:
                epcs.add(arguments["epc"])
            return stimulate(name, arguments, now_s)

        twin.stimulate = watched
        rig["door-1"].do("pass_pallet", cases=5, direction="in")
        last = rig["door-1"].shown()["state"]["last_epcs"]
        _until(lambda: (4, True) in seen and epcs & set(last), seconds=30)

    assert len(last) == 6
    assert seen[0] == (3, True), "in: the outer eye first"
    with pytest.raises(PlanError, match="reader: names a device that reads tags and has inputs; there are: none; got 'x'"):
        read_plan(_file(tmp_path, FILE + '[[world.door]]\nid = "d"\nreader = "x"\n'))


# The commands and the control


@pytest.fixture
def rig_in(tmp_path):
    """Starts `dockline sims up` in a folder of its own."""
    started = []

    def start(text, *options):
        _file(tmp_path, text)
        process = subprocess.Popen(
            [sys.executable, "-m", "dockline", "sims", "up", "sims.toml", "--json", *options], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


@pytest.mark.requirement("E15")
@pytest.mark.slow
def test_commands_start_change_and_stop_a_rig(rig_in, tmp_path, monkeypatch, capsys):
    process, shown = rig_in(FILE, "--seed", "7")
    monkeypatch.chdir(tmp_path)
    scale = shown["sims"][0]

    assert (shown["seed"], [sim["id"] for sim in shown["sims"]]) == (7, ["scale-1", "scanner-1"])
    assert rig_command.main(["do", "scale-1", "place", "weight_g=12500"]) == 0
    _until(lambda: b"S S     12.500 kg" in _ask(scale["host"], scale["port"], b"SI\r\n"))
    assert rig_command.main(["faults", "scale-1", "delay=1ms", "chunk=1", "drop=0"]) == 0
    assert rig_command.main(["show", "scale-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faults"] == {"chunk": "1", "delay": "1ms"}
    assert rig_command.main(["faults", "scale-1", "none"]) == 0
    assert rig_command.main(["list"]) == 0
    assert f"scale-1    scale_sics         127.0.0.1:{scale['port']}" in capsys.readouterr().out
    assert rig_command.main(["set", "scale-9", "load=1kg"]) == 1
    assert rig_command.main(["set", "scale-1", "colour=red"]) == 1
    assert rig_command.main(["do", "scale-1", "place", "heavy"]) == 1
    told = capsys.readouterr().err
    assert [words in told for words in ("there is no 'scale-9'; there are: scale-1, scanner-1", "no condition 'colour'", "'heavy' is not key=value")] == [
        True
    ] * 3

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert not (tmp_path / ".dockline-sims.json").exists()
    assert rig_command.main(["list"]) == 1
    assert "no rig runs here" in capsys.readouterr().err


def test_up_refuses_a_wrong_file_and_an_open_control(tmp_path, capsys):
    good, bad = _file(tmp_path, FILE), tmp_path / "bad.toml"
    bad.write_text('[[sim]]\nid = "a"\ndevice = "scal"\nport = "4001"\n')

    assert rig_command.main(["up", str(bad)]) == 2
    assert rig_command.main(["up", str(good), "--control", "0.0.0.0:0"]) == 1
    assert rig_command.main(["up", str(good), "--control", "loopback"]) == 1
    told = capsys.readouterr().err
    assert [words in told for words in ("no simulator 'scal'", "port: takes a whole number", "give a key with --key-file", "--control takes HOST:PORT")] == [
        True
    ] * 4


@pytest.fixture
def control(tmp_path):
    """A rig in a thread with its control; `key` is needed."""
    rig = Rig(read_plan(_file(tmp_path, FILE)), seed=3)
    loop = SHARED.enter()
    asyncio.run_coroutine_threadsafe(rig.__aenter__(), loop).result(10)
    served = Control(rig, loop, key="secret")
    yield served
    served.close()
    asyncio.run_coroutine_threadsafe(rig.__aexit__(None, None, None), loop).result(10)
    SHARED.leave()


def _http(control, method, path, body=None, **headers):
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    wanted = {"Authorization": "Bearer secret"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(control.url + path, raw, {name: value for name, value in wanted.items() if value}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.requirement("E15")
def test_control_changes_a_device_over_http(control):
    status, shown = _http(control, "POST", "/v1/sims/scale-1/stimuli/place", {"weight_g": 12500})
    assert (status, shown["id"]) == (200, "scale-1")
    assert _http(control, "PATCH", "/v1/sims/scale-1/faults", {"drop": "1%", "mute": True})[1]["faults"] == {"drop": "0.01", "mute": "on"}
    assert _http(control, "DELETE", "/v1/sims/scale-1/faults")[1]["faults"] == {}
    assert [sim["id"] for sim in _http(control, "GET", "/v1/sims")[1]["sims"]] == ["scale-1", "scanner-1"]
    assert {kind["device"] for kind in _http(control, "GET", "/v1/devices")[1]} == set(registry.TWINS)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "words"),
    [
        ("GET", "/v1/sims", None, {"Authorization": ""}, 401, "send the key"),
        ("GET", "/v1/sims", None, {"Authorization": "Bearer wrong"}, 401, "send the key"),
        ("GET", "/v1/sims", None, {"Origin": "http://evil.example"}, 403, "pages of the web"),
        ("GET", "/v1/sims", None, {"Host": "evil.example"}, 403, "pages of the web"),
        ("GET", "/v2", None, {}, 404, "see /openapi.json"),
        ("GET", "/v1/sims/nobody", None, {}, 404, "there are: scale-1, scanner-1"),
        ("PUT", "/v1/sims/scale-1", {}, {}, 405, "takes GET, not PUT"),
        ("PATCH", "/v1/sims/scale-1/faults", b"{", {}, 400, "is no JSON"),
        ("PATCH", "/v1/sims/scale-1/faults", b"[]", {}, 422, "an object of names and values"),
        ("PATCH", "/v1/sims/scale-1/faults", {"dorp": 1}, {}, 422, "no fault 'dorp'"),
        ("PATCH", "/v1/sims/scale-1/conditions", {"colour": "red"}, {}, 422, "no condition 'colour'"),
        ("POST", "/v1/sims/scale-1/stimuli/dance", {}, {}, 422, "no stimulus 'dance'"),
        ("PATCH", "/v1/sims/scale-1/faults", b" " * 70_000, {}, 413, "at most 65536 bytes"),
    ],
)
def test_control_refuses_with_a_reason(control, method, path, body, headers, status, words):
    told = _http(control, method, path, body, **headers)

    assert (told[0], words in told[1]["detail"]) == (status, True), told


def test_control_beyond_loopback_needs_a_key(tmp_path):
    rig = Rig(read_plan(_file(tmp_path, FILE)))

    with pytest.raises(ValueError, match="give a key"):
        Control(rig, None, host="0.0.0.0", port=free_port())


def test_document_of_the_control_is_valid_and_describes_every_route(control):
    from openapi_spec_validator import validate

    from firmware_sims.rig.api import ROUTES

    document = _http(control, "GET", "/openapi.json")[1]

    validate(document)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {(route.method, route.path.pattern.replace("(?P<id>[^/]+)", "{id}").replace("(?P<stimulus>[^/]+)", "{stimulus}")) for route in ROUTES}
    assert described == served - {("GET", "/openapi.json")}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["description"]
            if "requestBody" in operation:
                assert operation["requestBody"]["content"]["application/json"]["example"]
