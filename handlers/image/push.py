"""docker image push."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from handlers.context import Context, segment
from handlers.faults import EngineFault, Reason, UsageFault
from handlers.format.progress import follow
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import BOOL
from handlers.image import platform
from handlers.image.pull import AUTH_HEADER, registry_auth, with_default_tag
from handlers.image.reference import referred
from permissions.verbs import Danger, Kind, Verb

PLATFORM_HELP = """Push a platform-specific manifest as a single-platform image to the registry.
Image index won't be pushed, meaning that other manifests, including attestations won't be preserved.
'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"""
ONE_PLATFORM = """\
Using --platform pushes only the specified platform manifest of a multi-platform image index.
Other components, like attestations, will not be included.
To push the complete multi-platform image, remove the --platform flag.
"""
NOT_WHOLE = "Not all multiplatform-content is present and only the available single-platform image was pushed"
MISSING = """\
You're trying to push a manifest list/index which
references multiple platform specific manifests, but not all of them are available locally
or available to the remote repository.

Make sure you have all the referenced content and try again.

You can also push only a single platform specific manifest directly by specifying the platform you want to \
push with the --platform flag."""
_LOCKED_OUT = ("no basic auth credentials", "denied", "unauthorized", "authentication required")


class ImagePush(
    Command,
    path="image push",
    logins=True,
    aliases=("push",),
    verb=Verb.REGISTRY,
    danger=Danger.INTERRUPTS,
    example="docker push registry.example.com/shop:1.4",
):
    """Upload an image to a registry."""

    name: Annotated[str, Arg("NAME[:TAG]", resource=Kind.IMAGE)]
    all_tags: Annotated[
        bool, Opt("-a", "--all-tags", help="Push all tags of an image to the repository", type=BOOL)
    ] = False
    disable_content_trust: Annotated[
        bool, Opt("--disable-content-trust", help="Skip image signing", type=BOOL, default="true")
    ] = True
    platform: Annotated[str, Opt("--platform", help=PLATFORM_HELP, min_api=(1, 46))] = ""
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Suppress verbose output", type=BOOL)] = False

    def check(self) -> None:
        """Raises UsageFault for a name or platform that is none, and where signing is asked for."""
        platform.check(self.platform, f"Invalid platform {self.platform}: ")
        reference = referred(self.name)
        if self.all_tags and not reference.name_only:
            raise _refused(
                "tag can't be used with --all-tags/-a", "Name the repository alone, or leave out -a."
            )
        if reference.digest:
            raise _refused("cannot push a digest reference", "Push by tag: NAME[:TAG].")
        if not self.disable_content_trust:
            raise UsageFault(
                "content trust is not offered here: signing keys do not belong into a chat",
                reason=Reason.NOT_OFFERED,
                exit_code=1,
                hint="Leave out --disable-content-trust=false.",
            )

    def run(self, ctx: Context) -> Output:
        """Pushes; the progress goes out as it comes, the digest last. Raises EngineFault."""
        reference = referred(self.name)
        if self.platform:
            ctx.stdout(_note(ONE_PLATFORM))
        if not self.all_tags:
            reference = with_default_tag(ctx, reference, quiet=self.quiet)
        query = {
            "tag": None if self.all_tags else reference.tag,
            "platform": platform.encoded(self.platform),
        }
        notes: list[str] = []
        try:
            messages = ctx.engine.progress(
                f"/images/{segment(reference.name)}/push",
                query,
                headers={AUTH_HEADER: registry_auth(ctx, reference)},
                on_cancel=ctx.on_cancel,
            )
            follow(_noted(messages, notes), ctx, quiet=self.quiet)
        except EngineFault as fault:
            if any(words in fault.message for words in _LOCKED_OUT):
                fault.hint = (
                    f"Your login there is missing or lacks the right: `docker login {reference.domain}`."
                )
            raise
        finally:
            for note in notes:
                ctx.stdout(_note(note))
        if self.quiet:
            ctx.stdout(f"{reference.canonical}\n".encode())
        return Stream()


def _noted(messages: Iterable[dict[str, Any]], notes: list[str]) -> Iterator[dict[str, Any]]:
    """The messages as they come; what is said to programs alone and matters to people becomes a note."""
    for message in messages:
        aux = message.get("aux") or {}
        if aux.get("manifestPushedInsteadOfIndex"):
            whole, pushed = (aux[part]["digest"] for part in ("originalIndex", "selectedManifest"))
            notes.append(f"{NOT_WHOLE}\n{whole} -> {pushed}")
        if aux.get("contentMissing"):
            notes.append(MISSING)
        yield message


def _note(text: str) -> bytes:
    head = " Info -> "
    return f"\n{head}{text.replace(chr(10), chr(10) + ' ' * len(head))}\n".encode()


def _refused(message: str, hint: str) -> UsageFault:
    return UsageFault(message, reason=Reason.BAD_VALUE, exit_code=1, hint=hint)
