"""The peers of the acknowledgement benchmark: a bare AsyncApp, and one that enqueues before it."""

import os
import sys

import redis.asyncio
import uvicorn
import uvloop
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult


async def authorize(**_: object) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None, team_id="T0", bot_id="B0", bot_user_id="U0", bot_token="xoxb-standin-0"
    )


async def main(kind: str) -> None:
    app = AsyncApp(
        signing_secret=os.environ["DOCKTALK_SLACK_SIGNING_SECRET"],
        authorize=authorize,
        process_before_response=True,
    )
    store = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])

    @app.command("/docker")
    async def docker(ack: AsyncAck, body: dict[str, str]) -> None:
        if kind == "enqueue":
            await store.xadd("peer", {"text": body["text"], "user": body["user_id"]})
        await ack()

    config = uvicorn.Config(
        AsyncSlackRequestHandler(app),
        port=int(os.environ["DOCKTALK_HTTP_PORT"]),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
