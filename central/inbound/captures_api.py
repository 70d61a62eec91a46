# SPDX-License-Identifier: Apache-2.0
"""The route of captures: what a door saw in a pass, for programs and for `dockline door replay`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from central.database import reading
from central.errors import NotFoundError
from central.examples import answer
from central.inbound import captures
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["inbound"])

PassId = Annotated[str, Path(max_length=64, description="id of the pass", examples=["5f0c1a52-7f0e-5b0f-9a55-6f3f5f1c9d10"])]
Form = Annotated[
    Literal["json", "csv", "eyes"],
    Query(alias="format", description="json: everything; csv: the reads; eyes: the edges of the photo-eyes, as CSV. The files fit `dockline door replay`"),
]
_CSV = "text/csv; charset=utf-8"
_FILES: dict[int | str, dict[str, Any]] = {200: {"description": "the capture", "content": {"text/csv": {"schema": {"type": "string"}}}}}


class CapturedTag(BaseModel):
    """A tag and what the door made of it."""

    epc: str = Field(description="hex")
    result: Literal["moved_in", "moved_out", "stayed", "unknown"]
    confidence: float = Field(description="that the result is right, 0.5 to 1")


class CapturedRead(BaseModel):
    """A tag answered an antenna."""

    time_s: float = Field(description="since `started_at`")
    epc: str
    antenna: int
    peak_rssi_dbm: float | None = Field(description="null: the reader does not tell it")


class CapturedEdge(BaseModel):
    """A photo-eye or sensor changed."""

    time_s: float = Field(description="since `started_at`")
    eye: str = Field(description="inner, outer or presence")
    level: bool = Field(description="true: something is there")


_TAG = {"epc": "3034257BF7194E4000001A85", "result": "moved_in", "confidence": 0.99}
_READ = {"time_s": 0.412, "epc": "3034257BF7194E4000001A85", "antenna": 3, "peak_rssi_dbm": -54.5}


class CaptureOut(BaseModel):
    """What the antennas and photo-eyes of a door saw in one pass."""

    model_config = answer(
        {
            "pass_id": "5f0c1a52-7f0e-5b0f-9a55-6f3f5f1c9d10",
            "site": "shanghai-1",
            "gateway": "gate-1",
            "station": "door-3",
            "started_at": "2026-11-21T08:00:00Z",
            "direction": "in",
            "confidence": 0.98,
            "reason": "",
            "sides": {"1": "inner", "3": "outer"},
            "left_out": 0,
            "tags": [_TAG],
            "reads": [_READ],
            "edges": [{"time_s": 0.2, "eye": "outer", "level": True}],
        }
    )

    pass_id: str
    site: str
    gateway: str
    station: str
    started_at: datetime
    direction: Literal["in", "out", "unknown"]
    confidence: float = Field(description="of the direction, 0 to 1")
    reason: str = Field(description="why the direction is not sure; empty where it is")
    sides: dict[str, str] = Field(description="where each antenna looks: inner or outer")
    left_out: int = Field(description="reads that were too many for the gateway to keep; they are spread evenly over the pass")
    tags: list[CapturedTag]
    reads: list[CapturedRead]
    edges: list[CapturedEdge]


@router.get("/passes/{pass_id}/capture", response_model=CaptureOut, responses=_FILES)
def get_capture(pass_id: PassId, database: Database, form: Form = "json") -> Response | CaptureOut:
    """The reads and photo-eye edges of a pass. Doors keep the newest passes only: see the settings of central."""
    with reading(database) as connection:
        capture = captures.capture_of(connection, pass_id)
    if capture is None:
        raise NotFoundError("unknown_capture", f"there is no capture of pass {pass_id}: it did not come yet, or was forgotten")
    if form == "json":
        return Response(_out(capture).model_dump_json(), media_type="application/json")
    written, what = (captures.reads_csv(capture), "reads") if form == "csv" else (captures.eyes_csv(capture), "eyes")
    # The id of a kept pass may hold anything that a gateway says: only what is safe in a header goes into the file's name.
    name = "".join(letter for letter in pass_id if letter.isascii() and (letter.isalnum() or letter == "-"))
    return Response(written, media_type=_CSV, headers={"Content-Disposition": f'attachment; filename="pass-{name}-{what}.csv"'})


def _out(capture: captures.Capture) -> CaptureOut:
    columns = capture.columns
    names = ("pass_id", "site", "gateway", "station", "started_at", "direction", "confidence", "reason", "left_out")
    reads = zip(columns.read_ms, columns.read_tags, columns.read_antennas, columns.read_rssi_dbm, strict=True)
    return CaptureOut.model_construct(
        **{name: getattr(capture, name) for name in names},
        sides=columns.sides,
        tags=[
            CapturedTag.model_construct(epc=epc, result=result, confidence=confidence)
            for epc, result, confidence in zip(columns.epcs, columns.results, columns.confidences, strict=True)
        ],
        reads=[CapturedRead.model_construct(time_s=ms / 1000, epc=columns.epcs[tag], antenna=antenna, peak_rssi_dbm=rssi) for ms, tag, antenna, rssi in reads],
        edges=[
            CapturedEdge.model_construct(time_s=ms / 1000, eye=eye, level=level)
            for ms, eye, level in zip(columns.edge_ms, columns.edge_eyes, columns.edge_levels, strict=True)
        ],
    )
