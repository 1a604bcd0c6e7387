"""What runs a chain: consensus, execution, storage and network of one operating-system process."""
