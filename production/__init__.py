"""Reads objectives from production: counters in a Prometheus, or in Huawei AOM by its PromQL address."""
