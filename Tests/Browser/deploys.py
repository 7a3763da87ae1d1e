"""A journey that applies: on the server's own machine, against a simulated Hub without Spaces. First a plan that goes well in three waves at 1440 px, then
a bad release at 360 px that is stopped and goes back. Used by journeys.py.
"""
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from chromium import OUT, Journey, axe, browser, complaints, until
from private_fleet import TOKEN, ask

SPACES = ["front", "back", "docs"]


def fleet_file(hub, folder):
    site = folder / "app"
    site.mkdir()
    (site / "README.md").write_text("---\ntitle: App\nsdk: docker\n---\n")
    (site / "Dockerfile").write_text("FROM scratch\n")
    (site / "app.py").write_text("print(1)\n")
    spaces = "\n".join(f"  {name}: {{ deploy: {{ from: ./app, sdk: docker, visibility: public }} }}" for name in SPACES)
    return f"""version: 1
hub: {{ namespace: maren, endpoint: "{hub}", token: hf_maren }}
rollout: {{ canary: 1, then: 1, within: 60s }}
keep: {{ every: 6h }}
spaces:
{spaces}
serve: {{ self_ping: off }}
"""


class Deploys(Journey):
    def __init__(self, base, hub, folder):
        self.base, self.hub, self.folder = base, hub, folder

    def look(self, name):
        self.look_at(name, self.width)

    def plan(self):
        self.page.get(self.base + "/deploys")
        self.press('form[action="/deploys"] button')
        until(self.page, lambda: "3 Spaces will change" in self.text("h1"), 30)
        assert "In waves" in self.text() and "canary" in self.text(), self.text()
        self.look("apply plan")
        self.press('[popovertarget="c-apply"].main')
        until(self.page, lambda: self.page.find_element(By.ID, "c-apply").is_displayed())
        assert "3 Spaces change" in self.text("#c-apply") and "3 waves" in self.text("#c-apply"), self.text("#c-apply")
        self.look("apply asked")

    def newest(self):
        return ask(f"{self.base}/api/v1/deploys", headers={"Authorization": f"Bearer {TOKEN}"})["items"][0]

    def over(self):
        until(self.page, lambda: self.newest()["state"] != "running", 120)
        # The page follows by itself.
        until(self.page, lambda: "is at work" not in self.text("h1"), 30)
        return self.newest()

    def goes_well(self):
        self.plan()
        self.press('form[action="/deploys/apply"] .btn.main')
        until(self.page, lambda: "/deploys/past" in self.page.current_url, 30)
        until(self.page, lambda: "of 3 is at work" in self.text("h1"), 30)
        assert self.page.execute_script("return document.querySelectorAll('.waves > li').length") == 3
        assert "Stop here" in self.text() and "not begun" in self.text(), self.text()
        self.look("apply running")
        # Without a word from us the page shows how it goes on.
        until(self.page, lambda: "Wave 2 of 3" in self.text("h1") or "Wave 3 of 3" in self.text("h1"), 60)
        newest = self.over()
        assert newest["state"] == "done", newest
        assert self.text(".waves").count("runs and answers") == 3, self.text()
        self.look("apply done")

    def is_stopped(self):
        (self.folder / "app" / "app.py").write_text("print(2)\n")
        ask(f"{self.hub}/-/admin/spaces/maren/{SPACES[0]}/fate", {"next": ["build-error"]})
        self.plan()
        self.press('#c-apply input[name="rollback"]')
        self.press('form[action="/deploys/apply"] .btn.main')
        until(self.page, lambda: "/deploys/past" in self.page.current_url, 30)
        newest = self.over()
        assert newest["state"] == "stopped", newest
        text = self.text()
        assert "went back" in text and "untouched" in text and "The last lines of its log" in text, text
        self.page.execute_script("for (const it of document.querySelectorAll('details')) it.open = true")
        self.look("apply stopped")


def walk(base, hub, folder):
    """- Returns: the names of those that failed."""
    deploys, failed = Deploys(base, hub, folder), []
    for name, width in [("goes_well", 1440), ("is_stopped", 360)]:
        began = time.monotonic()
        with browser(width, 900) as page:
            deploys.page, deploys.width, deploys.found, deploys.axe = page, width, [], axe()
            try:
                page.get(base + "/login")
                page.find_element(By.ID, "token").send_keys(TOKEN, Keys.ENTER)
                until(page, lambda: "/login" not in page.current_url)
                getattr(deploys, name)()
                found = deploys.found + complaints(page)
                assert not found, "\n        ".join(found)
                print(f"ok      a deploy {name.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:
                page.save_screenshot(str(OUT / f"failed-deploy-{name}.png"))
                print(f"FAILED  a deploy {name.replace('_', ' ')}: {type(error).__name__} {error}", flush=True)
                failed.append(name)
    return failed
