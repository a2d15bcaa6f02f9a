// Builds elements. Text becomes text nodes and nothing else: what comes over MQTT can never become HTML.

export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return node;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(visible(String(child)));
}

// Signs that are not seen or that turn the reading direction would let a text pretend to be another.
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\ufffd");
}

const ICONS = new Set(["fire", "smoke", "flood", "nest", "drone"]);

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${ICONS.has(name) ? name : name === "hot_spot" ? "fire" : "other"}`);
  svg.append(use);
  return svg;
}

export const $ = (selector) => document.querySelector(selector);

let toastTimer;

export function toast(text, bad = false) {
  const box = $("#toast");
  box.textContent = visible(text);
  box.className = bad ? "shown bad" : "shown";
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.className = ""; }, bad ? 12000 : 4000);
}

// A question that must be answered. Resolves with the form's values, or null.
export function ask({ title, words, fields = [], yes, no, danger = false }) {
  const dialog = $("#dialog");
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      words ? h("div", { class: "words" }, words) : null,
      fields,
      h("div", { class: "row end" },
        no ? h("button", { type: "button", onclick: () => dialog.close("") }, no) : null,
        h("button", { class: danger ? "main danger" : "main", value: "yes" }, yes)));
    dialog.replaceChildren(form);
    dialog.setAttribute("aria-labelledby", "dialog-title");
    dialog.returnValue = "";
    dialog.onclose = () => {
      resolve(dialog.returnValue === "yes" ? Object.fromEntries(new FormData(form)) : null);
      dialog.replaceChildren();
    };
    dialog.showModal();
  });
}
