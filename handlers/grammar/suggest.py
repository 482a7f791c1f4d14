"""Did-you-mean: the words of a vocabulary that a misspelt word is close to.

The caller chooses the vocabulary, so that nobody is pointed at what they may not see.
"""

from collections.abc import Iterable


def closest(word: str, vocabulary: Iterable[str]) -> tuple[str, ...]:
    """The words at the smallest distance from ``word`` within a bound that grows with its length, sorted.

    Without any, the words that ``word`` begins (``no-t`` for ``no-trunc``).
    """
    wanted = word.lower()
    best: list[str] = []
    bound = min(3, 1 + len(wanted) // 4)
    known = set(vocabulary)
    for candidate in known:
        far = distance(wanted, candidate.lower(), bound)
        if far < bound:
            best, bound = [candidate], far
        elif far == bound:
            best.append(candidate)
    if not best and len(wanted) >= 2:
        best = [candidate for candidate in known if candidate.startswith(wanted)]
    return tuple(sorted(best))


def distance(left: str, right: str, bound: int) -> int:
    """Insertions, deletions, changes, swaps of neighbours between the two; ``bound + 1`` for more."""
    if abs(len(left) - len(right)) > bound:
        return bound + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        before, above, row = row, before, [i]
        for j, b in enumerate(right, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > bound:
            return bound + 1
    return min(row[-1], bound + 1)


def sentence(words: Iterable[str]) -> str:
    """``Did you mean `start` or `stats`?``, or "" without words."""
    shown = [f"`{word}`" for word in words][:3]
    return f"Did you mean {' or '.join(shown)}?" if shown else ""
