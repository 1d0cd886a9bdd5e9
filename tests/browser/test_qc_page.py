"""The QC page in a real browser: read, sorted, filtered and walked through, without network."""

import time
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.browser.conftest import N_SESSIONS, STRANGE, Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = "#cameras tbody tr"


def choose(browser: Browser, filter_: str, value: str) -> None:
    Select(browser.one(f"select[data-column={filter_}]")).select_by_visible_text(value)


def subjects(browser: Browser) -> list[str]:
    return browser.texts(f"{ROWS} th")


def rows(browser: Browser) -> list[list[str]]:
    cells = browser.texts(f"{ROWS} > *")
    n_columns = len(browser.texts("#cameras thead th"))
    return [cells[i : i + n_columns] for i in range(0, len(cells), n_columns)]


def test_table_has_what_was_found(browser: Browser, page: Path):
    browser.open(page)
    found = [[*row[:4], row[-1]] for row in rows(browser)]
    assert [row[:4] for row in found] == [
        ["KB001", "2026-02-05 001", "left", "done"],
        ["KB001", "2026-02-05 001", "body", "done"],
        ["KB002", "2026-02-04 001", "left", "done"],
        [STRANGE, "2026-02-03 001", "body", "done"],
        ["KB003", "2026-02-02 001", "all cameras", "blocked"],
        ["KB004", "2026-02-01 001", "body", "done"],
    ]
    assert "transfer unfinished" in found[4][4]
    assert "_ibl_bodyCamera.videoQC.json cannot be read" in found[5][4]
    assert rows(browser)[5][4:6] == ["UNREADABLE", "UNREADABLE"]
    assert "5 sessions with 5 cameras" in browser.one("header").text


def test_a_failed_check_has_its_sentence(browser: Browser, thousand: Path):
    browser.open(thousand)
    choose(browser, "outcome", "FAIL")
    browser.wait(lambda: {row[2] for row in rows(browser)} == {"body"})
    sentence = "FAIL framerate: The camera recorded 25 frames per second, expected 30.\n"
    assert all(row[-1].startswith(sentence) for row in rows(browser))


def test_filter_by_text_and_show_all(browser: Browser, page: Path):
    browser.open(page)
    box = browser.one("input[type=search]")
    box.send_keys("unfinished")
    browser.wait(lambda: subjects(browser) == ["KB003"])
    browser.one("button[type=reset]").click()
    browser.wait(lambda: len(subjects(browser)) == 6)
    assert box.get_attribute("value") == ""


def test_filter_by_outcome_work_and_camera(browser: Browser, page: Path):
    browser.open(page)
    choose(browser, "outcome", "UNREADABLE")
    assert subjects(browser) == ["KB004"]
    choose(browser, "outcome", "all")
    choose(browser, "work", "blocked")
    assert subjects(browser) == ["KB003"]
    choose(browser, "work", "all")
    choose(browser, "camera", "left")
    assert subjects(browser) == ["KB001", "KB002"]


def test_filter_by_keyboard(browser: Browser, page: Path):
    """From the start of the page by Tab alone to the work, where "b" chooses "blocked"."""
    browser.open(page)
    active = focus(browser, "select[data-column=work]")
    active.send_keys("b")
    browser.wait(lambda: subjects(browser) == ["KB003"])


def focus(browser: Browser, selector: str):
    """Press Tab until an element has the focus, and return it."""
    wanted = browser.one(selector)
    for _ in range(30):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if browser.driver.switch_to.active_element == wanted:
            return wanted
    raise AssertionError(f"{selector} cannot be reached by Tab")


def test_sort_by_click(browser: Browser, page: Path):
    browser.open(page)
    header = browser.one("th[data-name=subject]")
    header.click()
    browser.wait(lambda: header.get_attribute("aria-sort") == "ascending")
    # Numbers in names count as numbers.
    ascending = ["KB001", "KB001", "KB002", "KB003", "KB004", STRANGE]
    assert subjects(browser) == ascending
    header.click()
    browser.wait(lambda: header.get_attribute("aria-sort") == "descending")
    assert subjects(browser) == ascending[::-1]


def test_sort_by_keyboard_puts_the_worst_outcome_first(browser: Browser, page: Path):
    browser.open(page)
    header = "th[data-name=outcome]"
    focus(browser, f"{header} [tabindex], {header}[tabindex]").send_keys(Keys.ENTER)
    browser.wait(lambda: browser.one(header).get_attribute("aria-sort") == "ascending")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait(lambda: browser.one(header).get_attribute("aria-sort") == "descending")
    outcomes = [row[4] for row in rows(browser)]
    assert outcomes == ["UNREADABLE", "CRITICAL", "PASS", "PASS", "PASS", "–"]


def test_to_a_session_and_back_keeps_the_filter(browser: Browser, page: Path):
    browser.open(page)
    browser.one("input[type=search]").send_keys("KB001")
    choose(browser, "camera", "body")
    browser.wait(lambda: len(subjects(browser)) == 1)
    browser.one(f"{ROWS} a").click()
    browser.wait(lambda: browser.texts("h1") == ["KB001/2026-02-05/001"])
    browser.driver.back()
    browser.wait(lambda: browser.texts("h1") == ["Video QC"])
    browser.wait_for_table()
    assert [row[2] for row in rows(browser)] == ["body"]
    assert Select(browser.one("select[data-column=camera]")).first_selected_option.text == "body"
    assert browser.one("input[type=search]").get_attribute("value") == "KB001"


def test_session_shows_pictures_times_checks_and_provenance(browser: Browser, page: Path):
    browser.open(page)
    browser.all(f"{ROWS} a")[0].click()
    browser.wait(lambda: browser.texts("h1") == ["KB001/2026-02-05/001"])
    assert "Camera QC, left camera, larger" in [
        image.get_attribute("alt") for image in browser.all("img")
    ]
    for image in browser.all("img"):
        browser.driver.execute_script("arguments[0].scrollIntoView()", image)
        browser.wait(lambda image=image: int(image.get_property("naturalWidth")) > 1000)
    left, body = rows_of(browser, 0)
    assert left[:1] + left[2:3] == ["left", "180"]
    assert body[:1] + body[2:3] == ["body", "90"]
    assert abs(float(left[5].removesuffix(" Hz")) - 60) < 0.1
    assert left[6:8] == ["exact", "0"]
    checks = {row[0]: row[1] for row in rows_of(browser, 1)}
    assert checks["framerate"] == "PASS"
    (job,) = (row[1] for row in rows_of(browser, -1) if "alf/_ibl_leftCamera.times.npy" in row[0])
    assert job.startswith("video_sync_qc_nidq on ")


def rows_of(browser: Browser, number: int) -> list[list[str]]:
    """The texts of the cells of a table, by its place on the page."""
    script = """return [...[...document.querySelectorAll("table")].at(arguments[0]).tBodies[0].rows]
        .map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"""
    return browser.driver.execute_script(script, number)


def test_walk_through_the_sessions(browser: Browser, page: Path):
    """From the newest to the oldest and back to the table; odd names lead on, too."""
    browser.open(page)
    link = f"{ROWS} a"
    for name in (
        *("KB001/2026-02-05/001", "KB002/2026-02-04/001", f"{STRANGE}/2026-02-03/001"),
        *("KB003/2026-02-02/001", "KB004/2026-02-01/001"),
    ):
        browser.all(link)[0].click()
        browser.wait(lambda name=name: browser.texts("h1") == [name])
        link = "a[rel=next]"
    assert not browser.all(link)
    browser.one("a[rel=prev]").click()
    browser.wait(lambda: browser.texts("h1") == ["KB003/2026-02-02/001"])
    browser.driver.find_element("link text", "All sessions").click()
    browser.wait(lambda: browser.texts("h1") == ["Video QC"])
    browser.wait_for_table()


def test_pages_can_be_read_without_scripts(browser: Browser, page: Path):
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(page.as_uri())
        assert len(browser.all(ROWS)) == 6
        assert browser.all(ROWS)[-1].is_displayed()
        assert not browser.one(".filters").is_displayed()
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_known(browser: Browser, page: Path, scheme: str):
    """The rules of axe-core for WCAG: contrast, labels, names, headings, tables, landmarks."""
    browser.colour_scheme(scheme)
    for each in (page, next(page.parent.glob("sessions/KB001*/index.html"))):
        browser.open(each)
        found = Axe().run(browser.driver)
        assert found["passes"]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []


@pytest.mark.parametrize("width", [1400, 600])
def test_nothing_is_cut_off_at_the_side(browser: Browser, page: Path, width: int):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.open(page)
    for path in (page, *page.parent.glob("sessions/*/index.html")):
        browser.open(path)
        wide = browser.driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, path


def test_a_thousand_sessions(browser: Browser, thousand: Path):
    start = time.perf_counter()
    browser.open(thousand)
    print(f"{N_SESSIONS} sessions: usable after {time.perf_counter() - start:.2f} s")
    assert f"{N_SESSIONS} sessions with {3 * N_SESSIONS} cameras" in browser.one("header").text
    assert "1 to 50 of 3,000" in browser.one(".dt-info").text
    choose(browser, "outcome", "FAIL")
    browser.wait(lambda: "1 to 50 of 250" in browser.one(".dt-info").text)
    browser.one("input[type=search]").send_keys("KB007")
    browser.wait(lambda: set(subjects(browser)) == {"KB007"})
