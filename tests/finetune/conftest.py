"""The command line, called in the test's own process."""

import sys

import pytest

import graphtalk
from tests.helpers.finetune_data import Command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`graphtalk` with arguments; its exit code, standard output and standard error come back."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["graphtalk", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            graphtalk.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return call
