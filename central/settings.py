# SPDX-License-Identifier: Apache-2.0
"""Settings of the central program, made by its command and checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from contracts.addresses import BrokerAddress

if TYPE_CHECKING:
    from central.fleet.authority import Authority


@dataclass(frozen=True, slots=True)
class Settings:
    """How one central service runs. Without `broker` nothing is ingested (for tests of the API).

    `warm_up`: rehearse an order at the start, so that the first customer does not wait for statements to be compiled.
    `authority` certifies gateways and signs their configurations; without one nothing is enrolled or pushed.
    Of the reads that door passes are decided from, each door keeps those of its newest `captures_keep_per_door` passes, none longer than `captures_keep_days`.
    """

    database: str
    broker: BrokerAddress | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    keys_required: bool = False
    allowed_hosts: tuple[str, ...] = ()
    banner: str = ""
    time_zone: tzinfo | None = None
    seal_every_s: float = 5.0
    warm_up: bool = False
    idempotency_keep_days: int = 30
    webhooks_keep_days: int = 30
    webhooks_private_networks: bool = True
    captures_keep_days: int = 90
    captures_keep_per_door: int = 1000
    body_bytes_max: int = 64 * 1024 * 1024
    authority: Authority | None = None
    more_brokers: tuple[BrokerAddress, ...] = ()
    ingest_only: bool = False
    """Take events beside another central on the same database: no pages, no API, none of the work that one process does for all."""

    @property
    def brokers(self) -> tuple[BrokerAddress, ...]:
        """All brokers that are listened to at once: the gateways may be on any of them."""
        return () if self.broker is None else (self.broker, *self.more_brokers)

    @property
    def demo(self) -> bool:
        """Whether the pages say that what they show is simulated."""
        return bool(self.banner)
