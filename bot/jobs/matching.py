"""A person's pattern against lines that may be anything: no pattern can keep a process busy."""

import time

import regex

PATTERN_CHARS = 200
LINE_CHARS = 4_096
"""What of a line is looked at."""
LINE_SECONDS = 0.05
"""The longest that one line may take."""
USUAL_SECONDS = 50e-6
"""What a line may take on the average, once the budget is spent: many lines are no fault of the pattern."""


class BadPattern(ValueError):  # noqa: N818 - reads as a sentence
    """The text is no pattern; the sentence says why."""


class TooSlow(Exception):  # noqa: N818 - reads as a sentence
    """The pattern takes too long on these lines."""


class Matcher:
    """A regular expression with a time limit: ``budget`` seconds for all lines until :meth:`renew`.

    Raises BadPattern.
    """

    def __init__(self, pattern: str, budget: float) -> None:
        if len(pattern) > PATTERN_CHARS:
            raise BadPattern(f"a pattern has at most {PATTERN_CHARS} characters")
        try:
            self._regex = regex.compile(pattern)
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            raise BadPattern(str(error)) from None
        self._plain = pattern if regex.escape(pattern, special_only=True) == pattern else None
        self._budget = budget
        self.renew()

    def fits(self, line: str) -> bool:
        """Whether the pattern is in the line; raises TooSlow."""
        line = line[:LINE_CHARS]
        if self._plain is not None:
            return self._plain in line
        begun = time.perf_counter()
        try:
            # Concurrent: other threads go on meanwhile.
            return self._regex.search(line, timeout=LINE_SECONDS, concurrent=True) is not None
        except TimeoutError:
            raise TooSlow from None
        finally:
            self._lines += 1
            self._spent += time.perf_counter() - begun
            if self._spent > self._budget and self._spent > self._lines * USUAL_SECONDS:
                raise TooSlow

    def renew(self) -> None:
        """The lines from now on have the whole budget again."""
        self._spent = 0.0
        self._lines = 0
