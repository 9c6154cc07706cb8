"""What goes to an OpenAI-compatible server and what comes back: request bodies, replies, and errors by name.

Servers are not trusted: whatever a reply holds becomes one `Completion` or one `RequestError`.
"""

import email.utils
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prompting.backends.model import Completion, ModelOptions, Request

MAX_TOKENS = 10**8  # No model reads or writes more; a server that counts more does not count.
LENGTH_WORDS = ("length", "max_tokens", "model_length")
FAILURE_WORDS = ("error", "abort", "insufficient_system_resource")
STOP_WORDS = (None, "", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "completed")
"""`finish_reason` as servers use it: the answer was cut, the server broke off, the model came to its end."""

_REFUSES = re.compile(
    r"unsupported|not support|n't support|unrecognized|unknown|not permitted|not allowed|not accept", re.I
)
_PARAMETERS = ("max_completion_tokens", "max_tokens", "temperature", "top_p", "seed", "stop", "logprobs")


class RequestError(Exception):
    """A request that did not bring a completion.

    name: one word, e.g. http_500. message: what the server said. retryable: whether another attempt may bring
        one. retry_after: seconds that the server asks to wait before it. rate_limited: whether the server
        asks for fewer requests. fatal: whether no other request would fare better, so that the run stops.
    """

    def __init__(
        self,
        name: str,
        message: str,
        retryable: bool,
        retry_after: float | None = None,
        rate_limited: bool = False,
        fatal: bool = False,
    ) -> None:
        super().__init__(f"{name}: {message}")
        self.retryable, self.retry_after = retryable, retry_after
        self.rate_limited, self.fatal = rate_limited, fatal


@dataclass(frozen=True)
class RequestFormat:
    """How requests to one served model are written: its endpoint, and all of the body but the prompt."""

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
            "stop": list(self.options.stop_strings(self.chat)),
            **self.options.sampling(),
        }

    def body(self, request: Request) -> dict[str, Any]:
        """The JSON body of one request.

        >>> RequestFormat("m", False, ModelOptions(8, stop=())).body(Request("Q: "))
        {'model': 'm', 'prompt': 'Q:', 'max_tokens': 8, 'temperature': 0.0}
        """
        o = self.options
        body: dict[str, Any] = {"model": self.model}
        if self.chat:
            system = [{"role": "system", "content": o.system}] if o.system else []
            body["messages"] = [*system, {"role": "user", "content": request.prompt}]
        else:  # Most vocabularies join a space with the word after it: see `language_models.text`.
            body["prompt"] = (f"{o.system}\n\n" if o.system else "") + request.prompt.rstrip(" ")
        body["max_completion_tokens" if self.newer and self.chat else "max_tokens"] = o.max_new_tokens
        body["temperature"] = o.temperature
        if o.top_p is not None:
            body["top_p"] = o.top_p
        if o.temperature:
            body["seed"] = o.seed + request.sample
        if stop := o.stop_strings(self.chat):
            body["stop"] = list(stop)
        return {key: value for key, value in {**body, **o.extra}.items() if value is not None}


def read_json(text: str) -> Any:
    """The value of a JSON text; ValueError where it is none, too deeply nested to be read included.

    >>> read_json("[" * 200_000)
    Traceback (most recent call last):
        ...
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_reply(
    data: Any, chat: bool, seconds: float, notify: Callable[[str], None] = lambda line: None
) -> Completion:
    """The completion in the JSON of a reply; RequestError where it holds none.

    notify: called with a line for a person where the reply is not what the endpoint is to give, yet is read.

    >>> read_reply({"choices": [{"text": "Yes.", "finish_reason": "stop"}]}, False, 0.1).text
    'Yes.'
    """
    choices = data.get("choices") if isinstance(data, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise RequestError("bad_reply", f"no choices in {_short(data)}", True)
    choice = choices[0]
    finish = choice.get("finish_reason")
    if finish in FAILURE_WORDS:
        raise RequestError("broken_off", f"the server ended its reply with finish_reason {finish!r}", True)
    message = _message_of(choice, chat, notify)
    text, refusal = _content(message.get("content")), message.get("refusal")
    if not text and not refusal and (message.get("tool_calls") or message.get("function_call")):
        raise RequestError("bad_reply", "the model calls a tool (tool_calls) instead of answering", False)
    if refusal or finish == "content_filter":
        finish = "refusal"
    elif finish in LENGTH_WORDS:
        finish = "length"
    else:
        if finish not in STOP_WORDS:
            notify(f"finish_reason {_short(finish)!r} of the server is unknown and taken as 'stop'")
        finish = "stop"
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("completion_tokens_details")
    return Completion(
        _valid(str(refusal or text)),
        finish,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        seconds,
        _valid(reasoning) if isinstance(reasoning, str) else _to_json(reasoning),
        _count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0,
        _confidence(choice.get("logprobs")),
    )


def _message_of(choice: Mapping[str, Any], chat: bool, notify: Callable[[str], None]) -> Mapping[str, Any]:
    """The message of a choice, with the text of a plain completion as its content."""
    message, text = choice.get("message"), choice.get("text")
    if isinstance(message, dict):
        if not chat:
            notify("the server answers /completions as /chat/completions; --chat asks it so")
        return message
    if text is None and not (not chat and "text" in choice):
        raise RequestError("bad_reply", f"no {'message' if chat else 'text'} in {_short(choice)}", True)
    if chat:
        notify("the server answers /chat/completions as /completions; --no-chat asks it so")
    return {"content": text}


def _content(content: Any) -> str:
    """The text of a message; of its text parts, where a server sends parts."""
    if isinstance(content, list):
        parts = [part.get("text", "") if isinstance(part, dict) else part for part in content]
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
    if content is None or isinstance(content, str):
        return content or ""
    raise RequestError("bad_reply", f"content is no text: {_short(content)}", True)


def _confidence(logprobs: Any) -> float | None:
    """The probability of all tokens of a reply together, from either endpoint's form of `logprobs`; None
    where any is missing or no log-probability.

    >>> _confidence({"content": [{"token": "Yes", "logprob": 0.0}, {"token": ".", "logprob": 0.0}]})
    1.0
    >>> _confidence({"token_logprobs": [-(10**400)]}) is None
    True
    """
    match logprobs:
        case {"token_logprobs": [_, *_] as values}:
            pass
        case {"content": [_, *_] as content}:
            values = [token.get("logprob") if isinstance(token, dict) else None for token in content]
        case _:
            return None
    if not all(isinstance(value, int | float) and -1e30 < value <= 0 for value in values):
        return None
    return math.exp(math.fsum(values))


def failure(status: int, headers: Mapping[str, str], text: str) -> RequestError:
    """The error of an HTTP status that is not 200: what to call it, and whether to try again."""
    no_money = status == 429 and "insufficient_quota" in text  # OpenAI's word for an empty account
    rate_limited = status in (429, 503, 529) and not no_money
    retryable = rate_limited or status in (408, 409, 425) or status >= 500
    message = _error_message(text)
    hint = parameter_hint(message) if status in (400, 422) else ""
    return RequestError(
        f"http_{status}",
        message + hint,
        retryable,
        _retry_after(headers),
        rate_limited,
        no_money or status in (401, 402, 403, 404) or bool(hint),
    )


def parameter_hint(message: str) -> str:
    """Which flag helps where a server refuses a parameter; empty where the message is about something else.

    >>> parameter_hint("Unsupported value: 'temperature' does not support 0 with this model.")
    '; --extra \\'{"temperature": null}\\' leaves it out'
    >>> parameter_hint("max_tokens is too large: 900000")
    ''
    """
    if not _REFUSES.search(message):
        return ""
    if re.search(r"system.{0,20}\b(role|message|prompt|instruction)|\brole\b.{0,20}system", message, re.I):
        return "; leave --system out"
    named = [(m.start(), name) for name in _PARAMETERS if (m := re.search(rf"\b{name}\b", message))]
    if not named:
        return ""
    name = min(named)[1]  # The one that is named first is refused; others are what to use instead.
    if name == "max_tokens":
        return '; --extra \'{"max_tokens": null, "max_completion_tokens": 4096}\' sends the other one'
    if name == "max_completion_tokens":
        return '; --extra \'{"max_completion_tokens": null, "max_tokens": 4096}\' sends the other one'
    return f"; --extra '{{\"{name}\": null}}' leaves it out"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait; the header may also be a date. None where it is neither."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = email.utils.parsedate_tz(value)
            seconds = math.nan if date is None else email.utils.mktime_tz(date) - time.time()
        except (ValueError, OverflowError):  # no date of the calendar
            return None
    return None if math.isnan(seconds) else max(0.0, seconds)


def _error_message(text: str) -> str:
    try:
        data = read_json(text)
    except ValueError:
        return _short(text)
    error = data.get("error", data) if isinstance(data, dict) else data
    return _short(error.get("message", error) if isinstance(error, dict) else error)


def _short(value: Any) -> str:
    """At most 300 characters, on one line."""
    text = value if isinstance(value, str) else _to_json(value)
    return _valid(" ".join(text.split())[:300]) or "nothing"


def _to_json(value: Any) -> str:
    try:
        return _valid(json.dumps(value, ensure_ascii=False, default=str))
    except RecursionError:
        return "a value that is nested too deeply"


def _valid(text: str) -> str:
    r"""The text with halves of surrogate pairs replaced, which no file can hold.

    >>> _valid("half an emoji: \ud83d")
    'half an emoji: \ufffd'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value <= MAX_TOKENS else 0
