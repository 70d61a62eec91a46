# SPDX-License-Identifier: Apache-2.0
"""`python -m firmware_sims.yard --seed 1 --out DIR`: write scenes of the yard as files, one folder a scene."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from firmware_sims.yard.scenarios import KINDS
from firmware_sims.yard.simulate import played, write


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m firmware_sims.yard", description="Simulate four dock doors side by side and write what they saw and what was."
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default 1); the same seed writes the same files")
    parser.add_argument("--rounds", type=int, default=1, help="scenes of each kind (default 1)")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="only this kind; may be given several times (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    options = parser.parse_args(arguments)
    for seed in range(options.seed, options.seed + options.rounds):
        for kind in options.kind or KINDS:
            scene = played(kind, seed)
            folder = options.out / f"{kind}-{seed}"
            write(scene, folder)
            reads = sum(len(view.reads) for view in scene.doors)
            sys.stdout.write(f"{folder}: {scene.duration_s:.0f} s, {reads} reads, {len(scene.passes)} passes, {len(scene.turned)} turned back\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
