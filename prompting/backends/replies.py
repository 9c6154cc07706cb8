"""What goes to an OpenAI-compatible server and what comes back: request bodies, replies, and errors by
name.
"""

import email.utils
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prompting.backends.model import Completion, ModelOptions, Request


class Failed(Exception):
    """A request that did not bring a completion.

    name: one word. again: whether another attempt may. after: seconds to wait first. busy: the server wants
        fewer requests.
    fatal: no other request would fare better.
    """

    def __init__(
        self,
        name: str,
        said: str,
        again: bool,
        after: float | None = None,
        busy: bool = False,
        fatal: bool = False,
    ) -> None:
        super().__init__(f"{name}: {said}")
        self.again, self.after, self.busy, self.fatal = again, after, busy, fatal


@dataclass(frozen=True)
class Wire:
    """How requests to one served model are written: which endpoint, and everything in the body but the
    prompt.
    """

    model: str
    chat: bool
    options: ModelOptions
    newer: bool = False  # OpenAI's own endpoint, whose reasoning models refuse `max_tokens`

    @property
    def path(self) -> str:
        return "/chat/completions" if self.chat else "/completions"

    @property
    def identity(self) -> dict[str, Any]:
        """What the completions depend on; it names no server and no file, so that a journal serves both."""
        return {
            "backend": "openai",
            "model": self.model,
            "chat": self.chat,
            "max_new_tokens": self.options.max_new_tokens,
            "stop": list(self.options.stop),
            **self.options.sampling(),
        }

    def body(self, request: Request) -> dict[str, Any]:
        """The JSON body of one request.

        >>> Wire("m", False, ModelOptions(8, stop=())).body(Request("Q: "))
        {'model': 'm', 'prompt': 'Q:', 'max_tokens': 8, 'temperature': 0.0}
        """
        o = self.options
        body: dict[str, Any] = {"model": self.model}
        if self.chat:
            system = [{"role": "system", "content": o.system}] if o.system else []
            body["messages"] = [*system, {"role": "user", "content": request.prompt}]
        else:  # most vocabularies join a space with the word after it: see HfModel
            body["prompt"] = (f"{o.system}\n\n" if o.system else "") + request.prompt.rstrip(" ")
        body["max_completion_tokens" if self.newer and self.chat else "max_tokens"] = o.max_new_tokens
        body["temperature"] = o.temperature
        if o.top_p is not None:
            body["top_p"] = o.top_p
        if o.temperature:
            body["seed"] = o.seed + request.sample
        if o.stop:
            body["stop"] = list(o.stop)
        return {key: value for key, value in {**body, **o.extra}.items() if value is not None}


def read_reply(data: Any, chat: bool, seconds: float) -> Completion:
    """The completion in the JSON of a reply; Failed where it holds none.

    >>> read_reply({"choices": [{"text": "Yes.", "finish_reason": "stop"}]}, False, 0.1).text
    'Yes.'
    """
    choices = data.get("choices") if isinstance(data, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Failed("bad_reply", f"no choices in {_short(data)}", True)
    choice = choices[0]
    message = choice.get("message") if chat else {"content": choice.get("text")}
    if not isinstance(message, dict):
        raise Failed("bad_reply", f"no message in {_short(choice)}", True)
    text, refusal = message.get("content"), message.get("refusal")
    if text is not None and not isinstance(text, str):
        raise Failed("bad_reply", f"content is no text: {_short(text)}", True)
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    usage = data.get("usage") if isinstance(data.get("usage"), dict) else {}
    details = usage.get("completion_tokens_details")
    finish = (
        "refusal"
        if refusal or choice.get("finish_reason") == "content_filter"
        else choice.get("finish_reason")
    )
    return Completion(
        str(refusal or text or ""),
        finish if finish in ("length", "refusal") else "stop",
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        seconds,
        reasoning if isinstance(reasoning, str) else json.dumps(reasoning, ensure_ascii=False),
        _count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0,
        _confidence(choice.get("logprobs")),
    )


def _confidence(logprobs: Any) -> float | None:
    """The probability of all tokens of a reply together, from either endpoint's form of `logprobs`; None
    where any is missing.

    >>> _confidence({"content": [{"token": "Yes", "logprob": 0.0}, {"token": ".", "logprob": 0.0}]})
    1.0
    """
    match logprobs:
        case {"token_logprobs": [_, *_] as found}:
            pass
        case {"content": [_, *_] as content}:
            found = [token.get("logprob") if isinstance(token, dict) else None for token in content]
        case _:
            return None
    numbers = [each for each in found if isinstance(each, int | float) and each <= 0]
    return math.exp(sum(numbers)) if len(numbers) == len(found) else None


def failure(status: int, headers: Mapping[str, str], text: str) -> Failed:
    """The error of an HTTP status that is not 200: what to call it, and whether to try again."""
    broke = status == 429 and "insufficient_quota" in text  # OpenAI's word for an empty account
    busy = status in (429, 503, 529) and not broke
    again = busy or status in (408, 409, 425) or status >= 500
    return Failed(
        f"http_{status}",
        _message(text),
        again,
        _retry_after(headers),
        busy,
        broke or status in (401, 402, 403, 404),
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header may also be a date."""
    given = headers.get("retry-after", "")
    try:
        return max(0.0, float(given))
    except ValueError:
        parsed = email.utils.parsedate_tz(given)
    return None if parsed is None else max(0.0, email.utils.mktime_tz(parsed) - time.time())


def _message(text: str) -> str:
    try:
        data = json.loads(text)
    except ValueError:
        return _short(text)
    error = data.get("error", data) if isinstance(data, dict) else data
    return _short(error.get("message", error) if isinstance(error, dict) else error)


def _short(value: Any) -> str:
    """At most 300 characters, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(text.split())[:300] or "nothing"


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
