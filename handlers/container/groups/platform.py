"""The value of ``--platform``: ``os[/arch[/variant]]``, or an architecture alone."""

import platform as machine
import re

_SYSTEM = re.compile(r"[A-Za-z0-9_-]+(?:\([A-Za-z0-9_.-]*\))?")
_PART = re.compile(r"[A-Za-z0-9_.-]+")
_SYSTEMS = frozenset(
    {
        *("aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux"),
        *("nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"),
    }
)
_ARCHITECTURES = frozenset(
    {
        *("386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "mips", "mipsle"),
        *("mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le", "riscv", "riscv64"),
        *("s390", "s390x", "sparc", "sparc64", "wasm"),
    }
)
_OTHER_NAMES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_NOT_SAID = {"amd64": ("v1",), "arm64": ("8", "v8", "v8.0")}
"""Variants that go without saying, by architecture."""
_SAID_OTHERWISE = {("arm64", "9"): "v9", ("arm64", "9.0"): "v9", ("arm64", "v9.0"): "v9"}

_SYSTEM_RULE = r'OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$"'
_PART_RULE = 'platform specifier component must match "^[A-Za-z0-9_.-]+$"'


def parse_platform(text: str) -> str:
    """The platform as the engine is asked for it, "" for ""; raises ValueError with the CLI's sentence."""
    if not text:
        return ""
    if "*" in text:
        raise _refused(f'"{text}": wildcards not yet supported')
    parts = text.split("/")
    for number, part in enumerate(parts):
        if not (_PART if number else _SYSTEM).fullmatch(part):
            kind, rule = ("component", _PART_RULE) if number else ("OS component", _SYSTEM_RULE)
            raise _refused(f'"{part}" is an invalid {kind} of "{text}": {rule}')
    # A version of the system in parentheses is not part of the question.
    words = [part.partition("(")[0].lower() for part in parts]
    system = "darwin" if words[0] == "macos" else words[0]
    match words[1:]:
        case []:
            return _single(system, text)
        case [architecture]:
            return f"{system}/{_alone(architecture)}"
        case [architecture, variant]:
            architecture, variant = _normal(architecture, variant)
            # Said explicitly, the usual variant of this one stays.
            variant = variant or ("v8" if architecture == "arm64" else "")
            return "/".join(part for part in (system, architecture, variant) if part)
        case _:
            raise _refused(f'"{text}": cannot parse platform specifier')


def _single(word: str, text: str) -> str:
    """An operating system on the engine's own machine, or an architecture under Linux."""
    if word in _SYSTEMS:
        return f"{word}/{_alone(machine.machine().lower())}"
    if _normal(word, "")[0] in _ARCHITECTURES:
        return f"linux/{_alone(word)}"
    raise _refused(f'"{text}": unknown operating system or architecture')


def _alone(word: str) -> str:
    """An architecture without a variant, or with one that its other name implies."""
    architecture, variant = _normal(word, "")
    variant = "" if (architecture, variant) == ("arm", "v7") else variant
    return f"{architecture}/{variant}" if variant else architecture


def _normal(word: str, variant: str) -> tuple[str, str]:
    architecture, implied = _OTHER_NAMES.get(word, (word, ""))
    variant = implied or variant
    if architecture == "arm":
        variant = f"v{variant or 7}" if variant in ("", "5", "6", "7", "8") else variant
    elif variant in _NOT_SAID.get(architecture, ()):
        variant = ""
    return architecture, _SAID_OTHERWISE.get((architecture, variant), variant)


def _refused(why: str) -> ValueError:
    return ValueError(f"error parsing specified platform: {why}: invalid argument")
