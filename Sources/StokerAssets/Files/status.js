// Keeps a status page up to date in place, every 30 seconds. Without it the page loads itself anew as often.
"use strict";
setInterval(async () => {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (answer.redirected) { location.reload(); return; }
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [mine, its] = [document.getElementById("main"), next.getElementById("main")];
    if (!mine || !its) return;
    document.title = next.title;
    document.querySelector("link[rel=icon]").href = next.querySelector("link[rel=icon]").getAttribute("href");
    // The bar that says that there was no news comes along, and its time begins again.
    mine.replaceChildren(...[...its.childNodes].map((node) => document.importNode(node, true)));
  } catch { /* the bar of the sheet says it */ }
}, 30000);
