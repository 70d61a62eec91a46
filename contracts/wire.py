# SPDX-License-Identifier: Apache-2.0
"""Messages on the wire: batches up, acknowledgements and commands down, births and deaths; JSON, optionally zstd-compressed."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import msgspec

from contracts.commands import AnyCommand
from contracts.events import AnyEvent, Lane, Seq
from contracts.naming import wire_name

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MESSAGE_BYTES_MAX = 1 << 20
"""No message may be larger, compressed or not: 1 MiB."""


class WireError(ValueError):
    """A message that cannot be read; the text says what is wrong and where."""


class Batch(msgspec.Struct, kw_only=True, rename=wire_name, omit_defaults=True):
    """Events of one lane in order; the first has `first_seq` and there are no holes. Events stay raw so that a poison one can be kept as it came.

    `oldest_seq` is the first number that the gateway can still send (0: not said); all before it were acknowledged and deleted.
    """

    gateway: str
    epoch: str
    lane: Lane
    first_seq: Seq
    oldest_seq: Seq = 0
    events: list[msgspec.Raw]


class Ack(msgspec.Struct, kw_only=True, rename=wire_name, omit_defaults=True):
    """Central has committed everything up to and including `upto`. `resend`: there was a gap, send again from `upto` + 1."""

    epoch: str
    lane: Lane
    upto: Seq
    resend: bool = False


class GatewayState(msgspec.Struct, kw_only=True, rename=wire_name, omit_defaults=True):
    """Retained birth of a gateway; the same with `online` false is its will. A death of another boot or session is ignored."""

    online: bool
    boot_id: str
    session_id: str
    epoch: str = ""
    version: str = ""
    config_hash: str = ""
    last_seq: dict[str, int] = {}
    config_version: int = 0
    safe_mode: bool = False
    restarted: str = ""
    """Why the program began: `clean`, `killed`, `watchdog`, `power`, `update`, `configuration`...; empty: not known."""
    outbox: str = ""
    """In words, what had happened to the outbox's file when the program began, and what to do; empty: nothing."""


class CentralState(msgspec.Struct, kw_only=True, rename=wire_name, omit_defaults=True):
    """Retained state of central; `encodings` lists what it can decompress."""

    online: bool
    session_id: str
    encodings: list[Literal["zstd"]] = []


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


_encoder = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """A message as JSON bytes."""
    return _encoder.encode(message)


def compress(payload: bytes) -> bytes:
    """The payload as one zstd frame. Raises: ImportError: zstandard is not installed (see `zstd_available`)."""
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress(payload)


def zstd_available() -> bool:
    """Whether this program can compress and decompress zstd."""
    try:
        import zstandard  # noqa: F401  # asked for its presence only
    except ImportError:
        return False
    return True


def expand(payload: bytes) -> bytes:
    """The JSON bytes of a payload, decompressed if it is a zstd frame.

    Raises: WireError: larger than MESSAGE_BYTES_MAX, corrupt, or zstd without the zstandard package.
    """
    if len(payload) > MESSAGE_BYTES_MAX:
        raise WireError(f"message of {len(payload)} bytes is over {MESSAGE_BYTES_MAX}")
    if not payload.startswith(_ZSTD_MAGIC):
        return payload
    if not zstd_available():
        raise WireError("message is zstd-compressed and the package zstandard is not installed")
    import zstandard

    try:
        size = zstandard.frame_content_size(payload)
        if not 0 <= size <= MESSAGE_BYTES_MAX:
            raise WireError(f"zstd message says it holds {size} bytes; at most {MESSAGE_BYTES_MAX} are taken")
        return zstandard.ZstdDecompressor().decompress(payload, max_output_size=MESSAGE_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise WireError(f"zstd message is corrupt: {error}") from error


def _decode(payload: bytes, kind: Any) -> Any:
    try:
        return _decoder(kind).decode(expand(payload))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(str(error)) from error


def decode_batch(payload: bytes) -> Batch:
    """Raises: WireError: not a batch."""
    batch: Batch = _decode(payload, Batch)
    return batch


def decode_event(payload: bytes) -> AnyEvent:
    """Raises: WireError: not an event of a known type."""
    event: AnyEvent = _decode(payload, AnyEvent)
    return event


def decode_ack(payload: bytes) -> Ack:
    """Raises: WireError: not an acknowledgement."""
    ack: Ack = _decode(payload, Ack)
    return ack


def decode_command(payload: bytes) -> AnyCommand:
    """Raises: WireError: not a command of a known type."""
    command: AnyCommand = _decode(payload, AnyCommand)
    return command


def decode_gateway_state(payload: bytes) -> GatewayState:
    """Raises: WireError: not a gateway's state."""
    state: GatewayState = _decode(payload, GatewayState)
    return state


def decode_central_state(payload: bytes) -> CentralState:
    """Raises: WireError: not central's state."""
    state: CentralState = _decode(payload, CentralState)
    return state
