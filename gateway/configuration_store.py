# SPDX-License-Identifier: Apache-2.0
"""The configurations of a gateway on its disk: `configurations/` in the data folder.

    N.toml         version N as central signed it; 0.toml is the last good copy of the gateway's own file
    standing.json  which is in force, which is on trial, which were bad

Every step replaces one file as a whole, so that a power cut leaves the state before or after it. The highest version ever tried stands in the trust folder as
well, so that a new data folder cannot be talked into an old configuration.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.config import GatewayConfig
from gateway.config_file import ConfigFileError, load_config
from gateway.configuration_rules import Standing, at_start, returned
from gateway.durable_file import write_durably
from gateway.trust import digest_of

_HIGHEST = "highest-configuration"
OWN = 0
"""The version of the gateway's own file."""

log = logging.getLogger(__name__)


class Chosen(NamedTuple):
    """What a process begins with."""

    config: GatewayConfig
    standing: Standing


class ConfigurationStore:
    """The files of one gateway. Methods block for the time of a few small writes."""

    def __init__(self, table_data_dir: str, trust_dir: str, own_file: Path | None) -> None:
        self._folder = Path(table_data_dir) / "configurations"
        self._trust = Path(trust_dir) if trust_dir else None
        self._own_file = own_file
        self.standing = self._read()

    def keep(self, standing: Standing) -> None:
        """Durable when it returns. Raises: OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._trust is not None and standing.highest > self._highest_trusted():
            write_durably(self._trust / _HIGHEST, f"{standing.highest}\n".encode())
        write_durably(self._folder / "standing.json", msgspec.json.format(msgspec.json.encode(standing)))
        self.standing = standing

    def put(self, version: int, document: str) -> Path:
        """Keep a version's text, durable when it returns. Raises: OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.path(version), document.encode())
        return self.path(version)

    def put_candidate(self, document: str) -> Path:
        """A text that is to be checked. Raises: OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "candidate"
        path.write_text(document, encoding="utf-8")
        return path

    def path(self, version: int) -> Path:
        """Where a version is."""
        return self._folder / f"{version}.toml"

    def load(self, version: int) -> GatewayConfig:
        """Raises: ConfigFileError."""
        if version != OWN:
            return load_config(self.path(version))
        return load_config(self._own_source())

    def own_document(self) -> str:
        """The gateway's own file as it is now. Raises: OSError, UnicodeDecodeError."""
        assert self._own_file is not None
        return self._own_file.read_text(encoding="utf-8")

    def remember_own(self, config_hash: str) -> None:
        """Keep a copy of the own file that this process runs with, so that there is one to return to when it is edited."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            document = self.own_document() if self._own_file is not None else ""
            known = self.path(OWN).read_text(encoding="utf-8") if self.path(OWN).exists() else ""
            if document != known and digest_of(document) == config_hash:
                self.put(OWN, document)

    def forget_older(self, keep: Collection[int]) -> None:
        """Delete versions that nobody returns to any more."""
        for path in self._folder.glob("*.toml"):
            if path.stem.isdecimal() and int(path.stem) not in keep:
                path.unlink(missing_ok=True)

    def choose(self, own: GatewayConfig) -> Chosen:
        """What this process runs with: the trial that begins, or what is in force, or the gateway's own file if all else fails. Raises: OSError."""
        standing = at_start(self.standing)
        if standing != self.standing:
            self.keep(standing)
        try:
            config = self.load(standing.running) if standing.running != OWN or self._own_is_bad() else own
        except ConfigFileError as error:
            if standing.trying is None:
                log.error("configuration in force cannot be used, the gateway's own file is", extra={"version": standing.in_force, "reason": str(error)})  # noqa: TRY400  # the reason says all
                fault = f"version {standing.in_force} cannot be read any more: {error}"
                self.keep(msgspec.structs.replace(standing, in_force=OWN, fault=fault))
                return Chosen(own, self.standing)
            self.keep(returned(standing, str(error)))
            return self.choose(own)
        return Chosen(config, standing)

    def _own_source(self) -> Path:
        assert self._own_file is not None
        return self.path(OWN) if self._own_is_bad() else self._own_file

    def _own_is_bad(self) -> bool:
        """Whether the own file is one that was tried and did not prove good, and there is an older copy."""
        if self._own_file is None or not self.path(OWN).exists() or self.standing.trying is not None:
            return False
        try:
            return f"own:{digest_of(self.own_document())}" in self.standing.bad
        except (OSError, UnicodeDecodeError):
            return False

    def _read(self) -> Standing:
        path = self._folder / "standing.json"
        try:
            standing = msgspec.json.decode(path.read_bytes(), type=Standing)
        except FileNotFoundError:
            standing = Standing()
        except (OSError, msgspec.DecodeError) as error:
            log.error("standing of configurations begins anew", extra={"file": str(path), "reason": str(error)})  # noqa: TRY400  # the reason says all
            standing = Standing()
        return msgspec.structs.replace(standing, highest=max(standing.highest, self._highest_trusted()))

    def _highest_trusted(self) -> int:
        if self._trust is None:
            return 0
        try:
            return int((self._trust / _HIGHEST).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0
