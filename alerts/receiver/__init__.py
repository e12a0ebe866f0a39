"""A service that takes an Alertmanager's webhooks and speaks to robots of DingTalk and WeCom, and to Huawei's SMN."""
