# SPDX-License-Identifier: Apache-2.0
"""What a gateway starts with. A file that somebody broke by hand must not leave a site without its gateway: the last good copy of it goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gateway.config import GatewayConfig
from gateway.config_file import ConfigFileError, load_config, load_gateway_only
from gateway.configuration_store import OWN, ConfigurationStore


class Start(NamedTuple):
    """`fault`: why the gateway's own file is not what it starts with; empty: it is."""

    own: GatewayConfig
    fault: str = ""


def load_start(path: Path, *, safe: bool) -> Start:
    """The gateway's own file, or the copy of it that worked last, or for safe mode its table [gateway] alone. Raises: ConfigFileError: none of them."""
    try:
        return Start(load_config(path))
    except ConfigFileError as error:
        own = _last_good(path) or (load_gateway_only(path) if safe else None)
        if own is None:
            raise
        return Start(own, str(error))


def _last_good(path: Path) -> GatewayConfig | None:
    """The copy in the data folder that the file names; where even that cannot be read, in the one that the service manager gives (StateDirectory)."""
    try:
        data_dir = load_gateway_only(path).gateway.data_dir
    except ConfigFileError:
        data_dir = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if not data_dir:
        return None
    try:
        good = load_config(ConfigurationStore(data_dir, "", None).path(OWN))
    except ConfigFileError:
        return None
    return good if Path(good.gateway.data_dir).resolve() == Path(data_dir).resolve() else None
