"""A journey through the pages of safekeeping, in both themes and at three widths: real guards put their files into vaults, a server looks at them, a drill is asked
for, an older snapshot is put back, and a held one is accepted. Used by journeys.py.
"""
import os
import subprocess
import time

from selenium.webdriver.common.by import By

from chromium import Journey, axe, browser, complaints, until
from private_fleet import ask

LOOKS = [(1440, False), (1440, True), (360, True), (360, False)]


def fleet_file(folder):
    return f"""version: 1
vaults: {{ state: {{ folder: {folder}/vault }}, copy: {{ folder: {folder}/copy }} }}
keep: {{ every: 6h }}
persist: {{ vault: [state, copy], drill: 7d }}
spaces:
  acme/chat: {{ persist: {{ paths: [data] }} }}
  acme/empty: {{ persist: {{ paths: [data] }} }}
hub: {{ watch: false }}
serve: {{ self_ping: off }}
"""


def guarded(binary, folder, words, environment=None):
    """A guard whose app writes these words into files of `data`, and ends. - Returns: its exit status."""
    place = folder / f"container-{time.monotonic_ns()}"
    place.mkdir()
    script = "mkdir -p data; rm -f data/*; " + "; ".join(f"echo '{word}' > data/{name}" for name, word in words.items())
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STOKER_")}
    return subprocess.run(
        [binary, "guard", "--vault", f"folder:{folder}/vault", "--state", "acme/chat", "--path", "data", "--data", str(place / "own"), "--", "/bin/sh", "-c", script],
        cwd=place, env=clean | (environment or {}), capture_output=True, timeout=60).returncode


class Safekeeping(Journey):
    def __init__(self, base, binary, folder):
        self.base, self.binary, self.folder = base, binary, folder

    def look(self, name):
        self.look_at(name, self.width, "dark" if self.dark else "light")

    def all_states(self):
        self.page.get(self.base + "/safekeeping")
        assert "chat" in self.text() and "empty" in self.text(), self.text()
        assert self.page.find_elements(By.CSS_SELECTOR, 'nav.places a[href="/safekeeping"][aria-current]'), "the place is not shown"
        self.look("safekeeping")

    def one_state(self):
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        self.look("state")

    def state(self):
        return ask(self.base + "/api/v1/states/acme/chat")

    def is_proven(self):
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        self.press('input[value="prove"] ~ button')
        until(self.page, lambda: self.state()["drill"]["proven"], 60)
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        assert "Restored and checked in" in self.text(), self.text()

    def is_put_back(self):
        before = self.state()
        old = before["snapshots"][-1]
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        buttons = self.page.find_elements(By.CSS_SELECTOR, 'td [popovertarget^="c-r"]')
        self.page.execute_script("arguments[0].scrollIntoView({block: 'center'})", buttons[-1])
        until(self.page, buttons[-1].is_displayed)
        buttons[-1].click()
        dialog = self.page.find_element(By.CSS_SELECTOR, ":popover-open")
        until(self.page, dialog.is_displayed)
        # Focus is on leaving it be.
        assert self.page.switch_to.active_element.text == "Keep it as it is"
        self.look("state asked")
        dialog.find_element(By.CSS_SELECTOR, ".btn.main").click()
        until(self.page, lambda: self.state()["epoch"] == before["epoch"] + 1, 20)
        after = self.state()["snapshots"][0]
        assert after["parent"] == old["id"] and after["newest"], after

    def is_looked_into(self):
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        links = self.page.find_elements(By.CSS_SELECTOR, 'td a[href*="?snapshot="]')
        self.page.get(links[0].get_attribute("href"))
        assert "data/file0" in self.text() and "entries" in self.text(), self.text()
        self.look("snapshot files")
        files = self.page.find_elements(By.CSS_SELECTOR, 'th a[download]')
        assert len(files) >= 12 and "file=data%2Ffile0" in files[0].get_attribute("href")

    def is_forgotten(self):
        before = self.state()
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        self.page.get(self.page.find_element(By.CSS_SELECTOR, 'a[href*="?forget="]').get_attribute("href"))
        for name in ["last", "daily", "weekly", "monthly"]:
            field = self.page.find_element(By.ID, f"r-keep_{name}")
            field.clear()
            field.send_keys("1" if name == "last" else "0")
        self.press('form[method="get"] .btn.main')
        until(self.page, lambda: "would go" in self.text("h1"))
        assert "Nothing is changed yet" in self.text() and "no rule keeps it" in self.text(), self.text()
        assert self.state()["kept"] == before["kept"]
        self.look("forget")
        self.press('[popovertarget="c-forget"]')
        self.look("forget asked")
        self.press('#c-forget .btn.main')
        until(self.page, lambda: self.state()["kept"] < before["kept"], 20)
        assert self.state()["newest"]["id"] == before["newest"]["id"]

    def is_asked_for_all(self):
        self.page.get(self.base + "/safekeeping")
        self.press('input[value="snapshot-all"] ~ button')
        # The guards of this journey know no master.
        until(self.page, lambda: "no guard of it has ever told" in self.text(), 20)

    def is_accepted(self):
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        self.press('input[value="look"] ~ button')
        until(self.page, lambda: "A snapshot is held" in self.text("h1, .say") or "Held" in self.text(), 20)
        self.look("state held")
        self.page.get(self.base + "/safekeeping")
        assert "needs a look" in self.text("h1"), self.text("h1")
        self.look("safekeeping held")
        self.page.get(self.base + "/safekeeping/acme%2Fchat")
        self.press('[popovertarget="c-a0"]')
        self.press('#c-a0 .btn.main')
        until(self.page, lambda: not self.state()["held"], 20)
        assert self.state()["newest"]["files"] == 1

    def walk(self):
        self.found, self.axe = [], axe()
        files = {f"file{number}": "one" for number in range(12)}
        assert guarded(self.binary, self.folder, files) == 0
        assert guarded(self.binary, self.folder, files | {"more": "two"}) == 0
        for number, (width, dark) in enumerate(LOOKS):
            self.width, self.dark = width, dark
            with browser(width, 900, dark) as self.page:
                ask(self.base + "/api/v1/states/acme/chat/look", {})
                if number == 0:
                    self.is_proven()
                    self.is_put_back()
                    self.is_looked_into()
                    self.is_asked_for_all()
                self.all_states()
                self.one_state()
                if number == 1:
                    # Eleven of twelve files are gone: that waits for a word.
                    guarded(self.binary, self.folder, {"file0": "one"})
                    self.is_accepted()
                if number == 2:
                    self.is_forgotten()
                said = complaints(self.page)
                assert not said, said
        return self.found


def walk(base, binary, folder):
    """- Returns: what went wrong, a line each."""
    try:
        found = Safekeeping(base, binary, folder).walk()
    except Exception as error:  # The other journeys go on.
        found = [f"{type(error).__name__}: {error}"]
    print("safekeeping " + ("good" if not found else "RED\n        " + "\n        ".join(found)), flush=True)
    return found
