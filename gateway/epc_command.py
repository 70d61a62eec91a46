# SPDX-License-Identifier: Apache-2.0
"""`dockline epc`: say what a tag's EPC is in every form, and write one for a tag.

    dockline epc decode 3074257BF7194E4000001A85
    dockline epc decode 'https://id.gs1.org/01/79521141123453/21/32a%2Fb' --json
    dockline epc decode - < tags.txt
    dockline epc encode '(01)80614141123458(21)6789' --prefix-length 7 --scheme sgtin-96 --filter 3

Several EPCs, a file or standard input are answered one a line, in order, errors in their place; the exit status is 1 if there was any.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from contracts.epc.digits import IdentifierError
from contracts.epc.forms import described, read, write
from contracts.epc.tags import SCHEMES, Epc
from contracts.gs1.elements import GS

_LINE_MAX = 4096
"""Characters of a line; no form of an EPC is nearly as long, and memory stays bounded whatever the file holds."""
_SHOWN_INPUT = 60

Answer = Callable[[str], Epc]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline epc", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    decode = commands.add_parser("decode", help="show what an EPC is, from any form: hex, URN, tag URI, raw URI, element string, Digital Link")
    encode = commands.add_parser("encode", help="write an EPC for a tag, from any form")
    for command in (decode, encode):
        command.add_argument("epc", nargs="*", help="an EPC in any form; - reads standard input, one a line")
        command.add_argument("--file", metavar="F", help="read EPCs from a file, one a line (- is standard input)")
        command.add_argument("--json", action="store_true", help="one JSON object a line")
        command.add_argument(
            "--prefix-length", type=int, metavar="N", help="digits of the GS1 company prefix, 6 to 12, where the form does not say (all but URNs and old tags)"
        )
    encode.add_argument("--scheme", metavar="S", help=f"default: the shortest that fits; one of {', '.join(SCHEMES)}")
    encode.add_argument("--filter", type=int, metavar="N", help="filter value (default: that of the tag given, else 0)")
    encode.add_argument("--host", metavar="H", help="host name of a ++ scheme (default: that of the Digital Link given)")
    return parser


def _lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that hold something. A line too long is handed on cut, which is an EPC in no form; its rest is skipped."""
    number = 0
    while line := stream.readline(_LINE_MAX):
        number += 1
        rest = line
        while len(rest) == _LINE_MAX and not rest.endswith("\n"):
            rest = stream.readline(_LINE_MAX)
        if text := line.strip(" \t\r\n\ufeff"):
            yield number, text


def _inputs(options: argparse.Namespace) -> Iterator[tuple[int | None, str]]:
    """Line (None: an argument) and text of every EPC asked about. Raises: OSError: the file cannot be read."""
    for text in options.epc:
        if text == "-":
            yield from _lines(sys.stdin)
        else:
            yield None, text.strip()
    if options.file == "-":
        yield from _lines(sys.stdin)
    elif options.file is not None:
        with Path(options.file).open(encoding="utf-8", errors="backslashreplace") as stream:
            yield from _lines(stream)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"({ai}) {text}" for ai, text in value.items())
    return str(value).replace(GS, "<GS>")


def _print_forms(epc: Epc) -> None:
    rows = {name.replace("_", " "): value for name, value in described(epc).items() if value not in (None, "", {})}
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {_shown(value)}")


def _print_row(text: str, epc: Epc) -> None:
    filter_text = "-" if epc.filter_value is None else str(epc.filter_value)
    print(f"{epc.hex}\t{epc.scheme}\t{filter_text}\t{epc.identity.uri}\t{epc.element_string or '-'}\t{text[:_SHOWN_INPUT]}")


def _print_error(line: int | None, text: str, error: IdentifierError, *, as_json: bool) -> None:
    where = {} if line is None else {"line": line}
    if as_json:
        print(json.dumps({"input": text, **where, "error": str(error)}))
    else:
        print(f"error\t{f'line {line}: ' if line is not None else ''}{error}")


def _answered(inputs: Iterator[tuple[int | None, str]], answer: Answer, *, as_json: bool) -> int:
    failed = False
    for line, text in inputs:
        try:
            epc = answer(text)
        except IdentifierError as error:
            failed = True
            _print_error(line, text, error, as_json=as_json)
            continue
        if as_json:
            where = {} if line is None else {"line": line}
            print(json.dumps({"input": text, **where, **described(epc)}))
        else:
            _print_row(text, epc)
    return int(failed)


def main(arguments: list[str]) -> int:
    """Run `dockline epc`; returns the exit status (1: an EPC was wrong, 2: wrong usage)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.epc and options.file is None:
        parser.error("name an EPC, - for standard input, or --file F")

    def answer(text: str) -> Epc:
        if options.command == "decode":
            return read(text, options.prefix_length)
        return write(text, options.scheme, options.filter, options.prefix_length, options.host)

    single = len(options.epc) == 1 and options.epc != ["-"] and options.file is None
    if "-" in (*options.epc, options.file) and isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="backslashreplace")
    if single and not options.json:
        try:
            _print_forms(answer(options.epc[0].strip()))
        except IdentifierError as error:
            print(f"dockline epc: {error}", file=sys.stderr)
            return 1
        return 0
    try:
        return _answered(_inputs(options), answer, as_json=options.json)
    except BrokenPipeError:
        raise  # whoever reads our output has enough of it; dockline.py knows
    except OSError as error:
        print(f"dockline epc: {options.file}: {error.strerror or error}", file=sys.stderr)
        return 2
