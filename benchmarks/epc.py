# SPDX-License-Identifier: Apache-2.0
"""How fast a tag's EPC becomes its pure identity URI, beside epcpy, in one run on one machine: decodes per second, medians of interleaved rounds.

Each scheme is timed over tags that are all different, so that no cache helps anybody; time is the process's CPU time. Both sides must agree on every
tag before they are timed. ADI-var is missing: epcpy refuses the standard's own example. The "+" schemes are timed without a peer: epcpy knows none.

- `dockline`: `contracts.epc.pure.pure_uri`, hex to URI;
- `dockline_epc`: `decode`, hex to the object with filter value and everything else;
- `epcpy`: `hex_to_tag_encodable(...).epc_uri`.

Run: `python -m benchmarks.epc [ROUNDS]`, or with the others by `make bench ARGS=epc`; the result goes to benchmarks/results/epc.json.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from statistics import median
from typing import Any

from epcpy.utils.parsers import hex_to_tag_encodable

from benchmarks.__main__ import main
from contracts.epc.identities import Identity, of_parts
from contracts.epc.kinds import KINDS
from contracts.epc.pure import pure_uri
from contracts.epc.tags import decode, encode

TAGS = 400
"""Different tags of a scheme; our side reads each `_OURS` times a round, so that the clock has something to measure."""
_OURS = 10
GOAL_RATIO = 20.0
WITH_PEER = [
    "sgtin-96",
    "sgtin-198",
    "sscc-96",
    "sgln-96",
    "sgln-195",
    "grai-96",
    "grai-170",
    "giai-96",
    "giai-202",
    "gsrn-96",
    "gsrnp-96",
    "gdti-96",
    "gdti-174",
    "cpi-96",
    "cpi-var",
    "sgcn-96",
    "itip-110",
    "itip-212",
    "gid-96",
    "usdod-96",
]
ALONE = ["adi-var", "sgtin+", "dsgtin+", "sscc+", "sgln+", "grai+", "giai+", "gsrn+", "gsrnp+", "gdti+", "cpi+", "sgcn+", "itip+"]
_WITH_LETTERS = frozenset(["198", "195", "170", "202", "174", "212", "var"])


def _identity(scheme: str, kind: str, chance: random.Random) -> Identity:
    if kind == "gid":
        return of_parts(kind, tuple(str(chance.randrange(1 << bits)) for bits in (28, 24, 36)))
    if kind in ("usdod", "adi"):
        return of_parts(kind, ("2S194", "PQ7VZ4", f"M{chance.randrange(10**8)}") if kind == "adi" else ("2S194", str(chance.randrange(1 << 36))))
    spec = KINDS[kind]
    letters = scheme.rpartition("-")[2] in _WITH_LETTERS or scheme.endswith("+")
    digits = chance.randrange(6, 13)
    prefix = f"{chance.randrange(10**digits):0{digits}}"
    free = f"{chance.randrange(1, 1000)}" + ("X" * letters)
    length = spec.digits - digits
    reference = f"{chance.randrange(10**length):0{length}}" if spec.digits and length else "" if spec.digits else free
    serial = str(chance.randrange(1, 10**9)) + ("Ab" * (letters and not spec.serial_is_number and kind != "cpi"))
    return of_parts(kind, (prefix, reference, *(("01", "02") if spec.pieces else ()), *((serial,) if spec.serial_longest else ())))


def tags(scheme: str, chance: random.Random) -> list[str]:
    """Hex of different tags, of all lengths of company prefix."""
    kind = scheme.rstrip("+").partition("-")[0].removeprefix("d")
    attributes = (("17", "270131"),) if scheme.startswith("d") else ()
    return [encode(_identity(scheme, kind, chance), scheme, chance.randrange(4) if kind != "gid" else 0, attributes).hex for _ in range(TAGS)]


def _ours(given: Sequence[str]) -> int:
    for _ in range(_OURS):
        for epc_hex in given:
            pure_uri(epc_hex)
    return _OURS * len(given)


def _ours_whole(given: Sequence[str]) -> int:
    for _ in range(_OURS):
        for epc_hex in given:
            decode(epc_hex)
    return _OURS * len(given)


def _epcpy(given: Sequence[str]) -> int:
    for epc_hex in given:
        _uri = hex_to_tag_encodable(epc_hex).epc_uri
    return len(given)


def _timed(way: Callable[[Sequence[str]], int], given: Sequence[str]) -> float:
    """Decodes a second of CPU time."""
    gc.collect()
    begin = time.process_time()
    done = way(given)
    return done / (time.process_time() - begin)


def _measured(scheme: str, ways: dict[str, Callable[[Sequence[str]], int]], repeats: int) -> dict[str, float]:
    given = tags(scheme, random.Random(scheme))
    for epc_hex in given:
        assert decode(epc_hex).identity.uri == pure_uri(epc_hex), f"our own two ways disagree on {epc_hex}"
        assert "epcpy" not in ways or hex_to_tag_encodable(epc_hex).epc_uri == pure_uri(epc_hex), f"the decoders disagree on {epc_hex}"
    rates: dict[str, list[float]] = {way: [] for way in ways}
    names = list(ways)
    for turn in range(repeats):
        for way in names[turn % len(names) :] + names[: turn % len(names)]:
            rates[way].append(_timed(ways[way], given))
    return {way: median(values) for way, values in rates.items()}


def run(repeats: int) -> dict[str, Any]:
    """Medians over `repeats` rounds, the order of the ways rotating from round to round."""
    schemes: dict[str, Any] = {}
    for scheme in WITH_PEER:
        rates = _measured(scheme, {"dockline": _ours, "dockline_epc": _ours_whole, "epcpy": _epcpy}, repeats)
        ratio = {way: round(rate / rates["epcpy"], 1) for way, rate in rates.items() if way != "epcpy"}
        schemes[scheme] = {"decodes_per_second": {way: round(rate) for way, rate in rates.items()}, "ratio_to_epcpy": ratio}
    for scheme in ALONE:
        rates = _measured(scheme, {"dockline": _ours}, repeats)
        schemes[scheme] = {"decodes_per_second": {way: round(rate) for way, rate in rates.items()}}
    ratios = [schemes[scheme]["ratio_to_epcpy"]["dockline"] for scheme in WITH_PEER]
    goal = {"case": "sgtin-96", "ratio_min": GOAL_RATIO, "met": schemes["sgtin-96"]["ratio_to_epcpy"]["dockline"] >= GOAL_RATIO}
    return {"epcpy": version("epcpy"), "goal": goal, "ratio_median": median(ratios), "ratio_least": min(ratios), "schemes": schemes}


if __name__ == "__main__":
    sys.exit(main(["epc", "--repeats", *(sys.argv[1:] or ["7"])]))
