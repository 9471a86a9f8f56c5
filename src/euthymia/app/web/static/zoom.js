// Zoom for the drawings of the patient page. Without this script the drawings and their tables stay.
"use strict";
(() => {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "quiet";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  const day = (second) => new Date(second * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "long", timeZone: "UTC" });

  const clock = (hours) => {
    const minutes = (((Math.round(hours * 60) % 1440) + 1440) % 1440);
    return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  };
  const told = (data, v) => (v === null ? "no value" : data.clock ? clock(v) : `${Math.round(v * 100) / 100} ${data.unit}`);

  const options = (data, width) => {
    const ink = token("--ink-2");
    const axis = { stroke: ink, font: "11px system-ui, sans-serif", grid: { stroke: token("--line"), width: 1 }, ticks: { stroke: token("--line") } };
    return {
      width, height: 240, tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "UTC"),
      cursor: { drag: { x: true, y: false } }, legend: { live: true },
      scales: { y: { range: data.limits } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map(day), space: 90 }, { ...axis, size: 48, ...(data.clock ? { values: (_, ticks) => ticks.map(clock) } : {}) }],
      series: [
        { label: "Day", value: (_, second) => (second === null ? "" : day(second)) },
        { label: data.title, stroke: token("--stroke"), width: 1.75, points: { show: true, size: 5 }, value: (_, v) => told(data, v) },
      ],
      hooks: {
        drawClear: [(plot) => {
          if (!data.band) return;
          const [low, high] = data.band.map((value) => plot.valToPos(value, "y", true));
          plot.ctx.fillStyle = token("--band");
          plot.ctx.fillRect(plot.bbox.left, high, plot.bbox.width, low - high);
        }],
      },
    };
  };

  const open = (figure, opener) => {
    const data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    if (!data.at.length) return;
    const still = [figure.querySelector(".plot"), figure.querySelector(".x"), opener];
    const room = document.createElement("div");
    const bar = document.createElement("div");
    bar.className = "zoom";
    const said = document.createElement("span");
    said.className = "said";
    said.setAttribute("role", "status");
    for (const part of still) part.hidden = true;
    const card = figure.closest(".trend");
    if (card) card.classList.add("zoomed");
    figure.append(room, bar);
    const [first, last] = [data.at[0], data.at[data.at.length - 1]];
    const plot = new uPlot(options(data, figure.clientWidth), [data.at, data.values], room);
    const show = (from, to) => {
      const low = Math.max(first, Math.min(from, to - 86400)), high = Math.min(last, Math.max(to, from + 86400));
      plot.setScale("x", { min: low, max: high });
      said.textContent = `${day(low)} to ${day(high)}`;
    };
    const by = (factor, shift) => () => {
      const { min, max } = plot.scales.x, length = (max - min) * factor, end = Math.min(last, max + shift * (max - min));
      show(end - length, end); // the newest end stays: the last weeks are what is looked at
    };
    const resize = new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: 240 }));
    resize.observe(figure);
    const close = () => {
      resize.disconnect();
      plot.destroy();
      room.remove();
      bar.remove();
      for (const part of still) part.hidden = false;
      if (card) card.classList.remove("zoomed");
      opener.focus();
    };
    const nearer = button("Nearer", by(0.5, 0));
    bar.append(nearer, button("Farther", by(2, 0)), button("Earlier", by(1, -0.5)), button("Later", by(1, 0.5)), button("All", () => show(first, last)), button("Close", close), said);
    nearer.focus();
  };

  const ready = () => {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const bar = document.createElement("div");
      bar.className = "zoom";
      const opener = button("Zoom", () => open(figure, opener));
      const about = document.createElement("span");
      about.className = "vh";
      about.textContent = ` ${figure.querySelector("svg").getAttribute("aria-label").split(",")[0]}`;
      opener.append(about);
      bar.append(opener);
      figure.append(bar);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
