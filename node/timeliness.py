"""Whether the time of a first proposal is near this replica's clock (protocol 21.4).

Never ahead of it by more than the skew that the profile allows. Behind it by more only if the proposal may be sent
again: if it is older than the link to its primary, or than this machine's last sleep.
"""


class Timeliness:
    """When links came up and when the clock was last looked at; all times in ms."""

    def __init__(self, skew: int, now: int) -> None:
        self._skew = skew
        self._ticked_at = now
        self._linked_at: dict[int, int] = {}

    def linked(self, peer: int, now: int) -> None:
        """The link to a peer is new."""
        self._linked_at[peer] = now

    def lost(self, peer: int) -> None:
        """The link to a peer is gone."""
        self._linked_at.pop(peer, None)

    def ticked(self, now: int) -> None:
        """One tick. If many are missing the machine slept, and what was on its way as well: links count as new."""
        if now - self._ticked_at > self._skew:
            self._linked_at = dict.fromkeys(self._linked_at, now)
        self._ticked_at = now

    def allows(self, time: int, primary: int, now: int, *, earliest: int) -> bool:
        """Whether a first proposal of `primary` may have this time.

        `earliest`, the first time after the head's, may always be had: if all clocks are set back, blocks go on.
        """
        if time > max(now + self._skew, earliest):
            return False
        return now - time <= self._skew or time < self._linked_at.get(primary, now)
