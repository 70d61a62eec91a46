# SPDX-License-Identifier: Apache-2.0
"""`dockline replay FILE`: short for `dockline device replay FILE`."""

from __future__ import annotations

from gateway import device_command


def main(argv: list[str]) -> int:
    """Returns the exit status: 1 when the driver of today makes other readings of the bytes than were made then."""
    return device_command.main(["replay", *argv])
