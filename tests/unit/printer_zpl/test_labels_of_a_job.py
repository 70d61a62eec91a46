# SPDX-License-Identifier: Apache-2.0
"""How many labels a job makes, read from its ZPL."""

from __future__ import annotations

import tracemalloc

import pytest

from drivers.printer_zpl.frames import labels_in

pytestmark = pytest.mark.requirement("R53", "E11")


@pytest.mark.parametrize(
    ("zpl", "labels"),
    [
        (b"^XA^FO1,1^FDa^FS^XZ", 1),
        (b"^xa^fo1,1^fda^fs^pq3^xz ^XA^FDb^FS^PQ 2,0,1,Y^XZ", 5),
        (b"^XA^FD_5EXA is a word here^FS^XZ", 1),
        (b"^XA^FDa^XA inside^FS^XZ", 1),
        (b"^XA^DFR:L.ZPL^FS^FN1^FDx^FS^XZ", 0),
        (b"^XA^XFR:L.ZPL^FN1^FDx^FS^XZ", 1),
        (b"^XA^PQ7^XZ^XA^GB9,9,1^FS^XZ", 1),
        (b"^XA^MNY^JUS^XZ", 0),
        (b"^FDoutside^FS^XZ", 0),
        (b"^XA^FDnever ended^FS", 0),
    ],
)
def test_labels_are_formats_that_draw_as_often_as_they_say(zpl: bytes, labels: int) -> None:
    assert labels_in(zpl) == labels


def test_job_that_begins_formats_and_ends_none_is_read_in_one_pass() -> None:
    tracemalloc.start()
    assert labels_in(b"^XA" * 300_000) == 0  # by two nested passes this takes hours; the time limit of tests is a minute
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_000_000
