"""What does AOM say to a person: texts without Prometheus' templates, words of its alphabet, and message templates?

AOM knows nothing of `{{ $value }}` and allows letters, digits and `_` in tags and annotations (AOM user guide,
mon_01_0044 and aom_02_0113). The variables of message templates are those of aom_02_0927.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = re.compile(r"\{\{-?\s*\$labels\.(\w+)[^}]*\}\}")
_VALUE: Final = re.compile(r"\s*\{\{[^}]*\}\}(\s*(%|times\b))?")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z{<])")
_NO_WORD: Final = re.compile(r"\W+", re.ASCII)
_LONGEST_TAG: Final = 64  # ours: no limit is documented for AOM 2.0, and notifications are short

LOCALES: Final = ("zh-cn", "en-us")


def plain(text: str) -> str:
    """Return an annotation of one clause without Prometheus' templates: labels by name, values left out."""
    return _VALUE.sub("", _LABEL.sub(r"<\1>", text)).strip()


def plain_sentences(text: str) -> str:
    """Return the sentences of a description that hold without a value that only Prometheus fills in."""
    named = _LABEL.sub(r"<\1>", text)
    return " ".join(one for one in _SENTENCE_END.split(named) if "{{" not in one and "}}" not in one)


def word(text: str) -> str:
    """Return a text in the alphabet of AOM's tags: letters, digits and `_`."""
    return _NO_WORD.sub("_", text).strip("_")[:_LONGEST_TAG]


def message_template(locale: str, runbooks: str, dashboards: str) -> list[dict[str, str]]:
    """Return the templates of a locale, one a channel; `runbooks` and `dashboards` are where those are served."""
    said = _WORDS[locale]
    lines = [
        said["what"].format("${event_name_alias} ${alarm_info}"),
        said["which"].format("$event.metadata.slo $event.metadata.component", "$event.metadata.service"),
        said["where"].format("${resources_new}"),
        said["how"].format("$event.annotations.fires_when"),
        said["since"].format("${starts_at}", "${clear_type}"),
        said["do"].format("$event.annotations.runbook", runbooks),
        *([said["look"].format(dashboards)] if dashboards else []),
    ]
    topic = "[${event_severity}] ${event_name_alias}"
    long = "\n".join(lines)
    # An SMS ends at 490 characters and may hold no brackets.
    short = "\n".join((said["what"].format("${event_severity} ${event_name_alias}"), *lines[3:6]))
    robot = f"{topic}\n{long}"
    contents = (("dingding", "", robot), ("email", topic, long), ("sms", "", short), ("wechat", "", robot))
    return [{"subType": kind, "topic": title, "content": text} for kind, title, text in contents]


_WORDS: Final = {
    "en-us": {
        "what": "What burns: {}",
        "which": "Which: {}, of {}",
        "where": "Where: {}",
        "how": "How fast: it fires when {}",
        "since": "Since: {} ({})",
        "do": "What to do: the runbook {} in {}",
        "look": "Dashboards: {}",
    },
    "zh-cn": {
        "what": "告警内容：{}",
        "which": "目标：{}，服务：{}",
        "where": "资源：{}",
        "how": "消耗速度（触发条件）：{}",
        "since": "开始时间：{}（{}）",
        "do": "处理办法：运行手册 {}，见 {}",
        "look": "仪表盘：{}",
    },
}
