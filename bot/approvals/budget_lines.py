"""The line about budgets under ``/docktalk``; :mod:`bot.own.revoke_lines` has the one that ends them."""

from handlers.grammar.command import Command
from permissions.verbs import Danger, Verb


class Budgets(Command, path="budgets", verb=Verb.LIST, danger=Danger.SAFE, example="budgets"):
    """List what may run again here without asking: how often still, and until when."""


LINES = (Budgets,)
