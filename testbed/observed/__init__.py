"""The observed scene: everything that dashboards and alerts look at, for real on loopback, with load and faults.

`scene` starts it, `exporters` and `database` are the parts that nothing else of the testbed has, and `load` is the
child that keeps all of it busy.
"""
