"""Chromium for the journeys: a window of a size and a theme, waiting, what the console says, axe-core."""
import contextlib
import importlib.util
import os
import pathlib
import re
import urllib.parse

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / ".build" / "screenshots"
OUT.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def browser(width=1280, height=900, dark=False, script=True):
    options = webdriver.ChromeOptions()
    for flag in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"]:
        options.add_argument(flag)
    if os.environ.get("CHROMIUM"):
        options.binary_location = os.environ["CHROMIUM"]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    page = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver") if os.path.exists("/usr/bin/chromedriver") else None)
    try:
        resize(page, width, height)
        theme(page, dark)
        yield page
    finally:
        page.quit()


def theme(page, dark):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})


def resize(page, width, height):
    """The window cannot be narrower than 500 px; a phone is emulated."""
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})


def until(page, what, seconds=15):
    """Waits for a condition; what it gives is given back."""
    return WebDriverWait(page, seconds, poll_frequency=0.05).until(lambda _: what())


def left_the_page(element):
    """Whether a new page took the element's place. In the middle of the change chromedriver says so in words of its own."""
    try:
        element.is_enabled()
        return False
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:
        if "does not belong to the document" in str(error):
            return True
        raise


def complaints(page):
    """What the console says against us. A page that is not found is reported as a failed resource by Chromium itself."""
    return [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE" and "404" not in entry["message"]]


def axe():
    """axe-core's own file; the package that ships it is installed without the browser driver it is meant for."""
    package = importlib.util.find_spec("axe_playwright_python")
    return (pathlib.Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8")


AXE = """
const [rules, done] = arguments;
axe.run(document, {resultTypes: ['violations'], ...(rules && {runOnly: rules})}).then(
  answer => done({passes: answer.passes.length, violations: answer.violations.map(v => ({
    id: v.id, impact: v.impact, help: v.help, why: v.nodes[0].failureSummary, nodes: v.nodes.slice(0, 3).map(n => n.target[0])}))}),
  error => done({error: String(error)}))
"""


# Each page that axe has looked at: its path, the window's width, whether it was dark, whether all rules were asked.
LOOKED = set()


def violations(page, where, source=None, rules=None):
    """What axe-core has to say against the page as it stands, a line each; of all rules, or of those. And what the keyboard does not reach."""
    page.execute_script(source or axe())
    answer = page.execute_async_script(AXE, rules)
    assert "error" not in answer, answer["error"]
    assert answer["passes"] > (0 if rules else 5), f"axe looked at nothing: {where}"
    width, dark = page.execute_script("return [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]")
    path = urllib.parse.urlparse(page.current_url).path
    # Once is enough: neither the theme nor the width changes what can be pressed.
    lost = unreachable(page, where) if not rules and width == 1440 and (path, 1440, False, True) not in LOOKED and not dark else []
    LOOKED.add((path, width, dark, not rules))
    return lost + [f"{where}: {found['impact']} {found['id']}: {found['help']} [{'; '.join(map(str, found['nodes']))}] {(found['why'] or '').replace(chr(10), ' ')}"
            for found in answer["violations"]]


# Links and controls that can be seen and used. Of radio buttons only the chosen one is a stop; the arrows lead to the others.
STOPS = """
window.stops = [...document.querySelectorAll('a[href], button, input:not([type=hidden]):not([type=radio]), select, textarea, summary')]
  .filter(it => !it.disabled && it.tabIndex >= 0 && it.checkVisibility({visibilityProperty: true}) && it.getClientRects().length);
window.stopped = new Set();
document.addEventListener('focusin', event => window.stopped.add(event.target));
document.activeElement?.blur();
return window.stops.length
"""
MISSED = """
return [...window.stops.filter(it => it.isConnected && it.checkVisibility({visibilityProperty: true}) && !window.stopped.has(it)).map(it => 'the tab key does not reach ' + it.outerHTML.slice(0, 120)),
  ...[...document.querySelectorAll('[onclick], [role=button], [tabindex]')].filter(it => it.tabIndex > 0 || it.tabIndex < 0 && !it.matches('[tabindex="-1"]'))
    .map(it => 'is pressed and is no control: ' + it.outerHTML.slice(0, 120))]
"""


def unreachable(page, where):
    """Controls that the tab key does not lead to, a line each. A row that is replaced meanwhile takes the focus along, so it goes round more than once."""
    count = page.execute_script(STOPS)
    for _ in range(3):
        ActionChains(page).send_keys(Keys.TAB * (count + 5)).perform()
        missed = page.execute_script(MISSED)
        if not missed:
            break
    return [f"{where}: {line}" for line in missed]


# Routes that answer a browser's GET with something else than a page of ours, or with one of the others.
NO_PAGES = {
    "/assets/:file", "/badge/**", "/events.csv", "/favicon.ico", "/fragments/log/**", "/icons/:file", "/incidents.csv", "/login/callback",
    "/login/huggingface", "/maintenance.csv", "/metrics", "/robots.txt", "/settings/activity.csv", "/status",
}


def routes():
    """Every page, as the sources of the program route them."""
    found = set()
    for file in (ROOT / "Sources" / "ControlRoom").rglob("*.swift"):
        found |= set(re.findall(r'\bon\(\s*router, "([^"]*)",\s*\.get\b', file.read_text(encoding="utf-8")))
    assert len(found) > 30, f"the routes are not found: {found}"
    return found - NO_PAGES


def route_of(path, among):
    """The route that answers a path: of those that fit, the one with the most fixed parts."""
    def fits(route):
        parts = ["[^/]+" if part.startswith(":") else ".+" if part == "**" else re.escape(part) for part in route.split("/")]
        return re.fullmatch("/".join(parts), path)
    return max((route for route in among if fits(route)), key=lambda route: sum(part[:1] not in ":*" for part in route.split("/")), default=None)


def not_looked_at():
    """Pages that axe has not seen at 360 and 1,440 px in both themes, a line each. Only colours differ between themes, so one of both has all rules."""
    pages, lines = routes(), []
    looks = [(route_of(path, pages), *look) for path, *look in LOOKED]
    for page in sorted(pages):
        for size in (360, 1440):
            seen = [(dark, whole) for route, width, dark, whole in looks if (route, width) == (page, size)]
            if {dark for dark, _ in seen} != {False, True} or not any(whole for _, whole in seen):
                lines.append(f"no journey looks at {page} at {size} px, dark and light")
    return lines


class Journey:
    """What journeys through pages share. `page` is the browser's, `axe` the source of axe, `found` what went wrong so far."""

    def text(self, selector="main"):
        return self.page.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def press(self, selector):
        until(self.page, lambda: self.page.execute_script(
            "const it = document.querySelector(arguments[0]); if (!it || it.disabled) return false; it.click(); return true", selector), 40)

    def look_at(self, name, width, look=""):
        """Axe, sideways scrolling, a picture."""
        said = f", {look}" if look else ""
        self.found += violations(self.page, f"{name}, {width} px{said}", self.axe)
        wide = self.page.execute_script("return document.documentElement.scrollWidth")
        if wide > width:
            self.found.append(f"{name} is {wide} wide at {width} px")
        self.page.save_screenshot(str(OUT / f"{'-'.join([name.replace(' ', '-'), str(width)] + ([look] if look else []))}.png"))
