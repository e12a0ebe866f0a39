"""What the stubs of Letta and of a model server share: behaviour set while they run, faults, ledger, two ports."""
