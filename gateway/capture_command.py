# SPDX-License-Identifier: Apache-2.0
"""`dockline capture`: from a recording to something that may be shown."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from drivers.base.errors import ConfigError
from gateway.capturing import cut, lines_of, redacted
from gateway.recordings import Recording, RecordingError, read_recording

_WRONG_USE = 2

_EPILOG = """\
examples:
  dockline gateway tap reader-3 --for 20s > door.txt && dockline capture door.txt --out door.hex
  dockline device record scale_sics host=... port=... --for 10s --out scale.txt; dockline capture scale.txt --from 2 --to 6 --out scale.hex

Tags, codes, serial numbers, addresses and paths are replaced by others of the same length, and the driver must make the same readings of
the new bytes; where that cannot be (a checksum over them), nothing is written and it says why."""


def main(argv: list[str]) -> int:
    """Write a capture; returns the exit status: 2 the recording cannot be read, or not be redacted."""
    parser = argparse.ArgumentParser(prog="dockline capture", description="Cut a capture out of a recording, without what is nobody's business.")
    parser.epilog, parser.formatter_class = _EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", help="made by `dockline gateway tap` or `dockline device record`; - for standard input")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the capture; `dockline replay` takes it")
    parser.add_argument("--from", dest="from_s", type=float, default=0.0, metavar="SECONDS", help="leave out what was before, but how the conversation began")
    parser.add_argument("--to", dest="to_s", type=float, metavar="SECONDS", help="leave out what was after")
    parser.add_argument("--keep-values", action="store_true", help="replace nothing: only for what everybody may see")
    parser.add_argument("--note", default="", help="which device, firmware and situation; stands in the capture")
    arguments = parser.parse_args(argv)
    try:
        text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text(encoding="utf-8")
        recording = cut(read_recording(text.splitlines()), arguments.from_s, arguments.to_s)
        made = recording if arguments.keep_values else redacted(recording)
        _write(made, arguments.out, arguments.note)
    except (OSError, UnicodeDecodeError, RecordingError, ConfigError) as error:
        print(f"dockline capture: {arguments.file}: {error}", file=sys.stderr)
        return _WRONG_USE
    hidden = "nothing was replaced" if arguments.keep_values else "tags, codes, serial numbers and addresses are replaced"
    print(f"{arguments.out}: {len(made.steps)} steps, {len(made.then)} readings; {hidden}")
    return 0


def _write(made: Recording, out: Path, note: str) -> None:
    head = f"driver {made.driver}, dockline {version('dockline')}"
    out.write_text("\n".join(lines_of(made, f"{head}\n{note}" if note else head)) + "\n", encoding="utf-8")
