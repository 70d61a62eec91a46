# SPDX-License-Identifier: Apache-2.0
"""Tag reports: the shortcut for reports of one layout says exactly what a plain walk says, and nothing malformed gets through."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.rfid_llrp.tag_reports import SeenTag, TagReportReader

pytestmark = pytest.mark.requirement("E1")

EPC = bytes.fromhex("3074257bf7194e4000001a85")
EPC_96 = b"\x8d" + EPC
ANTENNA_2, RSSI_51, COUNT_3 = b"\x81\0\x02", b"\x86\xcd", b"\x88\0\x03"
FIRST_SEEN, LAST_SEEN = b"\x82" + (1000).to_bytes(8, "big"), b"\x84" + (2000).to_bytes(8, "big")


def tlv(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, 4 + len(body)) + body


def tag(*parts: bytes) -> bytes:
    return tlv(240, b"".join(parts))


def impinj(subtype: int, body: bytes) -> bytes:
    return tlv(1023, struct.pack("!II", 25882, subtype) + body)


def read(body: bytes) -> tuple[list[SeenTag], list[str]]:
    """What a fresh reader makes of it, after checking that one that knows the layouts already makes the same of it."""
    reader = TagReportReader()
    tags, rejected = reader.read(body)
    again, rejected_again = reader.read(body)
    assert (list(again), list(rejected_again)) == (list(tags), list(rejected))
    return list(tags), [reason for reason, _ in rejected]


def test_tag_carries_all_that_the_reader_reports() -> None:
    tags, rejected = read(tag(EPC_96, ANTENNA_2, RSSI_51, FIRST_SEEN, LAST_SEEN, COUNT_3))

    assert tags == [SeenTag(EPC, 2, -51, 1000, 2000, 3)]
    assert rejected == []


def test_tag_with_nothing_but_its_epc_has_defaults() -> None:
    assert read(tag(EPC_96)) == ([SeenTag(EPC, 0, None, None, None, 1)], [])


def test_long_epc_comes_from_epc_data() -> None:
    assert read(tag(tlv(241, b"\x00\x80" + EPC + b"\x00\x01\x00\x02"), ANTENNA_2))[0][0].epc == EPC + b"\x00\x01\x00\x02"


def test_impinj_peak_rssi_wins_over_the_coarse_one() -> None:
    parts = (RSSI_51, impinj(56, b"\x01\x02"), impinj(57, struct.pack("!h", -5150)), impinj(67, b"\x00\x01"))

    assert read(tag(EPC_96, *parts))[0][0].peak_rssi_dbm == -51.5
    assert read(tag(EPC_96, *reversed(parts)))[0][0].peak_rssi_dbm == -51.5


def test_uptime_stands_in_for_utc_where_the_reader_has_no_clock() -> None:
    uptime = b"\x83" + (7).to_bytes(8, "big") + b"\x85" + (9).to_bytes(8, "big")

    assert read(tag(EPC_96, uptime))[0] == [SeenTag(EPC, 0, None, 7, 9, 1)]


def test_unknown_tlv_and_foreign_custom_parameters_are_passed_over() -> None:
    assert read(tag(EPC_96, tlv(999, b"abc"), tlv(1023, b"ab"), impinj(99, b"x" * 40), ANTENNA_2))[0] == [SeenTag(EPC, 2, None, None, None, 1)]


def test_other_parameters_between_tags_are_passed_over() -> None:
    assert len(read(tag(EPC_96) + tlv(242, b"survey") + tag(EPC_96))[0]) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (tag(), "no_epc"),
        (tag(ANTENNA_2), "no_epc"),
        (tag(tlv(241, b"\0\0")), "no_epc"),
        (tag(EPC_96, b"\x82\0\0"), "truncated"),
        (tag(EPC_96[:-1]), "truncated"),
        (tag(b"\xff\0", EPC_96), "unknown_tv"),
        (tag(EPC_96, b"\0\x01\0"), "truncated"),
        (tag(EPC_96, b"\x03\xff\0\0"), "bad_length"),
        (tag(EPC_96, b"\x03\xff\0\x40"), "truncated"),
        (tag(tlv(241, b"\x00\x80" + EPC)), "bad_length"),
        (tag(tlv(241, b"")), "no_epc"),
    ],
)
def test_malformed_tag_is_thrown_away_and_its_neighbours_stay(row: bytes, reason: str) -> None:
    good = tag(EPC_96, ANTENNA_2)

    tags, rejected = read(good + row + good)

    assert rejected == [reason]
    assert len(tags) == 2


def test_unknown_tv_parameter_is_counted_but_the_epc_before_it_stays() -> None:
    assert read(tag(EPC_96, ANTENNA_2, b"\xff\0\0", RSSI_51)) == ([SeenTag(EPC, 2, None, None, None, 1)], ["unknown_tv"])


@pytest.mark.parametrize("tail", [b"\0", b"\0\xf0\0\0", b"\0\xf0\0\x03", b"\0\xf0\xff\xff" + EPC_96, b"\xf0" * 3])
def test_report_that_loses_its_lengths_keeps_the_tags_before(tail: bytes) -> None:
    tags, rejected = read(tag(EPC_96) + tail)

    assert len(tags) == 1
    assert rejected == ["bad_length"]


def test_empty_report_has_no_tags() -> None:
    assert read(b"") == ([], [])


def test_report_longer_than_one_block_is_read_whole() -> None:
    rows = [tag(b"\x8d" + number.to_bytes(12, "big"), b"\x81" + struct.pack("!H", number % 4)) for number in range(1000)]
    reader = TagReportReader()
    reader.read(rows[0])

    tags, rejected = reader.read(b"".join(rows))

    assert [int.from_bytes(one.epc, "big") for one in tags] == list(range(1000))
    assert not rejected


def test_layout_that_differs_in_a_later_tag_is_noticed() -> None:
    reader = TagReportReader()
    reader.read(tag(EPC_96, ANTENNA_2, RSSI_51))

    tags, rejected = reader.read(tag(EPC_96, ANTENNA_2, RSSI_51) * 70 + tag(EPC_96, RSSI_51, ANTENNA_2) + tag(EPC_96, ANTENNA_2, b"\x87\0\0")[:-1])

    assert [one.antenna for one in tags] == [2] * 71
    assert [reason for reason, _ in rejected] == ["bad_length"]


def test_many_layouts_do_not_fill_the_memory() -> None:
    reader = TagReportReader()

    for size in range(100):
        assert len(reader.read(tag(EPC_96, tlv(999, bytes(size))))[0]) == 1

    assert sum(map(len, reader._shapes.values())) == 16


U16, U64 = st.integers(0, 0xFFFF), st.integers(0, 2**64 - 1)
PARTS = {
    "antenna": U16.map(lambda value: b"\x81" + struct.pack("!H", value)),
    "rssi": st.integers(-128, 127).map(lambda value: b"\x86" + struct.pack("!b", value)),
    "first": U64.map(lambda value: b"\x82" + struct.pack("!Q", value)),
    "last": U64.map(lambda value: b"\x84" + struct.pack("!Q", value)),
    "count": U16.map(lambda value: b"\x88" + struct.pack("!H", value)),
    "channel": U16.map(lambda value: b"\x87" + struct.pack("!H", value)),
    "fine": st.integers(-12800, 12700).map(lambda value: impinj(57, struct.pack("!h", value))),
    "phase": U16.map(lambda value: impinj(56, struct.pack("!H", value))),
    "vendor": st.binary(max_size=6).map(lambda value: tlv(900, value)),
}
EPCS = st.one_of(
    st.binary(min_size=12, max_size=12).map(lambda epc: b"\x8d" + epc),
    st.integers(1, 16)
    .flatmap(lambda words: st.binary(min_size=2 * words, max_size=2 * words))
    .map(lambda epc: tlv(241, struct.pack("!H", 8 * len(epc)) + epc)),
)


@st.composite
def reports(draw: st.DrawFn) -> bytes:
    """Tags of one layout, with now and then another one among them."""
    layouts = draw(st.lists(st.lists(st.sampled_from(sorted(PARTS)), unique=True, max_size=6), min_size=1, max_size=3))
    rows = draw(st.lists(st.sampled_from([layouts[0], *layouts]), max_size=8))
    return b"".join(tag(draw(EPCS), *(draw(PARTS[name]) for name in layout)) for layout in rows)


@given(before=reports(), body=reports())
def test_learnt_layouts_never_change_what_is_read(before: bytes, body: bytes) -> None:
    fresh, experienced = TagReportReader(), TagReportReader()
    experienced.read(before)
    rows = [TagReportReader().read(row) for row in split(body)]

    assert list(fresh.read(body)[0]) == list(experienced.read(body)[0]) == [one for tags, _ in rows for one in tags]


def split(body: bytes) -> list[bytes]:
    rows = []
    while body:
        length = int.from_bytes(body[2:4], "big")
        rows.append(body[:length])
        body = body[length:]
    return rows


@given(before=reports(), body=reports(), at=st.integers(0, 400), noise=st.binary(max_size=4))
def test_damaged_report_never_raises_and_never_invents_reads(before: bytes, body: bytes, at: int, noise: bytes) -> None:
    reader = TagReportReader()
    reader.read(before)
    damaged = body[:at] + noise + body[at + len(noise) + 1 :]

    tags, _ = reader.read(damaged)

    assert list(tags) == list(TagReportReader().read(damaged)[0])
    assert len(tags) <= damaged.count(b"\x00\xf0")
