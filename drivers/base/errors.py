# SPDX-License-Identifier: Apache-2.0
"""Errors of drivers, by what the caller can do about them."""

from __future__ import annotations

_SHOWN_BYTES_MAX = 64


def shown(data: bytes) -> str:
    """Bytes as hex for a message, capped at 64 bytes."""
    return data[:_SHOWN_BYTES_MAX].hex(" ") + (f" ... ({len(data)} bytes)" if len(data) > _SHOWN_BYTES_MAX else "")


class DriverError(Exception):
    """Base: what went wrong, with which device, while doing what. `device_id` is filled in by the driver's shell."""

    def __init__(self, message: str, *, device_id: str = "", operation: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.device_id = device_id
        self.operation = operation

    def __str__(self) -> str:
        return ": ".join(part for part in (self.device_id, self.operation, self.message) if part)


class ConfigError(DriverError):
    """The configuration is wrong; trying again without changing it is useless."""


class TransportError(DriverError):
    """The way to the device is not there (refused, closed, unplugged); try again with back-off."""


class ProtocolError(DriverError):
    """Bytes that do not belong in the conversation."""


class LocalProtocolError(ProtocolError):
    """We asked for something that the protocol does not allow; a fault of the caller."""


class RemoteProtocolError(ProtocolError):
    """The device sent what it must not send; `frame` holds its bytes."""

    def __init__(self, message: str, frame: bytes = b"", **context: str) -> None:
        super().__init__(f"{message} (got {shown(frame)})" if frame else message, **context)
        self.frame = frame


class DeviceFault(DriverError):
    """The device answered that it cannot: `code` as in the maker's document, `meaning` for people."""

    def __init__(self, code: str, meaning: str, **context: str) -> None:
        super().__init__(f"{meaning} (code {code})", **context)
        self.code = code
        self.meaning = meaning


class DeviceBusy(DeviceFault):
    """It cannot just now; the same may be asked again soon."""


class ReplyTimeout(DriverError):
    """The device did not answer in `waited_s` seconds; the link counts as lost."""

    def __init__(self, expected: str, waited_s: float, **context: str) -> None:
        super().__init__(f"no {expected} within {waited_s:g} s; check cable, power and address", **context)
        self.waited_s = waited_s
