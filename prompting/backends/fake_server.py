"""A server that speaks OpenAI's API and has no model: for tests of one's own, and to see what a run does when
a server misbehaves.

    python -m prompting.backends.fake_server --port 8001 --delay 0.5 --faults 0.2
    python -m prompting.backends.fake_server --port 8001 --fault surrogate
    graphtalk prompt --model openai:fake@http://127.0.0.1:8001/v1 ...

A prompt always gets the same answer, one of a few short ones, chosen by the prompt's hash. A request for
`logprobs` gets a probability of exp(-0.1) for each of the text's characters. In a test:

>>> import urllib.request
>>> with FakeServer(answer=lambda prompt: prompt.upper()) as server:
...     body = json.dumps({"model": "m", "prompt": "yes"}).encode()
...     headers = {"Content-Type": "application/json"}
...     request = urllib.request.Request(f"{server.url}/completions", body, headers)
...     json.load(urllib.request.urlopen(request))["choices"][0]["text"]
'YES'
>>> server.answered
Counter({'yes': 1})
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from data_builders.errors import InputError

ANSWERS = ("Yes.", "No.", "0.", "1.", "2.", "3.", "There is no path.", "I cannot tell.")
FAULTS = (
    "busy", "unavailable", "error", "reset", "slow", "wrong_json", "page", "empty_choices", "no_message",
    "twice", "refused",
)  # fmt: skip
"""What can go wrong with one reply: 429 with Retry-After, 503, 500, a reset in mid-body, an answer that comes
after `slow` seconds, half a JSON, an HTML page, a reply without choices or without a message, the same reply
delivered twice, a prompt that is refused (400)."""


def _edit(**changes: Any) -> Callable[[dict[str, Any]], bytes]:
    """A reply whose first choice has other keys."""

    def edit(reply: dict[str, Any]) -> bytes:
        (choice,) = reply["choices"]
        return json.dumps({**reply, "choices": [{**choice, **changes}]}).encode()

    return edit


def _count_tokens(number: int) -> Callable[[dict[str, Any]], bytes]:
    """A reply that counts so many tokens."""
    usage = {"prompt_tokens": number, "completion_tokens": number}
    return lambda reply: json.dumps({**reply, "usage": usage}).encode()


def _answer_text(reply: dict[str, Any]) -> str:
    (choice,) = reply["choices"]
    return str(choice["text"] if "text" in choice else choice["message"]["content"])


def _as_parts(reply: dict[str, Any]) -> bytes:
    parts = [{"type": "text", "text": _answer_text(reply)}]
    (choice,) = reply["choices"]
    return (_edit(text=parts) if "text" in choice else _edit(message={"content": parts}))(reply)


def _of_other_route(reply: dict[str, Any]) -> bytes:
    text = _answer_text(reply)
    (choice,) = reply["choices"]
    other: dict[str, Any] = {"message": {"content": text}} if "text" in choice else {"text": text}
    return json.dumps({**reply, "choices": [{"index": 0, "finish_reason": "stop", **other}]}).encode()


HOSTILE: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "surrogate": lambda reply: json.dumps(reply).encode().replace(b'."', b'. \\ud83d"', 1),
    "tokens32": _count_tokens(3_000_000_000),
    "tokens64": _count_tokens(10**30),
    "deep": lambda reply: b"[" * 200_000 + b"]" * 200_000,
    "logprob": _edit(logprobs={"token_logprobs": [-int("9" * 400)]}),
    "many_digits": lambda reply: json.dumps(reply).encode().replace(b"{", b'{"x": ' + b"9" * 8000 + b", ", 1),
    "aborted": _edit(finish_reason="abort"),
    "engine_error": _edit(finish_reason="error"),
    "model_length": _edit(finish_reason="model_length"),
    "unknown_finish": _edit(finish_reason="tired"),
    "parts": _as_parts,
    "tool_calls": _edit(message={"content": None, "tool_calls": [{"id": "a"}]}, finish_reason="tool_calls"),
    "other_route": _of_other_route,
}
"""Fault -> what it makes of a reply: bodies that a broken or hostile server sends with status 200."""

STATUSES: dict[str, tuple[int, str, str]] = {
    "busy_day": (429, "Busy", "86400"),
    "busy_1e9": (429, "Busy", "1e9"),
    "busy_inf": (429, "Busy", "inf"),
    "busy_nan": (429, "Busy", "nan"),
    "busy_date": (429, "Busy", "Wed, 21 Oct 99999 07:28:00 GMT"),
    "down_day": (500, "Down for a day", "86400"),
    "deep_error": (400, "[" * 200_000, ""),
    "no_temperature": (400, "Unsupported value: 'temperature' does not support 0 with this model.", ""),
    "no_max_tokens": (
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
        "",
    ),
    "no_stop": (400, "Unsupported parameter: 'stop' is not supported with this model.", ""),
    "no_system": (400, "System role not supported", ""),
}
"""Fault -> status, message and Retry-After of an error."""

Routes = Callable[[str, str, bytes], Any]


def plain_answer(prompt: str) -> str:
    """One of ANSWERS, chosen by the prompt's hash."""
    return ANSWERS[hashlib.sha256(prompt.encode()).digest()[0] % len(ANSWERS)]


@dataclass
class FakeServer:
    """Use it in a `with`, or `serve` it in a loop of one's own.

    answer: prompt -> text. count: text -> tokens. delay: seconds before each answer. fault: prompt and the
    number of its attempt (from 0) -> one of FAULTS, HOSTILE or STATUSES, or "" for none. key: the only
    bearer's key that is accepted; any other gets a 401 that quotes it. at_once: most requests at a time; one
    more gets a 429. more: other routes, (method, path, body) -> JSON or bytes or None.
    arrived, answered: how often each prompt came in, and how often it was answered whole. most: the most
        requests that were there at a time.
    """

    answer: Callable[[str], str] = plain_answer
    count: Callable[[str], int] = lambda text: len(text) // 3
    delay: float = 0.0
    fault: Callable[[str, int], str] = lambda prompt, attempt: ""
    slow: float = 5.0
    retry_after: float = 0.1
    key: str | None = None
    at_once: int | None = None
    more: Routes = lambda method, path, body: None
    arrived: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    most: int = 0
    log: Path | None = None
    url: str = ""

    def __post_init__(self) -> None:
        self._now, self._ids = 0, itertools.count()

    def __enter__(self) -> Self:
        started = threading.Event()
        self._stop = asyncio.Event()

        async def life() -> None:
            self._loop = asyncio.get_running_loop()
            server = await self.serve()
            started.set()
            await self._stop.wait()
            server.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(life()), daemon=True)
        self._thread.start()
        if not started.wait(30):
            raise RuntimeError("the fake server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Start on loopback; `url` says where."""
        try:
            server = await asyncio.start_server(self._connection, "127.0.0.1", port, backlog=2048)
        except OSError as error:
            raise InputError(f"port {port}: {error.strerror}; choose another --port, or 0 for any") from None
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        return server

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split(" ", 2)
                headers = {
                    k.lower(): v.strip()
                    for k, v in (line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                await self._reply(method, path, headers, body, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return  # cancelled: the server ends
        finally:
            writer.close()

    async def _reply(
        self, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        sent = headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is not None and sent != self.key:
            return await _write(writer, 401, {"error": {"message": f"Incorrect API key provided: {sent}"}})
        if not path.endswith("/completions"):
            reply = self.more(method, path.removeprefix("/v1"), body)
            return await _write(
                writer,
                404 if reply is None else 200,
                {"error": {"message": f"no {path}"}} if reply is None else reply,
            )
        request = json.loads(body)
        prompt = request["prompt"] if "prompt" in request else request["messages"][-1]["content"]
        attempt, self.arrived[prompt] = self.arrived[prompt], self.arrived[prompt] + 1
        self._note("arrived", prompt)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            fault = self.fault(prompt, attempt) or (
                "busy" if self.at_once is not None and self._now > self.at_once else ""
            )
            if fault not in ("busy", "unavailable", "error", "refused"):
                await asyncio.sleep(self.slow if fault == "slow" else self.delay)
            await self._finish(fault, prompt, self._answer(request, prompt), writer)
        finally:
            self._now -= 1

    def _answer(self, request: dict[str, Any], prompt: str) -> dict[str, Any]:
        text = self.answer(prompt)
        choice: dict[str, Any] = (
            {"text": text} if "prompt" in request else {"message": {"role": "assistant", "content": text}}
        )
        read = (
            sum(self.count(m["content"]) for m in request["messages"])
            if "messages" in request
            else self.count(prompt)
        )
        written = self.count(text)
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        if request.get("logprobs"):
            tokens = (
                {"token_logprobs": [-0.1] * len(text)}
                if "prompt" in request
                else {"content": [{"token": c, "logprob": -0.1} for c in text]}
            )
            choice["logprobs"] = tokens
        name = f"fake-{next(self._ids)}"
        return {
            "id": name,
            "model": request.get("model"),
            "choices": [{"index": 0, "finish_reason": "stop", **choice}],
            "usage": usage,
        }

    async def _finish(
        self, fault: str, prompt: str, reply: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        whole = json.dumps(reply).encode()
        if fault in ("busy", "unavailable", "error", "refused"):
            status = {"busy": 429, "unavailable": 503, "error": 500, "refused": 400}[fault]
            await _write(
                writer,
                status,
                {"error": {"message": f"the fault {fault!r}"}},
                f"{self.retry_after:g}" if fault == "busy" else None,
            )
        elif fault in STATUSES:
            status, message, retry_after = STATUSES[fault]
            await _write(writer, status, {"error": {"message": message}}, retry_after or None)
        elif fault in HOSTILE:
            await _write(writer, 200, HOSTILE[fault](reply))
        elif fault == "reset":
            writer.write(_head(200, len(whole), "application/json") + whole[: len(whole) // 2])
            await writer.drain()
            writer.transport.abort()
        elif fault == "wrong_json":
            await _write(writer, 200, whole[:-9])
        elif fault == "page":
            await _write(writer, 200, b"<html>Bad gateway</html>", kind="text/html")
        elif fault in ("empty_choices", "no_message"):
            await _write(
                writer, 200, {**reply, "choices": [] if fault == "empty_choices" else [{"index": 0}]}
            )
        else:
            self.answered[prompt] += 1
            self._note("answered", prompt)
            writer.write(
                (_head(200, len(whole), "application/json") + whole) * (2 if fault == "twice" else 1)
            )
            await writer.drain()

    def _note(self, what: str, prompt: str) -> None:
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps([what, prompt]) + "\n")


def _head(status: int, length: int, kind: str, extra: str = "") -> bytes:
    lines = (f"HTTP/1.1 {status} Status", f"Content-Type: {kind}", f"Content-Length: {length}", extra)
    return "\r\n".join(lines).encode() + b"\r\n"


async def _write(
    writer: asyncio.StreamWriter,
    status: int,
    content: Any,
    retry_after: str | None = None,
    kind: str = "application/json",
) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    writer.write(
        _head(status, len(body), kind, "" if retry_after is None else f"Retry-After: {retry_after}\r\n")
        + body
    )
    await writer.drain()


def faults_for(share: float) -> Callable[[str, int], str]:
    """A `fault` that spoils this share of attempts, each in its own way, and the same ones every time."""

    def fault(prompt: str, attempt: int) -> str:
        digest = hashlib.sha256(f"{attempt}/{prompt}".encode()).digest()
        spoiled = int.from_bytes(digest[:4]) / 2**32 < share
        # Without "refused", which no second attempt mends.
        return FAULTS[digest[4] % (len(FAULTS) - 1)] if spoiled else ""

    return fault


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A server that speaks OpenAI's API and has no model.")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--faults", type=float, default=0.0, help="share of attempts that go wrong, 0 to 1")
    names = [*FAULTS, *HOSTILE, *STATUSES]
    parser.add_argument("--fault", choices=names, metavar="NAME", help=f"of every reply: {', '.join(names)}")
    parser.add_argument("--log", type=Path, help="file for a line per request that arrives or is answered")
    options = parser.parse_args()
    fault = (lambda prompt, attempt: options.fault) if options.fault else faults_for(options.faults)
    server = FakeServer(delay=options.delay, fault=fault, log=options.log)

    async def life() -> None:
        async with await server.serve(options.port) as serving:
            print(
                f"{server.url}  (prompt it with --model openai:fake@{server.url}; Ctrl-C ends it)", flush=True
            )
            began = time.perf_counter()
            try:
                await serving.serve_forever()
            finally:
                print(
                    f"{server.arrived.total()} requests, {server.answered.total()} answered in "
                    f"{time.perf_counter() - began:.0f} s"
                )

    try:
        asyncio.run(life())
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"fake_server: {error}") from None
