# SPDX-License-Identifier: Apache-2.0
"""How drivers declare their configuration: one frozen msgspec struct each, every field with a description, a unit and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

import msgspec

from drivers.base.errors import ConfigError

C = TypeVar("C", bound="DeviceConfig")


def described(description: str, unit: str, **bounds: Any) -> msgspec.Meta:
    """Metadata of a configuration field. `unit`: s, dBm, baud, bytes, count, ... or text, name, path, flag, choice for what has none."""
    return msgspec.Meta(description=description, extra_json_schema={"unit": unit}, **bounds)


class DeviceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="driver"):
    """Base of all device configurations; a subclass sets `tag` to the driver's name."""

    serial_number: Annotated[
        str, described("Serial number that the device, or its USB adapter, must tell; another one is not used. Empty: any", "text", max_length=128)
    ] = ""
    record_bytes: Annotated[
        int, described("Memory for the last bytes of the device, both ways, for `dockline gateway tap`; 0: none", "bytes", ge=0, le=16_777_216)
    ] = 32_768

    @property
    def endpoint(self) -> str:
        """Where the device is, for messages; empty: nowhere that has a name."""
        return ""

    @property
    def usb_path(self) -> str:
        """The file under /dev by which the kernel offers the device; empty: none."""
        return ""

    def at_broker(self, own: Mapping[str, str]) -> Self:
        """With the gateway's own broker (`own`: its keys beginning with broker) where the device is reached over that; all others stay as they are."""
        return self


class KernelFileConfig(DeviceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device that the kernel offers as a file of reports or records (hidraw, input events); a named pipe does as well."""

    path: Annotated[str, described("File of the device; prefer the links under /dev/.../by-id, which survive replugging", "path", min_length=1)]

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        return self.path

    @property
    def usb_path(self) -> str:
        """See `DeviceConfig.usb_path`."""
        return self.path


class StreamConfig(DeviceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device reached over TCP (`host`, `port`) or a serial line (`path`); exactly one of both."""

    host: Annotated[str, described("Host name or address of the device or its serial server; empty when `path` is given", "name")] = ""
    port: Annotated[int, described("TCP port", "count", ge=0, le=65535)] = 0
    path: Annotated[str, described("Serial device; prefer /dev/serial/by-id/...; empty when `host` is given", "path")] = ""
    baud_rate: Annotated[int, described("Serial speed", "baud", ge=300, le=4_000_000)] = 9600
    parity: Annotated[Literal["N", "E", "O"], described("Serial parity: none, even, odd", "choice")] = "N"
    data_bits: Annotated[Literal[7, 8], described("Serial data bits", "count")] = 8
    stop_bits: Annotated[Literal[1, 2], described("Serial stop bits", "count")] = 1
    flow_control: Annotated[
        Literal["none", "rtscts", "xonxoff"], described("Serial flow control: none, by the lines RTS and CTS, by XON and XOFF", "choice")
    ] = "none"
    serial_server: Annotated[
        Literal["raw", "rfc2217"],
        described("What the serial server at `host` speaks: bytes as they are, or Telnet with RFC 2217, by which speed and framing are set at it", "choice"),
    ] = "raw"
    low_latency: Annotated[bool, described("Ask the serial adapter to hand over bytes at once instead of up to 16 ms later", "flag")] = True
    keep_dtr: Annotated[bool, described("Leave DTR on when closing the serial line, so that a device that restarts by it (Arduino) does not", "flag")] = True
    connect_timeout_s: Annotated[float, described("How long to wait for the connection", "s", gt=0, le=60)] = 5.0

    def __post_init__(self) -> None:
        if bool(self.host) == bool(self.path):
            raise ValueError("give either `host` (TCP) or `path` (serial line), not both and not neither")
        if self.host and not self.port:
            raise ValueError("`host` needs a `port`")
        if self.path and self.serial_server != "raw":
            raise ValueError("`serial_server` is about a server at `host`; leave it out with `path`")

    @property
    def shares_endpoint(self) -> bool:
        """Whether several devices may be reached at the same host and port, each over a connection of its own. A serial line never carries two."""
        return False

    @property
    def shares_line(self) -> bool:
        """Whether several devices, also of other drivers, may take turns on the same serial line or the same TCP connection to a serial server."""
        return False

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        if not self.host:
            return self.path
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.host}:{self.port}"

    @property
    def usb_path(self) -> str:
        """See `DeviceConfig.usb_path`."""
        return self.path

    @property
    def address(self) -> str:
        """`host` without the brackets that IPv6 addresses often come in."""
        return self.host[1:-1] if self.host.startswith("[") and self.host.endswith("]") else self.host


class TlsStreamConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device whose TCP connection may be encrypted; its certificate is always checked."""

    tls: Annotated[bool, described("Encrypt the connection (TLS 1.2 or later) and check the device's certificate", "flag")] = False
    tls_ca_file: Annotated[
        str,
        described("Certificates (PEM) by which the device's is believed: its maker's, your own authority's, or the device's own; empty: the system's", "path"),
    ] = ""
    tls_certificate_file: Annotated[str, described("Our certificate (PEM), where the device asks for one", "path")] = ""
    tls_key_file: Annotated[str, described("Its private key (PEM); empty: in `tls_certificate_file`", "path")] = ""
    tls_name: Annotated[str, described("Name in the device's certificate, where it is not `host`", "name")] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.tls and (self.tls_ca_file or self.tls_certificate_file or self.tls_key_file or self.tls_name):
            raise ValueError("`tls_...` without `tls` does nothing; set `tls` to true")
        if self.tls_key_file and not self.tls_certificate_file:
            raise ValueError("`tls_key_file` needs a `tls_certificate_file`")


def parse_config(kind: type[C], fields: dict[str, Any], *, strict: bool = True) -> C:
    """Check raw fields against a configuration struct. `strict` false also takes numbers and flags written as text (command line).

    Raises: ConfigError: names the field, what was expected and what came.
    """
    try:
        return msgspec.convert(fields, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), operation="configuration") from error
