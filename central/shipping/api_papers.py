# SPDX-License-Identifier: Apache-2.0
"""Routes of labels and papers: to look at, to print, and to be sent to a label printer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import ConflictError
from central.examples import body as taken
from central.facts import RequestKey, document_id
from central.requests import Database, News, Now
from central.shipping import location_labels, packing, papers, print_jobs, printing, receipt_paper
from central.shipping.answers import PrintedOut
from central.shipping.labels import label, location
from central.shipping.labels.typesetting import MEDIA_TYPES
from central.shipping.labels.wording import Language
from central.shipping.requests import OrderId, Sscc

router = APIRouter(prefix="/api/v1", tags=["labels"])

ItemCode = Annotated[str, Path(max_length=64, description="the item's code", examples=["milk"])]
LabelFormat = Literal["zpl", "pdf", "png", "svg"]
LabelKind = Literal["logistic", "content"]
Dpi = Annotated[int, Query(ge=100, le=1200, description="dots per inch of the label printer", examples=[203])]
_ZPL = "application/vnd.zebra.zpl"


def _answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "what to print", "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in media_types}}}


_ANY_FORMAT = _answers(_ZPL, *MEDIA_TYPES.values())


class Print(BaseModel):
    """Which label is printed, and where."""

    model_config = taken({"kind": "logistic", "language": "zh"})

    kind: LabelKind = "logistic"
    language: Language = "en"
    printer: str | None = Field(None, max_length=200, description="host:port, or gateway/station; empty: the site's printer")


@router.get("/packages/{sscc}/label", response_class=Response, responses=_ANY_FORMAT)
def get_label(
    sscc: Sscc, database: Database, form: Annotated[LabelFormat, Query(alias="format")] = "pdf", language: Language = "en", dpi: Dpi = 203
) -> Response:
    """The GS1 logistic label of a package: SSCC, addresses, contents."""
    with reading(database) as connection:
        made = papers.package_label(connection, sscc, language)
    if form == "zpl":
        return Response(label.logistic_zpl(made, dpi), media_type=_ZPL)
    return Response(label.logistic_paper(made, form), media_type=MEDIA_TYPES[form])


@router.get("/packages/{sscc}/content-label", response_class=Response, responses=_answers(_ZPL))
def get_content_label(sscc: Sscc, database: Database, language: Language = "en", dpi: Dpi = 203) -> Response:
    """The content label of a package, as ZPL."""
    with reading(database) as connection:
        return Response(label.content_zpl(papers.package_label(connection, sscc, language), dpi), media_type=_ZPL)


@router.post("/packages/{sscc}/print")
def post_print(sscc: Sscc, body: Print, database: Database, now: Now, news: News, key: RequestKey) -> PrintedOut:
    """Send a package's label to a label printer."""
    with reading(database) as connection:
        made = papers.package_label(connection, sscc, body.language)
        settings = packing.site_settings(connection, packing.package_by_sscc(connection, sscc).site)
    data = label.logistic_zpl(made, settings.dpi) if body.kind == "logistic" else label.content_zpl(made, settings.dpi)
    wanted = print_jobs.Wanted(data, f"{sscc} {body.kind}")
    return _printed(Press(database, now, news, document_id("PrintPackage", sscc, key)), settings.site, body.printer or settings.printer, wanted)


class Press(NamedTuple):
    """What a print needs of its request; `key` names it for good."""

    database: Engine
    now: datetime
    news: Changes
    key: str


def _printed(press: Press, site: str, printer: str, wanted: print_jobs.Wanted) -> PrintedOut:
    """Send labels to host:port, or have a gateway print them. Raises: ConflictError: no printer. PrinterError. UnknownGatewayError."""
    if not printer:
        raise ConflictError("no_printer", f"site {site} has no label printer; set it with PUT /api/v1/shipping/sites, or name one here")
    point = print_jobs.label_point(printer)
    if point is None:
        return PrintedOut(printer=printer, bytes=printing.send(printer, wanted.data), job="")
    job = in_transaction(press.database, lambda connection: print_jobs.ask(connection, press.key, point, wanted, press.now))
    press.news.tell()
    return PrintedOut(printer=printer, bytes=len(wanted.data), job=job)


@router.get("/items/{item}/label", response_class=Response, responses=_ANY_FORMAT)
def get_item_label(
    item: ItemCode,
    database: Database,
    lot: Annotated[str, Query(max_length=20)] = "",
    serial: Annotated[str, Query(max_length=20)] = "",
    form: Annotated[LabelFormat, Query(alias="format")] = "pdf",
    language: Language = "en",
    dpi: Dpi = 203,
    copies: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    """The label of a piece of goods: name, batch, expiry, barcode."""
    with reading(database) as connection:
        made = papers.item_label(connection, item, lot, serial, language)
    if form == "zpl":
        return Response(label.item_zpl(made, dpi, copies), media_type=_ZPL)
    return Response(label.item_paper(made, form), media_type=MEDIA_TYPES[form])


Chosen = Annotated[str | None, Query(max_length=64, description="only these; left out: all")]
Codes = Annotated[list[str] | None, Query(max_length=location_labels.LABELS_MAX, description="only these, in this order; left out: all")]


class LocationPrint(BaseModel):
    """Which locations get a label, and where it is printed."""

    model_config = taken({"site": "shanghai-1", "aisle": "A", "printer": "gate-1/labels-1", "language": "zh"})

    site: str = Field(max_length=64)
    aisle: str | None = Field(None, max_length=64)
    zone: str | None = Field(None, max_length=64)
    codes: list[str] | None = Field(None, max_length=location_labels.LABELS_MAX, description="only these, in this order; left out: all")
    language: Language = "en"
    printer: str | None = Field(None, max_length=200, description="host:port, or gateway/station; empty: the site's printer")
    actor: str = Field("api", min_length=1, max_length=100)


@router.get("/location-labels", response_class=Response, responses=_ANY_FORMAT)
def get_location_labels(
    site: Annotated[str, Query(max_length=64, examples=["shanghai-1"])],
    database: Database,
    aisle: Chosen = None,
    zone: Chosen = None,
    code: Codes = None,
    form: Annotated[LabelFormat, Query(alias="format")] = "pdf",
    language: Language = "en",
    dpi: Dpi = 203,
) -> Response:
    """Labels of locations, to be scanned and read from afar: one, an aisle, a zone. PNG and SVG hold one."""
    with reading(database) as connection:
        made = location_labels.labels_of(connection, location_labels.Which(site, aisle, zone, code), language)
    if form == "zpl":
        return Response(location.locations_zpl(made, dpi), media_type=_ZPL)
    return Response(location.locations_paper(made, form), media_type=MEDIA_TYPES[form])


@router.post("/location-labels/print")
def print_location_labels(body: LocationPrint, database: Database, now: Now, news: News, key: RequestKey) -> PrintedOut:
    """Print labels of locations."""
    which = location_labels.Which(body.site, body.aisle, body.zone, body.codes)
    with reading(database) as connection:
        made = location_labels.labels_of(connection, which, body.language)
        printer, dpi = location_labels.printer_of(connection, body.site)
    title = made[0].code if len(made) == 1 else f"{made[0].code} ... {made[-1].code} ({len(made)})"
    wanted = print_jobs.Wanted(location.locations_zpl(made, dpi), title, actor=body.actor)
    press = Press(database, now, news, document_id("PrintLocations", body.site, key))
    return _printed(press, body.site, body.printer or printer, wanted)


@router.get("/orders/{order_id}/papers/{paper}", response_class=Response, responses=_answers(MEDIA_TYPES["pdf"]))
def get_paper(order_id: OrderId, paper: papers.Paper, database: Database, now: Now, language: Language = "en") -> Response:
    """A paper of an order as PDF: packing list, pick list, outbound document, delivery note."""
    with reading(database) as connection:
        made = papers.order_paper(connection, order_id, paper, language, now)
    return Response(made, media_type=MEDIA_TYPES["pdf"])


@router.get("/receipts/{sscc}/paper", response_class=Response, responses=_answers(MEDIA_TYPES["pdf"]))
def get_receipt_paper(
    sscc: Sscc,
    database: Database,
    now: Now,
    language: Language = "en",
    notice: Annotated[str | None, Query(max_length=64, description="a pallet may come more than once")] = None,
) -> Response:
    """The receipt of a pallet as PDF: what was announced, what came, what differed."""
    with reading(database) as connection:
        made = receipt_paper.receipt_paper(connection, sscc, language, now, notice)
    return Response(made, media_type=MEDIA_TYPES["pdf"])
