# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway swap` and `dockline gateway tap`: what a person at the machine asks of a gateway, running or not."""

from __future__ import annotations

import getpass
import secrets
import sys
from pathlib import Path

from gateway.bindings import Bindings, BindingsError, new_binding
from gateway.config import GatewayConfig
from gateway.control import ControlError, ask_gateway, is_running
from gateway.device_command import UsageError, parse_duration_s

_ANSWER_S = 15.0
_RELOAD_S = 60.0


def _complain(text: str) -> int:
    print(f"dockline gateway: {text}", file=sys.stderr)
    return 1


def swap(config: GatewayConfig, device: str, serial: str, host: str) -> int:
    """Through the running gateway, or for its next start. Returns the exit status."""
    if device not in config.devices:
        return _complain(f"there is no device {device!r}; there are: {', '.join(config.devices)}")
    data_dir = Path(config.gateway.data_dir)
    actor = getpass.getuser()
    try:
        if is_running(data_dir):
            request = {"do": "swap", "device": device, "serial": serial, "host": host, "actor": actor}
            (answer,) = ask_gateway(data_dir, request, _ANSWER_S)
            print(f"{device}: bound to serial {answer['serial']}; only this device begins anew")
            return 0
        return _swap_at_rest(config, data_dir, device, serial, host, actor)
    except (ControlError, BindingsError, OSError, ValueError) as error:
        return _complain(str(error))


def reload(config: GatewayConfig) -> int:
    """Have the running gateway take over its file as it is now. Returns the exit status."""
    try:
        (answer,) = ask_gateway(Path(config.gateway.data_dir), {"do": "reload", "actor": getpass.getuser()}, _RELOAD_S + config.gateway.configuration_health_s)
    except ControlError as error:
        return _complain(str(error))
    begins_anew = "the gateway begins anew with it; if that does not prove good, the last one returns (see its log)"
    print(begins_anew if answer["begins_anew"] else "taken over: what was up before is up again")
    return 0


def _swap_at_rest(config: GatewayConfig, data_dir: Path, device: str, serial: str, host: str, actor: str) -> int:
    """Raises: BindingsError, OSError, ValueError."""
    if not serial:
        return _complain("the gateway does not run, so nobody knows which hardware answers; give --serial")
    bindings = Bindings(data_dir)
    before = bindings.by_device.get(device)
    old_serial = before.serial if before else config.devices[device].serial_number
    swap_id = f"swap-{secrets.token_hex(8)}"
    binding = new_binding(config.devices[device], serial, old_serial=old_serial, host=host or (before.host if before else ""), actor=actor, swap_id=swap_id)
    binding.over(config.devices[device])
    bindings.bind(device, binding)
    print(f"{device}: bound to serial {serial}; it counts from the next start of the gateway, which also tells central")
    return 0


def tap(config: GatewayConfig, device: str, for_text: str | None, out: Path | None, *, reconnect: bool) -> int:
    """Write a recording. Returns the exit status."""
    try:
        for_s = parse_duration_s(for_text) if for_text else 0.0
        if reconnect and not for_s:
            return _complain("--reconnect needs --for: how long to listen to the new conversation")
        request = {"do": "tap", "device": device, "for_s": for_s, "reconnect": reconnect}
        lines = (answer["line"] for answer in ask_gateway(Path(config.gateway.data_dir), request, _ANSWER_S + for_s) if "line" in answer)
        if out is None:
            for line in lines:
                print(line, flush=True)
        else:
            with out.open("w", encoding="utf-8") as file:
                count = sum(1 for _ in map(file.write, (f"{line}\n" for line in lines)))
            print(f"{out}: {count} lines; play them with: dockline device replay {out}")
    except (ControlError, UsageError, OSError) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return 130
    return 0
