"""What is bound, and what it is by now, compared for whoever agreed."""

import pytest

from permissions.approval import Bound, moved
from permissions.verbs import Kind

WEB = Bound(
    kind=Kind.CONTAINER, name="web", id="1" * 64, image="sha256:aa", parts={"Config": "c", "Mounts": "m"}
)


def changed(**changes) -> Bound:
    return WEB.model_copy(update=changes)


NET = Bound(kind=Kind.NETWORK, name="net", id="a")
TWIN = NET.model_copy(update={"id": "b"})
OLD = Bound(kind=Kind.CONTAINER, name="old", id="3" * 64, of_set=True, bytes=5)
MOVES = {
    "nothing": ((WEB,), (WEB,), []),
    "nothing at all": ((), (), []),
    "only the order": ((WEB, NET), (NET, WEB), []),
    "gone": ((WEB,), (), ["container web is gone"]),
    "new": ((WEB,), (WEB, NET), ["network net is new"]),
    "recreated under its name": (
        (WEB,),
        (changed(id="2" * 64),),
        ["container web is another one: 2222222222222222222, was 1111111111111111111"],
    ),
    "of another image": (
        (WEB,),
        (changed(image="sha256:bb"),),
        ["container web: its image is sha256:bb, was sha256:aa"],
    ),
    "another part": (
        (WEB,),
        (changed(parts={"Config": "x", "Mounts": "m"}),),
        ["container web: Config has changed"],
    ),
    "a part more and one less": (
        (WEB,),
        (changed(parts={"Config": "c", "HostConfig": "h"}),),
        ["container web: HostConfig has changed", "container web: Mounts has changed"],
    ),
    "renamed": ((WEB,), (changed(name="api"),), ["container web is gone", "container api is new"]),
    "another kind of the same name": (
        (changed(kind=Kind.VOLUME),),
        (WEB,),
        ["volume web is gone", "container web is new"],
    ),
    "two of one name": ((NET, TWIN), (TWIN, NET), []),
    "one of two of one name": (
        (NET, TWIN),
        (TWIN, NET.model_copy(update={"id": "c"})),
        ["network net is another one: c, was a"],
    ),
    "two of one name became one": ((NET, TWIN), (TWIN,), ["network net is gone"]),
    "one left the set": ((WEB, OLD), (WEB,), []),
    "one joined the set": ((WEB,), (WEB, OLD), []),
    "one of the set was changed": ((OLD,), (OLD.model_copy(update={"id": "9"}),), []),
    "one of the set for one that was named": ((WEB,), (changed(of_set=True),), ["container web is gone"]),
    "one that was named for one of the set": ((changed(of_set=True),), (WEB,), ["container web is new"]),
}


@pytest.mark.parametrize(("bound", "now", "lines"), MOVES.values(), ids=MOVES)
def test_what_moved_is_said_line_by_line(bound, now, lines):
    assert moved(bound, now) == lines
