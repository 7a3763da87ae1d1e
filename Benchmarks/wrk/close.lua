-- A new connection for each request.
wrk.headers["Connection"] = "close"
dofile((debug.getinfo(1, "S").source:sub(2):match(".*/") or "./") .. "plain.lua")
