"""What the cards of an approval say in words: what runs, what it does to what, who has to agree."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.jobs.wire import Target
from bot.slack.blocks import Block, clean, code, cut, line, moment, user, words
from bot.slack.parent import count
from bot.store.approvals import Asked
from bot.store.grants import GrantDraft
from bot.store.records import RequestRecord
from bot.times import spoken_time
from handlers.format.units import size
from permissions.approval import Step, Threshold, Voter, possible, seated
from permissions.verbs import Danger, Verb

NAME_CHARS = 80
WAYS = 6
"""The most ways to a yes that are told."""
LISTED_CHARS = 88
TARGETS = 3
"""The most targets that a card shows; its details show more."""

_LEAVES = {
    "commit": "makes an image from",
    "connect": "connects",
    "cp": "copies files of",
    "disconnect": "disconnects",
    "exec": "runs a program in",
    "export": "hands out the files of",
    "kill": "kills",
    "pause": "pauses",
    "prune": "deletes",
    "rename": "gives another name to",
    "restart": "restarts",
    "rm": "deletes",
    "save": "hands out",
    "start": "starts",
    "stop": "stops",
    "tag": "gives a name to",
    "unpause": "lets go on",
    "update": "changes the settings of",
}
_VERBS = {
    Verb.LIST: "lists",
    Verb.REVEAL: "shows",
    Verb.OPERATE: "operates",
    Verb.CREATE: "makes something new from",
    Verb.CHANGE: "changes",
    Verb.DESTROY: "deletes",
    Verb.EXEC: "runs a program in",
    Verb.TRANSFER: "moves data of",
    Verb.REGISTRY: "exchanges with a registry",
    Verb.ADMIN: "administers",
}
_ALONE = {
    "container create": "makes a new container",
    "container run": "makes and starts a new container",
    "image import": "makes a new image",
    "image load": "brings in images",
    "image pull": "downloads an image",
    "image push": "uploads an image",
    "login": "logs in to a registry",
    "logout": "logs out of a registry",
    "network create": "makes a new network",
    "volume create": "makes a new volume",
}
"""Commands whose targets, where they have any, are not what they are about."""

_CONSEQUENCES = {
    Danger.SAFE: "",
    Danger.INTERRUPTS: "Whoever uses it is interrupted.",
    Danger.LOSES_DATA: "This cannot be undone.",
    Danger.ROOT_EQUIVALENT: "This is as good as root on the host, and cannot be undone.",
}


def whole_line(record: RequestRecord) -> str:
    """The command line with every blank that it has, cleaned, with its program before it."""
    shown = clean(record.shown).strip()
    return shown if shown.startswith(("docker ", "docktalk ")) else f"docker {shown}".strip()


def hides(record: RequestRecord) -> bool:
    """Whether the line holds characters that are not shown."""
    return clean(record.shown) != record.shown


def name(text: str) -> str:
    """A name of somebody or something, short."""
    return short(text, NAME_CHARS) or "?"


def short(text: str, limit: int) -> str:
    """The text on one line, cleaned and cut; what could not be shown anyhow is not looked at."""
    return cut(line(text[: 8 * limit]), limit)


def group(group_id: str) -> Block:
    """A user group; Slack shows its handle."""
    return {"type": "usergroup", "usergroup_id": group_id}


def log_line(text: str, limit: int) -> str:
    """A line of a log with its blanks, by itself: what it leaves open takes nothing of the next one."""
    return cut(clean(text[: 8 * limit]).replace("\n", " "), limit)


def nothing(asked: Asked) -> str:
    """What became of what nobody agreed to."""
    return "nothing was lent" if isinstance(asked.draft, GrantDraft) else "nothing was run"


def people(user_ids: Sequence[str]) -> list[Block]:
    """The first of them, mentioned, and how many more."""
    others = [words(f" {one}") for one in more(len(user_ids) - TARGETS)]
    return [*joined([[user(one)] for one in user_ids[:TARGETS]]), *others]


def hosts(asked: Asked) -> list[str]:
    """Where it would be: a job's host, or those that a role would be lent for; the first ones."""
    draft = asked.draft
    if not isinstance(draft, GrantDraft):
        return [name(draft.record.host)]
    return [*(name(one) for one in draft.hosts[:TARGETS]), *more(len(draft.hosts) - TARGETS)]


def gives(draft: GrantDraft) -> list[Block]:
    """What a role would let its holder do, for how long."""
    said = [
        code(name(draft.role)),
        words(f" for {spoken_time(draft.seconds)} from the approval on. It gives:"),
    ]
    return [*said, *(words(f"\n• {short(one, 160)}") for one in draft.may or ("nothing by itself",))]


def purpose(asked: Asked) -> str:
    """What is asked for: ``restart container web``."""
    if isinstance(asked.draft, GrantDraft):
        return line(f"lend the role {name(asked.draft.role)}")
    *kind, leaf = asked.operation.command.split() or ["?"]
    named = asked.operation.resources
    targets = " ".join([*(name(one.name) for one in named[:TARGETS]), *more(len(named) - TARGETS)])
    return line(" ".join([{"rm": "remove"}.get(leaf, leaf), *kind, targets]))


def does(asked: Asked) -> list[Block]:
    """What it does, to which targets, and what follows from that."""
    operation = asked.operation
    targets = asked.probed.targets if asked.probed else ()
    alone = _ALONE.get(operation.command)
    leaf = operation.command.rpartition(" ")[2]
    phrase = alone or _LEAVES.get(leaf, _VERBS[operation.verb])
    said = [words(phrase)]
    if targets:
        said.append(words(", using " if alone else " "))
        if len(targets) > 1 or targets[0].bound.of_set:
            said.append(words(f"{_several(targets)}: "))
        said += joined([_object(one) for one in targets[:TARGETS]])
        said += [words(f" {one}") for one in more(len(targets) - TARGETS)]
    elif not alone:
        said.append(words(" nothing that is there now"))
    consequence = _CONSEQUENCES[operation.danger]
    if operation.verb is Verb.EXEC and operation.danger is Danger.INTERRUPTS:
        consequence = "What it does to whoever uses it, the program decides."
    if any(one.bound.of_set for one in targets):
        said.append(words(". Nothing else goes, and what is used by then stays"))
    return [*said, words("."), *([words(f" {consequence}", bold=True)] if consequence else [])]


def _several(targets: Sequence[Target]) -> str:
    """How many objects of which kinds; of what a prune found also how many bytes."""
    kinds = Counter(one.bound.what for one in targets)
    said = [count(many, f"{what} record" if what == "build cache" else what) for what, many in kinds.items()]
    weight = sum(one.bound.bytes for one in targets)
    return f"{', '.join(said)}{f' (up to {size(weight)})' if weight else ''}"


def listed(targets: Sequence[Target]) -> str:
    """A line for each object of what a prune found, "" for others."""
    bounds = [one.bound for one in targets if one.bound.of_set]
    shown = (f"{one.what} {name(one.name)} {line(one.id)[:19]} {size(one.bytes)}" for one in bounds)
    return "\n".join(short(text, LISTED_CHARS) for text in shown)


def _object(target: Target) -> list[Block]:
    """Its name and its image; how it fares is a paragraph of its own."""
    image = short(target.image, 100)
    return [code(name(target.bound.name)), *([words(f" ({image})")] if image else [])]


def state_of(target: Target) -> list[Block]:
    """A target's state now, in one paragraph."""
    facts = [state] if (state := short(target.state, 100)) else []
    if target.restarts:
        facts.append(f"restarted {count(target.restarts, 'time')}")
    if target.exit_code is not None:
        facts.append(f"last exit {target.exit_code}")
    if ports := short(target.ports, 120):
        facts.append(f"ports {ports}")
    if target.peers:
        peers = ", ".join(name(peer) for peer in target.peers[:TARGETS])
        facts.append(" ".join([f"shares its networks with {peers}", *more(len(target.peers) - TARGETS)]))
    said = " · ".join(facts)
    return [words(f"{target.bound.what} "), code(name(target.bound.name)), words(f": {said or 'is there'}")]


def needs(asked: Asked, voters: Mapping[str, Voter]) -> list[Block]:
    """Every way that still leads to a yes, each on its line, with how far it has come."""
    ways = list(possible(asked.approval))
    if not ways:
        return [words("Nobody can approve this: every way to a yes asks for another reason.", bold=True)]
    said = [words("Needs ", bold=True)]
    for number, threshold in enumerate(ways[:WAYS]):
        said += [words("\nor ")] if number else []
        if threshold.after:
            said += [words("from "), moment(asked.approval.asked_at + threshold.after), words(" on: ")]
        said += _way(threshold)
        said += _progress(threshold, asked, voters)
    return [*said, *(words(f"\n{one} ways") for one in more(len(ways) - WAYS))]


def deciders(asked: Asked, at: float) -> list[Block]:
    """Who could decide it at a moment (epoch seconds), first those who were added last."""
    begun = [way for way in possible(asked.approval) if asked.approval.asked_at + way.after <= at]
    begun.sort(key=lambda way: -way.after)
    others = [words(f" {one} ways") for one in more(len(begun) - WAYS)]
    return [*joined([_way(way) for way in begun[:WAYS]], ", or "), *others] or [words("nobody yet")]


def _way(threshold: Threshold) -> list[Block]:
    return joined([step(one) for one in threshold.steps], " and ")


def _progress(threshold: Threshold, asked: Asked, voters: Mapping[str, Voter]) -> Iterator[Block]:
    there = seated(threshold, asked.approval, voters)
    places = sum(one.people for one in threshold.steps)
    if there:
        yield words(f" ({len(there)} of {places}: ", bold=True)
        yield from joined([[user(one)] for one in there])
        yield words(")", bold=True)


def step(one: Step) -> list[Block]:
    """Whom a step asks for: ``2 of @sre or with the role lead``."""
    named = [*map(group, one.groups), *map(user, one.users)]
    parts = joined([[who] for who in named[:TARGETS]], ", ")
    parts += [words(f" {more}") for more in more(len(named) - TARGETS)]
    if parts:
        parts = [words(f"{one.people} of "), *parts]
    if one.roles:
        roles = " or ".join(cut(role, 40) for role in one.roles[:TARGETS])
        somebody = "somebody" if one.people == 1 else f"{one.people} people"
        parts.append(words(" or with the role " if parts else f"{somebody} with the role "))
        parts.append(words(" ".join([roles, *more(len(one.roles) - TARGETS)])))
    return parts or [words("nobody")]


def joined(parts: Iterable[Sequence[Block]], between: str = ", ") -> list[Block]:
    """All of them, with these words between two."""
    said: list[Block] = []
    for part in parts:
        said += [words(between), *part] if said else part
    return said


def more(left_out: int) -> list[str]:
    """That so many are not shown, as a list of one or none."""
    return [f"and {left_out:,} more"] if left_out > 0 else []
