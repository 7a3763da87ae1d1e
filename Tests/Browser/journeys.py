"""Journeys through the dashboard with real Chromium: what a person does, keyboard included. Started by run.sh."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import access
import deploys
import safekeeping
import private_fleet
from chromium import OUT, ROOT, axe, browser, complaints, left_the_page, not_looked_at, resize, theme, unreachable, until, violations

# Processes of the servers, by their addresses.
SERVERS = {}


class Journeys:
    def __init__(self, base):
        self.base = base

    def rows(self, page):
        # In one go: rows come and go while the page keeps itself up to date.
        return page.execute_script("return [...document.querySelectorAll('.row[data-name]')].map(row => row.dataset.name)")

    def becomes_live(self, page):
        page.get(self.base + "/")
        until(page, lambda: page.find_element(By.ID, "live").get_attribute("data-state") == "live")
        assert len(self.rows(page)) > 0
        assert not complaints(page), complaints(page)

    def moves_without_reloading(self, page):
        page.get(self.base + "/")
        page.execute_script("window.mark = 1")
        until(page, lambda: page.find_element(By.ID, "live").get_attribute("data-state") == "live")
        before = page.execute_script("return [...document.querySelectorAll('.last-value time')].map(t => t.dataset.t).join()")
        until(page, lambda: page.execute_script(
            "return [...document.querySelectorAll('.last-value time')].map(t => t.dataset.t).join()") != before, 60)
        assert page.execute_script("return window.mark") == 1

    def is_found_by_keyboard(self, page):
        page.get(self.base + "/")
        names = self.rows(page)
        page.find_element(By.TAG_NAME, "body").send_keys("/")
        assert page.switch_to.active_element.get_attribute("id") == "q"
        page.switch_to.active_element.send_keys(names[-1])
        until(page, lambda: self.rows(page) == [names[-1]] or (names[-1] in self.rows(page) and len(self.rows(page)) < len(names)))
        assert page.switch_to.active_element.get_attribute("id") == "q", "searching lost the focus"
        assert "q=" in page.current_url
        page.switch_to.active_element.send_keys(Keys.ESCAPE)
        until(page, lambda: len(self.rows(page)) == len(names))
        page.switch_to.active_element.send_keys(Keys.ESCAPE)
        # The fleet lives on and may sort its rows anew between two keys: then once more.
        for _ in range(5):
            names = self.rows(page)
            page.execute_script("document.activeElement.blur()")
            page.find_element(By.TAG_NAME, "body").send_keys("jj")
            second = page.switch_to.active_element.text
            page.switch_to.active_element.send_keys("k")
            first = page.switch_to.active_element.text
            if self.rows(page) == names:
                break
        assert [first, second] == names[:2], (first, second, names[:3])
        page.switch_to.active_element.send_keys(Keys.ENTER)
        until(page, lambda: "/targets/" in page.current_url)
        assert page.find_element(By.TAG_NAME, "h1").text == first

    def first_tab_skips(self, page):
        page.get(self.base + "/")
        page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        assert page.switch_to.active_element.get_attribute("class") == "skip"
        page.switch_to.active_element.send_keys(Keys.ENTER)
        until(page, lambda: page.switch_to.active_element.get_attribute("id") == "main")

    def narrows_by_chip(self, page):
        page.get(self.base + "/")
        chip = page.find_element(By.CSS_SELECTOR, '[data-chip="up"]')
        count = int(chip.find_element(By.TAG_NAME, "b").text)
        chip.click()
        until(page, lambda: "show=up" in page.current_url)
        if count:
            until(page, lambda: page.execute_script(
                "const rows = [...document.querySelectorAll('.row[data-name]')];"
                "return rows.length > 0 && rows.every(row => row.classList.contains('v-up'))"))

    def pauses_and_resumes(self, page):
        page.get(self.base + "/?show=up")
        row = page.find_element(By.CSS_SELECTOR, ".row[data-name]")
        name = row.get_attribute("data-name")
        page.get(self.base + "/?q=" + urllib.request.quote(name))
        find = lambda: page.find_element(By.CSS_SELECTOR, f'.row[data-name="{name}"]')
        find().find_element(By.CSS_SELECTOR, 'form[action="/actions/pause"] button').click()
        until(page, lambda: "v-paused" in find().get_attribute("class"))
        until(page, lambda: find().find_elements(By.CSS_SELECTOR, 'form[action="/actions/resume"] button'))
        find().find_element(By.CSS_SELECTOR, 'form[action="/actions/resume"] button').click()
        until(page, lambda: "v-paused" not in find().get_attribute("class"))

    def pings_from_its_page(self, page):
        page.get(self.base + "/?show=up")
        page.find_element(By.CSS_SELECTOR, "a.name").click()
        until(page, lambda: "/targets/" in page.current_url)
        page.find_element(By.CSS_SELECTOR, 'form[action="/actions/ping"] button').click()
        until(page, lambda: page.find_element(By.ID, "toast").is_displayed())
        assert not complaints(page), complaints(page)

    def shows_another_span(self, page):
        page.get(self.base + "/?show=up")
        page.find_element(By.CSS_SELECTOR, "a.name").click()
        until(page, lambda: page.find_elements(By.LINK_TEXT, "7 d"))
        page.find_element(By.LINK_TEXT, "7 d").click()
        until(page, lambda: "range=7d" in page.current_url)
        assert page.find_element(By.LINK_TEXT, "7 d").get_attribute("aria-current") == "true"

    def changes_the_theme(self, page):
        page.get(self.base + "/")
        ground = lambda: page.execute_script("return getComputedStyle(document.body).backgroundColor")
        before = ground()
        page.find_element(By.ID, "theme").click()
        assert ground() != before
        after = ground()
        page.refresh()
        assert ground() == after

    def shows_both_sources(self, page):
        """A Space that runs and answers, from an older commit than the Hub holds: both are said on its page."""
        page.get(self.base + "/targets/docs-demo")
        if not json.loads(urllib.request.urlopen(self.base + "/api/v1/overview").read())["hub"]:
            return  # no git, no Hub
        facts = lambda: page.find_element(By.TAG_NAME, "main").text
        def both():
            page.refresh()
            return "Two sources" in facts() and "is newest" in facts()
        WebDriverWait(page, 90, poll_frequency=1).until(lambda _: both())
        page.save_screenshot(str(OUT / "both-sources.png"))
        assert "RUNNING" in facts(), facts()

    def says_trouble_in_title_and_icon(self, page):
        page.get(self.base + "/")
        troubles = sum(int(page.find_element(By.CSS_SELECTOR, f'[data-chip="{name}"] b').get_attribute("textContent")) for name in ("down", "silent", "moderated"))
        if troubles:
            assert re.match(r"\(\d+\) Stoker", page.title), page.title
            assert "trouble" in page.find_element(By.ID, "icon").get_attribute("href")
        else:
            assert page.title == "Stoker"


    def reads_bars(self, page):
        """A bar says its time and verdict under the pointer, and under the arrow keys of the row's own link."""
        page.get(self.base + "/?show=up")
        tip = lambda: page.find_element(By.CSS_SELECTOR, ".tip")
        page.find_element(By.CSS_SELECTOR, "a.name").send_keys(Keys.END)
        until(page, lambda: tip().is_displayed() and "UTC" in tip().text and "Up" in tip().text)
        last = tip().text
        page.find_element(By.CSS_SELECTOR, "a.name").send_keys(Keys.ARROW_LEFT)
        until(page, lambda: tip().text != last)
        page.find_element(By.CSS_SELECTOR, "a.name").send_keys(Keys.ESCAPE)
        until(page, lambda: not tip().is_displayed())

    def leads_from_the_headline_to_its_rows(self, page):
        page.get(self.base + "/")
        links = page.find_elements(By.CSS_SELECTOR, ".say a")
        if links:
            count = int(links[0].text.split(" ")[0].replace(",", ""))
            links[0].click()
            until(page, lambda: "show=" in page.current_url)
            until(page, lambda: 0 < len(self.rows(page)) and abs(len(self.rows(page)) - count) <= 1)

    def folds_a_group(self, page):
        page.get(self.base + "/")
        group = page.find_element(By.CSS_SELECTOR, "details.group")
        group.find_element(By.TAG_NAME, "summary").click()
        until(page, lambda: not group.find_element(By.CSS_SELECTOR, ".rows").is_displayed())
        assert group.find_element(By.CSS_SELECTOR, ".dots").text

    def restarts_a_space(self, page):
        """Asked first, with the focus on the way out; then the Hub takes it."""
        if not json.loads(urllib.request.urlopen(self.base + "/api/v1/overview").read())["hub"]:
            return  # no git, no Hub
        page.get(self.base + "/targets/discord-bot")
        opens = page.find_element(By.CSS_SELECTOR, 'button[popovertarget="c-restart"]')
        opens.click()
        dialog = page.find_element(By.ID, "c-restart")
        until(page, dialog.is_displayed)
        assert page.switch_to.active_element.text == "Keep it as it is"
        page.save_screenshot(str(OUT / "confirm.png"))
        page.switch_to.active_element.send_keys(Keys.ENTER)
        until(page, lambda: not dialog.is_displayed())
        opens.click()
        dialog.find_element(By.CSS_SELECTOR, "button.main").click()
        until(page, lambda: "The Hub took it" in page.find_element(By.ID, "toast").text, 30)

    def says_what_makes_no_sense(self, page):
        if not json.loads(urllib.request.urlopen(self.base + "/api/v1/overview").read())["hub"]:
            return
        page.get(self.base + "/targets/llm-backend")
        wake = page.find_element(By.CSS_SELECTOR, 'button[popovertarget="c-wake"]')
        assert not wake.is_enabled() and "awake" in wake.get_attribute("title")

    def reads_a_log(self, page):
        if not json.loads(urllib.request.urlopen(self.base + "/api/v1/overview").read())["hub"]:
            return
        page.get(self.base + "/targets/llm-backend")
        page.find_element(By.CSS_SELECTOR, "a[data-log]").click()
        until(page, lambda: page.find_elements(By.CSS_SELECTOR, "#log-body .quote, #log-body .none"), 30)
        # It stays while the page keeps itself up to date.
        time.sleep(3)
        assert page.find_elements(By.CSS_SELECTOR, "#log-body .quote, #log-body .none")


def looks_dead(base):
    """A server that says nothing: the page greys out, says since when, changes title and icon, and recovers by itself.

    Without a script the sheet does it: its animation ends unless a new page begins it again.
    """
    server = SERVERS[base]
    with browser() as page:
        page.get(base + "/")
        until(page, lambda: page.find_element(By.ID, "live").get_attribute("data-state") == "live")
        icon = page.find_element(By.ID, "icon").get_attribute("href")
        server.send_signal(signal.SIGSTOP)
        try:
            until(page, lambda: page.execute_script("return document.documentElement.dataset.live") == "stale", 20)
            assert re.search(r"No news since \d\d:\d\d:\d\d", page.find_element(By.ID, "dead").text)
            assert page.title.startswith("◌") and "offline" in page.find_element(By.ID, "icon").get_attribute("href")
            page.save_screenshot(str(OUT / "dead.png"))
        finally:
            server.send_signal(signal.SIGCONT)
        until(page, lambda: page.execute_script("return document.documentElement.dataset.live") is None, 30)
        until(page, lambda: not page.title.startswith("◌"))
        assert not page.find_element(By.ID, "dead").is_displayed() and icon
    for dark in (False, True):
        with browser(360, 800, dark, script=False) as page:
            page.get(base + "/")
            bar = page.find_element(By.CSS_SELECTOR, ".deadman")
            assert not bar.is_displayed()
            times = page.execute_script("return document.querySelector('.deadman').getAnimations().map(a => a.effect.getTiming().delay)")
            assert times == [45000], times
            # Its time is put forward: chromedriver waits for the page that asks for itself and gets no answer.
            page.execute_script("for (const a of document.querySelector('.deadman').getAnimations()) a.currentTime = 46000")
            assert bar.is_displayed() and "no news for a while" in bar.text


def never_sideways(pages):
    """No page scrolls sideways, from the narrowest phone to a desk."""
    for width in (320, 360, 640, 768, 1000, 1180, 1440):
        with browser(width, 900, dark=width % 40 == 0) as page:
            for name, address in pages:
                page.get(address)
                wide = page.execute_script("return document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} wide at {width}"
                if width == 1000 and name == "fleet":
                    share = page.execute_script(
                        "const row = document.querySelector('.calm .row[data-name]'); return row.querySelector('.who').offsetWidth / row.offsetWidth")
                    assert share >= .4, f"the name has {share:.0%} of the row"


def phone(base):
    """No page scrolls sideways at 360 px, and the brand stays in one piece."""
    with browser(360, 800) as page:
        page.get(base + "/")
        paths = ["/", page.find_element(By.CSS_SELECTOR, "a.name").get_attribute("href")[len(base):], "/login", "/nowhere"]
        for path in paths:
            page.get(base + path)
            assert page.execute_script("return document.documentElement.scrollWidth") <= 360, path
            assert page.find_element(By.CSS_SELECTOR, ".brand span").size["height"] < 30, f"the brand is broken on {path}"
            for button in page.find_elements(By.CSS_SELECTOR, ".row .acts button")[:3]:
                if not button.is_displayed():
                    continue  # a phone acts on the check's own page
                assert button.size["width"] >= 40 and button.size["height"] >= 40, "buttons too small for a thumb"


def without_script(base):
    """All of it works by links and forms."""
    with browser(script=False) as page:
        def submit(row, action):
            row.find_element(By.CSS_SELECTOR, f'form[action="/actions/{action}"] button').click()
            # The answer is a new page: only then has the form arrived.
            until(page, lambda: left_the_page(row))

        page.get(base + "/?show=up")
        row = page.find_element(By.CSS_SELECTOR, ".row[data-name]")
        name = row.get_attribute("data-name")
        assert page.find_element(By.CSS_SELECTOR, ".go").is_displayed()
        submit(row, "pause")
        page.get(base + "/?show=paused")
        submit(page.find_element(By.CSS_SELECTOR, f'.row[data-name="{name}"]'), "resume")
        page.get(base + "/?q=" + urllib.request.quote(name))
        assert "v-paused" not in page.find_element(By.CSS_SELECTOR, f'.row[data-name="{name}"]').get_attribute("class")


def page_of_trouble(base):
    """Path of a check that is down, with a transcript to show; of any other while there is none."""
    items = json.loads(urllib.request.urlopen(base + "/api/v1/checks?sort=trouble&kind=http").read())["items"]
    return "/targets/" + items[0]["name"]


def accessible(pages):
    """axe-core has nothing to say of any page: dark and light, at three widths."""
    source = axe()
    with browser() as page:
        # Would it tell us at all?
        page.get(pages[0][1])
        page.execute_script("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><p class=canary>faint</p>');"
                            "document.querySelector('.canary').style.color = '#ddd'")
        told = " ".join(violations(page, "canary", source))
        assert "button-name" in told and "color-contrast" in told, told
        page.execute_script("document.querySelector('main').insertAdjacentHTML('beforeend', '<div role=button>press</div><a href=# id=trap>there</a>');"
                            "const trap = document.getElementById('trap'); trap.addEventListener('focus', event => event.stopImmediatePropagation());"
                            "document.addEventListener('keydown', event => { if (event.key === 'Tab' && document.activeElement.matches('header *')) event.preventDefault() })")
        told = " ".join(unreachable(page, "canary"))
        assert "is no control" in told and "does not reach" in told, told
    found, looked = [], 0
    for width, dark in [(width, dark) for width in (360, 1000, 1440) for dark in (False, True)]:
        with browser(width, 900, dark) as page:
            for name, address in pages:
                page.get(address)
                for closed in page.find_elements(By.CSS_SELECTOR, "details:not([open])"):
                    page.execute_script("arguments[0].open = true", closed)
                assert page.find_elements(By.CSS_SELECTOR, "a.brand"), f"{name} is not a page of ours"
                found += violations(page, f"{name}, {width} px, {'dark' if dark else 'light'}", source)
                if dark and width == 360:
                    page.save_screenshot(str(OUT / f"phone-{name.replace(' ', '-')}.png"))
                looked += 1
    assert looked == 6 * len(pages)
    assert not found, "\n        ".join([f"{len(found)} violations"] + found)


def stalled(base):
    """Results that cannot be written are told on top of the page, and pinging goes on."""
    with browser() as page:
        page.get(base + "/")
        banner = page.find_element(By.CSS_SELECTOR, ".banner.k-trouble")
        assert "cannot be written" in banner.text, banner.text
        pings = lambda: int(page.find_element(By.ID, "pings").text.replace(",", ""))
        before = pings()
        until(page, lambda: pings() > before, 30)
        page.save_screenshot(str(OUT / "stalled.png"))


def each_look(base):
    """What is paused, what only looks well and what is flagged can be told apart by word and sign; a picture of each is kept.

    The page replaces rows while it keeps itself up to date, so what belongs together is read, or pressed, in one go.
    """
    looks_of_rows = """
        return Object.fromEntries([...document.querySelectorAll('.row[data-name]')].map(row => [
          [...row.classList].find(name => name.startsWith('v-')).slice(2),
          [row.querySelector('.word').textContent, row.querySelector('.state use').getAttribute('href'),
           getComputedStyle(row).backgroundColor]]))"""
    press = "const it = document.querySelector(arguments[0]); it?.click(); return !!it"
    with browser(1280, 1300) as page:
        page.get(base + "/")
        until(page, lambda: "moderated" in page.execute_script(looks_of_rows), 30)
        pause = ".row.v-up form[action='/actions/pause'] button"
        until(page, lambda: page.execute_script(press, pause), 30)
        until(page, lambda: "paused" in page.execute_script(looks_of_rows))
        # The demonstration's unsteady Space needs five changes first; then it answers, or does not, by turns.
        wanted = {"up", "paused", "flapping", "moderated"}
        looks = until(page, lambda: (found := page.execute_script(looks_of_rows)).keys() >= wanted and found, 240)
        page.save_screenshot(str(OUT / "looks.png"))
        looks = {look: looks[look] for look in wanted}
        assert len(set(word for word, _, _ in looks.values())) == 4, looks
        assert len(set(sign for _, sign, _ in looks.values())) == 4, looks
        assert looks["moderated"][2] != looks["paused"][2] and looks["flapping"][2] != looks["up"][2], looks
        for look in ("flapping", "moderated"):
            until(page, lambda: page.execute_script(press, f".row.v-{look} a.name"), 60)
            until(page, lambda: page.find_elements(By.CSS_SELECTOR, "#one"))
            # The unsteady one may have changed on the way.
            if look == "moderated":
                until(page, lambda: page.find_elements(By.CSS_SELECTOR, f"#one[data-verdict={look}]"))
            page.save_screenshot(str(OUT / f"one-{look}.png"))
            page.get(base + "/")


def run(base, token_base=None, stalled_base=None, dead_base=None):
    trouble = page_of_trouble(base)
    pages = [("fleet", base + "/"), ("maintenance", base + "/maintenance"), ("nothing matches", base + "/?q=zzzzz"), ("target", base + trouble), ("two sources", base + "/targets/docs-demo"), ("missing", base + "/nowhere")]
    others = [(phone, base), (without_script, base)]
    if token_base:
        pages += [("login", token_base + "/login"), ("empty", token_base + "/")]
    if stalled_base:
        pages += [("stalled", stalled_base + "/"), ("stalled target", stalled_base + "/targets/nobody-home")]
        others += [(stalled, stalled_base)]
    others += [(never_sideways, pages), (accessible, pages)]
    journeys = Journeys(base)
    wanted = os.environ.get("JOURNEYS", "").split()
    # These wait for minutes, and wait beside the others.
    slow = [(each_look, base), (looks_dead, dead_base)] if dead_base else []
    with concurrent.futures.ThreadPoolExecutor() as beside:
        waiting = [beside.submit(twice, journey, subject) for journey, subject in slow if not wanted or journey.__name__ in wanted]
        failed = all_of(journeys, others, wanted)
        return len(failed) + sum(not future.result() for future in waiting)


def twice(journey, subject):
    """A slow machine is not a broken page: what fails is walked once more, and said."""
    name = journey.__name__.replace("_", " ")
    began = time.monotonic()
    for attempt in ("FAILED, once more", "FAILED"):
        try:
            journey(subject)
            print(f"ok      {name} ({time.monotonic() - began:.1f} s)", flush=True)
            return True
        except Exception as error:
            print(f"{attempt}  {name}: {type(error).__name__} {error}", flush=True)
    return False


def all_of(journeys, others, wanted):
    names = [name for name in vars(Journeys) if not name.startswith("_") and name != "rows" and (not wanted or name in wanted)]
    failed = [name for name in names if not walk(journeys, name)]
    for journey, subject in others:
        if (not wanted or journey.__name__ in wanted) and not twice(journey, subject):
            failed.append(journey.__name__)
    again = [name for name in failed if name in names]
    if 0 < len(again) <= 2:
        print("once more:", ", ".join(again), flush=True)
        failed = [name for name in failed if name not in again or not walk(journeys, name)]
    return failed


def walk(journeys, name):
    with browser() as page:
        began = time.monotonic()
        try:
            getattr(journeys, name)(page)
            print(f"ok      {name.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
            return True
        except Exception as error:
            page.save_screenshot(str(OUT / f"failed-{name}.png"))
            print(f"FAILED  {name.replace('_', ' ')}: {type(error).__name__} {error}", flush=True)
            print(f"        screenshot: {OUT.relative_to(ROOT)}/failed-{name}.png", flush=True)
            return False


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--show":
        ports = dict(line.split() for line in pathlib.Path(sys.argv[2]).read_text().splitlines())
        sys.exit(1 if run(f"http://127.0.0.1:{ports['dozen']}") else 0)
    binary = os.environ.get("STOKER") or str(ROOT / ".build" / "debug" / "stoker")
    if not os.path.exists(binary):
        print("browser journeys left out: no binary at .build/debug/stoker (make build)")
        return
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stoker-browser-")))
        base = stack.enter_context(serving(binary, ["demo"], "stoker"))
        # Nothing to tend, behind a token: the empty page and the one to log in.
        nothing = scratch / "nothing.yaml"
        nothing.write_text("version: 1\nserve: { self_ping: off }\n")
        token_base = stack.enter_context(
            serving(binary, ["serve", "--fleet", str(nothing), "--data", str(scratch / "data")], "empty", STOKER_TOKEN="a-token-of-the-journeys"))
        # A data folder that cannot be: a file is in its place.
        alone = scratch / "alone.yaml"
        alone.write_text("version: 1\ntargets: { nobody-home: { url: 'http://127.0.0.1:9/', every: 1s, recheck: 1s, retry: [], jitter: 0 } }\n")
        (scratch / "file").write_text("")
        stalled_base = stack.enter_context(
            serving(binary, ["serve", "--fleet", str(alone), "--data", str(scratch / "file")], "stalled"))
        dead_base = stack.enter_context(
            serving(binary, ["serve", "--fleet", str(nothing), "--data", str(scratch / "dead")], "dead"))
        deadline = time.monotonic() + 60
        while b'"up":0' in urllib.request.urlopen(base + "/status").read() and time.monotonic() < deadline:
            time.sleep(0.2)
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            private = beside.submit(private_journeys, binary, scratch)
            failed = run(base, token_base, stalled_base, dead_base)
            failed += private.result()
        failed += deploy_journeys(binary, scratch)
        failed += access_journeys(binary, scratch)
        failed += safekeeping_journey(binary, scratch)
        failed += worker_pages(binary)
    if not os.environ.get("JOURNEYS"):
        unseen = not_looked_at() if shutil.which("git") else []
        print("every page was looked at" if not unseen else "\n        ".join(["RED     pages that nothing looked at"] + unseen), flush=True)
        failed += len(unseen)
    sys.exit(1 if failed else 0)


def private_journeys(binary, scratch):
    """The journeys of private_fleet.py. - Returns: how many failed."""
    wanted = [name for name in os.environ.get("JOURNEYS", "").split() if name in private_fleet.STEPS]
    if os.environ.get("JOURNEYS") and not wanted:
        return 0
    if not shutil.which("git"):
        print("private fleet left out: the simulated Hub needs git", flush=True)
        return 0
    receiver = private_fleet.Receiver()
    with private_fleet.hub(binary) as hub:
        file = scratch / "private.yaml"
        file.write_text(private_fleet.fleet_file(hub, receiver, scratch))
        with serving(binary, ["serve", "--fleet", str(file), "--data", str(scratch / "private")], "private", STOKER_TOKEN=private_fleet.TOKEN) as base:
            private_fleet.known(base, hub, receiver)
            return sum(len(private_fleet.walk(base, hub, receiver, look, wanted)) for look in range(len(private_fleet.LOOKS)))


def deploy_journeys(binary, scratch):
    """The journeys of deploys.py. - Returns: how many failed."""
    wanted = os.environ.get("JOURNEYS", "").split()
    if wanted and "deploys" not in wanted or not shutil.which("git"):
        return 0
    folder = scratch / "deploys"
    folder.mkdir()
    with private_fleet.hub(binary, "empty", 20) as hub:
        file = folder / "fleet.yaml"
        file.write_text(deploys.fleet_file(hub, folder))
        with serving(binary, ["serve", "--fleet", str(file), "--data", str(folder / "data")], "deploys", STOKER_TOKEN=private_fleet.TOKEN) as base:
            return len(deploys.walk(base, hub, folder))


def access_journeys(binary, scratch):
    """The journeys of access.py. - Returns: how many failed."""
    wanted = os.environ.get("JOURNEYS", "").split()
    if wanted and "access" not in wanted or not shutil.which("git"):
        return 0
    folder = scratch / "access"
    folder.mkdir()
    with private_fleet.hub(binary, "empty") as hub:
        file = folder / "fleet.yaml"
        file.write_text(access.fleet_file(hub))
        with serving(binary, ["serve", "--fleet", str(file), "--data", str(folder / "data")], "access", **access.ENVIRONMENT) as base:
            return len(access.walk(base, hub, file))


def worker_pages(binary):
    """The pages of workers, once they have found something: at 360 and 1,440 px, dark and light. - Returns: how much went wrong."""
    wanted = os.environ.get("JOURNEYS", "").split()
    if wanted and "workers" not in wanted or not shutil.which("git"):
        return 0
    found, source = [], axe()
    # What is published is what a run of the tests has shown, so they have to be run.
    tools = str(pathlib.Path(sys.executable).parent)
    with serving(binary, ["demo", "workshop"], "workshop", STOKER_TOOLS=tools) as base, browser() as page:
        def findings():
            return json.loads(urllib.request.urlopen(base + "/api/v1/results/findings").read())["items"]
        finding = until(page, findings, 120)[0]["id"]
        for path in ("/workers", "/workers/analysis", "/workers/findings", f"/workers/findings/{finding}"):
            for width, dark in [(width, dark) for width in (360, 1440) for dark in (False, True)]:
                resize(page, width, 900)
                theme(page, dark)
                page.get(base + path)
                found += violations(page, f"{path}, {width} px, {'dark' if dark else 'light'}", source)
                wide = page.execute_script("return document.documentElement.scrollWidth")
                found += [f"{path} is {wide} wide at {width} px"] if wide > width else []
        found += complaints(page)
    print("pages of workers " + ("good" if not found else "RED\n        " + "\n        ".join(found)), flush=True)
    return len(found)


def safekeeping_journey(binary, scratch):
    """The journey of safekeeping.py. - Returns: how much went wrong."""
    wanted = os.environ.get("JOURNEYS", "").split()
    if wanted and "safekeeping" not in wanted:
        return 0
    folder = scratch / "safekeeping"
    folder.mkdir()
    file = folder / "fleet.yaml"
    file.write_text(safekeeping.fleet_file(folder))
    with serving(binary, ["serve", "--fleet", str(file), "--data", str(folder / "data")], "safekeeping") as base:
        return len(safekeeping.walk(base, binary, folder))


@contextlib.contextmanager
def serving(binary, arguments, name, **more):
    """Runs the program on a free port of loopback and gives its address."""
    # Its words go to a file: a pipe nobody reads would stop it.
    log = OUT / f"{name}.log"
    # On loopback and without a token this machine may press buttons. In a container the demo would bind every address.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STOKER_") and key != "PORT"}
    with open(log, "wb") as errors:
        server = subprocess.Popen(
            [binary, *arguments, "--port", "0", "--host", "127.0.0.1"], stdout=subprocess.PIPE, stderr=errors, text=True, env=clean | more)
        try:
            for line in server.stdout:
                if match := re.search(r"serving (http://127\.0\.0\.1:\d+)", line):
                    SERVERS[match.group(1)] = server
                    yield match.group(1)
                    break
            else:
                sys.exit(f"stoker {arguments[0]} ended before it served:\n{log.read_text()[-2000:]}")
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


if __name__ == "__main__":
    main()
