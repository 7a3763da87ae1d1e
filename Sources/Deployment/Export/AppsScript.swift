import StokerCore

/// A Google Apps Script with a time trigger.
///
/// Triggers run every 1, 5, 10, 15 or 30 minutes, `UrlFetchApp` gives up after about a minute, and a consumer account may fetch
/// 20,000 addresses a day. Source: developers.google.com/apps-script, "Quotas" and "ClockTriggerBuilder".
enum AppsScript {
    static func make(_ plan: WakePlan) -> Export {
        let trigger = [30, 15, 10, 5, 1].first { plan.minutes % $0 == 0 } ?? 1
        let notes = plan.notes.map { "//  * \($0)\n" }.joined()
        let critical = plan.critical.map {
            "  { name: \(Quote.script($0.name)), url: \(Quote.script($0.address)), minutes: \($0.minutes) },\n"
        }.joined()
        return Export(
            content: """
                // Keeps the Stoker master awake and, while it is silent, the Spaces that must not wait for it.
                //
                // To install:
                //  1. Open https://script.google.com and create a new project.
                //  2. Paste this file in place of the empty function and save.
                //  3. Choose the function `setup`, press Run and allow the script to fetch addresses.
                //  4. `status` in the same menu logs what was seen last. `uninstall` removes the trigger.
                //
                \(notes.isEmpty ? "" : "// Note:\n" + notes + "//\n")// The script holds no secret: everything it asks for is public.

                const MASTER = \(Quote.script(plan.health));
                const WAKE_MINUTES = \(plan.minutes);
                // The trigger; Apps Script knows 1, 5, 10, 15 and 30 minutes.
                const TRIGGER_MINUTES = \(trigger);
                // So many silent answers in a row before the Spaces are woken directly.
                const SILENT_AFTER = 2;
                const CRITICAL = [
                \(critical)];

                function setup() {
                  if (MASTER.indexOf("YOUR-MASTER") >= 0) {
                    throw new Error("Put your master's address into MASTER first.");
                  }
                  uninstall();
                  ScriptApp.newTrigger("wake").timeBased().everyMinutes(TRIGGER_MINUTES).create();
                  wake();
                }

                function uninstall() {
                  ScriptApp.getProjectTriggers().forEach(function (trigger) {
                    if (trigger.getHandlerFunction() === "wake") {
                      ScriptApp.deleteTrigger(trigger);
                    }
                  });
                }

                function wake() {
                  const store = PropertiesService.getScriptProperties();
                  const now = Date.now();
                  if (!isDue(store, "master.last", WAKE_MINUTES, now)) {
                    return;
                  }
                  store.setProperty("master.last", String(now));
                  if (isAlive()) {
                    store.setProperty("master.silent", "0");
                    return;
                  }
                  const silent = Number(store.getProperty("master.silent") || "0") + 1;
                  store.setProperty("master.silent", String(silent));
                  if (silent < SILENT_AFTER) {
                    return;
                  }
                  console.warn("The master was silent " + silent + " times in a row; waking the Spaces directly.");
                  const due = CRITICAL.filter(function (space) {
                    return isDue(store, "space." + space.name, space.minutes, now);
                  });
                  if (due.length === 0) {
                    return;
                  }
                  due.forEach(function (space) {
                    store.setProperty("space." + space.name, String(now));
                  });
                  try {
                    UrlFetchApp.fetchAll(due.map(function (space) {
                      return { url: space.url, muteHttpExceptions: true, followRedirects: true };
                    }));
                  } catch (error) {
                    // A Space that is starting holds the request longer than Apps Script waits; it was woken all the same.
                    console.info("Not every Space answered in time: " + error);
                  }
                }

                // Whether so many minutes have gone by; half a minute early counts, because triggers are never on the dot.
                function isDue(store, key, minutes, now) {
                  const last = Number(store.getProperty(key) || "0");
                  return now - last >= minutes * 60000 - 30000;
                }

                // Only the master's own answer counts: a page of the platform is also an answer.
                function isAlive() {
                  try {
                    const response = UrlFetchApp.fetch(MASTER, { muteHttpExceptions: true, followRedirects: true });
                    return response.getResponseCode() === 200 && JSON.parse(response.getContentText()).status === "alive";
                  } catch (error) {
                    return false;
                  }
                }

                function status() {
                  const store = PropertiesService.getScriptProperties();
                  const last = Number(store.getProperty("master.last") || "0");
                  console.log("Last wake: " + (last ? new Date(last).toISOString() : "never")
                    + ", silent in a row: " + (store.getProperty("master.silent") || "0"));
                }

                """,
            instructions: [
                "Paste it into a new project at https://script.google.com, choose the function `setup` and press Run."
            ] + plan.notes)
    }
}
