# SPDX-License-Identifier: Apache-2.0
"""The state machine of each kind of station; its file is loaded when a gateway has such a station, since a dock door alone takes some MB of memory."""

from __future__ import annotations

from gateway.config import AnyStation, ColdRoom, CountZone, DataLogger, DockDoor, LabelPoint, PickZone, ScanPoint, WeighPoint
from gateway.portal.arbiter import Arbiter
from gateway.stations.station import Station


def build_station(config: AnyStation, site: str, arbiter: Arbiter) -> Station:
    """The state machine of a station's table. `arbiter` is shared by the dock doors of a gateway."""
    if isinstance(config, DockDoor):
        from gateway.stations.dock_door import DockDoorStation

        return DockDoorStation(config, site, arbiter)
    if isinstance(config, CountZone):
        from gateway.stations.count_zone import CountZoneStation

        return CountZoneStation(config)
    if isinstance(config, PickZone):
        from gateway.stations.pick_zone import PickZoneStation

        return PickZoneStation(config)
    if isinstance(config, LabelPoint):
        from gateway.stations.label_point import LabelPointStation

        return LabelPointStation(config)
    return _build_small(config)


def _build_small(config: WeighPoint | ScanPoint | ColdRoom | DataLogger) -> Station:
    from gateway.stations.cold_room import ColdRoomStation
    from gateway.stations.data_logger import DataLoggerStation
    from gateway.stations.scan_point import ScanPointStation
    from gateway.stations.weigh_point import WeighPointStation

    match config:
        case WeighPoint():
            return WeighPointStation(config)
        case ScanPoint():
            return ScanPointStation(config)
        case ColdRoom():
            return ColdRoomStation(config)
        case DataLogger():
            return DataLoggerStation(config)
