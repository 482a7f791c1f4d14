"""All groups together, and the request that makes a container of them; `run` and `create` build on it."""

from collections.abc import Iterator

from handlers.container.groups.body import Body, refused
from handlers.container.groups.lifecycle import LifecycleOptions, is_image_id
from handlers.container.groups.network import NetworkOptions
from handlers.container.groups.platform import parse_platform
from handlers.container.groups.process import ProcessOptions
from handlers.container.groups.resources import ResourceOptions
from handlers.container.groups.storage import StorageOptions
from handlers.context import Context, Json
from handlers.faults import EngineFault, NotFound
from handlers.format.progress import line
from handlers.image.pull import AUTH_HEADER, registry_auth
from handlers.image.reference import Reference
from permissions.operation import Resource
from permissions.verbs import Danger, Kind

PLATFORM_API = (1, 41)


class CreateOptions(LifecycleOptions, NetworkOptions, ProcessOptions, ResourceOptions, StorageOptions):
    """Everything that a new container is made of."""

    def check(self) -> None:
        """Raises UsageFault where the CLI refuses, in its order; then for what a chat line cannot have."""
        self.check_storage()
        self.check_network()
        self.check_process()
        self.check_lifecycle()

    def value_danger(self) -> Danger:
        """The worst of what the values give away."""
        return max(self.network_danger(), self.process_danger(), self.storage_danger())

    def resources(self) -> Iterator[Resource]:
        """The image, the name it takes, the networks and volumes it joins."""
        yield from super().resources()
        if self.name:
            yield Resource(kind=Kind.CONTAINER, name=self.name)
        yield from self.network_resources()
        yield from self.storage_resources()

    def body(self, *, job_id: str, attached: frozenset[str]) -> Json:
        """The body of the request."""
        body = Body()
        self.add_lifecycle(body, job_id=job_id)
        self.add_network(body)
        self.add_process(body, attached=attached)
        self.add_resources(body)
        self.add_storage(body)
        return body.json()

    def make(self, ctx: Context, *, attached: frozenset[str]) -> str:
        """Makes the container, pulling its image as ``--pull`` says; returns its id.

        Warnings and the pull's progress go to stderr. Raises EngineFault.
        """
        self.require_api(ctx.engine.api_version)
        if self.pull == "always":
            self._pull(ctx)
        body = self.body(job_id=ctx.job_id, attached=attached)
        query = {"name": self.name or None}
        if ctx.engine.api_version >= PLATFORM_API:
            query["platform"] = parse_platform(self.platform) or None
        try:
            made = ctx.engine.post("/containers/create", query, body, on_cancel=ctx.on_cancel)
        except NotFound:
            if self.pull != "missing" or is_image_id(self.image):
                raise
            if not self.quiet:
                ctx.stderr(f"Unable to find image '{self._reference().familiar}' locally\n".encode())
            self._pull(ctx)
            made = ctx.engine.post("/containers/create", query, body, on_cancel=ctx.on_cancel)
        for warning in made.get("Warnings") or ():
            ctx.stderr(f"WARNING: {warning}\n".encode())
        return str(made["Id"])

    def _reference(self) -> Reference:
        return Reference.parse(self.image).tagged()

    def _pull(self, ctx: Context) -> None:
        if is_image_id(self.image):
            raise refused("an image id cannot be pulled", hint="Name the image, or leave out --pull.")
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
