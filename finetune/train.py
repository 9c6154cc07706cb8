"""One fine-tuning run: a model, a dataset, a run folder with a checkpoint, predictions and scores."""

import sys
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import PartialState
from datasets import disable_progress_bars
from safetensors import SafetensorError
from transformers import (
    DataCollatorForSeq2Seq,
    EarlyStoppingCallback,
    PrinterCallback,
    ProgressCallback,
    set_seed,
)
from transformers import logging as hf_logging

from data_builders.errors import InputError, one_line
from data_builders.example import Example, load_examples, read_lock
from data_builders.files import check_links
from data_builders.locks import exclusive
from eval.prediction import read_predictions, write_config, write_environment
from eval.rerun import drop_results
from eval.scoring.run import judge, print_scores
from finetune.batches.cache import cached
from finetune.batches.data import encode, shortened
from finetune.batches.loss import token_loss
from finetune.batches.round_trip import add_symbols, check_round_trip
from finetune.batches.shared_rows import SharedRows, accept_shared_rows, collate, encode_shared
from finetune.batches.tokenizer import tokenizer_for
from finetune.compiled import MULTIPLE
from finetune.config import FP16, Options, parse
from finetune.learners.monitor import ConsoleLogger
from finetune.learners.soft_prompt import add_soft_prompt
from finetune.learners.start import LONGEST_QUESTION, add_lora, length_limits, new_model, read_size
from finetune.learners.t5 import GraphTrainer, save
from finetune.processes import check_processes
from finetune.run.answers import print_weak_tasks, test, validation
from finetune.run.interrupt import StopOnSignal
from finetune.run.launch_report import LaunchReport, print_once
from finetune.run.resume import (
    PREDICTIONS,
    Checksums,
    check_same_run,
    damaged_file,
    drop_broken,
    last_checkpoint,
    write_checksums,
)
from finetune.token_budget import token_budget
from language_models.folder import weights_digest
from language_models.load import hide_router_logits, load_model
from language_models.shared_graphs import reads_graphs_alone, split_question
from language_models.text import is_decoder_only


def main(argv: list[str]) -> None:
    """Train (unless told not to), predict the test split, score it. The same command again continues where it
    was stopped.
    """
    options = parse(argv)
    run = Path(str(options.train.output_dir))
    check_hardware(options)
    quiet(options)
    set_seed(options.train.seed)  # random weights and adapters are drawn before Trainer seeds anything
    config = run_config(options)
    with exclusive(run) if options.train.should_save else nullcontext():
        work(options, run, config)


def work(options: Options, run: Path, config: dict[str, Any]) -> None:
    """What is left of the run: training, predictions, scores and the card."""
    args = options.train
    check_links(run)
    same_run = check_same_run(run, config, forced=bool(args.resume_from_checkpoint), overwrite=args.overwrite)
    repository = hub_repository(options)
    PartialState().wait_for_everyone()  # all ranks have read the folder before the first writes to it
    if args.should_save:
        if args.overwrite and not (same_run or args.resume_from_checkpoint):
            drop_results(run, "checkpoint*", "token_budget.json")
        write_config(config, run)
        write_environment(run)
    PartialState().wait_for_everyone()
    if same_run and (run / "checkpoint").is_dir():
        if (name := damaged_file(run / "checkpoint")) is not None:
            raise InputError(
                f"{run}/checkpoint/{name}: not what was written; bring a copy back, or delete the folder "
                "checkpoint to go on from the last checkpoint-N"
            )
        print_once(options, f"{run}/checkpoint is trained already")
        model, tokenizer = load(str(run / "checkpoint"), options)
    else:
        model, tokenizer = (
            train(options, run) if args.do_train else load(str(options.model.model_name_or_path), options)
        )
    if args.do_predict:
        kept = read_predictions(run) if same_run and (run / PREDICTIONS).is_file() else []
        test(options, run, model, tokenizer, kept)
        if args.should_save:
            scored = judge(run)
            print_scores(scored.metrics, run)
            print_weak_tasks(scored)
    if args.should_save and args.do_train:
        from eval.model_card import write_card  # a second of imports that the first step need not wait for

        write_card(run)
        if repository:
            from eval.publish import push_checkpoint

            print_once(options, f"pushed to {push_checkpoint(run, repository)}")


def hub_repository(options: Options) -> str | None:
    """Where the finished run goes, made before the work begins, so that a wrong token is known at once; None
    without --push_to_hub.
    """
    args = options.train
    if not args.push_to_hub:
        return None
    args.push_to_hub = False  # Trainer would push each checkpoint, with a card that knows no scores
    from eval.publish import open_repository

    name = args.hub_model_id or Path(str(args.output_dir)).resolve().name
    return open_repository(name, args.hub_private_repo) if args.should_save else None


def quiet(options: Options) -> None:
    """Bars only on a terminal, and no library's advice about choices made here on purpose."""
    hf_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    warnings.filterwarnings("ignore", module="transformers|peft|trl")
    if not sys.stderr.isatty():
        hf_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        disable_progress_bars()
        options.train.disable_tqdm = True


def check_hardware(options: Options) -> None:
    """Refuse what would run and be wrong."""
    if options.train.n_gpu > 1:
        raise InputError(
            f"{options.train.n_gpu} GPUs are visible to one process; use `--accelerate-config "
            "configs/accelerate/ddp.yaml`, torchrun, "
            "or CUDA_VISIBLE_DEVICES=0"
        )
    if (options.train.fp16 or options.train.mixed_precision == "fp16") and not options.train.force_fp16:
        raise InputError(FP16)
    check_processes(options.train.world_size)


def run_config(options: Options) -> dict[str, Any]:
    """What config.yaml keeps: the keys that scoring and reports read, then every argument that differs from
    its default.
    """
    data = Path(str(options.data.dataset))
    examples = (
        load_examples(data, options.data.tasks, options.data.test_split, 1)
        if options.train.do_predict
        else []
    )
    method = "lora" if options.lora.lora else "soft_prompt" if options.lora.soft_prompt else "full"
    method = "grpo" if options.grpo.method == "grpo" else method
    return {
        "label": options.train.label or Path(str(options.train.output_dir)).resolve().name,
        "kind": "finetune",
        "data": str(data.resolve()),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": options.data.test_split,
        "tasks": [e.task for e in examples],
        "limit": options.data.limit,
        "model": options.model.model_name_or_path or options.model.model_config,
        "method": method if options.train.do_train else "none",
        "model_fingerprint": options.model.model_name_or_path
        and weights_digest(options.model.model_name_or_path),
        "world_size": options.train.world_size,
        "arguments": options.given,
    }


def train(options: Options, run: Path) -> tuple[Any, Any]:
    """Train from the last whole checkpoint, or from the start; the model and tokenizer come back and lie in
    run/checkpoint.
    """
    args = options.train
    examples = training_examples(options, options.data.train_split, options.data.train_limit)
    held_out = (
        None
        if args.eval_strategy == "no"
        else training_examples(options, options.data.validation_split, options.data.validation_limit)
    )
    model, tokenizer = start_model(options)
    trainer = make_trainer(options, model, tokenizer, examples, held_out)
    hide_router_logits(trainer.model)
    lengths = getattr(trainer, "lengths", None) or getattr(trainer.train_dataset, "lengths", None)
    trainer.max_tokens = token_budget(options.data.max_tokens_per_batch, trainer, lengths, run)
    checkpoint = (
        Path(args.resume_from_checkpoint)
        if args.resume_from_checkpoint
        else last_checkpoint(run, args.world_size)
    )
    PartialState().wait_for_everyone()
    if args.should_save and not args.resume_from_checkpoint:
        for name in drop_broken(run, checkpoint):
            print_once(options, f"{run}/{name} is damaged or was not written to its end: ignored")
    if held_out is not None:
        trainer.validation = validation(options, model, tokenizer)
    add_callbacks(options, trainer)
    stop = StopOnSignal()
    trainer.add_callback(stop)
    if checkpoint:
        print_once(options, f"continue from {checkpoint}")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (RuntimeError, SafetensorError) as error:
        if any(word in str(error) for word in ("PytorchStreamWriter", "serializing", "I/O error")):
            raise InputError(
                f"{run}: a checkpoint cannot be written ({one_line(error, 200)}); make room "
                "and start the same command again to continue"
            ) from None
        if "loading state_dict" not in str(error):
            raise
        raise InputError(f"{checkpoint}: a checkpoint of another model: {one_line(error, 300)}") from None
    stop.leave_if_stopped(trainer, run)
    save(trainer, run)
    if args.should_save:
        write_checksums(run / "checkpoint")
    return trainer.model, tokenizer


def add_callbacks(options: Options, trainer: Any) -> None:
    """Our lines instead of the library's, a description at the start, and early stopping where it is asked
    for.
    """
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    trainer.add_callback(ConsoleLogger())
    trainer.add_callback(LaunchReport(options, trainer))
    trainer.add_callback(Checksums())
    if options.train.early_stopping_patience is not None:
        trainer.add_callback(EarlyStoppingCallback(options.train.early_stopping_patience))


def load(name: str, options: Options) -> tuple[Any, Any]:
    """Return a stored model and its tokenizer, held as the run asks for."""
    model = options.model
    return load_model(
        name, dtype=model.dtype, attention=model.attn_implementation, load_in_4bit=model.load_in_4bit
    )


def start_model(options: Options) -> tuple[Any, Any]:
    """The model before training, and its tokenizer."""
    if options.model.model_name_or_path:
        return load(options.model.model_name_or_path, options)
    size = read_size(str(options.model.model_config))
    folders = options.data.tokenizer_datasets or [str(options.data.dataset)]
    split = {"pieces": split_question} if options.data.share_graphs else {}
    tokenizer = tokenizer_for(
        [Path(f) for f in folders], int(size.get("n_positions", LONGEST_QUESTION)), **split
    )
    return new_model(size, tokenizer, options.model.attn_implementation), tokenizer


def make_trainer(
    options: Options, model: Any, tokenizer: Any, examples: list[Example], held_out: list[Example] | None
) -> Any:
    """The trainer for this kind of model: TRL's for decoder-only ones, ours for encoder-decoders."""
    lora = options.lora
    if lora.soft_prompt:
        if reads_graphs_alone(model):
            raise InputError("soft_prompt is not for a T5 that reads a graph before its question is known")
        model = add_soft_prompt(model, tokenizer, lora.soft_prompt)
    elif not lora.lora and hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()  # full training of what adapters made
    if is_decoder_only(model):
        if options.data.share_graphs:
            raise InputError("share_graphs is for T5, which reads a graph as a whole before it answers")
        model = add_lora(model, lora, []) if lora.lora else model
        if options.grpo.method == "grpo":
            from finetune.learners.grpo import grpo_trainer

            return grpo_trainer(options, model, tokenizer, examples, held_out)
        from finetune.learners.decoder import sft_trainer

        return sft_trainer(options, model, tokenizer, examples, held_out)
    if options.grpo.method == "grpo":
        raise InputError("method grpo is for decoder-only models; T5 learns from answers")
    limits = length_limits(tokenizer, model, options.data.max_source_length, options.data.max_target_length)
    added = add_symbols(all_texts(options), tokenizer, model) if options.data.add_missing_tokens else []
    check_round_trip([*examples, *(held_out or [])], tokenizer)
    sharing = prepare_sharing(options, model)
    code = encode_shared if sharing else encode
    tokens = cached(code, examples, tokenizer, *limits)
    validating = None if held_out is None else cached(code, held_out, tokenizer, *limits)
    if lora.lora:
        rows = (
            sorted(set(tokens.sources.tolist()) | set(tokens.targets.tolist()))
            if lora.train_embeddings
            else added
        )
        model = add_lora(model, lora, rows)
    start = model.config.decoder_start_token_id
    multiple = MULTIPLE if options.train.torch_compile else 1
    trainer = GraphTrainer(
        model=model,
        args=options.train,
        train_dataset=SharedRows(tokens, start) if sharing else tokens,
        eval_dataset=SharedRows(validating, start) if sharing and validating is not None else validating,
        processing_class=tokenizer,
        data_collator=partial(collate, pad=tokenizer.pad_token_id, multiple=multiple)
        if sharing
        else DataCollatorForSeq2Seq(tokenizer, model=model, pad_to_multiple_of=multiple),
        compute_loss_func=token_loss(options.train.label_smoothing_factor),
    )
    trainer.max_tokens = options.data.max_tokens_per_batch
    return trainer


def prepare_sharing(options: Options, model: Any) -> bool:
    """Whether questions share the reading of their graph; the model is then made to, and its configuration
    remembers it.
    """
    if not (options.data.share_graphs or reads_graphs_alone(model)):
        return False
    if options.lora.lora and not reads_graphs_alone(model):
        raise InputError(
            "share_graphs with --lora needs a model that was trained with share_graphs; adapters "
            "cannot note it"
        )
    model.config.share_graphs = True
    options.train.remove_unused_columns = (
        False  # the rows' parts are taken by a hook, not by the model's own arguments
    )
    accept_shared_rows(model)
    return True


def all_texts(options: Options) -> list[str]:
    """Questions and answers of every split that the run reads."""
    data, args = options.data, options.train
    splits = {
        data.train_split: True,
        data.validation_split: args.eval_strategy != "no",
        data.test_split: args.do_predict,
    }
    examples = [
        e
        for split, read in splits.items()
        if read
        for e in load_examples(Path(str(data.dataset)), data.tasks, split)
    ]
    return [text for e in examples for text in (e.question, e.answer)]


def training_examples(options: Options, split: str, limit: int | None = None) -> list[Example]:
    """The examples of a split with the answers that are to be learned."""
    examples = load_examples(Path(str(options.data.dataset)), options.data.tasks, split, limit)
    return [shortened(e) for e in examples] if options.data.short_answers else examples
