# SPDX-License-Identifier: Apache-2.0
"""Routes of labels and papers: to look at, to print, and to be sent to a label printer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from central.database import reading
from central.errors import ConflictError
from central.examples import body as taken
from central.requests import Database, Now
from central.shipping import packing, papers, printing, receipt_paper
from central.shipping.answers import PrintedOut
from central.shipping.labels import label
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
    printer: str | None = Field(None, max_length=200, description="host:port; empty: the site's printer")


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
def post_print(sscc: Sscc, body: Print, database: Database) -> PrintedOut:
    """Send a package's label to a label printer."""
    with reading(database) as connection:
        made = papers.package_label(connection, sscc, body.language)
        settings = packing.site_settings(connection, packing.package_by_sscc(connection, sscc).site)
    printer, dpi = body.printer or settings.printer, settings.dpi
    if not printer:
        raise ConflictError("no_printer", f"site {settings.site} has no label printer; set it with PUT /api/v1/shipping/sites, or name one here")
    data = label.logistic_zpl(made, dpi) if body.kind == "logistic" else label.content_zpl(made, dpi)
    return PrintedOut(printer=printer, bytes=printing.send(printer, data))


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
