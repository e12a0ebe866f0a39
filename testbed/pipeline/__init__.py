"""The way of telemetry as a whole: a sender, our collector, doubles of Huawei Cloud, and a ledger of what came.

`rig` starts everything, `sender` knows what was acknowledged, `faults` are what goes wrong on the way, and `ledger`
holds one against the other.
"""
