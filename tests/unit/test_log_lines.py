# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from contracts.log_lines import FieldsFormatter, JsonFormatter


def record(**fields: object) -> logging.LogRecord:
    made = logging.LogRecord("gateway.supervisor", logging.WARNING, __file__, 1, "device lost", None, None)
    vars(made).update(fields)
    made.created = 1795248000.25
    return made


def test_json_line_has_stable_keys_and_the_fields_beside_them() -> None:
    line = JsonFormatter().format(record(device="reader-3", reason="连接断开\nnow", count=3, path=Path("/x")))

    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-21T08:00:00.250Z",
        "level": "warning",
        "part": "gateway.supervisor",
        "event": "device lost",
        "device": "reader-3",
        "reason": "连接断开\nnow",
        "count": 3,
        "path": "/x",
    }


def test_field_named_as_a_stable_key_does_not_hide_it() -> None:
    line = json.loads(JsonFormatter().format(record(event="x", level=2)))

    assert (line["event"], line["event_"], line["level_"]) == ("device lost", "x", 2)


def test_exception_stands_in_its_own_key() -> None:
    try:
        int("a bug")
    except ValueError:
        line = json.loads(JsonFormatter().format(record(exc_info=sys.exc_info())))

    assert "ValueError: invalid literal" in line["exception"]


def test_text_line_quotes_what_has_spaces() -> None:
    assert FieldsFormatter("%(message)s").format(record(device="d", reason="is away")) == "device lost device=d reason='is away'"
