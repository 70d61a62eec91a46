# SPDX-License-Identifier: Apache-2.0
"""Instance files of the single picker routing problem, as text (Hessler & Irnich, github katrinhessler/SPRP-SS).

Cell 0 of an aisle is at the top. A file describes one block; `layout_of(instance, blocks=2)` puts a middle cross aisle between the upper half
of the cells and the rest, as far from the cells beside it as top and bottom are from theirs.
Distances may have decimals; the layout counts in the largest unit in which all of them are whole (`Instance.scale` of them make one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from central.errors import DomainError
from central.tours.layout import Aisle, Layout, Point, Stop

SECTIONS = ("ARTICLE_SECTION", "SKU_SECTION", "ORDER_SECTION")
_COUNTS = {"ARTICLE_SECTION": "NUM_ARTICLES", "SKU_SECTION": "NUM_SKUS", "ORDER_SECTION": "NUM_ARTICLES"}
_WHOLE = ("NUM_AISLES", "NUM_CELLS", "DEPOT_AISLE")
_DISTANCES = (
    "DISTANCE_AISLE_TO_AISLE",
    "DISTANCE_CELL_TO_CELL",
    "DISTANCE_TOP_TO_CELL",
    "DISTANCE_BOTTOM_TO_CELL",
    "DISTANCE_TOP_OR_BOTTOM_TO_DEPOT",
)


class InstanceError(DomainError, ValueError):
    """A file that is not a routing instance. Code `bad_instance`; the message begins with the line's number where there is one."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_instance", message)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an article lies. `quantity` is what can be taken there; the side is `left` or `right` of the aisle."""

    article: str
    aisle: int
    cell: int
    quantity: int
    side: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One order in one block. Distances are in units of the file times `scale`; `wanted` is what the order asks for by article."""

    name: str
    aisles: int
    cells: int
    depot_aisle: int
    depot_at_top: bool
    scale: int
    aisle_to_aisle: int
    cell_to_cell: int
    top_to_cell: int
    bottom_to_cell: int
    row_to_depot: int
    places: tuple[Place, ...]
    wanted: Mapping[str, int]

    @property
    def scattered(self) -> bool:
        """Whether there is a choice where to pick: an article that is wanted lies in several places, and not all of it is needed."""
        stored, faces = Counter[str](), Counter[str]()
        for place in self.places:
            stored[place.article] += place.quantity
            faces[place.article] += 1
        return any(faces[article] > 1 and stored[article] > quantity for article, quantity in self.wanted.items())


@dataclass(slots=True)
class _Line:
    number: int
    text: str

    def fail(self, message: str) -> NoReturn:
        raise InstanceError(f"line {self.number}: {message}")


def parse_instance(data: bytes) -> Instance:
    """Read one file. Raises InstanceError, naming the line, for anything that is missing, doubled, out of range or contradictory.

    Only the comment may be in another encoding than ASCII, and it is ignored; line ends may be of any kind.
    """
    header, sections = _split(data.decode("latin-1"))
    numbers = {name: _whole_number(header, name) for name in _WHOLE}
    distances, scale = _distances(header)
    articles = [_fields(line, "ID")["ID"] for line in sections["ARTICLE_SECTION"]]
    places = tuple(_place(line, numbers, set(articles)) for line in sections["SKU_SECTION"])
    return Instance(
        name=header["NAME"].text if "NAME" in header else "",
        aisles=numbers["NUM_AISLES"],
        cells=numbers["NUM_CELLS"],
        depot_aisle=_depot_aisle(header, numbers),
        depot_at_top=_depot_at_top(header),
        scale=scale,
        aisle_to_aisle=distances["DISTANCE_AISLE_TO_AISLE"],
        cell_to_cell=distances["DISTANCE_CELL_TO_CELL"],
        top_to_cell=distances["DISTANCE_TOP_TO_CELL"],
        bottom_to_cell=distances["DISTANCE_BOTTOM_TO_CELL"],
        row_to_depot=distances["DISTANCE_TOP_OR_BOTTOM_TO_DEPOT"],
        places=places,
        wanted=_wanted(sections["ORDER_SECTION"], places),
    )


def layout_of(instance: Instance, blocks: int) -> tuple[Layout, Point]:
    """The instance's floor with one block or two, y from the top down, and the point of the depot's cross aisle nearest to the depot."""
    rows = _rows(instance, blocks)
    aisles = [Aisle(str(number), number * instance.aisle_to_aisle, 0, rows[-1]) for number in range(instance.aisles)]
    return Layout(aisles, rows), Point(instance.depot_aisle * instance.aisle_to_aisle, rows[0] if instance.depot_at_top else rows[-1])


def stop_at(instance: Instance, place: Place, blocks: int) -> Stop:
    """Where one stands for a place."""
    upper = _upper_cells(instance, blocks)
    row, first = (_rows(instance, blocks)[1], upper) if place.cell >= upper else (0, 0)
    y = row + instance.top_to_cell + (place.cell - first) * instance.cell_to_cell
    return Stop(f"{place.article} in aisle {place.aisle} cell {place.cell} {place.side}", str(place.aisle), y)


def _upper_cells(instance: Instance, blocks: int) -> int:
    return instance.cells if blocks == 1 else instance.cells // 2


def _rows(instance: Instance, blocks: int) -> list[int]:
    rows = [0]
    upper = _upper_cells(instance, blocks)
    for cells in [upper] if blocks == 1 else [upper, instance.cells - upper]:
        rows.append(rows[-1] + instance.top_to_cell + (cells - 1) * instance.cell_to_cell + instance.bottom_to_cell)
    return rows


def _split(text: str) -> tuple[dict[str, _Line], dict[str, list[_Line]]]:
    """Header fields by name and the rows of each section; the numbers of rows that the file promises are checked."""
    header: dict[str, _Line] = {}
    sections: dict[str, list[_Line]] = {}
    promised: dict[str, _Line] = {}
    section = ""
    for line in _lines(text):
        name, colon, value = line.text.partition(":")
        name = name.strip()
        if name in SECTIONS and not colon:
            if name in sections:
                line.fail(f"{name} stands twice")
            section = name
            sections[section] = []
        elif colon:
            known = promised if section else header
            key = section or name
            if key in known:
                line.fail(f"{name} stands twice; first in line {known[key].number}")
            if section and name != _COUNTS[section]:
                line.fail(f"{name} does not belong into {section}")
            known[key] = _Line(line.number, value.strip())
        elif section:
            sections[section].append(line)
        else:
            line.fail(f"{line.text!r} is neither a field (NAME : value) nor a section")
    for section in SECTIONS:
        if section not in sections:
            raise InstanceError(f"{section} is missing")
        if section in promised and _number(promised[section]) != len(sections[section]):
            promised[section].fail(f"{promised[section].text} rows announced in {section}, {len(sections[section])} are there")
    return header, sections


def _lines(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line == "EOF":
            return
        if line:
            yield _Line(number, line)


def _fields(line: _Line, *names: str) -> dict[str, str]:
    """`ID 3 AISLE 0 ...` as a mapping; every name must be there, and nothing twice."""
    words = line.text.split()
    found = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or len(found) * 2 != len(words) or not set(names) <= set(found):
        line.fail(f"{line.text!r} should be: {' '.join(f'{name} ...' for name in names)}")
    return found


def _number(line: _Line) -> int:
    if not line.text.isascii() or not line.text.isdigit():
        line.fail(f"{line.text!r} is not a whole number of 0 or more")
    return int(line.text)


def _field(header: Mapping[str, _Line], name: str) -> _Line:
    if name not in header:
        raise InstanceError(f"{name} is missing from the header")
    return header[name]


def _whole_number(header: Mapping[str, _Line], name: str) -> int:
    line = _field(header, name)
    number = _number(line)
    if number == 0 and name.startswith("NUM_"):
        line.fail(f"{name} is 0")
    return number


def _distances(header: Mapping[str, _Line]) -> tuple[dict[str, int], int]:
    """All distances as whole numbers, and how many of those make one unit of the file."""
    found: dict[str, Decimal] = {}
    for name in _DISTANCES:
        line = _field(header, name)
        try:
            found[name] = Decimal(line.text)
        except InvalidOperation:
            line.fail(f"{name}: {line.text!r} is not a number")
        if not found[name].is_finite() or not 0 <= found[name] <= 10**9 or (not found[name] and name == "DISTANCE_AISLE_TO_AISLE"):
            line.fail(f"{name}: {line.text} is not a distance")
    scale = max(value.as_integer_ratio()[1] for value in found.values())
    while any((value * scale) % 1 for value in found.values()):
        scale *= 10
    return {name: int(value * scale) for name, value in found.items()}, scale


def _depot_aisle(header: Mapping[str, _Line], numbers: Mapping[str, int]) -> int:
    if numbers["DEPOT_AISLE"] >= numbers["NUM_AISLES"]:
        header["DEPOT_AISLE"].fail(f"DEPOT_AISLE {numbers['DEPOT_AISLE']}: there are {numbers['NUM_AISLES']} aisles, counted from 0")
    return numbers["DEPOT_AISLE"]


def _depot_at_top(header: Mapping[str, _Line]) -> bool:
    where = _field(header, "DEPOT_LOCATION")
    if where.text.lower() not in ("top", "bottom"):
        where.fail(f"DEPOT_LOCATION {where.text!r} is neither top nor bottom")
    layout = header.get("LAYOUT")
    if layout is not None and layout.text.lower() != "single-block":
        layout.fail(f"LAYOUT {layout.text!r} is not single-block, the only one that this reader knows")
    return where.text.lower() == "top"


def _place(line: _Line, numbers: Mapping[str, int], articles: set[str]) -> Place:
    fields = _fields(line, "ID", "AISLE", "CELL", "QUANTITY")
    aisle, cell, quantity = (_number(_Line(line.number, fields[name])) for name in ("AISLE", "CELL", "QUANTITY"))
    side = fields.get("LEFT_RIGHT_HAND_SIDE", "left").lower()
    if fields["ID"] not in articles:
        line.fail(f"article {fields['ID']} is not in ARTICLE_SECTION")
    if aisle >= numbers["NUM_AISLES"]:
        line.fail(f"aisle {aisle}: there are {numbers['NUM_AISLES']}, counted from 0")
    if cell >= numbers["NUM_CELLS"]:
        line.fail(f"cell {cell}: there are {numbers['NUM_CELLS']}, counted from 0")
    if side not in ("left", "right"):
        line.fail(f"side {side!r} is neither left nor right")
    return Place(fields["ID"], aisle, cell, quantity, side)


def _wanted(rows: list[_Line], places: tuple[Place, ...]) -> dict[str, int]:
    stored = Counter[str]()
    for place in places:
        stored[place.article] += place.quantity
    wanted: dict[str, int] = {}
    for line in rows:
        fields = _fields(line, "ID", "QUANTITY")
        article, quantity = fields["ID"], _number(_Line(line.number, fields["QUANTITY"]))
        if article in wanted:
            line.fail(f"article {article} is ordered twice")
        if quantity > stored[article]:
            line.fail(f"article {article}: {quantity} wanted, {stored[article]} stored")
        wanted[article] = quantity
    return wanted
