// Asking for flights, and following each request to its end.

import { post } from "./api.js";
import { ask, h, toast } from "./dom.js";
import { requestState } from "./state.js";
import { clock, percent, t } from "./texts.js";

const EXPIRES_MIN = [30, 60, 180, 720];

// What is being asked for; it lives as long as the page, so that a look at the map does not lose it.
export const draft = { nest: "", target: "area", route: "", points: [], scenario: "", priority: "routine", height: 60, minutes: 60, on_detection: "" };

export function flightPanel(state, desk) {
  return [desk.session.role === "viewer" ? h("p", { class: "empty" }, t("role_viewer")) : form(state, desk), requests(state, desk), others(state)];
}

function form(state, desk) {
  const nests = [...state.nests.keys()].sort();
  if (!nests.length) return h("p", { class: "empty" }, t("no_nest"));
  if (!nests.includes(draft.nest)) draft.nest = nests.find((name) => ["ready", "flying"].includes(state.nests.get(name).status?.state)) || nests[0];
  const routes = desk.session.routes[draft.nest] || [];
  if (!desk.session.scenarios.includes(draft.scenario)) draft.scenario = desk.session.scenarios[0];
  const set = (name, redraw = true) => (event) => { draft[name] = event.target.value; if (redraw) desk.render(); };
  const options = (values, chosen, name = t) => values.map((value) => h("option", { value, selected: value === chosen }, name(value)));
  const kinds = ["route", "area", "line", "point"];
  return h("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); send(desk, routes); } },
    h("h2", {}, t("ask_flight")),
    h("label", {}, t("nest"), h("select", { name: "nest", onchange: set("nest") },
      options(nests, draft.nest, (name) => `${name} (${t(state.nests.get(name).status?.state || "unknown")})`))),
    h("fieldset", { class: "kinds" }, h("legend", {}, t("target")), kinds.map((kind) =>
      h("label", { class: "pick" }, h("input", { type: "radio", name: "target", value: kind, checked: kind === draft.target,
        onchange: () => { draft.target = kind; draft.points = []; desk.map.outline("", []); desk.render(); } }), h("span", {}, t(`t_${kind}`))))),
    draft.target === "route"
      ? routes.length
        ? h("label", {}, t("t_route"), h("select", { name: "route", onchange: set("route") },
          routes.map((route) => h("option", { value: route.id, selected: route.id === draft.route }, route.title || route.id))))
        : h("p", { class: "empty" }, t("no_route"))
      : h("div", { class: "row" }, h("button", { type: "button", "data-do": "draw", onclick: () => draw(desk) }, t("draw")), h("span", {}, drawn())),
    draft.target === "route" ? null : h("div", { class: "two" },
      h("label", {}, t("scenario"), h("select", { name: "scenario", onchange: set("scenario", false) }, options(desk.session.scenarios, draft.scenario))),
      h("label", {}, t("height"), h("input", { name: "height", type: "number", min: 10, max: 150, step: 5, value: draft.height, required: true, oninput: set("height", false) }))),
    h("div", { class: "two" },
      h("label", {}, t("priority"), h("select", { name: "priority", onchange: set("priority", false) }, options(["routine", "elevated", "emergency"], draft.priority))),
      h("label", {}, t("expires"), h("select", { name: "minutes", onchange: set("minutes", false) },
        options(EXPIRES_MIN, Number(draft.minutes), (value) => (value < 60 ? t("minutes", value) : t("hours", value / 60)))))),
    h("label", {}, t("on_detection"), h("select", { name: "on_detection", onchange: set("on_detection", false) },
      ["", "report", "investigate"].map((value) => h("option", { value, selected: value === draft.on_detection }, t(value || "as_configured"))))),
    h("button", { class: "main wide" }, t("check")));
}

function drawn() {
  if (!draft.points.length) return t("drawn_none");
  if (draft.target === "point") return `${draft.points[0][1].toFixed(5)}, ${draft.points[0][0].toFixed(5)}`;
  return t("drawn_area", draft.points.length);
}

async function draw(desk) {
  const kind = draft.target;
  desk.toMap();
  const points = await desk.map.draw(kind);
  if (points) draft.points = points;
  desk.map.outline(kind, draft.points);
  desk.view("flights");
}

function target(routes) {
  const height_agl_m = Number(draft.height);
  const points = draft.points;
  if (draft.target === "route") {
    const route = routes.find((one) => one.id === draft.route) || routes[0];
    return route && { scenario: route.scenario, route: route.id };
  }
  if (draft.target === "point") {
    return points.length === 1 && { scenario: draft.scenario, point: { lat: points[0][1], lon: points[0][0], height_agl_m } };
  }
  if (draft.target === "line") {
    return points.length > 1 && { scenario: draft.scenario, line: { line: { type: "LineString", coordinates: points }, height_agl_m } };
  }
  return points.length > 2 && { scenario: draft.scenario, area: { polygon: { type: "Polygon", coordinates: [[...points, points[0]]] }, height_agl_m } };
}

async function send(desk, routes) {
  const wanted = target(routes);
  if (!wanted) { toast(t("needs_target"), true); return; }
  const fields = { ...wanted, priority: draft.priority };
  if (draft.on_detection) fields.on_detection = draft.on_detection;
  const said = await ask({
    title: t("ask_flight"),
    words: [
      h("p", { class: "warn" }, t("request_words")),
      draft.priority === "emergency" ? h("p", { class: "warn" }, t("emergency_words")) : null,
      h("p", {}, `${draft.nest} · ${t(`t_${draft.target}`)} · ${wanted.route || drawn()} · ${t(draft.priority)}`)],
    yes: t("send"), no: t("no"), danger: draft.priority === "emergency",
  });
  if (!said) return;
  const done = await post("/api/requests", { nest: draft.nest, fields, expires_in_s: Number(draft.minutes) * 60 });
  toast(done.ok ? t("waiting") : t("not_sent", done.body.words || t("cannot")), !done.ok);
  if (done.ok) { draft.points = []; desk.map.outline("", []); desk.render(); }
}

function requests(state, desk) {
  const all = [...state.requests.entries()].reverse();
  const flights = [...state.flights.values()];
  return h("section", { class: "list" }, h("h2", {}, t("requests")),
    all.length ? all.map(([key, request]) => one(key, request, flights, desk)) : h("p", { class: "empty" }, t("none_asked")));
}

export function one(key, request, flights, desk) {
  const at = requestState(request, flights);
  const body = request.body || {};
  const kind = ["route", "area", "line", "point"].find((name) => body[name]);
  const seen = at.flight?.points_seen ?? at.last?.points_seen;
  const total = at.flight?.points_total ?? at.last?.points_total;
  const word = at.word === "done" && at.outcome ? at.outcome : at.word;
  const mine = desk.session.role !== "viewer";
  return h("article", { class: `request r-${word}`, "data-request": key },
    h("div", { class: "row" },
      h("b", {}, kind ? t(`t_${kind}`) : body.action ? t(body.action) : key.slice(-6), body.route ? ` ${body.route}` : ""), h("span", {}, request.nest),
      h("span", { class: "status" }, t(word))),
    h("small", {}, [body.by, request.at && clock(request.at), body.priority && t(body.priority)].filter(Boolean).join(" · ")),
    at.last?.queue_place && !at.ended && at.word === "accepted" ? h("p", {}, t("queue", at.last.queue_place)) : null,
    at.last?.earliest_start && at.word === "accepted" ? h("p", {}, t("earliest", clock(at.last.earliest_start))) : null,
    total ? [h("progress", { max: total, value: seen || 0, "aria-label": t("points", seen || 0, total) }), h("small", {}, t("points", seen || 0, total))] : null,
    (at.last?.reasons || []).map((reason) => h("p", { class: "reason" }, reason.words, " ", h("code", {}, reason.code))),
    request.trouble ? h("p", { class: "reason bad" }, request.trouble) : null,
    request.cancelled_by && !at.ended ? h("p", {}, t("taking_back", request.cancelled_by)) : null,
    mine && !at.ended ? h("div", { class: "row" },
      ["failed", "waiting"].includes(at.word) ? h("button", { class: "small", onclick: () => act(key, "again") }, t("again")) : null,
      h("button", { class: "small danger", onclick: () => takeBack(key) }, t("take_back"))) : null);
}

async function takeBack(key) {
  if (await ask({ title: t("take_back"), words: t("take_back_words"), yes: t("take_back"), no: t("no"), danger: true })) await act(key, "cancel");
}

async function act(key, what) {
  const done = await post(`/api/requests/${encodeURIComponent(key)}/${what}`);
  toast(done.ok ? t("was_sent") : t("not_sent", done.body.words || t("cannot")), !done.ok);
}

function others(state) {
  const reports = [...state.flights.values()].sort((a, b) => (a.started_at < b.started_at ? 1 : -1)).slice(0, 20);
  if (!reports.length) return null;
  return h("section", { class: "list" }, h("h2", {}, t("other_flights")), reports.map((report) =>
    h("article", { class: `request r-${report.outcome}` },
      h("div", { class: "row" }, h("b", {}, report.route), h("span", {}, report.nest), h("span", { class: "status" }, t(report.outcome))),
      h("small", {}, `${clock(report.started_at)} · ${t("points", report.points_seen, report.points_total)}`,
        report.points_total ? ` · ${percent(report.points_seen / report.points_total)}` : ""),
      (report.reasons || []).map((reason) => h("p", { class: "reason" }, reason.words)))));
}
