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
_USUAL_VARIANTS = {"amd64": "v1", "arm64": "v8"}


def parse_platform(text: str) -> str:
    """The platform as the engine is asked for it, "" for ""; raises ValueError with the CLI's sentence."""
    if not text:
        return ""
    parts = text.split("/")
    if "*" in text:
        raise _refused(f'"{text}": wildcards not yet supported')
    for number, part in enumerate(parts):
        _check_part(part, text, first=number == 0)
    if len(parts) > 3:
        raise _refused(f'"{text}": cannot parse platform specifier')
    system, architecture, variant = (*(part.lower() for part in parts), "", "")[:3]
    if len(parts) == 1:
        return _single(system, text)
    return _joined(_system(system), architecture, variant)


def _check_part(part: str, text: str, *, first: bool) -> None:
    if not (_SYSTEM if first else _PART).fullmatch(part):
        kind = "OS component" if first else "component"
        raise _refused(f'"{part}" is an invalid {kind} of "{text}"')


def _single(word: str, text: str) -> str:
    """An operating system on the engine's own machine, or an architecture under Linux."""
    if _system(word) in _SYSTEMS:
        return _joined(_system(word), machine.machine().lower(), "")
    if _architecture(word, "")[0] in _ARCHITECTURES:
        return _joined("linux", word, "")
    raise _refused(f'"{text}": unknown operating system or architecture')


def _system(word: str) -> str:
    return "darwin" if word == "macos" else word


def _architecture(word: str, variant: str) -> tuple[str, str]:
    word, implied = _OTHER_NAMES.get(word, (word, ""))
    variant = f"v{variant}" if variant.isdecimal() else variant or implied
    if word == "arm" and not variant:
        variant = "v7"
    return word, "" if variant == _USUAL_VARIANTS.get(word) else variant


def _joined(system: str, architecture: str, variant: str) -> str:
    return "/".join(part for part in (system, *_architecture(architecture, variant)) if part)


def _refused(why: str) -> ValueError:
    return ValueError(f"error parsing specified platform: {why}: invalid argument")
