"""Journeys of who may what: a person signs in with an account of the simulated Hub, makes a token and revokes it by keyboard, finds it in the
activity log, ends a session; and every page of settings at three widths, light and dark. Used by journeys.py.
"""
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from chromium import OUT, Journey, axe, browser, complaints, resize, theme, until
from private_fleet import TOKEN, ask

ENVIRONMENT = {"OAUTH_CLIENT_ID": "stoker-app", "OAUTH_CLIENT_SECRET": "stoker-app-secret", "STOKER_TOKEN": TOKEN}


def fleet_file(hub, role="admin"):
    return f"""version: 1
hub: {{ endpoint: "{hub}" }}
keep: {{ every: 6h }}
targets: {{ nobody-home: {{ url: 'http://127.0.0.1:9/', every: 1h, retry: [] }} }}
serve: {{ self_ping: off, sign_in: {{ huggingface: {{ maren: {role}, kestrel-labs: read }} }} }}
"""


class Access(Journey):
    def __init__(self, base, hub, file):
        self.base, self.hub, self.file = base, hub, file

    def look(self, name):
        """Axe, sideways scrolling, a picture: three widths, light and dark."""
        for width in (360, 800, 1440):
            for dark in (False, True):
                resize(self.page, width, 900)
                theme(self.page, dark)
                self.look_at(name, width, "dark" if dark else "light")
        resize(self.page, 1280, 900)
        theme(self.page, False)

    def sign_in(self, account="maren", answer="yes"):
        self.page.get(self.base + "/login?next=%2Fsettings%2Faccess")
        self.page.find_element(By.LINK_TEXT, "Sign in with Hugging Face").click()
        until(self.page, lambda: "/oauth/authorize" in self.page.current_url)
        self.page.execute_script("document.getElementById('account').value = arguments[0]", account)
        self.page.find_element(By.CSS_SELECTOR, f"button[value='{answer}']").click()
        until(self.page, lambda: self.page.current_url.startswith(self.base))

    def signs_in_and_out(self):
        self.page.get(self.base + "/login")
        self.look("login")
        self.sign_in(answer="no")
        assert "was not allowed on the Hub" in self.text(), self.text()
        self.look("login refused")
        self.sign_in()
        until(self.page, lambda: self.page.current_url == self.base + "/settings/access")
        assert "maren" in self.text() and "you, here" in self.text(), self.text()
        cookie = next(it for it in self.page.get_cookies() if it["name"] == "stoker_session")
        assert cookie["httpOnly"] and cookie["sameSite"] == "Lax", cookie
        self.page.find_element(By.CSS_SELECTOR, 'form[action="/logout"] button').click()
        until(self.page, lambda: "Log in" in self.text("header"))
        self.page.get(self.base + "/settings/access")
        until(self.page, lambda: "/login" in self.page.current_url)

    def keys(self, *keys):
        self.page.switch_to.active_element.send_keys(*keys)

    def a_token_lives_and_dies(self):
        self.sign_in()
        until(self.page, lambda: "Tokens" in self.text())
        opener = self.page.find_element(By.CSS_SELECTOR, '[popovertarget="c-tok"]')
        self.page.execute_script("arguments[0].focus()", opener)
        self.keys(Keys.ENTER)
        until(self.page, lambda: self.page.find_element(By.ID, "c-tok").is_displayed())
        self.look("new token")
        self.page.find_element(By.ID, "t-n").send_keys("grafana", Keys.ENTER)
        until(self.page, lambda: self.page.find_elements(By.ID, "new-token"))
        secret = self.text("#new-token")
        assert secret.startswith("stk_"), secret
        self.look("token made")
        bearer = {"Authorization": f"Bearer {secret}"}
        assert ask(f"{self.base}/api/v1/notify/channels", headers=bearer)["items"] == []
        try:
            ask(f"{self.base}/api/v1/checks/nobody-home/pause", {}, headers=bearer)
            raise AssertionError("a token that may read has paused something")
        except Exception as error:
            assert "403" in str(error), error
        self.page.get(self.base + "/settings/access")
        assert secret not in self.page.page_source and "grafana" in self.text()
        self.look("access")
        self.page.find_element(By.CSS_SELECTOR, '[popovertarget="c-r-0"]').click()
        until(self.page, lambda: self.page.find_element(By.ID, "c-r-0").is_displayed())
        # Focus lands on what changes nothing.
        assert "Keep it" in self.page.execute_script("return document.activeElement.textContent")
        self.look("revoke asked")
        self.keys(Keys.TAB)
        self.keys(Keys.ENTER)
        until(self.page, lambda: "No token was made yet" in self.text())
        self.page.get(self.base + "/settings/activity")
        rows = self.text()
        for part in ("revoke a token", "make a token", "grafana", "refused", "maren"):
            assert part in rows, f"{part} is not in {rows}"
        self.look("activity")
        self.page.find_element(By.LINK_TEXT, "Refused").click()
        until(self.page, lambda: "result=refused" in self.page.current_url)
        assert "make a token" not in self.text() and "pause" in self.text(), self.text()

    def settings_say_where_from(self):
        self.sign_in()
        self.page.get(self.base + "/settings")
        text = self.text()
        for part in ("serve.port", "--port", "hub.endpoint", "$STOKER_TOKEN", f"{self.file.name}:"):
            assert part in text, f"{part} is not in {text}"
        assert TOKEN not in self.page.page_source
        self.look("settings")
        self.page.find_element(By.ID, "s-q").send_keys("sign_in", Keys.ENTER)
        until(self.page, lambda: "q=sign_in" in self.page.current_url)
        assert "serve.sign_in" in self.text() and "serve.port" not in self.text("tbody"), self.text()
        # Who is taken off the list is out at once, whoever began the session.
        self.file.write_text(fleet_file(self.hub, "read"))
        until(self.page, lambda: (self.page.get(self.base + "/settings"), "serve.sign_in" not in self.text())[1], 30)
        assert "operate" in self.text(), self.text()


def walk(base, hub, file):
    """- Returns: the names of those that failed."""
    access, failed = Access(base, hub, file), []
    for name in ["signs_in_and_out", "a_token_lives_and_dies", "settings_say_where_from"]:
        began = time.monotonic()
        with browser(1280, 900) as page:
            access.page, access.found, access.axe = page, [], axe()
            try:
                getattr(access, name)()
                said = [line for line in complaints(page) if "401" not in line and "403" not in line]
                found = access.found + said
                assert not found, "\n        ".join(found)
                print(f"ok      access: {name.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:
                page.save_screenshot(str(OUT / f"failed-access-{name}.png"))
                print(f"FAILED  access: {name.replace('_', ' ')}: {type(error).__name__} {error}", flush=True)
                failed.append(name)
    return failed
