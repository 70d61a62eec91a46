# SPDX-License-Identifier: Apache-2.0
"""An LLRP reader greets whoever connects by telling whether the connection is his (LLRP 1.0.1, 13.1.6.14). Nothing is sent but the farewell."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError
from drivers.base.probe import Probe, Recognised
from drivers.rfid_llrp.answers import CONNECTION_ATTEMPT, decode_notification
from drivers.rfid_llrp.config import PORT
from drivers.rfid_llrp.frames import Message, MessageSplitter, MessageType


def _by_greeting(said: bytes) -> Recognised | None:
    try:
        messages = MessageSplitter().messages(said)
        attempts = [decode_notification(each).connection_attempt for each in messages if each.type == MessageType.READER_EVENT_NOTIFICATION]
    except RemoteProtocolError:
        return None
    attempt = next((each for each in attempts if each is not None), None)
    if attempt is None:
        return None
    return Recognised("LLRP reader" if not attempt else f"LLRP reader; just now it takes nobody: {CONNECTION_ATTEMPT.get(attempt, f'reason {attempt}')}")


PROBES = (Probe(_by_greeting, within_s=1.5, ports=(PORT,), goodbye=Message(MessageType.CLOSE_CONNECTION, 1).encode()),)
