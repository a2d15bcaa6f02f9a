// The history: what was written down, the newest first, and all messages of one alert.

import { get } from "./api.js";
import { card } from "./alerts.js";
import { h } from "./dom.js";
import { clock, percent, t } from "./texts.js";

export async function pastPanel(desk, { before, subject } = {}) {
  const path = subject ? `/api/history/alert/${encodeURIComponent(subject)}` : `/api/history/alert${before ? `?before=${before}` : ""}`;
  const found = await get(path);
  if (!found.ok) return [h("p", { class: "empty" }, found.body.words || t("cannot"))];
  return subject ? ofOne(desk, found.body) : all(desk, found.body);
}

function all(desk, rows) {
  const show = (options) => async () => desk.side(await pastPanel(desk, options));
  return [
    h("div", { class: "list" },
      h("h2", {}, t("history")),
      rows.length ? null : h("p", { class: "empty" }, t("none_past")),
      rows.map((row) => card({ ...row.body, nest: row.nest, open: false }, { select: (key) => show({ subject: key })(), now: desk.now() })),
      rows.length === 50 ? h("button", { class: "wide", onclick: show({ before: rows.at(-1).unix_s }) }, t("older")) : null),
  ];
}

function ofOne(desk, rows) {
  return [
    h("div", { class: "list" },
      h("button", { class: "small", onclick: async () => desk.side(await pastPanel(desk)) }, t("back")),
      rows.map(({ unix_s, body }) => h("article", { class: "request" },
        h("div", { class: "row" }, h("b", {}, `${t(body.hazard)} #${body.sequence}`), h("span", { class: "status" }, t(body.status))),
        h("small", {}, `${clock(unix_s * 1000)} · ${t(body.certainty)} ${percent(body.confidence)}`),
        body.history?.length ? h("p", {}, `${body.history.at(-1).by}: ${body.history.at(-1).reason || t(body.history.at(-1).status)}`) : null))),
  ];
}
