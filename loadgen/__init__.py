"""The open-model load engine on Locust: schedule, dispatcher, clients, recorder, run folder.

Importing the package imports nothing; `run_folder`, `plan`, `samples`, `schedule`, `prepare` and `tiers` stay free of
Locust and gevent (which patch the standard library), so the command line may import those.
"""
