// The list of alerts.

import { h, icon } from "./dom.js";
import { closedAlerts, openAlerts, UNANSWERED } from "./state.js";
import { age, clock, percent, t } from "./texts.js";

const SHOWN = 200;
const CLOSED_SHOWN = 8;

export function alertList(state, { selected, select, now }) {
  const open = openAlerts(state);
  const closed = closedAlerts(state).slice(0, CLOSED_SHOWN);
  return [
    nestChips(state),
    h("div", { class: "list", role: "listbox", "aria-label": t("alerts"), id: "alert-list" },
      open.length ? null : h("p", { class: "empty" }, t(state.told ? "none_open" : "not_yet")),
      open.slice(0, SHOWN).map((alert) => card(alert, { selected, select, now })),
      open.length > SHOWN ? h("p", { class: "empty" }, t("and_more", open.length - SHOWN)) : null,
      closed.length ? h("h2", {}, t("closed_lately")) : null,
      closed.map((alert) => card(alert, { selected, select, now }))),
  ];
}

export function card(alert, { selected, select, now }) {
  const waiting = alert.open && UNANSWERED.has(alert.status);
  return h("button", {
    class: `card s-${alert.severity} ${waiting ? "waiting" : ""} ${alert.open ? "" : "closed"}`,
    role: "option", "aria-selected": alert.alert === selected ? "true" : "false",
    "data-key": alert.alert, onclick: () => select(alert.alert),
  },
  icon(alert.hazard),
  h("span", { class: "what" },
    h("strong", {}, t(alert.hazard)), " ", h("span", { class: "where" }, alert.inspection_point || alert.route || "")),
  h("span", { class: `status st-${alert.status}` }, t(alert.status)),
  h("span", { class: "how" },
    alert.simulated ? h("b", { class: "exercise" }, t("exercise")) : null,
    `${t(alert.certainty)} · ${percent(alert.confidence)} · ±${Math.round(alert.position.error_ellipse.semi_major_m)} m · ${alert.nest}`),
  h("time", { datetime: alert.last_seen, title: clock(alert.last_seen) }, age(alert.last_seen, now)),
  alert.asked?.length ? h("span", { class: "asked" }, t("was_sent")) : null);
}

export function nestChips(state) {
  const nests = [...state.nests.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  if (!nests.length) return null;
  return h("ul", { class: "nests", "aria-label": t("nests") }, nests.map(([name, nest]) => {
    const status = nest.status || {};
    const reasons = (status.reasons || []).map((reason) => reason.words).join("\n");
    return h("li", { class: `nest n-${status.state || "unknown"}`, title: reasons || null },
      icon("nest"), h("b", {}, name), " ", t(status.state || "unknown"),
      typeof status.battery === "number" ? h("small", {}, " ", percent(status.battery)) : null);
  }));
}
