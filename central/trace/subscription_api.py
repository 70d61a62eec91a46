# SPDX-License-Identifier: Apache-2.0
"""Routes of subscriptions of named queries (EPCIS 2.0, section 12.8); `central.trace.api` takes them in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from central.database import in_transaction, reading
from central.requests import Database, News, Now
from central.trace import asking, capturing, queries, subscriptions
from central.trace.answers import SUBSCRIPTION, SubscriptionOut
from central.trace.routing import BASE, PROBLEM, REFUSED, WRITTEN, Body, EpcisRoute, NextPageToken, PerPage, answer, body_of, link

router = APIRouter(route_class=EpcisRoute)

Name = Annotated[str, Path(description="name of the query", examples=["arrivals"])]
Subscription = Annotated[str, Path(max_length=64, description="`subscriptionID`", examples=["df5a33e3-5aa3-5403-ae01-99b83234e27b"])]


@router.post(
    "/queries/{name}/subscriptions",
    status_code=201,
    response_model=SubscriptionOut,
    responses={**WRITTEN, 404: REFUSED[404], 409: {"description": "the same subscription has another signatureToken", **PROBLEM}},
    openapi_extra=body_of(SUBSCRIPTION, "where results are sent, and when"),
)
def subscribe(name: Name, request: Request, body: Body, database: Database, now: Now, news: News) -> Response:
    """Subscribe to a named query: results are posted to `dest` as EPCISQueryDocuments of at most 100 events, at once (`stream`) or by a `schedule` in UTC.

    They are kept until `dest` takes them (2xx), tried again for three days, and signed: with `signatureToken` by the header GS1-Signature, `sha256=` and
    the hexadecimal HMAC-SHA256 of the body. Each comes at least once; the header webhook-id is the same at every attempt. Attempts are listed at
    /api/v1/webhooks for the endpoint `epcis-` and the subscriptionID. The same request again is the same subscription.
    """
    said = capturing.read(body)
    made = in_transaction(database, lambda connection: subscriptions.subscribe(connection, name, said, now))
    news.tell()
    with reading(database) as connection:
        found = queries.subscription(connection, name, made)
    return answer(request, found, 201, {"Location": f"{BASE}/queries/{quote(name, safe='')}/subscriptions/{made}"})


@router.get("/queries/{name}/subscriptions", response_model=list[SubscriptionOut], responses=REFUSED)
def list_subscriptions(name: Name, request: Request, database: Database, per_page: PerPage = None, next_page_token: NextPageToken = None) -> Response:
    """Subscriptions of a query, in the order in which they were made."""
    with reading(database) as connection:
        found, token = queries.subscriptions(connection, name, asking.understand(asking.from_address(request.query_params.multi_items()), {}))
    return answer(request, found, headers=link(request, token))


@router.get("/queries/{name}/subscriptions/{subscription}", response_model=SubscriptionOut, responses=REFUSED)
def get_subscription(name: Name, subscription: Subscription, request: Request, database: Database) -> Response:
    """A subscription; its token is not shown."""
    with reading(database) as connection:
        return answer(request, queries.subscription(connection, name, subscription))


@router.delete("/queries/{name}/subscriptions/{subscription}", status_code=204, responses=REFUSED)
def unsubscribe(name: Name, subscription: Subscription, database: Database, now: Now) -> None:
    """End a subscription; what is not sent yet is dropped."""
    in_transaction(database, lambda connection: subscriptions.unsubscribe(connection, name, subscription, now))
