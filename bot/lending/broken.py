"""What a broken glass leaves in force: a review that somebody has to close, and the grant it is about."""

from bot.lending.lends import Breaking
from bot.store.grants import Grant, Review
from bot.store.records import Draft
from permissions.operation import Principal


def new_review(breaking: Breaking, who: Principal, draft: Draft, review_id: str, now: float) -> Review:
    """The review of a glass that is broken at ``now`` (epoch seconds) for the first line, a draft."""
    record, glass = draft.record, breaking.glass
    return Review(
        id=review_id,
        delivery_id=record.delivery_id,
        grant_id=glass.lent.id,
        role=glass.lent.role,
        team_id=who.team_id,
        user_id=who.user_id,
        user_name=who.name,
        reason=breaking.reason,
        host=record.host,
        verbs=glass.lent.verbs,
        shown=record.shown,
        rule=glass.label,
        incident=draft.operation.incident,
        channel_id=record.channel_id,
        thread_ts=record.thread_ts,
        tell=tuple(one for one in dict.fromkeys(glass.entry.tell) if one != record.channel_id),
        reviewers=glass.entry.reviewers,
        jobs=(record.job_id,),
        ran=1,
        opened_at=now,
        ended_at=glass.lent.until,
    )


def reviewed_grant(breaking: Breaking, review: Review) -> Grant:
    """The grant that a review is about: what the same glass lends."""
    return Grant(
        id=review.grant_id,
        what="break_glass",
        role=review.role,
        team_id=review.team_id,
        user_id=review.user_id,
        user_name=review.user_name,
        hosts=breaking.glass.lent.hosts,
        verbs=review.verbs,
        began_at=review.opened_at,
        until=review.ended_at,
        reason=review.reason,
        incident=review.incident,
        channel_id=review.channel_id,
        thread_ts=review.thread_ts,
        channels=breaking.glass.entry.channels,
        rule=review.rule,
        reviewers=review.reviewers,
    )
