"""Throttle: how many requests may be under way, and when the next may leave, as the server lets us know."""

import asyncio
import time


class Throttle:
    """Additive increase, multiplicative decrease: `limit` halves when the server is busy, and grows by one per `limit` answers.

    Where the server says how long to wait (Retry-After), nothing leaves before that.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._not_before = self._halved = 0.0
        self._ended = asyncio.Event()

    @property
    def limit(self) -> int:
        return max(1, int(self._limit))

    def answered(self) -> None:
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def busy(self, after: float | None) -> None:
        """The server refused a request for now. Those that were sent together count once."""
        now = time.monotonic()
        if now - self._halved > 1:
            self._limit, self._halved = max(1.0, self._limit / 2), now
        if after:
            self._not_before = max(self._not_before, now + after)

    def end(self) -> None:
        """Whoever waits, waits no longer: the run is about to stop."""
        self._ended.set()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    async def wait(self) -> None:
        """Until a request may leave."""
        while (left := self._not_before - time.monotonic()) > 0 and not self.ended:
            await self.sleep(left)

    async def sleep(self, seconds: float) -> None:
        """`seconds`, or less if the run stops."""
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return
