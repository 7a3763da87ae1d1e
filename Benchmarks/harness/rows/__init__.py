"""One module per row of the table; the order here is the order of the table."""

from . import (blackbox, dns, doctor, doors, guard, hanging, hub_day, hub_upload, ledger, loop, mcp, million, notices, overload, plan, probe_http, probe_tls, requests, safekeeping, start, viewers, workshop)

ROWS = {row.NAME: row for row in (
    probe_http, probe_tls, blackbox, loop, dns, million, hanging, overload, start, requests, viewers, ledger, notices, hub_upload, hub_day, plan, doctor, mcp, doors, guard, safekeeping, workshop)}
