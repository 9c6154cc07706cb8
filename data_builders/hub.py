"""graphtalk publish: a dataset on the Hugging Face Hub, with its card, in one commit or several."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from data_builders.errors import InputError

STAGING = ".publish"  # in the dataset's folder: what goes up, as links to the same files on the disk
LARGEST = 500_000_000  # bytes of one file, so that the Hub's viewer and a slow connection manage
BEGIN, END = "<!-- graphtalk: begin -->", "<!-- graphtalk: end -->"
HEADER = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)


def publish_command(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder that `graphtalk build` made.")],
    repo_id: Annotated[str, typer.Option(help="OWNER/NAME on the Hub; it is made where it is not there.")],
    private: Annotated[bool, typer.Option(help="Make the repository private, where it is new.")] = False,
    revision: Annotated[
        str | None, typer.Option(help="Branch to commit to; refs/pr/N goes on there.")
    ] = None,
    create_pr: Annotated[bool, typer.Option(help="Open a pull request.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the card and what would go up.")] = False,
) -> None:
    """Upload a dataset with its card to the Hugging Face Hub; the same command continues an upload.

    The token is HF_TOKEN in the environment, or that of `hf auth login`.
    """
    if create_pr and revision is not None:
        raise InputError("--create-pr opens a pull request of its own; give it, or --revision, not both")
    if dry_run:
        staging = stage(dataset, published_card(dataset, repo_id))
        files = sorted(path for path in staging.rglob("*") if path.is_file())
        size = sum(path.stat().st_size for path in files)
        print((staging / "README.md").read_text(encoding="utf-8"))
        print(f"{staging}: {len(files)} files, {size:,} bytes would go to {repo_id}; nothing was sent")
        return
    print(publish(dataset, repo_id, private, revision, create_pr))


def publish(
    dataset: Path, repo_id: str, private: bool = False, revision: str | None = None, create_pr: bool = False
) -> str:
    """Upload a dataset and return the address of the commit.

    dataset.lock, the files that it lists, after a check of their sha256, and the card go up, nothing else.
    What others wrote on a card that is there stays (`merged_card`). Raises InputError, in one line, for
    whatever the Hub refuses; the same call continues: what is there is not sent again.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from data_builders.example import read_lock

    # Its bases are OSError and HTTPError (of httpx2, before huggingface_hub 2 of httpx): lost connections.
    refusals: Any = (*HfHubHTTPError.__bases__, ValueError, OSError, RuntimeError)
    text = published_card(dataset, repo_id)
    disable_progress_bars()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        repo_id = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True).repo_id
        try:
            there = api.hf_hub_download(repo_id, "README.md", repo_type="dataset", revision=revision)
            text = merged_card(Path(there).read_text(encoding="utf-8"), text)
        except RemoteEntryNotFoundError:
            pass  # no card yet
        staging = stage(dataset, text)
        done = api.upload_folder(
            repo_id=repo_id,
            repo_type="dataset",
            folder_path=staging,
            revision=revision,
            create_pr=create_pr,
            commit_message=f"{read_lock(dataset)['name']}, built with graphtalk",
            delete_patterns="*.parquet",  # of an earlier build: those that go up now stay
        )
    except refusals as error:
        if isinstance(error, InputError):
            raise
        causes = [error, error.__cause__] if error.__cause__ else [error]
        why = ": ".join(" ".join(str(cause).split())[:200] or type(cause).__name__ for cause in causes)
        raise InputError(f"publish: {repo_id}: {why}; start the same command again to continue") from None
    shutil.rmtree(staging)
    return str(done.pr_url or done.commit_url)


def own_files(dataset: Path) -> list[str]:
    """The files that go up beside the card: dataset.lock and those that it lists.

    Raises InputError for a file that is a link (what it points to is not the dataset's), that is not the one
    of the lock, or that is too large.
    """
    from data_builders.example import changed_file, read_lock

    lock: Any = read_lock(dataset)
    names = ["dataset.lock", *lock["files"]]
    for name in names:
        path = dataset / name
        if not path.resolve().is_relative_to(dataset.resolve()) or path.is_symlink():
            raise InputError(f"{path}: leads out of the folder; only files of the dataset itself go up")
    if (changed := changed_file(dataset, lock["files"])) is not None:
        raise InputError(f"{dataset / changed}: not the file of dataset.lock; build the dataset again")
    for name in names:
        size = (dataset / name).stat().st_size
        if size >= LARGEST:
            raise InputError(f"{dataset / name}: {size:,} bytes; a file of the Hub is below {LARGEST:,}")
    return names


def stage(dataset: Path, text: str) -> Path:
    """Make DATASET/.publish anew: the card and the dataset's own files, and nothing else."""
    names = own_files(dataset)
    staging = dataset / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    for name in names:
        path = dataset / name
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, staging / name)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, staging / name)
    (staging / "README.md").write_text(text, encoding="utf-8")
    return staging


def published_card(dataset: Path, repo_id: str) -> str:
    """The dataset's card with what a stranger needs besides: how to load it, its columns, how to cite it."""
    from data_builders.building.card import card
    from data_builders.example import SCHEMA
    from data_builders.exports.source import open_source

    own_files(dataset)
    source = open_source(dataset)
    header, body = _parts(card(source.lock))
    first = next(source.examples(source.splits[-1]))
    columns = [f"| {field.name} | {field.type} | {_cell(getattr(first, field.name))} |" for field in SCHEMA]
    key = re.sub(r"\W", "_", repo_id)
    parts = [
        BEGIN,
        body.strip(),
        f"## Load\n\n```python\nfrom datasets import load_dataset\n\n"
        f'load_dataset("{repo_id}", "{first.task}", split="{first.split}")  # one task\n'
        f'load_dataset("{repo_id}", split="{first.split}")  # all tasks\n```',
        "## Columns\n\n| column | type | of one example |\n|---|---|---|\n" + "\n".join(columns),
        f"One question as a model gets it:\n\n```text\n{first.question}\n```",
        f"## Cite\n\n```bibtex\n@misc{{{key},\n  title = {{{source.name}: questions about graphs}},\n"
        f"  howpublished = {{\\url{{https://huggingface.co/datasets/{repo_id}}}}},\n"
        f"  note = {{Built with graphtalk; fingerprint {source.lock['fingerprint'][:16]}}}\n}}\n```\n\n"
        "Tasks and texts are those of GraphQA ([arXiv 2310.04560](https://arxiv.org/abs/2310.04560)), the "
        "classes of tasks those of [arXiv 2405.18512](https://arxiv.org/abs/2405.18512).",
        END,
    ]
    return f"---\n{_yaml(header)}---\n" + "\n\n".join(parts) + "\n"


def merged_card(there: str, ours: str) -> str:
    """Our card, with what others wrote on the one that is there: keys that we do not set, and text outside of
    our marks.

    >>> print(merged_card(
    ...     f"---\\nlicense: mit\\ndoi: x\\n---\\nMine.\\n{BEGIN}\\nold\\n{END}\\n",
    ...     f"---\\nlicense: apache-2.0\\n---\\n{BEGIN}\\nnew\\n{END}\\n"))
    ---
    license: apache-2.0
    doi: x
    ---
    Mine.
    <!-- graphtalk: begin -->
    new
    <!-- graphtalk: end -->
    <BLANKLINE>
    """
    (header, body), (new_header, new_body) = _parts(there), _parts(ours)
    before, _, rest = body.partition(BEGIN)
    after = rest.partition(END)[2].strip("\n")
    text = "\n".join(part for part in (before.strip("\n"), new_body.strip("\n"), after) if part)
    return f"---\n{_yaml(new_header | {k: header[k] for k in header if k not in new_header})}---\n{text}\n"


def _parts(text: str) -> tuple[dict[str, Any], str]:
    import yaml

    match = HEADER.match(text)
    return (yaml.safe_load(match[1]) or {}, text[match.end() :]) if match else ({}, text)


def _yaml(header: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(header), sort_keys=False, allow_unicode=True)


def _cell(value: Any) -> str:
    text = " ".join(str(value).split()).replace("|", "\\|")
    return f"`{text[:60]}{' ...' if len(text) > 60 else ''}`" if text else ""
