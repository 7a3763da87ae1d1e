#!/usr/bin/env python3
"""Explicit-state model of Stoker's vault protocol (breadth first, so every trace shown is a shortest one).

  pypy3 Scripts/vault-model.py            all designs, verdict table
  pypy3 Scripts/vault-model.py good -v    one design;  -v prints the trace of a violation
  pypy3 Scripts/vault-model.py good --max 3000000 --crash 2 --late 2 --versions 6
  pypy3 Scripts/vault-model.py 'reinstate' 'reinstate, made again' --reinstate 1 --keep 2 --crash 0 --reader 0 --boots 1 --versions 4 --gcruns 1
  pypy3 Scripts/vault-model.py good 'swapped again whatever is there' --beside 2 --crash 0 --reader 0 --boots 1 --versions 4 --gcruns 1 --late 0

Processes: two containers W1 (running) and W2 (the redeploy), an operator's GC beside, a reader that restores beside, an operator who puts an older
snapshot back (`stoker snapshots reinstate`), and somebody who changes other files of the place, which makes another version of the same head.
Every call to the store is one of: done + answered | done, answer lost | not done, error | client gives up and the request is
applied LATER or never ("late" message). Any process may stop for any time (interleaving = paused VM, partition), crash and
boot again. Reads may be one version old where the design allows it. No process looks at a clock: a lease that has "expired" is
modelled as: it may be thought expired at any moment (the worst clock there is).

App content of version v: a chunk of its own for even v, the shared chunk X for odd v. So X is dropped and wanted again, which is what makes
deduplication and GC race.  A pack holds the new chunks of one snapshot.

`numbered`: the store knows only "create if absent": heads are objects 1, 2, 3 ..., the highest one counts, GC deletes old ones.
`squash`: GC also squashes the history of a dataset repo; 'atomic': the Hub does it in one step, 'torn': it reads the head and later sets the
branch to what it read, without a look in between.
"""
import sys, time
from collections import namedtuple, deque

X = -1
def chunks(v): return frozenset((X,)) if v % 2 else frozenset((v,))

# snaps: oldest..newest of (version, frozenset(packs)); index: packs that may be deduplicated against; cond: condemned packs
# etag: what a swap expects. cid: which head it is; other files of the place change the etag alone
Head = namedtuple('Head', 'etag epoch by snaps index cond cid')
W = namedtuple('W', 'pc boot h epoch v refs newp tries')      # a container with its guard
G = namedtuple('G', 'pc h todo runs')                         # GC beside (an operator's `forget`)
R = namedtuple('R', 'pc h todo floor tries')                  # a restore beside (a drill)
O = namedtuple('O', 'pc h v epoch tries runs acts')           # an operator's `reinstate`; acts: how often it took effect
S = namedtuple('S', 'head prev packs pinfo parents acked w1 w2 g r late crash nlate nums o beside')

class Bad(Exception): pass

GOOD = dict(
    fence=True,          # publish = compare-and-swap on the head
    epoch_check=True,    # after a 412: look whose epoch it is before rebasing
    claim_first=True,    # restore what the own successful claim names, never what was read before
    upload_first=True,   # publish only when every pack was confirmed
    look_after_loss=True,# lost answer or 412: read the head, see whether the effect was ours
    fail_closed=True,    # a restore that fails starts no app
    gc='condemn',        # condemn by CAS (drop from index), delete afterwards | 'age': delete what nothing refers to and is old
    fresh_names=True,    # pack names never come back | False: name = hash of content
    recheck=True,        # after a rebase: are all packs that I rely on still in the index?
    orphans='epoch',     # unpublished packs are deleted when their epoch is over | 'any'
    stale_reads=True,
    numbered=False,      # True: heads are numbered objects, created if absent
    confirm=True,        # numbered: after a success look whether one's own is the highest
    squash=None,
    same_head=True,      # a refusal of another version of the same head: the same swap again | False: whatever is there now
    reinstate_looks=True,# a refused or lost reinstate is made again only while the epoch is what it was
)
DESIGNS = {'good': {},
  'lease, no fencing':            dict(fence=False, epoch_check=True),
  '412 -> re-read and retry':     dict(epoch_check=False),
  'restore, then take the lease': dict(claim_first=False),
  'publish before upload is done':dict(upload_first=False),
  'failed restore starts empty':  dict(fail_closed=False),
  'GC by age only':               dict(gc='age'),
  'packs named by their hash':    dict(fresh_names=False),
  'no re-check after a rebase':   dict(recheck=False),
  'orphans of any epoch deleted': dict(orphans='any'),
  'error taken as not done':      dict(look_after_loss=False),
  'numbered heads, pruned':       dict(numbered=True, confirm=False),
  'numbered heads + confirm':     dict(numbered=True),
  'squash, torn at the Hub':      dict(squash='torn'),
  'squash, atomic at the Hub':    dict(squash='atomic'),
  'swapped again whatever is there': dict(same_head=False),
  'reinstate':                    {},
  'reinstate, made again':        dict(reinstate_looks=False),
}

def ancestors(parents, v):
    out = set()
    while v is not None and v not in out:
        out.add(v); v = parents[v]
    return out

class Model:
    def __init__(m, d, versions=5, boots=2, gcruns=2, late=1, crash=1, keep=1, reader=True, beside=0, reinstate=0):
        m.d = dict(GOOD, **d); m.V, m.B, m.GC, m.L, m.C, m.K, m.reader = versions, boots, gcruns, late, crash, keep, reader; m.beside, m.reinstate = beside, reinstate

    def initial(m):
        # v1 = {X} in pack 0, v2 = {2} in pack 1, published by W1 in epoch 1, who runs on with v2
        h = Head(0, 1, ('p', 2), ((1, frozenset((0,))), (2, frozenset((1,)))), frozenset((0, 1)), frozenset(), 0)
        pinfo = ((1, chunks(1)), (1, chunks(2)))
        w1 = W('run', 0, h, 1, 2, frozenset((1,)), None, 0); w2 = W('off', 0, None, 0, 0, frozenset(), None, 0)
        return S(h, h, frozenset((0, 1)), pinfo, (None, None, 1), 2, w1, w2,
                 G('idle', None, frozenset(), 0), R('idle', None, frozenset(), 0, 0), frozenset(), 0, 0, frozenset((0,)),
                 O('idle', None, None, 0, 0, 0, 0), 0)

    # ---- the store -------------------------------------------------------------------------------------------------------
    def apply(m, s, op):
        """What an operation does when it reaches the store: (new state, succeeded)."""
        kind = op[0]
        if kind == 'put':
            return s._replace(packs=s.packs | {op[1]}), True
        if kind == 'del':
            return s._replace(packs=s.packs - {op[1]}), True
        _, expected, new, what = op                     # cas
        old = s.head
        if m.d['numbered']:
            n = expected + 1
            if n in s.nums: return s, False
            s = s._replace(nums=s.nums | {n})
            if n <= old.etag: return s, True            # below the newest: the object was made, nobody will look at it
        elif what == 'squash':
            if m.d['squash'] == 'torn': new = new._replace(etag=old.etag + 1); return s._replace(head=new, prev=old), True
            new = old                                   # the tree stays, only the commit's name changes
        elif expected is not None and s.head.etag != expected: return s, False
        new = new._replace(etag=old.etag + 1, cid=old.cid + (0 if what == 'squash' else 1))
        if what == 'reinstate':
            if s.o.acts: raise Bad('I6 one request put a snapshot back twice: what was published behind the first is not the newest any more')
            s = s._replace(o=s.o._replace(acts=1))
            if new.epoch <= old.epoch: raise Bad('I3 a reinstate did not fence')
        if what in ('publish', 'reinstate'):
            if new.epoch < old.epoch: raise Bad('I3 a fenced writer published: epoch %d over %d' % (new.epoch, old.epoch))
            a, b = old.snaps[-1][0], new.snaps[-1][0]
            if a not in ancestors(s.parents, b): raise Bad('I2 version %d replaced %d, of which it knows nothing' % (b, a))
        s = s._replace(head=new, prev=old)
        return s, True

    def outcomes(m, s, op, late_ok=True):
        """(state, answer) for all fates of a call; answers: ok, no (412), err (nothing known)."""
        out = []
        t, ok = m.apply(s, op)
        out.append((t, 'ok' if ok else 'no', ''))
        if ok: out.append((t, 'err', ' [answer lost]'))
        out.append((s, 'err', ' [never arrived]'))
        if late_ok and s.nlate < m.L:
            out.append((s._replace(late=s.late | {op}, nlate=s.nlate + 1), 'err', ' [given up, still under way]'))
        return out

    def reads(m, s):
        out = [(s.head, '')]
        if m.d['stale_reads'] and s.prev != s.head: out.append((s.prev, ' (stale)'))
        return out

    # ---- invariants of a state -----------------------------------------------------------------------------------------
    def check(m, s):
        if not s.head.snaps[-1][1] <= s.packs: raise Bad('I1 the newest snapshot cannot be restored: pack %s is gone' % sorted(s.head.snaps[-1][1] - s.packs))
        for v, refs in s.head.snaps:
            if not refs <= s.packs: raise Bad('I4 a chunk of kept snapshot v%d was deleted' % v)
        anc = ancestors(s.parents, s.head.snaps[-1][0])
        if s.acked not in anc: raise Bad('I5 acknowledged v%d is not in the newest (v%d)' % (s.acked, s.head.snaps[-1][0]))

    # ---- a container -----------------------------------------------------------------------------------------------------
    def writer(m, s, name, out):
        w = getattr(s, name); d = m.d
        def go(t, label, **kw): out.append((name + ' ' + label, t._replace(**{name: getattr(t, name)._replace(**kw)})))
        pc = w.pc
        if pc not in ('off', 'stopped') and s.crash < m.C:
            t = s._replace(crash=s.crash + 1)
            go(t, 'CRASH', pc='off', h=None, epoch=0, v=0, refs=frozenset(), newp=None, tries=0)
        if pc == 'off' and w.boot < m.B:
            go(s, 'boots', pc='read', boot=w.boot + 1, tries=0)
        elif pc == 'read':
            for h, q in m.reads(s):
                go(s, 'reads head %d%s' % (h.etag, q), pc='claim' if d['claim_first'] else 'restore', h=h)
        elif pc == 'claim':
            me = ('c', name, w.boot); h = w.h
            new = h._replace(epoch=h.epoch + 1, by=me)
            for t, a, q in m.outcomes(s, ('cas', h.etag, new, 'claim')):
                if a == 'ok' and d['numbered'] and d['confirm']: go(t, 'claims, looks%s' % q, pc='claimlook')
                elif a == 'ok': go(t, 'claims epoch %d%s' % (new.epoch, q), pc='restore' if d['claim_first'] else 'run', h=new._replace(etag=h.etag + 1, cid=h.cid + 1), epoch=new.epoch)
                elif w.tries < 2: go(t, 'claim: %s%s' % (a, q), pc='claimlook', tries=w.tries + 1)
                else: go(t, 'claim: gives up%s' % q, pc='off')
        elif pc == 'claimlook':
            h = s.head                                 # this one read is of the store itself, by its tag (HEAD), never of a cache
            if d['look_after_loss'] and h.by == ('c', name, w.boot): go(s, 'sees that its claim was made', pc='restore' if d['claim_first'] else 'run', h=h, epoch=h.epoch)
            else: go(s, 'reads again', pc='claim', h=h)
        elif pc == 'restore':
            v, refs = w.h.snaps[-1]
            if refs <= s.packs:
                if d['claim_first'] and s.head.epoch == w.epoch and s.acked not in ancestors(s.parents, v):
                    raise Bad('I5 restored v%d although v%d was acknowledged' % (v, s.acked))
                go(s, 'restores v%d' % v, pc='run' if d['claim_first'] else 'claimfresh', v=v, refs=refs)
                go(s, 'cannot read the snapshot now', pc='stopped' if d['fail_closed'] else 'empty')
            else: go(s, 'cannot restore', pc='stopped' if d['fail_closed'] else 'empty')
        elif pc == 'claimfresh':                       # the wrong order: state from an older look, lease from a newer one
            go(s, 'reads head for the lease', pc='claim', h=s.head)
        elif pc == 'empty':
            if len(s.parents) <= m.V:
                v = len(s.parents)
                t = s._replace(parents=s.parents + (None,))
                go(t, 'starts EMPTY as v%d' % v, pc='dirty', v=v, refs=frozenset(), newp=None, tries=0)
        elif pc == 'run':
            if len(s.parents) <= m.V:
                v = len(s.parents)
                t = s._replace(parents=s.parents + (w.v,))
                go(t, 'app changes v%d -> v%d' % (w.v, v), pc='dirty', v=v, refs=frozenset(), newp=None, tries=0)
        elif pc == 'dirty':                            # which chunks are there already, which go into a new pack
            need = chunks(w.v); refs = set(); left = set(need)
            for p in sorted(w.h.index):
                if s.pinfo[p][1] & left: refs.add(p); left -= s.pinfo[p][1]
            if not left: go(s, 'needs no new pack', pc='publish', refs=frozenset(refs), newp=None); return
            left = frozenset(left); t = s
            if d['fresh_names']: p = len(s.pinfo); t = s._replace(pinfo=s.pinfo + ((w.epoch, left),))
            else:
                same = [i for i, (e, c) in enumerate(s.pinfo) if c == left]
                if same: p = same[0]
                else: p = len(s.pinfo); t = s._replace(pinfo=s.pinfo + ((w.epoch, left),))
            refs.add(p)
            go(t, 'packs %s as P%d, relies on %s' % (sorted(left), p, sorted(refs - {p})), pc='put', refs=frozenset(refs), newp=p)
            if not d['upload_first']: go(t, 'sends P%d along, does not wait' % p, pc='publish', refs=frozenset(refs), newp=p)
        elif pc == 'put':
            for t, a, q in m.outcomes(s, ('put', w.newp)):
                if a == 'ok': go(t, 'uploads P%d' % w.newp, pc='publish')
                elif w.tries < 1: go(t, 'upload of P%d: error%s' % (w.newp, q), pc='put', tries=w.tries + 1)
        elif pc == 'publish':
            h = w.h
            refs = w.refs
            new = h._replace(epoch=w.epoch, by=('p', w.v), snaps=h.snaps + ((w.v, refs),),
                             index=h.index | ({w.newp} if w.newp is not None else set()))
            if not d['fence']:                         # the lease is believed to be held; the write is unconditional
                for t, a, q in m.outcomes(s, ('cas', None, new, 'publish')):
                    if a == 'ok': go(t._replace(acked=w.v), 'publishes v%d' % w.v, pc='run', h=t.head)
                return
            for t, a, q in m.outcomes(s, ('cas', h.etag, new, 'publish')):
                if a == 'ok' and d['numbered'] and d['confirm']: go(t, 'publishes v%d, looks%s' % (w.v, q), pc='look')
                elif a == 'ok': go(t._replace(acked=w.v), 'publishes v%d%s' % (w.v, q), pc='run', h=new._replace(etag=h.etag + 1, cid=h.cid + 1), tries=0)
                else: go(t, 'publish v%d: %s%s' % (w.v, a, q), pc='look')
        elif pc == 'look':
            h = s.head
            anc = ancestors(s.parents, h.snaps[-1][0])
            if d['look_after_loss'] and h.by == ('p', w.v): go(s._replace(acked=w.v), 'sees that v%d was published' % w.v, pc='run', h=h, tries=0); return
            if not d['look_after_loss'] and h.epoch == w.epoch:
                # "it failed": the same is published again on the newer head, as if nothing had happened
                if w.tries < 2: go(s, 'believes it was not done', pc='dirty', h=h, tries=w.tries + 1)
                return
            if d['same_head'] and h.cid == w.h.cid:
                # Other files changed: the same swap for the version of now.
                if h.etag != w.h.etag: go(s, 'finds the same head under another version', pc='publish', h=h)
                elif w.tries < 2: go(s, 'finds the same head', pc='publish', tries=w.tries + 1)
                return
            if not d['same_head']:
                if w.tries < 2: go(s, 'swaps again for whatever is there', pc='publish', h=w.h._replace(etag=h.etag), tries=w.tries + 1)
                return
            if d['epoch_check'] and h.epoch != w.epoch: go(s, 'is FENCED by epoch %d' % h.epoch, pc='stopped'); return
            if w.tries >= 2: return
            # the same epoch: GC beside moved the head (or an older request of mine arrived late): rebase
            if any(v == w.v for v, _ in h.snaps): go(s._replace(acked=w.v), 'finds v%d among the kept' % w.v, pc='run', h=h, tries=0); return
            own = {w.newp} if w.newp is not None else set()
            if d['recheck'] and not w.refs <= h.index | own:
                go(s, 'rebases: packs went, packs anew', pc='dirty', h=h, tries=w.tries + 1)
            else: go(s, 'rebases', pc='publish', h=h, epoch=w.epoch if d['epoch_check'] else h.epoch, tries=w.tries + 1)

    # ---- GC beside ----------------------------------------------------------------------------------------------------------
    def gc(m, s, out):
        g = s.g; d = m.d
        def go(t, label, **kw): out.append(('GC ' + label, t._replace(g=t.g._replace(**kw))))
        if g.pc == 'idle' and g.runs < m.GC:
            for h, q in m.reads(s): go(s, 'reads head %d%s' % (h.etag, q), pc='mark', h=h, runs=g.runs + 1)
        elif g.pc == 'mark':
            h = g.h; kept = h.snaps[-m.K:]; live = frozenset().union(*(r for _, r in kept))
            def orphans(h, index, cond):
                return frozenset(p for p in s.packs if p not in index and p not in cond and
                                 (d['orphans'] == 'any' or s.pinfo[p][0] < h.epoch))
            if d['gc'] == 'age':
                # forget first (CAS), then delete whatever no kept snapshot of the head that was read names
                for t, a, q in m.outcomes(s, ('cas', h.etag, h._replace(by=('g', g.runs), snaps=kept), 'gc')):
                    if a == 'ok': go(t, 'forgets, keeps %s' % [v for v, _ in kept], pc='sweep', h=t.head, todo=frozenset(p for p in t.packs if p not in live))
                    else: go(t, 'forget: %s%s' % (a, q), pc='idle')
                return
            new = h._replace(by=('g', g.runs), snaps=kept, index=live, cond=h.cond | (h.index - live))
            for t, a, q in m.outcomes(s, ('cas', h.etag, new, 'gc')):
                if a == 'ok': go(t, 'condemns %s%s' % (sorted(new.cond), q), pc='sweep', h=t.head, todo=frozenset(p for p in new.cond if p in t.packs) | orphans(new, new.index, new.cond))
                else: go(t, 'condemn: %s%s' % (a, q), pc='idle')      # unknown: the next run reads again; condemned stays condemned
        elif g.pc == 'sweep':
            if not g.todo:
                go(s, 'is done', pc='squash' if d['squash'] else 'idle', h=s.head if d['squash'] else None)
                if d['numbered'] and any(n < g.h.etag for n in s.nums):
                    go(s._replace(nums=frozenset(n for n in s.nums if n >= g.h.etag)), 'deletes old heads', pc='idle', h=None)
                return
            p = min(g.todo)
            for t, a, q in m.outcomes(s, ('del', p)): go(t, 'deletes P%d%s' % (p, q), todo=g.todo - {p})
            if s.crash < m.C: go(s._replace(crash=s.crash + 1), 'CRASH', pc='idle', h=None, todo=frozenset())

        if g.pc == 'squash':
            for t, a, q in m.outcomes(s, ('cas', None, g.h, 'squash')): go(t, 'squashes%s' % q, pc='idle', h=None)

    # ---- a restore beside (drill): may be overtaken, must never end with a mixture or something older than acknowledged ----
    def read(m, s, out):
        r = s.r
        def go(t, label, **kw): out.append(('R ' + label, t._replace(r=t.r._replace(**kw))))
        if r.pc == 'idle': go(s, 'reads head %d' % s.head.etag, pc='fetch', h=s.head, todo=s.head.snaps[-1][1], floor=s.acked)
        elif r.pc == 'fetch':
            v = r.h.snaps[-1][0]
            if not r.todo:
                if r.floor not in ancestors(s.parents, v): raise Bad('I5 a restore ended with v%d, v%d was acknowledged before it began' % (v, r.floor))
                go(s, 'has v%d whole' % v, pc='done', h=None); return
            p = min(r.todo)
            if p in s.packs: go(s, 'fetches P%d' % p, todo=r.todo - {p})
            elif s.head.etag == r.h.etag: raise Bad('I1 a restore of the newest head misses P%d' % p)
            elif r.tries < 2: go(s, 'was overtaken, begins anew', pc='fetch', h=s.head, todo=s.head.snaps[-1][1], floor=s.acked, tries=r.tries + 1)

    # ---- an operator who puts an older snapshot back ------------------------------------------------------------------------
    def operator(m, s, out):
        o = s.o; d = m.d
        def go(t, label, **kw): out.append(('O ' + label, t._replace(o=t.o._replace(**kw))))
        if o.pc == 'idle' and o.runs < m.reinstate:
            for h, q in m.reads(s): go(s, 'reads head %d%s' % (h.etag, q), pc='ask', h=h, runs=o.runs + 1)
        elif o.pc == 'ask':
            h = o.h
            if len(h.snaps) < 2: go(s, 'finds no older snapshot', pc='done', h=None); return
            t = s; v = len(s.parents)
            # A new version with the contents of the older one; the person's word covers the newest of the head that is swapped.
            t = t._replace(parents=t.parents + (h.snaps[-1][0],))
            new = h._replace(epoch=h.epoch + 1, by=('o', v), snaps=h.snaps + ((v, h.snaps[-2][1]),))
            for u, a, q in m.outcomes(t, ('cas', h.etag, new, 'reinstate')):
                if a == 'ok' and d['numbered'] and d['confirm']: go(u, 'puts v%d back as v%d, looks%s' % (h.snaps[-2][0], v, q), pc='look', v=v, epoch=new.epoch)
                elif a == 'ok': go(u._replace(acked=v), 'puts v%d back as v%d%s' % (h.snaps[-2][0], v, q), pc='done', h=None)
                else: go(u, 'reinstate: %s%s' % (a, q), pc='look', v=v, epoch=new.epoch)
        elif o.pc == 'look':
            h = s.head
            if h.by == ('o', o.v): go(s._replace(acked=o.v), 'sees that it was done', pc='done', h=None); return
            if d['reinstate_looks']:
                if any(v == o.v for v, _ in h.snaps): go(s, 'finds its snapshot among the kept', pc='done', h=None); return
                if h.epoch >= o.epoch: go(s, 'another took the pen: says so', pc='done', h=None); return
            if o.tries < 2: go(s, 'tries again', pc='ask', h=h, tries=o.tries + 1)

    def successors(m, s):
        out = []
        if s.beside < m.beside:
            out.append(('store: another file changes', s._replace(head=s.head._replace(etag=s.head.etag + 1), beside=s.beside + 1)))
        m.operator(s, out)
        for op in s.late:
            t, ok = m.apply(s._replace(late=s.late - {op}), op)
            out.append(('store: late %s %s' % (op[0] if op[0] != 'cas' else op[3], 'takes effect' if ok else 'is refused'), t))
        m.writer(s, 'w1', out); m.writer(s, 'w2', out); m.gc(s, out)
        if m.reader: m.read(s, out)
        return out

    def run(m, limit, seconds=1e9):
        t0 = time.time(); first = m.initial(); seen = {first: None}; queue = deque([first]); level = edges = 0
        ends = set()
        while queue:
            s = queue.popleft()
            try:
                m.check(s); nxt = m.successors(s)
            except Bad as b:
                return dict(verdict=str(b), states=len(seen), trace=m.trace(seen, s, str(b)), s=time.time() - t0)
            for label, t in nxt:
                edges += 1
                if t not in seen: seen[t] = (s, label); queue.append(t)
            if len(seen) > limit or time.time() - t0 > seconds:
                return dict(verdict='no violation so far (bound reached)', states=len(seen), trace=[], s=time.time() - t0, open=len(queue))
        return dict(verdict='holds (all states)', states=len(seen), edges=edges, trace=[], s=time.time() - t0)

    def trace(m, seen, s, why):
        out = []
        # the violating step itself is found by trying the last state's successors one by one
        while seen[s] is not None: s, label = seen[s]; out.append(label)
        return out[::-1] + ['=> ' + why]

if __name__ == '__main__':
    args = sys.argv[1:]; opt = {}; verbose = '-v' in args
    while args and any(a.startswith('--') for a in args):
        i = next(i for i, a in enumerate(args) if a.startswith('--')); opt[args[i][2:]] = int(args[i + 1]); del args[i:i + 2]
    names = [a for a in args if a != '-v'] or list(DESIGNS)
    limit = opt.pop('max', 1500000); secs = opt.pop('seconds', 10**9)
    for n in names:
        r = Model(DESIGNS[n], **opt).run(limit, secs)
        print('%-32s %-78s %9d states %6.1f s, trace %d' % (n, r['verdict'], r['states'], r['s'], len(r['trace'])), flush=True)
        if verbose:
            for i, l in enumerate(r['trace']): print('   %2d %s' % (i + 1, l))
