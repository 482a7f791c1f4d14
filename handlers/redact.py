"""Masks secrets in what leaves the worker: known values in their usual spellings, and known shapes.

The limit, plainly: a value that was re-encoded in another way (encrypted, compressed, hex, drawn on a
terminal, split over lines) is not recognised, and values under 8 characters are not looked for.
Nothing is masked for looking random: ids, digests and commit hashes stay.

All work is done on whole lines, so a secret is found wherever the chunks of a stream were cut.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote

MASK = b"[masked]"

LEAST = 8
"""The shortest value that is looked for; shorter ones would mask ordinary words."""

LONGEST_LINE = 64 * 1024
"""A line longer than this is worked on in pieces of about this size, which bounds memory and time."""

OVERLAP = 16 * 1024
"""How much of a piece is looked at again with the next one."""

KEY_BLOCK = 16 * 1024
"""How much is swallowed after the start of a private key whose end does not come."""

FRAGMENT = 1024
"""Longer values are looked for in parts of this size."""

_WORD = (
    rb"passw(?:or)?d|passphrase|secret|token|credential|(?:api|access|auth|private|encryption|signing)[_-]?key"
    rb"|requirepass|masterauth|(?<![a-z])pwd|(?<![a-z])pass(?![a-z])"
)
_SECRET_NAME = re.compile(_WORD, re.IGNORECASE)
_BLANKS = rb"[ \t]{0,3}"


@dataclass(frozen=True, slots=True)
class _Shape:
    """One kind of secret: group 1 or 2 is what gets masked, where one of ``hints`` occurs at all.

    ``folded`` patterns and all hints are lower case and look at the text in lower case.
    """

    kind: str
    hints: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    folded: bool = False


# Every pattern starts with a literal or at the start of a run, and bounds its repeats, so that no text
# makes it look at a byte more than a few times. None crosses the end of a line.
_SHAPES = (
    _Shape(
        "aws", (b"akia", b"asia"), re.compile(rb"(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z0-9])")
    ),
    _Shape(
        "github",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        re.compile(rb"(?<![A-Za-z0-9])(gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})"),
    ),
    _Shape(
        "slack",
        (b"xox", b"xapp-", b"hooks.slack.com/"),
        re.compile(
            rb"(?<![A-Za-z0-9-])(xox[a-z]-[A-Za-z0-9-]{10,512}|xapp-[A-Za-z0-9-]{10,512})"
            rb"|hooks\.slack\.com/services/([A-Za-z0-9/]{10,128})"
        ),
    ),
    _Shape(
        "registry",
        (b"dckr_", b"glpat-", b"npm_"),
        re.compile(
            rb"(?<![A-Za-z0-9])((?:dckr_[a-z]{2,4}_|glpat-)[A-Za-z0-9_-]{20,255}|npm_[A-Za-z0-9]{36})"
        ),
    ),
    _Shape(
        "jwt",
        (b"eyj",),
        re.compile(
            rb"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{6,4096}\.[A-Za-z0-9_-]{6,4096}(?:\.[A-Za-z0-9_-]{0,1024}){1,3})"
        ),
    ),
    _Shape(
        "header",
        (b"authorization", b"registry-auth"),
        re.compile(
            rb"(?:authorization|x-registry-auth)[\"']?" + _BLANKS + rb"[:=]" + _BLANKS + rb"[\"']?"
            rb"(?:(?:basic|bearer|token|digest)[ \t]{1,3})?([^\s\"']{1,8192})"
        ),
        folded=True,
    ),
    _Shape(
        "header",
        (b"bearer", b"basic"),
        re.compile(rb"(?<![a-z])(?:bearer|basic)[ \t]{1,3}([a-z0-9._~+/=-]{16,8192})"),
        folded=True,
    ),
    _Shape(
        "url",
        (b"://",),
        re.compile(rb"://(?:[^\s/:@\"'<>]{0,256}:([^\s/\"'<>]{1,512})|([^\s/:@\"'<>?#]{20,512}))@"),
    ),
    _Shape(
        "docker",
        (b'"auth"',),
        re.compile(rb"\"auth\"" + _BLANKS + rb":" + _BLANKS + rb"\"([^\"\n]{1,8192})\""),
    ),
)
_NAMED_HINTS = (b"pass", b"pwd", b"secret", b"token", b"credential", b"key")
_NAMED = re.compile(
    rb"(?:" + _WORD + rb")[\w.-]{0,60}"
    rb"(?:[\"']"
    + _BLANKS
    + rb"[:=]"
    + _BLANKS
    + rb"|"
    + _BLANKS
    + rb"="
    + _BLANKS
    + rb"|"
    + _BLANKS
    + rb":[ \t]{1,3})"
)
_QUOTE_BEFORE = re.compile(rb"([\"'])[\w.-]{0,64}\Z")
_BARE_VALUE = re.compile(rb"[^\s\"',;&{}\[\]]{1,8192}")
_REST_OF_QUOTED = {
    b'"': re.compile(rb"(?:[^\"\\\r\n]|\\.){1,8192}"),
    b"'": re.compile(rb"(?:[^'\\\r\n]|\\.){1,8192}"),
}
_ANY_HINT = re.compile(
    b"|".join(
        re.escape(hint) for hint in [*_NAMED_HINTS, *(hint for shape in _SHAPES for hint in shape.hints)]
    )
)
_KEY_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


class Masks:
    """What one job has to hide. ``values`` are secrets as plain text; those under 8 characters are not used.

    ``counts`` says how often each kind was masked, never what.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: list[bytes] = []
        self.counts: Counter[str] = Counter()
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Further values, from now on."""
        forms = {form for value in values for form in _forms(value)}
        # The longest first: a value that contains another is masked as one.
        self._forms = sorted(forms.union(self._forms), key=len, reverse=True)

    def text(self, text: str) -> str:
        """A whole text, masked."""
        redactor = Redactor(self)
        masked = redactor.feed(text.encode("utf-8", "surrogatepass")) + redactor.end()
        return masked.decode("utf-8", "replace")

    def values(self, piece: bytes) -> bytes:
        """The piece without the known values."""
        for form in self._forms:
            if form in piece:
                self.counts["value"] += piece.count(form)
                piece = piece.replace(form, MASK)
        return piece


class Redactor:
    """Masks one stream: :meth:`feed` returns what is sure to be clean, :meth:`end` the rest.

    ``masks`` are the known values, or the Masks that several streams of a job share.
    """

    def __init__(self, masks: Masks | Iterable[str] = ()) -> None:
        self.masks = masks if isinstance(masks, Masks) else Masks(masks)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._swallow = 0
        """How many bytes more of a private key may be swallowed; 0 outside of one."""

    def feed(self, data: bytes) -> bytes:
        """Takes the next bytes; returns whole lines, masked, and holds back the unfinished one."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        self._held.append(data)
        self._held_bytes += len(data)
        if not end and self._held_bytes < LONGEST_LINE:
            return b""
        text = b"".join(self._held)
        if end:
            end += len(text) - len(data)
            self._hold(text[end:])
            return self._lines(text[:end])
        clean, rest = self._piece(text)
        self._hold(rest)
        return clean

    def end(self) -> bytes:
        """The rest; the stream is over."""
        text = b"".join(self._held)
        self._hold(b"")
        return self._lines(text) if text else b""

    def _hold(self, rest: bytes) -> None:
        self._held = [rest] if rest else []
        self._held_bytes = len(rest)

    def _lines(self, text: bytes) -> bytes:
        """Masks text that ends where a line does."""
        text = self.masks.values(self._without_keys(text))
        return self._mask(text, _found(text))

    def _piece(self, text: bytes) -> tuple[bytes, bytes]:
        """Masks the front of a line without end; the rest has to be seen together with what follows."""
        text = self.masks.values(self._without_keys(text))
        found = _found(text)
        cut = max(0, len(text) - OVERLAP)
        for match in reversed(found):  # nothing that was found may be torn from what told it
            if match.begin < cut < match.end:
                cut = match.begin
        return self._mask(text[:cut], [match for match in found if match.end <= cut]), text[cut:]

    def _mask(self, text: bytes, found: "list[_Match]") -> bytes:
        if not found:
            return text
        parts, at = [], 0
        for match in found:
            if match.end <= at:
                continue
            if match.secret >= at:
                parts += [text[at : match.secret], MASK]
                self.masks.counts[match.kind] += 1
            at = match.end
        return b"".join([*parts, text[at:]])

    def _without_keys(self, text: bytes) -> bytes:
        """Replaces private keys, whose lines would mean nothing one by one."""
        if not self._swallow and b"PRIVATE KEY" not in text:
            return text
        parts, at = [], 0
        while at < len(text):
            if not self._swallow:
                begin = _KEY_BEGIN.search(text, at)
                if not begin:
                    break
                parts += [text[at : begin.start()], MASK]
                self.masks.counts["private key"] += 1
                self._swallow = KEY_BLOCK
                at = begin.end()
            end = _KEY_END.search(text, at, at + self._swallow)
            stop = end.end() if end else min(len(text), at + self._swallow)
            self._swallow = 0 if end else self._swallow - (stop - at)
            at = stop
        return b"".join([*parts, text[at:]])


class _Match(NamedTuple):
    """``begin`` is where what told us starts, ``secret`` to ``end`` is masked."""

    secret: int
    end: int
    begin: int
    kind: str


def _found(text: bytes) -> list[_Match]:
    """Every known shape in the text, by position."""
    folded = text.lower()
    if not _ANY_HINT.search(folded):
        return []  # most of what is ever printed
    found = []
    for shape in _SHAPES:
        if any(hint in folded for hint in shape.hints):
            for match in shape.pattern.finditer(folded if shape.folded else text):
                secret, end = match.span(match.lastindex or 0)
                found.append(_Match(secret, end, match.start(), shape.kind))
    if any(hint in folded for hint in _NAMED_HINTS):
        found += _named(folded)
    return sorted(found)


def _named(folded: bytes) -> Iterator[_Match]:
    """The values that stand behind a name that sounds secret."""
    at = 0
    while named := _NAMED.search(folded, at):
        begin, at = named.span()
        value = None
        if folded[at - 1] == ord("="):
            # "NAME=a value with blanks" in one pair of quotes, as inspect shows an environment.
            quote_before = _QUOTE_BEFORE.search(folded, max(0, begin - 65), begin)
            value = quote_before and _REST_OF_QUOTED[quote_before[1]].match(folded, at)
        first = folded[at : at + 1]
        if value:
            pass
        elif first in _REST_OF_QUOTED:
            value = _REST_OF_QUOTED[first].match(folded, at + 1)
        else:
            value = _BARE_VALUE.match(folded, at)
        if value:
            at = value.end()
            yield _Match(value.start(), at, begin, "named")


def _forms(value: str) -> Iterator[bytes]:
    """The spellings of one secret that are looked for."""
    raw = value.encode("utf-8", "surrogatepass")
    plain = [raw]
    plain += [
        json.dumps(value, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogatepass")
        for ascii_only in (True, False)
    ]
    # Go's JSON escapes these three as well.
    plain.append(plain[2].replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026"))
    plain += [quote_plus(raw).encode(), *(quote(raw, safe=safe).encode() for safe in ("", "/"))]
    plain += [re.sub(rb"%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in plain[-3:]]
    for offset in range(3):
        # The characters at both ends also hold bits of the neighbours, so they are left out.
        encoded = base64.b64encode(b"\0" * offset + raw)
        whole = encoded[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6]
        plain += [whole, whole.translate(bytes.maketrans(b"+/", b"-_"))]
    for form in plain:
        for line in form.splitlines():
            yield from (
                line[at : at + FRAGMENT]
                for at in range(0, len(line), FRAGMENT)
                if len(line[at : at + FRAGMENT]) >= LEAST
            )


def secret_values(env: Iterable[str]) -> list[str]:
    """The secrets of a container's environment (``NAME=VALUE`` lines, as inspect lists them).

    A value counts when its name sounds secret; of a URL, its password does.
    """
    values = []
    for line in env:
        name, _, value = line.partition("=")
        if _SECRET_NAME.search(name.encode("utf-8", "surrogatepass")):
            values.append(value)
        user = re.search(r"://[^\s/:@]*:([^\s/]+)@", value)
        if user:
            values += [user[1], unquote(user[1])]
    return [value for value in values if len(value) >= LEAST]
