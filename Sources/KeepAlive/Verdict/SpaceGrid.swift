import StokerCore

extension SpaceVerdict {
    /// The table of docs/two-sources.md: a row per stage, a cell per ``Behaviour`` in the order of its cases.
    static let grid: [[Cell]] = [
        // RUNNING
        [
            Cell("well", .up, Cause.none, .no, false, "It runs and answers as expected."),
            Cell(
                "old build serving", .slow, .spaceOldBuild, .restart, true,
                "It runs and answers, but from an older commit than the repository holds: the last push did not take."),
            Cell("slow app", .slow, nil, .no, false, "It runs and answers, later than expected."),
            Cell("failing app", .down, nil, .restart, false, "It runs, and the app itself gives the wrong answer."),
            Cell(
                "running but dead", .down, .spaceRunningDead, .restart, true,
                "The Hub says that it runs, but the edge holds every request until it gives up: the app does not answer."
            ),
            Cell(
                "starting page while running", .waking, .spaceStarting, .no, true,
                "The Hub says that it runs; its address still shows the starting page."),
            Cell(
                "error page while running", .down, .spaceError, .restart, true,
                "The Hub says that it runs; its address shows the page of a Space in error."),
            Cell(
                "hidden while running", .down, .spaceNeedsToken, .no, true,
                "It runs, but its address answers 404 to us: private without a valid token, or renamed."),
            Cell(
                "throttled while running", .unknown, .spaceThrottled, .no, false,
                "It runs; the edge limits our requests, so nobody knows how it answers."),
            Cell(
                "running out of reach", .down, nil, .restart, true,
                "The Hub says that it runs; its address gives no answer of the app."),
        ],
        // RUNNING_BUILDING
        [
            Cell(
                "well while a new version is built", .up, Cause.none, .no, false,
                "It answers as expected while a new version is built."),
            Cell(
                "old build until the new one is built", .up, .spaceOldBuild, .no, false,
                "The version before answers while the new one is built."),
            Cell(
                "slow while a new version is built", .slow, nil, .no, false,
                "It answers later than expected while a new version is built."),
            Cell(
                "failing while a new version is built", .down, nil, .no, false,
                "The app gives the wrong answer; a new version is being built."),
            Cell(
                "held while a new version is built", .waking, .spaceHeld, .no, true,
                "The old version does not answer; the new one is being built."),
            Cell(
                "starting page while a new version is built", .waking, .spaceStarting, .no, true,
                "Its address shows the starting page; the new version is being built."),
            Cell(
                "error page while a new version is built", .down, .spaceError, .no, true,
                "The old version is in error; a new one is being built."),
            Cell(
                "hidden while a new version is built", .down, .spaceNeedsToken, .no, true,
                "Its address answers 404 to us: private without a valid token, or renamed."),
            Cell(
                "throttled while a new version is built", .unknown, .spaceThrottled, .no, false,
                "The edge limits our requests, so nobody knows how it answers."),
            Cell(
                "out of reach while a new version is built", .down, nil, .no, true,
                "Its address gives no answer of the app; a new version is being built."),
        ],
        // RUNNING_APP_STARTING
        [
            Cell(
                "well while a new version is started", .up, Cause.none, .no, false,
                "It answers as expected while a new version is started."),
            Cell(
                "old build until the new one is started", .up, .spaceOldBuild, .no, false,
                "The version before answers while the new one is started."),
            Cell(
                "slow while a new version is started", .slow, nil, .no, false,
                "It answers later than expected while a new version is started."),
            Cell(
                "failing while a new version is started", .down, nil, .no, false,
                "The app gives the wrong answer; a new version is being started."),
            Cell(
                "held while a new version is started", .waking, .spaceHeld, .no, true,
                "The old version does not answer; the new one is being started."),
            Cell(
                "starting page while a new version is started", .waking, .spaceStarting, .no, true,
                "Its address shows the starting page; the new version is being started."),
            Cell(
                "error page while a new version is started", .down, .spaceError, .no, true,
                "The old version is in error; a new one is being started."),
            Cell(
                "hidden while a new version is started", .down, .spaceNeedsToken, .no, true,
                "Its address answers 404 to us: private without a valid token, or renamed."),
            Cell(
                "throttled while a new version is started", .unknown, .spaceThrottled, .no, false,
                "The edge limits our requests, so nobody knows how it answers."),
            Cell(
                "out of reach while a new version is started", .down, nil, .no, true,
                "Its address gives no answer of the app; a new version is being started."),
        ],
        // BUILDING
        [
            Cell(
                "serves though building", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub still says BUILDING."),
            Cell(
                "old build though building", .up, .spaceOldBuild, .no, true,
                "The version before answers although the Hub says BUILDING."),
            Cell(
                "slow though building", .slow, nil, .no, true,
                "The app answers, later than expected; the Hub still says BUILDING."),
            Cell(
                "answers before it is ready, building", .waking, .spaceStarting, .no, false,
                "The app answers, but not yet as expected: it is on its way up."),
            Cell(
                "held, building", .waking, .spaceStarting, .no, false,
                "It is building; the edge holds requests until it serves."),
            Cell("building", .waking, .spaceStarting, .no, false, "It is building; both sources agree."),
            Cell(
                "error page though building", .waking, .spaceStarting, .no, true,
                "It is building again; its address still shows the error page."),
            Cell(
                "hidden, building", .down, .spaceNeedsToken, .no, true,
                "It is building, but its address answers 404 to us: private without a valid token, or renamed."),
            Cell(
                "throttled, building", .unknown, .spaceThrottled, .no, false,
                "It is building; the edge limits our requests."),
            Cell(
                "no address yet, building", .waking, .spaceStarting, .no, false,
                "It is building; nothing answers at its address yet."),
        ],
        // APP_STARTING
        [
            Cell(
                "serves though starting", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub still says APP_STARTING."),
            Cell(
                "old build though starting", .up, .spaceOldBuild, .no, true,
                "The version before answers although the Hub says APP_STARTING."),
            Cell(
                "slow though starting", .slow, nil, .no, true,
                "The app answers, later than expected; the Hub still says APP_STARTING."),
            Cell(
                "answers before it is ready, starting", .waking, .spaceStarting, .no, false,
                "The app answers, but not yet as expected: it is on its way up."),
            Cell(
                "held, starting", .waking, .spaceStarting, .no, false,
                "It is starting; the edge holds requests until it serves."),
            Cell("starting", .waking, .spaceStarting, .no, false, "It is starting; both sources agree."),
            Cell(
                "error page though starting", .waking, .spaceStarting, .no, true,
                "It is starting again; its address still shows the error page."),
            Cell(
                "hidden, starting", .down, .spaceNeedsToken, .no, true,
                "It is starting, but its address answers 404 to us: private without a valid token, or renamed."),
            Cell(
                "throttled, starting", .unknown, .spaceThrottled, .no, false,
                "It is starting; the edge limits our requests."),
            Cell(
                "no address yet, starting", .waking, .spaceStarting, .no, false,
                "It is starting; nothing answers at its address yet."),
        ],
        // BUILD_ERROR
        [
            Cell(
                "build failed, serves", .slow, .spaceBuildFailed, .no, true,
                "It still answers as expected, but the last build failed: it will not survive a restart."),
            Cell(
                "build failed, old build serves", .slow, .spaceBuildFailed, .no, true,
                "The version before answers as expected, but the last build failed."),
            Cell(
                "build failed, slow", .slow, .spaceBuildFailed, .no, true,
                "It still answers, slowly; the last build failed."),
            Cell(
                "build failed, wrong answer", .down, .spaceBuildFailed, .no, false,
                "The last build failed, and what still answers is wrong. A restart does not help: the repository must change."
            ),
            Cell(
                "build failed, held", .down, .spaceBuildFailed, .no, false,
                "The last build failed. A restart does not help: the repository must change."),
            Cell(
                "build failed, starting page", .down, .spaceBuildFailed, .no, true,
                "The last build failed, though its address shows the starting page."),
            Cell(
                "build failed", .down, .spaceBuildFailed, .no, false,
                "The last build failed; both sources agree. The repository must change."),
            Cell(
                "build failed, hidden", .down, .spaceBuildFailed, .no, false,
                "The last build failed, and its address answers 404 to us."),
            Cell(
                "build failed, throttled", .unknown, .spaceThrottled, .no, false,
                "The last build failed; the edge limits our requests."),
            Cell(
                "build failed, out of reach", .down, .spaceBuildFailed, .no, false,
                "The last build failed, and its address gives no answer of the app."),
        ],
        // CONFIG_ERROR
        [
            Cell(
                "configuration not valid, serves", .slow, .spaceConfigError, .no, true,
                "It still answers as expected, but its configuration is not valid: it will not survive a restart."),
            Cell(
                "configuration not valid, old build serves", .slow, .spaceConfigError, .no, true,
                "The version before answers as expected, but its configuration is not valid."),
            Cell(
                "configuration not valid, slow", .slow, .spaceConfigError, .no, true,
                "It still answers, slowly; its configuration is not valid."),
            Cell(
                "configuration not valid, wrong answer", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid, and what still answers is wrong. A restart does not help: the repository must change."
            ),
            Cell(
                "configuration not valid, held", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid. A restart does not help: the repository must change."),
            Cell(
                "configuration not valid, starting page", .down, .spaceConfigError, .no, true,
                "Its configuration is not valid, though its address shows the starting page."),
            Cell(
                "configuration not valid", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid; both sources agree. The repository must change."),
            Cell(
                "configuration not valid, hidden", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid, and its address answers 404 to us."),
            Cell(
                "configuration not valid, throttled", .unknown, .spaceThrottled, .no, false,
                "Its configuration is not valid; the edge limits our requests."),
            Cell(
                "configuration not valid, out of reach", .down, .spaceConfigError, .no, false,
                "Its configuration is not valid, and its address gives no answer of the app."),
        ],
        // NO_APP_FILE
        [
            Cell(
                "no app file, serves", .slow, .spaceNoApp, .no, true,
                "It still answers as expected, but its repository has no app file: it will not survive a restart."),
            Cell(
                "no app file, old build serves", .slow, .spaceNoApp, .no, true,
                "The version before answers as expected, but its repository has no app file."),
            Cell(
                "no app file, slow", .slow, .spaceNoApp, .no, true,
                "It still answers, slowly; its repository has no app file."),
            Cell(
                "no app file, wrong answer", .down, .spaceNoApp, .no, false,
                "Its repository has no app file, and what still answers is wrong. A restart does not help: the repository must change."
            ),
            Cell(
                "no app file, held", .down, .spaceNoApp, .no, false,
                "Its repository has no app file. A restart does not help: the repository must change."),
            Cell(
                "no app file, starting page", .down, .spaceNoApp, .no, true,
                "Its repository has no app file, though its address shows the starting page."),
            Cell(
                "no app file", .down, .spaceNoApp, .no, false,
                "Its repository has no app file; both sources agree. The repository must change."),
            Cell(
                "no app file, hidden", .down, .spaceNoApp, .no, false,
                "Its repository has no app file, and its address answers 404 to us."),
            Cell(
                "no app file, throttled", .unknown, .spaceThrottled, .no, false,
                "Its repository has no app file; the edge limits our requests."),
            Cell(
                "no app file, out of reach", .down, .spaceNoApp, .no, false,
                "Its repository has no app file, and its address gives no answer of the app."),
        ],
        // RUNTIME_ERROR
        [
            Cell(
                "crashed, serves", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub says that it crashed."),
            Cell(
                "crashed, old build serves", .slow, .spaceOldBuild, .no, true,
                "The new version crashed; the version before answers as expected."),
            Cell(
                "crashed, slow", .slow, nil, .no, true,
                "The app answers, later than expected, although the Hub says that it crashed."),
            Cell(
                "crashed, wrong answer", .down, .spaceCrashed, .restart, false,
                "The Hub says that it crashed, and what answers is wrong."),
            Cell(
                "crashed, held", .down, .spaceCrashed, .restart, false,
                "The Hub says that it crashed; requests are held and not answered."),
            Cell(
                "crashed, starting page", .waking, .spaceStarting, .no, true,
                "It crashed, and its address shows that it is being started again."),
            Cell("crashed", .down, .spaceCrashed, .restart, false, "It crashed or did not start; both sources agree."),
            Cell(
                "crashed, hidden", .down, .spaceCrashed, .restart, false,
                "It crashed; besides, its address answers 404 to us."),
            Cell(
                "crashed, throttled", .unknown, .spaceThrottled, .no, false,
                "The Hub says that it crashed; the edge limits our requests."),
            Cell(
                "crashed, out of reach", .down, .spaceCrashed, .restart, false,
                "It crashed, and its address gives no answer of the app."),
        ],
        // SLEEPING
        [
            Cell(
                "asleep, woken by the ping", .up, Cause.none, .no, false,
                "It was asleep; our request woke it, and it answers as expected."),
            Cell(
                "asleep, woken with an old build", .up, .spaceOldBuild, .no, false,
                "It was asleep; our request woke it, and an older commit answers."),
            Cell("asleep, woken slowly", .up, Cause.none, .no, false, "It was asleep; the wait was its start."),
            Cell(
                "asleep, not ready yet", .waking, .spaceStarting, .no, false,
                "It was asleep; the app answers, but not yet as expected."),
            Cell(
                "asleep, waking", .waking, .spaceHeld, .wake, false,
                "It was asleep; our request is held while it starts."),
            Cell("asleep, starting page", .waking, .spaceStarting, .wake, false, "It was asleep and is being started."),
            Cell(
                "asleep, error page", .down, .spaceError, .wake, true,
                "The Hub says that it is asleep; its address shows the page of a Space in error."),
            Cell(
                "asleep, hidden", .down, .spaceNeedsToken, .no, true,
                "It is asleep, and its address answers 404 to us: such a visit does not wake it."),
            Cell(
                "asleep, throttled", .unknown, .spaceThrottled, .no, false,
                "It is asleep; the edge limits our requests."),
            Cell(
                "asleep, out of reach", .waking, .spaceAsleep, .wake, false,
                "It is asleep, and nothing answers at its address yet."),
        ],
        // STOPPED
        [
            Cell(
                "stopped, woken by the ping", .up, Cause.none, .no, false,
                "It was stopped; our request woke it, and it answers as expected."),
            Cell(
                "stopped, woken with an old build", .up, .spaceOldBuild, .no, false,
                "It was stopped; our request woke it, and an older commit answers."),
            Cell("stopped, woken slowly", .up, Cause.none, .no, false, "It was stopped; the wait was its start."),
            Cell(
                "stopped, not ready yet", .waking, .spaceStarting, .no, false,
                "It was stopped; the app answers, but not yet as expected."),
            Cell(
                "stopped, waking", .waking, .spaceHeld, .wake, false,
                "It was stopped; our request is held while it starts."),
            Cell(
                "stopped, starting page", .waking, .spaceStarting, .wake, false, "It was stopped and is being started."),
            Cell(
                "stopped, error page", .down, .spaceError, .wake, true,
                "The Hub says that it is stopped; its address shows the page of a Space in error."),
            Cell(
                "stopped, hidden", .down, .spaceNeedsToken, .no, true,
                "It is stopped, and its address answers 404 to us: such a visit does not wake it."),
            Cell(
                "stopped, throttled", .unknown, .spaceThrottled, .no, false,
                "It is stopped; the edge limits our requests."),
            Cell(
                "stopped, out of reach", .waking, .spaceAsleep, .wake, false,
                "It is stopped, and nothing answers at its address yet."),
        ],
        // PAUSED
        [
            Cell(
                "paused, serves", .up, .hubLags, .no, true,
                "The app answers as expected although the Hub says that it is paused."),
            Cell(
                "paused, old build serves", .up, .hubLags, .no, true,
                "An older version answers although the Hub says that the Space is paused."),
            Cell(
                "paused, slow", .slow, nil, .no, true,
                "The app answers, later than expected, although the Hub says that it is paused."),
            Cell(
                "paused, wrong answer", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; what answered was on its way out."),
            Cell(
                "paused, held", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; requests are held and not answered."),
            Cell(
                "paused, starting page", .paused, .spacePausedByOwner, .no, true,
                "Its owner paused it, though its address shows the starting page."),
            Cell(
                "paused by its owner", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; only the owner can restart it, visits do not."),
            Cell(
                "paused, hidden", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; its address answers 404 to us."),
            Cell(
                "paused, throttled", .unknown, .spaceThrottled, .no, false,
                "Its owner paused it; the edge limits our requests."),
            Cell(
                "paused, out of reach", .paused, .spacePausedByOwner, .no, false,
                "Its owner paused it; nothing answers at its address."),
        ],
        // DELETING
        [
            Cell(
                "going, serves", .slow, .spaceDeleting, .no, true,
                "It still answers as expected, but it is being deleted."),
            Cell(
                "going, old build serves", .slow, .spaceDeleting, .no, true,
                "An older version still answers, but the Space is being deleted."),
            Cell("going, slow", .slow, .spaceDeleting, .no, true, "It still answers, slowly; it is being deleted."),
            Cell(
                "going, wrong answer", .down, .spaceDeleting, .no, false,
                "It is being deleted; what answered last was wrong."),
            Cell(
                "going, held", .down, .spaceDeleting, .no, false,
                "It is being deleted; requests are not answered any more."),
            Cell(
                "going, starting page", .down, .spaceDeleting, .no, true,
                "It is being deleted, though its address shows the starting page."),
            Cell(
                "going, error page", .down, .spaceDeleting, .no, false,
                "It is being deleted; its address shows the error page."),
            Cell("gone", .down, .spaceDeleting, .no, false, "It is being deleted, and its address is gone already."),
            Cell(
                "going, throttled", .unknown, .spaceThrottled, .no, false,
                "It is being deleted; the edge limits our requests."),
            Cell(
                "going, out of reach", .down, .spaceDeleting, .no, false,
                "It is being deleted; nothing answers at its address."),
        ],
        // unknown
        [
            Cell("serves", .up, Cause.none, .no, false, "It answers as expected. The Hub does not say what it does."),
            Cell(
                "serves an old build", .up, .spaceOldBuild, .no, false,
                "It answers from an older commit. The Hub does not say what it does."),
            Cell(
                "serves slowly", .slow, nil, .no, false,
                "It answers, later than expected. The Hub does not say what it does."),
            Cell(
                "wrong answer", .down, nil, .no, false,
                "The app gives the wrong answer. The Hub does not say what it does."),
            Cell(
                "held", .waking, .spaceHeld, .no, false,
                "The request is held, as for a Space that is being woken. The Hub does not say what it does."),
            Cell(
                "starting page", .waking, .spaceStarting, .no, false,
                "Its address shows the starting page. The Hub does not say what it does."),
            Cell(
                "error page", .down, nil, .no, false,
                "Its address shows that it is in error or paused. The Hub does not say what it does."),
            Cell(
                "hidden", .down, .spaceHidden, .no, false,
                "Its address answers 404: private, renamed or deleted. The Hub does not say what it does."),
            Cell(
                "throttled", .unknown, .spaceThrottled, .no, false,
                "The edge limits our requests. The Hub does not say what it does."),
            Cell(
                "out of reach", .down, nil, .no, false,
                "Its address gives no answer of the app. The Hub does not say what it does."),
        ],
    ]
}
