"""The files in which other programs keep their outputs: lm-eval's samples, inspect_ai's logs, replies of
OpenAI's Batch API, and plain tables.
"""

import json
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_builders.errors import InputError
from data_builders.readers.source import BROKEN
from data_builders.records import read_records
from prompting.backends.replies import LENGTH_WORDS, RequestError, failure, read_reply

_ZSTD = 93  # the compression of inspect_ai's zip files, which Python reads since 3.14


@dataclass(frozen=True)
class Output:
    """One output of another program.

    place: the file and row where it stands. format: the name of its format, a key of FORMATS.
    ids: what may be an example's id. prompts: texts that may hold the example's question.
    fields: what the program says of the output beside it, such as its verdict.
    """

    place: str
    format: str
    text: str
    ids: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    output_tokens: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Names:
    """What the columns of a plain table are called: of each kind, the first that a row has."""

    id: tuple[str, ...] = ("id", "example_id", "custom_id")
    question: tuple[str, ...] = ("question", "prompt", "input")
    output: tuple[str, ...] = ("output", "response", "completion", "prediction", "generated_text")

    def of(self, row: Mapping[str, Any], kind: str) -> str | None:
        """The text in the row's column of that kind; None where it has none or it is empty."""
        name = next((name for name in getattr(self, kind) if row.get(name) is not None), None)
        return None if name is None else str(row[name])


DEFAULT_NAMES = Names()
Read = Callable[[str, dict[str, Any], Names], Output]


def read_outputs(paths: Sequence[Path], names: Names) -> Iterator[Output]:
    """The outputs in some files, in their order; InputError, with file and row, for a row of no known form.

    The requests of a batch may stand among its replies: then a reply is matched by the text of its prompt
    where its custom_id is no example's id.
    """
    prompts: dict[str, str] = {}
    later: list[Output] = []
    for path in paths:
        for place, row in _records(path):
            if "custom_id" in row and "body" in row and "response" not in row:
                prompts[str(row["custom_id"])] = _prompt(row["body"].get("messages") or row["body"])
                continue
            format = next(name for name, (is_form, _) in FORMATS.items() if is_form(row))
            try:
                later.append(FORMATS[format][1](place, row, names))
            except (KeyError, TypeError, IndexError, AttributeError) as error:
                raise InputError(
                    f"{place}: not of the form of {format} ({type(error).__name__}: {error})"
                ) from None
    for output in later:
        known = tuple(prompts[name] for name in output.ids if name in prompts)
        yield replace(output, prompts=known) if known else output


def _records(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    if path.suffix == ".eval":
        yield from _log(path)
        return
    for place, row in read_records(path):
        if "samples" in row and "eval" in row:  # inspect_ai's log as one JSON file
            yield from ((f"{path}, sample {n}", sample) for n, sample in enumerate(row["samples"] or (), 1))
        else:
            yield place, row


def _log(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The samples of an inspect_ai log: a zip file with one JSON file each."""
    try:
        with zipfile.ZipFile(path) as log, path.open("rb") as file:
            for entry in log.infolist():
                if not (entry.filename.startswith("samples/") and entry.filename.endswith(".json")):
                    continue
                if entry.compress_type == _ZSTD:
                    file.seek(entry.header_offset)
                    file.seek(sum(struct.unpack("<HH", file.read(30)[26:])), 1)  # its name, and extras
                    content = pa.BufferReader(file.read(entry.compress_size))
                    text = pa.CompressedInputStream(content, "zstd").read()
                else:
                    text = log.read(entry)
                yield f"{path}, {entry.filename}", json.loads(text)
    except BROKEN as error:
        raise InputError(f"{path}: cannot be read as a log of inspect_ai ({error})") from None


def _lm_eval(place: str, row: dict[str, Any], names: Names) -> Output:
    doc, calls = row["doc"], row["arguments"]
    first = next(iter(calls.values())) if isinstance(calls, dict) else calls[0]  # older: a list of pairs
    prompt = next(iter(first.values())) if isinstance(first, dict) else first[0]
    text = row["resps"][0][0] if isinstance(row["resps"][0], list) else row["resps"][0]
    if not isinstance(text, str):
        raise TypeError(f"its response is {text!r:.40} and no text; the task is none of generation")
    ids, question = names.of(doc, "id"), names.of(doc, "question")
    return Output(place, "lm_eval", text, _some(ids), _some(question, _prompt(prompt)), fields=row)


def _inspect_ai(place: str, row: dict[str, Any], names: Names) -> Output:
    def whole(text: str) -> str:
        """inspect_ai keeps long texts apart, once each."""
        return str((row.get("attachments") or {}).get(text.removeprefix("attachment://"), text))

    output, usage = row.get("output") or {}, (row.get("output") or {}).get("usage") or {}
    choice = next(iter(output.get("choices") or ()), None)
    if row.get("error") or choice is None:
        text, reason = f"inspect_ai: {(row.get('error') or {}).get('message', 'no completion')}", "error"
    else:
        content, stop = choice["message"]["content"], choice.get("stop_reason")
        parts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        text = "".join(map(whole, parts))
        reason = "length" if stop in LENGTH_WORDS else "refusal" if stop == "content_filter" else "stop"
    return Output(
        place,
        "inspect_ai",
        text,
        ids=(str(row["id"]),),
        prompts=(whole(_prompt(row["input"])),),
        finish_reason=reason,
        prompt_tokens=usage.get("input_tokens") or 0,
        output_tokens=usage.get("output_tokens") or 0,
        fields={name: score["value"] for name, score in (row.get("scores") or {}).items()},
    )


def _batch(place: str, row: dict[str, Any], names: Names) -> Output:
    response, name = row.get("response") or {}, str(row["custom_id"])
    body = response.get("body") or {}
    try:
        if row.get("error") or (response.get("status_code") or 200) != 200:
            status = response.get("status_code") or 500
            raise failure(status, {}, json.dumps(row.get("error") or body))
        reply = read_reply(body, "message" in (body.get("choices") or [{}])[0], 0.0)
    except RequestError as error:
        return Output(place, "openai_batch", str(error), (name,), finish_reason="error", fields=row)
    tokens = reply.prompt_tokens, reply.output_tokens
    return Output(place, "openai_batch", reply.text, (name,), (), reply.finish_reason, *tokens, row)


def _table(place: str, row: dict[str, Any], names: Names) -> Output:
    text, name, question = (names.of(row, kind) for kind in ("output", "id", "question"))
    if text is None or (name is None and question is None):
        need = " and ".join(
            f"{kind} ({' or '.join(of)})"
            for kind, of in (("an output", names.output), ("an id or question", names.id + names.question))
        )
        raise InputError(f"{place}: its columns are {', '.join(row)}; a row needs {need}")
    reason = str(row.get("finish_reason") or "stop")
    if reason not in ("stop", "error", "refusal", *LENGTH_WORDS):
        raise InputError(f"{place}: finish_reason is {reason!r}; it is stop, length, refusal or error")
    reason = "length" if reason in LENGTH_WORDS else reason
    return Output(place, "table", text, _some(name), _some(question), reason, fields=row)


FORMATS: dict[str, tuple[Callable[[Mapping[str, Any]], bool], Read]] = {
    "lm_eval": (lambda row: {"doc", "resps", "arguments"} <= row.keys(), _lm_eval),
    "inspect_ai": (lambda row: {"id", "epoch", "input"} <= row.keys(), _inspect_ai),
    "openai_batch": (lambda row: {"custom_id", "response"} <= row.keys(), _batch),
    "table": (lambda row: True, _table),
}
"""Name -> whether a row is of this form, and how it is read; the first that fits is taken."""


def _some(*texts: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _prompt(content: Any) -> str:
    """A prompt as one text: a text, the messages of a chat, JSON of them, or a request's body."""
    if isinstance(content, dict):
        return _prompt(content.get("prompt", content.get("input", "")))
    if isinstance(content, list):
        return "\n".join(
            _prompt(part["content"] if "content" in part else part.get("text", "")) for part in content
        )
    text = str(content)
    if text.startswith('[{"role"'):  # lm-eval with --apply_chat_template and a served model
        try:
            return _prompt(json.loads(text))
        except ValueError:
            return text
    return text
