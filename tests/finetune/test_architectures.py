"""Any model that loads can be trained, validated, saved, opened by plain transformers, and asked.

The slow tests are the matrix of docs/models.md and write its rows; eight of its cells are tried each time.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import graphtalk
from data_builders.example import load_examples
from eval.prediction import read_predictions
from tests.helpers.architectures import ARCHITECTURES, DECODERS, make_model
from tests.helpers.finetune_data import write_dataset

pytestmark = pytest.mark.torch
Command = Callable[..., tuple[int, str, str]]
PAGE = Path(__file__).parents[2] / "docs" / "models.md"
COLUMNS = ("full", "LoRA", "packing")
SAMPLE = [
    *(("llama", "LoRA"), ("gpt2", "full"), ("opt", "LoRA"), ("bloom", "packing")),
    *(("mixtral", "full"), ("mamba", "LoRA"), ("t5", "full"), ("bart", "LoRA")),
]
REASONS = {
    r"see each other": "its examples would see each other",
    r"cannot read packed rows": "it cannot read packed rows",
    r"cannot be trained: (\w+: .*?)(?: with transformers .*|$)": r"`\1`",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, {"train": 16, "validation": 2, "test": 4})


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`graphtalk` with arguments; its exit code, standard output and standard error come back."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["graphtalk", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            graphtalk.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


def answers(run: Path) -> dict[str, tuple[str, str, int, int]]:
    return {
        p.example_id: (p.output, p.finish_reason, p.prompt_tokens, p.output_tokens)
        for p in read_predictions(run)
    }


def plain_answer(checkpoint: Path, question: str, name: str) -> str:
    """What transformers alone answers, with a model from its folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    loader = AutoModelForCausalLM if name in DECODERS else AutoModelForSeq2SeqLM
    model, tokenizer = loader.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    ids = torch.tensor([tokenizer(question.rstrip(" ") if name in DECODERS else question)["input_ids"]])
    mask = torch.ones_like(ids)
    out = model.eval().generate(ids, attention_mask=mask, max_new_tokens=8, suppress_tokens=[0])[0]
    return str(tokenizer.decode(out[ids.shape[1] if name in DECODERS else 1 :], skip_special_tokens=True))


def attempt(name: str, column: str, data: Path, folder: Path, command: Command) -> str:
    """Return `yes`, or `no` with the reason of the one line that refused it before a step was made."""
    base, run = make_model(name, folder / "base"), folder / "run"
    common = [
        *("finetune", "--dataset", data, "--use_cpu", "--generation_max_length", 8),
        *("--learning_rate", "3e-3", "--save_strategy", "no"),
    ]
    start = [*common, "--model_name_or_path", base, "--output_dir", run]
    if column == "packing":
        more = ["--packing", "--packing_length", 700, "--max_steps", 1, "--do_predict", "false"]
    else:
        lora = ["--lora", "true"] if column == "LoRA" else []
        more = ["--max_steps", 2, "--eval_strategy", "steps", "--eval_steps", 2, *lora]
    code, printed, errors = command(*start, *more)
    if code:
        assert code == 2 and "\n" not in errors.strip() and "step 1 of" not in printed, errors
        assert not (run / "checkpoint").exists()
        reasons = [match.expand(text) for line, text in REASONS.items() if (match := re.search(line, errors))]
        assert len(reasons) == 1, errors
        return f"no: {reasons[0].replace('|', '/')}"
    if column == "packing":
        return "yes"
    assert "step 2: validation loss " in printed
    checkpoint = run / "checkpoint"
    assert command(*common, "--model_name_or_path", checkpoint, "--output_dir", folder / "test",
                   "--do_train", "false")[0] == 0  # fmt: skip
    assert command("prompt", "--data", data, "--model", f"hf:{checkpoint}", "--method", "zero_shot", "--out",
                   folder / "prompt", "--max-new-tokens", 8, "--dtype", "float32")[0] == 0  # fmt: skip
    trained = answers(run)
    assert answers(folder / "test") == trained and answers(folder / "prompt") == trained and len(trained) == 8
    example = load_examples(data, None, "test")[0]
    assert plain_answer(checkpoint, example.question, name) == trained[example.id][0]
    return "yes"


def rows(page: str) -> dict[str, list[str]]:
    lines = [line[1:-1].split("|") for line in page.splitlines() if re.match(r"\| `[^|]*` \|.*\|.*\|", line)]
    return {name.strip(" `"): [cell.strip() for cell in cells] for name, *cells in lines}


@pytest.mark.slow
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_matrix(name: str, column: str, data: Path, tmp_path: Path, command: Command) -> None:
    decoder = name in DECODERS
    if column == "packing" and not decoder:
        outcome = "–"
    else:
        outcome = attempt(name, column, data, tmp_path, command)
    page = PAGE.read_text(encoding="utf-8")
    table = rows(page)
    place = COLUMNS.index(column)
    before = table.setdefault(name, ["", "", ""])[place]
    table[name][place] = outcome
    head = page.index("\n", page.index("|-")) + 1
    lines = "".join(f"| `{n}` | {' | '.join(table[n])} |\n" for n in ARCHITECTURES if n in table)
    PAGE.write_text(page[:head] + lines + re.sub(r"^(\| `.*\n)+", "", page[head:]), encoding="utf-8")
    assert before in ("", outcome), f"docs/models.md is written anew: {name}, {column}: {before} -> {outcome}"


@pytest.mark.parametrize(("name", "column"), SAMPLE)
def test_eight_of_the_matrix(name: str, column: str, data: Path, tmp_path: Path, command: Command) -> None:
    page = rows(PAGE.read_text(encoding="utf-8"))
    assert page[name][COLUMNS.index(column)] == attempt(name, column, data, tmp_path, command)


def test_the_page_has_every_family() -> None:
    page = rows(PAGE.read_text(encoding="utf-8"))
    assert list(page) == list(ARCHITECTURES) and all(len(cells) == len(COLUMNS) for cells in page.values())
    assert all(cell for cells in page.values() for cell in cells)
