"""Whether a transaction may wait in the pool: what cannot succeed at the head is refused without touching the chain."""

from node.execution import dry_run
from node.ledger import Ledger
from node.mempool import Checked, Mempool, Refusal, check_signature, read_transaction, window_refusal


def admit(
    ledger: Ledger,
    pool: Mempool,
    raw: bytes,
    *,
    now: int,
    try_out: bool,
    urgent: bool = False,
    in_block: Checked | None = None,
) -> Checked | Refusal:
    """Check a transaction once and put it into the pool.

    One that waits already, or is in a recent block, is answered as if it were new: a retry is harmless. (Not if it
    differs in its signature: that is checked first, unless a peer passed it on, whom nobody answers.) With
    `try_out` its call is run on the head too; what a peer passes on was tried out there. What proves itself has no
    other check, so it is always tried out. `in_block` is the same transaction as it was checked with a proposed block,
    which often comes before what a peer passes on: it waits until that block is committed, and is checked no second time.
    """
    waiting = pool.find(raw)
    if waiting is None and in_block is not None and not (try_out or in_block.transaction.self_proving):
        pool.add(in_block, urgent=urgent)
        waiting = in_block
    if waiting is not None:
        return waiting
    read = read_transaction(ledger.rules, raw)
    if isinstance(read, Refusal):
        return read
    signed, form = read
    settled = form.transaction_id in ledger.seen or form.transaction_id in pool
    if settled and not try_out:
        return form  # passed on once more: nobody waits for an answer, so nothing is left to check
    if pool.full and not settled and not (urgent and pool.has_room_for_urgent):
        return Refusal("pool-full", (len(pool),))
    checked = check_signature(ledger.rules, signed, form, ledger.state)
    if isinstance(checked, Refusal) or settled:
        return checked
    refusal = window_refusal(checked.transaction, now)
    if refusal is None and (try_out or checked.transaction.self_proving):
        refusal = dry_run(ledger.rules, ledger.state, ledger.head.header, checked, time=now)
    if refusal is None:
        pool.add(checked, urgent=urgent)
    return refusal or checked


def drop_outdated(ledger: Ledger, pool: Mempool, *, now: int) -> list[tuple[Checked, Refusal]]:
    """Forget and return, with the reason, what proves nothing any more at the present head.

    No other replica takes it there: a primary that leaves it out censors nobody.
    """
    outdated = []
    for checked in pool.self_proving():
        refusal = dry_run(ledger.rules, ledger.state, ledger.head.header, checked, time=now)
        if refusal is not None:
            outdated.append((checked, refusal))
    pool.remove(checked.transaction_id for checked, _ in outdated)
    return outdated
