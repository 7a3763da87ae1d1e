/// The `pre-receive` hook of every repository: it asks the simulator, which knows the rules, and prints what it answers.
enum PushHook {
    // Where the hook finds its judge: set by the simulator when it runs git.
    static let portVariable = "HUB_HOOK_PORT"
    static let keyVariable = "HUB_HOOK_KEY"
    static let repoVariable = "HUB_HOOK_REPO"

    static let script = #"""
        #!/bin/bash
        # Sends the pushed references, and where their objects are held until they are accepted.
        [ -n "$HUB_HOOK_PORT" ] || exit 0
        LC_ALL=C
        [ -z "$GIT_OBJECT_DIRECTORY" ] || held=$(cd "$GIT_OBJECT_DIRECTORY" && pwd)
        body=$(printf '%s\n' "$held"; cat)
        exec 3<>"/dev/tcp/127.0.0.1/$HUB_HOOK_PORT" || exit 1
        printf 'POST /hooks/%s HTTP/1.1\r\nHost: hook\r\nX-Hook-Key: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
            "$HUB_HOOK_REPO" "$HUB_HOOK_KEY" "${#body}" "$body" >&3
        read -r _ status _ <&3
        while IFS= read -r line <&3; do [ -n "${line%$'\r'}" ] || break; done
        cat <&3 >&2
        [ "$status" = 200 ]
        """#
}
