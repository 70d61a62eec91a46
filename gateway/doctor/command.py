# SPDX-License-Identifier: Apache-2.0
"""The doctor's round: configuration, machine, files, the running gateway, brokers and devices; then everything in order."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.bindings import Bindings
from gateway.config import GatewayConfig
from gateway.config_file import ConfigFileError, load_config, load_gateway_only
from gateway.control import process_of
from gateway.doctor.findings import Finding, Language, finding, in_order, line_of
from gateway.doctor.machine import Machine
from gateway.doctor.network import check_brokers, check_certificate, check_device
from gateway.doctor.running import ask_health, check_files, check_health, check_outbox


def examine(path: Path, machine: Machine | None = None) -> list[Finding]:
    """All findings, the most important first."""
    findings: list[Finding] = []
    try:
        config: GatewayConfig | None = load_config(path)
    except ConfigFileError as error:
        findings += [finding("config_wrong", mistake.key or str(path), reason=mistake.reason) for mistake in error.mistakes]
        config = _gateway_only(path)
    if config is not None:
        findings += _examined(config, machine or Machine())
    return in_order(findings)


def _gateway_only(path: Path) -> GatewayConfig | None:
    try:
        return load_gateway_only(path)
    except ConfigFileError:
        return None


def _examined(config: GatewayConfig, machine: Machine) -> Iterator[Finding]:
    table = config.gateway
    data_dir = Path(table.data_dir)
    yield from machine.check(table)
    yield from check_files(data_dir)
    yield from check_outbox(data_dir)
    yield from check_certificate(table.broker_certificate_file, machine.now)
    process = process_of(data_dir)
    health, address = ask_health(table)
    if health is None:
        yield finding("gateway_silent", "gateway", address=address)
    else:
        yield from check_health(health)
    yield from check_brokers(table, machine.now)
    yield from _devices(config, data_dir, process, {device for device, fares in health["devices"].items() if fares["up"]} if health else set())


def _devices(config: GatewayConfig, data_dir: Path, process: int, up: set[str]) -> Iterator[Finding]:
    """Those that the gateway has not: is the way to them there? What is connected is left in peace."""
    bindings = Bindings(data_dir)
    for device, table in config.devices.items():
        if device not in up:
            yield from check_device(device, bindings.over(device, table), process)


def run_doctor(path: Path, *, as_json: bool, language: Language) -> int:
    """Print the findings. Returns the exit status: 1 if something must be done now."""
    findings = examine(path)
    if as_json:
        rows = [{"level": each.level, "code": each.code, "where": each.where, "text": each.sentence(language)} for each in findings]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        sys.stdout.writelines(f"{line_of(each, language)}\n" for each in findings)
    return int(any(each.level == "red" for each in findings))
