# SPDX-License-Identifier: Apache-2.0
"""What makers added to LLRP and this driver asks for: Impinj's search modes, fine RSSI, phase and Doppler shift; Zebra's phase.

Source: Impinj Octane LLRP (custom message 21, custom parameters 23, 50, 52, 53, 67), the same in the codecs of llrpkit 0.3 and sllurp 3.0.5;
Zebra FX Series Reader Software Interface Control Guide 72E-131718 (custom parameter 708), of which the widths differ from page to wire: those here
are the ones that others captured from an FX9600 with firmware 3.32.37.
"""

from __future__ import annotations

import struct

from drivers.base.errors import LocalProtocolError
from drivers.rfid_llrp.capabilities import IMPINJ, ZEBRA, Capabilities
from drivers.rfid_llrp.config import RfidLlrpConfig, SearchMode
from drivers.rfid_llrp.frames import Message, ParameterType

CUSTOM_MESSAGE = 1023
_ENABLE_EXTENSIONS, _EXTENSIONS_ENABLED = 21, 22
_SEARCH_MODE, _REPORT_CONTENT, _PHASE, _PEAK_RSSI, _DOPPLER = 23, 50, 52, 53, 67
_ZEBRA_REPORT_CONTENT = 708
_ZEBRA_PHASE = 1 << 28  # of 32 bits: zone, its name, physical port, phase, GPS, MLT, then reserved
_SUBTYPE = struct.Struct("!IB")

_SEARCH_MODES = {"reader_selected": 0, "single_target": 1, "dual_target": 2, "single_target_with_suppression": 3}  # ImpinjInventorySearchType


def check_extensions(config: RfidLlrpConfig, able: Capabilities) -> None:
    """Raises: LocalProtocolError: the configuration asks for what this maker's readers do not have; names the field."""
    wanted = (
        ("search_mode", config.search_mode != "default", (IMPINJ,)),
        ("report_doppler", config.report_doppler, (IMPINJ,)),
        ("fine_rssi", config.fine_rssi, (IMPINJ,)),
        ("report_phase", config.report_phase, (IMPINJ, ZEBRA)),
    )
    for name, asked, makers in wanted:
        if asked and able.manufacturer not in makers:
            raise LocalProtocolError(f"`{name}` is nothing that a reader of {able.maker} is known to have; leave it out of the configuration")


def wants_extensions(config: RfidLlrpConfig, able: Capabilities) -> bool:
    """Whether the reader must be told first that this client knows its maker's additions; only Impinj's wants that."""
    asked = config.search_mode != "default" or config.report_phase or config.report_doppler or config.fine_rssi
    return able.manufacturer == IMPINJ and asked


def enable_body() -> bytes:
    """IMPINJ_ENABLE_EXTENSIONS: | 32 bits maker | 8 bits subtype | 32 bits reserved |."""
    return _SUBTYPE.pack(IMPINJ, _ENABLE_EXTENSIONS) + bytes(4)


def is_enabled_answer(message: Message) -> bool:
    """Whether a custom message is IMPINJ_ENABLE_EXTENSIONS_RESPONSE."""
    return message.type == CUSTOM_MESSAGE and message.body[: _SUBTYPE.size] == _SUBTYPE.pack(IMPINJ, _EXTENSIONS_ENABLED)


def without_subtype(message: Message) -> Message:
    """A custom message's parameters alone."""
    return message._replace(body=message.body[_SUBTYPE.size :])


def _custom(maker: int, subtype: int, fields: bytes) -> bytes:
    """Custom parameter: | header | 32 bits maker | 32 bits subtype | fields |."""
    return struct.pack("!HHII", ParameterType.CUSTOM, 12 + len(fields), maker, subtype) + fields


def inventory_parameters(search_mode: SearchMode) -> bytes:
    """What follows the parameters of C1G2InventoryCommand: ImpinjInventorySearchMode | 16 bits mode |, if one is wanted."""
    return b"" if search_mode == "default" else _custom(IMPINJ, _SEARCH_MODE, struct.pack("!H", _SEARCH_MODES[search_mode]))


def report_parameters(config: RfidLlrpConfig, able: Capabilities) -> bytes:
    """What follows the parameters of ROReportSpec."""
    if able.manufacturer == ZEBRA and config.report_phase:
        return _custom(ZEBRA, _ZEBRA_REPORT_CONTENT, struct.pack("!I", _ZEBRA_PHASE))
    wanted = [(_PHASE, config.report_phase), (_PEAK_RSSI, config.fine_rssi), (_DOPPLER, config.report_doppler)]
    inner = b"".join(_custom(IMPINJ, subtype, b"\x00\x01") for subtype, on in wanted if on)  # | 16 bits 1: enabled |
    return _custom(IMPINJ, _REPORT_CONTENT, inner) if inner else b""
