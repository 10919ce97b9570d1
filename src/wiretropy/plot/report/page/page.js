"use strict";
// The page is whole without this script. It adds: sorting, filtering and opening of rows, small curves, copying of
// commands, and the switch between day and night. It makes elements and sets texts; it never parses HTML.
(() => {
  const STEP = 200; // rows shown at once: a second's worth of scrolling, laid out within a frame or two
  const SEVERITIES = ["", "low", "medium", "high", "critical"];
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const SVG = "http://www.w3.org/2000/svg";
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const collator = new Intl.Collator("en", { numeric: true });

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // Day and night.

  function switchTheme() {
    const button = byId("theme");
    const asked = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : asked.matches);
    const tell = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      tell();
    });
    asked.addEventListener("change", tell);
    tell();
  }

  // Copying.

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // Browsers that give pages from disk no clipboard still copy a selection.
      getSelection().selectAllChildren(code);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Selected";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy");
    if (button) copy(button);
  });

  // The table.

  function key(text, kind) {
    if (kind === "severity") return SEVERITIES.indexOf(text);
    if (kind === "number") return text === "" ? -1 : parseFloat(text.replace(/[,>]/g, ""));
    return text;
  }

  function command(what, text) {
    const button = element("button", { type: "button", class: "copy", "aria-label": "Copy the command: " + what }, "Copy");
    return element("div", { class: "command" }, element("span", {}, what), element("code", {}, text), button);
  }

  function spark(text) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "spark");
    svg.setAttribute("viewBox", "0 0 84 20");
    svg.setAttribute("aria-hidden", "true");
    const points = text.length / 2;
    ["orig", "resp"].forEach((side, at) => {
      const part = text.slice(at * points, (at + 1) * points);
      if (part.trim() === "") return;
      const line = document.createElementNS(SVG, "polyline");
      line.setAttribute("class", side);
      line.setAttribute("points", Array.from(part, (letter, i) =>
        (2 + (80 * i) / (points - 1)).toFixed(1) + "," + (18 - (16 * DIGITS.indexOf(letter)) / 63).toFixed(1)).join(" "));
      svg.append(line);
    });
    return svg;
  }

  function startTable(table) {
    const head = table.tHead.rows[0];
    const body = table.tBodies[0];
    const kinds = Array.from(head.cells, (cell) => cell.dataset.kind);
    const names = Array.from(head.cells, (cell) => cell.textContent);
    const labels = Object.keys(data.details);
    const detail = ({ texts, at }, index) => texts[at ? at[index] : index];
    const flows = Array.from(body.rows, (row, index) => {
      const texts = Array.from(row.cells, (cell) => cell.textContent);
      const more = labels.map((label) => detail(data.details[label], index));
      return { row, index, texts, more, find: [...texts, ...more].join("\n").toLowerCase(), isReady: false };
    });
    const uidAt = names.indexOf("Flow");
    let shown = STEP;
    let matching = flows;
    let sorted = { at: -1, isUp: true };

    function opened(flow) {
      const list = element("dl");
      labels.forEach((label, i) => {
        if (flow.more[i]) list.append(element("dt", {}, label), element("dd", {}, flow.more[i]));
      });
      const cell = element("td", { colspan: String(names.length + 1) }, list);
      // An id that a shell could read otherwise is in no command.
      if (/^[A-Za-z0-9]+$/.test(flow.texts[uidAt])) {
        data.commands.forEach((parts, i) => {
          cell.append(command(i ? "take its packets" : "draw it", parts.join(flow.texts[uidAt])));
        });
      }
      return element("tr", { class: "more" }, cell);
    }

    function ready(flow) {
      if (flow.isReady) return flow.row;
      flow.isReady = true;
      const button = element("button", { type: "button", class: "open", "aria-expanded": "false" }, flow.texts[uidAt]);
      button.addEventListener("click", () => {
        const isOpen = button.getAttribute("aria-expanded") === "true";
        button.setAttribute("aria-expanded", String(!isOpen));
        if (isOpen) flow.opened.remove();
        else flow.row.after(flow.opened ??= opened(flow));
      });
      flow.row.cells[uidAt].replaceChildren(button);
      const picture = flow.texts[0] && byId("flow-" + (flow.index + 1));
      if (picture) {
        flow.row.cells[0].replaceChildren(element("a", { href: "#" + picture.id }, flow.texts[0]));
      }
      flow.row.append(element("td", {}, spark(data.sparks[flow.index])));
      return flow.row;
    }

    function show() {
      const rows = [];
      for (const flow of matching.slice(0, shown)) {
        rows.push(ready(flow));
        if (flow.opened && flow.row.querySelector('[aria-expanded="true"]')) rows.push(flow.opened);
      }
      body.replaceChildren(...rows);
    body.classList.remove("waiting");
      const part = Math.min(shown, matching.length);
      const all = flows.length.toLocaleString("en");
      const count = matching.length.toLocaleString("en");
      byId("count").textContent = (matching.length === flows.length ? all + (flows.length === 1 ? " flow" : " flows")
        : count + " of " + all + " flows") + (part < matching.length ? ", the first " + part.toLocaleString("en") + " shown" : "");
      byId("more").hidden = part === matching.length;
      byId("next").textContent = "Show " + Math.min(STEP, matching.length - part) + " more";
      byId("whole").textContent = "Show all " + count;
    }

    // Filters.

    const pickers = ["Proto", "Verdict"].filter((name) => names.includes(name)).map((name) => {
      const at = names.indexOf(name);
      const values = [...new Set(flows.map((flow) => flow.texts[at]))].sort(collator.compare);
      const select = element("select", {}, element("option", { value: "" }, "any"),
        ...values.map((value) => element("option", { value: "=" + value }, value)));
      byId("pickers").append(element("label", {}, name + " ", select), " ");
      return { at, select };
    });

    function filter() {
      const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean);
      const isAlerted = byId("alerted").checked;
      const wanted = pickers.filter(({ select }) => select.value);
      matching = flows.filter((flow) => words.every((word) => flow.find.includes(word))
        && (!isAlerted || flow.texts[0] !== "")
        && wanted.every(({ at, select }) => "=" + flow.texts[at] === select.value));
      shown = STEP;
      order();
    }

    // Sorting; ties keep the order in which the page came: worst first.

    function order() {
      const { at, isUp } = sorted;
      if (at < 0) {
        matching.sort((a, b) => a.index - b.index);
      } else {
        const kind = kinds[at];
        const sign = isUp ? 1 : -1;
        const compare = kind === "text" ? collator.compare : (a, b) => a - b;
        const keys = new Map(matching.map((flow) => [flow, key(flow.texts[at], kind)]));
        matching.sort((a, b) => sign * compare(keys.get(a), keys.get(b)) || a.index - b.index);
      }
      show();
    }

    function sortBy(at) {
      const isFirst = sorted.at !== at;
      // Numbers and alerts are asked for largest first, names in the order of the alphabet.
      sorted = { at, isUp: isFirst ? kinds[at] === "text" : !sorted.isUp };
      Array.from(head.cells, (cell, i) => {
        if (i === at) cell.setAttribute("aria-sort", sorted.isUp ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      });
      order();
    }

    Array.from(head.cells, (cell, at) => {
      const button = element("button", { type: "button" }, names[at]);
      button.addEventListener("click", () => sortBy(at));
      cell.replaceChildren(button);
    });
    head.append(element("th", { scope: "col", title: "Entropy byte by byte, 0 to 8; dashed: originator" }, "Curves"));
    const form = byId("filter");
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    byId("next").addEventListener("click", () => { shown += STEP; show(); });
    byId("whole").addEventListener("click", () => { shown = Infinity; show(); });
    matching = [...flows];
    show();
  }

  switchTheme();
  if (byId("table")) startTable(byId("table"));
})();
