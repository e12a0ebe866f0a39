"""Alarms of the catalogue in AOM: what should be there, what is there, and the steps from one to the other.

Nothing in here was ever run against the real Huawei Cloud: the tests have the stand-in of `testbed/cloud/management/`.
"""
