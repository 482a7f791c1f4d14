"""A policy that is well written."""

from bot.policy.file import KnownCommand
from permissions.verbs import Verb

GOOD = """\
version: 1
contact: "#ops-help"
roles:
  viewer:
    description: Looks.
    rules:
      - verbs: [list]
  operator:
    rules:
      - verbs: [operate]
        targets: {container: [web, "api-*"]}
        flags: {deny: [signal]}
      - commands:
          - container rm
        max_danger: LOSES_DATA
bindings:
  - role: viewer
    groups: [S0STAFF]
  - {role: operator, users: [U0ANA], channels: [C0OPS], hosts: ["prod-*"]}
deny:
  - commands: ["*"]
    min_danger: ROOT_EQUIVALENT
    unless: [operator]
"""


ROLE = "version: 1\nroles:\n  r:\n    rules:\n      - "


COMMANDS = (
    KnownCommand(
        path="container ls", verb=Verb.LIST, aliases=("ps", "container ps"), flags=("all", "filter")
    ),
    KnownCommand(path="container stop", verb=Verb.OPERATE, aliases=("stop",), flags=("time", "signal")),
    KnownCommand(path="image ls", verb=Verb.LIST, flags=("all",)),
)
