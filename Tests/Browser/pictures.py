"""The pictures of the README, in both themes, over `stoker demo`: docs/images/NAME.png and NAME-dark.png. Started by `run.sh --pictures`.

Takes three minutes: the demonstration's troubles have to happen, and bars to fill.
"""
import json
import os
import time
import urllib.request

from chromium import ROOT, browser, resize, until
from journeys import serving

FOLDER = ROOT / "docs" / "images"
WIDTH = 1200
# The Space that runs and does not answer: it is restarted, and it fails again.
SICK = "chat-ui"
# As long as the bars of an hour need to say something.
TENDED = 180


def read(base, path):
    return json.loads(urllib.request.urlopen(f"{base}/api/v1{path}").read())


def incident(base):
    """Of the Space that was restarted; nothing until the restart is in its story."""
    healed = any(event["kind"] == "heal.result" for event in read(base, f"/events?check={SICK}")["items"])
    items = read(base, f"/incidents?check={SICK}")["items"]
    return healed and items and max(items, key=lambda item: item["seconds"])["id"]


def wait(base):
    end = time.monotonic() + 600
    while time.monotonic() < end:
        found = incident(base)
        if found and read(base, "/overview")["uptime_seconds"] >= TENDED:
            return found
        time.sleep(2)
    raise SystemExit(f"{SICK} was not restarted within ten minutes")


def main():
    binary = os.environ.get("STOKER") or str(ROOT / ".build" / "debug" / "stoker")
    if not os.path.exists(binary):
        raise SystemExit(f"there is no program at {binary} (make build)")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving(binary, ["demo"], "pictures") as base:
        number = wait(base)
        pictures = [
            ("dashboard", "/?span=1h", 880), ("target", f"/targets/{SICK}?range=1h", 960), ("incident", f"/incidents/{number}", 900)]
        for dark in (False, True):
            with browser(WIDTH, 900, dark) as page:
                for name, path, height in pictures:
                    resize(page, WIDTH, height)
                    page.get(base + path)
                    # An incident that is over is a page that does not move.
                    until(page, lambda: page.execute_script(
                        "const live = document.getElementById('live'); return !live || live.dataset.state === 'live'"))
                    file = FOLDER / f"{name}{'-dark' if dark else ''}.png"
                    page.save_screenshot(str(file))
                    print(file.relative_to(ROOT), flush=True)


if __name__ == "__main__":
    main()
