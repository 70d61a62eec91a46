# SPDX-License-Identifier: Apache-2.0
"""A receiver that passes on what it hears as HCI packets (LE Advertising Report, Bluetooth Core 5.4, Vol 4 Part E 7.7.65.2), and the tags around it."""

from __future__ import annotations

from firmware_sims.engine.twin import Twin
from firmware_sims.engine.units import amount
from firmware_sims.sensor_ble.tags import AdvertisingTag

_MACS = {"ruuvi": "cb:b8:33:4c:88:4f", "ruuvi3": "cb:b8:33:4c:88:50", "bthome": "a4:c1:38:3e:b3:93", "bthome_locked": "54:48:e6:8f:80:a5"}
_MACS |= {"pvvx": "a4:c1:38:56:53:84", "atc": "a4:c1:38:56:53:85"}
_RSSI_DBM = -60


class BleTagsTwin(Twin):
    """`tags` by kind, each advertising once per `interval_s`. Stimuli: set, door, press, silence, speak, break_sensor, noise, advertise."""

    def __init__(self, kinds: str = "ruuvi,bthome,pvvx", interval_s: float = 1.0, rssi_dbm: int = _RSSI_DBM) -> None:
        self.tags = {kind: AdvertisingTag(kind, _MACS.get(kind, "c0:ff:ee:00:00:01"), interval_s) for kind in kinds.split(",") if kind}
        self._rssi = rssi_dbm & 0xFF

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`: nobody listens here."""
        return b""

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`: the tags go on as before."""
        return self.advance_to(now_s)

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        said = b""
        for number, tag in enumerate(self.tags.values()):
            if tag.due_s is None:
                tag.due_s = now_s + tag.interval_s * (number + 1) / (len(self.tags) + 1)
            while tag.due_s <= now_s:
                said += self._report(tag)
                tag.due_s += tag.interval_s
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return min((tag.due_s for tag in self.tags.values() if tag.due_s is not None), default=None)

    def _report(self, tag: AdvertisingTag) -> bytes:
        if tag.silent:
            return b""
        data = tag.advertisement()
        body = bytes([0x02, 0x01, 0x03, 0x01]) + tag.address[::-1] + bytes([len(data)]) + data + bytes([self._rssi])
        return bytes([0x04, 0x3E, len(body)]) + body

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def _tag(self, kind: str) -> AdvertisingTag:
        return self.tags[kind or next(iter(self.tags))]

    def on_set(self, kind: str = "", temperature_c: float = 5.0, battery_mv: int = 2977, battery_pct: int = 97, now_s: float = 0.0) -> bytes:
        """A tag (empty: the first) has another temperature and battery."""
        tag = self._tag(kind)
        tag.temperature_c, tag.battery_mv, tag.battery_pct = temperature_c, battery_mv, battery_pct
        return b""

    def on_door(self, kind: str = "bthome", is_open: bool = True, now_s: float = 0.0) -> bytes:
        """Its contact opens or closes; it says so at once."""
        self._tag(kind).open = is_open
        return self._report(self._tag(kind))

    def on_press(self, kind: str = "bthome", now_s: float = 0.0) -> bytes:
        """Its button is pressed; it says so at once."""
        self._tag(kind).presses += 1
        return self._report(self._tag(kind))

    def on_advertise(self, kind: str = "", times: int = 1, now_s: float = 0.0) -> bytes:
        """It says what it has to say now, heard so many times (on several channels)."""
        return self._report(self._tag(kind)) * times

    def on_silence(self, kind: str = "", now_s: float = 0.0) -> bytes:
        """Nothing is heard of it any more."""
        self._tag(kind).silent = True
        return b""

    def on_speak(self, kind: str = "", now_s: float = 0.0) -> bytes:
        """It is heard again."""
        self._tag(kind).silent = False
        return b""

    def on_break_sensor(self, kind: str = "", now_s: float = 0.0) -> bytes:
        """Its sensor gives nothing any more (RuuviTag)."""
        self._tag(kind).broken = True
        return b""

    def on_noise(self, data: str = "00043eff", now_s: float = 0.0) -> bytes:
        """Bytes that are no packet get into the stream (hexadecimal)."""
        return bytes.fromhex(str(data))

    def set_temperature(self, text: str, now_s: float = 0.0) -> bytes:
        """`5.5C`, for the first tag, or `5.5C@pvvx`. Raises: ValueError: not understood."""
        value, _, kind = text.partition("@")
        if kind and kind not in self.tags:
            raise ValueError(f"there is no tag {kind!r}; there are: {', '.join(self.tags)}")
        self._tag(kind).temperature_c, _ = amount(value, "C")
        return b""
