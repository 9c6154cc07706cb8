"""Exported folders in the programs that they are for, each really run: 200 outputs get exactly our scores.

A program is installed into an environment of its own, see `tests.helpers.programs`.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.exports.command import export_command
from data_builders.exports.wrong_answers import wrong_answer
from tests.helpers.programs import environment

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
TASKS = (
    "edge_existence,node_degree,connected_nodes,shortest_path,node_classification,cycle_check,"
    "shortest_path_nodes,hamiltonian_path,topological_order,bfs_order"
)

# Each script is run in the exported folder, reads ../outputs.json (example id -> output) and writes
# ../scores.json (example id -> [right, credit]).
START = """
import json
outputs = json.load(open("../outputs.json"))
scores = {}
"""
END = """
json.dump(scores, open("../scores.json", "w"))
"""
LM_EVAL = """
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

class Given(LM):
    def generate_until(self, requests, **_):
        assert all(request.args[0] == request.doc["question"] for request in requests)
        return [outputs[request.doc["id"]] for request in requests]
    loglikelihood = loglikelihood_rolling = None

found = simple_evaluate(Given(), tasks=["graphtalk"], task_manager=TaskManager(include_path="."),
    log_samples=True, bootstrap_iters=0)
for samples in found["samples"].values():
    scores |= {s["doc"]["id"]: [s["acc"], s["credit"]] for s in samples}
assert abs(found["results"]["graphtalk"]["acc,none"] - sum(r for r, _ in scores.values()) / 200) < 1e-9
"""
INSPECT_AI = """
from pathlib import Path
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model

rows = [json.loads(line) for path in Path("data/test").glob("*.jsonl") for line in open(path)]
by_question = {row["question"]: row["id"] for row in rows}

def answer(messages, tools, tool_choice, config):
    output = ModelOutput.from_content("mockllm/model", outputs[by_question[messages[-1].text]])
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else tokens are counted
    return output

model = get_model("mockllm/model", custom_outputs=answer)
for log in eval("tasks.py", model=model, log_dir="../logs", display="none"):
    assert log.status == "success", log.error
    for sample in log.samples:
        (score,) = sample.scores.values()
        scores[sample.id] = [float(score.value == "C"), score.metadata["credit"]]
"""
REASONING_GYM = """
import sys
sys.path.insert(0, ".")
import graphtalk_gym
import reasoning_gym
from collections import Counter

data = reasoning_gym.create_dataset("graphtalk", size=200, split="test")
for item in data:
    id = item["metadata"]["example"]["id"]
    credit = data.score_answer(outputs[id], item)
    scores[id] = [float(credit == 1), credit]
other = reasoning_gym.create_dataset("graphtalk", size=30, seed=1)
assert all(other.score_answer(item["answer"], item) == 1 for item in other)
assert not {item["question"] for item in other} & {item["question"] for item in data}
"""
VERIFIERS = """
import asyncio, sys
sys.path.insert(0, ".")
import graphtalk_taskset as package
import verifiers.v1 as vf

class Trace:
    is_truncated = False
    def __init__(self, text):
        self.last_reply = text.strip()

Taskset = getattr(package, package.__all__[0])
assert issubclass(Taskset, vf.Taskset)
async def judge():
    for task in Taskset(package.GraphtalkConfig(id="graphtalk-taskset")):
        assert await task.validate(None)
        trace = Trace(outputs[task.data.id])
        scores[task.data.id] = [await task.correct(trace), await task.credit(trace)]
asyncio.run(judge())
"""
LLAMA_FACTORY = """
from pathlib import Path
from tests.helpers.tiny_models import make_llama
from llamafactory.train.test_utils import load_dataset_module
from transformers import AutoTokenizer

folder = str(make_llama(Path("../tiny_llama_factory"), positions=4096))
tokenizer = AutoTokenizer.from_pretrained(folder)
info = json.load(open("dataset_info.json"))
assert len(info) == 6
for name in info:
    asked = dict(dataset=name, dataset_dir=".", template="empty", cutoff_len=4096, overwrite_cache=True)
    data = load_dataset_module(model_name_or_path=folder, stage="sft", do_train=True, finetuning_type="full",
        output_dir="../out", report_to="none", **asked)["train_dataset"]
    rows = [json.loads(line) for line in open(info[name]["file_name"])]
    assert len(data) == len(rows)
    for example, row in zip(data, rows):
        turns = row.get("conversations") or [{"value": row["instruction"]}, {"value": row["output"]}]
        learned = [i for i in example["labels"] if i >= 0]
        assert tokenizer.decode(learned, skip_special_tokens=True).strip() == turns[1]["value"]
        assert tokenizer.decode(example["input_ids"]).startswith(turns[0]["value"])
        # It trains on answers and scores none, so that we score what it trains on.
        scores[turns[0]["value"]] = turns[1]["value"]
"""
TRL = """
import os
from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
import graphtalk
from tests.helpers.tiny_models import make_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = make_llama(__import__("pathlib").Path("../tiny"))
tokenizer = AutoTokenizer.from_pretrained(folder)
tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
settings = dict(output_dir="../out", max_steps=1, per_device_train_batch_size=2, use_cpu=True, report_to=[])
for form in ("prompt_completion", "messages"):
    trainer = SFTTrainer(AutoModelForCausalLM.from_pretrained(folder), SFTConfig(**settings),
        train_dataset=load_dataset(os.getcwd(), form, split="train"), processing_class=tokenizer)
    assert trainer.train().global_step == 1
trainer = GRPOTrainer(AutoModelForCausalLM.from_pretrained(folder), reward_funcs=graphtalk.reward,
    args=GRPOConfig(**settings, num_generations=2, max_completion_length=4),
    train_dataset=load_dataset(os.getcwd(), "grpo", split="train"), processing_class=tokenizer)
assert trainer.train().global_step == 1
data = load_dataset(os.getcwd(), "grpo", split="test")
columns = {name: data[name] for name in data.column_names}
rewards = graphtalk.reward([outputs[id] for id in data["id"]], **columns)
scores |= {id: [float(r == 1), r] for id, r in zip(data["id"], rewards)}
"""
PROGRAMS = {  # name -> what to install ("" for what this environment has), and the script
    "lm_eval": ("lm_eval==0.4.13", LM_EVAL),
    "inspect_ai": ("inspect_ai==0.3.285", INSPECT_AI),
    "reasoning_gym": ("reasoning-gym==0.1.25", REASONING_GYM),
    "verifiers": ("verifiers==0.4.0", VERIFIERS),
    "llama_factory": ("llamafactory==0.9.5", LLAMA_FACTORY),
    "trl": ("", TRL),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/, outputs.json, and ours.json with our score of each."""
    folder = tmp_path_factory.mktemp("programs")
    build(BuildConfig(tasks=TASKS, train=6, validation=4, test=20, workers=1), folder / "data")
    rng, outputs, ours = random.Random(0), {}, {}
    for e in graphtalk.load_examples(folder / "data", None, "test"):
        said = f"<think>so</think> The answer is {e.answer.strip()}"
        outputs[e.id] = rng.choice([e.answer, wrong_answer(e), said, "Hm, I do not know."])
        score = graphtalk.score(e, graphtalk.Prediction(e.id, outputs[e.id]))
        ours[e.id] = [float(score.outcome == "correct"), score.credit]
    assert len(ours) == 200
    (folder / "outputs.json").write_text(json.dumps(outputs))
    (folder / "ours.json").write_text(json.dumps(ours))
    return folder


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_our_scores(name: str, folder: Path) -> None:
    requirement, script = PROGRAMS[name]
    export_command(folder / "data", name, folder / name, None, None, None)
    python = environment(name, requirement, folder) if requirement else sys.executable
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, "-c", START + script + END],
        cwd=folder / name,
        env={**os.environ, **offline, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ours = json.loads((folder / "ours.json").read_text())
    scores = json.loads((folder / "scores.json").read_text())
    (folder / "scores.json").unlink()
    if name == "llama_factory":  # it scores nothing; what it learns is right by our scorer
        for e in graphtalk.load_examples(folder / "data", None, "test"):
            learned = graphtalk.Prediction(e.id, scores[e.question])
            assert graphtalk.score(e, learned).outcome == "correct"
    elif name == "trl":  # TRL is given our reward, of which credit is nine tenths
        assert {id: right for id, (right, _) in scores.items()} == {id: r for id, (r, _) in ours.items()}
    else:
        assert scores == ours


def test_vf_validate_finds_every_task_valid(folder: Path) -> None:
    """Verifiers' own check: the gold answer is rewarded, and an untouched task is not."""
    python = Path(environment("verifiers", "verifiers==0.4.0", folder))
    out = folder / "taskset"
    export_command(folder / "data", "verifiers", out, None, None, None)
    where = {"PYTHONPATH": f"{ROOT}:{out}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(python.with_name("vf-validate")), "graphtalk-taskset", "--runtime.type", "subprocess"],
        cwd=folder,
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    (summary,) = (folder / "outputs").rglob("summary.json")
    checks = json.loads(summary.read_text())["checks"]
    assert {name: counts["valid"] for name, counts in checks.items()} == {"gold": 200, "noop": 200}
