# SPDX-License-Identifier: Apache-2.0
"""What the figures and the state of the service look like, with the examples that the documentation shows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from central.examples import answer


class Latency(BaseModel):
    """From a device's last byte to the committed ledger, over the most recent movements; null without any."""

    model_config = answer({"p50": 3.1, "p99": 12.4})

    p50: float | None = Field(description="milliseconds, the median")
    p99: float | None = Field(description="milliseconds, of a hundred only one took longer")


class Figures(BaseModel):
    """Counts since the beginning, each counted from what is stored. Areas may add figures of their own."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "pallets_passed": 120,
                    "pallets_received": 118,
                    "lines_ordered": 960,
                    "lines_picked": 951,
                    "alarms_raised": 2,
                    "events_accepted": 20400,
                    "exceptions": 14,
                    "ledger_verified": True,
                    "latency_ms": {"p50": 3.1, "p99": 12.4},
                }
            ]
        },
    )

    events_accepted: int
    events_applied: int = Field(description="went through their use cases or became a work order")
    duplicates_refused: int
    exceptions: int = Field(description="work orders that were raised")
    ledger_verified: bool | None = Field(description="what the verifier says; null when it was not asked")
    latency_ms: Latency
