"""The evaluator against cases that a careful reader decided: ours, and any that the environment names."""

from pathlib import Path

import pytest

from eval.answers import READERS
from tests.scorer_cases import NAMED, OWN, SHARED, cases, judged, kind


@pytest.mark.parametrize("path", [OWN, SHARED, NAMED], ids=["own", "shared", "named"])
def test_every_case_is_judged_as_a_careful_reader_does(path: Path) -> None:
    if not path.is_file():
        pytest.skip(f"no cases: {path} is not there")
    rows = cases(path)
    known = [case for case in rows if kind(case["task"]) in READERS]
    faults = []
    for case in known:
        result = judged(case)
        if result.outcome != case["expect"]["outcome"]:
            faults.append(
                f"{case['case']} [{case['task']}]: {result.outcome} {result.parsed!r} instead of "
                f"{case['expect']['outcome']}: {case['output'][:90]!r}"
            )
    skipped = sorted({case["task"] for case in rows} - {case["task"] for case in known})
    print(f"{len(known)} of {len(rows)} cases; tasks that are not built: {', '.join(skipped) or 'none'}")
    assert not faults, f"{len(faults)} of {len(known)}:\n" + "\n".join(faults)
