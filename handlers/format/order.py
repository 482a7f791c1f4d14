"""Natural order: ``net9`` before ``net10``."""

import re

_PARTS = re.compile(r"[0-9]+|[^0-9]", re.DOTALL)
_DIGIT = ord("0")


def natural(text: str) -> tuple[list[tuple[int, int, str, int]], str]:
    """A sort key: runs of digits count as numbers (of equal ones the shorter is first)."""
    return [_weight(part) for part in _PARTS.findall(text)], text


def _weight(part: str) -> tuple[int, int, str, int]:
    if not part[0].isdecimal():
        return ord(part), 0, "", 0
    digits = part.lstrip("0")
    return _DIGIT, len(digits), digits, len(part)
