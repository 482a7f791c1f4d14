"""Samples of several containers as they come: threads read them, a board says when there is news to show."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from handlers.container.sample import Sample
from handlers.context import Context, Json, ObjectStream
from handlers.faults import Fault

TOO_OLD = 2
"""After so many refreshes without a new sample a row's numbers are not shown any more."""

PATIENCE = 4
"""So many samples of one row are waited for the first one of another."""


class Board:
    """The rows of a refresh; ``show`` gets them whenever one is due.

    The engine samples each container about once a second. A refresh is due when every row that speaks has
    spoken since the last one, or when one is about to speak twice: the others are late then. Only a row that
    is new is waited for longer.
    """

    def __init__(self, show: Callable[[tuple[Sample, ...]], None], *, truncate: bool) -> None:
        self._show = show
        self._truncate = truncate
        self._rows: dict[str, Sample] = {}
        self._missed: dict[str, int] = {}
        self._spoken: dict[str, int] = {}

    @property
    def rows(self) -> tuple[Sample, ...]:
        """In the order they were added."""
        return tuple(self._rows.values())

    def add(self, container: str) -> Sample | None:
        """A new row; None where there is one already."""
        if container in self._rows:
            return None
        self._missed[container] = 0
        self._rows[container] = row = Sample(container, self._truncate)
        return row

    def has(self, row: Sample) -> bool:
        """Whether the row is still here."""
        return self._rows.get(row.container) is row

    def remove(self, container: str) -> None:
        """Takes a row off, if there is one."""
        self._rows.pop(container, None)
        self._missed.pop(container, None)
        self._spoken.pop(container, None)

    def take(self, row: Sample, data: Json) -> None:
        """Puts a sample on its row."""
        spoken = self._spoken.get(row.container, 0)
        if spoken and (spoken >= PATIENCE or not self._expects()):
            self._refresh()
            spoken = 0
        row.data, row.stale = data, False
        self._missed[row.container] = 0
        self._spoken[row.container] = spoken + 1
        if all(name in self._spoken or missed >= TOO_OLD for name, missed in self._missed.items()):
            self._refresh()

    def silence(self) -> None:
        """Nothing came for a while: shows that once."""
        silent = self._missed.keys() - self._spoken
        if self._spoken or any(self._missed[name] < TOO_OLD for name in silent):
            self._missed.update(dict.fromkeys(silent, TOO_OLD))
            self._refresh()

    def _expects(self) -> bool:
        """Whether a row has still to speak for the first time."""
        return any(
            not row.data and self._missed[name] == 0 and name not in self._spoken
            for name, row in self._rows.items()
        )

    def _refresh(self) -> None:
        for name in self._missed.keys() - self._spoken:
            self._missed[name] = min(self._missed[name] + 1, TOO_OLD)
            self._rows[name].stale = self._rows[name].stale or self._missed[name] == TOO_OLD
        self._spoken.clear()
        self._show(self.rows)


class Feed:
    """Reads streams in threads of their own and hands out what comes, in one queue.

    ``row`` is None for the one stream that is about no container.
    """

    def __init__(self, ctx: Context) -> None:
        self._news: SimpleQueue[tuple[Sample | None, Json | Exception | None]] = SimpleQueue()
        self._streams: dict[Sample | None, ObjectStream] = {}
        self._unwanted: set[Sample | None] = set()
        self._over = False
        self._lock = threading.Lock()
        # Whoever waits in `next` has to look whether the job goes on.
        ctx.on_cancel(lambda: self._news.put((None, None)))

    def read(self, row: Sample | None, connect: Callable[[], ObjectStream]) -> None:
        """Begins to read what ``connect`` opens."""
        threading.Thread(target=self._read, args=(row, connect), daemon=True).start()

    def next(self, seconds: float) -> tuple[Sample | None, Json | Fault | None] | None:
        """The next object of a stream, its Fault, or None at its end; None after ``seconds`` of silence."""
        try:
            row, item = self._news.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(item, Exception) and not isinstance(item, Fault):
            raise item
        return row, item

    def drop(self, row: Sample | None) -> None:
        """Nothing more is wanted of that stream."""
        with self._lock:
            self._unwanted.add(row)
            stream = self._streams.pop(row, None)
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Ends all reading."""
        with self._lock:
            self._over = True
            streams = list(self._streams.values())
        for stream in streams:
            stream.close()

    def _read(self, row: Sample | None, connect: Callable[[], ObjectStream]) -> None:
        end: Exception | None = None
        try:
            stream = connect()
            with self._lock:
                wanted = not self._over and row not in self._unwanted
                if wanted:
                    self._streams[row] = stream
            if not wanted:
                stream.close()
                return
            for item in stream:
                self._news.put((row, item))
        except Exception as error:  # noqa: BLE001 - raised where the news are taken
            end = error
        self._news.put((row, end))
