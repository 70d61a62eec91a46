# SPDX-License-Identifier: Apache-2.0
"""Configuration of an Acme scale."""

from __future__ import annotations

from typing import Annotated

from drivers.base.config import StreamConfig, described


class ScaleAcmeConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_acme"):
    """An Acme scale on a serial line or behind a serial server."""

    interval_s: Annotated[float, described("Time from one question to the next", "s", ge=0.02, le=60)] = 0.2
    reply_timeout_s: Annotated[float, described("How long the scale may take to answer before the link counts as lost", "s", gt=0, le=60)] = 2.0
