# SPDX-License-Identifier: Apache-2.0
"""Values of GS1 application identifiers, to bits and back. Source: TDS 2.3, section 14.5; the letters are those of `applications`."""

from __future__ import annotations

from collections.abc import Callable

from contracts.epc.applications import FORMATS, Component
from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.characters import SET_39, SET_82
from contracts.epc.digits import IdentifierError, require_digits
from contracts.epc.moments import read_moment, write_moment

_BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CODE_40 = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
_ASCII = SET_82 | SET_39
_NUMBER, _UPPER_HEX, _LOWER_HEX, _SIX_BITS, _SEVEN_BITS, _THREE_IN_SIXTEEN = range(6)
"""Encoding indicators (TDS table E)."""
_ALPHABETS = {
    _NUMBER: "0123456789",
    _UPPER_HEX: "0123456789ABCDEF",
    _LOWER_HEX: "0123456789abcdef",
    _SIX_BITS: _BASE_64,
    _SEVEN_BITS: "".join(sorted(_ASCII)),
    _THREE_IN_SIXTEEN: _CODE_40[1:],
}
_ALLOWED = {indicator: frozenset(alphabet) for indicator, alphabet in _ALPHABETS.items()}
_DELIMITER, _TERMINATOR = 14, 15


def number_bits(digits: int) -> int:
    """Bits of a number of so many digits: ceiling(digits x log2(10)) (TDS table B)."""
    return int(10**digits - 1).bit_length()


def _size(indicator: int, length: int) -> int:
    """Bits of so many characters in an encoding."""
    if indicator == _NUMBER:
        return number_bits(length)
    if indicator == _THREE_IN_SIXTEEN:
        return 16 * -(-length // 3)
    return length * (4, 4, 4, 6, 7)[indicator]


def read_code_40(reader: BitReader, length: int) -> str:
    """So many characters, three in 16 bits (14.5.6.5). Raises: IdentifierError: a value that stands for no three, or another number of characters."""
    text = ""
    for _ in range(-(-length // 3)):
        three = reader.read(16) - 1
        if not 0 <= three < 64_000:
            raise IdentifierError(f"{three + 1} stands for no three characters of URN Code 40")
        text += _CODE_40[three // 1600] + _CODE_40[three // 40 % 40] + _CODE_40[three % 40]
    if "\0" in text[:length] or text[length:].strip("\0"):
        raise IdentifierError(f"the characters of URN Code 40 are not the {length} that are announced")
    return text[:length]


def write_code_40(writer: BitWriter, text: str) -> None:
    """Characters of URN Code 40, three in 16 bits."""
    codes = [_CODE_40.index(character) for character in text + "\0" * (-len(text) % 3)]
    for start in range(0, len(codes), 3):
        first, second, third = codes[start : start + 3]
        writer.write(1600 * first + 40 * second + third + 1, 16)


def _read_number(reader: BitReader, length: int) -> str:
    text = str(reader.read(number_bits(length))).zfill(length) if length else ""
    if len(text) > length:
        raise IdentifierError(f"the number {text} has more than the {length} digits that are announced")
    return text


def _read_length(reader: BitReader, component: Component) -> int:
    length = reader.read(component.bits)
    if length > component.longest:
        raise IdentifierError(f"{length} characters are announced; at most {component.longest} are allowed")
    return length


def _read_text(reader: BitReader, component: Component) -> str:
    indicator = reader.read(3)
    if indicator > _THREE_IN_SIXTEEN:
        raise IdentifierError(f"encoding indicator {indicator} is reserved")
    length = _read_length(reader, component)
    if indicator == _NUMBER:
        return _read_number(reader, length)
    if indicator == _THREE_IN_SIXTEEN:
        return read_code_40(reader, length)
    if indicator == _SEVEN_BITS:
        text = "".join(chr(reader.read(7)) for _ in range(length))
        if wrong := next((character for character in text if character not in _ASCII), None):
            raise IdentifierError(f"the character {wrong!r} is not in GS1's sets")
        return text
    alphabet = _ALPHABETS[indicator]
    bits = _size(indicator, 1)
    return "".join(alphabet[reader.read(bits)] for _ in range(length))


def _write_text(writer: BitWriter, text: str, component: Component) -> None:
    _require_length(text, component)
    found = [(_size(indicator, len(text)), indicator) for indicator, allowed in _ALLOWED.items() if allowed.issuperset(text)]
    if not found:
        raise IdentifierError(f"{text!r} has characters that are not in GS1's sets")
    bits, indicator = min(found)
    writer.write(indicator, 3)
    writer.write(len(text), component.bits)
    if indicator == _NUMBER:
        writer.write(int(text), bits)
    elif indicator == _THREE_IN_SIXTEEN:
        write_code_40(writer, text)
    else:
        for character in text:
            writer.write(ord(character) if indicator == _SEVEN_BITS else _ALPHABETS[indicator].index(character), bits // len(text))


def _require_length(text: str, component: Component) -> None:
    if not 1 <= len(text) <= component.longest:
        raise IdentifierError(f"{text!r} has {len(text)} characters; 1 to {component.longest} are allowed")


def _read_digits(reader: BitReader, component: Component) -> str:
    text = f"{reader.read(4 * component.longest):0{component.longest}x}"
    if not text.isdigit():
        raise IdentifierError(f"{text} is not {component.longest} decimal digits")
    return text


def _write_digits(writer: BitWriter, text: str, component: Component) -> None:
    writer.write(int(require_digits(text, (component.longest,), "value"), 16), 4 * component.longest)


def _read_fixed_number(reader: BitReader, component: Component) -> str:
    text = str(reader.read(component.bits)).zfill(component.longest)
    if len(text) > component.longest:
        raise IdentifierError(f"{text} has more than {component.longest} digits")
    return text


def _write_fixed_number(writer: BitWriter, text: str, component: Component) -> None:
    writer.write(int(require_digits(text, (component.longest,), "value")), component.bits)


def _read_variable_number(reader: BitReader, component: Component) -> str:
    return _read_number(reader, _read_length(reader, component))


def _write_variable_number(writer: BitWriter, text: str, component: Component) -> None:
    _require_length(text, component)
    require_digits(text, (len(text),), "value")
    writer.write(len(text), component.bits)
    writer.write(int(text), number_bits(len(text)))


def _read_digits_then_text(reader: BitReader, component: Component) -> str:
    digits = ""
    while (nibble := reader.read(4)) <= 9:
        digits += str(nibble)
    if nibble not in (_DELIMITER, _TERMINATOR):
        raise IdentifierError(f"{nibble:X} after {digits!r} is neither a digit nor an end")
    text = digits if nibble == _TERMINATOR else digits + _read_text(reader, component)
    _require_length(text, component)
    return text


def _write_digits_then_text(writer: BitWriter, text: str, component: Component) -> None:
    _require_length(text, component)
    rest = text.lstrip("0123456789")
    for digit in text[: len(text) - len(rest)]:
        writer.write(int(digit), 4)
    writer.write(_DELIMITER if rest else _TERMINATOR, 4)
    if rest:
        _write_text(writer, rest, component)


def _read_country(reader: BitReader, _component: Component) -> str:
    text = _BASE_64[reader.read(6)] + _BASE_64[reader.read(6)]
    if not (text.isalpha() and text.isupper()):
        raise IdentifierError(f"{text!r} is no country of two capital letters")
    return text


def _write_country(writer: BitWriter, text: str, _component: Component) -> None:
    if not (len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()):
        raise IdentifierError(f"{text!r} is no country of two capital letters")
    for letter in text:
        writer.write(_BASE_64.index(letter), 6)


def _read_flag(reader: BitReader, _component: Component) -> str:
    return str(reader.read(1))


def _write_flag(writer: BitWriter, text: str, _component: Component) -> None:
    if text not in ("0", "1"):
        raise IdentifierError(f"{text!r} is neither 0 nor 1")
    writer.write(int(text), 1)


def _read_sign(reader: BitReader, _component: Component) -> str:
    return "-" if reader.read(1) else ""


def _write_sign(writer: BitWriter, text: str, _component: Component) -> None:
    if text not in ("", "-"):
        raise IdentifierError(f"{text!r} is neither nothing nor a minus sign")
    writer.write(len(text), 1)


def _read_sequence(reader: BitReader, _component: Component) -> str:
    number, total = reader.read(4), reader.read(4)
    if not (1 <= number <= 9 and 1 <= total <= 9):
        raise IdentifierError(f"{number}/{total} is no place in a sequence")
    return f"{number}/{total}"


def _write_sequence(writer: BitWriter, text: str, _component: Component) -> None:
    number, slash, total = text.partition("/")
    if not slash or len(text) != 3 or not {number, total} <= set("123456789"):
        raise IdentifierError(f"{text!r} is no place in a sequence, such as 1/2")
    writer.write(int(number) << 4 | int(total), 8)


_READ: dict[str, Callable[[BitReader, Component], str]] = {
    "n": _read_digits,
    "b": _read_fixed_number,
    "x": _read_text,
    "m": _read_digits_then_text,
    "v": _read_variable_number,
    "c": _read_country,
    "f": _read_flag,
    "s": _read_sign,
    "q": _read_sequence,
    **dict.fromkeys("dtrp", lambda reader, component: read_moment(reader, component.letter)),
}
_WRITE: dict[str, Callable[[BitWriter, str, Component], None]] = {
    "n": _write_digits,
    "b": _write_fixed_number,
    "x": _write_text,
    "m": _write_digits_then_text,
    "v": _write_variable_number,
    "c": _write_country,
    "f": _write_flag,
    "s": _write_sign,
    "q": _write_sequence,
    **dict.fromkeys("dtrp", lambda writer, text, component: write_moment(writer, text, component.letter)),
}


def read_value(reader: BitReader, ai: str) -> str:
    """The value of an AI of table F. Raises: IdentifierError: bits that stand for none, or too few."""
    try:
        return "".join(_READ[component.letter](reader, component) for component in FORMATS[ai])
    except IdentifierError as error:
        raise IdentifierError(f"({ai}): {error}") from None


def write_value(writer: BitWriter, ai: str, value: str) -> None:
    """Append the value of an AI. Raises: IdentifierError: the AI is not in table F, or this is none of its values."""
    components = FORMATS.get(ai)
    if components is None:
        raise IdentifierError(f"({ai}) cannot be written on a tag: TDS table F has no format for it")
    try:
        for component in components[:-1]:
            _WRITE[component.letter](writer, value[: component.longest], component)
            value = value[component.longest :]
        _WRITE[components[-1].letter](writer, value, components[-1])
    except IdentifierError as error:
        raise IdentifierError(f"({ai}): {error}") from None
