"""Any model that loads can be trained, validated, saved, opened by plain transformers, and asked.

The slow tests are the matrix of docs/models.md and write its rows; eight of its cells are tried each time.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data_builders.example import load_examples
from eval.prediction import read_predictions
from tests.helpers.finetune_data import Command, write_dataset
from tests.helpers.tiny_models import make_tokenizer

pytestmark = pytest.mark.torch
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


LAYERS = {"hidden_size": 64, "num_hidden_layers": 2}
HEADS = {**LAYERS, "num_attention_heads": 4, "max_position_embeddings": 1024}
LLAMA = {**HEADS, "num_key_value_heads": 2, "intermediate_size": 96}
QWEN = {**LLAMA, "head_dim": 16}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
LOCAL_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
SHARED = {"shared_expert_intermediate_size": 48}
GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 1024}
MAMBA = {"mamba_n_heads": 4, "mamba_d_state": 8, "mamba_chunk_size": 32}
T5 = {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4}
BART = {
    **{"d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 1024},
    **{"encoder_attention_heads": 4, "decoder_attention_heads": 4},
    **{"encoder_ffn_dim": 96, "decoder_ffn_dim": 96},
}

DECODERS: dict[str, Mapping[str, Any]] = {
    "bamba": {**LLAMA, **MAMBA, "mamba_d_head": 32, "attn_layer_indices": [1], "mamba_n_groups": 1},
    "bloom": {"hidden_size": 64, "n_layer": 2, "n_head": 4},
    "cohere": LLAMA,
    "deepseek_v3": {
        **{**LLAMA, "num_key_value_heads": 4, "n_routed_experts": 4, "num_experts_per_tok": 2},
        **{"moe_intermediate_size": 48, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1},
        **{"kv_lora_rank": 16, "q_lora_rank": 24, "v_head_dim": 16},
        **{"qk_rope_head_dim": 8, "qk_nope_head_dim": 8},
    },
    "exaone4": LLAMA,
    "falcon": HEADS,
    "falcon (ALiBi)": {**HEADS, "alibi": True},
    "falcon_h1": {**LLAMA, **MAMBA, "mamba_d_ssm": 64, "mamba_d_head": 16},
    "gemma": QWEN,
    "gemma2": QWEN,
    "gemma3_text": {**QWEN, "sliding_window": 64},
    "glm": QWEN,
    "gpt2": GPT2,
    "gpt_bigcode": GPT2,
    "gpt_neo": {
        **{"hidden_size": 64, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 1024},
        "attention_types": [[["global", "local"], 1]],
    },
    "gpt_neox": LLAMA,
    "gpt_oss": {**QWEN, **LOCAL_EXPERTS, "sliding_window": 64},
    "gptj": {**GPT2, "rotary_dim": 8},
    "granite": LLAMA,
    "granitemoe": {**LLAMA, **LOCAL_EXPERTS},
    "jamba": {
        **{**LLAMA, "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2},
        **{"expert_layer_period": 2, "expert_layer_offset": 1, "mamba_d_state": 8, "mamba_dt_rank": 8},
    },
    "lfm2": {**LLAMA, "layer_types": ["conv", "full_attention"]},
    "llama": LLAMA,
    "mamba": {**LAYERS, "state_size": 8},
    "mamba2": {
        **{**LAYERS, "state_size": 8, "num_heads": 8, "head_dim": 16},
        **{"n_groups": 1, "expand": 2, "chunk_size": 32},
    },
    "mistral": LLAMA,
    "mixtral": {**LLAMA, **LOCAL_EXPERTS},
    "mpt": {"d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 1024, "expansion_ratio": 2},
    "olmo2": LLAMA,
    "olmoe": {**LLAMA, "num_experts": 4, "num_experts_per_tok": 2},
    "opt": {**HEADS, "ffn_dim": 96, "word_embed_proj_dim": 64},
    "phi": LLAMA,
    "phi3": LLAMA,
    "qwen2": LLAMA,
    "qwen2_moe": {**LLAMA, **EXPERTS, **SHARED},
    "qwen3": QWEN,
    "qwen3_moe": {**QWEN, **EXPERTS},
    "qwen3_next": {
        **{**QWEN, **EXPERTS, **SHARED, "layer_types": ["linear_attention", "full_attention"]},
        **{"linear_num_value_heads": 4, "linear_num_key_heads": 2},
        **{"linear_key_head_dim": 16, "linear_value_head_dim": 16},
    },
    "recurrent_gemma": {
        **{**QWEN, "num_key_value_heads": 1, "lru_width": 64, "attention_window_size": 64},
        "block_types": ["recurrent", "attention"],
    },
    "smollm3": LLAMA,
    "stablelm": LLAMA,
    "starcoder2": LLAMA,
}
ENCODER_DECODERS: dict[str, Mapping[str, Any]] = {
    "bart": BART,
    "led": {
        **{key: value for key, value in BART.items() if key != "max_position_embeddings"},
        **{"max_encoder_position_embeddings": 1024, "max_decoder_position_embeddings": 256},
        "attention_window": 64,
    },
    "longt5": T5,
    "m2m_100": BART,
    "marian": BART,
    "mbart": BART,
    "mt5": T5,
    "pegasus": BART,
    "prophetnet": {
        **{"hidden_size": 64, "num_encoder_layers": 2, "num_decoder_layers": 2},
        **{"num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4},
        **{"encoder_ffn_dim": 96, "decoder_ffn_dim": 96, "max_position_embeddings": 1024},
    },
    "switch_transformers": {
        **{**T5, "num_experts": 2, "num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1},
        "num_decoder_layers": 2,
    },
    "t5": T5,
    "t5 (ByT5's bytes)": T5,
    "umt5": T5,
}
ARCHITECTURES = {**DECODERS, **ENCODER_DECODERS}


def make_model(name: str, folder: Path) -> Path:
    """Save a model of a family; its weights are large enough that answers differ."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, ByT5Tokenizer

    kind, loader = name.split(" ")[0], AutoModelForCausalLM if name in DECODERS else AutoModelForSeq2SeqLM
    if "ByT5" in name:
        tokenizer: Any = ByT5Tokenizer(extra_ids=0)
        tokenizer.save_pretrained(folder)
    else:
        tokenizer = make_tokenizer(folder, False, name in ENCODER_DECODERS, "<pad>")
    wide = {"initializer_range": 0.3, "init_std": 0.3, "initializer_factor": 2.0}
    tokens = {"bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
    if name in ENCODER_DECODERS:
        tokens["decoder_start_token_id"] = 0
    plain = AutoConfig.for_model(kind)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer),
        **tokens,
        **{key: value for key, value in wide.items() if hasattr(plain, key)},
        **ARCHITECTURES[name],
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        loader.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, {"train": 16, "validation": 2, "test": 4})


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
    model.generation_config.forced_eos_token_id = None  # BART's forces an end, where ours is cut at the limit
    out = model.eval().generate(ids, attention_mask=mask, max_new_tokens=8, suppress_tokens=[0])[0]
    return str(tokenizer.decode(out[ids.shape[1] if name in DECODERS else 1 :], skip_special_tokens=True))


def attempt(name: str, column: str, data: Path, folder: Path, command: Command, *, again: bool = True) -> str:
    """Return `yes`, or `no` with the reason of the one line that refused it before a step was made.

    again: whether a second `finetune` opens the checkpoint, too.
    """
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
    if again:
        test = ["--output_dir", folder / "test", "--do_train", "false"]
        assert command(*common, "--model_name_or_path", checkpoint, *test)[0] == 0
        assert answers(folder / "test") == answers(run)
    assert command("prompt", "--data", data, "--model", f"hf:{checkpoint}", "--method", "zero_shot", "--out",
                   folder / "prompt", "--max-new-tokens", 8, "--dtype", "float32")[0] == 0  # fmt: skip
    trained = answers(run)
    assert answers(folder / "prompt") == trained and len(trained) == 8
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
    packs = column != "packing" or name in DECODERS
    outcome = attempt(name, column, data, tmp_path, command) if packs else "–"
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
    assert page[name][COLUMNS.index(column)] == attempt(name, column, data, tmp_path, command, again=False)


def test_the_page_has_every_family() -> None:
    page = rows(PAGE.read_text(encoding="utf-8"))
    assert list(page) == list(ARCHITECTURES) and all(len(cells) == len(COLUMNS) for cells in page.values())
    assert all(cell for cells in page.values() for cell in cells)
