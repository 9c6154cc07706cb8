"""Command-line commands of this folder."""

from collections.abc import Callable
from typing import Any

COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = []
