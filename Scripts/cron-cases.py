#!/usr/bin/env python3
"""Cases for CronScheduleTests, by brute force over Python's zoneinfo, compared with croniter away from changes of the clock.

cron-cases.py EXPRESSIONS ZONES INSTANTS [SEED]   writes: expression, moment, next after it, last at or before it (tabs, seconds since 1970)

Each pair of expression and zone is asked at so many random instants of 2016 to 2025 and around every change of the zone's clock in them.
A run of a fixed hour is the first moment at which the zone's clock shows its time or a later one; with every hour it is each minute that shows it.
"""
import bisect, random, sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

try:
    from croniter import croniter
except ImportError:
    croniter = None

ZONES = """UTC Europe/Berlin Europe/London Europe/Lisbon Europe/Athens Europe/Moscow Europe/Dublin America/New_York America/Chicago
America/Denver America/Los_Angeles America/Anchorage America/St_Johns America/Halifax America/Havana America/Asuncion America/Santiago
America/Caracas America/Argentina/Buenos_Aires America/Phoenix Asia/Tokyo Asia/Kolkata Asia/Kathmandu Asia/Shanghai Asia/Singapore
Asia/Dubai Asia/Jerusalem Asia/Beirut Asia/Pyongyang Asia/Novosibirsk Australia/Sydney Australia/Adelaide Australia/Lord_Howe
Pacific/Auckland Pacific/Chatham Pacific/Apia Pacific/Kiritimati Africa/Cairo Africa/Johannesburg Atlantic/Azores""".split()
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
BEGIN = int(datetime(2016, 1, 1, tzinfo=timezone.utc).timestamp())
END = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp())
EPOCH = datetime(1970, 1, 1)


def part(random, low, high, names):
    kind = random.random()
    show = lambda value: random.choice([str(value), names[value - (low if low else 0)].title()]) if names and random.random() < .5 else str(value)
    a, b = sorted(random.sample(range(low, high + 1), 2))
    if kind < .5: return show(a), {a}
    if kind < .75: return f"{show(a)}-{show(b)}", set(range(a, b + 1))
    step = random.randint(2, max(2, (high - low) // 2))
    return f"{a}-{b}/{step}", set(range(a, b + 1, step))


def field(random, low, high, names=None, star=.4):
    kind = random.random()
    if kind < star: return "*", set(range(low, high + 1))
    if kind < star + .15:
        step = random.randint(2, max(2, (high - low) // 2))
        return f"*/{step}", set(range(low, high + 1, step))
    parts = [part(random, low, high, names) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    return ",".join(text for text, _ in parts), set().union(*(values for _, values in parts))


class Expression:
    def __init__(self, random):
        while True:
            fields = [field(random, 0, 59, star=.1), field(random, 0, 23), field(random, 1, 31, star=.6),
                      field(random, 1, 12, MONTHS, star=.7), field(random, 0, 6, DAYS, star=.6)]
            self.text = " ".join(text for text, _ in fields)
            self.minutes, self.hours, self.days, self.months, self.weekdays = (values for _, values in fields)
            self.both = fields[2][0].startswith("*") or fields[4][0].startswith("*")
            self.everyHour = len(self.hours) == 24
            self.times = sorted(h * 60 + m for h in self.hours for m in self.minutes)
            # Only days that come within two years, so that brute force ends.
            if sum(self.fits(EPOCH + timedelta(days=17000 + n)) for n in range(730)) > 0: return

    def fits(self, date):
        if date.month not in self.months: return False
        day, weekday = date.day in self.days, date.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.both else (day or weekday)


class Zone:
    def __init__(self, name):
        self.name, self.info = name, ZoneInfo(name)
        self.changes, self.offsets = [], [self.look(BEGIN - 900 * 86400)]
        at = BEGIN - 900 * 86400
        while at < END + 900 * 86400:
            if self.look(at + 3600 * 6) != self.offsets[-1]:
                low, high = at, at + 3600 * 6
                while high - low > 1:
                    middle = (low + high) // 2
                    if self.look(middle) == self.offsets[-1]: low = middle
                    else: high = middle
                self.changes.append(high)
                self.offsets.append(self.look(high))
                at = high
            else:
                at += 3600 * 6

    def look(self, at):
        return int(datetime.fromtimestamp(at, self.info).utcoffset().total_seconds())

    def offset(self, at):
        return self.offsets[bisect.bisect_right(self.changes, at)]

    def quiet(self, low, high):
        return bisect.bisect_right(self.changes, low) == bisect.bisect_right(self.changes, high)

    def runs(self, expression, day):
        """All moments of one day of the zone's clock."""
        if not expression.fits(EPOCH + timedelta(days=day)): return []
        base = day * 86400
        if self.quiet(base - 40 * 3600, base + 64 * 3600):
            offset = self.offset(base)
            return [base + minute * 60 - offset for minute in expression.times]
        found = set()
        near = [change for change in self.changes if base - 40 * 3600 < change < base + 64 * 3600]
        for minute in expression.times:
            local = base + minute * 60
            possible = sorted({local - offset for offset in self.offsets if self.offset(local - offset) == offset})
            if expression.everyHour: found.update(possible)
            elif possible: found.add(possible[0])
            else: found.add(next(c for c in near if c - 1 + self.offset(c - 1) < local <= c + self.offset(c)))
        return sorted(found)

    def answer(self, expression, at):
        day = (at + self.offset(at)) // 86400
        later = earlier = None
        for n in range(-2, 1500):
            later = min((run for run in self.runs(expression, day + n) if run > at), default=later)
            # Around a change the order of days is not that of moments: one more is looked at.
            if later is not None and n > 0 and day + n > (later + self.offset(later)) // 86400: break
            if later is not None and n > 0 and self.quiet(at - 3 * 86400, later + 3 * 86400): break
        for n in range(2, -1500, -1):
            found = [run for run in self.runs(expression, day + n) if run <= at]
            if found: earlier = max(found + ([earlier] if earlier is not None else []))
            if earlier is not None and day + n < (earlier + self.offset(earlier)) // 86400: break
            if earlier is not None and n < 0 and self.quiet(earlier - 3 * 86400, at + 3 * 86400): break
        return later, earlier


def main():
    expressions, zones, instants = (int(text) for text in sys.argv[1:4])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 7
    compared = differing = 0
    chance = random.Random(seed)
    all = [Expression(chance) for _ in range(expressions)]
    tables = [Zone(name) for name in ZONES[:zones]]
    for number, expression in enumerate(all):
        for zone in tables:
            moments = [chance.randrange(BEGIN, END) for _ in range(instants)]
            for change in zone.changes:
                if BEGIN <= change < END: moments += [change - 1, change, change + 3599]
            for place, at in enumerate(moments):
                later, earlier = zone.answer(expression, at)
                print(f"{expression.text} {zone.name}\t{at}\t{later}\t{earlier}")
                # croniter is slow: a sample of those away from changes.
                if croniter and place == number % max(1, instants) and zone.quiet(earlier - 3 * 86400, later + 3 * 86400):
                    theirs = croniter(expression.text, datetime.fromtimestamp(at, zone.info), implement_cron_bug=True)
                    compared += 1
                    if int(theirs.get_next(float)) != later:
                        differing += 1
                        if differing < 10: print(f"croniter: {expression.text} {zone.name} {at}", file=sys.stderr)
    print(f"croniter: {compared} compared, {differing} differ" if croniter else "croniter is not installed", file=sys.stderr)
    return 1 if differing else 0


sys.exit(main())
