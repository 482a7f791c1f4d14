"""Image references with Docker's own grammar: what a name means, and its short and long forms."""

from typing import Self

from docker_image.digest import InvalidDigest
from docker_image.reference import InvalidReference
from docker_image.reference import Reference as Parsed

from handlers.faults import Reason, UsageFault
from permissions.model import Record

HUB = "docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"
LATEST = "latest"
INVALID = "invalid reference format"


class InvalidReferenceError(ValueError):
    """Not an image reference; the text is the CLI's sentence."""


class Reference(Record):
    """A normalised reference: ``docker.io/library/busybox`` for ``busybox``.

    ``tag`` and ``digest`` are "" when there is none.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidReferenceError with the CLI's sentence."""
        try:
            parsed = Parsed.parse_normalized_named(text)
        except (InvalidReference, InvalidDigest) as error:
            # An empty text has a sentence of its own in the library, not in the CLI.
            raise InvalidReferenceError(str(error) if text else INVALID) from None
        return cls(
            domain=parsed.domain(),
            path=parsed.path(),
            tag=parsed["tag"] or "",
            digest=parsed["digest"] or "",
        )

    @property
    def name(self) -> str:
        """Registry and repository in full."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """Registry and repository as people write them."""
        if self.domain != HUB:
            return self.name
        library, _, short = self.path.partition("/")
        return short if library == "library" and "/" not in short else self.path

    @property
    def canonical(self) -> str:
        """The whole reference in full."""
        return self.name + self._suffix

    @property
    def familiar(self) -> str:
        """The whole reference as people write it."""
        return self.familiar_name + self._suffix

    @property
    def name_only(self) -> bool:
        """Whether there is neither tag nor digest."""
        return not self.tag and not self.digest

    @property
    def api_tag(self) -> str:
        """What the engine calls ``tag``: the digest if there is one."""
        return self.digest or self.tag

    @property
    def login_server(self) -> str:
        """The key under which a login at its registry is kept."""
        return HUB_LOGIN if self.domain == HUB else self.domain

    def tagged(self) -> Self:
        """With the default tag when there is neither tag nor digest."""
        return self.model_copy(update={"tag": LATEST}) if self.name_only else self

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def referred(text: str, before: str = "") -> Reference:
    """What a word on a line refers to; raises UsageFault with the CLI's sentence, ``before`` in front."""
    try:
        return Reference.parse(text)
    except InvalidReferenceError as error:
        raise UsageFault(
            f"{before}{error}",
            reason=Reason.BAD_VALUE,
            exit_code=1,
            hint="An image is NAME[:TAG], in lower case.",
        ) from None
