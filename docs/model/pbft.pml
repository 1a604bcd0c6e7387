/* PBFT as docs/protocol.md, section 21, has it: three phases, one height in flight, change of view.
 *
 * Four replicas, one of them Byzantine. Two views, two heights one after the other (or what -DVIEWS, -DHEIGHTS say),
 * two blocks that may be proposed for each. R1 to R12 are the rules of section 21. README.md says what is checked,
 * what is left out, and what the other words do that -D may set: each takes one rule away or asks whether something
 * can happen at all.
 *
 * What was said stays said: votes are sets of replicas that only grow, one set per (view, height, block). A correct
 * replica acts on any part of them, at any time or never: that is every delay, loss, repetition and reordering. The
 * Byzantine replica needs no state: its vote counts everywhere at once, for whomever it helps, and its view change
 * shows whatever the certificates that exist can prove. It cannot vote for another: signatures.
 */

#ifndef VIEWS
#define VIEWS 2
#endif
#ifndef HEIGHTS
#define HEIGHTS 2
#endif
#define REPLICAS 4
#ifdef QUORUM_MINUS_ONE
#define QUORUM 2
#else
#define QUORUM 3 /* (n + f) / 2 + 1 */
#endif

mtype = { pre_prepare, prepare, commit };

/* What correct replicas have said. A set is a byte, bit r for replica r. */
byte prepares[VIEWS * HEIGHTS * 2]; /* a primary's bit is its pre-prepare */
byte commits[VIEWS * HEIGHTS * 2];
byte changes[VIEWS * (HEIGHTS + 1)]; /* who wants this view and shows this head, and what is prepared after it: */
byte shown_view[VIEWS * HEIGHTS * REPLICAS];  /* one above the view of the certificate; 0: nothing */
byte shown_block[VIEWS * HEIGHTS * REPLICAS];
bool begun[VIEWS];                  /* a correct primary has cast its new view, which says: */
byte begun_after[VIEWS];            /* the highest committed height, */
byte begun_with[VIEWS];             /* and the block to follow it; 0: any */

/* What a correct replica knows. */
byte head[REPLICAS];                /* its committed height */
byte view[REPLICAS];
bool changing[REPLICAS];            /* whether it waits for the new view of `view` */
byte closed[REPLICAS];              /* no height up to this one is voted on in `view` */
byte bound[REPLICAS];               /* the block to follow it; 0: any */

byte byz;                           /* the Byzantine replica */
bool silent;                        /* it has stopped for ever (only with PROGRESS) */
#ifdef PROGRESS
bool kept[VIEWS * HEIGHTS];         /* a correct replica holds this height with a certificate of this view */
#endif

#define bit(r) (1 << (r))
#define size(s) (((s) & 1) + ((s) >> 1 & 1) + ((s) >> 2 & 1) + ((s) >> 3 & 1))
#define and_byz(s) ((s) | (silent -> 0 : bit(byz)))
#define is_quorum(s) (size(and_byz(s)) >= QUORUM)
#define primary(v) ((v) % REPLICAS)
#define slot(v, h) ((v) * HEIGHTS + (h) - 1)
#define at(v, h, b) (slot(v, h) * 2 + (b) - 1)
#define from(v, h) ((v) * (HEIGHTS + 1) + (h))
#define by(v, h, r) (((v) * HEIGHTS + (h)) * REPLICAS + (r))
#if HEIGHTS == 1
#define wanting(v) (changes[from(v, 0)] | changes[from(v, 1)])
#else
#define wanting(v) (changes[from(v, 0)] | changes[from(v, 1)] | changes[from(v, 2)])
#endif

#define proposed(v, h, b) (and_byz(prepares[at(v, h, b)]) & bit(primary(v)))
#define prepared(v, h, b) (proposed(v, h, b) && is_quorum(prepares[at(v, h, b)]))
#define certified(v, h, b) is_quorum(commits[at(v, h, b)])
#if VIEWS == 2
#define committed(h, b) (certified(0, h, b) || certified(1, h, b))
#else
#define committed(h, b) (certified(0, h, b) || certified(1, h, b) || certified(2, h, b))
#endif
#define decided(h) (committed(h, 1) || committed(h, 2))
#define agreement(h) (!(committed(h, 1) && committed(h, 2)))

/* Seen from replica `me`: its view, its height in flight, and what the rules let it do. */
#define V view[me]
#define H (head[me] + 1)
#ifdef VOTES_AT_CLOSED_HEIGHT
#define may_vote (!changing[me] && head[me] < HEIGHTS)
#else
#define may_vote (!changing[me] && head[me] < HEIGHTS && H > closed[me]) /* R9, R11 */
#endif
#define is_free (H != closed[me] + 1 || bound[me] == 0)
#define may_take(b) ((is_free || bound[me] == b) && named(b)) /* R11 */
#ifdef VOTES_TWICE
#define voted(set, b) (set[at(V, H, b)] & bit(me))
#else
#define voted(set, b) ((set[at(V, H, 1)] | set[at(V, H, 2)]) & bit(me)) /* R7 */
#endif
#if VIEWS == 2
#define spoken_of(h, b) (prepares[at(0, h, b)] | prepares[at(1, h, b)])
#else
#define spoken_of(h, b) (prepares[at(0, h, b)] | prepares[at(1, h, b)] | prepares[at(2, h, b)])
#endif
#define named(b) (b == 1 || spoken_of(H, 1)) /* the first block spoken of is called 1: fewer states */
#if defined(BLOCK_NOT_SHOWN) /* whoever has the block that a primary is bound to keeps it for itself */
#define has_block(b) (is_free || prepares[at(0, H, b)] & bit(me))
#elif defined(BLOCK_KEPT_IF_PREPARED) /* only who was prepared still has the block when the view has changed */
#define has_block(b) (is_free || commits[at(0, H, b)])
#else
#define has_block(b) true
#endif
#define can_propose(b) /* R1, R2, R11 */ \
  (may_vote && may_take(b) && has_block(b) && primary(V) == me && !voted(prepares, b))
#define can_prepare(b) /* R3, R4 */ \
  (may_vote && may_take(b) && primary(V) != me && !voted(prepares, b) && proposed(V, H, b))
#define can_commit(b) /* R5 */ \
  (may_vote && prepares[at(V, H, b)] & bit(me) && prepared(V, H, b) && !voted(commits, b))
#ifdef PROGRESS
#define can_append(v) /* R6, or fetched (21.6) */ \
  (head[me] < HEIGHTS && (certified(v, H, 1) || certified(v, H, 2) || kept[slot(v, H)]))
#else
#define can_append(v) (head[me] < HEIGHTS && (certified(v, H, 1) || certified(v, H, 2)))
#endif
#define can_leave_for(v) /* R9; again if the head has moved */ \
  ((V < v || V == v && changing[me]) && !(changes[from(v, head[me])] & bit(me)))
#define can_enter(v) (V < v || V == v && changing[me])
#define can_select(v) /* R10 */ \
  (can_enter(v) && is_quorum(wanting(v)) && (primary(v) == me && V == v && !begun[v] || primary(v) == byz && !silent))
#ifdef NEW_VIEW_IGNORED
#define can_follow(v) (can_enter(v) && begun[v] && head[me] <= begun_after[v])
#else
#define can_follow(v) (can_enter(v) && begun[v])
#endif

#define cast(set, what, b) \
  set[at(V, H, b)] = set[at(V, H, b)] | bit(me); \
  printf("replica %d: %e, view %d, height %d, block %d\n", me, what, V, H, b)

inline forget_closed() { /* what is below the height in flight is closed anyway: fewer states */
  if
  :: head[me] > closed[me] -> closed[me] = 0; bound[me] = 0
  :: else
  fi
}

inline enter(v, after, block) {
  V = v;
  changing[me] = false;
  closed[me] = after;
  bound[me] = block;
  forget_closed();
  printf("replica %d: enters view %d after height %d, bound to block %d\n", me, v, after, block)
}

inline append(v) {
  printf("replica %d: appends height %d with a certificate of view %d\n", me, H, v);
#ifdef REACH_COMMIT
  assert(!(v == 0 && H == HEIGHTS));
#endif
#ifdef REACH_PROPOSED_AGAIN
  assert(!(v == 1 && H == begun_after[1] + 1 && begun_with[1]));
#endif
#ifdef REACH_CARRIED
  assert(!(can_enter(v) && v == 1 && H == HEIGHTS));
#endif
#ifdef PROGRESS
  kept[slot(v, H)] = true;
#endif
  head[me]++;
  if
  :: can_enter(v) -> enter(v, 0, 0) /* R12 */
  :: else -> forget_closed()
  fi
}

inline leave_for(v) { /* R9: shows its head, and what it prepared last at the height after it */
  V = v;
  changing[me] = true;
  closed[me] = 0;
  bound[me] = 0;
  changes[from(v, head[me])] = changes[from(v, head[me])] | bit(me);
  do
  :: head[me] == HEIGHTS || best == v -> break
  :: else ->
    if
    :: commits[at(best, H, 1)] & bit(me) -> block = 1; after = best + 1
    :: commits[at(best, H, 2)] & bit(me) -> block = 2; after = best + 1
    :: else
    fi;
    best++
  od;
  printf("replica %d: view change to %d: head %d, prepared block %d\n", me, v, head[me], block);
  if
  :: block -> shown_view[by(v, head[me], me)] = after; shown_block[by(v, head[me], me)] = block
  :: else
  fi;
  best = 0; block = 0; after = 0
}

/* R11: what is selected so far, or what one more view change shows. */
inline weigh(its_head, its_view, its_block) {
  if
  :: its_head > after -> after = its_head; best = its_view; block = its_block
#ifdef LOWEST_PREPARED
  :: its_head == after && its_view && (its_view < best || !best) -> best = its_view; block = its_block
#else
  :: its_head == after && its_view > best -> best = its_view; block = its_block
#endif
  :: else
  fi
}

#define show_prepared(w, h, b) \
  :: w < v && prepared(w, h, b) -> weigh(h - 1, w + 1, b)

/* What the Byzantine replica can show in a view change to v. */
inline lie(v) {
  if
  :: true /* nothing committed, nothing prepared */
  :: decided(1) -> weigh(1, 0, 0)
  show_prepared(0, 1, 1)
  show_prepared(0, 1, 2)
#if VIEWS > 2
  show_prepared(1, 1, 1)
  show_prepared(1, 1, 2)
#endif
#if HEIGHTS > 1
  :: decided(2) -> weigh(2, 0, 0)
  show_prepared(0, 2, 1)
  show_prepared(0, 2, 2)
#if VIEWS > 2
  show_prepared(1, 2, 1)
  show_prepared(1, 2, 2)
#endif
#endif
  fi
}

#define show_change(v, h) \
  :: who < REPLICAS && count < QUORUM && changes[from(v, h)] & bit(who) -> \
    if \
    :: h < HEIGHTS -> weigh(h, shown_view[by(v, h, who)], shown_block[by(v, h, who)]) \
    :: else -> weigh(h, 0, 0) \
    fi; \
    count++; who++

inline select_from(v) { /* R10, R11: any quorum of view changes; `count` falls short if too many are left out */
  do
  :: who == REPLICAS || count == QUORUM -> break
  :: who < REPLICAS && count < QUORUM -> who++
  show_change(v, 0)
  show_change(v, 1)
#if HEIGHTS > 1
  show_change(v, 2)
#endif
  :: who < REPLICAS && count < QUORUM && who == byz && !silent -> lie(v); count++; who++
  od
}

inline begin(v) { /* R7, R11: a correct primary, once */
  begun[v] = true;
  begun_after[v] = after;
  begun_with[v] = block;
  printf("replica %d: new view %d\n", me, v);
  enter(v, after, block)
}

inline learn_head() { /* R11: the certificate of the highest committed height serves whoever has the block */
#if defined(PROGRESS) && !defined(SHOWN_CERTIFICATE_IGNORED)
  do
  :: after == 0 || who == VIEWS -> break
  :: else -> kept[slot(who, after)] = kept[slot(who, after)] || certified(who, after, 1) || certified(who, after, 2); who++
  od
#else
  skip
#endif
}

inline act_on_selection(v) {
#ifdef NO_PREPARED_SET
  block = 0;
#endif
  who = 0;
  if
  :: count == QUORUM -> learn_head()
  :: else
  fi;
  if
  :: count < QUORUM
  :: count == QUORUM && primary(v) == me -> begin(v)
  :: count == QUORUM && primary(v) != me -> enter(v, after, block)
  fi;
  who = 0; count = 0; after = 0; best = 0; block = 0
}

#define steps_of_new_view(v) \
  :: d_step { can_leave_for(v) -> leave_for(v) } \
  :: d_step { can_follow(v) -> enter(v, begun_after[v], begun_with[v]) } \
  :: atomic { can_select(v) -> select_from(v); d_step { true -> act_on_selection(v) } }

proctype Replica(byte me) {
  byte who, count, after, best, block; /* 0 between steps */
end:
  do
  :: d_step { can_propose(1) -> cast(prepares, pre_prepare, 1) }
  :: d_step { can_propose(2) -> cast(prepares, pre_prepare, 2) }
  :: d_step { can_prepare(1) -> cast(prepares, prepare, 1) }
  :: d_step { can_prepare(2) -> cast(prepares, prepare, 2) }
  :: d_step { can_commit(1) -> cast(commits, commit, 1); assert(agreement(H)) }
  :: d_step { can_commit(2) -> cast(commits, commit, 2); assert(agreement(H)) }
  :: d_step { can_append(0) -> append(0) }
  :: d_step { can_append(1) -> append(1) }
  steps_of_new_view(1)
#if VIEWS > 2
  :: d_step { can_append(2) -> append(2) }
  steps_of_new_view(2)
#endif
#ifdef PROMISE_FORGOTTEN
  :: d_step { changing[me] -> V = 0; changing[me] = false; printf("replica %d: is back in view 0\n", me) }
#endif
#ifdef NEW_VIEW_FORGOTTEN
  :: d_step { closed[me] || bound[me] -> closed[me] = 0; bound[me] = 0; printf("replica %d: forgets\n", me) }
#endif
  od
}

#define is_done(r) (byz == r || head[r] == HEIGHTS)

init {
  atomic {
#ifdef BYZANTINE
    byz = BYZANTINE;
    printf("replica %d is Byzantine\n", byz);
#else
    if
    :: byz = 0
    :: byz = 1
#if VIEWS > 2
    :: byz = 2
#endif
    :: byz = 3
    fi;
#endif
    if :: byz != 0 -> run Replica(0) :: else fi;
    if :: byz != 1 -> run Replica(1) :: else fi;
    if :: byz != 2 -> run Replica(2) :: else fi;
    if :: byz != 3 -> run Replica(3) :: else fi
  }
#ifdef PROGRESS /* it stops whenever it likes; when nothing can happen any more, everything has been committed */
  byz != primary(VIEWS - 1) -> silent = true;
  timeout -> assert(is_done(0) && is_done(1) && is_done(2) && is_done(3))
#endif
}
