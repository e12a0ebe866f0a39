"""Test doubles of the management APIs of AOM, SMN and LTS: alarm rules, topics, groups of logs.

They keep to what documents and SDK of Huawei Cloud say, and were never compared with the real services. What they
refuse beyond that is marked as ours.
"""
