"""Tiny models with random weights of the families that transformers offers for generating text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.helpers.tiny_models import make_tokenizer

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
