// Keeps the page up to date. Everything here is an addition: without it the page works by links, forms and reloading.
"use strict";
(() => {
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  root.classList.add("js");
  // The path below which a proxy shows us: nothing, or such as /stoker.
  const base = ($(".brand")?.getAttribute("href") ?? "/").replace(/\/$/, "");

  // ---- Times that go on by themselves. The same words as Formatting.swift. ----
  let skew = 0; // server's clock minus ours
  const now = () => Date.now() + skew;
  const serverNow = $("#fleet")?.dataset.now;
  if (serverNow && Math.abs(serverNow - Date.now()) > 5000) skew = serverNow - Date.now();

  function relative(moment) {
    const seconds = Math.floor(Math.abs(moment - now()) / 1000);
    if (seconds < 2) return moment > now() ? "now" : "just now";
    const text = seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
      : seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
    return moment > now() ? `in ${text}` : `${text} ago`;
  }
  function words(time) {
    const moment = +time.dataset.t;
    if (!time.dataset.due || moment > now()) return relative(moment);
    return time.dataset.due === "overdue" && now() - moment >= 2000 ? `overdue ${relative(moment).slice(0, -4)}` : "due";
  }
  function span(milliseconds) {
    const s = Math.max(0, Math.floor(milliseconds / 1000));
    if (s < 1 && milliseconds > 0) return "under 1 s";
    const two = (a, au, b, bu) => `${a} ${au}` + (b > 0 ? ` ${b} ${bu}` : "");
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "min");
    return two(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
  }
  const set = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };
  const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  function tick() {
    for (const time of $$("time[data-t]")) {
      set(time, words(time));
      if (!time.dataset.local) {
        time.dataset.local = "1";
        time.title = absolute.format(+time.dataset.t);
      }
    }
    const uptime = $("#uptime");
    if (uptime) set(uptime, span(now() - uptime.dataset.up));
  }
  function setTime(holder, moment, never, due) {
    if (!holder) return;
    let time = $("time", holder);
    if (!time) { time = document.createElement("time"); holder.replaceChildren(time); }
    if (!moment) { time.removeAttribute("data-t"); set(time, never); return; }
    if (+time.dataset.t === moment) return;
    if (due) time.dataset.due ||= "due";
    time.dataset.t = moment;
    time.dateTime = new Date(moment).toISOString();
    time.title = absolute.format(moment);
    set(time, words(time));
  }
  tick();
  setInterval(tick, 1000);

  // ---- Theme ----
  const theme = $("#theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("stoker-theme", root.dataset.theme); } catch { /* holds for this page only */ }
  });

  // ---- Short messages ----
  const toast = $("#toast");
  let toastTimer;
  function say(text) {
    toast.hidden = false;
    toast.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { toast.hidden = true; }, 5000);
  }

  // ---- Rows ----
  const rowOf = (name) => $$(".row[data-name]").find((row) => row.dataset.name === name);
  const verdictClass = (node, verdict) => {
    for (const name of [...node.classList]) if (name.startsWith("v-")) node.classList.remove(name);
    node.classList.add(`v-${verdict}`);
  };
  /** Puts one row of an event (Row.swift) into the page; true when its verdict changed. */
  function patchRow(data) {
    const row = rowOf(data.n);
    if (!row) return false;
    const changed = !row.classList.contains(`v-${data.v}`);
    if (changed) {
      verdictClass(row, data.v);
      $(".state use", row).setAttribute("href", `#s-${data.v}`);
      row.classList.remove("fresh");
      void row.offsetWidth;
      row.classList.add("fresh");
      if (row.querySelector(".acts")) later(300); // its buttons may be others now
    }
    row.classList.toggle("pinging", data.p);
    set($(".word", row), data.w);
    set($(".latency-value", row), data.l);
    const reason = $(".reason", row);
    if (reason) { set(reason, data.r); reason.title = data.r; }
    setTime($(".last-value", row), data.t, $(".last-value", row)?.textContent || "not yet");
    setTime($(".due-value", row), data.d, data.v === "paused" || data.v === "moderated" ? "paused" : "–", true);
    set($(".every", row), data.e);
    return changed;
  }

  // ---- Reading the page anew, in place ----
  let refreshing = null;
  let laterTimer = null;
  let refreshedAt = 0;
  /** Fetches the page within `wait` milliseconds, at most once in that time. */
  function later(wait) {
    if (laterTimer) return;
    laterTimer = setTimeout(() => { laterTimer = null; refresh(); }, Math.max(wait, refreshedAt + 1000 - Date.now()));
  }
  /** Where the visitor wants to be while that page is under way: a refresh in between must not take him back. */
  let wanted = null;
  async function refresh(address = wanted ?? location.href, push = wanted !== null) {
    refreshing?.abort();
    if (push) wanted = address;
    const mine = refreshing = new AbortController();
    try {
      // A log is read when somebody asks for it, not whenever the page keeps itself up to date.
      const place = new URL(address, location.href);
      place.searchParams.delete("log");
      const answer = await fetch(place, { headers: { Accept: "text/html" }, signal: mine.signal, credentials: "same-origin" });
      if (!answer.ok) {
        if (answer.status === 404 && $("#one")) location.reload();
        return false;
      }
      if (answer.redirected && new URL(answer.url).pathname === `${base}/login`) { location.reload(); return false; }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine.signal.aborted) return false;
      if (push) history.replaceState(null, "", address);
      take(next);
      refreshedAt = Date.now();
      return true;
    } catch (error) {
      return error.name === "AbortError";
    } finally {
      if (refreshing === mine) { refreshing = null; wanted = null; }
    }
  }
  /** Takes over what differs and leaves alone what does not, so that neither focus nor scroll position is lost. */
  function take(next) {
    document.title = next.title;
    const icon = $("#icon", next);
    if (icon) setIcon(icon.getAttribute("href"));
    const [mine, its] = [$("main"), $("main", next)];
    if (mine && its) morph(mine, its);
    tick();
    hover();
  }
  const keyOf = (node) => node.nodeType === 1 ? (node.dataset.name ? `n:${node.dataset.name}` : node.id ? `#${node.id}` : null) : null;
  function morph(old, fresh) {
    if (old.nodeType === 3) { if (old.data !== fresh.data) old.data = fresh.data; return; }
    if ("keep" in old.dataset && (old.firstElementChild || old.hasAttribute("aria-busy"))) return;
    if (old === document.activeElement && old.matches("input, select")) return;
    for (const { name, value } of [...fresh.attributes]) {
      if (name === "open") continue;
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "data-ready") old.removeAttribute(name);
    }
    const keyed = new Map();
    for (const child of old.childNodes) { const key = keyOf(child); if (key) keyed.set(key, child); }
    // What leaves goes first: a dialog that is gone must not stand between a part of the page and itself.
    const stays = new Set([...fresh.childNodes].map(keyOf));
    for (const [key, child] of keyed) if (!stays.has(key)) { child.remove(); keyed.delete(key); }
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const key = keyOf(child);
      let match = key ? keyed.get(key) : null;
      if (!key) {
        // Its own place is behind those that have a key and come later, and behind the line breaks of what went.
        let next = at;
        while (next && (keyOf(next) || (child.nodeType === 1 && next.nodeType === 3))) next = next.nextSibling;
        if (next && next.nodeType === child.nodeType && next.nodeName === child.nodeName) match = next;
        while (match && at !== match && at.nodeType === 3) { const gone = at; at = at.nextSibling; gone.remove(); }
      }
      if (match && match.nodeName === child.nodeName) {
        if (match !== at) old.insertBefore(match, at);
        morph(match, child);
        at = match.nextSibling;
      } else {
        old.insertBefore(document.importNode(child, true), at);
      }
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  }

  // ---- The whole ----
  function setIcon(address) {
    const icon = $("#icon");
    if (icon.getAttribute("href") === address) return;
    // Some browsers look only at a new element.
    const fresh = icon.cloneNode();
    fresh.setAttribute("href", address);
    icon.replaceWith(fresh);
  }
  function patchWhole(data) {
    if (Math.abs(data.now - Date.now()) > 5000) skew = data.now - Date.now();
    const one = $("#one");
    if (!one) document.title = data.troubles > 0 ? `(${data.troubles}) Stoker` : "Stoker";
    if (!one) setIcon(`${base}/icons/${data.mood}.svg`);
    const whole = $("#whole");
    if (!whole) return;
    // A group or a search has a sentence of its own, which comes with the page.
    if (!whole.dataset.part) {
      set($("#sentence"), data.sentence);
      $("#sign").setAttribute("href", `#s-${data.sign}`);
      whole.className = `head whole m-${data.mood} v-${data.sign}`;
    }
    set($("#pings"), data.pings);
    set($("#pings-word"), data.pings === "1" ? "ping" : "pings");
    if (data.hub && $("#hub")) set($("#hub"), data.hub);
  }

  // ---- Events ----
  const live = $("#live");
  const show = (state, text) => { if (live) { live.dataset.state = state; set($("b", live), text); } };
  let source = null;
  let fallback = null;

  function onChange(event) {
    const data = JSON.parse(event.data);
    patchWhole(data);
    const fleet = $("#fleet");
    const one = $("#one");
    if (fleet) {
      let moved = false;
      for (const row of data.rows) moved = patchRow(row) || moved;
      if (moved) later(1000);
      const settled = fleet.dataset.settled === "1";
      if (data.banners !== fleet.dataset.banners) later(100);
      else if (data.many) later(fleet.dataset.total === "0" ? 200 : 5000);
      else if (!settled && data.rows.length > 0) later(moved ? 1000 : 5000);
    }
    if (one) {
      const mine = data.rows.find((row) => row.n === one.dataset.name);
      if (mine || data.many) later(mine && mine.v !== one.dataset.verdict ? 100 : 2000);
    }
  }
  // ---- A page that nobody answers must look dead ----
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
  let heardAt = Date.now();
  let isDead = false;
  /** The server said something. */
  function alive() {
    heardAt = Date.now();
    // Without this the sheet shows its own bar, also when this script has died.
    for (const bar of $$(".deadman")) for (const animation of bar.getAnimations()) animation.currentTime = 0;
    const at = live && $(".at", live);
    if (at) set(at, clock.format(now()));
    if (isDead) revive();
  }
  function die() {
    const bar = $("#dead");
    if (!bar) return;
    isDead = true;
    root.dataset.live = "stale";
    show("stale", "no news");
    document.title = `◌ ${document.title.replace(/^◌ /, "")}`;
    setIcon(`${base}/icons/offline.svg`);
    set($("strong", bar), `No news since ${clock.format(heardAt + skew)} UTC.`);
    bar.hidden = false;
    age();
  }
  function age() {
    const bar = $("#dead");
    if (bar) set($("span", bar), `Stoker does not answer; what you see is ${span(Date.now() - heardAt)} old. Trying again.`);
  }
  function revive() {
    isDead = false;
    delete root.dataset.live;
    const bar = $("#dead");
    if (bar) bar.hidden = true;
    document.title = document.title.replace(/^◌ /, "");
    show(source?.readyState === 1 ? "live" : "polling", source?.readyState === 1 ? "live" : "every 10 s");
    later(0);
  }
  if (live) {
    setInterval(() => {
      if (isDead) age();
      else if (Date.now() - heardAt > 10000) die();
    }, 1000);
    setInterval(() => { if (!document.hidden && !isDead) later(0); }, 60000); // bars and uptime go on
    setInterval(() => { if (!document.hidden && !isDead && $("[data-poll]")) later(0); }, 3000); // something is at work
    document.addEventListener("click", (event) => {
      if (!event.target.closest?.("#dead button")) return;
      source?.close();
      connect();
      refresh().then((well) => { if (well) alive(); });
    });
  }
  function connect() {
    if (!live || !window.EventSource) { poll(); return; }
    source = new EventSource(`${base}/events`);
    source.addEventListener("hello", () => {
      const again = live.dataset.state !== "still";
      show("live", "live");
      stopPolling();
      alive();
      if (again) later(0); // what we missed
    });
    source.addEventListener("alive", alive);
    source.addEventListener("change", (event) => { alive(); onChange(event); });
    source.addEventListener("error", () => {
      if (!isDead) show("reconnecting", "reconnecting");
      poll();
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    });
  }
  function poll() {
    if (fallback || !live) return;
    fallback = setInterval(async () => {
      if (document.hidden) return;
      const well = await refresh();
      if (well) alive();
      if (!isDead && live.dataset.state !== "live") show(well ? "polling" : "reconnecting", well ? "every 10 s" : "reconnecting");
    }, 10000);
  }
  function stopPolling() { clearInterval(fallback); fallback = null; }
  connect();
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) { connect(); later(0); } });

  // ---- Buttons ----
  /** A form whose answer is another page, which is not needed: the one we have takes over what changed. */
  async function submitInPlace(form, button) {
    button.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual", credentials: "same-origin",
        headers: { Accept: "application/json" },
      });
      if (answer.type === "opaqueredirect" || answer.ok) {
        say(form.dataset.inplace);
        later(0);
      } else if (answer.status === 401) {
        location.href = `${base}/login?next=${encodeURIComponent(location.pathname + location.search)}`;
      } else {
        say((await answer.json()).error?.message ?? "That did not work.");
      }
    } catch {
      say("The server could not be reached.");
    } finally {
      button.disabled = false;
    }
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const action = form.getAttribute("action") ?? "";
    if (form.dataset.inplace) {
      event.preventDefault();
      return submitInPlace(form, event.submitter ?? $("button", form));
    }
    if (!action.startsWith(`${base}/actions/`)) return;
    event.preventDefault();
    const button = event.submitter ?? $("button", form);
    button.disabled = true;
    form.closest("[popover]")?.hidePopover();
    const name = form.elements.name.value;
    const row = rowOf(name);
    if (action.endsWith("/ping")) row?.classList.add("pinging");
    try {
      const answer = await fetch(action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
        credentials: "same-origin",
      });
      const data = await answer.json();
      if (answer.ok) {
        if (data.row) patchRow(data.row);
        if (answer.status === 202) say(`Pinging ${name}; it takes a while.`);
        else if (data.message) say(data.message);
        else if (action.endsWith("/ping")) say(`${name}: ${data.row.w.toLowerCase()}${data.row.l === "–" ? "" : `, ${data.row.l}`}`);
        later(0);
      } else if (answer.status === 401) {
        location.href = `${base}/login?next=${encodeURIComponent(location.pathname + location.search)}`;
      } else {
        say(data.error?.message ?? "That did not work.");
        row?.classList.remove("pinging");
      }
    } catch {
      say("The server could not be reached.");
      row?.classList.remove("pinging");
    } finally {
      button.disabled = false;
      if (document.activeElement === document.body && button.isConnected) button.focus();
    }
  });

  // ---- Logs, in place ----
  let logsAsked = 0;
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[data-log]");
    const body = $("#log-body");
    if (!link || !body || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    // It may take seconds. The log that was asked for last is shown, whatever comes last.
    const mine = ++logsAsked;
    body.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(base + link.dataset.log, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      const part = await answer.text();
      if (mine !== logsAsked) return;
      if (!answer.ok) { location.href = link.href; return; }
      const text = new DOMParser().parseFromString(part, "text/html");
      body.replaceChildren(...[...text.body.childNodes].map((node) => document.importNode(node, true)));
    } catch {
      if (mine === logsAsked) say("The server could not be reached.");
    } finally {
      if (mine === logsAsked) body.removeAttribute("aria-busy");
    }
  });

  // ---- Search, order, filter: in place ----
  const tools = $("#tools");
  if (tools) {
    let timer;
    const go = () => {
      const query = new URLSearchParams(new FormData(tools));
      for (const [name, value] of [...query]) if (!value || (name === "sort" && value === "trouble")) query.delete(name);
      const text = query.toString();
      refresh(text ? `${base}/?${text}` : `${base}/`, true);
    };
    tools.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); go(); });
    tools.addEventListener("input", (event) => {
      clearTimeout(timer);
      timer = setTimeout(go, event.target.type === "search" ? 180 : 0);
    });
    tools.addEventListener("click", (event) => {
      const chip = event.target.closest("a.chip");
      if (!chip || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      refresh(chip.getAttribute("href"), true);
    });
  }

  // ---- Keys ----
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (typing) {
      if (event.key === "Escape" && typing.id === "q") {
        if (typing.value) { typing.value = ""; typing.dispatchEvent(new Event("input", { bubbles: true })); } else typing.blur();
      }
      return;
    }
    if (event.key === "/") {
      const search = $("#q");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "j" || event.key === "k") {
      const names = $$("a.name");
      if (!names.length) return;
      const row = document.activeElement?.closest?.(".row");
      const at = names.findIndex((name) => name.closest(".row") === row);
      const next = at < 0 ? (event.key === "j" ? 0 : names.length - 1) : at + (event.key === "j" ? 1 : -1);
      const target = names[Math.min(Math.max(next, 0), names.length - 1)];
      event.preventDefault();
      target.focus({ focusVisible: true });
      target.scrollIntoView({ block: "nearest" });
    }
  });

  // ---- Chart: what is under the pointer ----
  function hover() {
    const plot = $(".plot");
    if (!plot || plot.dataset.ready) return;
    plot.dataset.ready = "1";
    const canvas = $(".canvas", plot);
    canvas.addEventListener("pointermove", (event) => {
      const texts = plot.dataset.hover.split("|");
      const box = canvas.getBoundingClientRect();
      const index = Math.min(texts.length - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * texts.length)));
      const readout = $(".readout", plot);
      readout.dataset.plain ??= readout.textContent;
      set(readout, texts[index]);
      let cursor = $(".cursor", canvas);
      if (!cursor) { cursor = document.createElement("span"); cursor.className = "cursor"; canvas.append(cursor); }
      cursor.style.left = `${(index + .5) / texts.length * 100}%`;
    });
    canvas.addEventListener("pointerleave", () => {
      const readout = $(".readout", plot);
      if (readout.dataset.plain) set(readout, readout.dataset.plain);
      delete readout.dataset.plain;
      $(".cursor", canvas)?.remove();
    });
  }
  hover();

  // ---- Bars: what is under the pointer, or under the arrow keys of the row's own link ----
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const kinds = { u: ["up", "Up"], s: ["slow", "Slow"], w: ["waking", "Waking"], d: ["down", "Down"], q: ["silent", "Silent"], m: ["maintenance", "Maintenance"], n: ["unknown", "Nothing known"] };
  const latency = (us) => us < 1000 ? `0.${Math.floor(us / 100)} ms` : us < 999500 ? `${Math.round(us / 1000)} ms` : `${(us / 1e6).toFixed(2)} s`;
  const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  function showBar(strip, index) {
    const bars = strip.dataset.bars.split("|");
    const at = Math.min(bars.length - 1, Math.max(0, index));
    const [, kind, mean, cause] = /^(.)(\d*) ?(.*)$/s.exec(bars[at]) ?? [];
    const [sign, word] = kinds[kind] ?? kinds.n;
    const from = +strip.dataset.from + at * +strip.dataset.each;
    const to = from + +strip.dataset.each;
    const line = (text) => { const part = document.createElement("span"); part.textContent = text; return part; };
    const head = document.createElement("b");
    head.innerHTML = `<svg class="sign" aria-hidden="true"><use href="#s-${sign}"/></svg>`;
    head.append(word);
    tip.replaceChildren(line(`${moment.format(from)} – ${to - from < 86400000 ? hour.format(to) : moment.format(to)} UTC`), head);
    if (mean) tip.append(line(`${latency(+mean)} on average`));
    if (cause) tip.append(line(cause));
    tip.hidden = false;
    const box = strip.getBoundingClientRect();
    const x = box.left + (at + .5) / bars.length * box.width;
    tip.style.left = `${Math.max(8, Math.min(innerWidth - tip.offsetWidth - 8, x - tip.offsetWidth / 2)) + scrollX}px`;
    tip.style.top = `${box.top + scrollY - tip.offsetHeight - 8}px`;
    strip.dataset.at = at;
  }
  const hideBar = () => { tip.hidden = true; };
  document.addEventListener("pointermove", (event) => {
    const strip = event.target.closest?.(".strip[data-bars]");
    if (!strip) { if (!tip.hidden && !document.activeElement?.closest?.(".row")) hideBar(); return; }
    const box = strip.getBoundingClientRect();
    showBar(strip, Math.floor((event.clientX - box.left) / box.width * strip.dataset.bars.split("|").length));
  });
  document.addEventListener("focusout", hideBar);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideBar();
    const holder = document.activeElement?.matches?.(".strip") ? document.activeElement : document.activeElement?.matches?.(".name") ? $(".strip[data-bars]", document.activeElement.closest(".row")) : null;
    if (!holder || event.metaKey || event.ctrlKey || event.altKey) return;
    const count = holder.dataset.bars.split("|").length;
    const at = holder.dataset.at === undefined ? count : +holder.dataset.at;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    showBar(holder, to);
  });
})();
