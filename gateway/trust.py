"""What the gateway believes of one chain's replicas: every set since genesis, each handed over by the one before.

A header is checked against the set of its own height, old or new. A set that is not known yet is learnt from the
certified header before it, from whichever node shows that; nobody's word is needed (protocol 11.3).
"""

from collections import OrderedDict
from typing import Final

from chain.codec import encode
from chain.light_client import (
    CertifiedHeader,
    Fault,
    Handover,
    HeaderFault,
    Sighting,
    Trusted,
    follow,
    header_fault,
)
from chain.membership import Membership
from chain.rules import ChainRules

TRUSTED_HEADERS_MAX: Final = 512


class Trust:
    """The way from the genesis document to the present set, and the headers that were checked of late."""

    def __init__(self, rules: ChainRules, genesis_time: int, membership: Membership) -> None:
        self._rules = rules
        self._trusted = [Trusted(height=0, time=genesis_time, membership=membership)]
        self._handovers: list[Handover] = []
        self._certified: OrderedDict[bytes, None] = OrderedDict()
        self._latest: CertifiedHeader | None = None
        """The one that was believed last: comparing it with the next costs a twentieth of encoding and hashing that."""

    @property
    def height(self) -> int:
        """The height of the last hand-over; 0 if there was none."""
        return self._trusted[-1].height

    @property
    def membership(self) -> Membership:
        """The latest set that is known."""
        return self._trusted[-1].membership

    def handovers_to(self, height: int) -> tuple[Handover, ...]:
        """What leads from genesis to the set that certifies `height`."""
        return tuple(handover for handover in self._handovers if handover.certified.header.height < height)

    def sighting(self, certified: CertifiedHeader, since: int) -> Sighting | None:
        """The header with every change of membership above height `since`; None if its own next set is not known here."""
        header, following = certified.header, None
        if header.next_membership != header.membership:
            following = next((one.next_membership for one in self._handovers if one.certified.header == header), None)
            if following is None:
                return None
        missed = tuple(one for one in self._handovers if since < one.certified.header.height < header.height)
        return Sighting(handovers=missed, certified=certified, next_membership=following)

    def fault(self, certified: CertifiedHeader) -> Fault | None:
        """Why the header is not to be believed; None if it is. Remembered with that very certificate."""
        if certified == self._latest:
            return None
        digest = self._rules.digest(encode(certified))
        if digest in self._certified:
            self._latest = certified
            return None
        fault = header_fault(self._rules, self._before(certified.header.height), certified)
        if fault is None:
            self._latest = certified
            self._certified[digest] = None
            if len(self._certified) > TRUSTED_HEADERS_MAX:
                self._certified.popitem(last=False)
        return fault

    def may_be_of_another_set(self, certified: CertifiedHeader) -> bool:
        """Whether all that speaks against the header so far is a set that is not known here."""
        unknown = certified.header.height > self.height
        return unknown and self.fault(certified) == HeaderFault.MEMBERSHIP_DIFFERS

    def learn(self, handover: Handover) -> Fault | None:
        """Go one set further; the fault if it is no hand-over of the present set."""
        trusted = follow(self._rules, self._trusted[-1], (handover,))
        if not isinstance(trusted, Trusted):
            return trusted
        self._trusted.append(trusted)
        self._handovers.append(handover)
        return None

    def _before(self, height: int) -> Trusted:
        """What is trusted below a height: its membership certifies that height."""
        return next((trusted for trusted in reversed(self._trusted) if trusted.height < height), self._trusted[0])
