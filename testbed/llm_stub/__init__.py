"""A test double of an OpenAI-compatible model server, with service times and faults that can be set."""
