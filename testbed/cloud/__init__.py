"""Test doubles of Huawei Cloud: APM (traces), LTS (logs), IAM (tokens), and AOM's door before a real Prometheus.

They keep to what the documents of Huawei Cloud say, and were never compared with the real services.
"""
