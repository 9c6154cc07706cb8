"""How fast training is on a GPU, beside the stock scripts on the same card: `make bench-gpu`.

Random weights of the right shapes and a dataset that is built on the spot: no network, no model folders. Each
row is a process of its own: first the stock script (Seq2SeqTrainer, or TRL's SFTTrainer, in bf16), then ours
with the same model, tokenizer and tokens a batch. tokens/s: of questions and answers, without
padding, after a warm-up. peak: 6 floating-point operations a parameter and token (4 for adapters), as a share
of what a large matrix product reaches on this card. to equal: seconds until the loss is what the stock script
reaches at the end of its time. Without a GPU it ends in one line; `--device cpu --tiny` runs every path.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.finetune import stock_tokenizer

TASKS = "edge_existence,node_degree,connected_nodes,cycle_check,reachability,shortest_path"
WARM_UP = 5  # steps, the first of which compiles


@dataclass(frozen=True)
class Row:
    """One line of the table. shape: which model. flags: of `graphtalk finetune`; None is the stock script.
    lora: whether adapters are trained. needs: a package without which the row is left out.
    """

    name: str
    shape: str
    flags: tuple[str, ...] | None
    lora: bool = False
    needs: str = "torch"


LORA = ("--lora",)
ROWS = (
    Row("T5-base full, stock Seq2SeqTrainer", "t5", None),
    Row("T5-base full", "t5", ()),
    Row("T5-base full, --share_graphs", "t5", ("--share_graphs",)),
    Row("T5-base LoRA, stock Seq2SeqTrainer", "t5", None, True),
    Row("T5-base LoRA", "t5", LORA, True),
    Row("135M LoRA, stock SFTTrainer", "135m", None, True),
    Row("135M LoRA", "135m", LORA, True),
    Row("135M LoRA, --packing", "135m", (*LORA, "--packing", "--packing_length", "4096"), True),
    Row("1B LoRA, stock SFTTrainer", "1b", None, True),
    Row("1B LoRA", "1b", LORA, True),
    Row("1B QLoRA", "1b", (*LORA, "--load_in_4bit"), True, "bitsandbytes"),
    Row("135M GRPO", "135m", (*LORA, "--method", "grpo"), True),
)
T5 = {"d_model": 768, "d_kv": 64, "num_heads": 12, "d_ff": 2048, "num_layers": 12, "num_decoder_layers": 12}
LLAMA = {
    "135m": (576, 1536, 30, 9, 3),
    "1b": (2048, 8192, 16, 32, 8),
}  # hidden, inner, layers, heads, heads of keys
TINY = {
    "t5": {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1},
    "llama": (32, 64, 1, 4, 2),
}


def byte_tokenizer(texts: list[str]) -> Any:
    """Byte-level BPE, as Llama's and SmolLM2's kind is."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    inner.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>", pad_token="<pad>")


def save_model(folder: Path, shape: str, texts: list[str], tiny: bool) -> None:
    """Random weights of a shape, with a tokenizer, as a plain transformers folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    if shape == "t5":
        tokenizer = stock_tokenizer(texts)
        keys: Any = TINY["t5"] if tiny else T5
        config: Any = T5Config(
            **keys, vocab_size=len(tokenizer), decoder_start_token_id=0, pad_token_id=0, eos_token_id=1
        )
        model: Any = T5ForConditionalGeneration(config)
    else:
        tokenizer = byte_tokenizer(texts)
        hidden, inner, layers, heads, key_heads = TINY["llama"] if tiny else LLAMA[shape]
        config = LlamaConfig(
            vocab_size=len(tokenizer) if tiny else 49_152, hidden_size=hidden, intermediate_size=inner,
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=key_heads,
            max_position_embeddings=8192, bos_token_id=None, eos_token_id=1, pad_token_id=0,
            tie_word_embeddings=True,
        )  # fmt: skip
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def common_flags(given: argparse.Namespace, out: Path) -> list[str]:
    flags = ["--output_dir", str(out), "--learning_rate", "1e-4", "--lr_scheduler_type", "constant"]
    flags += ["--max_steps", "1000000", "--logging_steps", "1000000", "--save_strategy", "no"]
    return [*flags, "--disable_tqdm", "true", *(["--use_cpu"] if given.device == "cpu" else ["--bf16"])]


def stock_trainer(row: Row, model_folder: Path, data: Path, out: Path, given: argparse.Namespace) -> Any:
    """What one finds in a tutorial: random batches of as many rows as have the tokens of ours."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    from data_builders.example import load_examples

    examples = load_examples(data, None, "train")
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    rows = Dataset.from_dict(
        {"prompt": [e.question for e in examples], "completion": [e.answer for e in examples]}
    )
    length = len(tokenizer(examples[0].question)["input_ids"])
    size = ["--per_device_train_batch_size", str(max(1, given.tokens // length))]
    torch.manual_seed(0)
    from transformers import HfArgumentParser

    if row.shape == "t5":
        from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

        model: Any = AutoModelForSeq2SeqLM.from_pretrained(model_folder)
        if row.lora:
            model = get_peft_model(
                model, LoraConfig(task_type="SEQ_2_SEQ_LM", r=16, target_modules="all-linear")
            )
        rows = rows.map(
            lambda batch: tokenizer(batch["prompt"], text_target=batch["completion"]),
            batched=True, remove_columns=rows.column_names,
        )  # fmt: skip
        (args,) = HfArgumentParser([Seq2SeqTrainingArguments]).parse_args_into_dataclasses(
            [*common_flags(given, out), *size]
        )
        collate = DataCollatorForSeq2Seq(tokenizer, model=model)
        return Seq2SeqTrainer(model=model, args=args, train_dataset=rows, data_collator=collate)
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    (args,) = HfArgumentParser([SFTConfig]).parse_args_into_dataclasses([*common_flags(given, out), *size])
    lora: Any = LoraConfig(task_type="CAUSAL_LM", r=16, target_modules="all-linear")
    model = AutoModelForCausalLM.from_pretrained(model_folder)
    return SFTTrainer(
        model=model, args=args, train_dataset=rows, processing_class=tokenizer, peft_config=lora
    )


def our_trainer(row: Row, model_folder: Path, data: Path, out: Path, given: argparse.Namespace) -> Any:
    from finetune.config import parse
    from finetune.train import make_trainer, start_model, training_examples

    flags = [*common_flags(given, out), "--dataset", str(data), "--model_name_or_path", str(model_folder)]
    if "--packing" in (row.flags or ()):
        size = ["--per_device_train_batch_size", str(max(1, given.tokens // 4096))]
    elif "--method" in (row.flags or ()):
        size = ["--per_device_train_batch_size", "8" if given.tiny else "64", "--generation_max_length", "16"]
    else:
        size = ["--max_tokens_per_batch", str(given.tokens)]
    missing = ["--add_missing_tokens", "--max_source_length", "8192"] if row.shape == "t5" else []
    options = parse([*flags, *size, *missing, "--do_predict", "false", *(row.flags or ())])
    return make_trainer(options, *start_model(options), training_examples(options, "train"), None)


def measure(row: Row, model: Path, data: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Train for some seconds after the warm-up: tokens per second, memory, and the loss at each step."""
    import torch
    from transformers import TrainerCallback
    from transformers import logging as hf_logging

    hf_logging.set_verbosity_error()
    cuda = given.device == "cuda"
    with tempfile.TemporaryDirectory() as out:
        make = stock_trainer if row.flags is None else our_trainer
        trainer = make(row, model, data, Path(out), given)
        taken, losses, tokens = trainer.training_step, [], []

        def counted(model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
            if "input_ids" in inputs:  # GRPO draws its own tokens
                mask = inputs.get("attention_mask")
                count = torch.as_tensor(inputs["input_ids"].numel() if mask is None else mask.sum())
                answers = inputs["labels"].ge(0).sum() if row.shape == "t5" else 0
                tokens.append(count + answers)
            else:
                tokens.append(torch.tensor(0))
            loss = taken(model, inputs, *rest, **named)
            losses.append(loss)
            return loss

        trainer.training_step = counted

        class Clock(TrainerCallback):
            begin, first, at = time.perf_counter(), 0.0, []  # type: ignore[var-annotated]

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                if state.global_step == WARM_UP:
                    if cuda:
                        torch.cuda.synchronize()
                    self.first, self.begin = time.perf_counter() - self.begin, time.perf_counter()
                if state.global_step >= WARM_UP:
                    self.at.append(time.perf_counter() - self.begin)
                    control.should_training_stop = self.at[-1] > given.seconds

        clock = Clock()
        trainer.add_callback(clock)
        trainer.train()
        if cuda:
            torch.cuda.synchronize()
        spent = time.perf_counter() - clock.begin
    done = sum(int(count) for count in tokens[WARM_UP:])
    return {
        "tokens": done / spent,
        "step_ms": 1000 * spent / max(1, len(losses) - WARM_UP),
        "memory": torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0,
        "warm_up": clock.first,
        "parameters": trainer.model.num_parameters(),
        "losses": [float(loss) for loss in losses[WARM_UP:]],
        "at": clock.at[1:],
    }


def matrix_peak(device: str) -> float:
    """Floating-point operations per second of a large matrix product in bf16."""
    import torch

    n = 8192 if device == "cuda" else 256
    a = torch.ones(n, n, dtype=torch.bfloat16, device=device)
    for repeat in (3, 20):
        begin = time.perf_counter()
        for _ in range(repeat):
            a @ a
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begin
    return 2 * n**3 * 20 / seconds


def to_equal(result: dict[str, Any], stock: dict[str, Any] | None) -> str:
    """Seconds until the mean loss of ten steps is what the stock script's last ten have."""
    if stock is None or not result["losses"]:
        return ""
    last = stock["losses"][-10:]
    target = sum(last) / len(last)
    for i, at in enumerate(result["at"], start=1):
        few = result["losses"][max(0, i - 10) : i]
        if sum(few) / len(few) <= target:
            return f"{at:.1f} s"
    return "not in time"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="models of a few thousand parameters")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each row, after the warm-up")
    parser.add_argument("--tokens", type=int, default=32_768, help="a batch")
    parser.add_argument("--graphs", type=int, default=4000)
    parser.add_argument("--only", default="", help="rows whose names have this in them")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # row, model, dataset: the one that trains
    given = parser.parse_args()
    import torch

    if given.one:
        row = next(row for row in ROWS if row.name == given.one[0])
        print(json.dumps(measure(row, Path(given.one[1]), Path(given.one[2]), given)))
        return
    if given.device == "cuda" and not torch.cuda.is_available():
        print('bench-gpu: no GPU here, nothing is measured (ARGS="--device cpu --tiny" runs the code)')
        return
    card = torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    peak = matrix_peak(given.device)
    print(f"{card}, torch {torch.__version__}, {peak / 1e12:.0f} TFLOP/s in a large matrix product\n")
    print("| | tokens/s | of stock | ms a step | of the peak | GB | warm-up | to equal |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows(Path(folder), given, peak)


def rows(folder: Path, given: argparse.Namespace, peak: float) -> None:
    """Print a line of the table for each row; one that fails says why and the others go on."""
    from importlib.util import find_spec

    from data_builders.building.build import build
    from data_builders.building.config import load_config
    from data_builders.example import load_examples

    data = folder / "data"
    config = {"tasks": TASKS, "generators": "er", "train": given.graphs, "validation": 0, "test": 0}
    build(load_config(None, {**config, "workers": 1}), data)
    texts = [text for e in load_examples(data, None, "train")[::50] for text in (e.question, e.answer)]
    stock: dict[tuple[str, bool], dict[str, Any]] = {}
    for row in ROWS:
        if given.only not in row.name or (row.needs == "bitsandbytes" and given.device == "cpu"):
            continue
        if find_spec(row.needs) is None:
            print(f"| {row.name} | {row.needs} is not installed | | | | | | |")
            continue
        model = folder / row.shape
        if not model.is_dir():
            save_model(model, row.shape, texts, given.tiny)
        own = [f"--{key}={getattr(given, key)}" for key in ("device", "seconds", "tokens")]
        one = [sys.executable, "-m", "benchmarks.gpu", *own, *(["--tiny"] if given.tiny else [])]
        done = subprocess.run(
            [*one, "--one", row.name, str(model), str(data)],
            capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        if done.returncode:
            print(f"| {row.name} | failed: {' '.join(done.stderr.split())[-200:]} | | | | | | |", flush=True)
            continue
        result = json.loads(done.stdout.splitlines()[-1])
        same = stock.get((row.shape, row.lora))
        if row.flags is None:
            stock[row.shape, row.lora] = same = result
        share = result["tokens"] * result["parameters"] * (4 if row.lora else 6) / peak
        of = f"{result['tokens'] / same['tokens']:.1f}" if same and result["tokens"] else ""
        print(
            f"| {row.name} | {result['tokens']:,.0f} | {of} | {result['step_ms']:.0f} | {share:.0%} | "
            f"{result['memory']:.1f} | {result['warm_up']:.0f} s | {to_equal(result, same)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
