"""A small tokenizer for models that are trained from scratch: one token per edge, per node name, and per
phrase between names.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from data_builders.example import SPLITS, dataset_tasks, read_examples
from data_builders.graphs.graph import graph_from_json

SPECIAL = ["<pad>", "</s>", "<unk>"]  # T5's ids 0, 1, 2
CHARACTERS = [
    "\n",
    *map(chr, range(32, 127)),
]  # every ASCII text can be spelt, so no <unk> for a word never seen
VOCABULARY = 4096  # pieces of text beyond characters and names; the rarest are spelt instead
LONGEST_PHRASE = (
    40  # words and marks; spelling an unseen phrase takes time that grows with the cube of its length
)
# larger integers (the `random` encoder draws them below a million) are read in chunks of three digits
LARGEST_WHOLE = 999


def name_pattern(names: Iterable[str] = ()) -> str:
    """A node name, matched whole: any integer, and each of `names`, the longest first.

    >>> pattern = name_pattern(["Ann", "Anna", "Mme. Magloire"])
    >>> re.findall(pattern, "Anna met Mme. Magloire and Ann 12 times; Annabel did not")
    ['Anna', 'Mme. Magloire', 'Ann', '12']
    """
    words = sorted({n for n in names if not is_integer(n)}, key=lambda n: (-len(n), n))
    if not words:
        return r"\d+"
    first = "".join(
        sorted({re.escape(n[0]) for n in words})
    )  # looked at before the list, which is long: ten times faster
    return rf"(?:(?<!\w)(?=[{first}])(?:{'|'.join(map(re.escape, words))})(?!\w)|\d+)"


def piece_pattern(names: Iterable[str] = ()) -> str:
    r"""Where text is cut: an edge, a name with the mark that it wears in a list, or all that stands before
    the next of these.

    A piece keeps the space before it, so that joining pieces gives the text back.

    >>> re.findall(piece_pattern(), "G is among nodes 0, 1, and 12.\nThe edges in G are: (0, 12) (0, 1).")
    ['G is among nodes', ' 0,', ' 1,', ' and', ' 12', '.\nThe edges in G are:', ' (0, 12)', ' (0, 1)', '.']
    """
    name = name_pattern(names)
    listed = rf" ?\(?{name}[,)]?"
    unit = rf"(?!{listed})(?: ?[^\W\d]+|[\s\S])"  # a word or a mark; no name starts within a word
    return rf" ?\({name}, {name}\)|{listed}|(?:{unit}){{1,{LONGEST_PHRASE}}}"


def vocabulary(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """Tokens in id order: special, characters, the forms of every name, then the commonest pieces and words
    of the texts.

    A piece that is missing here is spelt from the longest tokens that fit, so the vocabulary decides speed,
    never what can be said.
    """
    names = set(names)
    pieces = Counter(piece for text in texts for piece in re.findall(piece_pattern(names), text))
    words: Counter[str] = Counter()
    for piece, n in pieces.items():
        words.update(dict.fromkeys(re.findall(r" ?[^\W\d]+", piece), n))
    chunks = [] if all(is_whole(n) for n in names) else [f"{i:03d}" for i in range(LARGEST_WHOLE + 1)]
    whole = sorted(filter(is_whole, names), key=lambda n: (int(n) if is_integer(n) else 0, n))
    forms = [
        form
        for name in [*map(str, range(10)), *whole]
        for form in (name, f" {name}", f" {name},", f" ({name},", f" {name})")
    ]
    seen = {p: n for p, n in (pieces + words).items() if all(map(is_whole, re.findall(r"\d+", p)))}
    common = [p for p, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:VOCABULARY]]
    spelling = sorted({c for piece in pieces for c in piece})
    return list(dict.fromkeys([*SPECIAL, *CHARACTERS, *chunks, *forms, *common, *spelling]))


def is_integer(name: str) -> bool:
    return name.isascii() and name.isdigit()


def is_whole(name: str) -> bool:
    """Whether a name is one token: all but large integers."""
    return not is_integer(name) or int(name) <= LARGEST_WHOLE


def build_tokenizer(texts: Iterable[str], names: Iterable[str], max_length: int = 512) -> Any:
    """A PreTrainedTokenizerFast with T5's special ids that decodes to exactly what it encoded.

    >>> tokenizer = build_tokenizer(["The edges in G are: (0, 1) (0, 2)."], ["0", "1", "2"])
    >>> ids = tokenizer("The edges in G are: (0, 1) (2, 1).")["input_ids"]
    >>> tokenizer.convert_ids_to_tokens(ids)
    ['The edges in G are:', ' (0, 1)', ' (2,', ' 1)', '.', '</s>']
    >>> tokenizer.decode(ids, skip_special_tokens=True)
    'The edges in G are: (0, 1) (2, 1).'
    """
    texts, names = list(texts), set(names)
    ids = {token: i for i, token in enumerate(vocabulary(texts, names))}
    core = Tokenizer(
        models.WordPiece(
            ids, unk_token="<unk>", continuing_subword_prefix="", max_input_chars_per_word=100_000
        )
    )
    core.pre_tokenizer = pre_tokenizers.Split(Regex(piece_pattern(names)), "isolated")
    core.decoder = decoders.Fuse()
    core.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )


def spelled_edges(tokenizer: Any, graphs: Iterable[str]) -> int:
    """Return how many edges have an end that a tokenizer made here spells in pieces; 0 for other tokenizers.

    graphs: JSON of the examples' graphs. A tokenizer for other names reads such texts, but as long ones.

    >>> tokenizer = build_tokenizer(["G has nodes 0, 1."], ["0", "1"])
    >>> graph = '{"directed": false, "nodes": ["0", "1", "Gavroche"], "edges": [[0, 1], [0, 2]]}'
    >>> spelled_edges(tokenizer, [graph])
    1
    """
    model = tokenizer.backend_tokenizer.model
    if not isinstance(model, models.WordPiece) or model.continuing_subword_prefix:
        return 0
    whole = tokenizer.get_vocab()
    edges = 0
    for text in set(graphs):
        graph, names = graph_from_json(text)
        known = [f" {name}," in whole for name in names]
        edges += sum(not (known[u] and known[v]) for u, v in graph.edges)
    return edges


def tokenizer_for(
    folders: Iterable[Path],
    max_length: int = 512,
    pieces: Callable[[str], tuple[str, ...]] = lambda text: (text,),
) -> Any:
    """The tokenizer for datasets: words of their train splits, question words and node names of every split.

    pieces: the parts of a question that are coded apart, so that no token reaches from one into the next.
    """
    texts: dict[str, None] = {}
    names: set[str] = set()
    graphs: set[str] = set()
    for folder in folders:
        for task in dataset_tasks(folder):
            for split in SPLITS:
                if not any((Path(folder) / task).glob(f"{split}-*.parquet")):
                    continue
                for example in read_examples(folder, task, split):
                    texts.update(dict.fromkeys(pieces(example.question)))
                    if split == "train":
                        texts[example.answer] = None
                    if example.graph not in graphs:
                        graphs.add(example.graph)
                        names.update(graph_from_json(example.graph)[1])
    return build_tokenizer(texts, names, max_length)
