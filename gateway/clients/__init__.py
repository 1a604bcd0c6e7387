"""Links to the nodes. What they say is checked in `gateway.chains`, never here."""
