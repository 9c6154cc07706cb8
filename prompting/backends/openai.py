"""A served model: any OpenAI-compatible endpoint (vLLM, `transformers serve`, llama.cpp, commercial ones)."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from typing import Any

import httpx2
import openai

from data_builders.errors import InputError
from prompting.backends.model import Completion, ModelOptions, Request, is_openai, split_server
from prompting.backends.replies import RequestError, RequestFormat, failure, read_json, read_reply
from prompting.backends.sending import Sending
from prompting.budget import Budget

_CONNECTIONS = 16  # of one client, about


def read_key(key_env: str, url: str) -> str:
    """The key in an environment variable; "none" where there is none, since one's own servers want none.

    The key is nowhere else: no flag, file or message holds it. Raises InputError for OpenAI without a key,
    and for a key that no header can hold.
    """
    key = os.environ.get(key_env, "").strip()
    if not key and url.startswith("https://api.openai.com"):
        raise InputError(
            f"no key for {url}: put it into the environment variable {key_env}, or name another with "
            f"--api-key-env"
        )
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"the key in {key_env} has characters that no key has; copy it again")
    return key or "none"


class OpenAIModel:
    """Complete prompts by a server. Retries are ours, not the client's: they must see the run's budget and
    one throttle for all.
    """

    def __init__(self, name: str, options: ModelOptions) -> None:
        self._name, self._url = split_server(name)
        self._options = options
        self._key = read_key(options.api_key_env, self._url)
        self._format = RequestFormat(self._name, options.chat is not False, options, is_openai(self._url))
        self._reply_ids: set[str] | None = set()  # None: the server does not give ids of their own
        self._repeats = 0
        self._notices: set[str] = set()
        self._next_client = itertools.count()
        self.identity: Mapping[str, Any] = self._format.identity

    def complete(
        self, requests: Sequence[Request], done: Container[int], budget: Budget
    ) -> Iterator[list[tuple[int, Completion]]]:
        """See `prompting.backends.model.Model`; the event loop runs while the next list is waited for."""
        missing = [index for index in range(len(requests)) if index not in done]
        with asyncio.Runner() as runner:
            self._clients = self._new_clients()
            sending = Sending(self._send, self._options, budget, self._url, self._key)
            lists = sending.lists(requests, missing)
            try:
                while (completions := runner.run(_next(lists))) is not None:
                    yield completions
            finally:
                runner.run(_close(self._clients))

    def _new_clients(self) -> list[openai.AsyncOpenAI]:
        """Several, each with few connections: a pool looks at all of its connections for every request."""
        secure = httpx2.create_ssl_context() if self._url.startswith("https") else False
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=2 * _CONNECTIONS)

        def client() -> openai.AsyncOpenAI:
            http = openai.DefaultAsyncHttpxClient(
                verify=secure, limits=limits, timeout=self._options.timeout, follow_redirects=False
            )
            return openai.AsyncOpenAI(api_key=self._key, base_url=self._url, max_retries=0, http_client=http)

        return [client() for _ in range(-(-self._options.concurrency // _CONNECTIONS))]

    async def _send(self, request: Request) -> Completion:
        """One attempt; RequestError for anything that goes wrong.

        Replies are read from their JSON, since the client's own objects hide what a broken server left out.
        """
        begin = time.perf_counter()
        try:
            # The client's own timeout limits each read, which a slow server can stretch.
            async with asyncio.timeout(self._options.timeout):
                client = self._clients[next(self._next_client) % len(self._clients)]
                reply = await client.post(
                    self._format.path, cast_to=httpx2.Response, body=self._format.body(request)
                )
        except openai.APIStatusError as error:
            raise failure(error.response.status_code, error.response.headers, error.response.text) from None
        except (openai.APITimeoutError, TimeoutError):
            raise RequestError("timeout", f"no answer within {self._options.timeout:g} s", True) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            cause = error.__cause__ or error
            raise RequestError("connection", f"{type(cause).__name__} {cause}".strip(), True) from None
        text = reply.text
        try:
            data = read_json(text)
        except ValueError:
            raise RequestError("bad_reply", f"not JSON: {' '.join(text.split())[:200]}", True) from None
        self._check_fresh(data)
        return read_reply(data, self._format.chat, time.perf_counter() - begin, self._notify)

    def _notify(self, line: str) -> None:
        """Print a line about the server, once in a run."""
        if line not in self._notices:
            self._notices.add(line)
            print(f"graphtalk: {self._url}: {line}", file=sys.stderr)

    def _check_fresh(self, data: Any) -> None:
        """Raise RequestError if this reply was delivered before.

        Its connection is then out of step, and what comes next on it answers other prompts, so all
        connections are replaced. A server that gives its replies no ids of their own is known by its many
        repeats, and is not checked any more.
        """
        identifier = data.get("id") if isinstance(data, dict) else None
        if self._reply_ids is None or not isinstance(identifier, str) or not identifier:
            return
        if identifier not in self._reply_ids:
            self._reply_ids.add(identifier)
            return
        self._repeats += 1
        if self._repeats > len(self._reply_ids):
            self._reply_ids = None
            return
        self._clients = self._new_clients()
        raise RequestError(
            "repeated_reply", f"the reply {identifier} was delivered twice", True, retry_after=0.0
        )


async def _close(clients: Sequence[openai.AsyncOpenAI]) -> None:
    for client in clients:
        await client.close()


async def _next(lists: AsyncIterator[list[tuple[int, Completion]]]) -> list[tuple[int, Completion]] | None:
    return await anext(lists, None)
