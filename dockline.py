# SPDX-License-Identifier: Apache-2.0
"""The `dockline` command. Each sub-command lives in its own program and is imported only when it is called."""

from __future__ import annotations

import importlib
import os
import signal
import sys

COMMANDS = {
    "gateway": ("gateway.command", "run a gateway, or check its configuration"),
    "update": ("gateway.updates.command", "make and sign bundles that bring gateways to another version"),
    "device": ("gateway.device_command", "try one device without a gateway, send it a command, record and replay it, list drivers"),
    "capture": ("gateway.capture_command", "cut a capture out of a recording, without tags, codes and addresses"),
    "replay": ("gateway.replay_command", "play a recording or capture through the driver of today; show what differs from then"),
    "door": ("gateway.door_command", "what a dock door makes of recorded reads; what other settings would change"),
    "epc": ("gateway.epc_command", "say what the EPC of an RFID tag is in every form, or write one for a tag"),
    "central": ("central.command", "run the central inventory service, its migrations, its keys"),
    "ledger": ("central.ledger.command", "verify the stock ledger"),
    "broker": ("central.broker_command", "run the embedded MQTT broker on loopback"),
    "sim": ("firmware_sims.command", "run one simulated device, moved by lines on standard input"),
    "sims": ("firmware_sims.rig.command", "run any set of simulated devices and rooms from one file, and change them while they run"),
    "demo": ("firmware_sims.demo_command", "run the whole simulated warehouse: broker, central, gateway, hardware"),
}

_OUTPUT_CLOSED = 128 + signal.SIGPIPE


def _usage() -> str:
    rows = "\n".join(f"  {name:9} {summary}" for name, (_, summary) in COMMANDS.items())
    return f"usage: dockline COMMAND [arguments]\n\n{rows}\n\n'dockline COMMAND --help' tells more."


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command; returns the exit status (2: wrong usage)."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"dockline {version('dockline')}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"dockline: no command {arguments[0]!r}\n\n{_usage()}", file=sys.stderr)
        return 2
    module, _ = COMMANDS[arguments[0]]
    try:
        status: int = importlib.import_module(module).main(arguments[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has enough of it (`dockline device list | head`): that is no error of ours, and nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _OUTPUT_CLOSED
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("contracts", "drivers", "gateway", "central", "firmware_sims"):
            raise
        print(f"dockline: '{arguments[0]}' needs the package {error.name!r}; install it with: pip install 'dockline[demo]'", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
