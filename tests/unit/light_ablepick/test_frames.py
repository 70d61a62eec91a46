# SPDX-License-Identifier: Apache-2.0
import pytest

from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.light_ablepick.frames import Frame, Sub, decode, digits, shown_quantity, size_of, unconnected_nodes


@pytest.mark.parametrize(
    ("frame", "as_hex"),
    [
        (Frame(Sub.SHOW, 5, digits(12)), "0f 00 60 00 00 00 00 05 20 20 20 20 31 32 00"),
        (Frame(Sub.CLEAR, 5), "08 00 60 00 00 00 01 05"),
        (Frame(Sub.CONFIRMED, 5, digits(12)), "0f 00 60 00 00 00 06 05 20 20 20 20 31 32 00"),
        (Frame(Sub.STATUS), "07 00 60 00 00 00 09"),
    ],
)
def test_block_has_the_bytes_of_the_manual(frame, as_hex):
    assert frame.encode() == bytes.fromhex(as_hex)
    assert decode(bytes.fromhex(as_hex)) == frame


@pytest.mark.parametrize("head", ["06 00 60", "01 02 60", "ff ff 60", "08 00 62", "08 00 5f"])
def test_head_that_no_controller_sends_is_refused(head):
    with pytest.raises(RemoteProtocolError, match=r"ABLEPick .*reconnecting"):
        size_of(bytes.fromhex(head))


def test_data_without_a_node_cannot_be_sent():
    with pytest.raises(LocalProtocolError, match="needs a node"):
        Frame(Sub.SHOW, None, b"12").encode()


@pytest.mark.parametrize(
    ("data", "quantity"),
    [(b"    12\x00", 12), (b"000007\x00", 7), (b"     3", 3), (b"      \x00", None), (b" 1-2  \x00", None), (b"", None), (b"\xff" * 7, None)],
)
def test_shown_quantity_is_read_from_the_digits(data, quantity):
    assert shown_quantity(data) == quantity


def test_status_bitmap_names_unconnected_tags():
    bitmap = bytearray(32)
    bitmap[0], bitmap[1], bitmap[24] = 0b1, 0b1, 0b1000_0000  # manual 4.4.9: tags 1, 9 and 200

    assert unconnected_nodes(b"\0\0\0" + bytes(bitmap)) == {1, 9, 200}
