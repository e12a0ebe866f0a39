"""Stand-ins of what reaches people: robots of DingTalk and WeCom, a WeCom application, SMN, a mail server, a watchdog.

They keep to what the documents of these services say, and were never compared with the real ones.
"""
