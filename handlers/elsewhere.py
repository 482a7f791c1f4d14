"""Docker commands that are not in the catalogue, each with the words that say why.

A command that gets built leaves this list; a test keeps the two apart and looks for gaps.
"""

from collections.abc import Mapping

NOT_YET = "is not offered here yet"
_BUILD = "is not offered here: a build needs your files; build elsewhere and pull the image"
_SWARM = "is not offered here: this works on single hosts, not on a swarm"
_CLIENT = "is not offered here: it sets up a docker client, and hosts are set up by the operators"
_ENGINE = "is not offered here: it changes the engine itself, which its operators do on the host"
_PROJECT = "is not offered here: a project's files are not on the host"
_TRUST = "is not offered here: signing keys do not belong into a chat"
_LISTS = "is not offered here: it puts lists of images together in the caller's own folder"

_PATHS: Mapping[str, tuple[str, ...]] = {
    _BUILD: ("image build", "build", "builder", "builder build", "buildx", "bake"),
    _SWARM: ("config", "node", "secret", "service", "stack", "swarm"),
    _CLIENT: ("context",),
    _ENGINE: ("plugin", "checkpoint"),
    _PROJECT: ("compose",),
    _TRUST: ("trust",),
    _LISTS: ("manifest",),
}

ELSEWHERE: Mapping[str, str] = {path: why for why, paths in _PATHS.items() for path in paths}
"""Every spelling without the leading ``docker``, and what follows it in the sentence."""
