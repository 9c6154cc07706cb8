"""Sending: many requests to one server at a time, each of which ends as one completion or one named error."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import cast

import tenacity

from prompting.backends.model import Completion, ModelOptions, Request
from prompting.backends.replies import RequestError
from prompting.backends.throttle import Throttle
from prompting.budget import Budget, ServerFailed, Stopped, most_tokens

_COLLECT_SECONDS = 0.05  # how long a completion waits for others, so that they are stored together
_MAX_FAILURES = 20  # requests that fail one after another before the run stops
_MAX_REFUSALS = 200  # the same, for requests that the server understands and refuses

_BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=60)
_Result = tuple[int, Completion | None]  # None: not asked, since the run stops


class Sending:
    """One run's requests to one server.

    send: one attempt. It raises RequestError; any other exception becomes one. Attempts back off
        exponentially with full jitter, or as long as Retry-After says, but never beyond `patience`.
    address: the server's name in messages. key: it is taken out of them.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Completion]],
        options: ModelOptions,
        budget: Budget,
        address: str,
        key: str,
    ) -> None:
        self._send, self._options, self._budget = send, options, budget
        self._address, self._key = address, key
        self._throttle = Throttle(options.concurrency)
        self._finished: asyncio.Queue[_Result] = asyncio.Queue()
        self._running: set[asyncio.Task[None]] = set()
        self._characters_per_token = 2.0  # a guess; later as the server counts
        self._end_reason: str | None = None
        self._first_error = ""
        self._answered = self._failed = self._refused = 0
        self._dropped = 0  # requests that are not asked, since the run stops

    async def lists(
        self, requests: Sequence[Request], indices: Sequence[int]
    ) -> AsyncIterator[list[tuple[int, Completion]]]:
        """Completions in lists, as they arrive.

        Raises Stopped where the run cannot go on, once everything that was sent is back.
        """
        self._requests, self._waiting = requests, deque(indices)
        self._max_failures = (
            min(_MAX_FAILURES, len(indices)) if len(indices) == len(requests) else _MAX_FAILURES
        )
        self._start()
        while self._running or not self._finished.empty():
            finished = await self._collect()
            self._update_health(finished)
            self._start()
            yield finished
        if self._end_reason:
            raise ServerFailed(f"{self._address}: {self._end_reason}")
        if self._waiting or self._dropped:
            room = self._room(requests[self._waiting[0]]) if self._waiting else (0, 0)
            raise Stopped(self._budget.stop_message(*room))

    def _start(self) -> None:
        """Send as many requests as may be in flight; the others wait."""
        while (
            self._waiting
            and not self._end_reason
            and not self._throttle.ended
            and len(self._running) < self._throttle.limit
        ):
            room = self._room(self._requests[self._waiting[0]])
            if not self._budget.hold(*room):
                return
            self._running.add(asyncio.create_task(self._run_request(self._waiting.popleft(), room)))

    async def _run_request(self, index: int, room: tuple[int, int]) -> None:
        completion = None
        try:
            completion = await self._complete(self._requests[index])
        finally:
            self._budget.release(*room)
            if completion is not None:
                self._budget.spend(*_spent(completion, room))
            self._dropped += completion is None
            self._finished.put_nowait((index, completion))
            self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        self._start()  # At once: the completion may wait until it is stored.

    async def _collect(self) -> list[tuple[int, Completion]]:
        """The completions that have come back; none where the time is over meanwhile."""
        finished: list[_Result] = []
        left = self._budget.seconds_left
        with suppress(TimeoutError):
            finished.append(
                await asyncio.wait_for(
                    self._finished.get(), None if left is None or self._throttle.ended else max(0.01, left)
                )
            )
            await asyncio.sleep(_COLLECT_SECONDS)
        while not self._finished.empty():
            finished.append(self._finished.get_nowait())
        return [(index, completion) for index, completion in finished if completion is not None]

    def _update_health(self, finished: Sequence[tuple[int, Completion]]) -> None:
        """Learn from what came back, and decide whether the run goes on."""
        for index, completion in finished:
            if completion.finish_reason != "error":
                self._answered, self._failed = self._answered + 1, 0
                if completion.prompt_tokens:
                    self._characters_per_token = (
                        self._characters(self._requests[index]) / completion.prompt_tokens
                    )
                continue
            self._first_error = self._first_error or completion.text
            # A refusal says little about other prompts, unless no prompt was ever answered.
            refused = completion.text.startswith("http_4") and not completion.text.startswith("http_429")
            self._refused, self._failed = self._refused + refused, self._failed + (not refused)
            if not self._end_reason and (
                self._failed >= self._max_failures or (self._refused >= _MAX_REFUSALS and not self._answered)
            ):
                which = ("last", completion.text) if self._answered else ("first", self._first_error)
                failed = max(self._failed, self._refused)
                self._end_reason = f"{failed} requests in a row failed, the {which[0]} with {which[1]}"
        left = self._budget.seconds_left
        if self._end_reason or (left is not None and left <= 0):
            self._throttle.end()

    def _characters(self, request: Request) -> int:
        return len(request.prompt) + len(self._options.system or "")

    def _room(self, request: Request) -> tuple[int, int]:
        """The most tokens that a request takes: those of its prompt, by a guess that errs upward, and those
        of its answer.
        """
        return most_tokens(
            self._characters(request), self._characters_per_token
        ), self._options.max_new_tokens

    async def _complete(self, request: Request) -> Completion | None:
        """Attempts until there is a completion or a named error; None where the run stops before that."""
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_is_retryable),
            stop=self._stop_retrying,
            wait=self._wait,
            sleep=self._throttle.sleep,
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    return await self._attempt(request)
        except RequestError as error:
            message = str(error) if self._key == "none" else str(error).replace(self._key, "[key]")
            if error.retry_after is not None and error.retry_after > self._options.patience:
                message += f" (it asks to wait {error.retry_after:,.0f} s, longer than --patience)"
            if error.fatal:
                self._end_reason = self._end_reason or message
            if not error.fatal and not (self._throttle.ended and error.retryable):
                return Completion(message, "error", 0, 0, 0.0)
        return None

    async def _attempt(self, request: Request) -> Completion | None:
        async with self._throttle.turn() as sent:
            if self._throttle.ended:
                return None
            try:
                completion = await self._send(request)
            except RequestError as error:
                if error.rate_limited:
                    after = error.retry_after or 0.0
                    # A wait beyond patience ends this request, and holds no other one back.
                    self._throttle.busy(sent, after if after <= self._options.patience else None)
                raise
            except Exception as error:  # A request's fault may not cost the run what others bring.
                raise RequestError("request", f"{type(error).__name__} {error}", False) from None
            self._throttle.answered()
            return completion

    def _stop_retrying(self, state: tenacity.RetryCallState) -> bool:
        error = _error(state)
        if error is None or self._throttle.ended or self._patience_left(state) < (error.retry_after or 0.0):
            return True
        return not error.rate_limited and state.attempt_number >= self._options.attempts

    def _patience_left(self, state: tenacity.RetryCallState) -> float:
        """Seconds that a request may still wait; all of them where it was not a busy server that it met."""
        error = _error(state)
        waited = state.seconds_since_start or 0.0 if error and error.rate_limited else 0.0
        return self._options.patience - waited

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error, backoff = _error(state), _BACKOFF(state)
        if error is not None and error.retry_after is not None:
            backoff = error.retry_after + backoff / 10
        return max(0.0, min(backoff, self._patience_left(state)))


def _error(state: tenacity.RetryCallState) -> RequestError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, RequestError) else None


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, RequestError) and error.retryable


def _spent(completion: Completion, room: tuple[int, int]) -> tuple[int, int]:
    """Tokens that a completion took; as many as were held for it where the server does not count them."""
    if completion.finish_reason == "error":
        return 0, 0
    counted = completion.prompt_tokens + completion.output_tokens
    return (completion.prompt_tokens, completion.output_tokens) if counted else room
