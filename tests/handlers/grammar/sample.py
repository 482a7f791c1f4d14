"""Commands declared for these tests alone, one for each rule of the grammar."""

from typing import Annotated

from handlers.faults import UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lists import ATTACH, ENV, EXTRA_HOST, IP_LIST, LABEL, NETWORK, STRINGS
from handlers.grammar.lookup import Catalogue
from handlers.grammar.values import BOOL, BYTES, DECIMAL, DURATION, FILTER, INT, LIST, SWAP_BYTES, UINT16
from permissions.verbs import Danger, Kind, Verb


class Restart(
    Command,
    path="container restart",
    aliases=("restart",),
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    example="docker container restart web -t 2",
):
    """Restart one or more containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    signal: Annotated[str | None, Opt("-s", "--signal", help="Signal to send to the container")] = None
    timeout: Annotated[
        int | None,
        Opt(
            "-t",
            "--timeout",
            deprecated=("--time",),
            help="Seconds to wait before killing the container",
            type=INT,
        ),
    ] = None


class Ls(
    Command,
    path="container ls",
    aliases=("container list", "container ps", "ps"),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker ps -a",
):
    """List containers."""

    all: Annotated[
        bool, Opt("-a", "--all", help="Show all containers (default shows just running)", type=BOOL)
    ] = False
    filter: Annotated[
        tuple[str, ...], Opt("-f", "--filter", help="Filter output based on conditions provided", type=FILTER)
    ] = ()
    last: Annotated[
        int,
        Opt(
            "-n",
            "--last",
            help="Show n last created containers (includes all states)",
            type=INT,
            default="-1",
        ),
    ] = -1
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Don't truncate output", type=BOOL)] = False
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Only display container IDs", type=BOOL)] = False
    size: Annotated[bool, Opt("-s", "--size", help="Display total file sizes", type=BOOL)] = False


class Run(
    Command,
    path="container run",
    aliases=("run",),
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker run -d --name web nginx",
    usage="[OPTIONS] IMAGE [COMMAND] [ARG...]",
    interspersed=False,
):
    """Create and run a new container from an image."""

    image: Annotated[str, Arg("IMAGE", resource=Kind.IMAGE)]
    command: Annotated[tuple[str, ...], Arg("ARG", least=0)] = ()
    add_host: Annotated[
        tuple[str, ...],
        Opt("--add-host", help="Add a custom host-to-IP mapping (host:ip)", type=EXTRA_HOST),
    ] = ()
    attach: Annotated[
        tuple[str, ...], Opt("-a", "--attach", help="Attach to STDIN, STDOUT or STDERR", type=ATTACH)
    ] = ()
    blkio_weight: Annotated[
        int | None,
        Opt(
            "--blkio-weight",
            help="Block IO (relative weight), between 10 and 1000, or 0 to disable",
            type=UINT16,
            default="0",
        ),
    ] = None
    cpu_shares: Annotated[
        int | None, Opt("-c", "--cpu-shares", help="CPU shares (relative weight)", type=INT)
    ] = None
    cpus: Annotated[int | None, Opt("--cpus", help="Number of CPUs", type=DECIMAL)] = None
    detach: Annotated[
        bool,
        Opt("-d", "--detach", help="Run container in background and print container ID", type=BOOL),
    ] = False
    dns: Annotated[tuple[str, ...], Opt("--dns", help="Set custom DNS servers", type=IP_LIST)] = ()
    env: Annotated[
        tuple[str, ...], Opt("-e", "--env", help="Set environment variables", type=ENV, secret=True)
    ] = ()
    health_start_interval: Annotated[
        int | None,
        Opt(
            "--health-start-interval",
            help="Time between running the check during the start period (ms|s|m|h)",
            type=DURATION,
            default="0s",
            min_api=(1, 44),
        ),
    ] = None
    hostname: Annotated[str | None, Opt("-h", "--hostname", help="Container host name")] = None
    interactive: Annotated[
        bool, Opt("-i", "--interactive", help="Keep STDIN open even if not attached", type=BOOL)
    ] = False
    label: Annotated[
        tuple[str, ...], Opt("-l", "--label", help="Set meta data on a container", type=LABEL)
    ] = ()
    memory: Annotated[int | None, Opt("-m", "--memory", help="Memory limit", type=BYTES)] = None
    memory_swap: Annotated[
        int | None,
        Opt(
            "--memory-swap",
            help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
            type=SWAP_BYTES,
        ),
    ] = None
    name: Annotated[str | None, Opt("--name", help="Assign a name to the container")] = None
    network: Annotated[
        tuple[str, ...],
        Opt("--network", help="Connect a container to a network", type=NETWORK, hidden_names=("--net",)),
    ] = ()
    privileged: Annotated[
        bool,
        Opt(
            "--privileged",
            help="Give extended privileges to this container",
            type=BOOL,
            danger=Danger.ROOT_EQUIVALENT,
        ),
    ] = False
    publish: Annotated[
        tuple[str, ...], Opt("-p", "--publish", help="Publish a container's port(s) to the host", type=LIST)
    ] = ()
    restart: Annotated[
        str | None,
        Opt("--restart", help="Restart policy to apply when a container exits", default='"no"'),
    ] = None
    rm: Annotated[
        bool,
        Opt(
            "--rm",
            help="Automatically remove the container and its associated anonymous volumes when it exits",
            type=BOOL,
        ),
    ] = False
    sig_proxy: Annotated[
        bool, Opt("--sig-proxy", help="Proxy received signals to the process", type=BOOL, default="true")
    ] = True
    tty: Annotated[bool, Opt("-t", "--tty", help="Allocate a pseudo-TTY", type=BOOL)] = False

    def check(self) -> None:
        if self.rm and self.restart:
            raise UsageFault("docker: conflicting options: cannot specify both --restart and --rm")
        if self.detach and self.attach:
            raise UsageFault("conflicting options: cannot specify both --attach and --detach", exit_code=1)


class ImageLs(
    Command,
    path="image ls",
    aliases=("image list", "images"),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker images",
):
    """List images."""

    repository: Annotated[str | None, Arg("REPOSITORY[:TAG]")] = None
    digests: Annotated[bool, Opt("--digests", help="Show digests", type=BOOL)] = False
    format: Annotated[str | None, Opt("--format", help="Format output using a custom template")] = None
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Don't truncate output", type=BOOL)] = False


class Rename(
    Command,
    path="container rename",
    aliases=("rename",),
    verb=Verb.CHANGE,
    danger=Danger.SAFE,
    example="docker rename old new",
):
    """Rename a container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    new_name: Annotated[str, Arg("NEW_NAME")]


class Commit(
    Command,
    path="container commit",
    aliases=("commit",),
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker commit web web:v2",
    interspersed=False,
):
    """Create a new image from a container's changes."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    repository: Annotated[str | None, Arg("REPOSITORY[:TAG]")] = None
    message: Annotated[str | None, Opt("-m", "--message", help="Commit message")] = None


class NetworkCreate(
    Command,
    path="network create",
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker network create -d=bridge web-network",
):
    """Create a network."""

    network: Annotated[str, Arg("NETWORK", resource=Kind.NETWORK)]
    driver: Annotated[str | None, Opt("-d", "--driver", help="Driver to manage the Network")] = None
    subnet: Annotated[tuple[str, ...], Opt("--subnet", help="Subnet in CIDR format", type=STRINGS)] = ()


class NetworkDisconnect(
    Command,
    path="network disconnect",
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,
    example="docker network disconnect web-network web",
):
    """Disconnect a container from a network."""

    network: Annotated[str, Arg("NETWORK", resource=Kind.NETWORK)]
    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    force: Annotated[
        bool, Opt("-f", "--force", help="Force the container to disconnect from a network", type=BOOL)
    ] = False


class Login(
    Command,
    path="login",
    verb=Verb.REGISTRY,
    danger=Danger.SAFE,
    example="docker login -u me registry.example.com",
):
    """Authenticate to a registry."""

    server: Annotated[str | None, Arg("SERVER", resource=Kind.REGISTRY)] = None
    username: Annotated[str | None, Opt("-u", "--username", help="Username")] = None
    password: Annotated[str | None, Opt("-p", "--password", help="Password", secret=True)] = None
    password_stdin: Annotated[
        bool, Opt("--password-stdin", help="Take the Password from stdin", type=BOOL)
    ] = False


class Version(Command, path="version", verb=Verb.LIST, danger=Danger.SAFE, example="docker version"):
    """Show the Docker version information."""

    format: Annotated[str | None, Opt("-f", "--format", help="Format output using a custom template")] = None


CATALOGUE = Catalogue(
    [Restart, Ls, Run, ImageLs, Rename, Commit, NetworkCreate, NetworkDisconnect, Login, Version]
)
