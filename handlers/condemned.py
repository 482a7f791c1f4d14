"""What the filters of a prune leave alone: listings know fewer filters than prunes do."""

from collections.abc import Iterable, Mapping

from handlers.container.moments import check_moment, moment
from handlers.context import Clock


def spared(conditions: Iterable[str], labels: Mapping[str, str] | None, created: float, clock: Clock) -> bool:
    """Whether ``label``, ``label!`` or ``until`` keep an object with these labels, made at ``created``.

    ``conditions`` are ``name=value`` as they were parsed, ``created`` is epoch seconds. Names that this does
    not know keep nothing; an ``until`` that is no time keeps everything, because the engine refuses it.
    """
    own = labels or {}
    for condition in conditions:
        name, _, value = condition.partition("=")
        if (name == "label" and not _has(own, value)) or (name == "label!" and _has(own, value)):
            return True
        if name == "until" and created > _epoch(value, clock):
            return True
    return False


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def _epoch(text: str, clock: Clock) -> float:
    try:
        check_moment("until", text)
    except ValueError:
        return float("-inf")
    return float(moment(text, clock) or 0)
