# SPDX-License-Identifier: Apache-2.0
"""MQTT topics: `dockline/v1/{partition}/{site}/{gateway}/...`."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from contracts.events import LANES, Lane

PREFIX = "dockline/v1"
PARTITIONS = 64
CENTRAL_STATE = f"{PREFIX}/central/state"
ALL_UP = f"{PREFIX}/+/+/+/up/+"
ALL_STATES = f"{PREFIX}/+/+/+/state"

_PARTITION = re.compile(r"0|[1-9][0-9]?")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


class GatewayAddress(NamedTuple):
    """Where a gateway lives on the wire. `partition` is fixed at enrolment."""

    partition: int
    site: str
    gateway: str

    def topic(self, leaf: str) -> str:
        """The gateway's topic for `ack`, `down`, `state` or `up/{lane}`."""
        return f"{PREFIX}/{self.partition}/{self.site}/{self.gateway}/{leaf}"


def check_name(name: str) -> str:
    """A site, gateway, station or device name as it may stand in a topic; returns it unchanged.

    Raises: ValueError: not 1-64 characters of a-z, 0-9, - and _, beginning and ending with a letter or digit.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"name {name!r} is not allowed: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit")
    return name


def partition_of(site: str) -> int:
    """The partition of a site: the first 8 bytes of SHA-256 of its name, modulo 64."""
    return int.from_bytes(hashlib.sha256(site.encode()).digest()[:8], "big") % PARTITIONS


def parse_topic(topic: str) -> tuple[GatewayAddress, str] | None:
    """Split a gateway's topic into its address and leaf (`state`, `ack`, `down`, `up/movements`...); None if it is no such topic."""
    parts = topic.split("/")
    if len(parts) < 6 or "/".join(parts[:2]) != PREFIX or not _PARTITION.fullmatch(parts[2]):
        return None
    if int(parts[2]) >= PARTITIONS or not _NAME.fullmatch(parts[3]) or not _NAME.fullmatch(parts[4]):
        return None
    return GatewayAddress(int(parts[2]), parts[3], parts[4]), "/".join(parts[5:])


def lane_of_leaf(leaf: str) -> Lane | None:
    """The lane named by an `up/{lane}` leaf; None for any other leaf."""
    return next((lane for lane in LANES if leaf == f"up/{lane}"), None)
