"""A dataset or another folder on the Hugging Face Hub, with its card, in one commit or several."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data_builders.building.build import PARQUET
from data_builders.building.card import card
from data_builders.building.folder import fingerprint, write_lock
from data_builders.errors import InputError, one_line
from data_builders.example import SCHEMA, Example, changed_file, read_lock
from data_builders.exports.source import Source, open_source
from data_builders.files import file_sha256, write_text
from data_builders.pictures import draw_answers, draw_example

STAGING = ".publish"  # in the folder that is published: what goes up, as links to the same files on the disk
PICTURES = "pictures"  # folder of the card's
LARGEST = 500_000_000  # bytes of one file, so that the Hub's viewer and a slow connection manage
FILLED = 0.9  # of LARGEST, since a file is larger than its row groups
BEGIN, END = "<!-- graphtalk: begin -->", "<!-- graphtalk: end -->"
HEADER = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)


def publish_dataset(
    dataset: Path, repo_id: str, private: bool = False, revision: str | None = None, create_pr: bool = False
) -> str:
    """Upload a dataset and return the address of the commit.

    dataset.lock, the files that it lists, after a check of their sha256, and the card go up, nothing else.
    What others wrote on a card that is there stays (`merged_card`). Raises InputError, in one line, for
    whatever the Hub refuses; the same call continues: what is there is not sent again.
    """
    return upload(
        stage_dataset(dataset, repo_id),
        repo_id,
        "dataset",
        f"{read_lock(dataset)['name']}, built with graphtalk",
        private=private,
        revision=revision,
        create_pr=create_pr,
        delete_patterns="*.parquet",  # of an earlier build: those that go up now stay
    )


def upload(
    folder: Path,
    repo_id: str,
    repo_type: str,
    message: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    delete_patterns: str | None = None,
) -> str:
    """Make the repository where it is not there, upload a folder, and return the commit's address.

    folder: what `stage` made; its card is merged with the one that is there, and it is removed at the end.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RemoteEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        repo_id = api.create_repo(repo_id, repo_type=repo_type, private=private, exist_ok=True).repo_id
        try:
            there = api.hf_hub_download(repo_id, "README.md", repo_type=repo_type, revision=revision)
            text = merged_card(Path(there).read_text("utf-8"), (folder / "README.md").read_text("utf-8"))
            write_text(folder / "README.md", text)
        except RemoteEntryNotFoundError:
            pass  # no card yet
        done = api.upload_folder(
            repo_id=repo_id,
            repo_type=repo_type,
            folder_path=folder,
            revision=revision,
            create_pr=create_pr,
            commit_message=message,
            delete_patterns=delete_patterns,
        )
    except refusals() as error:
        causes = [error, error.__cause__] if error.__cause__ else [error]
        why = ": ".join(one_line(cause, 200) or type(cause).__name__ for cause in causes)
        if isinstance(error, json.JSONDecodeError):
            why = "the reply is no JSON, but perhaps the page of a proxy or a login"
        raise InputError(f"publish: {repo_id}: {why}; start the same command again to continue") from None
    shutil.rmtree(folder)
    return str(done.pr_url or done.commit_url)


def refusals() -> Any:
    """The errors with which the Hub refuses, or a connection to it is lost."""
    from huggingface_hub.errors import HfHubHTTPError

    # Its bases are OSError and HTTPError (of httpx2, before huggingface_hub 2 of httpx): lost connections.
    return (*HfHubHTTPError.__bases__, ValueError, OSError, RuntimeError)


def stage(folder: Path, files: Mapping[str, Path | str]) -> Path:
    """Make FOLDER/.publish anew, with these files and nothing else, and return it.

    files: name there -> the file that it is a link to (or a copy of), or its text.
    """
    staging = folder / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    for name, content in files.items():
        place = staging / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            place.write_text(content, encoding="utf-8")
            continue
        try:
            os.link(content, place)
        except OSError:  # a file system without hard links
            shutil.copyfile(content, place)
    return staging


def stage_dataset(dataset: Path, repo_id: str) -> Path:
    """DATASET/.publish: the dataset's own files, none of LARGEST or more, and the card, as they go up.

    Raises InputError for a file that is a link (what it points to is not the dataset's), or that is not the
    one of dataset.lock.
    """
    lock: Any = read_lock(dataset)
    names = ["dataset.lock", *lock["files"]]
    for name in names:
        path = dataset / name
        if not path.resolve().is_relative_to(dataset.resolve()) or path.is_symlink():
            raise InputError(f"{path}: leads out of the folder; only files of the dataset itself go up")
    if (changed := changed_file(dataset, lock["files"])) is not None:
        raise InputError(f"{dataset / changed}: not the file of dataset.lock; build the dataset again")
    staging = stage(dataset, {name: dataset / name for name in names})
    large = [name for name in lock["files"] if (staging / name).stat().st_size >= LARGEST]
    cut = {name: cut_file(staging / name) for name in large}
    if cut:
        files = {name: sha256 for name, sha256 in lock["files"].items() if name not in cut}
        files |= {
            path.relative_to(staging).as_posix(): file_sha256(path) for new in cut.values() for path in new
        }
        lock = {**lock, "files": files, "fingerprint": fingerprint(files), "cut_from": lock["fingerprint"]}
        write_lock(staging, lock)
    source = open_source(staging)
    first = next(source.examples(source.splits[-1]))
    draw_answers(source.lock["report"], first.split, staging / PICTURES / "answers.png")
    drawn = draw_example(first, staging / PICTURES / "example.png")
    write_text(staging / "README.md", published_card(source, repo_id, first, drawn))
    return staging


def cut_file(path: Path) -> list[Path]:
    """Replace a parquet file by several below LARGEST, whose names sort as its row groups did.

    Raises InputError for a row group that is too large by itself.
    """
    files: list[Path] = []
    with pq.ParquetFile(path) as source:
        sizes = [
            sum(group.column(i).total_compressed_size for i in range(group.num_columns))
            for group in map(source.metadata.row_group, range(source.num_row_groups))
        ]
        start = 0
        while start < len(sizes):
            stop = start + 1
            while stop < len(sizes) and sum(sizes[start : stop + 1]) < FILLED * LARGEST:
                stop += 1
            files.append(path.with_name(f"{path.stem}-{len(files):03d}.parquet"))
            with pq.ParquetWriter(files[-1], source.schema_arrow, **PARQUET) as writer:
                for group in range(start, stop):
                    writer.write_table(source.read_row_group(group))
            if (size := files[-1].stat().st_size) >= LARGEST:
                raise InputError(
                    f"{path}: {size:,} bytes of one row group; a file of the Hub is below {LARGEST:,}"
                )
            start = stop
    path.unlink()
    return files


def published_card(source: Source, repo_id: str, first: Example, drawn: bool) -> str:
    """The dataset's card with what a stranger needs besides: pictures, how to load it, its columns, how to
    cite it. drawn: whether there is a picture of the first example.
    """
    header, body = _parts(card(source.lock))
    columns = [f"| {field.name} | {field.type} | {_cell(getattr(first, field.name))} |" for field in SCHEMA]
    key = re.sub(r"\W", "_", repo_id)
    parts = [
        BEGIN,
        body.strip(),
        f"## At a glance\n\nShares of the answers in the {first.split} split, a bar for each task:\n\n"
        f"![Shares of the answers]({PICTURES}/answers.png)",
        f"## Load\n\n```python\nfrom datasets import load_dataset\n\n"
        f'load_dataset("{repo_id}", "{first.task}", split="{first.split}")  # one task\n'
        f'load_dataset("{repo_id}", split="{first.split}")  # all tasks\n```',
        "## Columns\n\n| column | type | of one example |\n|---|---|---|\n" + "\n".join(columns),
        f"One question as a model gets it:\n\n```text\n{first.question}\n```",
        *([f"![The graph of this question]({PICTURES}/example.png)"] if drawn else []),
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
    text = one_line(value).replace("|", "\\|")
    return f"`{text[:60]}{' ...' if len(text) > 60 else ''}`" if text else ""
