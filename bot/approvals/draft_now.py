"""A draft that has waited, with what is true of its place by now: a closed incident opens nothing more."""

from bot.again import Tags
from bot.approvals.words import gone
from bot.hosts import Hosts
from bot.store.approvals import Asked
from bot.store.records import Draft


async def draft_now(draft: Draft, hosts: Hosts, incidents: Tags) -> Draft:
    """The draft with its host's labels and its place's incident of now.

    Raises ApprovalClosed where its host is gone, StoreDown.
    """
    record = draft.record
    host = hosts.find(record.host)
    if host is None:
        raise gone()
    tag = await incidents.tag(record.channel_id, record.thread_ts)
    operation = draft.operation.model_copy(update={"host_labels": host.labels, "incident": tag})
    return draft.model_copy(update={"record": record.model_copy(update={"operation": operation})})


async def tagged_still(asked: Asked, incidents: Tags) -> Asked:
    """What waits, without its incident once that is closed: what an open one opens ends with it."""
    record, approval = asked.draft.record, asked.approval
    if approval.incident in {"", await incidents.tag(record.channel_id, record.thread_ts)}:
        return asked
    # Where nobody typed a reason it was the incident's name.
    reason = "" if approval.reason == approval.incident else approval.reason
    closed = approval.model_copy(update={"incident": "", "reason": reason})
    return asked.model_copy(update={"approval": closed})
