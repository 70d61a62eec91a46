# SPDX-License-Identifier: Apache-2.0
"""Why a label was not printed is said in the reader's language, whoever found it out: printer, label point or central."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product

import pytest

from central.web.languages import catalogue
from central.web.words import reason_text
from drivers.printer_zpl.jobs import Job
from drivers.printer_zpl.session import _outcome_counted
from tools.source_scan import text_of, trees

ZH = catalogue("zh")
_CALLS = {"Outcome", "CommandRefusedError"}
_PLACES = {"drivers/printer_zpl/session.py", "gateway/stations/label_point.py"}
_LOOK = "look at the printer before it is printed again"


def reasons() -> Iterator[str]:
    """Each reason that can be told, with a value for each of its parameters."""
    for made, labels, resumed, cancelled in product((-1, 0, 1, 2, 3), (0, 2), (False, True), (False, True)):
        yield _outcome_counted(Job("j", b"^XA^XZ", labels, None, resumed=resumed, cancelled=cancelled), made).reason
    for path, tree in trees("drivers/printer_zpl", "gateway/stations"):
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS]
        for call in calls if str(path) in _PLACES else ():
            if (text := text_of(call.args[-1])) and " " in text and "{others" not in text:
                yield re.sub(r"\{[^{}]*\}", "x1", text.replace("{_LOOK_AT_IT}", _LOOK))


@pytest.mark.requirement("R53", "X11")
def test_every_reason_of_a_label_that_was_not_printed_is_said_in_chinese() -> None:
    known = set(reasons()) - {""}

    assert len(known) > 8
    assert [reason for reason in sorted(known) if reason_text(reason, ZH) == reason] == []
