-- Has blackbox_exporter probe one loopback address after the other.
--   wrk … -s blackbox.lua http://exporter -- SCHEME PORT ADDRESSES
local threads = {}
setup = function(thread)
    thread:set("offset", #threads)
    table.insert(threads, thread)
end
init = function(arguments)
    scheme, port, addresses = arguments[1], tonumber(arguments[2]), tonumber(arguments[3])
    number = math.floor(addresses / 2) * offset
    good = 0
end
request = function()
    number = (number + 1) % addresses
    return wrk.format("GET", string.format("/probe?module=probe&target=%s%%3A%%2F%%2F127.%d.%d.%d%%3A%d%%2F", scheme,
        1 + math.floor(number / 65536), math.floor(number / 256) % 256, number % 256, port))
end
-- 200 from the exporter only says that it answered; the probe's own success is in the body.
response = function(status, headers, body)
    if body:find("\nprobe_success 1", 1, true) then good = good + 1 end
end
done = function(summary, latency, requests)
    local succeeded = 0
    for _, thread in ipairs(threads) do succeeded = succeeded + thread:get("good") end
    print(string.format('{"probes": %d, "good": %d, "wall_seconds": %.6f}', summary.requests, succeeded,
        summary.duration / 1e6))
end
