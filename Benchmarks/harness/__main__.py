"""Runs the rows that were asked for, prints their table, and says by its exit status whether the bars are met."""

import argparse
import sys
import time
import traceback

import machine
import report
from processes import Bench, Unmeasurable
from rows import ROWS


def main() -> int:
    parser = argparse.ArgumentParser(prog="Benchmarks/run.sh", description="Measures Stoker against its bars.")
    parser.add_argument("rows", nargs="*", metavar="row", help="rows to measure; all without any")
    parser.add_argument("--quick", action="store_true", help="one short round each: shows that it runs, measures nothing")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--publish", action="store_true", help="write the last results into docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.list:
        for row in ROWS.values():
            print(f"{row.NAME:<12} {row.__doc__.strip().splitlines()[0]}")
        return 0
    if arguments.publish:
        return report.publish()
    unknown = [name for name in arguments.rows if name not in ROWS]
    if unknown:
        print(f"no such row: {', '.join(unknown)} (there are: {', '.join(ROWS)})", file=sys.stderr)
        return 2

    if arguments.check:
        return 0

    machine.raise_open_files()
    results = []
    for name in arguments.rows or ROWS:
        row = ROWS[name]
        print(f"\n{name}: {row.__doc__.strip().splitlines()[0]}", file=sys.stderr)
        begin = time.monotonic()
        try:
            with Bench(name, quick=arguments.quick) as bench:
                found = row.run(bench)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130
        except Unmeasurable as reason:
            found = [report.Result(name, row.__doc__.strip().splitlines()[0], note=str(reason))]
        except Exception:
            traceback.print_exc()
            found = [report.Result(name, row.__doc__.strip().splitlines()[0], note="the benchmark itself failed")]
        seconds = time.monotonic() - begin
        for result in found:
            result.row = name
            result.seconds = round(seconds, 1)
            print("  " + result.line(), file=sys.stderr)
        results += found
        report.save(found, quick=arguments.quick)

    print()
    print(report.table(results))
    if any(result.met is None for result in results):
        return 3
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
