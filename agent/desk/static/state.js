// What the page knows. Pure: events in, state out; no DOM, no network.

export const KINDS = { alert: "alerts", nest: "nests", flight: "flights", request: "requests", link: "links" };
export const UNANSWERED = new Set(["open", "updated"]);
const SEVERITY = { Extreme: 0, Severe: 1, Moderate: 2, Minor: 3, Unknown: 4 };

export function empty() {
  return { alerts: new Map(), nests: new Map(), flights: new Map(), requests: new Map(), links: new Map(), told: false };
}

// Replaces everything; used when the page connects.
export function whole(everything) {
  const state = empty();
  for (const [kind, name] of Object.entries(KINDS)) state[name] = new Map(Object.entries(everything[kind] || {}));
  state.told = true;
  return state;
}

// Applies changes in place and returns the news that a person must hear: new alerts, and unanswered ones that came again.
export function apply(state, changes) {
  const news = [];
  for (const { kind, key, value } of changes) {
    const held = state[KINDS[kind]];
    if (!held) continue;
    const before = held.get(key);
    if (value === null) held.delete(key);
    else held.set(key, value);
    if (kind === "alert" && value) news.push(...heard(before, value));
  }
  return news;
}

function heard(before, alert) {
  if (!alert.open || !UNANSWERED.has(alert.status)) return [];
  if (!before || !before.open) return [{ what: "new", alert }];
  return alert.sequence > before.sequence ? [{ what: "again", alert }] : [];
}

export function openAlerts(state) {
  return [...state.alerts.values()].filter((alert) => alert.open).sort(order);
}

export function closedAlerts(state) {
  return [...state.alerts.values()].filter((alert) => !alert.open).sort((a, b) => (a.heard_at < b.heard_at ? 1 : -1));
}

export function unanswered(state) {
  return openAlerts(state).filter((alert) => UNANSWERED.has(alert.status));
}

// Unanswered first, then by severity, then the newest.
function order(a, b) {
  return (!UNANSWERED.has(a.status) - !UNANSWERED.has(b.status))
    || ((SEVERITY[a.severity] ?? 4) - (SEVERITY[b.severity] ?? 4))
    || (a.last_seen < b.last_seen ? 1 : -1);
}

// The hub's link as it is for the page; a page without its server knows nothing of the hub.
export function connection(state, serverLost) {
  const hub = state.links.get("hub");
  if (serverLost) return { ok: false, what: "server", since: serverLost };
  if (!hub || !hub.connected) return { ok: false, what: "hub", since: hub?.since, words: hub?.words || "" };
  return { ok: true, what: "hub", since: hub.since };
}

// Where a request stands, from its delivery, its answers and the report of its flight.
export function requestState(request, flights) {
  const last = request.replies?.at(-1);
  const flight = flights.find((report) => report.request && report.request === last?.request);
  if (!last) return { word: request.delivery === "failed" ? "failed" : request.delivery === "sending" ? "sending" : "waiting", flight };
  return { word: last.answer, outcome: last.outcome, last, flight, ended: last.answer === "refused" || last.answer === "done" };
}
