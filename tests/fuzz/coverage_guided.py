# SPDX-License-Identifier: Apache-2.0
"""One parser under atheris, which looks at the ways through the code that inputs take: python -m tests.fuzz.coverage_guided NAME --seconds 10.

A process of its own, since libFuzzer ends the one it runs in. Each input is cut into pieces by its own bytes, so that it finds conversations.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_CRASHED = 77
_SEEDS_MAX = 300
_INPUT_BYTES_MAX = 4096
_PIECE_END = b"\xfe\xed"
"""Where an input is cut; chosen because no protocol here says it often."""


def explore(name: str, seconds: int, seed: int) -> tuple[int, str]:
    """Run it in a process of its own; returns how many inputs it tried, and what it found (empty: nothing)."""
    with tempfile.TemporaryDirectory(prefix="dockline-fuzz-") as folder:
        command = [sys.executable, "-m", "tests.fuzz.coverage_guided", name, "--seconds", str(seconds), "--seed", str(seed), "--folder", folder]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=seconds + 120)
        said = done.stderr + done.stdout
        tried = next((int(line.split()[1]) for line in reversed(said.splitlines()) if line.startswith("Done ")), 0)
        crashes = sorted(Path(folder).glob("crash-*")) + sorted(Path(folder).glob("timeout-*"))
        if not crashes and done.returncode == 0:
            return tried, ""
        inputs = "; ".join(each.read_bytes().hex() for each in crashes) or "no input was left behind"
        return tried, f"{inputs}\n{said[-3000:]}"


def main() -> None:
    """Fuzz until the time is over; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.coverage_guided", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="for the corpus, and for inputs that crash")
    arguments = parser.parse_args()
    logging.disable()
    import atheris

    with atheris.instrument_imports(include=["drivers", "contracts", "firmware_sims"]):
        from tests.fuzz.targets import target

        aim = target(arguments.name)
        feed_of = aim.begin

    def one_input(data: bytes) -> None:
        feed: Any = feed_of()
        try:
            for piece in data.split(_PIECE_END):
                feed(piece)
        except aim.ends:
            return

    corpus = arguments.folder / "corpus"
    corpus.mkdir()
    for index, data in enumerate(aim.seeds()[:_SEEDS_MAX]):
        (corpus / str(index)).write_bytes(data)
    options = [f"-max_total_time={arguments.seconds}", f"-seed={arguments.seed}", f"-max_len={_INPUT_BYTES_MAX}", "-timeout=15", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", f"-artifact_prefix={arguments.folder}/", str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
