"""What would the dashboards about look like? One page, drawn from the panels' own queries, and not by Grafana."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from dashboards.proof import drawing
from dashboards.proof.board import Panel, Target
from dashboards.proof.drawing import COLOURS, Frame, Line
from dashboards.proof.formats import legend, say
from dashboards.proof.proving import Answer, Proof, Shown
from dashboards.proof.series import Series, Stretch

SAID: Final = "preview — drawn by letta-slo from the panels' queries, not by Grafana"
_COLUMN_PX, _ROW_PX, _GAP_PX = 54, 38, 8
_HEAD_PX, _LEGEND_PX, _SIDE_PX = 26, 16, 16
_NAMED_AT_MOST: Final = 6
_ROWS_AT_MOST: Final = 40
_NUMBERS: Final = frozenset({"stat", "gauge", "bargauge"})
_STYLE: Final = """
:root{--ink:#1d2430;--soft:#667085;--line:#dde2ea;--ground:#f3f5f8;--panel:#fff}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:13px/1.4 system-ui,"Segoe UI",sans-serif}
.banner{background:#1d2430;color:#fff;font-size:26px;font-weight:600;padding:16px 24px}
main{width:1312px;margin:0 auto;padding:8px}
h1{font-size:20px;margin:26px 0 2px}
.when{color:var(--soft);margin:0 0 10px}
.board{position:relative}
.panel{position:absolute;background:var(--panel);border:1px solid var(--line);border-radius:3px;padding:6px 8px}
.panel{overflow:hidden}
.panel h3{font-size:13px;font-weight:600;margin:0 0 4px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.row{position:absolute;font-weight:600;padding:8px 4px;border-bottom:1px solid var(--line);left:0;right:0}
.none{color:var(--soft);padding:8px 4px}
.legend{font-size:11px;color:var(--soft);height:16px;overflow:hidden;white-space:nowrap}
.legend i{display:inline-block;width:10px;height:3px;margin:0 4px 3px 8px}
.numbers{display:flex;flex-wrap:wrap;gap:2px 18px;align-items:baseline}
.numbers b{font-size:28px;font-weight:600;font-variant-numeric:tabular-nums}
.numbers span{color:var(--soft);font-size:11px;margin-left:4px}
table{border-collapse:collapse;width:100%;font-size:12px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:2px 8px 2px 0;border-bottom:1px solid var(--line);white-space:nowrap}
.tick,.name{font-size:10px;fill:var(--soft)}.name{fill:#fff;font-size:11px}.grid{stroke:var(--line)}
.text{white-space:pre-wrap;color:var(--soft)}
"""


def page(proofs: Sequence[Proof], stretch: Stretch) -> str:
    """Return the page, complete in itself and without a script."""
    boards = "\n".join(_board(one, stretch) for one in proofs)
    title = escape(SAID)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    body = f'<div class="banner">{title}</div><main>\n{boards}\n</main>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _board(proof: Proof, stretch: Stretch) -> str:
    panels = "\n".join(_panel(one, stretch) for one in proof.shown)
    bottom = max((one.panel.place.y + one.panel.place.height for one in proof.shown), default=0)
    when = " to ".join(
        f"{datetime.fromtimestamp(one, UTC):%Y-%m-%d %H:%M:%S}" for one in (stretch.from_s, stretch.to_s)
    )
    return (
        f'<section id="{escape(proof.board.key)}"><h1>{escape(proof.board.title)}</h1><p class="when">{when} UTC</p>'
        f'<div class="board" style="height:{bottom * _ROW_PX}px">{panels}</div></section>'
    )


def _panel(shown: Shown, stretch: Stretch) -> str:
    panel = shown.panel
    place = panel.place
    if panel.kind == "row":
        return f'<div class="row" style="top:{place.y * _ROW_PX}px">{escape(panel.title)}</div>'
    width, height = place.width * _COLUMN_PX - _GAP_PX, place.height * _ROW_PX - _GAP_PX
    style = f"left:{place.x * _COLUMN_PX}px;top:{place.y * _ROW_PX}px;width:{width}px;height:{height}px"
    inner = _inside(shown, stretch, width - _SIDE_PX - 2, height - _HEAD_PX - _LEGEND_PX - 12)
    hint = escape(panel.description, quote=True)
    return f'<div class="panel" style="{style}" title="{hint}"><h3>{escape(panel.title)}</h3>{inner}</div>'


def _inside(shown: Shown, stretch: Stretch, width: float, height: float) -> str:
    panel = shown.panel
    if panel.kind == "text":
        return f'<div class="text">{escape(panel.text)}</div>'
    if not shown.values:
        return f'<div class="none">{escape(panel.no_value or "no data")}</div>'
    if panel.kind == "table":
        return _table(shown)
    if panel.kind in _NUMBERS:
        return _numbers(panel, shown)
    return _drawn(shown, Frame(width, max(height, 30.0), stretch, panel.targets[0].unit))


def _drawn(shown: Shown, frame: Frame) -> str:
    panel = shown.panel
    drawn = [_line(answer, one) for answer in shown.answers for one in answer.series if one.finite]
    if panel.kind == "state-timeline":
        return drawing.states(frame, drawn, panel.thresholds)
    if panel.kind == "heatmap":
        return drawing.field(frame, drawn)
    return drawing.lines(frame, drawn, panel.thresholds) + _legend(panel, drawn)


def _line(answer: Answer, series: Series) -> Line:
    return Line(legend(answer.target.legend, dict(series.labels)), series)


def _legend(panel: Panel, drawn: Sequence[Line]) -> str:
    unit = panel.targets[0].unit
    named = [
        f'<i style="background:{COLOURS[number % len(COLOURS)]}"></i>{escape(one.name)} '
        f"{escape(say(one.series.finite[-1][1], unit))}"
        for number, one in enumerate(drawn[:_NAMED_AT_MOST])
    ]
    more = f" … {len(drawn) - _NAMED_AT_MOST} more" if len(drawn) > _NAMED_AT_MOST else ""
    return f'<div class="legend">{"".join(named)}{more}</div>'


def _numbers(panel: Panel, shown: Shown) -> str:
    parts = []
    for answer in shown.answers:
        for one in answer.series:
            if one.finite:
                value = one.finite[-1][1]
                colour = drawing.of_value(value, panel.thresholds)
                name = legend(answer.target.legend, dict(one.labels)) if one.labels or answer.target.legend else ""
                text = escape(say(value, answer.target.unit))
                parts.append(f'<div><b style="color:{colour}">{text}</b><span>{escape(name)}</span></div>')
    return f'<div class="numbers">{"".join(parts)}</div>'


def _table(shown: Shown) -> str:
    """Join the queries of a table by their labels, as its transformations do."""
    panel = shown.panel
    rows: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for answer in shown.answers:
        for one in answer.series:
            if one.finite:
                labels = tuple((name, value) for name, value in one.labels if name != "__name__")
                cells = rows.setdefault(labels, dict(labels))
                cells[_value_column(answer.target, panel)] = say(one.finite[-1][1], answer.target.unit)
    known = [name for cells in rows.values() for name in cells]
    columns = [name for name in dict.fromkeys(known) if name not in panel.hidden]
    head = "".join(f"<th>{escape(panel.renamed.get(name, name))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cells.get(name, ''))}</td>" for name in columns) + "</tr>"
        for cells in list(rows.values())[:_ROWS_AT_MOST]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _value_column(target: Target, panel: Panel) -> str:
    return f"Value #{target.ref}" if len(panel.targets) > 1 else "Value"
