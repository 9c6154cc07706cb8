"""What a graph file that cannot be read ends in."""

from pathlib import Path

import pytest

from data_builders.errors import InputError
from data_builders.readers.graph_files import read_graph_file


def one_line_error(path: Path) -> str:
    """Why a file is refused, after a check that this is one line that begins with the file."""
    with pytest.raises(InputError) as error:
        read_graph_file(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message
