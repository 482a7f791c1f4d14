"""The container's name and labels, its image, and what becomes of it when it ends."""

from typing import Annotated

from handlers.container.groups.body import Body, caller_file, pairs, refused
from handlers.container.groups.platform import parse_platform
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import LABEL
from handlers.grammar.values import BOOL
from handlers.image.reference import Reference
from permissions.verbs import Kind

OWN_LABELS = "docktalk."
"""Labels under this prefix say what Docktalk knows; nobody else writes them."""

JOB_LABEL = "docktalk.job"

POLICIES = ("always", "missing", "never")


class LifecycleOptions(Command):
    """Name, labels, image, restart, removal."""

    image: Annotated[str, Arg("IMAGE", resource=Kind.IMAGE)]
    command: Annotated[tuple[str, ...], Arg("COMMAND", least=0)] = ()

    cidfile: Annotated[str, Opt("--cidfile", help="Write the container ID to the file")] = ""
    disable_content_trust: Annotated[
        bool, Opt("--disable-content-trust", help="Skip image verification", type=BOOL, default="true")
    ] = True
    label: Annotated[
        tuple[str, ...], Opt("-l", "--label", help="Set meta data on a container", type=LABEL)
    ] = ()
    name: Annotated[str, Opt("--name", help="Assign a name to the container")] = ""
    platform: Annotated[
        str,
        Opt("--platform", help="Set platform if server is multi-platform capable", min_api=(1, 32)),
    ] = ""
    pull: Annotated[
        str,
        Opt("--pull", help='Pull image before running ("always", "missing", "never")', default='"missing"'),
    ] = "missing"
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Suppress the pull output", type=BOOL)] = False
    restart: Annotated[
        str, Opt("--restart", help="Restart policy to apply when a container exits", default='"no"')
    ] = "no"
    rm: Annotated[
        bool,
        Opt(
            "--rm",
            help="Automatically remove the container and its associated anonymous volumes when it exits",
            type=BOOL,
        ),
    ] = False

    def check_lifecycle(self) -> None:
        """Raises UsageFault where the CLI refuses, and for the caller's files."""
        if self.cidfile:
            raise caller_file("--cidfile", hint="The answer shows the container's id.")
        if self.pull not in POLICIES:
            raise refused(
                f'invalid pull option: \'{self.pull}\': must be one of "always", "missing" or "never"'
            )
        try:
            name, _ = restart_policy(self.restart)
            parse_platform(self.platform)
        except ValueError as error:
            raise refused(str(error)) from None
        if self.rm and name not in ("", "no"):
            raise refused("conflicting options: cannot specify both --restart and --rm")
        if any(text.strip().lower().startswith(OWN_LABELS) for text in self.label):
            raise refused(f"labels that begin with {OWN_LABELS} are Docktalk's own")
        try:
            Reference.parse(self.image)
        except ValueError as error:
            if not is_image_id(self.image):
                raise refused(str(error), hint="An image is NAME[:TAG], in lower case.") from None
        if not self.disable_content_trust and "@" not in self.image:
            raise UsageFault(
                "content trust is not offered here: there is no notary to ask",
                reason=Reason.NOT_OFFERED,
                hint="Name the image by digest: NAME@sha256:…",
            )

    def add_lifecycle(self, body: Body, *, job_id: str) -> None:
        """Adds this group's part of the body; ``job_id`` "" leaves no mark on the container."""
        policy, retries = restart_policy(self.restart)
        labels = pairs(self.label) | ({JOB_LABEL: job_id} if job_id else {})
        body.config |= {"Image": self.image, "Cmd": list(self.command), "Labels": labels}
        body.host |= {
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": retries},
            "AutoRemove": self.rm,
        }


def is_image_id(text: str) -> bool:
    """Whether it is a whole image id, which no registry can be asked for."""
    bare = text.removeprefix("sha256:")
    return len(bare) == 64 and not set(bare) - set("0123456789abcdef")


def restart_policy(text: str) -> tuple[str, int]:
    """Name and number of retries; raises ValueError with the CLI's sentence."""
    name, colon, count = text.partition(":")
    if colon and not name:
        raise ValueError("invalid restart policy format: no policy provided before colon")
    if not count:
        return name, 0
    if not count.removeprefix("-").removeprefix("+").isdecimal() or not count.isascii():
        raise ValueError("invalid restart policy format: maximum retry count must be an integer")
    return name, int(count)
