# SPDX-License-Identifier: Apache-2.0
"""Examples of devices in the how-to pages are what a gateway takes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from drivers import registry
from gateway.config import GatewayConfig
from gateway.config_file import load_config
from tests.acceptance.tutorial import read_blocks

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
PAGE = HOW_TO / "devices-in-a-gateways-file.md"
_GATEWAY = '[gateway]\nid = "g"\nsite = "s"\nbroker = "mqtt://127.0.0.1:1883"\n'


def tables(page: Path) -> str:
    """The TOML of a page that stands in a gateway's file, in one piece."""
    texts = [block.text for block in read_blocks(page.read_text(encoding="utf-8")) if block.language == "toml" and "file" not in block.options]
    return "\n".join(text for text in texts if "[[device]]" in text or "[gateway]" in text)


def loaded(text: str, folder: Path) -> GatewayConfig:
    file = folder / "gateway.toml"
    file.write_text(text if "[gateway]" in text else _GATEWAY + text, encoding="utf-8")
    return load_config(file)


@pytest.mark.requirement("E9", "E14", "E18")
def test_page_has_an_example_of_every_driver_that_a_gateway_loads(tmp_path: Path) -> None:
    key = tmp_path / "gate.key"
    key.write_text("00" * 16)

    config = loaded(tables(PAGE).replace("/etc/dockline/gate.key", str(key)), tmp_path)

    assert set(config.drivers.values()) == set(registry.BUILT_IN)
    for device, table in config.devices.items():
        assert registry.load(config.drivers[device]).factory(device, table).device_id == device
    lines = [table.endpoint for table in config.devices.values()]
    assert max(map(lines.count, lines)) == 3, "several units on one line"


@pytest.mark.parametrize("name", ["scales", "labels", "modbus-line", "readers", "sensors-and-lights"])
def test_examples_of_another_page_are_loaded(name: str, tmp_path: Path) -> None:
    page = (HOW_TO / f"{name}.md").read_text(encoding="utf-8")
    written = [textwrap.dedent(text) for text in re.findall(r"```toml[^\n]*\n(.*?)```", page, re.DOTALL) if "[[device]]" in text]

    assert written
    for text in written:
        assert loaded(text.replace("/etc/dockline/scales/mine.toml", "and_18"), tmp_path).devices
