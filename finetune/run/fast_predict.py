"""T5's answers on a CPU through CTranslate2: the same greedy answers in fp32, about twice as fast as
transformers' generate.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from finetune.batches.shared_rows import reads_graphs_alone
from finetune.run.predict import Said


class Translator:
    """A T5 converted once, in fp32 (int8 changes answers). Raises InputError for a model that CTranslate2
    cannot hold.
    """

    def __init__(self, model: Any, tokenizer: Any, threads: int = 0) -> None:
        try:
            import ctranslate2
        except ModuleNotFoundError:
            raise InputError(
                "predict_with ctranslate2 needs it: pip install 'graphtalk[ctranslate2]'"
            ) from None
        if model.config.model_type not in ("t5", "mt5") or reads_graphs_alone(model):
            raise InputError("predict_with ctranslate2 is for T5 and mT5, trained without share_graphs")
        whole = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        self.tokenizer = tokenizer
        with tempfile.TemporaryDirectory() as folder:
            plain, converted = Path(folder) / "plain", Path(folder) / "ctranslate2"
            whole.save_pretrained(plain)
            tokenizer.save_pretrained(plain)
            ctranslate2.converters.TransformersConverter(str(plain)).convert(str(converted))
            self.translator = ctranslate2.Translator(
                str(converted), device="cpu", compute_type="float32", intra_threads=threads
            )

    def generate(self, sources: list[list[int]], max_new_tokens: int) -> list[Said]:
        """As `finetune.run.predict.generate`, greedily."""
        tokenizer = self.tokenizer
        results = self.translator.translate_batch(
            [tokenizer.convert_ids_to_tokens(ids) for ids in sources],
            beam_size=1,
            max_decoding_length=max_new_tokens,
            max_input_length=0,
            return_end_token=True,
            return_scores=True,
            length_penalty=0,
        )
        answers = []
        for result in results:
            ids = tokenizer.convert_tokens_to_ids(result.hypotheses[0])
            stopped = bool(ids) and ids[-1] == tokenizer.eos_token_id
            kept = ids[:-1] if stopped else ids
            answers.append(
                Said(
                    tokenizer.decode(kept, skip_special_tokens=True),
                    stopped,
                    len(kept),
                    math.exp(result.scores[0]),
                )
            )
        return answers
