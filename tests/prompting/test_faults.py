"""Hostile, broken and unusual servers, on the real command line: each question ends as one completion or one
named error, and nothing that was paid for is lost.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.prediction import Prediction, read_config, read_predictions
from prompting.backends.fake_server import FakeServer
from prompting.journal import Journal
from tests.helpers.prompt_data import forked, make_data, stored

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")
PRICES = '{"fake": {"prompt": 1.0, "output": 1.0}}'


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("faults") / "data", test=6)


@pytest.fixture
def prompt(data: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run `graphtalk prompt` against an address; its exit code and all that it prints come back."""

    def run(address: str, *more: str, key: str = "") -> tuple[int, str]:
        words = ["--data", str(data), "--model", f"openai:{address}", "--out", str(tmp_path / "run")]
        words += [] if "--method" in more else ["--method", "zero_shot"]

        def environment() -> None:
            os.environ["OPENAI_API_KEY"] = key

        child = forked(["prompt", *words, "--no-chat", *more], tmp_path / "printed", environment)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        printed = (tmp_path / "printed").read_text(encoding="utf-8")
        assert "Traceback" not in printed, printed
        return code, printed

    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def predictions(out: Path) -> Iterator[Prediction]:
    yield from read_predictions(out)


@pytest.mark.parametrize("chat", ["--chat", "--no-chat"])
@pytest.mark.parametrize(
    ("fault", "output"),
    [
        ("surrogate", "Yes. \ufffd"), ("tokens32", "Yes."), ("tokens64", "Yes."), ("logprob", "Yes."),
        ("model_length", "Yes."), ("unknown_finish", "Yes."), ("parts", "Yes."), ("other_route", "Yes."),
    ],
)  # fmt: skip
def test_a_strange_reply_is_a_completion(
    fault: str, output: str, chat: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer(answer=lambda text: "Yes.", fault=lambda text, attempt: fault) as server:
        code, printed = prompt(f"fake@{server.url}", chat)
    assert code == 0, printed
    found = list(predictions(out))
    assert {p.output for p in found} == {output}
    assert {p.finish_reason for p in found} == {"length" if fault == "model_length" else "stop"}
    if fault.startswith("tokens") or fault == "logprob":
        expected = (0, 0) if fault.startswith("tokens") else (found[0].prompt_tokens, 1)
        assert (found[0].prompt_tokens, found[0].output_tokens) == expected
        assert found[0].confidence is None
    notices = [line for line in printed.splitlines() if line.startswith("graphtalk: ")]
    told = {"unknown_finish": "finish_reason 'tired'", "other_route": "asks it so"}
    assert len(notices) == (fault in told) and told.get(fault, "") in "".join(notices), printed


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("deep", "bad_reply: not JSON: "), ("many_digits", "bad_reply: not JSON: "),
        ("aborted", "broken_off: the server ended its reply with finish_reason 'abort'"),
        ("engine_error", "broken_off: the server ended its reply with finish_reason 'error'"),
        ("tool_calls", "bad_reply: the model calls a tool"),
        ("deep_error", "http_400: "), ("busy_day", "http_429: Busy (it asks to wait 86,400 s"),
        ("busy_1e9", "http_429: Busy (it asks to wait 1,000,000,000 s"),
        ("busy_inf", "http_429: Busy (it asks to wait inf s"),
        ("down_day", "http_500: Down for a day (it asks to wait 86,400 s"),
    ],
)  # fmt: skip
def test_a_reply_without_an_answer_is_an_error_of_its_question(
    fault: str, reason: str, prompt: Callable[..., tuple[int, str]], data: Path, out: Path
) -> None:
    """One of two tasks fails; the other's answers are scored, and stay where they are."""

    def spoil(text: str, attempt: int) -> str:
        return fault if "cycle" in text else ""

    with FakeServer(fault=spoil) as server:
        code, printed = prompt(f"fake@{server.url}", "--chat", "--attempts", "1")
        assert code == 0, printed
        found = list(predictions(out))
        errors = [p.output for p in found if p.finish_reason == "error"]
        assert len(errors) == 6 and len(found) == 12
        assert all(error.startswith(reason) for error in errors), errors[0]
        assert "6 requests failed" in printed and reason in printed
        usage = json.loads((out / "usage.json").read_text())
        assert sum(usage["errors"].values()) == 6 == usage["finish_reasons"]["error"]
        kept = stored(out / "journal.sqlite")
        assert len(kept) == len(set(server.answered))
        server.fault = lambda text, attempt: ""
        arrived = dict(server.arrived)
        assert prompt(f"fake@{server.url}", "--chat")[0] == 0
        assert all(server.arrived[text] == arrived[text] for text in kept), "paid for once"
    assert {p.finish_reason for p in predictions(out)} == {"stop"}


@pytest.mark.parametrize("fault", ["busy_nan", "busy_date"])
def test_a_wait_that_is_none_is_left_to_the_backoff(
    fault: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer(fault=lambda text, attempt: fault if attempt < 2 else "") as server:
        code, printed = prompt(f"fake@{server.url}")
    assert code == 0 and {p.finish_reason for p in predictions(out)} == {"stop"}, printed


@pytest.mark.parametrize("fault", ["busy_day", "down_day"])
def test_a_server_that_wants_a_day_stops_the_run(
    fault: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer(fault=lambda text, attempt: fault) as server:
        code, printed = prompt(f"fake@{server.url}")
    assert code == 2 and "longer than --patience" in printed and len(printed.splitlines()) == 1, printed
    assert max(server.arrived.values()) == 1 and not (out / "metrics.json").exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("fake@localhost:PORT/v1", "write NAME@http://HOST:PORT/v1"),
        ("fake@127.0.0.1:PORT", "write NAME@http://HOST:PORT/v1"),
        ("fake@http:127.0.0.1:PORT/v1", "write NAME@http://HOST:PORT/v1"),
        ("fake@//127.0.0.1:PORT/v1", "write NAME@http://HOST:PORT/v1"),
        ("fake@ws://127.0.0.1:PORT/v1", "starts with http:// or https://"),
        ("fake@http://127.0.0.1:99999/v1", "no address of a server"),
        ("fake@http://127.0.0.1:0/v1", "no address of a server"),
        ("fake@http://127.0.0.1:port/v1", "no address of a server"),
        ("fake@http://127.0.0.1:/v1", "no address of a server"),
        ("fake@http://127.0.0.1 :PORT/v1", "no address of a server"),
        ("fake@http://[::1/v1", "no address of a server"),
        ("fake@http://", "no address of a server"),
        ("fake@http://user:hunter2@127.0.0.1:PORT/v1", "keys belong in the environment"),
        ("fake@HTTP://user:hunter2@127.0.0.1:PORT/v1", "keys belong in the environment"),
        ("fake@http://hunter2@127.0.0.1:PORT/v1", "keys belong in the environment"),
        ("fake@user:hunter2@127.0.0.1:PORT/v1", "write NAME@http://HOST:PORT/v1"),
        ("fake@user:hunter2@http://127.0.0.1:PORT/v1", "keys belong in the environment"),
        ("fake@http://user%3Ahunter2%40127.0.0.1:PORT/v1", "no address of a server"),
        ("fake@http://127.0.0.1:PORT/v1?key=hunter2", "keys belong in the environment"),
        ("fake@http://127.0.0.1:PORT/v1#hunter2", "keys belong in the environment"),
        ("fake@http://127.0.0.1:PORT\\@user:hunter2/v1", "keys belong in the environment"),
    ],
)
def test_an_address_is_refused_before_anything_is_sent(
    address: str, message: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer() as server:
        port = server.url.rpartition(":")[2].partition("/")[0]
        code, printed = prompt(address.replace("PORT", port), key="sk-of-openai")
        assert not server.arrived
    assert code == 2 and message in printed and len(printed.splitlines()) == 1, printed
    assert "hunter2" not in printed and not out.exists()


@pytest.mark.parametrize("end", ["", "/", "/completions", "/chat/completions", "/completions/"])
def test_an_address_in_capitals_or_with_the_route_is_mended(
    end: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer() as server:
        code, printed = prompt(f"fake@{server.url.replace('http', 'HTTP')}{end}")
    assert code == 0 and {p.finish_reason for p in predictions(out)} == {"stop"}, printed


@pytest.mark.parametrize(
    ("fault", "flag"),
    [
        ("no_temperature", "--extra '{\"temperature\": null}'"),
        ("no_max_tokens", '--extra \'{"max_tokens": null, "max_completion_tokens": 4096}\''),
        ("no_stop", "--extra '{\"stop\": null}'"),
        ("no_system", "leave --system out"),
    ],
)
def test_a_refused_parameter_names_the_flag_that_helps(
    fault: str, flag: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer(fault=lambda text, attempt: fault) as server:
        code, printed = prompt(f"fake@{server.url}", "--concurrency", "2")
    assert code == 2 and flag in printed and "nothing is scored" in printed, printed
    assert server.arrived.total() <= 4 and not (out / "metrics.json").exists()


def test_a_key_with_a_typographic_quote_is_one_line(prompt: Callable[..., tuple[int, str]]) -> None:
    with FakeServer() as server:
        code, printed = prompt(f"fake@{server.url}", key="sk-hunter2\u2019")
    assert code == 2 and "characters that no key has" in printed and "hunter2" not in printed


def test_a_prompt_that_is_cut_silently_is_told(prompt: Callable[..., tuple[int, str]], out: Path) -> None:
    with FakeServer(count=lambda text: min(20, len(text))) as server:
        code, printed = prompt(f"fake@{server.url}")
    assert code == 0 and "note: the server counted 20 tokens of a prompt of about" in printed, printed


def test_empty_answers_are_told(prompt: Callable[..., tuple[int, str]]) -> None:
    with FakeServer(answer=lambda text: "") as server:
        code, printed = prompt(f"fake@{server.url}")
    assert code == 0 and "note: 12 of 12 answers are empty" in printed, printed


@pytest.mark.parametrize(
    ("flags", "stops"),
    [
        (("--method", "zero_shot", "--no-chat"), None), (("--method", "few_shot", "--chat"), None),
        (("--method", "few_shot", "--no-chat"), ["\nQ:", "\nExample:"]),
        (("--method", "zero_shot", "--chat", "--stop", '["END"]'), ["END"]),
    ],
)  # fmt: skip
def test_stop_strings_are_sent_where_examples_are_shown_or_the_user_asks(
    flags: tuple[str, ...], stops: list[str] | None, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    bodies: list[dict[str, object]] = []

    class Recorder(FakeServer):
        def _answer(self, request: dict[str, object], prompt: str) -> dict[str, object]:
            bodies.append(request)
            return super()._answer(request, prompt)

    with Recorder() as server:
        code, printed = prompt(f"fake@{server.url}", *flags)
    assert code == 0 and len(bodies) >= 10, printed
    assert all(body.get("stop") == stops for body in bodies)


def test_extra_is_refused_where_it_does_nothing(data: Path, tmp_path: Path) -> None:
    words = ["prompt", "--data", str(data), "--model", "hf:nowhere", "--method", "zero_shot"]
    words += ["--out", str(tmp_path / "run"), "--extra", '{"top_k": 5}']
    child = forked(words, tmp_path / "printed")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert "--extra is for servers" in (tmp_path / "printed").read_text()


@pytest.mark.parametrize("cap", [("--max-tokens-total", "900"), ("--max-cost", "0.0009", "--prices", PRICES)])
def test_a_cap_counts_all_of_the_journal_and_its_answers_can_be_scored(
    cap: tuple[str, ...], prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer(count=lambda text: 40) as server:
        address = f"fake@{server.url}"
        code, printed = prompt(address, *cap, "--concurrency", "1")
        assert code == 3 and f"raise {cap[0]}" in printed and "--partial" in printed, printed
        answered = server.answered.total()
        assert 5 <= answered < 12 and not (out / "metrics.json").exists()
        again, same = prompt(address, *cap, "--concurrency", "1")
        assert again == 3 and same.split(", and")[0] == printed.split(", and")[0], same
        assert server.arrived.total() == answered, "nothing more is sent"
        # The second task alone would fit; what the run spent on the first counts.
        code, printed = prompt(address, *cap, "--tasks", "node_count", "--concurrency", "1")
        assert code == 3 and server.arrived.total() == answered, printed
        code, printed = prompt(address, *cap, "--partial", "--concurrency", "1")
        assert code == 0 and server.arrived.total() == answered, printed
        assert f"raise {cap[0]}" in printed and "answers scored" in printed
        metrics = json.loads((out / "metrics.json").read_text())
        assert metrics["macro"]["n"] == len(list(predictions(out))) < 12
        assert read_config(out)["label"] == f"run (partial: {metrics['macro']['n']} of 12)"
        assert prompt(address)[0] == 0
        assert server.arrived.total() == len(server.arrived), "nothing was asked twice"
    assert len(list(predictions(out))) == 12
    assert json.loads((out / "metrics.json").read_text())["label"] == "run"


def test_completions_that_a_server_does_not_count_count_at_their_most(tmp_path: Path) -> None:
    from prompting.backends.model import Completion, Request

    with Journal(tmp_path / "j", {"model": "m"}) as journal:
        journal.add([(Request("x" * 100), Completion("Yes.", "stop", 0, 0, 0.1))])
        journal.add([(Request("y"), Completion("No.", "stop", 30, 2, 0.1))])
        assert journal.spent(128) == (100 // 2 * 11 // 10 + 16 + 30, 128 + 2)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("refused", "http_400: the fault 'refused'"), ("error", "http_500"), ("wrong_json", "bad_reply")],
)
def test_where_every_request_fails_nothing_is_scored(
    fault: str, reason: str, prompt: Callable[..., tuple[int, str]], out: Path
) -> None:
    with FakeServer(fault=lambda text, attempt: fault) as server:
        code, printed = prompt(f"fake@{server.url}", "--attempts", "1")
    assert code == 2 and reason in printed and "nothing is scored" in printed, printed
    assert len(printed.splitlines()) == 1
    assert not (out / "metrics.json").exists() and not (out / "predictions.parquet").exists()
