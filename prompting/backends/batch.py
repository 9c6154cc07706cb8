"""OpenAI Batch files: a day's wait for half the price. Written, submitted, polled and collected; or written
here and answered elsewhere.

`batch:NAME@BASE_URL` uses a server's /files and /batches. `batch:NAME@FOLDER` writes FOLDER/NAME-....jsonl,
and a later invocation reads every other .jsonl file there: what OpenAI's web page, `vllm run-batch` or a
colleague with a key made of it.
"""

import hashlib
import json
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import openai

from data_builders.errors import InputError
from data_builders.files import atomic_file
from prompting.backends.model import Completion, ModelOptions, Request, is_openai, split_address, split_server
from prompting.backends.openai import read_key
from prompting.backends.replies import RequestError, RequestFormat, failure, read_json, read_reply
from prompting.budget import Budget, Stopped

_LINES = 50_000  # OpenAI's limit for one file
_ENDED = ("completed", "failed", "expired", "cancelled")


class BatchModel:
    """Complete prompts by batch files.

    A batch is known by a digest of its requests, so a rerun waits for the batch of the first invocation.
    """

    def __init__(self, name: str, options: ModelOptions) -> None:
        self._options = options
        self._folder: Path | None = None
        if "@" in name and not split_address(name)[1]:
            self._name, _, folder = name.rpartition("@")
            self._folder = Path(folder)
        else:
            self._name, self._url = split_server(name)
            self._key = read_key(options.api_key_env, self._url)
            self._client = openai.OpenAI(
                api_key=self._key, base_url=self._url, max_retries=options.attempts, timeout=options.timeout
            )
        self._format = RequestFormat(
            self._name,
            options.chat is not False,
            options,
            self._folder is None and is_openai(self._url),
        )
        self.identity: Mapping[str, Any] = self._format.identity

    def complete(
        self, requests: Sequence[Request], done: Container[int], budget: Budget
    ) -> Iterator[list[tuple[int, Completion]]]:
        """See `prompting.backends.model.Model`; one list per file."""
        for start in range(0, len(requests), _LINES):
            end = min(start + _LINES, len(requests))
            missing = [index for index in range(start, end) if index not in done]
            if missing:
                lines = {self._custom_id(requests[index]): index for index in missing}
                replies = (
                    self._elsewhere(requests, lines)
                    if self._folder
                    else self._submitted(requests, lines, budget)
                )
                completions = self._read(replies, lines)
                for completion in completions.values():
                    budget.spend(completion.prompt_tokens, completion.output_tokens)
                yield list(completions.items())

    def _custom_id(self, request: Request) -> str:
        body = json.dumps([self._format.body(request), request.sample], sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()[:32]

    def _file(self, requests: Sequence[Request], lines: Mapping[str, int]) -> bytes:
        url = f"/v1{self._format.path}"
        rows = (
            {"custom_id": name, "method": "POST", "url": url, "body": self._format.body(requests[index])}
            for name, index in lines.items()
        )
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()

    def _read(self, replies: Iterable[bytes], lines: Mapping[str, int]) -> dict[int, Completion]:
        """One completion or error for each line of the requests; the first, where there are several."""
        completions: dict[int, Completion] = {}
        for text in replies:
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip():
                    index, completion = self._reply(line, number, lines)
                    if index is not None and (
                        index not in completions or completions[index].finish_reason == "error"
                    ):
                        completions[index] = completion
        missing = Completion("missing_reply: the batch has no reply to this request", "error", 0, 0, 0.0)
        return {index: completions.get(index, missing) for index in lines.values()}

    def _reply(self, line: bytes, number: int, lines: Mapping[str, int]) -> tuple[int | None, Completion]:
        try:
            row = read_json(line.decode("utf-8", "replace"))
            index = lines.get(row["custom_id"])
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"batch output, line {number}: not a reply of a batch (JSON with custom_id and response)"
            ) from None
        response = row.get("response") or {}
        try:
            if row.get("error") or response.get("status_code") != 200:
                raise failure(
                    response.get("status_code") or 500,
                    {},
                    json.dumps(row.get("error") or response.get("body")),
                )
            return index, read_reply(response.get("body"), self._format.chat, 0.0)
        except RequestError as error:
            return index, Completion(str(error), "error", 0, 0, 0.0)

    def _elsewhere(self, requests: Sequence[Request], lines: Mapping[str, int]) -> list[bytes]:
        """The files of replies in the folder.

        Raises Stopped where they answer none of the requests, with the file of requests written.
        """
        assert self._folder is not None
        text = self._file(requests, lines)
        path = self._folder / f"{Path(self._name).name}-{_digest(text)[:12]}.jsonl"
        self._folder.mkdir(parents=True, exist_ok=True)
        others = [other.read_bytes() for other in sorted(self._folder.glob("*.jsonl"))]
        answered = [
            other
            for other in others
            if b'"response"' in other[:100_000] and any(name.encode() in other for name in lines)
        ]
        if not answered:
            with atomic_file(path) as file:
                file.write(text)
            raise Stopped(
                f"{path}: {len(lines)} requests written; have them answered as a batch, put the output "
                f"file (.jsonl) into "
                f"{self._folder} and start the same command again"
            )
        return answered

    def _submitted(
        self, requests: Sequence[Request], lines: Mapping[str, int], budget: Budget
    ) -> list[bytes]:
        text = self._file(requests, lines)
        room = (
            sum(len(requests[i].prompt) // 2 + 16 for i in lines.values()),
            self._options.max_new_tokens * len(lines),
        )
        try:
            batch = self._find(_digest(text)) or self._create(text, budget, room)
            while batch.status not in _ENDED:
                if (left := budget.seconds_left) is not None and left <= 0:
                    raise Stopped(
                        f"batch {batch.id} is {batch.status}, and {budget.over()}; start the same command "
                        f"again to collect it"
                    )
                time.sleep(self._options.poll if left is None else min(self._options.poll, left))
                batch = self._client.batches.retrieve(batch.id)
            files = [name for name in (batch.output_file_id, batch.error_file_id) if name]
            if not files:
                message = "; ".join(str(e.message) for e in (batch.errors.data or [])) if batch.errors else ""
                raise Stopped(
                    f"batch {batch.id} {batch.status} without a reply: "
                    f"{' '.join(message.split()) or 'no reason given'}"
                )
            return [self._client.files.content(name).content for name in files]
        except openai.APIStatusError as error:
            message = str(
                failure(error.response.status_code, error.response.headers, error.response.text)
            ).replace(self._key, "[key]")
            raise Stopped(f"{self._url}: {message}; start the same command again to continue") from None
        except openai.APIConnectionError as error:
            raise Stopped(
                f"{self._url}: cannot be reached ({error}); start the same command again to continue"
            ) from None
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            raise Stopped(
                f"{self._url}: a reply that cannot be read ({type(error).__name__}); start the same command "
                "again to continue"
            ) from None

    def _find(self, digest: str) -> Any:
        """The batch of an earlier invocation; not one that ended without any reply."""
        for batch in self._client.batches.list(limit=100):
            usable = batch.status not in _ENDED or batch.output_file_id or batch.error_file_id
            if usable and (batch.metadata or {}).get("graphtalk") == digest:
                return batch
        return None

    def _create(self, text: bytes, budget: Budget, room: tuple[int, int]) -> Any:
        if reason := budget.over(*room):
            raise Stopped(f"{reason}; the whole batch may take {sum(room):,} tokens: nothing was sent")
        file = self._client.files.create(file=("graphtalk.jsonl", text), purpose="batch")
        endpoint: Any = f"/v1{self._format.path}"
        return self._client.batches.create(
            completion_window="24h",
            endpoint=endpoint,
            input_file_id=file.id,
            metadata={"graphtalk": _digest(text)},
        )


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
