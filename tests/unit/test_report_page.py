"""The HTML page stands by itself, can be read by everybody, and cannot be broken by what a target says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loadgen.run_folder import RunFolder, append_line
from report import page as page_module
from report.judge import judge
from report.write import write_reports
from slo.catalog import load
from tests.made_runs import HEALTHY, STORIES, make, remembered

STYLE = (Path(page_module.__file__).parent / "templates" / "style.css").read_text()
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """What a test wants to know of a page: tags with their attributes, headings, text, and whether tags match."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[int] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.unmatched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unmatched.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(html: str) -> Outline:
    read = Outline()
    read.feed(html)
    return read


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("pages")
    return {name: write_reports(judge(remembered(name), load()), place / name)["html"].read_text() for name in STORIES}


@pytest.mark.parametrize("name", STORIES)
def test_the_page_asks_for_nothing_from_outside(pages: dict[str, str], name: str) -> None:
    html = pages[name]
    for tag, attributes in outline(html).tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        for key in ("src", "href", "action", "xlink:href"):
            assert attributes.get(key, "#").startswith("#"), f"{tag} {attributes}"
    assert "@import" not in html
    assert "url(" not in html
    assert "default-src 'none'" in html


def test_the_only_script_is_ours_and_the_policy_names_its_hash(pages: dict[str, str]) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", pages["drill"], re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in pages["drill"]
    assert not [
        attributes for _, attributes in outline(pages["drill"]).tags if any(k.startswith("on") for k in attributes)
    ]


@pytest.mark.parametrize("name", STORIES)
def test_tags_match_and_headings_leave_no_level_out(pages: dict[str, str], name: str) -> None:
    read = outline(pages[name])
    assert read.unmatched == []
    assert read.open == []
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False))


@pytest.mark.parametrize("name", STORIES)
def test_ids_are_unique_and_every_link_leads_somewhere(pages: dict[str, str], name: str) -> None:
    tags = outline(pages[name]).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for _, attributes in tags if "href" in attributes} <= set(ids)


def test_every_chart_says_in_words_what_it_shows(pages: dict[str, str]) -> None:
    charts = [attributes for tag, attributes in outline(pages["misses"]).tags if attributes.get("role") == "img"]
    assert len(charts) > 15
    assert all(len(attributes["aria-label"]) > 20 for attributes in charts)


def test_a_stub_is_said_in_the_title_and_in_the_headline(pages: dict[str, str]) -> None:
    for html in pages.values():
        assert "STUB" in re.findall("<title>(.*?)</title>", html)[0]
        assert "STUB" in re.findall("<h1>(.*?)</h1>", html, re.DOTALL)[0]


def test_an_invalid_run_carries_a_banner_with_reasons_and_cause(pages: dict[str, str]) -> None:
    text = " ".join(" ".join(outline(pages["invalid"]).text).split())
    assert "Nothing here is met or missed" in text
    assert re.search(r"\d+ arrivals were dropped, none may be\.", text)
    assert "Likeliest cause: the hypervisor" in text
    assert 'class="banner invalid-run"' not in pages["healthy"]


def test_every_objective_has_its_section_with_assumption_and_source(pages: dict[str, str]) -> None:
    for objective in load().objectives:
        assert f'<section class="objective" id="{objective.name}"' in pages["drill"]
    assert pages["drill"].count("What this verdict stands on.") == len(load().objectives)
    assert pages["drill"].count("Source of the number:") == len(load().objectives)


def test_what_a_target_says_cannot_become_markup(tmp_path: Path) -> None:
    folder = make(tmp_path, HEALTHY, rate_factor=0.1)
    evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    note = {"number": 1, "turn": 0, "operation": evil, "outcome": evil, "status": 500, "source": evil, "agent": 1}
    note |= {"intended_s": 9.0, "lag_ms": 0.1, "response_ms": 60000.0, "first_ms": None, "error": evil}
    append_line(folder.path / "notes-0.jsonl", {**note, "agent_id": evil, "stages_ms": {evil: 1}})
    append_line(folder.path / "events-verify.jsonl", {"kind": "fault", "offset_s": 9.0, "duration_s": 5, "name": evil})
    manifest = json.loads((folder.path / "manifest.json").read_text())
    manifest["tier"] = manifest["git"] = manifest["machine"]["cpu"] = evil
    manifest["targets"]["letta-api"]["version"] = manifest["targets"]["letta-api"]["address"] = evil
    (folder.path / "manifest.json").write_text(json.dumps(manifest))
    files = write_reports(judge(RunFolder(folder.path), load()), tmp_path / "out")
    html = files["html"].read_text()
    assert html.count("<script>") == html.count("</script>") == 1
    assert not [attributes for _, attributes in outline(html).tags if "onerror" in attributes]
    assert outline(html).unmatched == []
    summary = re.sub("```.*?```", "", files["markdown"].read_text(), flags=re.DOTALL)  # within, nothing is markup
    assert "<img" not in summary
    assert "<script" not in summary


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


LIGHT, DARK = (colours(block) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL))
TONES = ("met", "missed", "inconclusive", "invalid-run", "no-data")
TEXT_ON = [("ink", "page"), ("ink", "card"), ("soft", "page"), ("soft", "card"), ("soft", "faint"), ("blue", "card")]
TEXT_ON += [(tone, "card") for tone in TONES] + [(tone, f"{tone}-fill") for tone in TONES]
TEXT_ON += [("inconclusive", "page"), *(("ink", f"{tone}-fill") for tone in TONES)]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_stands_out_from_its_ground_as_wcag_aa_asks(scheme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(scheme[text], scheme[ground]) >= 4.5
