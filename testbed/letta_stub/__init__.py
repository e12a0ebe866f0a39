"""A test double of Letta 0.16.4: its HTTP interface with service times and faults that can be set."""
