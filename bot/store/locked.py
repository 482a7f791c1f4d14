"""Records under the bot's own key: who writes to Redis can lose one or move it, neither read nor make one."""

from typing import Generic, Protocol, TypeVar

from permissions.model import Record


class Locks(Protocol):
    """The part of BotKeys that stores need."""

    def lock(self, data: bytes) -> str:
        """Encrypts and authenticates."""
        ...

    def unlock(self, text: str) -> bytes:
        """The bytes again; raises ValueError when altered."""
        ...


Kind = TypeVar("Kind", bound=Record)


class Locked(Generic[Kind]):
    """One kind of record. ``purpose`` tells it from every other kind that the same key locks."""

    def __init__(self, locks: Locks, model: type[Kind], purpose: str) -> None:
        self._locks = locks
        self.model = model
        self._head = f"docktalk {purpose}\n".encode()

    def lock(self, record: Kind) -> str:
        """What may lie in the store."""
        return self._locks.lock(self._head + record.model_dump_json().encode())

    def unlock(self, blob: bytes) -> Kind | None:
        """The record; None for what was altered, or locked as another kind.

        It may have been moved here from another key of the store: whether it belongs here is the caller's
        to check.
        """
        try:
            text = self._locks.unlock(blob.decode())
            if not text.startswith(self._head):
                return None
            return self.model.model_validate_json(text.removeprefix(self._head))
        except ValueError:  # pydantic's ValidationError is one
            return None
