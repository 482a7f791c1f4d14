"""The hosts the bot may send jobs to: named in its own settings, never by a worker or by Redis."""

from pathlib import Path

from pydantic import Field
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from permissions.model import Record


class HostsError(Exception):
    """The hosts file cannot be used; the text names the file and the mistake."""


class Host(Record):
    """One Docker Engine: ``name`` is that of its queue and its worker's key file, ``labels`` are ours."""

    name: str
    labels: dict[str, str] = Field(default_factory=dict)


class Hosts(Record):
    """Every host by name; ``default`` is used where a line names none."""

    default: str
    known: tuple[Host, ...]

    def find(self, name: str | None) -> Host | None:
        """The named host, or the default one; None if there is no such host."""
        wanted = name or self.default
        return next((host for host in self.known if host.name == wanted), None)


def load_hosts(path: Path | None, default: str) -> Hosts:
    """Reads the hosts file (YAML: ``hosts: [{name, labels}]``); without one the default is the only host.

    Raises:
        HostsError: the file cannot be read, is not such a list, or lacks the default host.
    """
    if path is None:
        return Hosts(default=default, known=(Host(name=default),))
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        hosts = Hosts(default=default, known=tuple(Host.model_validate(entry) for entry in data["hosts"]))
    except (OSError, YAMLError, ValueError, KeyError, TypeError) as error:
        raise HostsError(f"{path}: not a list of hosts ({error})") from error
    if hosts.find(None) is None:
        raise HostsError(f"{path}: the default host {default!r} is not in it")
    return hosts
