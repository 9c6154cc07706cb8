"""The page in a browser: the explorer filters, opens and moves by keyboard, hostile text stays text, and
nothing is asked of a network.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, read_examples, read_lock
from eval.analysis.runs import gather
from eval.escape import visible
from eval.prediction import Prediction, write_config, write_environment, write_predictions
from eval.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TASKS = ["edge_existence", "shortest_path", "maximum_flow", "connected_nodes", "node_classification"]
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\u202e"
N = 30  # questions per task
CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)


def says_gold(e: Example) -> str:
    return e.answer


def is_hostile(e: Example) -> str:
    return f"{HOSTILE} {e.answer if e.id.endswith('0') else 'I cannot tell.'}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("browser")
    keys = {
        "tasks": ",".join(TASKS),
        "encoders": "adjacency,friendship",
        "train": 4,
        "validation": 0,
        "test": 15,
        "workers": 1,
    }
    build(load_config(None, keys), root / "data")
    for label, answer, limit in (
        ("always right", says_gold, None),
        (HOSTILE, is_hostile, None),
        ("on ten", says_gold, 10),
    ):
        run = root / "runs" / str(limit or answer.__name__)
        where = {"data": str(root / "data"), "dataset_fingerprint": read_lock(root / "data")["fingerprint"]}
        write_config(
            {"label": label, "kind": "rule", **where, "split": "test", "tasks": TASKS, "limit": limit}, run
        )
        write_environment(run)
        examples = [e for task in TASKS for e in read_examples(root / "data", task, "test")[:limit]]
        predictions = [
            Prediction(e.id, answer(e), prompt=f"{HOSTILE} comes first.\n{e.question}" if limit else "")
            for e in examples
        ]
        write_predictions(predictions, run)
    return write_report(gather(sorted((root / "runs").iterdir())), root / "report")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser", report: Path) -> Iterator["Page"]:
    """The page just opened from disk, without a network; what it asks for and what goes wrong is held against
    it at the end.
    """
    context = browser.new_context(offline=True, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(report.as_uri())
    page.wait_for_selector("#explorer[data-ready]")
    yield page
    assert set(requests) == {report.as_uri()} and not wrong
    assert page.evaluate("window.hacked") is None
    context.close()


def count(page: "Page") -> int:
    return int(page.inner_text("#x-count").split(" of ")[0].replace(",", ""))


def test_filters_narrow_the_list(page: "Page") -> None:
    assert count(page) == N * len(TASKS)
    page.select_option("#x-task", label="shortest path")
    assert count(page) == N
    page.select_option("#x-encoder", label="friendship")
    assert count(page) == N / 2 and page.inner_text("#x-open h3") == "shortest path"
    page.select_option("#x-run", label="on ten")
    assert count(page) == 5  # of the first ten questions, every second one
    page.click("#x-clear")
    page.check("#x-disagree")
    page.select_option("#x-outcome", label="unparsed")
    wrong = count(page)
    assert 0 < wrong < N * len(TASKS)
    page.select_option("#x-run", label="always right")
    assert count(page) == 0 and "No question passes" in page.inner_text("#x-open")


def test_the_search_reads_questions_answers_and_outputs(page: "Page", report: Path) -> None:
    examples = [e for task in TASKS for e in read_examples(report.parents[1] / "data", task, "test")]
    friends = sum("are friends" in e.question for e in examples)
    assert 0 < friends < len(examples)
    for text, matches in (
        ("ARE friends", friends),
        ("i CANNOT tell", 130),
        ("shortest_path/er/friendship/test/3", 1),
    ):
        page.fill("#x-search", text)
        page.wait_for_selector(f"#x-count:text-matches('^{matches} of')")
    assert "shortest_path/er/friendship/test/3" in page.inner_text("#x-open")


def test_everything_works_by_keyboard(page: "Page") -> None:
    def place() -> str | None:
        return page.get_attribute("#x-list [aria-selected=true]", "aria-posinset")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert place() == "2"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "x-search"
    page.keyboard.type("jk")
    page.wait_for_selector("#x-count:text-matches('^0 of')")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "x-list" and count(page) == N * len(TASKS)
    page.keyboard.press("End")
    assert place() == str(N * len(TASKS))
    active = page.get_attribute("#x-list", "aria-activedescendant")
    assert active and page.get_attribute(f"#{active}", "aria-setsize") == place()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "x-open" and place() == str(N * len(TASKS) - 1)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "x-list"


def test_an_open_question_shows_graph_prompt_answers_and_judgement(page: "Page", report: Path) -> None:
    for e in (read_examples(report.parents[1] / "data", task, "test")[0] for task in TASKS):
        page.fill("#x-search", e.id)
        page.wait_for_selector(f"#x-open .x-id:text-is('{e.id}')")
        text = page.text_content("#x-open") or ""
        assert e.question in text and e.answer.strip() in text and text.count("extracted: ") == 3
        assert text.count("right.") >= 2 and "ended by itself" in text
        assert page.locator("#x-open .node").count() == e.num_nodes
        assert page.locator("#x-open .edge").count() == e.num_edges
        assert page.locator("#x-open .node.query").count() == len(set(e.query))
    page.select_option("#x-task", label="maximum flow")
    page.fill("#x-search", "")
    page.wait_for_selector("#x-open h3:text-is('maximum flow')")
    assert page.locator("#x-open .edge.gold").count() > 0 and page.locator("#x-open .weight").count() > 0


def test_the_whole_prompt_is_unpacked_when_it_is_asked_for(page: "Page", report: Path) -> None:
    examples = read_examples(report.parents[1] / "data", TASKS[1], "test")
    for e, prompts in (
        (examples[0], 1),
        (examples[9], 1),
        (examples[10], 0),
    ):  # one of the runs asked no more than ten
        page.fill("#x-search", e.id)
        page.wait_for_selector(f"#x-open .x-id:text-is('{e.id}')")
        assert page.locator("#x-open .prompt").count() == prompts
        if prompts:
            page.click("#x-open .prompt summary")
            page.wait_for_selector("#x-open .prompt pre")
            assert page.text_content("#x-open .prompt pre") == visible(
                f"{HOSTILE} comes first.\n{e.question}"
            )
            for _ in range(2):
                page.click("#x-open .prompt summary")
            assert page.locator("#x-open .prompt pre").count() == 1
    page.fill("#x-search", "comes first")
    page.wait_for_selector("#x-count:text-matches('^0 of')")


def test_any_two_runs_are_compared(page: "Page") -> None:
    names = page.locator("#c-b-0 option").all_inner_texts()

    def compare(a: str, b: str) -> None:
        page.select_option("#c-a-0", index=names.index(a))
        page.select_option("#c-b-0", index=names.index(b))

    def cells(task: str) -> list[str]:
        return page.locator(f"#c-table-0 tr:has(th:text-is('{task}')) td").all_inner_texts()

    compare("always right", "on ten")
    assert cells("shortest path")[4:] == ["100.0", "100.0", "0 / 0", "10", cells("shortest path")[-1]]
    assert cells("all questions")[1] == "no clear difference"
    compare("always right", visible(HOSTILE))
    one_way = cells("all questions")
    assert (
        one_way[4] == "100.0"
        and one_way[7] == str(N * len(TASKS))
        and one_way[1] == "A is higher"
        and one_way[0][0] == "+"
    )
    compare(visible(HOSTILE), "always right")
    other_way = cells("all questions")
    assert other_way[4:6] == [one_way[5], one_way[4]] and other_way[1] == "B is higher"
    assert other_way[0].split()[0] == "−" + one_way[0].split()[0][1:]
    assert [end[1:] for end in other_way[0].split()[1::2]] == [
        end[1:] for end in reversed(one_way[0].split()[1::2])
    ]
    compare("always right", "always right")
    assert "Choose two different runs" in page.inner_text("#c-table-0")


def test_the_questions_that_only_one_of_two_runs_got_right_are_listed(page: "Page") -> None:
    page.select_option("#x-run", label="on ten")
    page.select_option("#c-a-0", label="always right")
    page.select_option("#c-b-0", label=visible(HOSTILE))
    only = page.locator("#c-table-0 tr:has(th:text-is('shortest path')) button")
    n = int(only.inner_text())
    only.click()
    page.wait_for_selector(f"#x-count:text-matches('^{n} of')")
    assert 0 < n <= N and page.inner_text("#x-only").startswith("only always right is right")
    marks = page.locator("#x-list .x-row").first.locator(".mark").all_inner_texts()
    assert sorted(marks[:2]) == sorted(["✓", "?"]) and page.evaluate("document.activeElement.id") == "x-list"
    page.click("#x-only")
    assert count(page) == N * len(TASKS) and page.locator("#x-only").is_hidden()


def test_hostile_text_is_shown_as_text(page: "Page") -> None:
    text = page.text_content("#x-open") or ""
    assert text.count(HOSTILE[:-1] + "⟨U+202E⟩") == 2  # the run's label and its output
    assert page.locator("#x-open img, #x-open script").count() == 0


def test_a_drawing_does_not_change_from_one_opening_to_the_next(page: "Page") -> None:
    first = page.inner_html("#x-open svg")
    page.reload()
    page.wait_for_selector("#explorer[data-ready]")
    page.wait_for_selector("#x-open svg")
    assert page.inner_html("#x-open svg") == first


def test_without_a_script_everything_else_is_there(browser: "Browser", report: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(report.as_uri())
    assert "needs a script" in page.inner_text("#explorer") and not page.locator("#x-list").is_visible()
    assert page.locator("table").first.is_visible() and page.locator("svg").first.is_visible()
    page.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_sticks_out_of_the_window(page: "Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_link_leads_to_its_question_and_its_filters(page: "Page") -> None:
    page.select_option("#x-task", label="maximum flow")
    page.select_option("#x-run", label="on ten")
    page.click("#x-list .x-row:nth-child(3)")
    page.wait_for_selector("#x-list [aria-posinset='3'][aria-selected=true]")
    question = page.inner_text("#x-open .x-id")
    address = page.evaluate("document.querySelector('#x-permalink').href")
    for link in (address, page.evaluate("document.querySelector('#x-link').href")):
        page.click("#x-clear")
        assert count(page) == N * len(TASKS)
        page.evaluate("link => { location.href = link }", link)
        page.wait_for_selector("#x-count:text-matches('^10 of')")
        assert page.locator("#x-task option:checked").inner_text() == "maximum flow"
        if link == address:
            page.wait_for_selector(f"#x-open .x-id:text-is('{question}')")
    page.evaluate("location.href = '#x?task=no such task&q=nothing'")
    page.wait_for_selector(f"#x-count:text-matches('^{N * len(TASKS)} of')")


def test_tiles_name_their_run_and_the_selection_can_be_seen(page: "Page") -> None:
    legend = dict(text.split(maxsplit=1) for text in page.locator("#x-runs span").all_inner_texts())
    assert set(legend) == set("ABC") and {"always right", "on ten"} <= set(legend.values())
    row = page.locator("#x-list .x-row").first
    for tile in row.locator(".tile").all():
        label, _ = (tile.get_attribute("title") or "").rsplit(": ", 1)
        assert legend[tile.locator("small").inner_text()] == label
    colours = [
        page.evaluate("row => getComputedStyle(row).backgroundColor", page.query_selector(selector))
        for selector in ("#x-list [aria-selected=true]", "#x-list [aria-selected=false]")
    ]
    assert colours[0] != colours[1]


def test_verdicts_stand_above_the_fold(page: "Page") -> None:
    rows = page.locator("#verdicts tbody tr:has(.swatch)")
    assert rows.count() == 3
    for row in rows.all():
        box = row.bounding_box()
        assert box is not None and box["y"] + box["height"] < 900 and " of 5" in row.inner_text()


def test_print_shows_every_section(browser: "Browser", report: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(report.as_uri())
    hidden = page.locator("h4:text-is('Counts per task')")
    assert not hidden.is_visible()
    page.emulate_media(media="print")
    assert hidden.is_visible() and page.locator("h4:text-is('Build config')").is_visible()
    page.close()


def test_a_phone_shows_whole_columns_and_no_keys(browser: "Browser", report: Path) -> None:
    context = browser.new_context(viewport={"width": 420, "height": 900}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("#explorer[data-ready]")
    assert page.locator(".keys").is_hidden() and page.locator(".swipe").first.is_visible()
    for kind in ("verdicts", "scores"):
        right, *ends = page.evaluate(
            """kind => {
              const table = document.querySelector(`table.${kind}`);
              const cells = [...table.querySelector("thead tr").children];
              return [table.parentElement, ...cells].map((one) => one.getBoundingClientRect().right);
            }""",
            kind,
        )
        assert any(abs(right - end) <= 2 for end in ends), (right, ends)  # A column ends at the edge.
    context.close()
