"""T5's answers on a CPU through CTranslate2: the same greedy answers in fp32, about twice as fast."""

import math
import tempfile
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from language_models.confidence import check_number
from language_models.decode import Generation
from language_models.shared_graphs import reads_graphs_alone


class Translator:
    """A T5 converted once, in fp32, since int8 changes answers.

    Raises InputError for a model that CTranslate2 cannot hold.
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
        self.model, self.tokenizer = model, tokenizer
        with tempfile.TemporaryDirectory() as folder:
            plain, converted = Path(folder) / "plain", Path(folder) / "ctranslate2"
            whole.save_pretrained(plain)
            tokenizer.save_pretrained(plain)
            ctranslate2.converters.TransformersConverter(str(plain)).convert(str(converted))
            self.translator = ctranslate2.Translator(
                str(converted), device="cpu", compute_type="float32", intra_threads=threads
            )

    def generate(self, rows: list[list[int]], max_new_tokens: int) -> list[Generation]:
        """Return what `language_models.decode.generate` returns for greedy answers."""
        tokenizer = self.tokenizer
        results = self.translator.translate_batch(
            [tokenizer.convert_ids_to_tokens(ids) for ids in rows],
            beam_size=1,
            max_decoding_length=max_new_tokens,
            max_input_length=0,
            suppress_sequences=[[tokenizer.pad_token]],
            return_end_token=True,
            return_scores=True,
            length_penalty=0,
        )
        answers = []
        for result in results:
            check_number(result.scores[0], self.model)
            ids = tokenizer.convert_tokens_to_ids(result.hypotheses[0])
            ended = bool(ids) and ids[-1] == tokenizer.eos_token_id
            own = ids[:-1] if ended else ids
            text = tokenizer.decode(own, skip_special_tokens=True)
            confidence = math.exp(result.scores[0])
            answers.append(Generation(text, "stop" if ended else "length", len(own), confidence))
        return answers
