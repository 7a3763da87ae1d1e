-- Counts as JSON instead of wrk's prose.
done = function(summary, latency, requests)
    local e = summary.errors
    print(string.format(
        '{"probes": %d, "good": %d, "wall_seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f}',
        summary.requests, summary.requests - e.status, summary.duration / 1e6,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
