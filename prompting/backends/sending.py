"""Sending: many requests to one server at a time, each brought to exactly one completion or one named
error.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import cast

import tenacity

from prompting.backends.model import Completion, ModelOptions, Request
from prompting.backends.replies import Failed
from prompting.backends.throttle import Throttle
from prompting.budget import Budget, Stopped

_TOGETHER = 0.05  # seconds that a completion waits for others, so that they are stored together
_HOPELESS = 20  # requests that fail one after another before the run stops
_REFUSED = 200  # the same, for requests that the server understands and refuses
_BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=60)
_Done = tuple[int, Completion | None]  # None: not asked after all, since the run stops


class Sending:
    """One run's requests to one server.

    send: one attempt; it raises Failed. Attempts back off exponentially with full jitter, or as long as
        Retry-After says.
    address: what messages call the server. key: taken out of them.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Completion]],
        options: ModelOptions,
        budget: Budget,
        address: str,
        key: str,
    ) -> None:
        self._send, self._options, self._budget, self._address, self._key = (
            send,
            options,
            budget,
            address,
            key,
        )
        self._throttle = Throttle(options.concurrency)
        self._back: asyncio.Queue[_Done] = asyncio.Queue()
        self._running: set[asyncio.Task[None]] = set()
        self._per_token = 2.0  # characters of a prompt per token: little at first, then as the server counts
        self._ends: str | None = None
        self._answered = self._failed = self._refused = self._dropped = (
            0  # dropped: not asked after all, since the run stops
        )

    async def lists(
        self, requests: Sequence[Request], asked: Sequence[int]
    ) -> AsyncIterator[list[tuple[int, Completion]]]:
        """Completions in lists, as they arrive; Stopped, once everything that was sent is back, where the run
        cannot go on.
        """
        self._requests, self._waiting = requests, deque(asked)
        self._hopeless = min(_HOPELESS, len(asked)) if len(asked) == len(requests) else _HOPELESS
        self._start()
        while self._running or not self._back.empty():
            some = await self._together()
            self._judge(some)
            self._start()
            yield some
        if self._ends or self._waiting or self._dropped:
            why = self._ends or self._budget.over(
                *(self._room(requests[self._waiting[0]]) if self._waiting else (0, 0))
            )
            raise Stopped(f"{why}; what was answered is kept: start the same command again to continue")

    def _start(self) -> None:
        """Send as many as may be under way; the others wait."""
        while (
            self._waiting
            and not self._ends
            and not self._throttle.ended
            and len(self._running) < self._throttle.limit
        ):
            room = self._room(self._requests[self._waiting[0]])
            if not self._budget.hold(*room):
                return
            self._running.add(asyncio.create_task(self._bring(self._waiting.popleft(), room)))

    async def _bring(self, index: int, room: tuple[int, int]) -> None:
        completion = None
        try:
            completion = await self._ask(self._requests[index])
        finally:
            self._budget.release(*room)
            if completion is not None:
                self._budget.spend(*_spent(completion, room))
            self._dropped += completion is None
            self._back.put_nowait((index, completion))
            self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        self._start()  # at once: what came back may wait until it is stored

    async def _together(self) -> list[tuple[int, Completion]]:
        """What has come back; it may be nothing where the time is over meanwhile."""
        some: list[_Done] = []
        left = self._budget.seconds_left
        with suppress(TimeoutError):
            some.append(
                await asyncio.wait_for(
                    self._back.get(), None if left is None or self._throttle.ended else max(0.01, left)
                )
            )
            await asyncio.sleep(_TOGETHER)
        while not self._back.empty():
            some.append(self._back.get_nowait())
        return [(index, completion) for index, completion in some if completion is not None]

    def _judge(self, some: Sequence[tuple[int, Completion]]) -> None:
        """Learn from what came back, and decide whether the run goes on."""
        for index, completion in some:
            if completion.finish_reason != "error":
                self._answered, self._failed = self._answered + 1, 0
                if completion.prompt_tokens:
                    self._per_token = self._characters(self._requests[index]) / completion.prompt_tokens
                continue
            refused = completion.text.startswith(
                "http_4"
            )  # says little about other prompts, unless none was ever answered
            self._refused, self._failed = self._refused + refused, self._failed + (not refused)
            if not self._ends and (
                self._failed >= self._hopeless or (self._refused >= _REFUSED and not self._answered)
            ):
                failed = max(self._failed, self._refused)
                self._ends = (
                    f"{self._address}: {failed} requests in a row failed, the last with {completion.text}"
                )
        left = self._budget.seconds_left
        if self._ends or (left is not None and left <= 0):
            self._throttle.end()

    def _characters(self, request: Request) -> int:
        return len(request.prompt) + len(self._options.system or "")

    def _room(self, request: Request) -> tuple[int, int]:
        """The most tokens that a request takes: of the prompt (as a guess that errs upward) and of the
        answer.
        """
        return int(self._characters(request) / self._per_token * 1.1) + 16, self._options.max_new_tokens

    async def _ask(self, request: Request) -> Completion | None:
        """Attempts until there is a completion or a named error; None where the run stops before that."""
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_may_again),
            stop=self._enough,
            wait=_wait,
            sleep=self._throttle.sleep,
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    return await self._attempt(request)
        except Failed as error:
            said = str(error) if self._key == "none" else str(error).replace(self._key, "[key]")
            if error.fatal:
                self._ends = self._ends or f"{self._address}: {said}"
            if not error.fatal and not (self._throttle.ended and error.again):
                return Completion(said, "error", 0, 0, 0.0)
        return None

    async def _attempt(self, request: Request) -> Completion | None:
        async with self._throttle.turn() as sent:
            if self._throttle.ended:
                return None
            try:
                completion = await self._send(request)
            except Failed as failed:
                if failed.busy:
                    self._throttle.busy(sent, failed.after)
                raise
            self._throttle.answered()
            return completion

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        error = _error(state)
        if error is None or self._throttle.ended:
            return True
        if error.busy:
            return (state.seconds_since_start or 0.0) + (error.after or 0.0) > self._options.patience
        return state.attempt_number >= self._options.attempts


def _error(state: tenacity.RetryCallState) -> Failed | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, Failed) else None


def _may_again(error: BaseException) -> bool:
    return isinstance(error, Failed) and error.again


def _wait(state: tenacity.RetryCallState) -> float:
    error = _error(state)
    backoff = _BACKOFF(state)
    return backoff if error is None or error.after is None else error.after + backoff / 10


def _spent(completion: Completion, room: tuple[int, int]) -> tuple[int, int]:
    """Tokens that a completion took; where a server does not count, as many as were held for it."""
    if completion.finish_reason == "error":
        return 0, 0
    counted = completion.prompt_tokens + completion.output_tokens
    return (completion.prompt_tokens, completion.output_tokens) if counted else room
