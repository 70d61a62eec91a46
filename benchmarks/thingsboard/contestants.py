# SPDX-License-Identifier: Apache-2.0
"""How each gateway is installed, told what to poll, and started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "3.8.5"
_PACKAGES = (f"thingsboard-gateway=={VERSION}", "pymodbus==3.9.2", "pyserial", "pyserial-asyncio")  # without exactly this pymodbus it runs pip at its start
_ENVIRONMENT = Path(__file__).resolve().parents[1] / ".peers" / "thingsboard"
_ROOT = Path(__file__).resolve().parents[2]
_BYTECODE = _ENVIRONMENT.parent / "bytecode"


@dataclass(frozen=True)
class Load:
    """Which controllers are polled (name and port), how many registers each in one request, how often."""

    controllers: Mapping[str, int]
    registers: int = 100
    interval_s: float = 0.1


class Contestant:
    """A gateway under test."""

    name: str

    def prepare(self, folder: Path, broker_port: int, load: Load) -> None:
        """Write its configuration."""
        raise NotImplementedError

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start it with what was prepared; its log goes into the folder."""
        raise NotImplementedError


def _spawn(command: list[str | Path], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with (folder / "gateway.log").open("ab") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env={**kept, **environment}
        )


class ThingsBoard(Contestant):
    """thingsboard-gateway with its SQLite storage, in an environment of its own that is made at the first run."""

    name = "thingsboard"

    def __init__(self) -> None:
        self._python = _ENVIRONMENT / "bin" / "python"
        if not (_ENVIRONMENT / "complete").exists():
            print(f"  installing thingsboard-gateway {VERSION} from the package index that pip is configured for ...", file=sys.stderr, flush=True)
            venv.create(_ENVIRONMENT, with_pip=True, clear=True)
            made = subprocess.run([self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PACKAGES], check=False)
            if made.returncode:
                raise RuntimeError(f"thingsboard-gateway {VERSION} could not be installed (see pip's words above); this comparison needs a package index")
            (_ENVIRONMENT / "complete").touch()
        self._shipped = next(_ENVIRONMENT.glob("lib/python3*/site-packages/thingsboard_gateway/config"))

    def prepare(self, folder: Path, broker_port: int, load: Load) -> None:
        """See `Contestant.prepare`."""
        config = folder / "config"
        for needed in ("config", "data", "logs"):
            (folder / needed).mkdir()
        shutil.copy(self._shipped / "logs.json", config)
        shutil.copytree(self._shipped / "statistics", config / "statistics")
        gateway = json.loads((self._shipped / "tb_gateway.json").read_text(encoding="utf-8"))
        gateway["thingsboard"].update(host="127.0.0.1", port=broker_port, remoteConfiguration=False, security={"type": "accessToken", "accessToken": "t"})
        gateway["storage"] = {
            "type": "sqlite",
            "data_file_path": f"{folder}/data/",
            "read_records_count": 1000,
            "max_records_count": 100_000,
            "messages_ttl_check_in_hours": 1,
            "messages_ttl_in_days": 7,
        }
        gateway["connectors"] = [{"type": "modbus", "name": "mb", "configuration": "mb.json"}]
        (config / "tb_gateway.json").write_text(json.dumps(gateway), encoding="utf-8")
        slaves = [self._slave(name, port, load) for name, port in load.controllers.items()]
        (config / "mb.json").write_text(json.dumps({"master": {"slaves": slaves}, "logLevel": "INFO"}), encoding="utf-8")

    @staticmethod
    def _slave(name: str, port: int, load: Load) -> dict[str, Any]:
        wide = {"tag": "r${address}", "type": "16uint", "address": f"0-{load.registers - 1}", "objectsCount": 1, "functionCode": 3}
        line = {"host": "127.0.0.1", "port": port, "type": "tcp", "method": "socket", "byteOrder": "BIG", "wordOrder": "BIG"}
        patience = {"timeout": 35, "retries": 3, "connectAttemptTimeMs": 5000, "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 30000}
        device = {"unitId": 1, "deviceName": name, "deviceType": "default", "pollPeriod": round(load.interval_s * 1000)}
        nothing: dict[str, list[str]] = {"attributes": [], "attributeUpdates": [], "rpc": []}
        return {**line, **patience, **device, **nothing, "timeseries": [{**wide, "maxRegistersPerRequest": load.registers}]}

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """See `Contestant.start`."""
        return _spawn([self._python, "-m", "thingsboard_gateway.tb_gateway"], folder, {"TB_GW_CONFIG_DIR": f"{folder}/config/"})


def _compile() -> None:
    """As an installer does: a program that compiles itself at its start begins later and keeps 7 MiB more."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(_BYTECODE), "PYTHONDONTWRITEBYTECODE": ""}
    folders = [_ROOT / name for name in ("gateway", "contracts", "drivers")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], env=environment, check=True)
    loaded = "import gateway.command, gateway.app, zstandard; from drivers import registry; [registry.load(name) for name in registry.BUILT_IN]"
    subprocess.run([sys.executable, "-c", loaded], env=environment, cwd=_ROOT, check=True)


class Dockline(Contestant):
    """`dockline gateway run` as it is installed: with bytecode, which this folder keeps beside the peer's."""

    name = "dockline"

    def __init__(self) -> None:
        _ENVIRONMENT.parent.mkdir(exist_ok=True)
        self.house: Mapping[str, int] = {}
        _compile()

    def prepare(self, folder: Path, broker_port: int, load: Load) -> None:
        """See `Contestant.prepare`. Without controllers it gets the devices of `house`."""
        text = f'[gateway]\nid = "gw"\nsite = "bench"\nbroker = "mqtt://127.0.0.1:{broker_port}"\ndata_dir = "{folder}/data"\n'
        text += self._controllers(folder, load) if load.controllers else self._devices()
        (folder / "gateway.toml").write_text(text, encoding="utf-8")
        array = f'[[arrays]]\nquantity = "raw"\naddress = 0\ncount = {load.registers}\n'
        (folder / "wide.toml").write_text(
            f'title = "controller"\nsource = "firmware_sims/sensor_modbus/controller.py"\nworst_reply_s = 1.0\n{array}', encoding="utf-8"
        )

    @staticmethod
    def _controllers(folder: Path, load: Load) -> str:
        common = f'driver = "sensor_modbus"\nhost = "127.0.0.1"\nmap = "{folder}/wide.toml"\ninterval_s = {load.interval_s}\n'
        devices = "".join(f'[[device]]\nid = "{name}"\nport = {port}\n{common}' for name, port in load.controllers.items())
        return f'{devices}[[station]]\nid = "logger"\nkind = "data_logger"\nsensors = {json.dumps([*load.controllers])}\n'

    def _devices(self) -> str:
        more = {"relay_modbus": 'map = "waveshare_relay"\n', "sensor_modbus": 'map = "xy_md02"\n', "rfid_llrp": "antennas = [1, 2, 3, 4]\npower_dbm = 27.0\n"}
        drivers = {"relay_modbus": "sensor_modbus"}
        return "".join(
            f'[[device]]\nid = "{name}"\ndriver = "{drivers.get(name, name)}"\nhost = "127.0.0.1"\nport = {port}\n{more.get(name, "")}'
            for name, port in self.house.items()
        )

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """See `Contestant.start`."""
        return _spawn(
            [sys.executable, "-m", "dockline", "gateway", "run", folder / "gateway.toml"],
            folder,
            {"PYTHONPYCACHEPREFIX": str(_BYTECODE), "PYTHONPATH": str(_ROOT)},
        )
