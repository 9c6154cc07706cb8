"""`transformers serve` on loopback with a small random model: methods x tasks through the openai client, and
what --dry-run promised.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.prediction import read_predictions
from prompting.backends.model import ModelOptions, Request
from prompting.budget import Price
from prompting.estimate import estimate
from prompting.prompts.methods import METHODS
from prompting.run import PromptRun, execute, plan
from tests.helpers.prompt_data import TASKS, make_data

pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """URL, and the folder that the server calls its model by."""
    import sys

    from tests.helpers.tiny_models import make_llama

    folder = tmp_path_factory.mktemp("served")
    model = make_llama(folder / "llama", chat=True, positions=4096)
    (folder / "hub").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("transformers")),
        "serve",
        str(model),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(folder / "hub"),
        "OMP_NUM_THREADS": "1",
    }
    log = (folder / "log").open("w")
    server = subprocess.Popen(
        [*command, "--device", "cpu", "--dtype", "float32"],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(1200):
            assert server.poll() is None, (folder / "log").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1", model
    finally:
        server.kill()
        server.wait()
        log.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "data", test=3)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_on_every_task(
    method: str, served: tuple[str, Path], data: Path, tmp_path: Path
) -> None:
    url, model = served
    run = PromptRun(data, method, limit=2, samples=min(2, METHODS[method].samples))
    options = ModelOptions(6, concurrency=2, temperature=METHODS[method].temperature, stop=())
    promised = estimate(
        [Request(p, s) for _, p in plan(run) for s in range(run.samples)],
        f"openai:{model}@{url}",
        options,
        None,
    )
    metrics = execute(run, f"openai:{model}@{url}", options, tmp_path / "run", None, lambda *args: None)
    assert set(metrics["tasks"]) == set(TASKS) and metrics["macro"]["n"] == 4
    assert {p.finish_reason for p in read_predictions(tmp_path / "run")} <= {"stop", "length"}
    usage = json.loads((tmp_path / "run" / "usage.json").read_text())
    assert (
        usage["requests"] == promised.prompts == 4 * run.samples
        and usage["prompt_tokens"] == promised.prompt_tokens > 0
    )
    price = Price(1.0, 3.0)
    counted = price.of(usage["prompt_tokens"], usage["output_tokens"])
    assert price.of(promised.prompt_tokens, promised.output_tokens) == pytest.approx(counted, rel=0.05)
    assert counted > 0


def test_the_completions_endpoint_says_what_the_local_model_says(
    served: tuple[str, Path], data: Path, tmp_path: Path
) -> None:
    """One prompt at a time on both sides, in float32 by the same library: the same greedy text."""
    url, model = served
    run = PromptRun(data, "few_shot", limit=2)
    said = []
    for name, target in (("served", f"openai:{model}@{url}"), ("local", f"hf:{model}")):
        options = ModelOptions(6, chat=False, stop=(), concurrency=1, batch_size=1, dtype="float32")
        execute(run, target, options, tmp_path / name, None, lambda *args: None)
        said.append([(p.output, p.prompt_tokens) for p in read_predictions(tmp_path / name)])
    assert said[0] == said[1] and any(text for text, _ in said[0])
