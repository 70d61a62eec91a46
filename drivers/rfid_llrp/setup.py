# SPDX-License-Identifier: Apache-2.0
"""Setting the reader up: the states of the conversation, what is asked in each, and which follows."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from itertools import pairwise

from drivers.base.errors import LocalProtocolError
from drivers.rfid_llrp import requests
from drivers.rfid_llrp.answers import Capabilities
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.frames import MessageType


class State(Enum):
    """Where the conversation stands; the values are what the session waits for."""

    WAITING = "connection event"
    ASKING_CAPABILITIES = "answer to GET_READER_CAPABILITIES"
    CLEARING = "answer to DELETE_ROSPEC"
    CONFIGURING = "answer to SET_READER_CONFIG"
    ASKING_INPUTS = "answer to GET_READER_CONFIG"
    ADDING = "answer to ADD_ROSPEC"
    ENABLING = "answer to ENABLE_ROSPEC"
    STARTING = "answer to START_ROSPEC"
    RUNNING = "keepalive"
    FAILED = "nothing"


def _configuration(config: RfidLlrpConfig, able: Capabilities) -> bytes:
    return requests.configuration_body(round(config.keepalive_s * 1000), able.inputs)


def _rospec(config: RfidLlrpConfig, able: Capabilities) -> bytes:
    inventory = requests.Inventory(
        antennas=config.antennas,
        session=config.session,
        tag_population=config.tag_population,
        reader_mode=config.reader_mode,
        power_index=_power_index(config, able),
        hop_table_id=able.hop_table_id,
        report_every_n_tags=config.report_every_n_tags,
    )
    return requests.rospec_body(inventory)


def _power_index(config: RfidLlrpConfig, able: Capabilities) -> int | None:
    if config.power_dbm is None:
        return None
    index = able.power_index(config.power_dbm)
    if index is None:
        lowest = min(able.power_dbm.values(), default=None)
        if lowest is None:
            raise LocalProtocolError("the reader has no table of transmit powers to choose `power_dbm` from; leave it out of the configuration")
        raise LocalProtocolError(f"`power_dbm` {config.power_dbm:g} is below the reader's lowest step ({lowest} dBm); correct the configuration")
    return index


def check_antennas(config: RfidLlrpConfig, able: Capabilities) -> None:
    """Raises: LocalProtocolError: the configuration names an antenna that the reader does not have."""
    if (highest := max(config.antennas, default=0)) > able.antennas:
        raise LocalProtocolError(f"`antennas` names {highest}, but the reader has {able.antennas}; correct the configuration")


REQUESTS: dict[State, tuple[MessageType, Callable[[RfidLlrpConfig, Capabilities], bytes]]] = {
    State.ASKING_CAPABILITIES: (MessageType.GET_READER_CAPABILITIES, lambda config, able: requests.capabilities_body()),
    State.CLEARING: (MessageType.DELETE_ROSPEC, lambda config, able: requests.rospec_id_body(0)),
    State.CONFIGURING: (MessageType.SET_READER_CONFIG, _configuration),
    State.ASKING_INPUTS: (MessageType.GET_READER_CONFIG, lambda config, able: requests.input_levels_body()),
    State.ADDING: (MessageType.ADD_ROSPEC, _rospec),
    State.ENABLING: (MessageType.ENABLE_ROSPEC, lambda config, able: requests.rospec_id_body()),
    State.STARTING: (MessageType.START_ROSPEC, lambda config, able: requests.rospec_id_body()),
}
"""What is asked in which state, as it is entered. Raises LocalProtocolError where the configuration does not fit the reader."""

NEXT = dict(pairwise((State.WAITING, *REQUESTS, State.RUNNING)))
"""The transitions: each answer leads on; any refusal or silence leads to FAILED."""

MAY_BE_REFUSED = frozenset({State.CLEARING, State.ASKING_INPUTS})
"""Some readers call it an error when there is nothing to delete (a ROSpec that really stays makes ADD_ROSPEC fail), or keep no input levels."""
