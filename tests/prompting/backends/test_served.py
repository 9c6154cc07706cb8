"""A served model through the openai client: real servers on loopback, well-behaved and not."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from data_builders.errors import InputError
from prompting.backends.fake_server import FAULTS, FakeServer, faults_for, plain_answer
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.backends.registry import open_model
from prompting.backends.throttle import Throttle
from prompting.budget import Budget, Price, Stopped

OPTIONS: dict[str, Any] = {"max_new_tokens": 8, "concurrency": 8, "timeout": 2.0, "attempts": 8}


def ask(
    server: FakeServer, prompts: list[str], budget: Budget | None = None, **options: Any
) -> dict[int, Completion]:
    """Every completion by index; it fails if one comes twice."""
    model = open_model(f"openai:fake@{server.url}", ModelOptions(**{**OPTIONS, **options}))
    found: dict[int, Completion] = {}
    with closing(model.complete([Request(p) for p in prompts], set(), budget or Budget())) as lists:  # type: ignore[type-var]
        for some in lists:
            for index, completion in some:
                assert index not in found, "delivered twice"
                found[index] = completion
    return found


@pytest.mark.parametrize("chat", [True, False])
def test_every_prompt_gets_its_own_answer(chat: bool) -> None:
    prompts = [f"question {i}" for i in range(40)]
    with FakeServer(answer=lambda prompt: f"answer to {prompt}", delay=0.02) as server:
        found = ask(server, prompts, chat=chat)
    assert [found[i].text for i in range(40)] == [f"answer to {p}" for p in prompts]
    assert server.arrived == dict.fromkeys(prompts, 1) and 1 < server.most <= 8
    assert {c.finish_reason for c in found.values()} == {"stop"}
    assert found[0].prompt_tokens == len(prompts[0]) // 3 and found[0].seconds >= 0.02


@pytest.mark.parametrize("fault", [f for f in FAULTS if f != "refused"])
def test_a_fault_is_mended_by_another_attempt(fault: str) -> None:
    prompts = [f"question {i}" for i in range(12)]
    with FakeServer(
        answer=str.upper, slow=0.6, fault=lambda p, n: fault if n == 0 and p.endswith(("3", "7")) else ""
    ) as server:
        found = ask(server, prompts, timeout=0.3, concurrency=3)
    assert {i: c.text for i, c in found.items()} == {i: p.upper() for i, p in enumerate(prompts)}
    assert server.arrived["question 3"] + server.arrived["question 7"] >= (2 if fault == "twice" else 4)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error", "http_500: the fault 'error'"), ("reset", "connection: "),
        ("slow", "timeout: no answer within 0.2 s"),
        ("wrong_json", "bad_reply: not JSON: "), ("page", "bad_reply: not JSON: <html>"),
        ("empty_choices", "bad_reply: no choices in "),
        ("no_message", "bad_reply: no message in "), ("refused", "http_400: the fault 'refused'"),
    ],
)  # fmt: skip
def test_a_fault_that_stays_is_an_error_by_name(fault: str, said: str) -> None:
    with FakeServer(slow=0.5, fault=lambda p, n: fault if p == "bad" else "") as server:
        found = ask(server, ["good", "bad", "fine"], timeout=0.2, attempts=2)
    assert (found[0].text, found[2].text) == (plain_answer("good"), plain_answer("fine"))
    assert found[1].finish_reason == "error" and found[1].text.startswith(said)
    assert server.arrived["bad"] == (1 if fault == "refused" else 2)


def test_every_example_ends_once_however_the_server_misbehaves() -> None:
    prompts = [f"question {i}" for i in range(300)]
    with FakeServer(answer=str.upper, fault=faults_for(0.3), slow=0.5) as server:
        found = ask(server, prompts, concurrency=32, timeout=0.4, attempts=12)
    assert {i: c.text for i, c in found.items()} == {i: p.upper() for i, p in enumerate(prompts)}


def test_a_reply_that_is_delivered_twice_answers_no_other_prompt() -> None:
    """All on one connection: what is left over there would be read as the next prompt's answer."""
    prompts = [f"question {i}" for i in range(30)]
    with FakeServer(answer=str.upper, fault=lambda p, n: "twice" if p.endswith("5") else "") as server:
        found = ask(server, prompts, concurrency=1)
    assert [found[i].text for i in range(30)] == [p.upper() for p in prompts]


def test_a_server_whose_replies_have_no_ids_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer() as server:
        monkeypatch.setattr(server, "_ids", iter([1] * 1000))
        found = ask(server, [f"question {i}" for i in range(30)])
    assert {c.finish_reason for c in found.values()} == {"stop"}


def test_retry_after_is_kept_and_fewer_go_at_a_time() -> None:
    arrivals: list[float] = []

    def fault(prompt: str, attempt: int) -> str:
        arrivals.append(time.monotonic())
        return "busy" if len(arrivals) == 5 else ""

    with FakeServer(fault=fault, retry_after=0.7, delay=0.05) as server:
        found = ask(server, [f"question {i}" for i in range(40)], concurrency=2)
    assert len(found) == 40
    later = [t - arrivals[4] for t in arrivals[5:]]
    assert sum(t < 0.6 for t in later) <= 1, "only what was on its way already"
    assert len(arrivals) == 41, "the refused request was sent once more"


def test_a_busy_server_is_not_an_error_and_sets_the_pace() -> None:
    with FakeServer(at_once=3, delay=0.02, retry_after=0.05) as server:
        found = ask(server, [f"question {i}" for i in range(60)], concurrency=16, attempts=2)
    assert {c.finish_reason for c in found.values()} == {"stop"}
    assert server.answered.total() == 60
    assert server.arrived.total() < 60 + 60, "most were not refused"


def test_what_was_refused_comes_back_no_more_at_a_time_than_the_server_takes() -> None:
    """A server that takes 4 at a time: of 16 sent together 12 are refused, and these do not come back
    together.
    """
    throttle, together, most = Throttle(16), 0, [0, 0]  # at a time: at first, and once some were refused

    async def one() -> int:
        nonlocal together
        for tries in range(100):
            async with throttle.turn() as sent:
                together += 1
                taken = together <= 4
                most[tries > 0] = max(most[tries > 0], together)
                for _ in range(5):  # the others' turn
                    await asyncio.sleep(0)
                together -= 1
                if taken:
                    throttle.answered()
                    return tries
                throttle.busy(sent, None)
        raise AssertionError("never taken")

    async def life() -> list[int]:
        return await asyncio.gather(*(one() for _ in range(16)))

    tries = asyncio.run(life())
    assert most == [16, 8], "those that were refused together halve the limit once"
    assert sum(tries) < 12 + 8 + 4, "as many refusals as if all came back at once"


def test_whoever_waits_for_a_turn_is_called_when_the_run_ends() -> None:
    async def life() -> bool:
        throttle = Throttle(1)

        async def second() -> bool:
            async with throttle.turn():
                return throttle.ended

        async with throttle.turn():
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0)
            throttle.end()
            return await waiting

    assert asyncio.run(life())


def test_a_busy_server_is_an_error_when_patience_ends() -> None:
    with FakeServer(fault=lambda p, n: "busy" if p == "bad" else "", retry_after=9) as server:
        found = ask(server, ["bad", "good"], patience=1, concurrency=1)
    assert found[0].text == "http_429: the fault 'busy' (it asks to wait 9 s, longer than --patience)"
    assert found[1].finish_reason == "stop"


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (lambda: Budget(max_tokens_total=300), "--max-tokens-total of 300 is reached"),
        (lambda: Budget(max_cost=0.0003, price=Price(1, 1)), r"--max-cost of \$0.0003 is reached"),
    ],
)
def test_a_cap_stops_cleanly_and_is_never_passed(budget: Callable[[], Budget], said: str) -> None:
    cap = budget()
    with (
        FakeServer(count=lambda text: 5) as server,
        pytest.raises(Stopped, match=f"{said}.*start the same command again"),
    ):
        ask(server, [f"question {i}" for i in range(100)], cap)
    assert 200 < cap.prompt_tokens + cap.output_tokens <= 300
    assert (
        server.answered.total() == server.arrived.total() == (cap.prompt_tokens + cap.output_tokens) // 10
    ), "all of it is counted"


def test_the_time_cap_waits_for_what_was_sent() -> None:
    with FakeServer(delay=0.2) as server, pytest.raises(Stopped, match=r"--max-time of 0\.5 s is over"):
        ask(server, [f"question {i}" for i in range(500)], Budget(max_time=0.5), concurrency=4)
    assert 4 <= server.answered.total() == server.arrived.total() < 40


def test_the_time_cap_is_nothing_to_a_run_whose_last_requests_are_on_their_way() -> None:
    with FakeServer(delay=0.4) as server:
        assert len(ask(server, ["a", "b", "c"], Budget(max_time=0.1))) == 3


@pytest.mark.parametrize("status", ["key", "path"])
def test_what_would_fail_for_every_prompt_stops_the_run(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine-1234")
    with FakeServer(key="sk-other") as server:
        if status == "key":
            with pytest.raises(Stopped, match=r"http_401: Incorrect API key provided: \[key\];"):
                ask(server, [f"question {i}" for i in range(50)])
        else:
            monkeypatch.setattr(server, "key", None)
            monkeypatch.setattr(server, "url", server.url + "/nowhere")
            monkeypatch.setattr(FakeServer, "_reply", _not_found)
            with pytest.raises(Stopped, match="http_404: no such model"):
                ask(server, [f"question {i}" for i in range(50)])
    assert server.answered.total() == 0


async def _not_found(
    self: FakeServer, method: str, path: str, headers: Any, body: bytes, writer: Any
) -> None:
    from prompting.backends.fake_server import _write

    await _write(writer, 404, {"error": {"message": "no such model"}})


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer() as server:
        pass
    with pytest.raises(Stopped, match=r"/v1: 3 requests in a row failed, the first with connection: "):
        ask(server, ["a", "b", "c"], attempts=2)


def test_a_task_whose_prompts_are_all_refused_does_not_stop_the_others() -> None:
    prompts = [f"{'long' if i < 100 else 'short'} {i}" for i in range(120)]
    with FakeServer(fault=lambda p, n: "refused" if p.startswith("long") else "") as server:
        found = ask(server, prompts)
    assert [c.finish_reason for _, c in sorted(found.items())] == ["error"] * 100 + ["stop"] * 20
    with (
        FakeServer(fault=lambda p, n: "refused") as server,
        pytest.raises(Stopped, match=r"2[0-9][0-9] requests in a row failed, .* http_400"),
    ):
        ask(server, [f"question {i}" for i in range(1000)])
    assert server.arrived.total() < 500


def test_refusal_truncation_and_reasoning_are_kept_apart() -> None:
    from prompting.backends.replies import read_reply

    def reply(message: dict[str, Any], finish: str) -> Completion:
        usage = {
            "prompt_tokens": 5,
            "completion_tokens": 9,
            "completion_tokens_details": {"reasoning_tokens": 6},
        }
        return read_reply(
            {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}, True, 1.0
        )

    thought = reply({"content": "Yes.", "reasoning_content": "Hm."}, "stop")
    assert (thought.text, thought.reasoning, thought.output_tokens, thought.reasoning_tokens) == (
        "Yes.",
        "Hm.",
        9,
        6,
    )
    assert reply({"content": None, "reasoning": "Hm, "}, "length").finish_reason == "length"
    declined = reply({"content": None, "refusal": "I cannot do that."}, "stop")
    assert (declined.text, declined.finish_reason) == ("I cannot do that.", "refusal")
    assert reply({"content": ""}, "content_filter").finish_reason == "refusal"


@pytest.mark.parametrize("chat", [True, False])
def test_a_server_that_tells_its_tokens_probabilities(chat: bool) -> None:
    with FakeServer(answer=lambda prompt: "No.") as server:
        assert ask(server, ["Q"], chat=chat)[0].confidence is None
        assert ask(server, ["Q"], chat=chat, extra={"logprobs": True if chat else 1})[
            0
        ].confidence == pytest.approx(math.exp(-0.3))


@pytest.mark.parametrize(
    "told",
    [
        {"content": []},
        {"content": [{"token": "x"}]},
        {"token_logprobs": [None, -0.1]},
        {"content": None},
        "x",
        3,
        {},
    ],
)
def test_probabilities_that_are_not_whole_are_none(told: Any) -> None:
    from prompting.backends.replies import read_reply

    assert read_reply({"choices": [{"text": "Yes.", "logprobs": told}]}, False, 0.1).confidence is None


def test_samples_have_seeds_of_their_own_and_extra_keys_win() -> None:
    from prompting.backends.replies import RequestFormat

    request_format = RequestFormat(
        "m",
        True,
        ModelOptions(
            8, seed=7, temperature=0.5, system="Be brief.", extra={"stop": None, "reasoning_effort": "low"}
        ),
    )
    body = request_format.body(Request("Q", 2))
    assert (body["seed"], body["reasoning_effort"], "stop" in body) == (9, "low", False)
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert "max_completion_tokens" in RequestFormat("m", True, ModelOptions(8), newer=True).body(Request("Q"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("m@ftp://x/v1", "starts with http:// or https://"), ("m@http://", "write NAME@BASE_URL"),
        ("@http://x/v1", "write NAME@BASE_URL"),
        ("m@http://user:secret@x/v1", "keys belong in the environment"),
        ("m@http://x/v1?key=secret", "keys belong in the environment"),
        ("m", "put it into the environment variable OPENAI_API_KEY"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match=said) as caught:
        open_model(f"openai:{name}", ModelOptions(8))
    assert "secret" not in str(caught.value)


def test_a_refusal_and_an_empty_answer_are_outcomes() -> None:
    from data_builders.example import Example
    from eval.prediction import Prediction
    from eval.scoring.scorer import score

    example = Example(
        "e", "cycle_check", "search", "Q: ?\nA: ", "No, there is no cycle.", "yes_no", "", "adjacency", "er",
        '{"directed": false, "nodes": ["0"], "edges": []}', "er/test/0", 1, 0, [], "test",
    )  # fmt: skip
    said = {"refusal": "refused", "length": "truncated", "stop": "unparsed", "error": "error"}
    assert {finish: score(example, Prediction("e", "", finish)).outcome for finish in said} == said
    assert score(example, Prediction("e", "No.", "refusal")).outcome == "refused", (
        "not read for an answer that it does not give"
    )


def test_retry_after_may_be_a_date() -> None:
    import email.utils

    from prompting.backends.replies import failure

    said = failure(429, {"retry-after": email.utils.formatdate(time.time() + 60, usegmt=True)}, "slow down")
    assert said.rate_limited and said.retry_after is not None and 50 < said.retry_after <= 60
    assert failure(503, {"retry-after": "soon"}, "").retry_after is None
    assert failure(429, {}, '{"error": {"code": "insufficient_quota", "message": "no money"}}').fatal


def test_the_bar_tells_tokens_money_and_errors() -> None:
    from data_builders.files import ProgressBar
    from prompting.commands import _Counts

    bar = ProgressBar("prompts")
    counts = _Counts(bar, Budget(price=Price(1.0, 1.0), prompt_tokens=2_000_000))
    counts.add(0, 3, [])
    counts.add(2, 3, [Completion("Yes.", "stop", 100, 2, 0.1), Completion("http_500: x", "error", 0, 0, 0.0)])
    (task,) = bar._progress.tasks
    assert (task.completed, task.total, counts.new, counts.errors) == (2, 3, 2, 1)
    assert task.fields["note"].endswith("tokens/s, $2.0000, 1 errors")
