"""Small random-weight models with a tokenizer of their own, saved as plain transformers folders."""

import string
from pathlib import Path
from typing import Any

TEMPLATE = """{% for m in messages %}<|{{ m['role'] }}|>
{{ m['content'] }}</s>
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}"""
TEXT = [
    "In an undirected graph, (i,j) means that node i and node j are connected with an undirected edge.",
    "G describes a graph among nodes 0, 1, 2, 3, 4, 5, 6, 7, 8, and 9.",
    "The edges in G are: (0, 1) (1, 2).\nQ: What is the degree of node 3?\nA: Yes. Example: No.",
]


def make_tokenizer(folder: Path, chat: bool, ends: bool, pad: str) -> Any:
    """Byte-level BPE without losses; `ends`: it ends a text with </s>, as T5's does. `pad` may be </s>, as in
    many chat models.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<pad>", "</s>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(TEXT, trainer)
    if ends:
        inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>", pad_token=pad)
    if chat:
        tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_llama(
    folder: Path,
    chat: bool = False,
    pad: str = "</s>",
    positions: int = 1024,
    seed: int = 0,
    eos_gain: float = 1.0,
) -> Path:
    """Decoder-only, 2 layers x 64. eos_gain: how much louder than other words </s> is, so that texts end in
    different places.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    vocabulary = len(make_tokenizer(folder, chat, False, pad))
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[1] *= eos_gain
    model.save_pretrained(folder)
    return folder


def make_t5(folder: Path, seed: int = 0, eos_gain: float = 1.0) -> Path:
    """Encoder-decoder, 2 + 2 layers x 64."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    vocabulary = len(make_tokenizer(folder, False, True, "<pad>"))
    config = T5Config(
        vocab_size=vocabulary,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
        eos_token_id=1,
        pad_token_id=0,
        tie_word_embeddings=False,
        initializer_factor=2.0,
        dropout_rate=0.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = T5ForConditionalGeneration(config)
    with torch.no_grad():
        model.lm_head.weight[1] *= eos_gain
    model.save_pretrained(folder)
    return folder


def make_stock_t5(folder: Path) -> Path:
    """A T5 whose vocabulary, like the published ones, has no newline, brace or angle bracket, and not one row
    to spare.
    """
    from transformers import T5Tokenizer

    from finetune.learners.start import new_model

    known = [c for c in string.ascii_letters + string.digits + string.punctuation if c not in "{}<>~^`\\|"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -2.0), *((c, -5.0) for c in known)]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0)
    tokenizer.save_pretrained(folder)
    new_model(
        {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0},
        tokenizer,
    ).save_pretrained(folder)
    return folder
