"""Numbers, booleans and quoting with the rules and messages of Go's strconv."""

import math
import re
from fractions import Fraction

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_BASES = {"0x": 16, "0X": 16, "0b": 2, "0B": 2, "0o": 8, "0O": 8}
_DIGITS = "0123456789abcdef"
_WELL_PLACED = re.compile(r"[+-]?(0[xXbBoO]|[0-9a-fA-F])(_?[0-9a-fA-F])*")
_DEC, _HEX = r"[0-9](?:_?[0-9])*", r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_DECIMAL = re.compile(rf"[+-]?(?:{_DEC}(?:\.(?:{_DEC})?)?|\.{_DEC})(?:[eE][+-]?{_DEC})?")
_HEXADECIMAL = re.compile(rf"[+-]?0[xX](?:_?{_HEX}(?:\.(?:{_HEX})?)?|\.{_HEX})[pP][+-]?{_DEC}")
_LONG_POWER = re.compile(r"[eE][+-]?[0-9_]{5}")
_POWER_OF_TWO = re.compile(r"(?P<mantissa>[^eEpP/]+|[+-]?0[xX][^pP/]+)[pP](?P<power>[+-]?[0-9]{1,4})")
_HEX_FRACTION = re.compile(r"(?P<sign>[+-]?)0[xX](?P<whole>[0-9a-fA-F]+)\.(?P<part>[0-9a-fA-F]*)")
_WIDE = 4_096
"""Bits of a number that is a part of a fraction."""
_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


def quote(text: str, mark: str = '"') -> str:
    """``text`` between ``mark``s as Go's %q shows it."""
    parts = []
    for character in text:
        code = ord(character)
        if character in (mark, "\\"):
            parts.append("\\" + character)
        elif character.isprintable():
            parts.append(character)
        elif character in _ESCAPES:
            parts.append(_ESCAPES[character])
        elif code < 0x80:
            parts.append(f"\\x{code:02x}")
        else:
            parts.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return mark + "".join(parts) + mark


def parse_bool(text: str) -> bool:
    """strconv.ParseBool; raises ValueError with its message."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str, bits: int = 64, base: int = 0) -> int:
    """strconv.ParseInt; base 0 reads 0x, 0o, 0b, a leading 0 and underscores. Raises ValueError."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    negative = text.startswith("-")
    limit = 2 ** (bits - 1)
    value = _magnitude(unsigned, text, limit if negative else limit - 1, "strconv.ParseInt", base)
    return -value if negative else value


def parse_uint(text: str, bits: int = 64, base: int = 0) -> int:
    """strconv.ParseUint, in the bases of :func:`parse_int`; raises ValueError."""
    return _magnitude(text, text, 2**bits - 1, "strconv.ParseUint", base)


def _magnitude(digits: str, whole: str, most: int, function: str, base: int) -> int:
    """Reads digits from the left: like Go, the first thing that is wrong is what is reported."""
    syntax = ValueError(f"{function}: parsing {quote(whole)}: invalid syntax")
    body, underscores = digits, False
    if base == 0:
        underscores, base = True, 10
        if digits[:2] in _BASES and len(digits) >= 3:
            base, body = _BASES[digits[:2]], digits[2:]
        elif digits.startswith("0"):
            base, body = 8, digits[1:] or "0"
    if not digits:
        raise syntax
    value = 0
    for character in body:
        if character == "_" and underscores:
            continue
        digit = _DIGITS.find(character.lower()) if character.isascii() else -1
        if not 0 <= digit < base:
            raise syntax
        value = value * base + digit
        if value > most:
            raise ValueError(f"{function}: parsing {quote(whole)}: value out of range")
    if "_" in digits and not _WELL_PLACED.fullmatch(digits):
        raise syntax
    return value


def parse_rational(text: str) -> Fraction:
    """big.Rat's SetString: ``1.5``, ``3/2``, ``0x1f``, ``1e-3``, ``1p2``, with underscores.

    Raises ValueError, and ZeroDivisionError for a fraction of nothing. A power has at most four digits.
    """
    above, slash, below = text.partition("/")
    if slash:
        return Fraction(parse_int(above, _WIDE), parse_uint(below, _WIDE))
    mantissa, power = text, ""
    if match := _POWER_OF_TWO.fullmatch(text):
        mantissa, power = match["mantissa"], match["power"]
    if _DECIMAL.fullmatch(mantissa):
        if _LONG_POWER.search(mantissa):
            raise ValueError(text)
        value = Fraction(mantissa.replace("_", ""))
    elif match := _HEX_FRACTION.fullmatch(mantissa.replace("_", "")):
        value = Fraction(int(match["sign"] + match["whole"] + match["part"], 16), 16 ** len(match["part"]))
    else:
        value = Fraction(parse_int(mantissa, _WIDE))
    return value * Fraction(2) ** int(power or 0)


def parse_float(text: str) -> float:
    """strconv.ParseFloat without its names for infinity and not-a-number; raises ValueError."""
    if _DECIMAL.fullmatch(text):
        value = float(text)
    elif _HEXADECIMAL.fullmatch(text):
        try:
            value = float.fromhex(text.replace("_", ""))
        except OverflowError:
            value = math.inf
    else:
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    if math.isinf(value):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value
