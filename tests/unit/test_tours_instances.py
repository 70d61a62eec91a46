# SPDX-License-Identifier: Apache-2.0
"""Published instances are read as their authors meant them: only then do the lengths agree with the proven optima."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmarks import routing
from central.tours import Face, plan_scattered, plan_tour
from central.tours.instances import InstanceError, layout_of, parse_instance, stop_at

pytestmark = pytest.mark.requirement("R49")
CAPTURES = Path(__file__).parents[1] / "captures" / "routing"
SMALL = """\
NAME : small
TYPE : Single_picker_routing
COMMENT : Heßler
LAYOUT : single-block
NUM_AISLES : 2
NUM_CELLS : 4
DEPOT_AISLE : 0
DEPOT_LOCATION : bottom
DISTANCE_AISLE_TO_AISLE : 3
DISTANCE_CELL_TO_CELL : 1
DISTANCE_TOP_TO_CELL : 1
DISTANCE_BOTTOM_TO_CELL : 1
DISTANCE_TOP_OR_BOTTOM_TO_DEPOT : 0
ARTICLE_SECTION
NUM_ARTICLES : 2
ID 0
ID 1
SKU_SECTION
NUM_SKUS : 2
ID 0 AISLE 0 CELL 3 QUANTITY 1 LEFT_RIGHT_HAND_SIDE left
ID 1 AISLE 1 CELL 0 QUANTITY 1 LEFT_RIGHT_HAND_SIDE right
ORDER_SECTION
NUM_ARTICLES : 2
ID 0 QUANTITY 1
ID 1 QUANTITY 1
EOF"""


def optima() -> list[tuple[str, int, int]]:
    found = []
    with (CAPTURES / "optima.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found += [(row["file"], blocks, int(row[column])) for blocks, column in routing.OPTIMUM_COLUMNS.items() if row[column]]
    return found


@pytest.mark.parametrize(("file", "blocks", "optimum"), optima())
def test_published_instance_is_solved_to_its_proven_optimum(file: str, blocks: int, optimum: int) -> None:
    instance = parse_instance((CAPTURES / "instances" / file).read_bytes())
    layout, depot = layout_of(instance, blocks)
    faces = [Face(place.article, stop_at(instance, place, blocks), place.quantity) for place in instance.places]

    assert instance.scattered == file.startswith("unit_F2")
    if instance.scattered:
        planned = plan_scattered(layout, instance.wanted, faces, depot, depot)
        assert (planned.tour.walk_mm, planned.lower_bound_mm) == (optimum, optimum)
        assert {face.article for face, _ in planned.picks} == set(instance.wanted)
    else:
        assert plan_tour(layout, [face.stop for face in faces], depot, depot).walk_mm == optimum


def length(text: str, blocks: int = 1) -> float:
    instance = parse_instance(text.encode())
    layout, depot = layout_of(instance, blocks)
    tour = plan_tour(layout, [stop_at(instance, place, blocks) for place in instance.places], depot, depot)
    return (tour.walk_mm + 2 * instance.row_to_depot) / instance.scale


def test_every_distance_of_the_header_counts() -> None:
    assert length(SMALL) == 2 * 3 + 2 * 4 + 2 * 1
    assert length(SMALL, blocks=2) == 2 * 3 + 2 * 3 + 2 * 2, "up to the middle cross aisle, over, to the top and back the same way"
    assert length(SMALL.replace("DEPOT_LOCATION : bottom", "DEPOT_LOCATION : top")) == 2 * 3 + 2 * 1 + 2 * 4
    assert length(SMALL.replace("AISLE_TO_AISLE : 3", "AISLE_TO_AISLE : 5")) == 2 * 5 + 2 * 4 + 2 * 1
    assert length(SMALL.replace("CELL_TO_CELL : 1", "CELL_TO_CELL : 1.25")) == 2 * 3 + 2 * (1 + 3 * 1.25) + 2 * 1
    assert length(SMALL.replace("BOTTOM_TO_CELL : 1", "BOTTOM_TO_CELL : 2")) == 2 * 3 + 2 * (1 + 3 + 2), "through both aisles"
    assert length(SMALL.replace("TO_DEPOT : 0", "TO_DEPOT : 7")) == 2 * 3 + 2 * 4 + 2 * 1 + 2 * 7


def test_odd_number_of_cells_has_the_larger_half_below_the_middle() -> None:
    instance = parse_instance(SMALL.replace("NUM_CELLS : 4", "NUM_CELLS : 5").encode())

    assert layout_of(instance, 1)[0].rows == (0, 6)
    assert layout_of(instance, 2)[0].rows == (0, 3, 7)
    assert [stop_at(instance, place, 2).y_mm for place in instance.places] == [5, 1]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("NUM_CELLS : 4\n", "", "NUM_CELLS is missing from the header"),
        ("NUM_CELLS : 4", "NUM_CELLS : four", "line 6: 'four' is not a whole number"),
        ("NUM_CELLS : 4", "NUM_CELLS : 0", "line 6: NUM_CELLS is 0"),
        ("NUM_CELLS : 4", "NUM_CELLS : 4\nNUM_CELLS : 4", "line 7: NUM_CELLS stands twice; first in line 6"),
        ("CELL 3", "CELL 4", "line 20: cell 4: there are 4, counted from 0"),
        ("AISLE 1 ", "AISLE 2 ", "line 21: aisle 2: there are 2, counted from 0"),
        ("DEPOT_AISLE : 0", "DEPOT_AISLE : 2", "line 7: DEPOT_AISLE 2: there are 2 aisles"),
        ("DEPOT_LOCATION : bottom", "DEPOT_LOCATION : left", "line 8: DEPOT_LOCATION 'left' is neither top nor bottom"),
        ("LAYOUT : single-block", "LAYOUT : fishbone", "line 4: LAYOUT 'fishbone'"),
        ("AISLE_TO_AISLE : 3", "AISLE_TO_AISLE : x", "line 9: DISTANCE_AISLE_TO_AISLE: 'x' is not a number"),
        ("AISLE_TO_AISLE : 3", "AISLE_TO_AISLE : -3", "line 9: DISTANCE_AISLE_TO_AISLE: -3 is not a distance"),
        ("AISLE_TO_AISLE : 3", "AISLE_TO_AISLE : inf", "line 9: DISTANCE_AISLE_TO_AISLE: inf is not a distance"),
        ("NUM_SKUS : 2", "NUM_SKUS : 3", "line 19: 3 rows announced in SKU_SECTION, 2 are there"),
        ("ID 1 AISLE 1", "ID 7 AISLE 1", "line 21: article 7 is not in ARTICLE_SECTION"),
        ("ID 1 AISLE 1 CELL", "ID 1 AISLE 1 CELLAR", "line 21: 'ID 1 AISLE 1 CELLAR 0"),
        ("SIDE right", "SIDE above", "line 21: side 'above'"),
        ("ID 1 QUANTITY 1", "ID 1 QUANTITY 2", "line 25: article 1: 2 wanted, 1 stored"),
        ("ID 1 QUANTITY 1", "ID 0 QUANTITY 1", "line 25: article 0 is ordered twice"),
        ("ORDER_SECTION\n", "ORDER_SECTION\nORDER_SECTION\n", "line 23: ORDER_SECTION stands twice"),
        ("NAME : small", "hello", "line 1: 'hello' is neither a field"),
    ],
)
def test_malformed_file_is_refused_with_its_line(before: str, after: str, said: str) -> None:
    assert before in SMALL
    with pytest.raises(InstanceError) as caught:
        parse_instance(SMALL.replace(before, after, 1).encode())

    assert said in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x00", SMALL[:300].encode(), b"EOF"])
def test_file_that_is_no_instance_is_refused(data: bytes) -> None:
    with pytest.raises(InstanceError):
        parse_instance(data)


def test_line_ends_and_encoding_of_the_comment_do_not_matter() -> None:
    assert parse_instance(SMALL.replace("\n", "\r\n").encode("cp850")) == parse_instance(SMALL.encode())


def test_benchmark_goes_on_after_a_bad_file_and_fails_for_a_missed_optimum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "FLOORS", ((3, 2),))
    (tmp_path / "good.txt").write_text(SMALL, encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    optima_csv = tmp_path / "optima.csv"
    optima_csv.write_text("file,one_block_optimum,two_block_optimum\ngood.txt,16,\n", encoding="utf-8")
    call = ["--dir", str(tmp_path), "--json", str(tmp_path / "out" / "routing.json")]

    assert routing.main([*call, "--optima", str(optima_csv)]) == 0
    report = json.loads((tmp_path / "out" / "routing.json").read_text(encoding="utf-8"))
    assert report["groups"]["one block"]["optimal"] == 1
    assert report["groups"]["two blocks"]["optimum_known"] == 0
    assert list(report["unreadable"]) == ["bad.txt"]
    assert "no optimum known: 1" in capsys.readouterr().out

    optima_csv.write_text("file,one_block_optimum,two_block_optimum\ngood.txt,15,18\n", encoding="utf-8")
    assert routing.main(call) == 1
    assert "WRONG good.txt, one block: length 16, the optimum is 15" in capsys.readouterr().out
    assert routing.main(["--dir", str(tmp_path / "nothing"), "--json", str(tmp_path / "routing.json")]) == 2
