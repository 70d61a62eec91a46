# SPDX-License-Identifier: Apache-2.0
"""Shortest picking tours on a site's own floor. Pure: no database, no clock, no randomness but from a seed. As an example:

layout = Layout([Aisle("A1", x_mm=0, y_from_mm=0, y_to_mm=20_000), ...], cross_aisles_y_mm=[0, 20_000])
tour = plan_tour(layout, [Stop("A1-07-2", "A1", y_mm=6_300, level=2), ...], start=Point(0, 0), end=Point(0, 0))

`tour.order` is the sequence of the stops, `tour.walk` the way along the aisles, `tour.exact` says whether anything shorter could exist.
"""

from central.tours.batching import Batch, BatchError, Order, TourLengths, batch_orders
from central.tours.layout import Aisle, Layout, LayoutError, Point, Stop
from central.tours.rules_of_thumb import largest_gap_mm, s_shape_mm
from central.tours.scattered import Face, ScatteredTour, plan_scattered
from central.tours.tour import Tour, plan_tour
from central.tours.walks import length_mm

__all__ = [
    "Aisle",
    "Batch",
    "BatchError",
    "Face",
    "Layout",
    "LayoutError",
    "Order",
    "Point",
    "ScatteredTour",
    "Stop",
    "Tour",
    "TourLengths",
    "batch_orders",
    "largest_gap_mm",
    "length_mm",
    "plan_scattered",
    "plan_tour",
    "s_shape_mm",
]
