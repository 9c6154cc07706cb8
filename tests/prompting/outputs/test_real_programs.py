"""lm-eval and inspect_ai really run a small local model on a dataset of ours, with metrics of their own, and
on what we export, with our scorer; what they keep is imported, and their verdicts stand beside ours.

Their environments are made as in tests/data_builders/exports/test_programs.py.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from data_builders.errors import InputError
from data_builders.example import Example, load_examples
from data_builders.exports.command import export_command
from eval.prediction import read_predictions
from prompting.backends.fake_server import FakeServer
from prompting.backends.smollm2 import make_smollm2
from prompting.outputs.imports import agreement, import_outputs
from tests.data_builders.exports.test_programs import PROGRAMS, ROOT, environment
from tests.helpers.prompt_data import make_data

pytestmark = pytest.mark.slow

LM_EVAL = """
task: contains
dataset_path: parquet
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\n\\n"], do_sample: false, max_gen_toks: 16}}
filter_list:
  - {{name: all, filter: [{{function: take_first}}]}}
  - {{name: word, filter: [{{function: regex, regex_pattern: "(Yes|No|[0-9]+)"}}, {{function: take_first}}]}}
metric_list: [{{metric: exact_match, ignore_case: true, ignore_punctuation: true, aggregation: mean,
  higher_is_better: true}}]
"""
INSPECT_AI = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

rows = [json.loads(line) for line in open("rows.jsonl")]
samples = [Sample(row["question"], target=row["answer"].strip(" ."), id=row["id"]) for row in rows]
model = get_model("hf/local", model_path=sys.argv[1], config=GenerateConfig(max_tokens=16), device="cpu")
task = Task(dataset=samples, solver=generate(), scorer=includes())
(log,) = eval(task, model=model, log_dir="logs", display="none")
assert log.status == "success", log.error
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "smollm2"
    try:
        make_smollm2(folder)
    except InputError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("programs") / "data", test=6)


def run(program: str, words: list[str], folder: Path, **variables: str) -> None:
    python = environment(program, PROGRAMS[program][0], folder)
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    done = subprocess.run(
        [python, *words],
        cwd=folder,
        env={**os.environ, **offline, **variables, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def check(examples: list[Example], files: list[Path], data: Path, run: Path, theirs: str) -> None:
    """All is matched, the texts are the model's, and the two verdicts differ as their texts do."""
    imported = import_outputs(files, data, run, theirs=theirs)
    assert not imported.matches.unmatched and not imported.unanswered
    predictions = read_predictions(run)
    assert [p.example_id for p in predictions] == [e.id for e in examples]
    assert len({p.output for p in predictions}) > 1 and all(p.output.strip() for p in predictions)
    counts = agreement(imported.scores, imported.theirs)
    print(theirs, counts)
    assert sum(counts.values()) == len(examples)
    accepted = sum(imported.theirs.values())
    assert counts["both right"] + counts["false accepts"] == accepted < len(examples)


def same(files: list[Path], data: Path, run: Path, theirs: str) -> None:
    """All is matched, and the other program's verdict, which our scorer gave it there, is ours of each."""
    imported = import_outputs(files, data, run, theirs=theirs)
    assert not imported.matches.unmatched and not imported.unanswered
    assert set(imported.scores) == set(imported.theirs) == {e.id for e in load_examples(data, None, "test")}
    counts = agreement(imported.scores, imported.theirs)
    assert counts["false accepts"] == counts["false rejects"] == 0 < counts["both not right"], counts


def test_lm_eval(model: Path, data: Path, tmp_path: Path) -> None:
    files = [str(path) for path in sorted(data.glob("*/test-*.parquet"))]
    (tmp_path / "contains.yaml").write_text(LM_EVAL.format(data=json.dumps(files)))
    words = ["run", "--include_path", ".", "--tasks", "contains", "--model", "hf", "--log_samples"]
    settings = ["--model_args", f"pretrained={model},dtype=float32", "--device", "cpu", "--batch_size", "4"]
    run("lm_eval", ["-m", "lm_eval", *words, *settings, "--output_path", "out"], tmp_path)
    samples = list((tmp_path / "out").rglob("samples_contains_*.jsonl"))
    check(load_examples(data, None, "test"), samples, data, tmp_path / "run", "exact_match")


def test_inspect_ai(model: Path, data: Path, tmp_path: Path) -> None:
    examples = load_examples(data, None, "test")
    rows = [{"id": e.id, "question": e.question, "answer": e.answer} for e in examples]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "task.py").write_text(INSPECT_AI)
    run("inspect_ai", ["task.py", str(model)], tmp_path)
    check(examples, list((tmp_path / "logs").glob("*.eval")), data, tmp_path / "run", "includes")


def test_lm_eval_runs_what_we_export(model: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    export_command(data, "lm_eval", folder, None, None, None)
    words = ["run", "--include_path", ".", "--tasks", "graphtalk", "--model", "hf", "--log_samples"]
    words += ["--model_args", f"pretrained={model},dtype=float32", "--device", "cpu", "--batch_size", "4"]
    words += ["--gen_kwargs", "max_gen_toks=16", "--output_path", "out"]
    run("lm_eval", ["-m", "lm_eval", *words], folder)
    same(list((folder / "out").rglob("samples_graphtalk_*.jsonl")), data, tmp_path / "run", "acc")


def test_inspect_ai_asks_a_server_what_we_export(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    export_command(data, "inspect_ai", folder, None, None, None)
    with FakeServer() as server:
        words = [
            "eval",
            "tasks.py",
            "--model",
            "openai-api/fake/fake",
            "--log-dir",
            "logs",
            "--display",
            "none",
        ]
        variables = {"FAKE_API_KEY": "none", "FAKE_BASE_URL": server.url}
        run("inspect_ai", ["-m", "inspect_ai", *words], folder, **variables)
    assert sum(server.answered.values()) == len(load_examples(data, None, "test"))
    same(list((folder / "logs").glob("*.eval")), data, tmp_path / "run", "graphtalk_scorer")
