"""Screenshots of the sample fleets, for the eye. Usage: shots.py FILE, where FILE is what ShowTests wrote."""
import sys
import pathlib
from journeys import browser, OUT

ports = dict(line.split() for line in pathlib.Path(sys.argv[1]).read_text().splitlines())
only = sys.argv[2:]
shots = [
    ("light", "dozen", "/", 1280, 900, False), ("dark", "dozen", "/", 1280, 900, True), ("phone", "dozen", "/", 360, 1400, False),
    ("phone-dark", "dozen", "/targets/website", 360, 1800, True), ("many", "many", "/", 1280, 900, False),
    ("empty", "empty", "/", 1280, 800, False), ("banners", "banners", "/", 1280, 900, False),
    ("target", "dozen", "/targets/llm-backend/ready", 1280, 1900, False), ("target-dark", "dozen", "/targets/discord-bot", 1280, 1700, True),
    ("heartbeat", "dozen", "/targets/nightly-export", 1280, 1100, False), ("hostile", "hostile", "/", 1280, 900, False),
    ("tablet", "dozen", "/", 768, 1000, False), ("error", "dozen", "/nowhere", 1280, 600, False),
]
for name, fleet, path, width, height, dark in shots:
    if only and name not in only:
        continue
    with browser(width, height, dark) as page:
        page.get(f"http://127.0.0.1:{ports[fleet]}{path}")
        page.implicitly_wait(1)
        wide = page.execute_script("return document.documentElement.scrollWidth")
        page.save_screenshot(str(OUT / f"{name}.png"))
        print(name, "scroll width", wide, "of", width, [entry["message"] for entry in page.get_log("browser")][:3])
