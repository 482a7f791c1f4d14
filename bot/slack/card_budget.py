"""What a card says of a budget: how often more a yes is good for, how far it is used, and how it ended."""

from bot.slack import card_words as say
from bot.slack.blocks import Block, actions, emoji, line, moment, press, section, user, words
from bot.slack.parent import count
from bot.store.approvals import Asked
from bot.store.budgets import Budget
from bot.store.records import Draft
from permissions.approval import State

REVOKE = "budget.revoke"
"""The action id of the button that ends a budget; its value is the line that says so."""

WHY_CHARS = 150


def more_often(asked: Asked) -> list[Block]:
    """What a yes is good for beside the run itself, as a paragraph; nothing where it is not asked for."""
    draft, approval = asked.draft, asked.approval
    given = approval.state is State.APPROVED and bool(approval.ended_by)
    if not isinstance(draft, Draft) or draft.times < 2 or not (given or approval.state is State.OPEN):
        return []
    said = [emoji("repeat"), words(f" And up to {_more(draft)}", bold=True)]
    if given:
        said += [words(" until "), moment(approval.ended_at + draft.within)]
    else:
        said.append(words(f" within {_minutes(draft.within)} of the approval"))
    said += [words(f", for {say.short(asked.operation.incident, 40)}, by "), user(draft.record.user_id)]
    return [section(*said, words(" only, on exactly these objects."))]


def in_words(asked: Asked) -> str:
    """The same for who is about to say yes; "" where it is not asked for."""
    draft = asked.draft
    if not isinstance(draft, Draft) or draft.times < 2:
        return ""
    return f" And up to {_more(draft)} within {_minutes(draft.within)}, without asking."


def standing(budget: Budget) -> list[Block]:
    """How far it is used, with a button that ends it; or how it ended."""
    if budget.over:
        why = say.short(budget.over, WHY_CHARS)
        return [section(words(f"{line(budget.id)} ended: ", bold=True), words(f"{why} ({budget.spoken})."))]
    used = section(words(f"{line(budget.id)}: {budget.spoken}", bold=True))
    sure = ("End it?", "Each further run has to be asked for again. What is queued already runs.")
    spoken = f"Revoke {budget.id}"
    value = f"revoke {budget.id}"
    return [
        used,
        actions(press("Revoke", action_id=REVOKE, value=value, spoken=spoken, danger=True, confirm=sure)),
    ]


def _more(draft: Draft) -> str:
    return f"{draft.times - 1} more {'time' if draft.times == 2 else 'times'}"


def _minutes(seconds: float) -> str:
    return count(round(seconds / 60), "minute")
