# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys

import pytest

from firmware_sims import demo_command
from tests import servers
from tests.acceptance.day import COUNTS, accepted_more, alarm_stands, check_books, kill_and_restart, live_a_day, page_says

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.timeout(180)]
DAY_S = 26.0


@pytest.mark.requirement("E4", "E8", "E10", "E12", "R93")
def test_demo_ends_by_itself_and_writes_what_happened(tmp_path):
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "dockline", "demo", "--for", "26s", "--speed", "2", "--no-browser", "--report", str(report)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(report.read_text())
    assert {*COUNTS, "ledger_verified", "latency_ms", "gateway_rss_mib", "central_rss_mib"} <= set(figures)
    check_books(figures, seed=1)
    assert figures["gateway_rss_mib"] <= 60
    passes, cases = figures["passes"], figures["cases"]
    assert passes["sent"] >= passes["right"] > passes["sent"] // 2 > passes["wrong"] + passes["missed"] + passes["invented"], figures
    assert cases["sent"] >= cases["received"] > cases["sent"] // 2, figures
    assert figures["lamps"]["right"] > 0, figures


@pytest.mark.mosquitto
@pytest.mark.postgres
@pytest.mark.requirement("E12")
async def test_same_day_on_mosquitto_and_postgresql(tmp_path):
    async def look_at_the_pages(stack):
        await page_says(f"{stack.central_url}/?lang=en", "Dock door 1")
        await page_says(f"{stack.central_url}/?lang=zh", "1 号月台")

    with servers.mosquitto() as broker_url, servers.postgres(durable=True) as database_url:
        figures, _ = await live_a_day(tmp_path, DAY_S, look_at_the_pages, broker_url=broker_url, database_url=database_url)

    check_books(figures, seed=1)


@pytest.mark.requirement("E12", "E13")
async def test_killed_gateway_central_and_broker_lose_nothing_and_count_nothing_twice(tmp_path):
    async def trouble(stack):
        await alarm_stands(stack)
        for name in ("gateway", "central", "broker", "gateway"):
            await accepted_more(stack, 15)
            await kill_and_restart(stack, name)

    figures, director = await live_a_day(tmp_path, DAY_S, trouble, seed=2)

    check_books(figures, seed=2)
    assert director.stack.gateway.starts == 3


def test_ctrl_c_ends_the_demo_in_order_and_leaves_nothing_running(tmp_path):
    command = [sys.executable, "-m", "dockline", "demo", "--no-browser", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as demo:
        said = ""
        while "the live page" not in said:
            said += demo.stdout.readline()
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to the whole group
        said += demo.stdout.read()

    assert demo.returncode == 0, said
    assert "ledger_verified          True" in said
    for name in ("broker", "central", "gateway"):
        log = (tmp_path / f"{name}.log").read_text()
        assert "Traceback" not in log, log


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("5m", 300), ("1h", 3600), ("7", 7), ("2.5s", 2.5)])
def test_durations_are_written_as_people_write_them(text, seconds):
    assert demo_command.seconds(text) == seconds


def test_demo_says_what_is_wrong_with_an_item_file(tmp_path, capsys):
    items = tmp_path / "items.csv"
    items.write_text("code,name\nA,a\n", encoding="utf-8")

    assert demo_command.main(["--no-browser", "--items", str(items), "--for", "1s"]) == 1
    assert "items.csv: column 'gtin' is missing" in capsys.readouterr().err
