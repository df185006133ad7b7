"use strict";
// The differential icicle. Nodes come parents first, so one pass backwards sums children into parents.
(() => {
  const ROW = 20, LEAST_PIXELS = 2, MOST_NODES = 4000;
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const tree = at("tree"), told = at("told"), search = at("search");
  const count = data.parents.length, last = data.times_ms.length - 1;
  const children = Array.from({ length: count }, () => []);
  for (let i = 1; i < count; i++) children[data.parents[i]].push(i);
  const cumulative = (steps) => { let sum = 0; return steps.map((step) => (sum += step)); };
  const sites = data.sites.map(([node, bytes, objects]) => ({ node, bytes: cumulative(bytes), objects: cumulative(objects) }));
  const nameOf = (node) => data.functions[data.names[node]];
  const shortOf = (node) => (/(?:[^/]+\/(?=v\d+\.))?[^/]+$/.exec(nameOf(node)) || [nameOf(node)])[0];
  const placeOf = (node) => data.places[data.node_places[node]];
  let zoomed = 0, focused = 0, base, now, width;

  const bytesText = (value) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let size = Math.abs(value), unit = 0;
    while (size >= 1023.95 && unit < units.length - 1) { size /= 1024; unit++; }
    const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    return (value < 0 ? "-" : "") + size.toFixed(digits) + " " + units[unit];
  };
  const counted = (value, noun) => value.toLocaleString("en-US") + " " + noun + (value === 1 ? "" : "s");
  const amount = (value) => at("metric").value === "bytes" ? bytesText(value) : counted(value, "object");
  const signed = (value) => (value > 0 ? "+" : "") + amount(value);

  function measure() {
    const metric = at("metric").value, from = +at("base").value, to = +at("new").value, growth = at("width").value === "growth";
    base = new Float64Array(count); now = new Float64Array(count); width = new Float64Array(count);
    for (const site of sites) {
      const before = site[metric][from], after = site[metric][to];
      base[site.node] += before; now[site.node] += after;
      width[site.node] += growth ? Math.max(0, after - before) : Math.max(before, after);
    }
    for (let i = count - 1; i > 0; i--) {
      const parent = data.parents[i];
      base[parent] += base[i]; now[parent] += now[i]; width[parent] += width[i];
    }
    for (const list of children) list.sort((a, b) => width[b] - width[a] || a - b);
    if (!(width[zoomed] > 0)) zoomed = 0;
  }

  function shade(node) {
    const change = now[node] - base[node], size = Math.max(now[node], base[node]);
    if (!size || !change) return "";
    const step = Math.min(4, Math.ceil(Math.abs(change) / size * 4));
    return (change > 0 ? "g" : "s") + step;
  }

  const matches = (node) => {
    const wanted = search.value.trim().toLowerCase();
    return wanted !== "" && (nameOf(node) + " " + placeOf(node)).toLowerCase().includes(wanted);
  };

  function draw() {
    const whole = tree.clientWidth, path = [];
    for (let i = data.parents[zoomed]; i >= 0; i = data.parents[i]) path.unshift(i);
    const placed = path.map((node, depth) => [node, depth, 0, whole, true]);
    const todo = [[zoomed, path.length, 0, whole]];
    let hidden = 0;
    while (todo.length) {
      const [node, depth, left, wide] = todo.shift();
      placed.push([node, depth, left, wide, false]);
      let x = left;
      for (const child of children[node]) {
        const part = width[node] > 0 ? width[child] / width[node] * wide : 0;
        if (part < LEAST_PIXELS || placed.length + todo.length > MOST_NODES) { if (width[child] > 0) hidden++; continue; }
        todo.push([child, depth + 1, x, part]);
        x += part;
      }
    }
    const nodes = placed.map(([node, depth, left, wide, above]) => {
      const element = document.createElement("div");
      element.className = ["node", shade(node), above ? "above" : "", matches(node) ? "hit" : ""].join(" ").trim();
      element.setAttribute("role", "treeitem");
      element.setAttribute("aria-level", depth + 1);
      element.setAttribute("aria-label", nameOf(node) + ", " + signed(now[node] - base[node]));
      element.tabIndex = -1;
      element.dataset.node = node;
      element.style.left = left + "px";
      element.style.top = depth * ROW + "px";
      element.style.width = wide + "px";
      if (wide > 24) element.textContent = shortOf(node);
      element.title = nameOf(node) + "\n" + amount(base[node]) + " → " + amount(now[node]);
      return element;
    });
    tree.replaceChildren(...nodes);
    tree.style.height = (placed.reduce((most, [, depth]) => Math.max(most, depth), 0) + 1) * ROW + "px";
    const anchor = tree.querySelector(`[data-node="${focused}"]`) || tree.querySelector(`[data-node="${zoomed}"]`);
    if (anchor) { anchor.tabIndex = 0; focused = +anchor.dataset.node; }
    const left = [];
    if (data.omitted.sites) left.push(counted(data.omitted.sites, "site") + " that hold least are drawn as one");
    if (data.omitted.snapshots) left.push(counted(data.omitted.snapshots, "snapshot") + " not offered");
    if (hidden) left.push(counted(hidden, "node") + " omitted as too narrow at this zoom");
    at("omitted").textContent = left.join("; ");
  }

  function tell(node) {
    const all = width[0] > 0 ? width[node] / width[0] * 100 : 0;
    let text = nameOf(node) + (placeOf(node) ? " (" + placeOf(node) + ")" : "") + ": " + amount(base[node]) + " → " + amount(now[node]) +
      ", " + signed(now[node] - base[node]) + ", " + all.toFixed(1) + " % of the width";
    if (search.value.trim()) {
      let found = 0, held = 0;
      const visit = (i, inside) => {
        const hit = matches(i);
        if (hit) found++;
        if (hit && !inside) held += width[i];
        for (const child of children[i]) visit(child, inside || hit);
      };
      visit(0, false);
      text += ". Search: " + (found === 1 ? "1 match, " : found.toLocaleString("en-US") + " matches, ") + (width[0] > 0 ? held / width[0] * 100 : 0).toFixed(1) + " % of the width";
    }
    if (!(width[0] > 0)) text += ". Nothing grew between these two snapshots";
    told.textContent = text;
  }

  function zoom(node) { zoomed = node; focused = node; draw(); tell(node); }
  function refresh() { measure(); draw(); tell(zoomed); }
  function focus(node) {
    const element = tree.querySelector(`[data-node="${node}"]`);
    if (!element) return;
    const old = tree.querySelector('[tabindex="0"]');
    if (old) old.tabIndex = -1;
    element.tabIndex = 0;
    focused = node;
    element.focus();
    tell(node);
  }
  const drawn = (list) => list.filter((node) => tree.querySelector(`[data-node="${node}"]`));

  tree.addEventListener("click", (event) => {
    const element = event.target.closest(".node");
    if (element) { zoom(+element.dataset.node); focus(zoomed); }
  });
  tree.addEventListener("mouseover", (event) => {
    const element = event.target.closest(".node");
    if (element) tell(+element.dataset.node);
  });
  tree.addEventListener("keydown", (event) => {
    const parent = data.parents[focused];
    const siblings = parent >= 0 ? drawn(children[parent]) : [focused];
    const place = siblings.indexOf(focused);
    if (event.key === "ArrowDown") { const below = drawn(children[focused]); if (below.length) focus(below[0]); }
    else if (event.key === "ArrowUp") { if (parent >= 0) focus(parent); }
    else if (event.key === "ArrowRight") { if (place + 1 < siblings.length) focus(siblings[place + 1]); }
    else if (event.key === "ArrowLeft") { if (place > 0) focus(siblings[place - 1]); }
    else if (event.key === "Home") focus(zoomed);
    else if (event.key === "Enter" || event.key === " ") { zoom(focused); focus(zoomed); }
    else if (event.key === "Escape") { zoom(Math.max(0, data.parents[zoomed])); focus(zoomed); }
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { search.focus(); event.preventDefault(); }
  });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["base", "new", "metric", "width"]) at(id).addEventListener("change", refresh);
  search.addEventListener("input", () => { draw(); tell(zoomed); });
  at("reset").addEventListener("click", () => zoom(0));
  addEventListener("resize", draw);
  addEventListener("beforeprint", () => { for (const folded of document.querySelectorAll("details")) folded.open = true; draw(); });

  for (const id of ["base", "new"]) {
    for (let i = 0; i <= last; i++) {
      const option = document.createElement("option");
      option.value = i;
      option.textContent = "#" + (data.snapshots[i] + 1) + " " + new Date(data.times_ms[i]).toISOString().slice(0, 19).replace("T", " ");
      option.title = data.sources[i];
      at(id).append(option);
    }
  }
  at("base").value = 0;
  at("new").value = last;
  refresh();
})();
