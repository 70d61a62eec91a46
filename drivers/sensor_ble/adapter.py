# SPDX-License-Identifier: Apache-2.0
"""What a Bluetooth adapter of this computer tells through bleak, as HCI packets, and why it does not listen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.base.errors import TransportError
from drivers.sensor_ble import atc, bthome, ruuvi
from drivers.sensor_ble.frames import Report, rebuilt

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementData

_ADVERTISEMENT_BYTES_MAX = 200
_SERVICES = tuple(f"0000{service:04x}-0000-1000-8000-00805f9b34fb" for service in (bthome.SERVICE, atc.SERVICE))
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_HINTS = (  # words of what bleak or D-Bus says, and what to do
    (("AccessDenied", "DENIED", "PermissionError", "Permission denied"), "this user may not use Bluetooth: add it to the group bluetooth, and start again"),
    (("NotReady", "POWERED_OFF"), "the adapter is off: rfkill unblock bluetooth, bluetoothctl power on"),
    (("ServiceUnknown", "NameHasNoOwner", "NoReply", "No such file", "EOFError", "TimeoutError"), "is bluetoothd running? systemctl status bluetooth"),
    (("not found", "UnknownObject", "NO_BLUETOOTH"), "is the adapter plugged in? bluetoothctl list"),
    (("passive", "AdvertisementMonitor", "or_patterns"), 'passive listening is not had here; set scanning = "active"'),
)


def packet_of(address: str, advertisement: AdvertisementData) -> bytes:
    """The HCI packet of what bleak tells; empty: nothing in it that a tag of ours says, or more than a report holds."""
    ruuvi_only = {company: data for company, data in advertisement.manufacturer_data.items() if company == ruuvi.COMPANY}
    data = rebuilt(ruuvi_only, {uuid: data for uuid, data in advertisement.service_data.items() if uuid in _SERVICES})
    if not data or len(data) > _ADVERTISEMENT_BYTES_MAX or not _MAC.fullmatch(address):
        return b""
    return Report(address, data, max(-127, min(20, advertisement.rssi))).encode()


class Place:
    """What the kernel shows of an adapter; other systems have no such folders."""

    def __init__(self, adapter: str, system: Path) -> None:
        self._adapter = adapter
        self._folder = system / "class" / "bluetooth" / adapter
        self._is_known = self._folder.exists()

    def check(self) -> None:
        """Raises: TransportError: the adapter was pulled off, or a key or the system switched it off."""
        if self._is_known and not self._folder.exists():
            raise TransportError(f"{self._adapter} was pulled off; plug it in again")
        if any(_is_set(path) for kind in ("soft", "hard") for path in self._folder.glob(f"rfkill*/{kind}")):
            raise TransportError(f"{self._adapter} is switched off; rfkill unblock bluetooth")


def _is_set(switch: Path) -> bool:
    """Whether a switch of rfkill (ABI/stable/sysfs-class-rfkill) is on; one that is pulled off meanwhile is not."""
    try:
        return switch.read_text("ascii").strip() == "1"
    except OSError:
        return False


def why_not(error: Exception) -> str:
    """What bleak or D-Bus says, and what to do."""
    told = f"{type(error).__name__} {error}"
    said = str(error.args[0]) if type(error).__name__ == "BleakBluetoothNotAvailableError" else str(error) or type(error).__name__
    hint = next((hint for words, hint in _HINTS if any(word in told for word in words)), "see `bluetoothctl show`, `systemctl status bluetooth`")
    return f"{said}; {hint}"


def patterns() -> list[Any]:
    """What the controller lets through while it listens passively: the beginnings of what tags of ours say."""
    from bleak.args.bluez import OrPattern
    from bleak.assigned_numbers import AdvertisementDataType

    service, company = AdvertisementDataType.SERVICE_DATA_UUID16, AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA
    services = [OrPattern(0, service, uuid.to_bytes(2, "little")) for uuid in (bthome.SERVICE, atc.SERVICE)]
    return [*services, OrPattern(0, company, ruuvi.COMPANY.to_bytes(2, "little"))]
