"""All groups together, and the request that makes a container of them; `run` and `create` build on it."""

from collections.abc import Iterator

from handlers.container.groups.body import Body
from handlers.container.groups.health import HealthOptions
from handlers.container.groups.lifecycle import LifecycleOptions, is_image_id
from handlers.container.groups.logging import LoggingOptions
from handlers.container.groups.network import NetworkOptions
from handlers.container.groups.platform import parse_platform
from handlers.container.groups.process import ProcessOptions
from handlers.container.groups.resources import ResourceOptions
from handlers.container.groups.security import SecurityOptions
from handlers.container.groups.storage import StorageOptions
from handlers.container.hazards import Exposure, beyond_binds, binds_of, danger_of
from handlers.context import Context, Engine, Json
from handlers.faults import EngineFault, NotFound, Reason, UsageFault
from handlers.format.progress import line
from handlers.grammar.command import Api
from handlers.image.pull import AUTH_HEADER, registry_auth
from handlers.image.reference import Reference
from handlers.outcome import Begun, Finding, Seen, Verdict, containers, made
from permissions.operation import Bind, Resource
from permissions.verbs import Danger, Kind

PLATFORM_API = (1, 41)


class CreateOptions(
    LifecycleOptions,
    HealthOptions,
    LoggingOptions,
    NetworkOptions,
    ProcessOptions,
    ResourceOptions,
    SecurityOptions,
    StorageOptions,
):
    """Everything that a new container is made of."""

    def check_options(self) -> None:
        """Raises UsageFault for what the CLI refuses when it has read the options, in its order."""
        self.check_system()
        self.check_pull()
        self.check_mac()
        self.check_limits()
        self.check_volumes()
        self.check_ports()
        self.check_devices()
        self.check_process()
        self.check_labels()
        self.check_namespaces()
        self.check_restart()
        self.check_logging()
        self.check_profiles()
        self.check_storage_options()
        self.check_health()
        self.check_removal()
        self.check_networks()

    def check_image(self) -> None:
        """Raises UsageFault for what the CLI refuses when it is about to ask for the container."""
        self.check_cidfile()
        try:
            if self.pull == "always" or not is_image_id(self.image):
                Reference.parse(self.image)
        except ValueError as error:
            raise self.late(str(error), hint="An image is NAME[:TAG], in lower case.") from None
        if not self.disable_content_trust and "@" not in self.image:
            fault = self.late(
                "content trust is not offered here: there is no notary to ask",
                hint="Name the image by digest: NAME@sha256:…",
            )
            fault.reason = Reason.NOT_OFFERED
            raise fault
        try:
            parse_platform(self.platform)
        except ValueError as error:
            raise self.late(str(error), hint="Write linux/amd64, for example.") from None

    def late(self, message: str, *, hint: str) -> UsageFault:
        """What the CLI says once it has read the options."""
        return UsageFault(message, reason=Reason.BAD_VALUE, exit_code=1, hint=hint)

    def exposures(self) -> Iterator[Exposure]:
        """Everything of the host that the options hand over."""
        yield from self.storage_exposures()
        yield from self.security_exposures()
        yield from self.network_exposures()
        yield from self.logging_exposures()

    def value_danger(self) -> Danger:
        """The worst of what the values give away."""
        return danger_of(beyond_binds(self.exposures()))

    def binds(self) -> tuple[Bind, ...]:
        """The paths of the host that it mounts."""
        return binds_of(self.exposures())

    def resources(self) -> Iterator[Resource]:
        """The image, the name it takes, and every object that an option names, each once."""
        named = [
            *super().resources(),
            *([Resource(kind=Kind.CONTAINER, name=self.name, new=True)] if self.name else ()),
            *self.network_resources(),
            *self.security_resources(),
            *self.storage_resources(),
        ]
        yield from dict.fromkeys(named)

    def changes(self) -> Iterator[Resource]:
        """The name it takes alone: what else the options name is used, not changed."""
        if self.name:
            yield Resource(kind=Kind.CONTAINER, name=self.name)

    def new_container(self, engine: Engine, begun: Begun, *, to_be_started: bool) -> tuple[Finding, ...]:
        """For `run` and `create`: looks for a container of that name that is new; without one () ."""
        if not self.name:
            return ()

        def judge(seen: Seen) -> tuple[Verdict, str]:
            verdict, text = made(begun, seen.state["Created"], "it")
            if verdict is Verdict.DONE and to_be_started and not seen.started_since:
                return Verdict.NOT_DONE, f"{text}, but never started"
            return verdict, text

        gone = Verdict.UNKNOWN if self.rm else Verdict.NOT_DONE, "there is no container of that name"
        return containers(engine, begun, (self.name,), judge, gone)

    def body(self, api: Api, *, attached: frozenset[str]) -> Json:
        """The body of the request for an engine of this version."""
        body = Body()
        self.add_lifecycle(body)
        self.add_health(body)
        self.add_logging(body)
        self.add_network(body)
        self.add_process(body, attached=attached)
        self.add_resources(body, api)
        self.add_security(body)
        self.add_storage(body)
        return body.json()

    def make(self, ctx: Context, *, attached: frozenset[str]) -> str:
        """Makes the container, pulling its image as ``--pull`` says; returns its id.

        Warnings and the pull's progress go to stderr. Raises Fault where the engine is too old for what
        was asked, EngineFault where it refuses.
        """
        for warning in self.network_warnings():
            ctx.stderr(f"WARNING: {warning}\n".encode())
        if self.pull == "always":
            self._pull(ctx)
        api = ctx.engine.api_version
        self.check_mac_api(api)
        self.check_recursion(api)
        body = self.body(api, attached=attached)
        query = {"name": self.name or None}
        if api >= PLATFORM_API:
            query["platform"] = parse_platform(self.platform) or None
        # What --rm says can only be done by its id: the engine's answer is waited for, whatever comes.
        on_cancel = None if self.rm else ctx.on_cancel
        try:
            made = ctx.engine.post("/containers/create", query, body, on_cancel=on_cancel)
        except NotFound:
            if self.pull != "missing" or is_image_id(self.image.removeprefix("sha256:")):
                raise
            if not self.quiet:
                ctx.stderr(f"Unable to find image '{self._reference().familiar}' locally\n".encode())
            self._pull(ctx)
            made = ctx.engine.post("/containers/create", query, body, on_cancel=on_cancel)
        for warning in made.get("Warnings") or ():
            ctx.stderr(f"WARNING: {warning}\n".encode())
        return str(made["Id"])

    def _reference(self) -> Reference:
        return Reference.parse(self.image).tagged()

    def _pull(self, ctx: Context) -> None:
        reference = self._reference()
        query = {
            "fromImage": reference.name,
            "tag": reference.api_tag,
            "platform": self.platform.lower() or None,
        }
        headers = {AUTH_HEADER: registry_auth(ctx, reference)}
        for message in ctx.engine.progress("/images/create", query, headers=headers, on_cancel=ctx.on_cancel):
            ctx.check()
            if error := message.get("errorDetail") or message.get("error"):
                raise EngineFault(error if isinstance(error, str) else error.get("message", ""))
            if not self.quiet:
                ctx.stderr(line(message).encode())
        ctx.check()
