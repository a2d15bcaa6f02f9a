// One alert with all that is known of it, and the answers that can be given.

import { ask, h, icon, toast } from "./dom.js";
import { post } from "./api.js";
import { age, clock, percent, place, t } from "./texts.js";

// action: key, name, words before it is done (none: done at once), closes the alert.
export const ACTIONS = [
  { action: "acknowledge", key: "a", name: "acknowledge", from: ["open", "updated"] },
  { action: "dispatch", key: "d", name: "dispatch", words: "dispatch_words", from: ["open", "updated", "acknowledged"] },
  { action: "look_again", key: "l", name: "look_again", words: "look_words", from: ["open", "updated", "acknowledged", "dispatched"] },
  { action: "resolve", key: "r", name: "resolve", words: "resolve_words", danger: true, from: ["open", "updated", "acknowledged", "dispatched"] },
  { action: "false_alarm", key: "f", name: "false_alarm_do", words: "false_words", danger: true, from: ["open", "updated", "acknowledged", "dispatched"] },
];

export function possible(alert, role) {
  return role === "viewer" || !alert.open ? [] : ACTIONS.filter((row) => row.from.includes(alert.status));
}

export async function answer(alert, row) {
  let reason = "";
  if (row.words) {
    const said = await ask({
      title: `${t(row.name)}: ${t(alert.hazard)}`,
      words: [h("p", {}, t(row.words)), alert.simulated ? h("p", { class: "exercise" }, t("exercise_words")) : null],
      fields: [h("label", {}, t("note"), h("textarea", { name: "reason", maxlength: 2000, rows: 3 }))],
      yes: t(row.name), no: t("no"), danger: row.danger,
    });
    if (!said) return;
    reason = said.reason;
  }
  const done = await post(`/api/alerts/${encodeURIComponent(alert.alert)}/actions`, { action: row.action, reason });
  toast(done.ok ? t("was_sent") : t("not_sent", done.body.words || t("cannot")), !done.ok);
}

const images = new Map(); // an image that is shown already is not loaded again

function image(alert, kind) {
  const known = alert.pictures?.[kind];
  if (!known) return null;
  const source = `/api/pictures/${encodeURIComponent(alert.alert)}/${kind}?v=${known.version}`;
  if (images.size > 50) images.clear();
  if (!images.has(source)) images.set(source, h("img", { src: source, alt: `${t(kind)}: ${t(alert.hazard)}` }));
  const link = h("a", { href: source, target: "_blank", rel: "noopener" }, images.get(source));
  return h("figure", { class: kind }, link,
    h("figcaption", {}, t(kind === "snapshot" ? "picture" : "thermal"), " ",
      h("span", { class: known.proved ? "good" : "bad", title: t(known.proved ? "proved" : "unproved") }, known.proved ? "✓" : "✗ " + t("unproved"))));
}

export function detail(alert, { role, now, close, flyThere, looks }) {
  const position = alert.position;
  const ellipse = position.error_ellipse;
  const rows = [
    ["place", h("span", {}, place(position), " ", h("button", { class: "plain small", onclick: () => copy(place(position)) }, t("copy")))],
    ["error", `${Math.round(ellipse.semi_major_m)} × ${Math.round(ellipse.semi_minor_m)} m`],
    ["severity", t(alert.severity)],
    ["certainty", `${t(alert.certainty)}, ${t("confidence", percent(alert.confidence))}`],
    ["size", alert.extent_m2 === undefined ? null : `${Math.round(alert.extent_m2).toLocaleString()} m²`],
    ["growth", alert.growth_m2_per_min === undefined ? null : `${Math.round(alert.growth_m2_per_min)} m²/min`],
    ["first_seen", `${clock(alert.first_seen)} · ${age(alert.first_seen, now)}`],
    ["last_seen", `${clock(alert.last_seen)} · ${age(alert.last_seen, now)}`],
    ["nest", alert.nest],
    ["route", [alert.route, alert.inspection_point].filter(Boolean).join(" · ") || null],
    ["weather", alert.weather ? wind(alert.weather) : null],
    ["detector", `${alert.detector.name} ${alert.detector.version} · ${alert.detector.frames_confirmed}/${alert.detector.frames_seen}`],
    ["id", h("code", {}, alert.alert)],
  ];
  const asked = (alert.asked || []).map((one) => h("p", { class: "asked" }, t("sent_by", t(one.action), one.by, clock(one.at))));
  return [
    h("div", { class: `head s-${alert.severity}` },
      icon(alert.hazard), h("h2", {}, t(alert.hazard)), h("span", { class: `status st-${alert.status}` }, t(alert.status)),
      h("button", { class: "plain", onclick: close, "aria-label": t("close") }, "✕")),
    alert.simulated ? h("p", { class: "exercise", role: "note" }, t("exercise"), ": ", t("exercise_words")) : null,
    h("div", { class: "actions" },
      possible(alert, role).map((row) =>
        h("button", { class: row.danger ? "danger" : row.action === "acknowledge" ? "main" : "", "data-action": row.action, "aria-keyshortcuts": row.key,
          onclick: () => answer(alert, row) }, t(row.name), h("kbd", {}, row.key)))),
    asked,
    looks,
    h("div", { class: "pictures" }, image(alert, "snapshot"), image(alert, "thermal"),
      alert.pictures?.snapshot || alert.pictures?.thermal ? null : h("p", { class: "empty" }, t("no_picture"))),
    h("dl", {}, rows.filter(([, value]) => value !== null).map(([name, value]) => [h("dt", {}, t(name)), h("dd", {}, value)])),
    role === "viewer" ? null : h("button", { class: "wide", onclick: flyThere }, t("fly_there")),
    alert.history?.length ? [h("h3", {}, t("who_what")), h("ol", { class: "history" }, [...alert.history].reverse().map(entry))] : null,
  ];
}

function entry(one) {
  return h("li", {}, h("time", {}, clock(one.at)), " ", h("b", {}, t(one.status)), " · ", one.by, one.reason ? h("q", {}, one.reason) : null);
}

function wind(weather) {
  return `${weather.wind_m_s.toFixed(1)} m/s ← ${Math.round(weather.wind_from_deg)}° · ${Math.round(weather.temp_c)} °C · ${percent(weather.humidity)}`;
}

async function copy(text) {
  await navigator.clipboard?.writeText(text);
  toast(t("copied"));
}
