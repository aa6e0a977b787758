// Draws the map from the data block of the page and walks it by keyboard; all texts come from the page and go in as text.
"use strict";

(() => {
  const box = document.getElementById("map");
  const block = document.getElementById("map-data");
  if (!box || !block || !window.vis) return;

  const data = JSON.parse(block.textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const nodes = new vis.DataSet();
  const edges = new vis.DataSet();
  const byId = new Map(data.nodes.map((node) => [node.id, node]));
  const note = document.getElementById("map-note");
  let at = null;
  let pinned = null;
  let scale = 1;
  let turned = false;
  let crowded = new Set();

  const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Colours are read from the style sheet, so that light and dark stay in one place.
  function painted(node) {
    const fills = { helper: "--blue-fill", broker: "--orange-fill", both: "--blue-fill", unit: "--map-unit", "": "--map-node" };
    const fill = tone(fills[node.mark]);
    const edge = { helper: "--blue", broker: "--orange", both: "--blue" }[node.mark];
    const border = tone(node.hiddenMark ? "--ink" : edge || fills[node.mark]);
    const grown = 1 / Math.min(1, scale);
    const place = turned ? { x: node.y, y: node.x } : {};
    return {
      ...node,
      ...place,
      size: node.size * Math.min(grown, 1.8),
      label: crowded.has(node.id) ? " " : node.label,
      color: { background: fill, border, highlight: { background: fill, border: tone("--ink") }, hover: { background: fill, border: tone("--ink") } },
      borderWidth: node.hiddenMark ? 3.5 : node.mark ? 2 : 1,
      borderWidthSelected: 5,
      font: { color: tone("--ink"), size: (node.mark && node.kind === "person" ? 16 : 13) * grown, strokeWidth: 4, strokeColor: tone("--map-paper"), face: "system-ui, sans-serif" },
    };
  }

  function paint() {
    nodes.update(data.nodes.map(painted));
    edges.update(data.edges.map((edge, i) => ({ id: i, from: edge.from, to: edge.to, width: edge.width, color: { color: tone("--map-line"), highlight: tone("--blue-fill"), hover: tone("--blue-fill") } })));
  }

  paint();
  const stage = box.parentElement;
  stage.classList.add("drawn");
  const network = new vis.Network(box, { nodes, edges }, {
    physics: { enabled: false },
    layout: { improvedLayout: false },
    edges: { smooth: false, selectionWidth: 1.5 },
    nodes: { chosen: true },
    interaction: { hover: true, dragNodes: false, hideEdgesOnDrag: data.nodes.length > 150, tooltipDelay: 120, zoomView: false, keyboard: false },
  });
  const still = { animation: false };
  // vis-network makes its frame a tab stop of its own; the box around it is the only one here.
  box.querySelectorAll("[tabindex]").forEach((inner) => inner.setAttribute("tabindex", "-1"));
  document.querySelector(".map-tools").hidden = false;
  dark.addEventListener("change", paint);

  function tell(node, isPinned) {
    note.hidden = !node;
    note.replaceChildren();
    if (!node) return;
    const [label, ...rest] = node.title.split("\n");
    const text = document.createElement("p");
    const strong = document.createElement("strong");
    strong.textContent = label;
    text.append(strong, " ", rest.join(" "));
    note.append(text);
    if (isPinned) {
      const from = document.querySelector(`#row-${CSS.escape(node.id)} a`);
      if (from) {
        const link = document.createElement("a");
        link.href = from.href;
        link.className = "more";
        link.textContent = node.kind === "unit" ? "Map of this team" : "Why";
        note.append(link);
      }
    }
  }

  function mark(id) {
    document.querySelectorAll(".map-table tr.at").forEach((row) => row.classList.remove("at"));
    document.querySelectorAll('#map-options [aria-selected="true"]').forEach((option) => option.setAttribute("aria-selected", "false"));
    if (id === null) return box.removeAttribute("aria-activedescendant");
    document.getElementById(`row-${id}`)?.classList.add("at");
    const option = document.getElementById(`option-${id}`);
    option?.setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", `option-${id}`);
  }

  function go(id) {
    at = id;
    network.selectNodes([id]);
    const place = network.canvasToDOM(network.getPosition(id));
    const inside = place.x > 30 && place.y > 30 && place.x < box.clientWidth - 30 && place.y < box.clientHeight - 30;
    if (!inside) network.focus(id, still);
    mark(id);
    tell(byId.get(id), pinned === id);
  }

  function leave() {
    at = pinned = null;
    network.unselectAll();
    mark(null);
    tell(null);
  }

  // The nearest mark in the direction of the key; marks with a line to this one count as half as far.
  function next(key) {
    const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
    const here = byId.get(at);
    const tied = new Set(network.getConnectedNodes(at));
    let best = null;
    let least = Infinity;
    for (const node of data.nodes) {
      const [x, y] = turned ? [node.y - here.y, node.x - here.x] : [node.x - here.x, node.y - here.y];
      const along = x * dx + y * dy;
      const across = Math.abs(x * dy) + Math.abs(y * dx);
      if (node.id === at || along <= 0 || across > 2 * along) continue;
      const far = (along + 2 * across) * (tied.has(node.id) ? 0.5 : 1);
      if (far < least) [best, least] = [node.id, far];
    }
    return best;
  }

  const first = () => (data.nodes.find((node) => node.hiddenMark) || data.nodes.find((node) => node.mark && node.kind === "person") || data.nodes[0]).id;

  box.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const target = at === null ? first() : next(event.key);
      if (target !== null) go(target);
    } else if (event.key === "Enter" && at !== null) {
      event.preventDefault();
      pinned = at;
      tell(byId.get(at), true);
    } else if (event.key === "Escape") {
      leave();
      box.blur();
    } else if (event.key === "+" || event.key === "-") {
      zoom(event.key === "+" ? 1.25 : 0.8);
    }
  });
  box.addEventListener("focus", () => { if (at === null) go(first()); });

  network.on("click", (event) => {
    if (!event.nodes.length) return leave();
    pinned = event.nodes[0];
    go(event.nodes[0]);
  });

  function zoom(by) {
    network.moveTo({ scale: network.getScale() * by, ...still });
    scale = network.getScale();
    crowded = new Set();
    paint();
    thin();
  }
  document.getElementById("map-in").addEventListener("click", () => zoom(1.25));
  document.getElementById("map-out").addEventListener("click", () => zoom(0.8));
  document.getElementById("map-fit").addEventListener("click", fit);

  // Fit, then draw marks and labels so that they keep their size on the screen; a tall box turns the map by a quarter.
  function fit() {
    turned = box.clientHeight > box.clientWidth;
    scale = 1;
    crowded = new Set();
    paint();
    network.fit(still);
    scale = network.getScale();
    paint();
    network.fit(still);
    thin();
  }

  // Leave out labels that would lie on a mark or on a label that matters more; the note and the table still name everybody.
  function thin() {
    const pen = document.createElement("canvas").getContext("2d");
    const weight = (node) => (node.hiddenMark ? 2e3 : node.mark ? 1e3 : 0) + node.size;
    const drawn = data.nodes.map((node) => ({ node, shown: nodes.get(node.id), ...network.canvasToDOM(network.getPosition(node.id)) }));
    const seen = network.getScale();
    const taken = drawn.map(({ node, shown, x, y }) => ({ id: node.id, left: x - shown.size * seen, right: x + shown.size * seen, top: y - shown.size * seen, bottom: y + shown.size * seen }));
    for (const { node, shown, x, y } of drawn.sort((a, b) => weight(b.node) - weight(a.node))) {
      const high = shown.font.size * seen;
      pen.font = `${high}px system-ui, sans-serif`;
      const half = pen.measureText(node.label).width / 2;
      const top = y + shown.size * seen + 2;
      const place = { id: node.id, left: x - half, right: x + half, top, bottom: top + high };
      const clash = taken.some((other) => other.id !== node.id && other.left < place.right && place.left < other.right && other.top < place.bottom && place.top < other.bottom);
      if (clash) crowded.add(node.id);
      else taken.push(place);
    }
    paint();
  }
  new ResizeObserver(fit).observe(box);
})();
