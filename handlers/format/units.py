"""Ages, sizes, short texts: docker's own wording."""

import unicodedata
from datetime import datetime, tzinfo

SHORT_ID = 12
HOURS_PER_DAY = 24
_AGES = (  # below so many hours: hours in the unit, its name
    (48, 1, "hours"),
    (HOURS_PER_DAY * 14, HOURS_PER_DAY, "days"),
    (HOURS_PER_DAY * 60, HOURS_PER_DAY * 7, "weeks"),
    (HOURS_PER_DAY * 730, HOURS_PER_DAY * 30, "months"),
)
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
    "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\",
}  # fmt: skip


def duration(seconds: float) -> str:
    """A duration for people: ``Less than a second``, ``About an hour``, ``3 weeks``."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    minutes = whole // 60
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for below, unit, name in _AGES:
        if hours < below:
            return f"{hours // unit} {name}"
    return f"{int(seconds / 3600) // HOURS_PER_DAY // 365} years"


def size(count: float, digits: int = 4) -> str:
    """Bytes in powers of 1000 with that many significant digits: ``1.21MB``."""
    value, index = float(count), 0
    while value >= 1000 and index < len(_DECIMAL) - 1:
        value, index = value / 1000, index + 1
    return f"{value:.{digits}g}{_DECIMAL[index]}"


def local_time(epoch: float, zone: tzinfo) -> str:
    """Whole seconds as Go prints a local time: ``2006-01-02 15:04:05 -0700 MST``."""
    when = datetime.fromtimestamp(epoch, zone)
    offset, name = when.strftime("%z"), when.strftime("%Z")
    # A fixed offset has no name; Go repeats the offset there.
    return f"{when:%Y-%m-%d %H:%M:%S} {offset} {offset if ':' in name else name}"


def short_id(text: str) -> str:
    """The first twelve characters of an id, without its algorithm."""
    return text.removeprefix("sha256:")[:SHORT_ID]


def display_width(text: str) -> int:
    """How many columns a text takes, as the CLI counts: wide East Asian characters two."""
    # An ellipsis takes one column, and most cells that are no ASCII have one.
    if text.isascii() or text.replace("…", "").isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def ellipsis(text: str, width: int) -> str:
    """A text cut to a display width."""
    if display_width(text) <= width:
        return text
    cut = text[: width - 1]
    while display_width(cut) > width - 1:
        cut = cut[:-1]
    return cut + "…"


def quote(text: str) -> str:
    """A text in double quotes with Go's escapes."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
