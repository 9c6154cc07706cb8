"""The flags of the commands here, each with its help, so that `prompt` and `ask` say the same."""

from pathlib import Path
from typing import Annotated

import typer

from prompting.prompts.methods import METHODS

Config = Annotated[
    Path | None, typer.Option(help="YAML file, e.g. configs/prompting/served.yaml; flags override its keys.")
]
Data = Annotated[Path | None, typer.Option(help="Dataset folder, made by `graphtalk build`.")]
MethodName = Annotated[str | None, typer.Option("--method", help=f"Prompt method: {', '.join(METHODS)}.")]
_MODEL = "hf:FOLDER or hf:ID (transformers), openai:NAME@BASE_URL (a server), or batch:NAME@URL_OR_FOLDER."
ModelName = Annotated[str | None, typer.Option("--model", help=_MODEL)]
Out = Annotated[Path | None, typer.Option(help="Run folder, e.g. runs/NAME; a second start continues there.")]
Tasks = Annotated[str | None, typer.Option(help="Tasks, with commas; all of the dataset's by default.")]
Split = Annotated[str | None, typer.Option(help="Split that is asked; test by default.")]
Limit = Annotated[
    int | None, typer.Option(help="Examples per task, from the front of the split; all by default.")
]
Shots = Annotated[int | None, typer.Option(help="Exemplars of the methods that show some; 2 by default.")]
Seed = Annotated[int | None, typer.Option(help="Seed of the exemplars and of sampling; 0 by default.")]
AnyGenerator = Annotated[
    bool | None,
    typer.Option("--any-generator", help="Exemplars from every generator, not only the question's."),
]
ExemplarChoice = Annotated[
    str | None,
    typer.Option("--exemplars", help="drawn for each question, or fixed per task, encoder and generator."),
]
Balanced = Annotated[bool | None, typer.Option("--balanced", help="Exemplars whose answers take turns.")]
AnswerFormat = Annotated[
    bool | None, typer.Option("--answer-format", help="Tell the model what its answer is to look like.")
]
Samples = Annotated[
    int | None,
    typer.Option(help="Completions per prompt; more than one vote. 5 for self_consistency, else 1."),
]
System = Annotated[str | None, typer.Option(help="System prompt.")]
Chat = Annotated[
    bool | None,
    typer.Option("--chat/--no-chat", help="Use the chat template or endpoint; by default if there is one."),
]
MaxNewTokens = Annotated[
    int | None, typer.Option(help="Longest completion, in tokens; by default as the method needs.")
]
Temperature = Annotated[
    float | None, typer.Option(help="0 is greedy, the default; 0.7 for self_consistency.")
]
TopP = Annotated[float | None, typer.Option(help="Sample from the likeliest tokens of this share only.")]
Extra = Annotated[
    str | None,
    typer.Option(help='JSON of further request keys, e.g. {"reasoning_effort": "low"}; null removes one.'),
]
BatchTokens = Annotated[
    int | None, typer.Option(help="Local: most tokens in a batch, padding and completions included.")
]
BatchSize = Annotated[int | None, typer.Option(help="Local: most prompts in a batch.")]
Context = Annotated[
    int | None, typer.Option(help="Local: tokens that the model holds, where its config says too little.")
]
Dtype = Annotated[
    str | None,
    typer.Option(help="Local: float32, bfloat16 or float16; by default as stored, where the device has it."),
]
Device = Annotated[
    str | None, typer.Option(help="Local: cpu, cuda, cuda:1, ...; by default a GPU where there is one.")
]
Cache = Annotated[
    str | None,
    typer.Option(help="Local: static, offloaded, ...; by default a dynamic cache that rows leave when done."),
]
Poll = Annotated[float | None, typer.Option(help="Batch files: seconds between looks; 30 by default.")]
Concurrency = Annotated[int | None, typer.Option(help="Served: most requests at a time; 32 by default.")]
Timeout = Annotated[float | None, typer.Option(help="Served: seconds for one attempt; 120 by default.")]
Attempts = Annotated[
    int | None, typer.Option(help="Served: attempts of a request that fails; rate limits do not count.")
]
ApiKeyEnv = Annotated[
    str | None, typer.Option(help="Served: environment variable with the key; OPENAI_API_KEY by default.")
]
MaxTokensTotal = Annotated[int | None, typer.Option(help="Stop before the run takes more tokens than this.")]
MaxCost = Annotated[
    float | None, typer.Option(help="Stop before the run costs more dollars; the config has the prices.")
]
MaxTime = Annotated[float | None, typer.Option(help="Stop this start after so many seconds.")]
Journal = Annotated[
    Path | None,
    typer.Option(help="File of completions that several runs share; the run folder's own by default."),
]
Tokenizer = Annotated[
    str | None, typer.Option(help="Folder or id of the tokenizer that --dry-run counts with.")
]
Label = Annotated[
    str | None, typer.Option(help="Name of the run's row in tables; the folder's name by default.")
]
Show = Annotated[int | None, typer.Option(help="Print this many prompts, load no model and write nothing.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print how many requests, tokens and dollars it would take, and send nothing."
    ),
]
