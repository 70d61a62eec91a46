# SPDX-License-Identifier: Apache-2.0
"""Which piece of hardware stands at a device's place since it was swapped: `bindings.toml` in the data folder, laid over the configuration file.

The file of the configuration is never edited. A swap is written here first and told to central afterwards; `told` says that it was.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from drivers.base.config import DeviceConfig, StreamConfig
from drivers.base.usb import path_of_usb_serial
from gateway.durable_file import write_durably

C = TypeVar("C", bound=DeviceConfig)
_HEAD = "# Hardware swapped in the field; laid over the configuration. Written by `dockline gateway swap`.\n"


class BindingsError(Exception):
    """The file of the bindings cannot be read, so nothing more is written into it; the text says why."""


class Binding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hardware at one place. `swap_id` names the swap, `path` is the serial line that the hardware's USB number led to."""

    serial: str
    old_serial: str = ""
    host: str = ""
    path: str = ""
    actor: str = ""
    swap_id: str = ""
    told: bool = False

    def over(self, config: C) -> C:
        """A device's configuration with this hardware in it. Raises: msgspec.ValidationError, ValueError: it does not take a `host`."""
        fields = {"serial_number": self.serial}
        if isinstance(config, StreamConfig):
            fields |= {"host": self.host} if self.host and config.host else {}
            fields |= {"path": self.path} if self.path and config.path else {}
        return msgspec.structs.replace(config, **fields)


class Bindings:
    """All of a gateway, by device. `fault`: why the file cannot be read; then no device counts as swapped, and no other swap is taken that would replace it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "bindings.toml"
        self.by_device: dict[str, Binding] = {}
        self.fault = ""
        try:
            self.by_device = _read(self._path)
        except (OSError, ValueError) as error:  # tomllib's and msgspec's errors are ValueErrors
            self.fault = f"{self._path}: {error}; correct it, or remove it and swap again"

    def over(self, device_id: str, config: C) -> C:
        """The configuration of a device as it is now."""
        binding = self.by_device.get(device_id)
        return config if binding is None else binding.over(config)

    def bind(self, device_id: str, binding: Binding) -> None:
        """Durable when it returns. Raises: BindingsError, OSError."""
        if self.fault:
            raise BindingsError(self.fault)
        bindings = self.by_device | {device_id: binding}
        write_durably(self._path, _as_toml(bindings).encode())
        self.by_device = bindings

    def told(self, device_id: str) -> None:
        """Central will hear of it. Raises: OSError."""
        binding = self.by_device.get(device_id)
        if binding is not None and not binding.told:
            self.bind(device_id, msgspec.structs.replace(binding, told=True))


def new_binding(config: DeviceConfig, serial: str, *, old_serial: str, host: str, actor: str, swap_id: str) -> Binding:
    """What a swap to `serial` makes of a device's place; a serial line is found by the USB number, if one is plugged in that has it."""
    path = path_of_usb_serial(serial) if isinstance(config, StreamConfig) and config.path else ""
    return Binding(serial=serial, old_serial=old_serial, host=host, path=path, actor=actor, swap_id=swap_id)


def _read(path: Path) -> dict[str, Binding]:
    """Raises: OSError, ValueError."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, Binding])
    except FileNotFoundError:
        return {}


def _as_toml(bindings: dict[str, Binding]) -> str:
    tables = (
        "\n".join([f"[{device}]", *(f"{key} = {json.dumps(value)}" for key, value in msgspec.structs.asdict(binding).items())])
        for device, binding in sorted(bindings.items())
    )
    return _HEAD + "\n" + "\n\n".join(tables) + "\n"
