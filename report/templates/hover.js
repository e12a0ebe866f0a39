"use strict";
// Shows the figures of a chart under the pointer; without it every chart still says what it shows.
for (const box of document.querySelectorAll("[data-hover]")) {
  const data = JSON.parse(box.dataset.hover);
  if (!data.rows) continue;
  const tip = document.createElement("output");
  const rule = document.createElement("i");
  tip.className = "tip";
  rule.className = "rule";
  tip.hidden = rule.hidden = true;
  box.append(rule, tip);
  const names = Object.keys(data.rows);
  const count = data.rows[names[0]].length;
  const svg = box.querySelector("svg");
  box.addEventListener("pointermove", (event) => {
    const inside = svg.getBoundingClientRect(), outside = box.getBoundingClientRect();
    const place = (event.clientX - inside.left) / inside.width;
    const n = Math.floor((place * data.to) / data.step);
    tip.hidden = rule.hidden = n < 0 || n >= count;
    if (tip.hidden) return;
    tip.textContent = [`${n * data.step} s`, ...names.map((name) => `${name} ${data.rows[name][n]}`)].join("  ·  ");
    const x = inside.left - outside.left + ((n + 0.5) * data.step / data.to) * inside.width;
    rule.style.left = `${x}px`;
    tip.style.left = `${Math.max(0, Math.min(x - tip.offsetWidth / 2, outside.width - tip.offsetWidth))}px`;
  });
  box.addEventListener("pointerleave", () => { tip.hidden = rule.hidden = true; });
}
