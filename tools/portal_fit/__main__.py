# SPDX-License-Identifier: Apache-2.0
"""Fit how a dock door tells goods that passed from tags that stand; writes gateway/portal/moved.json and passed.json.

`python -m tools.portal_fit --captures DIR --yard DIR [--without RUN] [--out DIR]`. Captures are runs of a portal whose moving tags are known
(runN.csv.gz, labels/actual=moving*.csv), yard is what `python -m firmware_sims.yard` writes. `--without` leaves a run out, so that it can be
measured on: groups are runs, never tags. Pure Python on purpose: it is run once in a while, and needs nothing installed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.portal import evidence, passed
from gateway.portal.logistic import load
from gateway.portal.models import Models, shipped
from tools.portal_fit import captures, yards
from tools.portal_fit.regression import Example, fit

_YARD_WEIGHT = 0.2
"""Of a simulated tag beside a captured one: the simulator is not the world (chosen by how well captured runs that were left out are told)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.portal_fit", description=__doc__)
    parser.add_argument("--captures", type=Path, required=True)
    parser.add_argument("--yard", type=Path, required=True)
    parser.add_argument("--without", default="", help="a run that is left out: run2")
    parser.add_argument("--out", type=Path, default=Path("gateway/portal"))
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    runs = [run for run in captures.load(given.captures) if run.name != given.without]
    scenes = yards.load(given.yard)
    source = f"{len(runs)} captured runs of a portal ({', '.join(run.name for run in runs)}) and {len(scenes)} simulated scenes"
    tags = [example for run in runs for example in run.tags()]
    tags += [example._replace(weight=_YARD_WEIGHT) for scene in scenes for example in scene.tags()]
    _write(given.out / "moved.json", evidence.NAMES, tags, source)
    models = Models(load(given.out / "moved.json", evidence.NAMES), shipped().passed)
    moments = [example for run in runs for example in run.moments(models)] + [example for scene in scenes for example in scene.moments(models)]
    _write(given.out / "passed.json", passed.NAMES, moments, source)
    return 0


def _write(path: Path, names: Sequence[str], examples: Sequence[Example], source: str) -> None:
    base, weights = fit(examples)
    model = {"made_from": f"{source}: {len(examples)} examples", "base": round(base, 4), "weights": {}}
    model["weights"] = {name: round(value, 4) for name, value in zip(names, weights, strict=True)}
    path.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(f"{path}: {model['made_from']}")


if __name__ == "__main__":
    sys.exit(main())
