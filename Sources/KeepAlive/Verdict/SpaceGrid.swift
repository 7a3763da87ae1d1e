import StokerCore

extension SpaceVerdict {
    /// The table of docs/two-sources.md: a row per stage, a cell per ``VisitorResult`` in the order of its cases.
    static let grid: [[GridCell]] = [
        // RUNNING
        [
            GridCell("well", .up, Cause.none, .no, false, "It runs and answers as expected."),
            GridCell(
                "old build serving", .slow, .spaceOldBuild, .restart, true,
                "It runs and answers, but from an older commit than the repository holds: the last push did not take."),
            GridCell("slow app", .slow, nil, .no, false, "It runs and answers, later than expected."),
            GridCell("failing app", .down, nil, .restart, false, "It runs, and the app itself gives the wrong answer."),
            GridCell(
                "running but dead", .down, .spaceRunningDead, .restart, true,
                "The Hub says that it runs, but the edge holds every request until it gives up: the app does not answer."
            ),
            GridCell(
                "starting page while running", .waking, .spaceStarting, .no, true,
                "The Hub says that it runs; its address still shows the starting page."),
            GridCell(
                "error page while running", .down, .spaceError, .restart, true,
                "The Hub says that it runs; its address shows the page of a Space in error."),
            GridCell(
                "hidden while running", .down, .spaceNeedsToken, .no, true,
                "It runs, but its address answers 404 to us: private without a valid token, or renamed."),
            GridCell(
                "throttled while running", .unknown, .spaceThrottled, .no, false,
                "It runs; the edge limits our requests, so nobody knows how it answers."),
            GridCell(
                "running out of reach", .down, nil, .restart, true,
                "The Hub says that it runs; its address gives no answer of the app."),
        ],
        // RUNNING_BUILDING
        [
            GridCell(
                "well while a new version is built", .up, Cause.none, .no, false,
                "It answers as expected while a new version is built."),
            GridCell(
                "old build until the new one is built", .up, .spaceOldBuild, .no, false,
                "The version before answers while the new one is built."),
            GridCell(
                "slow while a new version is built", .slow, nil, .no, false,
                "It answers later than expected while a new version is built."),
            GridCell(
                "failing while a new version is built", .down, nil, .no, false,
                "The app gives the wrong answer; a new version is being built."),
            GridCell(
                "held while a new version is built", .waking, .spaceHeld, .no, true,
                "The old version does not answer; the new one is being built."),
            GridCell(
                "starting page while a new version is built", .waking, .spaceStarting, .no, true,
                "Its address shows the starting page; the new version is being built."),
            GridCell(
                "error page while a new version is built", .down, .spaceError, .no, true,
                "The old version is in error; a new one is being built."),
            GridCell(
                "hidden while a new version is built", .down, .spaceNeedsToken, .no, true,
                "Its address answers 404 to us: private without a valid token, or renamed."),
            GridCell(
                "throttled while a new version is built", .unknown, .spaceThrottled, .no, false,
                "The edge limits our requests, so nobody knows how it answers."),
            GridCell(
                "out of reach while a new version is built", .down, nil, .no, true,
                "Its address gives no answer of the app; a new version is being built."),
        ],
        // RUNNING_APP_STARTING
        [
            GridCell(
                "well while a new version is started", .up, Cause.none, .no, false,
                "It answers as expected while a new version is started."),
            GridCell(
                "old build until the new one is started", .up, .spaceOldBuild, .no, false,
                "The version before answers while the new one is started."),
            GridCell(
                "slow while a new version is started", .slow, nil, .no, false,
                "It answers later than expected while a new version is started."),
            GridCell(
                "failing while a new version is started", .down, nil, .no, false,
                "The app gives the wrong answer; a new version is being started."),
            GridCell(
                "held while a new version is started", .waking, .spaceHeld, .no, true,
                "The old version does not answer; the new one is being started."),
            GridCell(
                "starting page while a new version is started", .waking, .spaceStarting, .no, true,
                "Its address shows the starting page; the new version is being started."),
            GridCell(
                "error page while a new version is started", .down, .spaceError, .no, true,
                "The old version is in error; a new one is being started."),
            GridCell(
                "hidden while a new version is started", .down, .spaceNeedsToken, .no, true,
                "Its address answers 404 to us: private without a valid token, or renamed."),
            GridCell(
                "throttled while a new version is started", .unknown, .spaceThrottled, .no, false,
                "The edge limits our requests, so nobody knows how it answers."),
            GridCell(
                "out of reach while a new version is started", .down, nil, .no, true,
                "Its address gives no answer of the app; a new version is being started."),
        ],
        // BUILDING
        [
            GridCell(
                "serves though building", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub still says BUILDING."),
            GridCell(
                "old build though building", .up, .spaceOldBuild, .no, true,
                "The version before answers although the Hub says BUILDING."),
            GridCell(
                "slow though building", .slow, nil, .no, true,
                "The app answers, later than expected; the Hub still says BUILDING."),
            GridCell(
                "answers before it is ready, building", .waking, .spaceStarting, .no, false,
                "The app answers, but not yet as expected: it is on its way up."),
            GridCell(
                "held, building", .waking, .spaceStarting, .no, false,
                "It is building; the edge holds requests until it serves."),
            GridCell("building", .waking, .spaceStarting, .no, false, "It is building; both sources agree."),
            GridCell(
                "error page though building", .waking, .spaceStarting, .no, true,
                "It is building again; its address still shows the error page."),
            GridCell(
                "hidden, building", .down, .spaceNeedsToken, .no, true,
                "It is building, but its address answers 404 to us: private without a valid token, or renamed."),
            GridCell(
                "throttled, building", .unknown, .spaceThrottled, .no, false,
                "It is building; the edge limits our requests."),
            GridCell(
                "no address yet, building", .waking, .spaceStarting, .no, false,
                "It is building; nothing answers at its address yet."),
        ],
        // APP_STARTING
        [
            GridCell(
                "serves though starting", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub still says APP_STARTING."),
            GridCell(
                "old build though starting", .up, .spaceOldBuild, .no, true,
                "The version before answers although the Hub says APP_STARTING."),
            GridCell(
                "slow though starting", .slow, nil, .no, true,
                "The app answers, later than expected; the Hub still says APP_STARTING."),
            GridCell(
                "answers before it is ready, starting", .waking, .spaceStarting, .no, false,
                "The app answers, but not yet as expected: it is on its way up."),
            GridCell(
                "held, starting", .waking, .spaceStarting, .no, false,
                "It is starting; the edge holds requests until it serves."),
            GridCell("starting", .waking, .spaceStarting, .no, false, "It is starting; both sources agree."),
            GridCell(
                "error page though starting", .waking, .spaceStarting, .no, true,
                "It is starting again; its address still shows the error page."),
            GridCell(
                "hidden, starting", .down, .spaceNeedsToken, .no, true,
                "It is starting, but its address answers 404 to us: private without a valid token, or renamed."),
            GridCell(
                "throttled, starting", .unknown, .spaceThrottled, .no, false,
                "It is starting; the edge limits our requests."),
            GridCell(
                "no address yet, starting", .waking, .spaceStarting, .no, false,
                "It is starting; nothing answers at its address yet."),
        ],
        // BUILD_ERROR
        [
            GridCell(
                "build failed, serves", .slow, .spaceBuildFailed, .no, true,
                "It still answers as expected, but the last build failed: it will not survive a restart."),
            GridCell(
                "build failed, old build serves", .slow, .spaceBuildFailed, .no, true,
                "The version before answers as expected, but the last build failed."),
            GridCell(
                "build failed, slow", .slow, .spaceBuildFailed, .no, true,
                "It still answers, slowly; the last build failed."),
            GridCell(
                "build failed, wrong answer", .down, .spaceBuildFailed, .no, false,
                "The last build failed, and what still answers is wrong. A restart does not help: the repository must change."
            ),
            GridCell(
                "build failed, held", .down, .spaceBuildFailed, .no, false,
                "The last build failed. A restart does not help: the repository must change."),
            GridCell(
                "build failed, starting page", .down, .spaceBuildFailed, .no, true,
                "The last build failed, though its address shows the starting page."),
            GridCell(
                "build failed", .down, .spaceBuildFailed, .no, false,
                "The last build failed; both sources agree. The repository must change."),
            GridCell(
                "build failed, hidden", .down, .spaceBuildFailed, .no, false,
                "The last build failed, and its address answers 404 to us."),
            GridCell(
                "build failed, throttled", .unknown, .spaceThrottled, .no, false,
                "The last build failed; the edge limits our requests."),
            GridCell(
                "build failed, out of reach", .down, .spaceBuildFailed, .no, false,
                "The last build failed, and its address gives no answer of the app."),
        ],
        // CONFIG_ERROR
        [
            GridCell(
                "configuration not valid, serves", .slow, .spaceConfigError, .no, true,
                "It still answers as expected, but its configuration is not valid: it will not survive a restart."),
            GridCell(
                "configuration not valid, old build serves", .slow, .spaceConfigError, .no, true,
                "The version before answers as expected, but its configuration is not valid."),
            GridCell(
                "configuration not valid, slow", .slow, .spaceConfigError, .no, true,
                "It still answers, slowly; its configuration is not valid."),
            GridCell(
                "configuration not valid, wrong answer", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid, and what still answers is wrong. A restart does not help: the repository must change."
            ),
            GridCell(
                "configuration not valid, held", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid. A restart does not help: the repository must change."),
            GridCell(
                "configuration not valid, starting page", .down, .spaceConfigError, .no, true,
                "Its configuration is not valid, though its address shows the starting page."),
            GridCell(
                "configuration not valid", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid; both sources agree. The repository must change."),
            GridCell(
                "configuration not valid, hidden", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid, and its address answers 404 to us."),
            GridCell(
                "configuration not valid, throttled", .unknown, .spaceThrottled, .no, false,
                "Its configuration is not valid; the edge limits our requests."),
            GridCell(
                "configuration not valid, out of reach", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid, and its address gives no answer of the app."),
        ],
        // NO_APP_FILE
        [
            GridCell(
                "no app file, serves", .slow, .spaceNoApp, .no, true,
                "It still answers as expected, but its repository has no app file: it will not survive a restart."),
            GridCell(
                "no app file, old build serves", .slow, .spaceNoApp, .no, true,
                "The version before answers as expected, but its repository has no app file."),
            GridCell(
                "no app file, slow", .slow, .spaceNoApp, .no, true,
                "It still answers, slowly; its repository has no app file."),
            GridCell(
                "no app file, wrong answer", .down, .spaceNoApp, .no, false,
                "Its repository has no app file, and what still answers is wrong. A restart does not help: the repository must change."
            ),
            GridCell(
                "no app file, held", .down, .spaceNoApp, .no, false,
                "Its repository has no app file. A restart does not help: the repository must change."),
            GridCell(
                "no app file, starting page", .down, .spaceNoApp, .no, true,
                "Its repository has no app file, though its address shows the starting page."),
            GridCell(
                "no app file", .down, .spaceNoApp, .no, false,
                "Its repository has no app file; both sources agree. The repository must change."),
            GridCell(
                "no app file, hidden", .down, .spaceNoApp, .no, false,
                "Its repository has no app file, and its address answers 404 to us."),
            GridCell(
                "no app file, throttled", .unknown, .spaceThrottled, .no, false,
                "Its repository has no app file; the edge limits our requests."),
            GridCell(
                "no app file, out of reach", .down, .spaceNoApp, .no, false,
                "Its repository has no app file, and its address gives no answer of the app."),
        ],
        // RUNTIME_ERROR
        [
            GridCell(
                "crashed, serves", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub says that it crashed."),
            GridCell(
                "crashed, old build serves", .slow, .spaceOldBuild, .no, true,
                "The new version crashed; the version before answers as expected."),
            GridCell(
                "crashed, slow", .slow, nil, .no, true,
                "The app answers, later than expected, although the Hub says that it crashed."),
            GridCell(
                "crashed, wrong answer", .down, .spaceCrashed, .restart, false,
                "The Hub says that it crashed, and what answers is wrong."),
            GridCell(
                "crashed, held", .down, .spaceCrashed, .restart, false,
                "The Hub says that it crashed; requests are held and not answered."),
            GridCell(
                "crashed, starting page", .waking, .spaceStarting, .no, true,
                "It crashed, and its address shows that it is being started again."),
            GridCell(
                "crashed", .down, .spaceCrashed, .restart, false, "It crashed or did not start; both sources agree."),
            GridCell(
                "crashed, hidden", .down, .spaceCrashed, .restart, false,
                "It crashed; besides, its address answers 404 to us."),
            GridCell(
                "crashed, throttled", .unknown, .spaceThrottled, .no, false,
                "The Hub says that it crashed; the edge limits our requests."),
            GridCell(
                "crashed, out of reach", .down, .spaceCrashed, .restart, false,
                "It crashed, and its address gives no answer of the app."),
        ],
        // SLEEPING
        [
            GridCell(
                "asleep, woken by the ping", .up, Cause.none, .no, false,
                "It was asleep; our request woke it, and it answers as expected."),
            GridCell(
                "asleep, woken with an old build", .up, .spaceOldBuild, .no, false,
                "It was asleep; our request woke it, and an older commit answers."),
            GridCell("asleep, woken slowly", .up, Cause.none, .no, false, "It was asleep; the wait was its start."),
            GridCell(
                "asleep, not ready yet", .waking, .spaceStarting, .no, false,
                "It was asleep; the app answers, but not yet as expected."),
            GridCell(
                "asleep, waking", .waking, .spaceHeld, .wake, false,
                "It was asleep; our request is held while it starts."),
            GridCell(
                "asleep, starting page", .waking, .spaceStarting, .wake, false, "It was asleep and is being started."),
            GridCell(
                "asleep, error page", .down, .spaceError, .wake, true,
                "The Hub says that it is asleep; its address shows the page of a Space in error."),
            GridCell(
                "asleep, hidden", .down, .spaceNeedsToken, .no, true,
                "It is asleep, and its address answers 404 to us: such a visit does not wake it."),
            GridCell(
                "asleep, throttled", .unknown, .spaceThrottled, .no, false,
                "It is asleep; the edge limits our requests."),
            GridCell(
                "asleep, out of reach", .waking, .spaceAsleep, .wake, false,
                "It is asleep, and nothing answers at its address yet."),
        ],
        // STOPPED
        [
            GridCell(
                "stopped, woken by the ping", .up, Cause.none, .no, false,
                "It was stopped; our request woke it, and it answers as expected."),
            GridCell(
                "stopped, woken with an old build", .up, .spaceOldBuild, .no, false,
                "It was stopped; our request woke it, and an older commit answers."),
            GridCell("stopped, woken slowly", .up, Cause.none, .no, false, "It was stopped; the wait was its start."),
            GridCell(
                "stopped, not ready yet", .waking, .spaceStarting, .no, false,
                "It was stopped; the app answers, but not yet as expected."),
            GridCell(
                "stopped, waking", .waking, .spaceHeld, .wake, false,
                "It was stopped; our request is held while it starts."),
            GridCell(
                "stopped, starting page", .waking, .spaceStarting, .wake, false, "It was stopped and is being started."),
            GridCell(
                "stopped, error page", .down, .spaceError, .wake, true,
                "The Hub says that it is stopped; its address shows the page of a Space in error."),
            GridCell(
                "stopped, hidden", .down, .spaceNeedsToken, .no, true,
                "It is stopped, and its address answers 404 to us: such a visit does not wake it."),
            GridCell(
                "stopped, throttled", .unknown, .spaceThrottled, .no, false,
                "It is stopped; the edge limits our requests."),
            GridCell(
                "stopped, out of reach", .waking, .spaceAsleep, .wake, false,
                "It is stopped, and nothing answers at its address yet."),
        ],
        // PAUSED
        [
            GridCell(
                "paused, serves", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub says that it is paused."),
            GridCell(
                "paused, old build serves", .up, .hubLags, .no, true,
                "An older version answers although the Hub says that the Space is paused."),
            GridCell(
                "paused, slow", .slow, nil, .no, true,
                "The app answers, later than expected, although the Hub says that it is paused."),
            GridCell(
                "paused, wrong answer", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; what answered was on its way out."),
            GridCell(
                "paused, held", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; requests are held and not answered."),
            GridCell(
                "paused, starting page", .paused, .spacePausedByOwner, .no, true,
                "Its owner paused it, though its address shows the starting page."),
            GridCell(
                "paused by its owner", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; only the owner can restart it, visits do not."),
            GridCell(
                "paused, hidden", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; its address answers 404 to us."),
            GridCell(
                "paused, throttled", .unknown, .spaceThrottled, .no, false,
                "Its owner paused it; the edge limits our requests."),
            GridCell(
                "paused, out of reach", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; nothing answers at its address."),
        ],
        // DELETING
        [
            GridCell(
                "going, serves", .slow, .spaceDeleting, .no, true,
                "It still answers as expected, but it is being deleted."),
            GridCell(
                "going, old build serves", .slow, .spaceDeleting, .no, true,
                "An older version still answers, but the Space is being deleted."),
            GridCell("going, slow", .slow, .spaceDeleting, .no, true, "It still answers, slowly; it is being deleted."),
            GridCell(
                "going, wrong answer", .down, .spaceDeleting, .no, false,
                "It is being deleted; what answered last was wrong."),
            GridCell(
                "going, held", .down, .spaceDeleting, .no, false,
                "It is being deleted; requests are not answered any more."),
            GridCell(
                "going, starting page", .down, .spaceDeleting, .no, true,
                "It is being deleted, though its address shows the starting page."),
            GridCell(
                "going, error page", .down, .spaceDeleting, .no, false,
                "It is being deleted; its address shows the error page."),
            GridCell(
                "gone", .down, .spaceDeleting, .no, false, "It is being deleted, and its address is gone already."),
            GridCell(
                "going, throttled", .unknown, .spaceThrottled, .no, false,
                "It is being deleted; the edge limits our requests."),
            GridCell(
                "going, out of reach", .down, .spaceDeleting, .no, false,
                "It is being deleted; nothing answers at its address."),
        ],
        // unknown
        [
            GridCell(
                "serves", .up, Cause.none, .no, false, "It answers as expected. The Hub does not say what it does."),
            GridCell(
                "serves an old build", .up, .spaceOldBuild, .no, false,
                "It answers from an older commit. The Hub does not say what it does."),
            GridCell(
                "serves slowly", .slow, nil, .no, false,
                "It answers, later than expected. The Hub does not say what it does."),
            GridCell(
                "wrong answer", .down, nil, .no, false,
                "The app gives the wrong answer. The Hub does not say what it does."),
            GridCell(
                "held", .waking, .spaceHeld, .no, false,
                "The request is held, as for a Space that is being woken. The Hub does not say what it does."),
            GridCell(
                "starting page", .waking, .spaceStarting, .no, false,
                "Its address shows the starting page. The Hub does not say what it does."),
            GridCell(
                "error page", .down, nil, .no, false,
                "Its address shows that it is in error or paused. The Hub does not say what it does."),
            GridCell(
                "hidden", .down, .spaceHidden, .no, false,
                "Its address answers 404: private, renamed or deleted. The Hub does not say what it does."),
            GridCell(
                "throttled", .unknown, .spaceThrottled, .no, false,
                "The edge limits our requests. The Hub does not say what it does."),
            GridCell(
                "out of reach", .down, nil, .no, false,
                "Its address gives no answer of the app. The Hub does not say what it does."),
        ],
    ]
}
