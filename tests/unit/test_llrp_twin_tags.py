# SPDX-License-Identifier: Apache-2.0
"""Tags with a memory, versions, periods and makers' parameters of the simulated reader, without any network."""

from __future__ import annotations

import pytest

from firmware_sims.rfid_llrp.extensions import IMPINJ
from firmware_sims.rfid_llrp.rospecs import ACTIVE, INACTIVE
from firmware_sims.rfid_llrp.tags import ACCESS_PASSWORD, EPC, RESERVED, TID, USER, USER_LOCK, Refusal, Tag, TagRefusesError
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from tests.unit.test_llrp_twin import ENABLE, OK, connected, request, rospec, said, status

pytestmark = pytest.mark.requirement("E15")

RAW = bytes.fromhex("3074257BF7194E4000001A85")
LOCK, PERMALOCK, PERMAUNLOCK, UNLOCK = range(4)
SECRET = 0x1234_5678


def secured() -> Tag:
    """A tag with an access password, the user memory locked."""
    tag = Tag.with_epc(RAW)
    tag.write(RESERVED, 2, [0x1234, 0x5678], 0)
    tag.lock(LOCK, USER_LOCK, SECRET)
    return tag


def test_epc_bank_holds_control_word_and_epc() -> None:
    tag = Tag.with_epc(RAW)

    assert tag.epc == RAW
    assert tag.read(EPC, 1, 2, 0) == [6 << 11, 0x3074]
    assert tag.bits(EPC, 32, 8) == "00110000"
    assert tag.bits(TID, 0, 8) == "11100010"


def test_locked_memory_is_read_by_all_and_written_with_the_password() -> None:
    tag = secured()

    assert tag.read(USER, 0, 1, 0) == [0]
    with pytest.raises(TagRefusesError, match=Refusal.LOCKED.value):
        tag.write(USER, 0, [1], 0)
    assert tag.write(USER, 0, [1], SECRET) == 1


def test_locked_password_is_not_even_read() -> None:
    tag = secured()
    tag.lock(LOCK, ACCESS_PASSWORD, SECRET)

    assert tag.read(RESERVED, 0, 2, 0) == [0, 0]
    with pytest.raises(TagRefusesError, match=Refusal.LOCKED.value):
        tag.read(RESERVED, 0, 0, 0)
    assert tag.read(RESERVED, 2, 2, SECRET) == [0x1234, 0x5678]


@pytest.mark.parametrize("how", [PERMALOCK, PERMAUNLOCK])
def test_what_is_permanent_is_never_undone(how: int) -> None:
    tag = secured()
    tag.lock(how, USER_LOCK, SECRET)

    with pytest.raises(TagRefusesError, match=Refusal.LOCKED.value):
        tag.lock(UNLOCK, USER_LOCK, SECRET)


def test_wrong_password_and_none_do_not_lock() -> None:
    for password in (0, 99):
        with pytest.raises(TagRefusesError, match=Refusal.WRONG_SECRET.value):
            secured().lock(UNLOCK, USER_LOCK, password)


def test_tag_dies_only_by_its_own_kill_password() -> None:
    tag = Tag.with_epc(RAW)
    with pytest.raises(TagRefusesError, match=Refusal.CANNOT_BE_KILLED.value):
        tag.kill(0)
    tag.write(RESERVED, 0, [0, 0xDEAD], 0)
    with pytest.raises(TagRefusesError, match=Refusal.WRONG_SECRET.value):
        tag.kill(1)

    tag.kill(0xDEAD)

    assert tag.is_dead


@pytest.mark.parametrize(("bank", "first", "count"), [(USER, 32, 0), (USER, 31, 2), (RESERVED, 4, 1)])
def test_memory_that_is_not_there_is_an_overrun(bank: int, first: int, count: int) -> None:
    with pytest.raises(TagRefusesError, match=Refusal.OVERRUN.value):
        Tag.with_epc(RAW).read(bank, first, count, 0)


def test_reader_of_1_0_1_refuses_questions_of_1_1_and_one_of_1_1_answers_them_in_it() -> None:
    old, new = connected(), LlrpReaderTwin(version_max=2)
    new.connected(0.0)

    refused = old.receive_bytes(request(46, version=2), 0.0)
    told = new.receive_bytes(request(46, version=2), 0.0)
    taken = new.receive_bytes(request(47, "02", version=2), 0.0)

    assert (refused[0] >> 2, said(refused)[0][0], status(refused)) == (1, 100, 110)
    assert (told[0] >> 2, said(told)) == (2, [(56, 9, "0102" + OK)])
    assert said(taken) == [(57, 9, OK)]
    assert status(new.receive_bytes(request(1, "00", version=1), 0.0)) == 110
    assert new.receive_bytes(request(1, "00", version=2), 0.0)[0] >> 2 == 2


def test_version_is_agreed_anew_with_every_connection() -> None:
    twin = LlrpReaderTwin(version_max=2)
    twin.connected(0.0)
    twin.receive_bytes(request(47, "02", version=2), 0.0)
    twin.disconnected(1.0)

    assert twin.connected(2.0)[0] >> 2 == 1


def test_periodic_rospec_reads_for_its_time_in_every_period() -> None:
    twin = connected()
    for message in (rospec(start="00b3 0011 02 00b4 000c 000001f4 000003e8", stop="00b6 0009 01 00000064"), ENABLE):
        twin.receive_bytes(message, 10.0)

    states = []
    for expected_s in (10.5, 10.6, 11.5, 11.6):
        assert twin.next_deadline_s() == pytest.approx(expected_s)
        twin.advance_to(twin.next_deadline_s() or 0)
        states.append(twin.rospecs[1].state)

    assert states == [ACTIVE, INACTIVE, ACTIVE, INACTIVE]


def test_makers_parameters_are_refused_by_others_and_before_they_are_enabled() -> None:
    search = "03ff 000e 0000651a 00000017 0002"
    gen2 = f"014a {4 + 1 + 14:04x} 00 {search}"
    antenna = f"00de {4 + 2 + 19:04x} 0000 {gen2}"
    inventory = f"00ba {4 + 3 + 25:04x} 0001 01 {antenna}"
    ai = f"00b7 {4 + 4 + 9 + 32:04x} 0001 0000 00b8 0009 00 00000000 {inventory}"
    body = f"00b1 {4 + 6 + 18 + 49:04x} 00000001 00 00 00b2 0012 00b3 0005 00 00b6 0009 00 00000000 {ai}"
    others, impinj = connected(), LlrpReaderTwin(maker=IMPINJ)
    impinj.connected(0.0)

    assert status(others.receive_bytes(request(20, body), 0.0)) == 111
    assert status(impinj.receive_bytes(request(20, body), 0.0)) == 111
    impinj.receive_bytes(request(1023, "0000651a 15 00000000"), 0.0)
    assert status(impinj.receive_bytes(request(20, body), 0.0)) == 0
    assert impinj.rospecs[1].wanted == {"search_mode": 2}
