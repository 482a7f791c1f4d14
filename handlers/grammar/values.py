"""Value types: how the text of an option becomes a value, with Go's and pflag's rules and messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ValueType:
    """One of docker's option types.

    ``word`` stands behind the option in help (``string``, ``int``, ``list``, ``bytes``…; "" for a bool).
    ``parse`` turns one text into one value and raises ValueError with the CLI's own message.
    ``repeatable`` options collect a tuple, others keep the last. ``bare`` is the text a bare option
    stands for (pflag's NoOptDefVal): "true" for a bool.
    """

    word: str
    parse: Callable[[str], Any]
    repeatable: bool = False
    bare: str | None = None


STRING = ValueType("string", str)
