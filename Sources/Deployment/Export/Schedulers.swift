import StokerCore

/// A scheduled GitHub Actions workflow.
///
/// GitHub starts schedules at most every 5 minutes, often late and most of all at the full hour, and switches them off in
/// repositories without a commit for 60 days. Source: docs.github.com, "Events that trigger workflows: schedule".
enum GitHubActions {
    static func make(_ plan: WakePlan) -> Export {
        var plan = plan
        var notes = plan.notes
        if plan.minutes < 5 {
            notes.append(
                "GitHub starts schedules every 5 minutes at most, so the \(plan.minutes) min asked for became 5.")
            plan.minutes = 5
        }
        let addresses = plan.critical.map { "            \(Quote.shell($0.address)) \\\n" }.joined()
        let fallback =
            plan.critical.isEmpty
            ? ""
            : """

                  - name: The master is silent, wake the Spaces that must not wait
                    if: steps.master.outcome == 'failure'
                    run: |
                      for url in \\
            \(addresses)            ; do
                        curl --silent --show-error --location --max-time 120 --output /dev/null \\
                          --write-out '%{http_code} %{url_effective}\\n' "$url" &
                      done
                      wait

            """
        let comments = notes.map { "#  * \($0)\n" }.joined()
        return Export(
            content: """
                # Keeps the Stoker master awake. Save as .github/workflows/keepalive.yml on the default branch.
                #
                #  * GitHub runs schedules at most every 5 minutes and often later; treat this as a second waker, not the only one.
                #  * In a repository without a commit for 60 days GitHub switches schedules off. It writes an e-mail before; one
                #    press on "Enable workflow" in the Actions tab, or any commit, begins the next 60 days.
                #  * Free in public repositories. In a private one every run counts as a whole minute: \(Quantity.number(86_400 / Double(plan.minutes * 60))) a day.
                #  * The minutes lie beside the full hour on purpose: that is when everybody's schedules start and runs are dropped.
                #  * No secrets: everything that is asked for is public.
                \(comments)name: Keep alive

                on:
                  schedule:
                    - cron: "\(plan.minuteField) * * * *"
                  workflow_dispatch:

                # The job needs no access to the repository.
                permissions: {}

                concurrency:
                  group: keepalive
                  cancel-in-progress: true

                jobs:
                  wake:
                    runs-on: ubuntu-latest
                    timeout-minutes: 10
                    steps:
                      - name: Ask the master
                        id: master
                        continue-on-error: true
                        env:
                          MASTER: \(Quote.script(plan.health))
                        run: |
                          curl --fail --silent --show-error --location --max-time 120 \\
                            --retry 3 --retry-delay 10 --retry-all-errors "$MASTER" | grep -q '"alive"'
                \(fallback.isEmpty ? "" : fallback)
                """.trimmedEnd + "\n",
            instructions: ["Save as .github/workflows/keepalive.yml on the default branch."] + notes)
    }
}

/// Lines for cron, on any machine that is always on.
enum Crontab {
    /// The longest command Debian's cron runs is 998 characters; source: cron(8) `MAX_COMMAND`.
    private static let lineLimit = 900

    static func make(_ plan: WakePlan) -> Export {
        let curl = "curl -fsSL --max-time 120 -o /dev/null"
        let ask =
            "curl -fsSL --max-time 120 --retry 3 --retry-delay 5 \(quoted(plan.health)) 2>/dev/null | grep -q '\"alive\"'"
        var lines: [String] = []
        var part: [String] = []
        func line(_ addresses: [String]) -> String {
            let wake =
                addresses.isEmpty ? "" : " || for u in \(addresses.joined(separator: " ")); do \(curl) \"$u\" & done"
            return "\(plan.minuteField) * * * * \(ask)\(wake)"
        }
        for target in plan.critical {
            let address = quoted(target.address)
            if !part.isEmpty, line(part + [address]).utf8.count > lineLimit {
                lines.append(line(part))
                part = []
            }
            part.append(address)
        }
        lines.append(line(part))
        let notes = plan.notes.map { "#  * \($0)\n" }.joined()
        return Export(
            content: """
                # Keeps the Stoker master awake and, while it is silent, the Spaces that must not wait for it.
                #
                # To install: save as keepalive.crontab, look at it, and add it to what you have:
                #   (crontab -l; cat keepalive.crontab) | crontab -
                # The machine must be on all the time and have curl. A percent sign is written \\% because cron takes it for a line break.
                \(notes)SHELL=/bin/sh
                # cron would mail every line of output.
                MAILTO=""

                \(lines.joined(separator: "\n"))

                """,
            instructions: [
                "Save as keepalive.crontab, look at it, and add it: (crontab -l; cat keepalive.crontab) | crontab -"
            ] + plan.notes)
    }

    /// Quoted for the shell and for cron.
    private static func quoted(_ text: String) -> String { Quote.shell(text).replacing("%", with: "\\%") }
}

/// A list for UptimeRobot (and other monitors that take CSV).
enum UptimeRobot {
    static func make(_ plan: WakePlan) -> Export {
        var rows = [["Type", "Friendly Name", "URL/IP", "Interval", "Keyword Type", "Keyword Value", "Port"]]
        // Five minutes are the shortest interval of the free plan.
        func interval(_ minutes: Int) -> String { String(max(5, minutes) * 60) }
        rows.append(["Keyword", "Stoker master", plan.health, interval(plan.minutes), "not exists", "alive", ""])
        for target in plan.critical {
            rows.append(["HTTP", target.name, target.address, interval(target.minutes), "", "", ""])
        }
        return Export(
            content: rows.map(CSV.row).joined(),
            instructions: [
                "In UptimeRobot choose \"New monitor\", then \"Bulk upload\", and take the CSV; or create the monitors by hand from its lines.",
                "The first line wakes the master and reports it as down when its answer has no \"alive\" in it.",
                "Intervals are seconds; the free plan has 50 monitors and nothing below 300.",
                "The other lines wake critical Spaces whether the master is silent or not: pause them while the master is healthy if you want to save requests.",
            ] + plan.notes)
    }

}

extension String {
    /// Without white space at the end.
    var trimmedEnd: String {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
