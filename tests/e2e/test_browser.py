"""What a person sees in a browser: Airflow's UI works, and the report on this session opens from its file."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from harness import AirflowEnv, Runs
from support.browser import FLAGS, ensure_chromium

from .inside import Host, read_credentials

pytestmark = pytest.mark.timeout(240, func_only=True)

SIZE: ViewportSize = {"width": 1280, "height": 900}
TIMEOUT_MS = 30_000
RUN_MS = 120_000
LUMINANCE = """
    const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
    (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255
"""

Attach = Callable[[str, bytes], None]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield the distribution's Chromium with a profile of its own."""
    chromium = ensure_chromium(Host(), print)
    expect.set_options(timeout=TIMEOUT_MS)  # its own 5 s are less than a busy machine's first page takes
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield an empty page that gives slow machines time."""
    made = browser.new_page(viewport=SIZE)
    made.set_default_timeout(TIMEOUT_MS)
    yield made
    made.close()


def test_person_logs_in_triggers_a_dag_and_sees_it_succeed(
    airflow_env: AirflowEnv, runs: Runs, page: Page, attach_image: Attach
) -> None:
    credentials = read_credentials(airflow_env.kubernetes, airflow_env.settings)
    page.goto(airflow_env.settings.url)
    page.fill("input[name=username]", credentials.username)
    page.fill("input[name=password]", credentials.password)
    page.locator("[type=submit]").click()
    # It may stay `nav.home - Airflow`: Airflow's page sets it once, maybe before the translations are there.
    expect(page).to_have_title(re.compile("home", re.IGNORECASE))

    page.goto(f"{airflow_env.settings.url}/dags")
    for dag_id in ("hello", "mapped", "retries", "variables"):
        expect(page.get_by_role("link", name=dag_id, exact=True)).to_be_visible(timeout=TIMEOUT_MS)
    attach_image("Airflow's DAGs after the login", page.screenshot())

    page.goto(f"{airflow_env.settings.url}/dags/hello")
    page.get_by_test_id("trigger-dag-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url("**/dags/hello/runs/*")
    run = runs.adopt("hello", unquote(page.url.rpartition("/")[2]))
    # The run's own state, and that of each of its three tasks.
    expect(page.get_by_text("Success", exact=True)).to_have_count(4, timeout=RUN_MS)
    attach_image("The run of hello that was triggered in the UI", page.screenshot())

    run.wait(timeout_s=60)
    run.check({"greet": 1, "pass_on": 1, "receive": 1})


def test_report_opens_offline_in_light_and_dark(
    runs: Runs,
    page: Page,
    interim_report: Callable[[], Path],
    attach_image: Attach,
    request: pytest.FixtureRequest,
) -> None:
    runs.run("e2e_chain", timeout_s=120)
    file = interim_report().as_uri()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: asked.append(one.url))

    page.emulate_media(color_scheme="light")
    page.goto(file)
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile(r"\d+ tests?"))
    case = page.locator(f'[data-case="{request.node.nodeid}"].case')
    expect(case).to_have_count(1)
    expect(case.locator("summary .chip").first).to_have_text("interrupted")  # as of now this test has no end
    expect(case.locator(".labels .try")).to_have_text(["first try 1", "second try 1", "third try 1"])
    assert case.locator("svg rect").count() >= 3 * 4
    assert page.evaluate(LUMINANCE) > 0.8
    attach_image("This report as it was in the middle of the session, light", page.screenshot())

    page.get_by_role("button", name="fold", exact=True).click()
    expect(page.locator("details.case[open]")).to_have_count(0)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(LUMINANCE) < 0.2
    page.get_by_role("link", name=re.compile("report opens offline")).first.click()
    expect(case.locator("svg")).to_be_visible()
    attach_image("The same, dark", page.screenshot())

    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [file]
