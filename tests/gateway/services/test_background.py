"""Work behind requests: it is forgotten when it ends, and ends with the gateway."""

import asyncio

from gateway.services.background import Background


def test_work_is_forgotten_when_it_ends() -> None:
    async def play() -> None:
        own, go_on = Background(), asyncio.Event()

        async def work() -> None:
            await go_on.wait()

        own.start("one", work())
        own.start("two", work())
        assert len(own) == 2
        go_on.set()
        await asyncio.sleep(0.01)
        assert len(own) == 0

    asyncio.run(play())


def test_all_work_ends_when_the_gateway_stops() -> None:
    async def play() -> None:
        own, ended = Background(), []

        async def work(name: str) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(name)

        for name in ("one", "two"):
            own.start(name, work(name))
        await asyncio.sleep(0)
        await own.stop()
        assert sorted(ended) == ["one", "two"]
        assert len(own) == 0

    asyncio.run(play())
