"""The value of ``-v``: ``[SOURCE:]TARGET[:OPTIONS]``, as the CLI reads it."""

from typing import Literal

from permissions.model import Record


class VolumeSpec(Record):
    """One ``-v``.

    ``kind`` is ``anonymous`` (a target alone: goes into the container's Volumes), ``volume`` (a named
    one) or ``bind`` (a path of the host); the last two go into Binds as ``text``, which is what was
    typed. ``options`` are the comma-separated words of the third part (``ro``, ``z``, ``rshared``…).
    """

    kind: Literal["anonymous", "volume", "bind"]
    text: str
    source: str = ""
    target: str
    options: tuple[str, ...] = ()

    @property
    def read_only(self) -> bool:
        """Whether the mount is read-only: the last of ``ro`` and ``rw`` counts."""
        return next((option == "ro" for option in reversed(self.options) if option in ("ro", "rw")), False)

    @property
    def relative(self) -> bool:
        """Whether the source is a path in the caller's directory, which a chat line has not.

        A ``~`` is no path to the CLI: it is sent as it is, and the engine refuses it.
        """
        return self.source.startswith(".")


def parse_volume(text: str) -> VolumeSpec:
    """Reads one specification; raises ValueError with the CLI's message."""
    if not text:
        raise ValueError("invalid empty volume spec")
    if len(text.encode()) <= 2:
        return VolumeSpec(kind="anonymous", text=text, target=text)
    sections = _sections(text)
    for number, section in enumerate(sections):
        if not section:
            raise ValueError(f"invalid spec: {text}: empty section between colons")
        if number > 2 or (number == 2 and len(sections) > 3):
            raise ValueError(f"invalid spec: {text}: too many colons")
    if len(sections) == 1:
        return VolumeSpec(kind="anonymous", text=text, target=sections[0])
    source, target, *options = sections
    kind: Literal["volume", "bind"] = "bind" if _is_path(source) else "volume"
    words = tuple(options[0].split(",")) if options else ()
    return VolumeSpec(kind=kind, text=text, source=source, target=target, options=words)


def _sections(text: str) -> list[str]:
    """Split at colons, but for one after a single letter: ``C:``, a drive, even where there are none."""
    sections: list[str] = []
    current = ""
    for character in text:
        if character == ":" and not (len(current) == 1 and current.isalpha()):
            sections.append(current)
            current = ""
        else:
            current += character
    return [*sections, current]


def _is_path(source: str) -> bool:
    drive = len(source) > 1 and source[0].isalpha() and source[1] == ":"
    return source.startswith((".", "/", "~", "\\\\")) or drive
