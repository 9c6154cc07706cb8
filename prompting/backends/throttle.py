"""Throttle: how many requests may be in flight, and when the next may leave, by what the server says."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Throttle:
    """Additive increase, multiplicative decrease: `limit` halves when the server is busy, and grows by one
    for `limit` answers.

    Where the server says how long to wait (Retry-After), nothing leaves before that. A second attempt takes
    its turn as any other, since requests that were refused together would be refused together again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._in_flight = 0
        self._not_before = self._halved = 0.0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._ended = asyncio.Event()

    @property
    def limit(self) -> int:
        return max(1, int(self._limit))

    def answered(self) -> None:
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def busy(self, sent: float, after: float | None) -> None:
        """Note that the server refused for now what left at `sent`, and asks to wait `after` seconds.

        A request that left before the limit was halved says nothing about the new limit.
        """
        now = time.monotonic()
        if sent >= self._halved:
            self._limit, self._halved = max(1.0, self._limit / 2), now
        if after:
            self._not_before = max(self._not_before, now + after)

    def end(self) -> None:
        """End all waiting, since the run is about to stop."""
        self._ended.set()
        self._wake(len(self._queue))

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Enter when one more request may leave, or the run has ended (see `ended`); gives that time."""
        while not self.ended:
            if (left := self._not_before - time.monotonic()) > 0:
                await self.sleep(left)
            elif self._in_flight < self.limit:
                break
            else:
                self._queue.append(asyncio.get_running_loop().create_future())
                await self._queue[-1]
        self._in_flight += 1
        try:
            yield time.monotonic()
        finally:
            self._in_flight -= 1
            self._wake(max(1, self.limit - self._in_flight))

    def _wake(self, many: int) -> None:
        """Let those that wait longest look again whether they may leave."""
        for _ in range(min(many, len(self._queue))):
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """`seconds`, or less if the run stops."""
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return
