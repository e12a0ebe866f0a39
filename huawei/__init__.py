"""An account on Huawei Cloud: what is written to APM, AOM and LTS, read back from them, and what of it was found true.

Nothing in here was ever run against the real Huawei Cloud: the tests have the doubles of `testbed/cloud/` and a real
Prometheus behind AOM's door. `letta-slo doctor` is the command that runs it against yours.
"""
