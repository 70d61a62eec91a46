# SPDX-License-Identifier: Apache-2.0
"""What the page about readers tells people to write is what the gateway and its commands take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from drivers import registry
from gateway.config_file import load_config
from gateway.device_command import parse_arguments

pytestmark = pytest.mark.requirement("E1")

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "readers.md").read_text(encoding="utf-8")
GATEWAY, *PARTS = re.findall(r"```toml[^\n]*\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^ *dockline device send rfid_llrp \S+(?: port=\d+)? -- (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("part", ["", *PARTS])
def test_lines_of_the_page_are_a_configuration(part: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY.replace("keepalive_s = 2.0\n", f"keepalive_s = 2.0\n{part}"), encoding="utf-8")

    config = load_config(path)

    assert config.stations
    assert len(PARTS) == 3


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_page_are_commands_of_the_driver(line: str) -> None:
    name, *words = shlex.split(line)
    command = registry.load("rfid_llrp").command(name)

    assert command.parse(parse_arguments(command, words))
