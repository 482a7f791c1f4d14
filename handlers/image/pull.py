"""docker image pull."""

import base64
import json
from typing import Annotated, Any

from handlers.context import Context, Engine, segment
from handlers.faults import EngineFault, Reason, UsageFault
from handlers.format.moments import epoch
from handlers.format.progress import follow
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import BOOL
from handlers.image.reference import Reference, referred
from handlers.outcome import Begun, Finding, Verdict, present
from permissions.verbs import Danger, Kind, Verb

AUTH_HEADER = "X-Registry-Auth"


class ImagePull(
    Command,
    path="image pull",
    logins=True,
    aliases=("pull",),
    verb=Verb.REGISTRY,
    danger=Danger.SAFE,
    example="docker pull busybox:1.36",
):
    """Download an image from a registry."""

    name: Annotated[str, Arg("NAME[:TAG|@DIGEST]", resource=Kind.IMAGE)]
    all_tags: Annotated[
        bool, Opt("-a", "--all-tags", help="Download all tagged images in the repository", type=BOOL)
    ] = False
    disable_content_trust: Annotated[
        bool,
        Opt("--disable-content-trust", help="Skip image verification", type=BOOL, default="true"),
    ] = True
    platform: Annotated[
        str, Opt("--platform", help="Set platform if server is multi-platform capable", min_api=(1, 32))
    ] = ""
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Suppress verbose output", type=BOOL)] = False

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        reference = referred(self.name)
        if self.all_tags and not reference.name_only:
            raise UsageFault(
                "tag can't be used with --all-tags/-a",
                exit_code=1,
                hint="Name the repository alone, or leave out -a.",
            )
        if not self.disable_content_trust and not reference.digest:
            raise UsageFault(
                "content trust is not offered here: there is no notary to ask",
                reason=Reason.NOT_OFFERED,
                exit_code=1,
                hint="Pull by digest: NAME@sha256:…",
            )

    def run(self, ctx: Context) -> Output:
        """Pulls; the progress goes out as it comes. Raises EngineFault."""
        reference = referred(self.name)
        if not self.all_tags:
            reference = with_default_tag(ctx, reference, quiet=self.quiet)
        query = {
            "fromImage": reference.name,
            "tag": None if self.all_tags else reference.api_tag,
            "platform": self.platform.lower() or None,
        }
        headers = {AUTH_HEADER: registry_auth(ctx, reference)}
        try:
            messages = ctx.engine.progress("/images/create", query, headers=headers, on_cancel=ctx.on_cancel)
            follow(messages, ctx, quiet=self.quiet)
        except EngineFault as fault:
            if "when fetching 'plugin'" in fault.message:
                fault.hint = "This is a plugin, not an image: use `docker plugin install`."
            raise
        ctx.stdout(f"{reference.canonical}\n".encode())
        return Stream()

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether the name was given to an image since; of --all-tags nobody can tell."""
        if self.all_tags:
            return ()
        name = referred(self.name).tagged().familiar

        def judge(state: dict[str, Any]) -> tuple[Verdict, str]:
            at = epoch((state.get("Metadata") or {}).get("LastTagTime"))
            if at >= begun.since:
                return Verdict.DONE, f"the name was given to {state['Id']} after this began"
            return Verdict.UNKNOWN, f"{state['Id']} had the name before; the registry may have a newer one"

        absent = Verdict.NOT_DONE, "there is no image of that name"
        return (present(engine, name, f"/images/{segment(name)}/json", judge, absent),)


def with_default_tag(ctx: Context, reference: Reference, *, quiet: bool) -> Reference:
    """The reference with a tag, if it had none; the reader is told which unless ``quiet``."""
    if not reference.name_only:
        return reference
    tagged = reference.tagged()
    if not quiet:
        ctx.stdout(f"Using default tag: {tagged.tag}\n".encode())
    return tagged


def registry_auth(ctx: Context, reference: Reference) -> str:
    """The asker's login at the reference's registry, for :data:`AUTH_HEADER`."""
    return auth_at(ctx, reference.login_server)


def auth_at(ctx: Context, server: str) -> str:
    """The asker's login at a registry as the engine wants it: base64 of JSON, ``{}`` without a login."""
    login = ctx.login(server)
    auth = (
        {}
        if login is None
        else {"username": login.username, "password": login.password, "serveraddress": server}
    )
    return base64.urlsafe_b64encode(json.dumps(auth, separators=(",", ":")).encode()).decode()
