"""Throttle: how many requests may be under way, and when the next may leave, as the server lets us know."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Throttle:
    """Additive increase, multiplicative decrease: `limit` halves when the server is busy, and grows by one
    per `limit` answers.

    Where the server says how long to wait (Retry-After), nothing leaves before that. An attempt to mend an
    earlier one takes its turn
    as any other: all that were refused together would be refused together again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._under_way = 0
        self._not_before = self._halved = 0.0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._ended = asyncio.Event()

    @property
    def limit(self) -> int:
        return max(1, int(self._limit))

    def answered(self) -> None:
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def busy(self, sent: float, after: float | None) -> None:
        """The server refused, for now, what left at `sent`; whatever left before the limit was halved says
        nothing about the new one.
        """
        now = time.monotonic()
        if sent >= self._halved:
            self._limit, self._halved = max(1.0, self._limit / 2), now
        if after:
            self._not_before = max(self._not_before, now + after)

    def end(self) -> None:
        """Whoever waits, waits no longer: the run is about to stop."""
        self._ended.set()
        self._call(len(self._queue))

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """One request under way, from when it may leave (or the run has ended: look at `ended`); it gives the
        time of that.
        """
        while not self.ended:
            if (left := self._not_before - time.monotonic()) > 0:
                await self.sleep(left)
            elif self._under_way < self.limit:
                break
            else:
                self._queue.append(asyncio.get_running_loop().create_future())
                await self._queue[-1]
        self._under_way += 1
        try:
            yield time.monotonic()
        finally:
            self._under_way -= 1
            self._call(max(1, self.limit - self._under_way))

    def _call(self, many: int) -> None:
        """The longest waiting look again whether they may leave."""
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
