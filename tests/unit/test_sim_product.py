# SPDX-License-Identifier: Apache-2.0
import socket
import subprocess
import sys

import pytest

from firmware_sims import command, registry


def _ask(host, port, question):
    with socket.create_connection((host, port), timeout=5) as line:
        line.sendall(question)
        answer = b""
        while not answer.endswith(b"\r\n"):
            answer += line.recv(1024)
        return answer


@pytest.mark.requirement("E15")
def test_fixture_gives_other_peoples_tests_a_scale(dockline_sim):
    scale = dockline_sim("scale_sics")
    scale.stimulate("place", weight_g=1250)

    assert _ask(scale.host, scale.port, b"SI\r\n").startswith(b"S ")
    assert scale.twin.body.load_mg == 1_250_000


@pytest.mark.requirement("E15")
def test_fixture_gives_a_serial_line_too(dockline_sim):
    assert dockline_sim("sensor_modbus", serial=True, map="xy_md02", framing="rtu").path.startswith("/dev/pts/")


@pytest.mark.requirement("E15")
@pytest.mark.slow
def test_one_command_serves_a_device_and_obeys_its_standard_input():
    with subprocess.Popen(
        [sys.executable, "-m", "dockline", "sim", "scale_sics"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            greeting = process.stdout.readline()
            process.stdin.write("dance\n")
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


def test_every_twin_can_be_made_and_names_its_stimuli():
    for name in registry.TWINS:
        assert registry.make(name, {}).stimuli()
