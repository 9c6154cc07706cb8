"""How fast a T5 learns graph questions: `make bench-finetune`.

The same T5 of 3 + 3 layers x 128 from random weights, on the same ten questions about each of some thousand
Erdős–Rényi graphs of 5 to 19
nodes: by a stock Seq2SeqTrainer script (T5's kind of tokens, a vocabulary of 32,000, random batches of 8), by
our recipe (a tokenizer of its own, short answers, batches of similar length), and with questions that share
the reading of their graph. One after another, each in a process of its own with one thread; seconds are
processor time of training steps, validation is not counted. "to equal" is the time until the mean accuracy
over the tasks is what the stock script reaches at the end of its time.
"""

import argparse
import json
import os
import platform
import string
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

TASKS = (
    "edge_existence,node_degree,node_count,edge_count,connected_nodes,disconnected_nodes,"
    "cycle_check,reachability,shortest_path"
)
TASKS += ",triangle_counting"
STOCK = "stock Seq2SeqTrainer"
OURS = {"own tokenizer, short answers, by length": [], "the same, --share_graphs": ["--share_graphs"]}
SIZE = {
    "d_model": 128,
    "d_kv": 32,
    "num_heads": 4,
    "d_ff": 512,
    "num_layers": 3,
    "num_decoder_layers": 3,
    "dropout_rate": 0.0,
}
RATE = [
    "--learning_rate",
    "1e-3",
    "--lr_scheduler_type",
    "constant_with_warmup",
    "--warmup_steps",
    "50",
    "--max_steps",
    "1000000",
]
QUIET = [
    "--logging_steps",
    "1000000",
    "--save_strategy",
    "no",
    "--disable_tqdm",
    "true",
    "--use_cpu",
    "--seed",
    "0",
]


def stock_tokenizer(texts: list[str]) -> Any:
    """32,000 pieces as T5's SentencePiece has them: words with their space, numbers, single characters; the
    rest is never met.
    """
    from transformers import T5Tokenizer

    symbols = [c for c in string.ascii_letters + string.digits + string.punctuation if c not in "{}<>~^`\\|"]
    words = sorted(
        {
            "▁" + w.strip(string.punctuation)
            for text in texts
            for w in text.split()
            if w.strip(string.punctuation).isalpha()
        }
    )
    pieces = dict.fromkeys(
        [*words, *(f"▁{i}" for i in range(100)), *(str(i) for i in range(100)), "▁("], -8.0
    )
    pieces |= dict.fromkeys(symbols, -9.0)
    pieces |= {f"▁{chr(0x4E00 + i // 100)}{i}": -12.0 for i in range(32_000 - 100 - 4 - len(pieces))}
    return T5Tokenizer(
        vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -8.0), *pieces.items()], extra_ids=100
    )


def stock_trainer(folder: Path, out: Path) -> tuple[Any, Any]:
    """The script that one finds everywhere: datasets.map, DataCollatorForSeq2Seq, Seq2SeqTrainer."""
    from datasets import Dataset
    from transformers import (
        DataCollatorForSeq2Seq,
        HfArgumentParser,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        T5Config,
        T5ForConditionalGeneration,
    )

    from data_builders.example import load_examples
    from finetune.batches.loss import token_loss

    examples = load_examples(folder, None, "train")
    tokenizer = stock_tokenizer([t for e in examples[::50] for t in (e.question, e.answer)])
    config = T5Config(
        **SIZE, vocab_size=len(tokenizer), decoder_start_token_id=0, pad_token_id=0, eos_token_id=1
    )
    model = T5ForConditionalGeneration(config)
    rows = Dataset.from_dict(
        {"question": [e.question for e in examples], "answer": [e.answer for e in examples]}
    )
    rows = rows.map(
        lambda batch: tokenizer(batch["question"], text_target=batch["answer"]),
        batched=True,
        remove_columns=rows.column_names,
    )
    (args,) = HfArgumentParser([Seq2SeqTrainingArguments]).parse_args_into_dataclasses(
        ["--output_dir", str(out), *RATE, *QUIET]
    )
    collator = DataCollatorForSeq2Seq(tokenizer, model=model)
    trainer = Seq2SeqTrainer(
        model=model,
        args=args,
        train_dataset=rows,
        data_collator=collator,
        processing_class=tokenizer,
        compute_loss_func=token_loss(),
    )
    lengths = [len(row) for row in rows["input_ids"]]
    return trainer, {"tokens": sum(lengths) / len(lengths), "vocabulary": len(tokenizer)}


def our_trainer(folder: Path, out: Path, more: list[str]) -> tuple[Any, Any]:
    from finetune.config import parse
    from finetune.train import make_trainer, start_model, training_examples

    run = [
        "--dataset",
        str(folder),
        "--output_dir",
        str(out),
        "--model_config",
        json.dumps(SIZE),
        "--attn_implementation",
        "eager",
    ]
    options = parse(
        [
            *run,
            *RATE,
            *QUIET,
            "--short_answers",
            "--max_tokens_per_batch",
            "2500",
            "--do_predict",
            "false",
            *more,
        ]
    )
    examples = training_examples(options, "train")
    model, tokenizer = start_model(options)
    trainer = make_trainer(options, model, tokenizer, examples, None)
    return trainer, {
        "tokens": sum(trainer.train_dataset.lengths) / len(examples),
        "vocabulary": len(tokenizer),
    }


def measure(name: str, folder: Path, seconds: float, every: float, target: float | None) -> dict[str, Any]:
    """Train for some seconds, or until the accuracy is the target's: examples per second, and the accuracy at
    each time.
    """
    import torch
    from transformers import TrainerCallback, set_seed
    from transformers import logging as hf_logging

    from data_builders.example import load_examples
    from eval.api import evaluate
    from finetune.batches.data import encode
    from finetune.batches.shared_rows import encode_shared
    from finetune.run.predict import predict
    from language_models.shared_graphs import reads_graphs_alone

    torch.set_num_threads(1)
    hf_logging.set_verbosity_error()
    set_seed(0)
    with tempfile.TemporaryDirectory() as out:
        trainer, facts = (
            stock_trainer(folder, Path(out)) if name == STOCK else our_trainer(folder, Path(out), OURS[name])
        )
        model, tokenizer = trainer.model, trainer.processing_class
        asked = load_examples(folder, None, "validation")
        tokens = (encode_shared if reads_graphs_alone(model) else encode)(asked, tokenizer, 4096, 4096)

        class Clock(TrainerCallback):
            spent, examples, curve = 0.0, 0, [(0.0, 0.0)]

            def on_step_begin(self, *_: Any, **__: Any) -> None:
                self.start = time.process_time()

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                self.spent += time.process_time() - self.start
                if self.spent < self.curve[-1][0] + every and self.spent < seconds:
                    return
                with torch.random.fork_rng():
                    answers = predict(
                        model, tokenizer, asked, tokens, size=64, device="cpu", max_new_tokens=48
                    )
                model.train()
                self.curve.append((self.spent, evaluate(asked, answers).macro.value))
                control.should_training_stop = self.spent >= seconds or (
                    target is not None and self.curve[-1][1] >= target
                )

        clock = Clock()
        trainer.add_callback(clock)
        taken = trainer.training_step

        def counted(model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
            clock.examples += (
                int(inputs["parts"].amax(1).sum()) if "parts" in inputs else len(inputs["labels"])
            )
            return taken(model, inputs, *rest, **named)

        trainer.training_step = counted
        trainer.train()
    return {
        **facts,
        "rate": clock.examples / clock.spent,
        "curve": clock.curve[1:],
        "parameters": model.num_parameters(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=120.0,
        help="processor time that the stock script trains; ours gets no more",
    )
    parser.add_argument("--graphs", type=int, default=5000, help="graphs to train on, each asked every task")
    parser.add_argument(
        "--one", nargs=3, help=argparse.SUPPRESS
    )  # name, dataset, target: the process that trains
    given = parser.parse_args()
    if given.one:
        name, folder, target = given.one
        every = given.seconds / (2 if name == STOCK else 30)
        print(json.dumps(measure(name, Path(folder), given.seconds, every, json.loads(target))))
        return
    names = ("torch", "transformers", "tokenizers")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python"
        f" {platform.python_version()}",
        end="; ",
    )
    print(", ".join(f"{name} {metadata.version(name)}" for name in names))
    columns = (
        f"{'tokens':>6} {'vocab':>6} {'examples/s':>10} {'of':>6} {'accuracy':>8} {'to equal':>9} {'of':>6}"
    )
    print(f"{'one thread, T5 3 + 3 layers x 128':42} {columns}")
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder) / "d", given.graphs, given.seconds)


def compare(folder: Path, graphs: int, seconds: float) -> None:
    from data_builders.building.build import build
    from data_builders.building.config import load_config

    build(
        load_config(None, {"tasks": TASKS, "generators": "er", "train": graphs, "validation": 30, "test": 0}),
        folder,
    )
    target, first, slowest = None, 0.0, 0.0
    for name in (STOCK, *OURS):
        one = [
            sys.executable,
            "-m",
            "benchmarks.finetune",
            "--seconds",
            str(seconds),
            "--one",
            name,
            str(folder),
            json.dumps(target),
        ]
        run = subprocess.run(
            one, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
        )
        if run.returncode:
            sys.exit(run.stderr[-3000:])
        found = json.loads(run.stdout.splitlines()[-1])
        if target is None:
            first, target = found["rate"], found["curve"][-1][1]
            slowest = next(at for at, accuracy in found["curve"] if accuracy >= target)
        reached = next((at for at, accuracy in found["curve"] if accuracy >= target), None)
        if not target:
            reached = None  # the stock script has learned nothing yet, so there is nothing to equal
        equal = f"{reached:8.1f}s {slowest / reached:6.1f}" if reached else f"{'not in time':>16}"
        print(
            f"{name:42} {found['tokens']:6.0f} {found['vocabulary']:6d} {found['rate']:10.1f}"
            f" {found['rate'] / first:6.1f} {100 * found['curve'][-1][1]:8.1f} {equal}",
            flush=True,
        )


if __name__ == "__main__":
    main()
