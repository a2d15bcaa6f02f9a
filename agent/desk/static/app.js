// The page: login, the stream, what is shown where, and the keys.

import { alertList } from "./alerts.js";
import { get, keep, listen, post } from "./api.js";
import { ACTIONS, answer, detail, possible } from "./detail.js";
import { $, ask, h, toast, visible } from "./dom.js";
import { draft, flightPanel, one as requestCard } from "./flights.js";
import { makeMap } from "./map.js";
import { pastPanel } from "./past.js";
import * as sound from "./sound.js";
import { apply, connection, empty, openAlerts, unanswered, whole } from "./state.js";
import { clock, t, toggleLanguage } from "./texts.js";

const desk = {
  session: null, state: empty(), map: null, selected: null, shown: "alerts", serverLost: null, skewMs: 0, historyTrouble: "", aside: false,
  now: () => Date.now() + desk.skewMs,
  render: () => render(),
  side: (content) => fill($("#side"), content),
  view,
  toMap: () => { if (narrow.matches) view("map"); },
};
const narrow = matchMedia("(max-width: 720px)");
let stop = null;
let pending = false;

// Showing

function render() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; draw(); });
}

function draw() {
  words();
  if (!desk.session) return;
  trouble();
  const waiting = unanswered(desk.state);
  document.title = waiting.length ? `(${waiting.length}) ${t(waiting[0].hazard)} – Nest desk` : "Nest desk";
  for (const [name, text] of [["alerts", `${t("alerts")} (${openAlerts(desk.state).length})`], ["map", t("map")], ["flights", t("flights")], ["history", t("history")]]) {
    const tab = $(`#tab-${name}`);
    tab.textContent = text;
    tab.setAttribute("aria-selected", String(desk.shown === name));
    tab.classList.toggle("calls", name === "alerts" && waiting.length > 0);
  }
  $("#desk").dataset.view = desk.shown;
  if (desk.shown === "alerts") desk.side(alertList(desk.state, { selected: desk.selected, select, now: desk.now() }));
  if (desk.shown === "flights" && !typing()) desk.side(flightPanel(desk.state, desk));
  detailPanel();
  desk.map?.show(desk.state, desk.selected);
}

// A form that somebody is filling in is not built anew under his hands.
function typing() {
  return $("#side").contains(document.activeElement) && ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName)
    && document.activeElement.type !== "radio";
}

function fill(box, content) {
  const key = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const top = box.scrollTop;
  box.replaceChildren(...[content].flat(Infinity).filter(Boolean));
  box.scrollTop = top;
  if (key) box.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

function words() {
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-do=language]")) node.textContent = t("other_language");
  $("[data-do=logout]").textContent = t("log_out");
  const heard = sound.state();
  const button = $("[data-do=sound]");
  button.textContent = t(heard === "blocked" ? "press_sound" : heard === "on" ? "sound_on" : "sound_off");
  button.classList.toggle("calls", heard === "blocked");
  if (desk.session) $("#department").textContent = `${visible(desk.session.department)}`;
}

function trouble() {
  const at = connection(desk.state, desk.serverLost);
  const box = $("#trouble");
  const link = $("#link");
  const first = !desk.state.told && !desk.serverLost;
  const starting = !at.ok && desk.state.links.get("hub")?.code === "hub.connecting";
  link.className = at.ok ? "good" : "bad";
  link.textContent = at.ok ? t("connected") : t(first || starting ? "connecting" : at.what === "server" ? "lost_server" : "lost_hub");
  const lost = !at.ok && !first && !starting;
  document.body.classList.toggle("old", lost);
  const lines = lost ? [h("strong", {}, t(at.what === "server" ? "lost_server" : "lost_hub")), " ", t("since", clock(at.since)), h("br"), t("old"),
    at.words ? h("small", {}, " ", at.words) : null] : desk.historyTrouble ? [t("history_trouble", desk.historyTrouble)] : [];
  const text = lines.map((line) => (line instanceof Node ? line.textContent : line ?? "")).join("");
  if (box.dataset.said !== text) {
    box.dataset.said = text;
    box.replaceChildren(...lines.filter(Boolean));
    box.hidden = !lines.length;
    box.className = lost ? "lost" : "warning";
  }
}

function detailPanel() {
  const alert = desk.state.alerts.get(desk.selected);
  const box = $("#detail");
  box.hidden = !alert || desk.aside || desk.shown === "flights" || desk.shown === "history";
  $("#desk").classList.toggle("detailed", !box.hidden);
  if (!box.hidden) {
    fill(box, detail(alert, { role: desk.session.role, now: desk.now(), close: () => select(null), flyThere: () => flyThere(alert), looks: looks(alert) }));
    box.setAttribute("aria-label", t(alert.hazard));
  }
}

// Looks that were asked for at this alert, the newest first.
function looks(alert) {
  return [...desk.state.requests].filter(([, request]) => request.body?.action && request.body.alert === alert.alert).reverse()
    .map(([key, request]) => requestCard(key, request, [...desk.state.flights.values()], desk));
}

function view(name) {
  desk.aside = narrow.matches; // on a phone the alert would cover what was asked for
  desk.shown = name;
  if (name === "history") pastPanel(desk).then((content) => { if (desk.shown === "history") desk.side(content); });
  if (document.activeElement?.closest("#side")) document.activeElement.blur();
  render();
}

function select(key) {
  desk.selected = key;
  desk.aside = false;
  const alert = desk.state.alerts.get(key);
  if (alert) { desk.map?.goTo(alert); $("#detail").scrollTop = 0; }
  if (desk.shown === "flights" || desk.shown === "history") desk.shown = "alerts";
  render();
}

function flyThere(alert) {
  Object.assign(draft, { nest: alert.nest, target: "point", points: [[alert.position.lon, alert.position.lat]] });
  desk.map.outline("point", draft.points);
  view("flights");
}

// The stream

function begin() {
  stop = listen({
    everything: (all) => {
      const before = desk.state;
      desk.state = whole(all);
      desk.serverLost = null;
      desk.skewMs = all.now * 1000 - Date.now();
      const missed = before.told ? unanswered(desk.state).filter((alert) => !before.alerts.has(alert.alert)) : unanswered(desk.state);
      call(missed.map((alert) => ({ what: "new", alert })));
      render();
    },
    changes: (changes) => {
      call(apply(desk.state, changes));
      desk.serverLost = null;
      if (changes.some((change) => change.kind === "link" && !change.value.connected)) sound.chime("again");
      render();
    },
    alive: ({ now, history }) => {
      desk.skewMs = now * 1000 - Date.now();
      desk.historyTrouble = history;
      if (desk.serverLost) desk.serverLost = null;
      render();
    },
    lost: () => {
      if (!desk.serverLost) { desk.serverLost = new Date().toISOString(); sound.chime("again"); render(); }
    },
    ended: () => { leave(); $("#login-trouble").textContent = t("logged_out"); },
  });
}

function call(news) {
  if (!news.length) return;
  sound.chime(news.some((one) => one.what === "new") ? "new" : "again");
  const { alert } = news[0];
  $("#said").textContent = t("new_alert", t(alert.hazard), visible(alert.nest));
}

async function enter(session) {
  desk.session = session;
  keep(session);
  $("#login").hidden = true;
  $("#desk").hidden = false;
  draw();
  begin();
  desk.map = await makeMap(session.map, select);
  render();
}

function leave() {
  stop?.();
  stop = null;
  desk.map?.map.remove();
  Object.assign(desk, { session: null, state: empty(), map: null, selected: null, shown: "alerts", serverLost: null });
  $("#desk").hidden = true;
  $("#trouble").hidden = true;
  $("#login").hidden = false;
  document.title = "Nest desk";
  words();
}

// What people do

const DO = {
  language: () => { toggleLanguage(); if (desk.shown === "history") view("history"); render(); },
  sound: () => { sound.toggle(); setTimeout(render, 100); },
  help: () => ask({
    title: t("help_title"),
    words: h("dl", { class: "keys" }, [
      ["j k ↓ ↑", t("k_move")], ...ACTIONS.map((row) => [row.key, t(row.name)]),
      ["1 2 3 4", [t("alerts"), t("map"), t("flights"), t("history")].join(", ")], ["n", t("ask_flight")], ["s", t("sound_on")],
      ["Esc", t("k_close")], ["?", t("k_help")],
    ].map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])),
    yes: t("close"),
  }),
  logout: async () => { await post("/api/logout"); leave(); },
};

function move(step) {
  const keys = openAlerts(desk.state).map((alert) => alert.alert);
  if (!keys.length) return;
  const at = keys.indexOf(desk.selected);
  select(keys[at < 0 ? 0 : Math.min(keys.length - 1, Math.max(0, at + step))]);
}

const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), "?": DO.help, s: DO.sound,
  1: () => view("alerts"), 2: () => view("map"), 3: () => view("flights"), 4: () => view("history"), n: () => view("flights"),
  Escape: () => (desk.map?.drawing ? desk.map.stop(null) : select(null)),
};

document.addEventListener("keydown", (event) => {
  if (!desk.session || $("#dialog").open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) return;
  if (event.key.startsWith("Arrow") && event.target.closest("#map")) return;
  const alert = desk.state.alerts.get(desk.selected);
  const row = alert && possible(alert, desk.session.role).find((one) => one.key === event.key);
  if (row && !event.repeat) answer(alert, row);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  sound.touched();
  const button = event.target.closest("[data-do]");
  if (button && DO[button.dataset.do]) DO[button.dataset.do]();
  const tab = event.target.closest("[data-view]");
  if (tab && tab.role === "tab") view(tab.dataset.view);
});

$("#login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  sound.touched();
  const done = await post("/api/login", Object.fromEntries(new FormData(event.target)));
  const said = done.status === 429 ? t("wait", done.body.wait_s) : done.status === 401 ? t("wrong_login") : t("cannot");
  $("#login-trouble").textContent = done.ok ? "" : said;
  if (done.ok) { event.target.reset(); enter(done.body); }
});

setInterval(render, 10000);
words();
const session = await get("/api/session");
if (session.ok) enter(session.body);
else { $("#login").hidden = false; words(); if (!session.status) toast(t("cannot"), true); }
