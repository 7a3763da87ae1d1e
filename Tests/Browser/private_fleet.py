"""Journeys where the fleet is private: log in, act on Spaces and incidents, read logs, take files along, and what strangers see.

Each is walked at three widths, and in both themes. The Hub is the simulated one, messages arrive at a receiver of ours. Used by journeys.py.
"""
import contextlib
import http.server
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from chromium import OUT, axe, browser, complaints, resize, theme, until, violations

# Widths with their theme: a theme changes colours and nothing else. The colours of the phone's own shapes are looked at in both.
LOOKS = [(360, False), (1000, True), (1440, False)]
TOKEN = "a-token-of-the-journeys"
# Spaces of the scene `fifty`, a few for each look: what was restarted builds for a while.
ACTS = ["restart", "factory-restart", "pause-space", "wake"]


def unit(act, look):
    return f"unit-{ACTS.index(act) * len(LOOKS) + look + 1:02}"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes messages, and keeps the links in them that acknowledge."""

    def __init__(self):
        self.links = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                receiver.links += re.findall(r"/acknowledge/\d+/[0-9a-f.]+", body.replace("\\/", "/"))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@contextlib.contextmanager
def hub(binary, scene="fifty", speed=10):
    """The simulated Hub, with fifty Spaces unless another scene is named."""
    with open(OUT / f"hub-{scene}.log", "wb") as errors:
        process = subprocess.Popen(
            [binary, "hub-simulator", "--port", "0", "--scene", scene, "--speed", str(speed)], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        for line in process.stdout:
            if match := re.search(r"simulating (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise RuntimeError("the simulated Hub ended before it served")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        address = match.group(1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def ask(address, body=None, headers={}, method=None):
    request = urllib.request.Request(
        address, data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json", **headers}, method=method)
    return json.loads(urllib.request.urlopen(request).read() or b"null")


# Of the same scene: deployed from a folder beside the fleet file.
DEPLOYED = "unit-40"


def fleet_file(hub, receiver, folder):
    """Pinged once and then left alone: what sleeps stays asleep until somebody wakes it."""
    site = folder / "site"
    site.mkdir()
    (site / "README.md").write_text("---\ntitle: A site\nsdk: docker\napp_port: 7860\n---\n\nDeployed by a journey.\n")
    (site / "Dockerfile").write_text("FROM python:3.12-slim\nCMD [\"python\", \"app.py\"]\n")
    (site / "app.py").write_text("print('<b>not a tag</b>', \"a line that is so long that no phone can show it without scrolling inside its own frame\")\n")
    spaces = "\n".join(f"  {unit(act, look)}: {{ group: {act} }}" for act in ACTS for look in range(len(LOOKS)))
    return f"""version: 1
hub: {{ namespace: maren, endpoint: "{hub}", token: hf_maren }}
keep: {{ every: 6h }}
spaces:
{spaces}
  {DEPLOYED}: {{ group: deploys, deploy: {{ from: ./site, variables: {{ GREETING: hello }}, sleep: 1h }} }}
targets:
  gone: {{ url: "tcp://127.0.0.1:9", every: 2s, recheck: 2s, retry: [], group: sites }}
  here: {{ url: "tcp://127.0.0.1:{receiver.server_port}", every: 5s, group: sites }}
heartbeats:
  nightly-export: {{ schedule: "0 3 * * Mon-Fri Europe/Berlin", grace: 30m, group: jobs }}
channels:
  team: {{ webhook: "http://127.0.0.1:{receiver.server_port}/hook" }}
  chat: {{ discord: "" }}
notify:
  - {{ to: team, together: 0s }}
status_pages:
  sites: {{ title: Our sites, groups: [sites], show: [causes] }}
  inside: {{ title: Inside, groups: [jobs], public: false }}
serve: {{ private: true, public_url: "http://stoker.example", self_ping: off }}
"""


class Visit:
    """One look, in one window."""

    def __init__(self, base, hub, receiver, look, page):
        self.base, self.hub, self.receiver, self.look, self.page = base, hub, receiver, look, page
        self.width, self.dark = LOOKS[look]
        self.tag = f"{self.width}-{'dark' if self.dark else 'light'}"
        self.incident = next(
            item["id"] for item in self.api("/incidents?state=open")["items"] if item["check"] == "gone")

    def api(self, path, body=None, method=None):
        return ask(f"{self.base}/api/v1{path}", body, {"Authorization": f"Bearer {TOKEN}"}, method)

    def find(self, selector):
        return self.page.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector="main"):
        return self.page.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def press(self, selector):
        """In one go: the page replaces what it shows while it keeps itself up to date."""
        until(self.page, lambda: self.page.execute_script(
            "const it = document.querySelector(arguments[0]); if (!it || it.disabled) return false; it.click(); return true", selector), 40)

    def hubs(self, name):
        """How a Space is at the Hub."""
        return ask(f"{self.hub}/-/admin/spaces/maren/{name}")

    # ---- The journeys, in this order ----

    def logs_in(self):
        self.page.get(self.base + "/")
        assert "/login" in self.page.current_url, self.page.current_url
        self.find("#token").send_keys(TOKEN, Keys.ENTER)
        until(self.page, lambda: "/login" not in self.page.current_url)
        until(self.page, lambda: self.find("#live").get_attribute("data-state") == "live")

    def acknowledges_an_incident(self):
        self.page.get(self.base + "/incidents?state=open")
        assert self.text("td[data-l=Told]") == "team", self.text()
        self.press(f'a.t[href="/incidents/{self.incident}"]')
        until(self.page, lambda: "gone: down" in self.text("h1"))
        assert "team, down" in self.text("section[aria-labelledby=h-told]"), self.text()
        self.press('button[popovertarget="c-seen"]')
        until(self.page, lambda: self.find("#c-seen").is_displayed())
        assert self.page.switch_to.active_element.get_attribute("id") == "a-by"
        self.page.switch_to.active_element.send_keys("mara")
        self.find("#a-text").send_keys(f"looking into it, {self.tag}")
        self.find("#c-seen .btn.main").click()
        until(self.page, lambda: "acknowledged" in self.text(".under") and "by mara" in self.text(".under"))
        assert f"mara acknowledged the incident: “looking into it, {self.tag}”" in self.text(".time"), self.text(".time")
        self.page.save_screenshot(str(OUT / f"incident-{self.tag}.png"))
        self.press(f'form[action="/incidents/{self.incident}/withdraw"] button')
        until(self.page, lambda: "not acknowledged" in self.text(".under"))

    def acknowledges_in_the_row(self):
        """The row says so in its place: nothing else is loaded."""
        self.page.get(self.base + "/")
        self.page.execute_script("window.mark = 1")
        self.press(f'.row[data-name="gone"] form[action="/incidents/{self.incident}/acknowledge"] button')
        until(self.page, lambda: "acknowledged" in self.text('.row[data-name="gone"] .do'))
        assert self.page.execute_script("return window.mark") == 1, "the page was loaded anew"
        assert "Acknowledged: gone" in self.text("#toast") and self.api(f"/incidents/{self.incident}")["acknowledged"]
        self.api(f"/incidents/{self.incident}/acknowledge", method="DELETE")

    def writes_a_note(self):
        self.page.get(f"{self.base}/incidents/{self.incident}")
        words = f"We know, and work on it ({self.tag})."
        self.find("#n-text").send_keys(words)
        self.find("#n-by").send_keys("mara")
        self.find("form.write .btn.main").click()
        until(self.page, lambda: words in self.text("section[aria-labelledby=h-story]"))
        # The status page shows it within its three seconds, without who wrote it.
        def public():
            self.page.get(self.base + "/p/sites")
            return words in self.text()
        until(self.page, public)
        assert "mara" not in self.text()

    def acts_on_a_space(self):
        for act in ["restart", "factory-restart", "pause-space"]:
            name = unit(act, self.look)
            before = self.hubs(name)
            self.page.get(f"{self.base}/targets/{name}")
            if act != "restart":
                self.press('button[popovertarget="more"]')
                until(self.page, lambda: self.find("#more").is_displayed())
            self.press(f'button[popovertarget="c-{act}"]')
            dialog = self.find(f"#c-{act}")
            until(self.page, dialog.is_displayed)
            assert self.page.switch_to.active_element.text == "Keep it as it is"
            box = dialog.rect
            assert box["x"] >= 0 and box["x"] + box["width"] <= self.width, box
            dialog.find_element(By.CSS_SELECTOR, "button.main").click()
            until(self.page, lambda: "The Hub took it" in self.find("#toast").text, 30)
            if act == "pause-space":
                until(self.page, lambda: self.hubs(name)["stage"] == "PAUSED")
            else:
                until(self.page, lambda: self.hubs(name)["restarts"] > before["restarts"])

    def wakes_a_space(self):
        name = unit("wake", self.look)
        self.page.get(f"{self.base}/targets/{name}")
        until(self.page, lambda: "SLEEPING" in self.text("section[aria-labelledby=h-two]"), 40)
        self.press('button[popovertarget="c-wake"]')
        until(self.page, lambda: self.find("#c-wake").is_displayed())
        self.find("#c-wake button.main").click()
        until(self.page, lambda: "The Hub took it" in self.find("#toast").text, 40)
        until(self.page, lambda: self.hubs(name)["stage"] != "SLEEPING")

    def reads_logs(self):
        """A log comes and stays, though the page gets other parts meanwhile: it takes seconds, and a Space that wakes up changes its buttons."""
        name = unit("wake", self.look)
        shows = lambda log: f"{log} log" in self.text("#log-body").lower()
        may_pause = lambda: self.page.execute_script("return !!document.querySelector('#c-pause')")
        self.api(f"/checks/{name}/pause", {})
        self.page.get(f"{self.base}/targets/{name}")
        self.press('a[data-log$="log=build"]')
        until(self.page, lambda: shows("build"), 30)
        # Asked for again: the last one counts, whatever comes last.
        self.press('a[data-log$="log=run"]')
        self.press('a[data-log$="log=build"]')
        self.press('a[data-log$="log=run"]')
        self.press('form[action="/actions/resume"] button')
        until(self.page, may_pause)
        until(self.page, lambda: shows("run"), 30)
        self.api(f"/checks/{name}/pause", {})
        until(self.page, lambda: not may_pause())
        assert shows("run"), "the log went when the page changed"

    def takes_files_along(self):
        with tempfile.TemporaryDirectory(prefix="stoker-files-") as folder:
            self.page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
            for place in ("incidents", "events"):
                self.page.get(f"{self.base}/{place}?target=gone")
                self.press('a[href^="/%s.csv"]' % place)
                file = pathlib.Path(folder) / f"{place}.csv"
                # The browser makes the file before it fills it.
                until(self.page, lambda: file.exists() and file.read_text().endswith("\n"))
                lines = file.read_text().splitlines()
                assert len(lines) > 1 and "gone" in lines[1], lines[:2]

    def plans_and_looks_for_drift(self):
        """The buttons look at the Hub and change nothing."""
        before = self.hubs(DEPLOYED)
        self.page.get(self.base + "/")
        self.press('.places a[href="/deploys"]')
        self.press('form[action="/deploys"] button')
        until(self.page, lambda: "1 Space will change" in self.text("h1"), 30)
        text = self.text()
        assert "GREETING" in text and "app.py" in text and "restarts once" in text, text
        assert self.find(".ln.add").is_displayed()
        self.page.get(self.base + "/deploys/drift")
        self.press('form[action="/deploys/drift"] button')
        until(self.page, lambda: "1 Space is not as the fleet file says" in self.text("h1"), 30)
        self.page.get(self.base + "/")
        assert "1 Space not as the fleet file says" in self.text(".under"), self.text(".under")
        after = self.hubs(DEPLOYED)
        assert after["restarts"] == before["restarts"] and after["stage"] == before["stage"], (before, after)

    def is_told_of_channels(self):
        self.page.get(self.base + "/notices")
        assert "Off: its address is empty" in self.text() and "discord," not in self.text(), self.text()
        cards = self.page.execute_script("return [...document.querySelectorAll('.card')].map(card => { const box = card.getBoundingClientRect(); return [box.top, box.bottom] })")
        assert cards[1][0] - cards[0][1] >= 12, cards
        who = self.text("#who")
        assert "team at once" in who and "Nobody hears of these" in who, who
        self.press('form[action="/notices/test"] button')
        until(self.page, lambda: "team took the message" in self.text(), 30)

    def every_page_is_well(self):
        """Nothing of axe, no sideways scrolling, nothing in the console, dialogs open too."""
        source, found = axe(), []
        for name, path in self.pages:
            self.page.get(self.base + path)
            self.page.execute_script("for (const it of document.querySelectorAll('details')) it.open = true")
            # The narrowest phone too.
            for width in [320, self.width] if self.width == 360 else [self.width]:
                resize(self.page, width, 900)
                wide = self.page.execute_script("return document.documentElement.scrollWidth")
                if wide > width:
                    found.append(f"{name} is {wide} wide at {width} px")
            found += violations(self.page, f"{name}, {self.tag}", source)
            if self.width != 1000:
                found += self.page_in_the_other_theme(name, source)
            for dialog in self.page.execute_script("return [...document.querySelectorAll('[popover]')].map(it => it.id)"):
                self.page.execute_script("document.getElementById(arguments[0]).showPopover()", dialog)
                found += violations(self.page, f"{name} with {dialog} open, {self.tag}", source)
                self.page.execute_script("document.getElementById(arguments[0]).hidePopover()", dialog)
            self.page.save_screenshot(str(OUT / f"{name.replace(' ', '-')}-{self.tag}.png"))
        # The name and the reason have their share of a row.
        if self.width == 1000:
            self.page.get(self.base + "/")
            shares = self.page.execute_script(
                "return [...document.querySelectorAll('.row[data-name]')].map(row => [row.dataset.name, row.querySelector('.cause, .who').offsetWidth / row.offsetWidth])")
            found += [f"the name of {name} has {share:.0%} of the row" for name, share in shares if share < .4]
        found += complaints(self.page)
        assert not found, "\n        ".join(found)

    def page_in_the_other_theme(self, name, source):
        theme(self.page, not self.dark)
        try:
            return violations(self.page, f"{name}, {self.width} px, other theme", source, ["color-contrast"])
        finally:
            theme(self.page, self.dark)

    @property
    def pages(self):
        return [
            ("private fleet", "/"), ("group", "/?group=wake"), ("incidents", "/incidents"), ("no incidents", "/incidents?target=nothing-of-that-name"),
            ("incident", f"/incidents/{self.incident}"), ("events", "/events"), ("notices", "/notices"), ("Space", f"/targets/{unit('restart', self.look)}"),
            ("heartbeat", "/targets/nightly-export"), ("port", "/targets/gone"), ("status page", "/p/sites"), ("private status page", "/p/inside"),
            ("plan", "/deploys"), ("drift", "/deploys/drift"), ("past deploys", "/deploys/past"),
        ]

    def is_closed_to_strangers(self):
        """A link of a message acknowledges its incident and opens nothing else; the public page is readable."""
        self.page.delete_all_cookies()
        for path in ("/", "/incidents", "/events", "/notices", "/deploys", "/targets/gone", "/p/inside"):
            self.page.get(self.base + path)
            assert "/login" in self.page.current_url, f"{path} is open: {self.page.current_url}"
        self.page.get(self.base + "/p/sites")
        assert "gone" in self.text() and "127.0.0.1" not in self.page.page_source
        link = next(link for link in self.receiver.links if link.startswith(f"/acknowledge/{self.incident}/"))
        self.page.get(self.base + link)
        assert f"Incident {self.incident}" in self.text(), self.text()
        assert not self.api(f"/incidents/{self.incident}")["acknowledged"], "opening the link acknowledged"
        wide = self.page.execute_script("return document.documentElement.scrollWidth")
        assert wide <= self.width, wide
        found = violations(self.page, f"link, {self.tag}") + self.page_in_the_other_theme("link", None)
        assert not found, found
        self.press("form .btn.main")
        until(self.page, lambda: "It is acknowledged" in self.text())
        assert self.api(f"/incidents/{self.incident}")["acknowledged"]["by"] == "link in a message"
        self.page.get(self.base + "/incidents")
        assert "/login" in self.page.current_url
        self.api(f"/incidents/{self.incident}/acknowledge", method="DELETE")


STEPS = [name for name, value in vars(Visit).items() if not name.startswith("_") and callable(value) and name not in ("api", "find", "text", "press", "hubs", "page_in_the_other_theme")]


def walk(base, hub, receiver, look, wanted):
    """All journeys in one look. - Returns: the names of those that failed, also at their second try."""
    failed = []
    width, dark = LOOKS[look]
    began = time.monotonic()
    with browser(width, 900, dark) as page:
        visit = Visit(base, hub, receiver, look, page)
        for name in STEPS:
            if wanted and name not in wanted and name != "logs_in":
                continue
            for again in (False, True):
                try:
                    getattr(visit, name)()
                    break
                except Exception as error:
                    page.save_screenshot(str(OUT / f"failed-{name}-{visit.tag}.png"))
                    print(f"FAILED{'' if again else ', once more'}  {name.replace('_', ' ')}, {visit.tag}: {type(error).__name__} {error}", flush=True)
                    if again:
                        failed.append(name)
                    if name == "is_closed_to_strangers":
                        with contextlib.suppress(urllib.error.HTTPError):
                            visit.api(f"/incidents/{visit.incident}/acknowledge", method="DELETE")
    if not failed:
        print(f"ok      private fleet, {visit.tag}: {len(STEPS)} journeys ({time.monotonic() - began:.1f} s)", flush=True)
    return failed


def known(base, hub, receiver):
    """Waits until the incident is there and told, and the Hub was read. Then the Spaces to be woken fall asleep, without pings that wake them."""
    end = time.monotonic() + 60
    headers = {"Authorization": f"Bearer {TOKEN}"}
    while time.monotonic() < end:
        checks = ask(f"{base}/api/v1/checks?limit=1000", headers=headers)["items"]
        spaces = [check for check in checks if check["space"]]
        if receiver.links and spaces and all((check["hub"] or {}).get("stage") and check["last_ping"] for check in spaces):
            for look in range(len(LOOKS)):
                ask(f"{base}/api/v1/checks/{unit('wake', look)}/pause", {}, headers)
                ask(f"{hub}/-/admin/spaces/maren/{unit('wake', look)}/stage", {"stage": "SLEEPING"})
            return
        time.sleep(0.3)
    raise AssertionError("the private fleet did not come up")
