# SPDX-License-Identifier: Apache-2.0
"""Make a capture of a driver talking to its twin: `python -m gateway.conformance.record --with TEST_FILE DRIVER NAME < SKETCH`.

TEST_FILE is the test module that calls `for_drivers`: by it driver, twin and the folder of captures are known.

The sketch is a transcript with only `#`, `@`, `!!` and `**` lines; what both sides say to each other is filled in, and the expected events are
written beside it. A capture made like this proves nothing by itself: compare its bytes with the maker's document and say so in the .md file.
With `--events` the expected events of an existing capture are written anew.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

from drivers.base.session import SessionEvent
from gateway.conformance.kit import capture_folder, session, settings_of, twin
from gateway.conformance.transcripts import Step, event_as_json, play_to_session, read_transcript


def _line(mark: str, data: bytes) -> str:
    return f"{mark} {data.hex(' ')}"


def _conversation(name: str, path: Path, lines: list[str]) -> Iterator[str]:
    """The sketch's lines with the bytes of both sides between them."""
    settings = settings_of(path)
    ours, theirs = session(name, settings), twin(name, settings)
    heard = theirs.connected(0.0)
    ours.advance_to(0.0)
    now_s = 0.0
    steps = iter(read_transcript(path))
    for line in ["", *lines]:
        if line.strip() and not line.startswith("#"):
            step: Step = next(steps)
            now_s = step.at_s
            if step.kind == "stimulus":
                heard += theirs.stimulate(step.name, dict(step.arguments), now_s)
            elif step.kind == "command":
                ours.start_command(step.name, dict(step.arguments), now_s)
            else:
                heard += theirs.advance_to(now_s)
            if step.kind != "stimulus":
                ours.advance_to(now_s)
        if line:
            yield line
        while heard or (said := ours.bytes_to_send()):
            if heard:
                yield _line("<<", heard)
                ours.receive_bytes(heard, now_s)
                heard = b""
            else:
                yield _line(">>", said)
                heard = theirs.receive_bytes(said, now_s)


def write_events(name: str, path: Path) -> list[SessionEvent]:
    """Write what the driver makes of a capture to its .json; returns it."""
    events = play_to_session(session(name, settings_of(path)), read_transcript(path))
    path.with_suffix(".json").write_text(json.dumps([event_as_json(event) for event in events], indent=1) + "\n", encoding="utf-8")
    return events


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    if arguments[:1] == ["--with"]:
        runpy.run_path(arguments[1])
        arguments = arguments[2:]
    name, capture, *options = arguments
    path = capture_folder(name) / f"{capture}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    if "--events" not in options:
        lines = sys.stdin.read().splitlines()
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        # what is said before the first line belongs behind the settings
        head = [line for line in lines if line.startswith("#")]
        body = list(_conversation(name, path, [line for line in lines if not line.startswith("#")]))
        path.write_text("\n".join([*head, "", *body]) + "\n", encoding="utf-8")
    for event in write_events(name, path):
        print(event)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
