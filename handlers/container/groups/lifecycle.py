"""The container's image, name and labels, and what becomes of it when it ends."""

from typing import Annotated

from handlers.container.groups.body import Body, caller_file, pairs, refused
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import LABEL
from handlers.grammar.values import BOOL, LIST
from permissions.verbs import Kind

POLICIES = ("always", "missing", "never")


class LifecycleOptions(Command):
    """Image, command, name, labels, restart, removal."""

    image: Annotated[str, Arg("IMAGE", resource=Kind.IMAGE)]
    command: Annotated[tuple[str, ...], Arg("COMMAND", least=0)] = ()

    cidfile: Annotated[str, Opt("--cidfile", help="Write the container ID to the file")] = ""
    disable_content_trust: Annotated[
        bool, Opt("--disable-content-trust", help="Skip image verification", type=BOOL, default="true")
    ] = True
    label: Annotated[
        tuple[str, ...], Opt("-l", "--label", help="Set meta data on a container", type=LABEL)
    ] = ()
    label_file: Annotated[
        tuple[str, ...], Opt("--label-file", help="Read in a line delimited file of labels", type=LIST)
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

    def check_pull(self) -> None:
        """Raises UsageFault for an unknown policy."""
        if self.pull not in ("", *POLICIES):
            raise refused(
                f'invalid pull option: \'{self.pull}\': must be one of "always", "missing" or "never"'
            )

    def check_labels(self) -> None:
        """Raises UsageFault for labels in the caller's files."""
        if self.label_file:
            raise caller_file("--label-file", hint="Give the labels one by one: -l KEY=VALUE.")

    def check_restart(self) -> None:
        """Raises UsageFault for what is no policy."""
        try:
            restart_policy(self.restart)
        except ValueError as error:
            raise refused(
                str(error), hint="Write no, always, unless-stopped or on-failure:3 after --restart."
            ) from None

    def check_removal(self) -> None:
        """Raises UsageFault where a container would be both restarted and removed."""
        if self.rm and restart_policy(self.restart)[0] not in ("", "no"):
            raise refused(
                "conflicting options: cannot specify both --restart and --rm", hint="Leave one of them out."
            )

    def check_cidfile(self) -> None:
        """Raises UsageFault for the caller's file."""
        if self.cidfile:
            raise caller_file("--cidfile", hint="The answer shows the container's id.")

    def add_lifecycle(self, body: Body) -> None:
        """Adds this group's part of the body."""
        policy, retries = restart_policy(self.restart)
        body.config |= {"Image": self.image, "Cmd": list(self.command), "Labels": pairs(self.label)}
        body.host |= {
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": retries},
            "AutoRemove": self.rm,
        }


def is_image_id(text: str) -> bool:
    """Whether it is a whole image id, which no registry can be asked for."""
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def restart_policy(text: str) -> tuple[str, int]:
    """Name and number of retries; raises ValueError with the CLI's sentence."""
    name, colon, count = text.partition(":")
    if colon and not name:
        raise ValueError("invalid restart policy format: no policy provided before colon")
    if not count:
        return name, 0
    digits = count[1:] if count[:1] in ("+", "-") else count
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 18:
        raise ValueError("invalid restart policy format: maximum retry count must be an integer")
    return name, int(count)
