import StokerCore

/// What a person can do about a state; nil when there is nothing to do.
enum Advice {
    static func text(_ state: CheckState, policy: CheckPolicy) -> String? {
        switch state.verdict {
        case .up: return nil
        case .unknown:
            return policy.kind == .heartbeat ? "Add the call below to the end of the job." : nil
        case .paused:
            switch state.pause {
            case .byModeration:
                return "Read what the Space's page on the Hub says and settle it there. "
                    + "Stoker stays away until somebody resumes it here."
            case .byFleetFile: return "Take “paused” out of the fleet file to go on."
            case .byHours: return "It goes on by itself when its hours begin."
            case .byPerson:
                return state.pausedUntil.isNever ? "It stays so until somebody resumes it." : "It goes on by itself."
            case .byOwner:
                return "Restart it on its page on the Hub; it is pinged again as soon as the Hub says that it runs."
            case .asleep: return "A visit or “Ping now” wakes it; it is pinged again when the Hub says that it runs."
            case .none: return nil
            }
        case .slow, .waking, .down, .silent:
            if policy.heal.mode == .act, [.spaceRunningDead, .spaceCrashed, .spaceOldBuild].contains(state.cause) {
                return "Stoker restarts it by itself, inside its budget. Its log on the Hub says what the app does."
            }
            return text(state.cause)
        }
    }

    private static func text(_ cause: Cause) -> String? {
        switch cause {
        case .none, .selfOffline, .ledgerDamaged: nil
        case .dnsNoSuchName, .spaceHidden:
            "Compare the name in the fleet file with the address that works in a browser. "
                + "A private Space needs a token in “headers”."
        case .dnsFailed, .dnsTimeout, .dnsStale: "Look at this machine's name server; other targets may suffer too."
        case .connectRefused: "Is the service started, and is this its port?"
        case .connectTimeout, .connectUnreachable: "Look for a firewall or a host that is switched off."
        case .connectionReset, .closedEarly: "The service's own log says why it hung up."
        case .tlsHandshake, .tlsTimeout: "Is this an https port? The transcript below says how far it got."
        case .tlsCertificate, .tlsExpiresSoon: "Renew the certificate."
        case .firstByteTimeout, .bodyTimeout:
            "The service accepts connections but does not answer in time: look at its load and its log."
        case .notHTTP: "Something else listens on this port; a bare port is watched with a tcp:// address."
        case .headersTooLarge, .tooManyRedirects, .badRedirect:
            "The transcript below shows each step; point the target at the last address that is right."
        case .status: "The transcript below shows the answer. If it is fine as it is, allow it with “expect.status”."
        case .textMissing, .regexMissing, .jsonMismatch:
            "The transcript below shows what came instead. If that is right, change “expect”."
        case .tooSlow: "The transcript below shows where the time goes. If that is normal, raise “expect.within”."
        case .spaceStarting, .spaceHeld: "Nothing to do: Stoker waits for it and looks again."
        case .spaceError, .spaceStuck:
            "Its log on the Hub says why. Restart or rebuild the Space there; Stoker sees when it is back."
        case .spaceRunningDead, .spaceCrashed:
            "Its log on the Hub says what the app does. A restart often helps; “heal: act” does it by itself."
        case .spaceOldBuild:
            "Its build log on the Hub says what became of the last push; a restart starts a build anew."
        case .spaceAsleep: "Nothing to do: Stoker wakes it and looks again."
        case .spacePausedByOwner, .spaceSpendLimit: "Restart it on its page on the Hub when its time has come."
        case .platformIncident: "Look at status.huggingface.co. Nothing is restarted while it lasts."
        case .spaceBuildFailed: "Its build log on the Hub says why; the repository must change."
        case .spaceConfigError: "Put the head of README.md right; the Hub's page of the Space names the mistake."
        case .spaceNoApp: "Add the app file or Dockerfile, or correct “sdk” and “app_file” in README.md."
        case .spaceDeleting: "Take it out of the fleet file."
        case .hubLags: "Nothing to do: the app answers."
        case .spaceNeedsToken:
            "Set “hub.token” to a token that may read the Space; if it was renamed, correct its name."
        case .spaceModerated: "Read what the Space's page on the Hub says and settle it there."
        case .spacePaused: "Restart it on its page on the Hub: a ping does not wake a paused Space."
        case .spaceThrottled: "Ask less often: longer intervals, or fewer checks from this address."
        case .spacePlatformPage: "The transcript below shows the platform's page."
        case .heartbeatMissed: "Did the job run? Look at its schedule and its log."
        case .heartbeatFailed: "The job's own log says what went wrong."
        case .heartbeatOverran: "It may hang. If runs may take this long, raise “every” or “grace”."
        case .selfOverloaded: "Longer intervals or a larger open-file limit help."
        case .invalidAddress: "Correct the address in the fleet file."
        }
    }
}
