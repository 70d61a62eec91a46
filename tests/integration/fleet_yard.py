# SPDX-License-Identifier: Apache-2.0
"""A fleet for tests of pages: gateways that are well, away, that refused a configuration, with other hardware at a place, with a certificate that ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, insert, update

from central.fleet.authority import Authority
from central.fleet.configurations import push
from central.fleet.service import commands_published, enrol, gateway_state_changed
from central.fleet.tables import command, configuration, device, gateway, gateway_certificate
from central.ingest import gaps
from contracts.commands import ScanWork
from contracts.events import ConfigurationChanged, DeviceLinkChanged, GatewayReported
from contracts.topics import GatewayAddress
from contracts.wire import GatewayState
from tests.integration.warehouse import SITE, Warehouse

ANOTHER = "has serial 37-11-22, expected 37-10-05; if it was replaced: dockline gateway swap FILE scanner-2"
GIVEN_UP = "given up, tried again every 300 s until it holds: connection refused by 10.0.3.17:4001"
MISTAKES = (
    "/var/lib/dockline/candidate.toml: device[2].port: unknown key prt; there are: driver, host, id, port\n"
    "/var/lib/dockline/candidate.toml: station[0].scanner: scanner-9 is no device; there are: scanner-1, scanner-2"
)


def document(name: str, *devices: tuple[str, str, str]) -> str:
    """A configuration; devices by id, driver and serial number."""
    tables = [f'[[device]]\nid = "{each}"\ndriver = "{driver}"\nhost = "10.0.3.17"\nserial_number = "{serial}"\n' for each, driver, serial in devices]
    return "\n".join([f'[gateway]\nid = "{name}"\nsite = "{SITE}"\n', *tables])


DEVICES = (("scanner-1", "scanner_serial", "37-10-04"), ("scanner-2", "scanner_serial", "37-10-05"), ("scale-1", "scale_sics", ""))


class FleetYard(Warehouse):
    """Site s1: gate-1 wants somebody, gate-2 is away, gate-3 is well."""

    def __init__(self, engine: Engine, authority: Authority) -> None:
        super().__init__(engine)
        self.authority = authority

    def born(self, name: str, **said: Any) -> None:
        """A gateway says that it is there."""
        state = GatewayState(**({"online": True, "boot_id": "b1", "session_id": name, "epoch": "epoch", "version": "0.9.0", "restarted": "clean"} | said))
        self.do(lambda c: enrol(c, GatewayAddress(1, SITE, name), self.now))
        self.do(lambda c: gateway_state_changed(c, GatewayAddress(1, SITE, name), state, self.now))

    def died(self, name: str) -> None:
        """The broker says that it is gone."""
        state = GatewayState(online=False, boot_id="b1", session_id=name)
        self.do(lambda c: gateway_state_changed(c, GatewayAddress(1, SITE, name), state, self.now))

    def push(self, text: str, **words: Any) -> int:
        """A configuration for gate-1."""
        return self.do(lambda c: push(c, self.authority, "gate-1", text, self.now, **{"actor": "Li Wei", **words}))

    def became(self, version: int, outcome: Any, in_force: int, reason: str = "") -> None:
        """What gate-1 says of a configuration."""
        self.happen(ConfigurationChanged(event_time=self.now, station="@gateway", version=version, outcome=outcome, in_force=in_force, reason=reason))

    def link(self, name: str, state: Any, reason: str = "") -> None:
        """A device of gate-1 comes or goes."""
        self.happen(DeviceLinkChanged(event_time=self.now, station="@gateway", device=name, state=state, reason=reason))

    def report(self, **said: Any) -> None:
        """The health report of gate-1; all is well but for what is said."""
        well: dict[str, Any] = {"pending_events": 0, "oldest_pending_s": 0.0, "rss_bytes": 28_000_000, "disk_free_bytes": 12_000_000_000}
        well |= {"devices_up": 3, "devices_down": 0, "card_life_days": 3100.0, "certificate_until": self.now + timedelta(days=71), "clock": "synced"}
        self.happen(GatewayReported(event_time=self.now, station="@gateway", **(well | said)))

    def set(self, name: str, **values: Any) -> None:
        """Columns of a gateway as they would be."""
        self.do(lambda c: c.execute(update(gateway).where(gateway.c.id == name).values(**values)))

    def well(self) -> int:
        """gate-1 and its three devices, with the configuration in force that central sent; returns its version."""
        self.born("gate-1")
        version = self.push(document("gate-1", *DEVICES), note="two scanners and a scale at the packing table")
        self.became(version, "applied", version)
        for name, _, _ in DEVICES:
            self.link(name, "connected")
        self.report(config_version=version)
        digest = next(row.digest for row in self.rows(configuration) if row.version == version)
        self.set("gate-1", config_hash=digest, config_version=version)
        return version

    def fill_fleet(self) -> None:
        """Something of everything."""
        self.later(-5 * 86400)
        first = self.well()
        self.do(lambda c: gaps.note(c, "gate-1", "epoch-0", "movements", 1191, 1204, "outbox_lost", self.now))
        certificate = {"serial": "9f3c2a7be1", "gateway": "gate-1", "certificate": "PEM", "request_hash": "0", "made_at": self.now, "how": "code"}
        self.do(lambda c: c.execute(insert(gateway_certificate).values(**certificate, valid_until=self.now + timedelta(days=16))))
        self.later(4 * 86400)
        self.became(
            self.push(document("gate-1", *DEVICES, ("scanner-9", "scanner_serial", "")), note="third scanner", actor="Zhang"), "refused", first, MISTAKES
        )
        self.later(86400 - 2400)
        self.link("scanner-2", "lost", ANOTHER)
        self.link("scale-1", "lost", GIVEN_UP)
        self._scan_lists()
        self.born("gate-2", version="0.8.2")
        self.set("gate-2", pending_events=12)
        self.later(600)
        self.died("gate-2")
        for name in ("gate-3", "gate-4"):
            self.born(name)
            self.do(lambda c, name=name: c.execute(insert(device).values(gateway=name, device="reader-1", state="connected", changed_at=self.now)))
            self.set(name, clock="synced", devices_up=1, devices_down=0, certificate_until=self.now + timedelta(days=80))
        self.later(1800)
        self.report(devices_up=1, devices_down=2, devices_given_up=1, config_version=first, certificate_until=self.now + timedelta(days=11))
        for name in ("gate-3", "gate-4"):
            self.set(name, last_seen_at=self.now - timedelta(seconds=9))
        self.later(12)

    def _scan_lists(self) -> None:
        from central.shipping import scan_lists
        from central.shipping.tables import scan_point

        row = {"site": SITE, "station": "scan-1", "gateway": "gate-1", "purpose": "picking", "zone": "A", "changed_at": self.now, "changed_by": "li"}
        self.do(lambda c: c.execute(insert(scan_point).values(**row)))
        self.do(lambda c: scan_lists.tell(c, [(SITE, "scan-1")], self.now))
        self.answer(ScanWork.__name__)

    def answer(self, kind: str, state: str = "done", reason: str = "") -> None:
        """Commands of a kind that wait are answered."""
        waiting = (command.c.kind == kind) & (command.c.state == "pending")
        ids = [row.id for row in self.rows(command) if row.kind == kind]
        self.do(lambda c: commands_published(c, ids, self.now))
        self.do(lambda c: c.execute(update(command).where(waiting).values(state=state, reason=reason, answered_at=self.now)))
