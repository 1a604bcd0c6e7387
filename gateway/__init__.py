"""How people reach ten chains: one REST API. Meets a node only on the wire, in the records of `chain.rpc`."""
