"""A real browser, and QC pages of processed sessions and of a thousand."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from alfvideo import configuration
from alfvideo.planning import pending
from alfvideo.views.report import folder, sessions
from rigsim import Fault, Rig
from tests.workflow.runs import Workflow, small

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
STRANGE = "KB 7 <b &amp; \"c' #%20?é"
N_SESSIONS = 1000


@dataclass
class Browser:
    """Chromium, and what went wrong in it or was asked of others than files."""

    driver: webdriver.Chrome
    faults: list[str] = field(default_factory=list)

    def open(self, page: Path) -> None:
        """Open a page and wait until the table on it, if there is one, can be used."""
        self.driver.get(page.as_uri())
        self.wait_for_table()

    def wait_for_table(self) -> None:
        """Wait until the table, if there is one, can be filtered."""
        self.wait(lambda: not self.all(".filters[hidden]"))

    def wait(self, condition: Callable[[], object], seconds: float = 60) -> object:
        """Wait until something is so, and return it."""
        return WebDriverWait(self.driver, seconds, poll_frequency=0.02).until(lambda _: condition())

    def all(self, selector: str) -> list[WebElement]:
        """All elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The only element of a CSS selector."""
        (found,) = self.all(selector)
        return found

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements of a CSS selector, at once."""
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)"
        return self.driver.execute_script(script, selector)

    def colour_scheme(self, name: str) -> None:
        """Ask pages to be light or dark."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def collect_faults(self) -> list[str]:
        """Messages of the console and requests that left the machine, since the last time."""
        found = [entry["message"] for entry in self.driver.get_log("browser")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith(("file://", "data:")):
                    found.append(url)
        return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM or not DRIVER:
        pytest.skip("there is no chromium with chromedriver (apt install chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1400,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, in which each test must leave a clean console and no request."""
    chromium.driver.switch_to.new_window("tab")
    chromium.collect_faults()
    yield chromium
    faults = chromium.collect_faults()
    chromium.driver.close()
    chromium.driver.switch_to.window(chromium.driver.window_handles[0])
    assert faults == []


@pytest.fixture(scope="session")
def processed(
    tmp_path_factory: pytest.TempPathFactory, rendered: Callable[[Path, Rig], Path]
) -> Workflow:
    """Five sessions: good, bad, of odd name, blocked and with a broken QC file, newest first."""
    at = tmp_path_factory.mktemp("qc_page")
    workflow = Workflow(at / "work", at / "data")
    rendered(workflow.root, small(cameras=("left", "body"), date="2026-02-05"))
    bad = rendered(workflow.root, small("bpod", subject="KB002", date="2026-02-04"))
    odd = small(subject="KB007", date="2026-02-03")
    path = rendered(at / "odd", odd)
    shutil.copytree(path, workflow.root / STRANGE / odd.date / odd.number)
    blocked = small(
        subject="KB003", date="2026-02-02", faults={"body": (Fault.UNFINISHED_TRANSFER,)}
    )
    rendered(workflow.root, blocked)
    broken = rendered(workflow.root, small(subject="KB004", date="2026-02-01"))
    run = workflow.run()
    assert run.status == 0, run.text
    checks = bad / "qc" / "_ibl_leftCamera.videoQC.json"
    checks.write_text(json.dumps(_checks("left", "CRITICAL")))
    (broken / "qc" / "_ibl_bodyCamera.videoQC.json").write_text('{"outcome": "PA')
    return workflow


@pytest.fixture(scope="session")
def page(processed: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of the QC page of these sessions, far from them, as if it had been mailed."""
    run = processed.look("qc")
    assert run.status == 0, run.text
    mailed = tmp_path_factory.mktemp("mailed") / "report of today"
    shutil.move(processed.workdir / "report", mailed)
    return mailed / "index.html"


@pytest.fixture(scope="session")
def thousand(processed: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of a thousand sessions of three cameras each, every fourth with a failed check."""
    at = tmp_path_factory.mktemp("thousand")
    (template,) = processed.root.glob("KB001/*/*")
    videos = shutil.ignore_patterns("*.mp4", "*.avi")
    for i in range(N_SESSIONS):
        path = at / "data" / f"KB{i // 50:03}" / f"2026-03-{1 + i % 28:02}" / f"{1 + i % 50:03}"
        shutil.copytree(template, path, copy_function=os.link, ignore=videos)
        for label in ("left", "right", "body"):
            name = path / "qc" / f"_ibl_{label}Camera.videoQC.json"
            name.unlink(missing_ok=True)
            outcome = "FAIL" if i % 4 == 0 and label == "body" else "PASS"
            name.write_text(json.dumps(_checks(label, outcome)))
    config = configuration.parse({"root": str(at / "data")})
    statuses = pending.scan(at / "data", config)
    folder.write(sessions.reports(statuses, at / "data", config), at / "data", at / "report")
    return at / "report" / "index.html"


def _checks(label: str, outcome: str) -> dict:
    key = f"_video{label.capitalize()}_"
    sentence = "The camera recorded 25 frames per second, expected 30."
    return {
        "outcome": outcome,
        "extended_qc": {f"{key}framerate": [outcome, 25.0], f"{key}focus": "PASS"},
        "reasons": {f"{key}framerate": sentence} if outcome != "PASS" else {},
    }
